/** The program as QEMU's own tests start it: it is the client of two sockets, one for the protocol of qtest, one for QMP. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ANSWER_MS, eventually, type Run } from '../support/program.ts';
import { programRuns } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const { at, start } = programRuns();
const servers: Server[] = [];
let started = 0;

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Waits for one client at a path. */
function accepted(path: string): Promise<Socket> {
  return new Promise((resolve) => {
    const server = createServer((socket) => resolve(socket));
    server.listen(path);
    servers.push(server);
  });
}

/** The test's side of the protocol of qtest. */
class QtestClient {
  readonly lines: string[] = [];
  readonly #socket: Socket;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      const lines = (this.#text + bytes.toString('latin1')).split('\n');
      this.#text = lines.pop() ?? '';
      this.lines.push(...lines);
    });
    socket.on('error', () => {});
  }

  /** Gives a line; all that is said up to its answer. */
  async say(line: string): Promise<readonly string[]> {
    this.#socket.write(`${line}\n`);
    const isAnswer = (one: string): boolean => !one.startsWith('IRQ ');
    await eventually(
      () => this.lines.some(isAnswer),
      ANSWER_MS,
      () => `the answer to ${line}`,
    );
    return this.lines.splice(0, this.lines.findIndex(isAnswer) + 1);
  }
}

interface Driven {
  readonly run: Run;
  readonly qtest: QtestClient;
  readonly qmp: QmpClient;
  readonly log: string;
}

/** Starts the program as libqtest does. */
async function driven(...args: readonly string[]): Promise<Driven> {
  const name = `driven${started++}`;
  const log = at(`${name}.log`);
  const sockets = [accepted(at(`${name}.sock`)), accepted(at(`${name}.qmp`))] as const;
  const run = start(
    ...['-qtest', `unix:${name}.sock`, '-qtest-log', log],
    ...['-chardev', `socket,path=${name}.qmp,id=char0`, '-mon', 'chardev=char0,mode=control'],
    ...['-display', 'none', ...args, '-accel', 'qtest'],
  );
  const [qtest, qmp] = await Promise.all(sockets);
  const client = new QmpClient(qmp);
  await client.greeting();
  await client.ask('qmp_capabilities');
  return { run, qtest: new QtestClient(qtest), qmp: client, log };
}

describe('a machine that a test drives', () => {
  it('answers on both sockets, tells of interrupts, and ends with status 0', async () => {
    const { run, qtest, qmp, log } = await driven('-rtc', 'clock=vm');
    expect(await qtest.say('endianness')).toEqual(['OK little']);
    expect(await qmp.ask('query-status')).toMatchObject({ running: true, status: 'running' });
    await qtest.say('irq_intercept_in ioapic');
    // The update interrupt of the real-time clock, which comes once a second.
    await qtest.say('outb 0x70 0x0b');
    await qtest.say('outb 0x71 0x12');
    expect(await qtest.say('clock_step 1000000000')).toContain('IRQ raise 8');
    const seconds = await qtest.say('clock_step 0');
    expect(await qtest.say('clock_step 0')).toEqual(seconds);
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(readFileSync(log, 'latin1')).toMatch(
      /^\[I \+0\.\d{6}\] OPENED\n\[R \+\d\.\d{6}\] endianness\n\[S \+\d\.\d{6}\] OK little\n/,
    );
  });

  it('takes devices by QMP, and its registers reset it', async () => {
    const { run, qtest, qmp } = await driven('-nodefaults', '-machine', 'pc');
    await qmp.ask('device_add', { driver: 'virtio-rng-pci', id: 'dev0', addr: '04' });
    await qtest.say('outl 0xcf8 0x80002000');
    expect(await qtest.say('inl 0xcfc')).toEqual(['OK 0x10051af4']);
    await qtest.say('outb 0xcf9 6');
    await qmp.event('RESET');
    await qmp.ask('device_del', { id: 'dev0' });
    // QEMU: a guest that is reset has given up what was asked for.
    await qmp.ask('system_reset');
    await qmp.event('DEVICE_DELETED');
    await qmp.ask('quit');
    expect(await run.ended).toBe(0);
  });

  it('may have nothing at all', async () => {
    const { qtest, qmp } = await driven('-machine', 'none');
    expect(await qmp.ask('query-cpus-fast')).toEqual([]);
    expect(await qmp.ask('query-pci')).toEqual([]);
    expect(await qmp.ask('query-memory-size-summary')).toMatchObject({ 'base-memory': 0 });
    expect(await qtest.say('read 0 4')).toEqual(['OK 0x00000000']);
    const names = (await qmp.ask('query-machines')) as readonly {
      readonly name: string;
      readonly alias?: string;
    }[];
    expect(names.find(({ alias }) => alias === 'pc')?.name).toBe('pc-i440fx-7.2');
    expect(names.map(({ name }) => name)).toContain('none');
  });

  it('takes the first accelerator that there is', async () => {
    const { run, qtest } = await driven('-accel', 'kvm', '-accel', 'hax');
    expect(await qtest.say('clock_set 7')).toEqual(['OK 7']);
    expect(run.stderr).toContain('-accel hax: invalid accelerator hax');
  });
});

it('a signal in the middle of its end changes nothing of that', async () => {
  const { run, qmp } = await driven('-machine', 'none');
  const quit = qmp.ask('quit');
  // As many as the program can take until it has ended.
  const storm = (): void => void (run.process.kill('SIGTERM') && setImmediate(storm));
  storm();
  expect(await run.ended).toBe(0);
  expect(run.process.signalCode).toBe(null);
  await quit.catch(() => {});
});

describe('-qtest', () => {
  it('needs somebody to answer', async () => {
    const run = start('-qtest', 'unix:nobody.sock', '-display', 'none');
    expect(await run.ended).toBe(1);
    expect(run.stderr).toContain("Failed to connect to 'nobody.sock': No such file or directory\n");
    expect(run.stderr).toContain('Failed to initialize device for qtest: "unix:nobody.sock"\n');
    expect(existsSync(at('nobody.sock'))).toBe(false);
  });

  it('works on the terminal, without a log', async () => {
    const run = start(
      '-qtest',
      'stdio',
      '-qtest-log',
      'none',
      '-display',
      'none',
      '-machine',
      'pc,accel=qtest',
    );
    run.type('endianness\n');
    await run.until('OK little\n');
    expect(run.stderr).toBe('');
  });
});
