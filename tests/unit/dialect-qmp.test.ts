/** QMP of other years, and the transcript about processors that lessons quote, each test under the number of its row. */
import { describe, expect, it } from 'vitest';
import { Machine } from '../../src/emu/index.ts';
import type { DialectName } from '../../src/emu/monitor/dialects/dialect.ts';
import { findDialect } from '../../src/emu/monitor/dialects/dialects.ts';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { QmpShell, SHELL_PROMPT } from '../../src/emu/monitor/qmp/shell.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const TWO_SOCKETS = { cpus: 1, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 } as const;
const CPU = 'IvyBridge-IBRS-x86_64-cpu';
const FOUR = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 } as const;

async function lesson(dialect: DialectName) {
  const rig = await monitorRig({ smp: TWO_SOCKETS, cpu: 'IvyBridge-IBRS' });
  let screen = '';
  const shell = new QmpShell(
    (text) => {
      screen += text;
    },
    { machine: rig.machine, nowMs: () => 0, dialect: findDialect(dialect) },
  );
  shell.start();
  return {
    rig,
    screen: () => screen.replaceAll('\r\n', '\n'),
    /** What is shown for a line: the command, and its answer. */
    async enter(line: string): Promise<readonly [command: unknown, answer: { readonly return?: unknown }]> {
      screen = '';
      shell.input(line);
      const echo = screen.length;
      shell.input('\r');
      for (let tries = 0; !screen.slice(echo).endsWith(SHELL_PROMPT); tries++) {
        if (tries > 200) throw new Error(screen);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const text = screen.slice(echo, -SHELL_PROMPT.length);
      const parts = text
        .trim()
        .replaceAll('\r\n', '\n')
        .split(/\n(?=\{)/);
      return parts.map((part) => JSON.parse(part)) as never;
    },
  };
}

async function caller(dialect: DialectName) {
  const rig = await monitorRig({ smp: FOUR });
  const qmp = new QmpCaller(() => {}, {
    machine: rig.machine,
    nowMs: () => 0,
    dialect: findDialect(dialect),
  });
  return {
    rig,
    call: async (execute: string, args = {}): Promise<unknown> =>
      JSON.parse(await qmp.call(JSON.stringify({ execute, arguments: args }))),
  };
}

/** Ports and bits of QEMU's docs/specs/acpi_cpu_hotplug.txt. */
const CPU_SELECTOR = 0xaf00;
const CPU_FLAGS = 0xaf04;
const CPU_EJECT = 8;
const GPE0_STS = 0xafe0;
const GPE_CPU = 4;

const place = (socket: number) => ({ 'socket-id': socket, 'core-id': 0, 'thread-id': 0 });

describe('the transcript about virtual CPUs, in 5.1', () => {
  it('K7: the shell greets, and shows each command as JSON before its answer', async () => {
    const { screen, enter } = await lesson('5.1');
    expect(screen()).toBe(`Welcome to the QMP low-level shell!\nConnected to QEMU 5.1.0\n\n${SHELL_PROMPT}`);
    const [command, answer] = await enter('query-status');
    expect(command).toEqual({ execute: 'query-status', arguments: {} });
    expect(answer.return).toMatchObject({ running: false });
    // Both are shown over several lines, as -p and -v have them.
    expect(screen()).toContain(
      '\n{\n    "arguments": {},\n    "execute": "query-status"\n}\n{\n    "return": {\n        "running": false,\n',
    );
  });

  it('K8 to K11: places, a processor that comes, the list, and its way out', async () => {
    const { rig, enter } = await lesson('5.1');
    const boot = { 'qom-path': '/machine/unattached/device[0]' };
    const [, places] = await enter('query-hotpluggable-cpus');
    expect(places).toEqual({
      return: [
        { type: CPU, 'vcpus-count': 1, props: place(1) },
        { ...boot, type: CPU, 'vcpus-count': 1, props: place(0) },
      ],
    });
    const [asked, added] = await enter(`device_add id=cpu-2 driver=${CPU} socket-id=1 core-id=0 thread-id=0`);
    expect(asked).toEqual({
      execute: 'device_add',
      arguments: { id: 'cpu-2', driver: CPU, 'socket-id': 1, 'core-id': 0, 'thread-id': 0 },
    });
    expect(added).toEqual({ return: {} });
    const [, cpus] = await enter('query-cpus-fast');
    const common = { target: 'x86_64', arch: 'x86', 'thread-id': expect.any(Number) };
    expect(cpus).toEqual({
      return: [
        { ...common, ...boot, 'cpu-index': 0, props: place(0) },
        { ...common, 'qom-path': '/machine/peripheral/cpu-2', 'cpu-index': 1, props: place(1) },
      ],
    });
    // There is no guest that would let it go, and none that has said which registers it uses: QEMU's refusal.
    const [, removed] = await enter('device_del id=cpu-2');
    expect(removed).toEqual({
      error: {
        class: 'GenericError',
        desc: `acpi: device unplug request for not supported device type: ${CPU}`,
      },
    });
    expect(rig.machine.inspect.cpus()).toHaveLength(2);
  });

  it('K11: device_del only asks: the processor leaves when the guest lets it go', async () => {
    const host = {
      monotonicNs: () => 0,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    };
    const machine = new Machine({ memoryBytes: 64 * 2 ** 20, smp: TWO_SOCKETS, cpu: 'IvyBridge-IBRS' }, host);
    const { ports } = machine.board;
    const told: string[] = [];
    const qmp = new QmpCaller((event) => told.push(event), {
      machine,
      nowMs: () => 0,
      dialect: findDialect('5.1'),
    });
    const call = async (execute: string, args: object): Promise<unknown> =>
      JSON.parse(await qmp.call(JSON.stringify({ execute, arguments: args })));
    // The guest's AML switches to the registers by which it is asked.
    ports.write(CPU_SELECTOR, 4, 0);
    expect(await call('device_add', { id: 'cpu-2', driver: CPU, ...place(1) })).toEqual({ return: {} });
    expect(await call('device_del', { id: 'cpu-2' })).toEqual({ return: {} });
    // A guest that does nothing keeps it.
    expect(machine.inspect.cpus()).toHaveLength(2);
    expect(told).toEqual([]);
    expect(ports.read(GPE0_STS, 1) & GPE_CPU).toBe(GPE_CPU);
    ports.write(CPU_SELECTOR, 4, 1);
    ports.write(CPU_FLAGS, 1, CPU_EJECT);
    expect(machine.inspect.cpus()).toHaveLength(1);
    expect(told.join()).toMatch(/"DEVICE_DELETED".*"cpu-2"/);
    expect(await call('query-hotpluggable-cpus', {})).toMatchObject({
      return: [{ props: place(1) }, { 'qom-path': '/machine/unattached/device[0]', props: place(0) }],
    });
    await machine.close();
  });

  it('K10: today nobody tells the architecture', async () => {
    const { enter } = await lesson('7.2');
    const [, cpus] = await enter('query-cpus-fast');
    expect(cpus.return).toEqual([
      {
        'cpu-index': 0,
        'qom-path': expect.any(String),
        'thread-id': 1,
        target: 'x86_64',
        props: place(0),
      },
    ]);
  });
});

describe('QMP', () => {
  it.each([
    ['5.1', 'CPU[1] with APIC ID 1 exists', 'Invalid CPU id: -1'],
    ['2.0', 'Unable to add CPU: 1, it already exists', 'Invalid CPU id: -1'],
    ['1.5', 'Unable to add CPU: 1, it already exists', 'Invalid CPU id: -1'],
  ] as const)('K6: cpu-add in %s', async (dialect, again, negative) => {
    const { rig, call } = await caller(dialect);
    expect(await call('cpu-add', { id: 1 })).toEqual({ return: {} });
    expect(rig.machine.inspect.cpus().map(({ index }) => index)).toEqual([0, 1]);
    expect(await call('cpu-add', { id: 1 })).toEqual({ error: { class: 'GenericError', desc: again } });
    expect(await call('cpu-add', { id: -1 })).toEqual({ error: { class: 'GenericError', desc: negative } });
    expect(await call('cpu-add', { id: 2 ** 40 })).toMatchObject({ error: { class: 'GenericError' } });
    expect(await call('cpu-add')).toEqual({
      error: { class: 'GenericError', desc: "Parameter 'id' is missing" },
    });
    expect(rig.machine.inspect.cpus()).toHaveLength(2);
  });

  it.each(['7.2', '1.1', 'qemu-kvm-0.15'] as const)('K6: no cpu-add in %s', async (dialect) => {
    const { call } = await caller(dialect);
    expect(await call('cpu-add', { id: 1 })).toEqual({
      error: { class: 'CommandNotFound', desc: 'The command cpu-add has not been found' },
    });
  });

  it('query-cpus, which 6.0 has no more', async () => {
    const { call } = await caller('1.5');
    const first = { CPU: 0, current: true, halted: false, pc: 0xffff_fff0, thread_id: 1 };
    expect(await call('query-cpus')).toEqual({ return: [first] });
    const later = await caller('5.1');
    expect(await later.call('query-cpus')).toEqual({
      return: [{ ...first, arch: 'x86', qom_path: expect.stringContaining('/machine/'), props: place(0) }],
    });
  });

  it('tells its version, its commands and its errors', async () => {
    const { call } = await caller('1.5');
    expect(await call('query-version')).toEqual({
      return: { qemu: { major: 1, minor: 5, micro: 0 }, package: 'Hotslot' },
    });
    const { return: commands } = (await call('query-commands')) as { return: { name: string }[] };
    const names = commands.map(({ name }) => name);
    expect(names).toContain('cpu-add');
    expect(names).not.toContain('query-cpus-fast');
    expect(await call('device_add', { driver: 'nosuch' })).toEqual({
      error: { class: 'GenericError', desc: "Parameter 'driver' expects device type" },
    });
    expect(await call('human-monitor-command', { 'command-line': 'info usb' })).toEqual({
      return: 'USB support not enabled\r\n',
    });
  });

  it('describes itself as it is', async () => {
    const { call } = await caller('5.1');
    const schema = JSON.stringify(await call('query-qmp-schema'));
    expect(schema).toContain('"cpu-add"');
    expect(schema).not.toContain('"x-query-roms"');
  });
});
