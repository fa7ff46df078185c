/** NUMA nodes from QEMU's command line to the board, beside what QEMU 7.2 made of the same words. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attachBackends, attachDevices } from '../../src/emu/command-line/attach-devices.ts';
import { machineOfCommandLine } from '../../src/emu/command-line/make-machine.ts';
import { readCommandLine } from '../../src/emu/command-line/options.ts';
import { readNuma } from '../../src/emu/command-line/options-numa.ts';
import { MonitorError } from '../../src/emu/core/monitor-error.ts';
import type { Plain } from '../../src/emu/core/plain.ts';
import {
  Machine,
  type MachineHost,
  Monitor,
  machineForSnapshot,
  restoreMachine,
  saveMachine,
} from '../../src/emu/index.ts';
import { prepareRestore } from '../../src/emu/machine/snapshot-in-place.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { MACHINES, NUMA_BYTES } from '../golden/acpi/machines.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';

const RECORDED: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../golden/acpi/fw-cfg-numa.json', import.meta.url), 'utf8'),
);
const DEFAULT_BYTES = 128 * 2 ** 20;
const FW_CFG_PORT = 0x510;
const FW_CFG_NUMA = 0x0d;
const MEMORY_HOTPLUG_PORT = 0xa00;
const MPX = 0x10;

function host(): MachineHost {
  return {
    ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {} },
    images: memoryImages(),
  };
}

async function machineFor(line: readonly string[]): Promise<Machine> {
  const commandLine = readCommandLine(['-nodefaults', '-display', 'none', '-S', ...line], () => {});
  if ('text' in commandLine) throw new Error(commandLine.text);
  const { memoryBytes = DEFAULT_BYTES } = commandLine;
  const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes };
  const machine = machineOfCommandLine(commandLine, parts, host());
  attachBackends(machine, commandLine, () => {});
  await attachDevices(machine, commandLine, () => {});
  machine.devices.machineReady();
  return machine;
}

function fwCfgNuma({ board }: Machine): string {
  board.ports.write(FW_CFG_PORT, 2, FW_CFG_NUMA);
  const bytes = Array.from({ length: NUMA_BYTES }, () => board.ports.read(FW_CFG_PORT + 1, 1));
  return Buffer.from(bytes).toString('hex');
}

const ask = (machine: Machine, line: string): Promise<string> => new Monitor({ machine }).execute(line);

const withNodes = MACHINES.filter(({ config }) => config.numa !== undefined);

describe('a machine of QEMU’s command line', () => {
  it.each(withNodes)(
    '$name: tells its tables and fw_cfg what QEMU tells them',
    async ({ name, ...golden }) => {
      const { config } = golden;
      const machine = await machineFor(golden.arguments);
      const { nodes, distances, hmat } = machine.numa;
      expect(nodes.map(({ ramBytes }) => ramBytes)).toEqual(config.numa?.ramBytes);
      expect(distances).toEqual(config.numa?.distances);
      expect(hmat).toEqual(config.numa?.hmat);
      expect(config.cpus.map((_, index) => machine.numa.nodeOfCpu(index))).toEqual(
        config.cpus.map(({ node }) => node),
      );
      expect(fwCfgNuma(machine)).toBe(RECORDED[name]);
    },
  );

  it('is made of the objects of its nodes, wherever they lie', async () => {
    const golden = withNodes.find(({ name }) => name === 'numa-high');
    const machine = await machineFor(golden?.arguments ?? []);
    // 3 GiB of it are below 4 GiB.
    for (const [address, name] of [
      ...([
        ['0x3fffffff', 'a'],
        ['0x40000000', 'b'],
        ['0xbfffffff', 'b'],
      ] as const),
      ...([
        ['0x13fffffff', 'b'],
        ['0x140000000', 'c'],
        ['0x17fffffff', 'c'],
      ] as const),
    ]) {
      expect(await ask(machine, `gpa2hva ${address}`)).toMatch(new RegExp(`^${address} is in ${name}, `));
    }
    expect(await ask(machine, 'info ramblock')).toMatch(/^ {23}b .*\n {23}[ac] .*\n {23}[ac] .*\n$/m);
  });

  it('has no nodes where nobody asks for them and memory cannot grow', async () => {
    const machine = await machineFor(['-smp', '2']);
    expect(fwCfgNuma(machine)).toBe('0'.repeat(2 * NUMA_BYTES));
    expect(machine.numa.nodeOfCpu(0)).toBeUndefined();
    expect(await ask(machine, 'qom-get /machine/unattached/device[0] node-id')).toBe('-1\n');
  });
});

const TWO_NODES = [
  ...['-m', '64,slots=2,maxmem=256M', '-smp', '1,maxcpus=2,sockets=2', '-machine', 'hmat=on'],
  ...['-object', 'memory-backend-ram,id=a,size=16M', '-object', 'memory-backend-ram,id=b,size=48M'],
  ...['-numa', 'node,memdev=a', '-numa', 'node,memdev=b', '-numa', 'cpu,node-id=1,socket-id=1'],
  ...[
    '-numa',
    'cpu,node-id=0,socket-id=0',
    '-numa',
    'dist,src=0,dst=1,val=30',
    '-numa',
    'dist,src=0,dst=1,val=25',
  ],
  ...[
    '-numa',
    'hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=18446744073709551615',
  ],
];
const PLUG = [
  'object_add memory-backend-ram,id=m,size=32M',
  'device_add pc-dimm,id=d,memdev=m,node=1,slot=1',
  'device_add qemu64-x86_64-cpu,id=c,socket-id=1,core-id=0,thread-id=0',
];

describe('before the machine is complete', () => {
  it('what a node has may be deleted, and is there all the same; a wrong word changes nothing', async () => {
    const machine = new Machine({ memoryBytes: 16 << 20, coldPlug: true }, host());
    expect(await ask(machine, 'object_add memory-backend-ram,id=a,size=16M')).toBe('');
    const say = (text: string): void =>
      machine.numa.set(readNuma(parseOptions(text, 'type', () => {})), () => {});
    for (const wrong of ['node,memdev=a,cpus=1', 'node,memdev=a,mem=16M', 'node,memdev=a,initiator=0']) {
      expect(() => say(wrong), wrong).toThrow(MonitorError);
    }
    expect([machine.numa.nodes, machine.numa.said, machine.numa.nodeOfCpu(0)]).toEqual([[], [], undefined]);
    say('node,memdev=a');
    // QEMU 7.2: the same, and the name is free.
    expect(await ask(machine, 'object_del a')).toBe('');
    expect(await ask(machine, 'object_add memory-backend-ram,id=a,size=4096')).toBe('');
    machine.completeNuma();
    expect(await ask(machine, 'info memdev')).toMatch(/^memory backend: a\n[^:]*size: {2}4096\n/);
    expect(await ask(machine, 'info memdev')).not.toContain('pc.ram');
    expect(await ask(machine, 'info ramblock')).toMatch(/^ {23}a .* 0x0000000001000000\n/m);
    expect(await ask(machine, 'gpa2hva 0x1000')).toMatch(/^0x1000 is in a, /);
    expect(await ask(machine, 'object_del a')).toBe('');
    await machine.close();
  });
});

describe('what is plugged in', () => {
  it('is in the node that the guest’s registers tell', async () => {
    const machine = await machineFor(TWO_NODES);
    for (const line of PLUG) expect(await ask(machine, line)).toBe('');
    const { ports } = machine.board;
    ports.write(MEMORY_HOTPLUG_PORT, 4, 1);
    expect(ports.read(MEMORY_HOTPLUG_PORT + MPX, 4)).toBe(1);
    expect(await ask(machine, 'qom-get c node-id')).toBe('1\n');
  });
});

describe('a snapshot', () => {
  const facts = async (machine: Machine) => ({
    nodes: await ask(machine, 'info numa'),
    cpus: await ask(machine, 'info hotpluggable-cpus'),
    memdevs: await ask(machine, 'info memdev'),
    inUse: await ask(machine, 'object_del a'),
    fwCfg: fwCfgNuma(machine),
    distances: machine.numa.distances,
    hmat: machine.numa.hmat,
  });

  it('has the nodes, and what is in them', async () => {
    const machine = await machineFor(TWO_NODES);
    for (const line of PLUG) await ask(machine, line);
    const before = await facts(machine);
    expect(before.nodes).toContain('node 1 cpus: 1\nnode 1 size: 80 MB\nnode 1 plugged: 32 MB\n');
    expect(before.inUse).toContain("object 'a' is in use");
    const restored = await machineOf(await snapshotBytes(machine), host());
    expect(await facts(restored)).toEqual(before);
    expect(await facts(await machineOf(await snapshotBytes(restored), host()))).toEqual(before);
  });

  it.each([
    ['{"type": "node"}', 'total memory for NUMA nodes'],
    ['{"type": "node", "memdev": "zz"}', 'memdev=zz is ambiguous'],
    ['{"type": "cpu", "node-id": 7}', 'Invalid node-id=7'],
    ['{"type": "zz"}', "does not accept value 'zz'"],
    ['[1]', 'is no object'],
    ['{', 'JSON parse error'],
  ])('that says %s of nodes is refused in a sentence', async (text, why) => {
    const { head, state } = await saveMachine(await machineFor(['-m', '16']));
    const { peripherals } = state as { peripherals: { numa: Plain } };
    peripherals.numa = [text];
    const restored = machineForSnapshot(head, host());
    await expect(restoreMachine(restored, state)).rejects.toThrow(
      new RegExp(`^The snapshot has a NUMA node that cannot be made: .*${why}`),
    );
  });

  it('of other nodes cannot be loaded', async () => {
    const machine = await machineFor(TWO_NODES);
    const { head, state } = await saveMachine(machine);
    expect(() => prepareRestore(machine, head, state)).not.toThrow();
    const other = await machineFor([...TWO_NODES, '-numa', 'dist,src=1,dst=0,val=30']);
    expect(() => prepareRestore(other, head, state)).toThrow(
      'The snapshot has other NUMA nodes than this machine',
    );
  });
});
