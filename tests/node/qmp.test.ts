/** QMP as a program of somebody else meets it: sockets, clients that come and go, answers of any length. */
import { truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ANSWER_MS, eventually, type Run } from '../support/program.ts';
import { programRuns, WAITING } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const { at, start } = programRuns(...WAITING);
let sockets = 0;

/** A machine that waits, with QMP on a socket. */
function withQmp(...args: string[]): { readonly run: Run; readonly path: string } {
  const name = `qmp${sockets++}`;
  const run = start('-qmp', `unix:${name},server=on,wait=off`, ...args);
  return { run, path: at(name) };
}

async function negotiated(path: string): Promise<QmpClient> {
  const client = await QmpClient.connect(path);
  await client.greeting();
  await client.ask('qmp_capabilities');
  return client;
}

describe('one client', () => {
  it('is greeted, negotiates, asks, hears of events, and ends the machine', async () => {
    const { run, path } = withQmp('-name', 'guest=lesson');
    const client = await QmpClient.connect(path);
    const { QMP } = await client.greeting();
    expect(QMP).toEqual({
      version: { qemu: { major: 7, minor: 2, micro: expect.any(Number) }, package: expect.any(String) },
      capabilities: ['oob'],
    });
    expect((await client.run('query-status')).error?.class).toBe('CommandNotFound');
    expect(await client.ask('qmp_capabilities', { enable: ['oob'] })).toEqual({});
    expect(await client.ask('query-name')).toEqual({ name: 'lesson' });
    const before = Date.now() / 1000;
    expect(await client.ask('cont')).toEqual({});
    const { timestamp } = await client.event('RESUME');
    expect(Math.abs((timestamp?.seconds ?? 0) - before)).toBeLessThan(60);
    expect(timestamp?.microseconds).toBeLessThan(1_000_000);
    expect(await client.ask('stop')).toEqual({});
    await client.event('STOP');
    expect(await client.ask('quit')).toEqual({});
    expect((await client.event('SHUTDOWN')).data).toEqual({ guest: false, reason: 'host-qmp-quit' });
    expect(await run.ended).toBe(0);
    await eventually(
      () => client.isClosed,
      ANSWER_MS,
      () => 'the end of the connection',
    );
  });

  it('hears nothing after its quit; a machine that waits may have less memory than the guest image needs', async () => {
    const run = start('-m', '64', '-qmp', 'stdio');
    run.type('{"execute":"qmp_capabilities"}{"execute":"query-status"}');
    await run.until('"prelaunch"');
    // QEMU: what comes after it in the same packet is not carried out.
    run.type('{"execute":"quit"}{"execute":"query-status"}{"execute":"cont"}');
    expect(await run.ended).toBe(0);
    const said = run.stdout.split('\r\n').filter((line) => line.startsWith('{'));
    expect(said.map((line) => Object.keys(JSON.parse(line)).at(-1))).toEqual(['data', 'return']);
    expect(run.stderr).toBe(
      'hotslot-system-x86_64: warning: the guest image does not fit into this memory: the machine has nothing to start\n',
    );
  });

  it('may send single bytes, and many requests at once', async () => {
    const { path } = withQmp();
    const client = await negotiated(path);
    for (const character of '{"execute": "query-target", "id": "ä"}') {
      client.send(character);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await client.next(({ id }) => id === 'ä')).return).toEqual({ arch: 'x86_64' });
    const many = Array.from({ length: 500 }, (_, id) => JSON.stringify({ execute: 'query-kvm', id }));
    client.send(many.join(''));
    for (let wanted = 0; wanted < 500; wanted++) {
      // In the order in which they were asked.
      expect((await client.next(({ id }) => typeof id === 'number')).id).toBe(wanted);
    }
  });

  it('takes answers of any length in one line', async () => {
    const { path } = withQmp();
    const client = await negotiated(path);
    expect(await client.ask('query-qmp-schema')).toContainEqual(
      expect.objectContaining({ name: 'query-status', 'meta-type': 'command' }),
    );
    const id = 'x'.repeat(200_000);
    client.send(JSON.stringify({ execute: 'query-kvm', id }));
    expect((await client.next((message) => message.id === id)).return).toBeDefined();
    expect(client.longest).toBeGreaterThan(200_000);
  });

  it('plugs a disk by typed arguments', async () => {
    const { path } = withQmp();
    writeFileSync(at('disk'), '');
    truncateSync(at('disk'), 1 << 20);
    const client = await negotiated(path);
    const line = 'drive_add 0 if=none,file=disk,format=raw,id=d1';
    expect(await client.ask('human-monitor-command', { 'command-line': line })).toBe('OK\r\n');
    expect(
      await client.ask('device_add', {
        driver: 'virtio-blk-pci',
        id: 'v',
        drive: 'd1',
        bootindex: undefined,
      }),
    ).toEqual({});
    expect(await client.ask('query-block')).toEqual([
      expect.objectContaining({ device: 'd1', qdev: '/machine/peripheral/v/virtio-backend' }),
    ]);
    await expect(client.ask('device_add', { driver: 'virtio-blk-pci', id: 'v' })).rejects.toThrow(
      "Duplicate device ID 'v'",
    );
  });
});

describe('several clients', () => {
  it('come one after another on one socket; nothing of the last is left', async () => {
    const { path } = withQmp();
    const first = await negotiated(path);
    first.send('{"execute": "query-kvm"');
    first.socket.destroy();
    const second = await QmpClient.connect(path);
    await second.greeting();
    expect((await second.run('query-kvm')).error?.class).toBe('CommandNotFound');
    expect(await second.ask('qmp_capabilities')).toEqual({});
    expect(await second.ask('query-kvm')).toEqual({ enabled: false, present: true });
  });

  it('hear of the same events on their own sockets, and one cannot take the id of the other', async () => {
    const other = `qmp${sockets++}`;
    const { path } = withQmp('-qmp', `unix:${other},server=on,wait=off`);
    const clients = [await negotiated(path), await negotiated(at(other))];
    const made = await Promise.all(
      clients.map((client) =>
        client.run('object-add', { 'qom-type': 'memory-backend-ram', id: 'm', size: 4096 }),
      ),
    );
    expect(made.map(({ error }) => error === undefined).sort()).toEqual([false, true]);
    await clients[0]?.ask('system_reset');
    for (const client of clients) {
      expect((await client.event('RESET')).data).toEqual({ guest: false, reason: 'host-qmp-system-reset' });
    }
  });

  it('that do not read, or leave in the middle, hold up nobody else', async () => {
    const other = `qmp${sockets++}`;
    const { path } = withQmp('-qmp', `unix:${other},server=on,wait=off`);
    const deaf = await negotiated(path);
    deaf.socket.pause();
    for (let n = 0; n < 200; n++) deaf.send('{"execute":"query-qmp-schema"}');
    const client = await negotiated(at(other));
    for (let n = 0; n < 20; n++) expect(await client.ask('query-kvm')).toBeDefined();
    deaf.socket.destroy();
    const next = await negotiated(path);
    expect(await next.ask('query-target')).toEqual({ arch: 'x86_64' });
  });

  it('come and go a hundred times', async () => {
    const { path } = withQmp();
    for (let n = 0; n < 100; n++) {
      const client = await QmpClient.connect(path);
      await client.greeting();
      if (n % 3 === 0) client.send('{"execute":"qmp_capabilities"}{"exec');
      client.socket.destroy();
    }
    const client = await negotiated(path);
    expect(await client.ask('query-kvm')).toBeDefined();
  });
});

describe('-preconfig', () => {
  it('waits for x-exit-preconfig: devices of the command line may use what was made meanwhile', async () => {
    const { path } = withQmp('-preconfig', '-device', 'virtio-rng-pci,id=v,rng=r');
    const client = await negotiated(path);
    await expect(client.ask('query-pci')).rejects.toThrow(
      "The command 'query-pci' is permitted only after machine initialization has completed",
    );
    expect(await client.ask('object-add', { 'qom-type': 'rng-builtin', id: 'r' })).toEqual({});
    expect(await client.ask('qom-list', { path: '/machine/peripheral' })).toHaveLength(1);
    expect(await client.ask('x-exit-preconfig')).toEqual({});
    expect(await client.ask('qom-get', { path: '/machine/peripheral/v', property: 'rng' })).toBe(
      '/objects/r',
    );
    expect(await client.ask('query-status')).toMatchObject({ status: 'prelaunch' });
  });

  it('ends the program when the machine cannot be completed', async () => {
    const { run, path } = withQmp('-preconfig', '-device', 'virtio-rng-pci,rng=nosuch');
    const client = await negotiated(path);
    client.send('{"execute":"x-exit-preconfig"}');
    expect(await run.ended).toBe(1);
    expect(run.stderr).toBe(
      "hotslot-system-x86_64: -device virtio-rng-pci,rng=nosuch: Device 'nosuch' not found\n",
    );
    expect(client.messages).toEqual([]);
  });
});

describe('-mon and -qmp-pretty', () => {
  it('put QMP on a character device that has a name', async () => {
    const name = `qmp${sockets++}`;
    start('-chardev', `socket,id=c,path=${name},server=on,wait=off`, '-mon', 'chardev=c,mode=control');
    const client = await negotiated(at(name));
    expect(await client.ask('query-chardev')).toContainEqual(
      expect.objectContaining({ label: 'c', 'frontend-open': true }),
    );
    const { error } = await client.run('chardev-remove', { id: 'c' });
    expect(error?.desc).toBe("Chardev 'c' is busy");
  });

  it('print answers over several lines for people', async () => {
    const run = start('-qmp-pretty', 'stdio');
    const told = '    "QMP": {\r\n        "version": {\r\n';
    await eventually(
      () => run.stdout.includes(told),
      ANSWER_MS,
      () => run.stdout,
    );
    expect(run.stdout.startsWith('{\r\n')).toBe(true);
  });
});
