/** What the page is told of processors and memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Machine, machineOfCommandLine, readCommandLine } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { HardwareReport } from '../../src/workers/hardware-report.ts';
import { machineHardware } from '../../src/workers/machine-hardware.ts';
import type { MachineHardware } from '../../src/workers/protocol.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 2 ** 20;
let machine: Machine;

function make(...args: string[]): Machine {
  const commandLine = readCommandLine(args, () => {});
  if ('text' in commandLine) throw new Error('no machine');
  const made = machineOfCommandLine(
    commandLine,
    { memoryBytes: commandLine.memoryBytes ?? 0 },
    {
      monotonicNs: () => 0,
      wallClockMs: () => 0,
      after: () => {},
      random: (bytes) => void bytes.fill(0),
      images: memoryImages(),
      makeBuffer: (bytes) => new ArrayBuffer(Math.min(bytes, 64 * MIB)),
    },
  );
  made.devices.machineReady();
  return made;
}

beforeEach(() => {
  machine = make('-smp', '1,maxcpus=3', '-m', '16,slots=2,maxmem=1G');
});

afterEach(() => machine.close());

const hardware = (): MachineHardware => machineHardware(machine);
const options = (text: string, first: string) => parseOptions(text, first, () => {});
const deviceAdd = (text: string) => machine.devices.add(options(text, 'driver'));
const objectAdd = (text: string) => machine.objects.add(options(text, 'qom-type'));
/** What `device_add` is offered for a place, as the story writes it. */
const place = (id: string, core: number) =>
  `qemu64-x86_64-cpu,id=${id},socket-id=0,core-id=${core},thread-id=0`;

describe('processors', () => {
  it('are counted, and the next place and id that are free are offered', async () => {
    expect(hardware()).toMatchObject({
      processors: 1,
      processorsMax: 3,
      nextProcessor: { device: place('cpu1', 1), id: 'cpu1', index: 1 },
      lastProcessor: undefined,
    });
    await deviceAdd(hardware().nextProcessor?.device ?? '');
    expect(hardware()).toMatchObject({
      processors: 2,
      nextProcessor: { device: place('cpu2', 2) },
      lastProcessor: { id: 'cpu1', index: 1 },
    });
    await deviceAdd(hardware().nextProcessor?.device ?? '');
    expect(hardware()).toMatchObject({
      processors: 3,
      nextProcessor: undefined,
      lastProcessor: { id: 'cpu2' },
    });
  });

  it('get no id that something else has', async () => {
    await deviceAdd('virtio-rng-pci,id=cpu1');
    expect(hardware().nextProcessor).toEqual({ device: place('cpu2', 1), id: 'cpu2', index: 1 });
  });

  it('have dies in their place where a socket has more than one', async () => {
    await machine.close();
    machine = make('-smp', '1,maxcpus=2,dies=2', '-m', '16');
    const device = hardware().nextProcessor?.device;
    expect(device).toContain('socket-id=0,die-id=1,core-id=0,thread-id=0');
    await deviceAdd(device ?? '');
    expect(hardware().processors).toBe(2);
  });
});

describe('memory', () => {
  it('is counted, and each command names what there is, or what is free', async () => {
    expect(hardware()).toMatchObject({
      memoryBytes: 16 * MIB,
      nextMemory: { dimm: 'dimm1', backend: 'mem1' },
      lastDimm: undefined,
      unusedBackend: undefined,
    });
    objectAdd('memory-backend-ram,id=mem1,size=16M');
    objectAdd('rng-builtin,id=mem2');
    expect(hardware()).toMatchObject({
      nextMemory: { dimm: 'dimm1', backend: 'mem3' },
      unusedBackend: 'mem1',
      memoryBytes: 16 * MIB,
    });
    await deviceAdd('pc-dimm,id=dimm1,memdev=mem1');
    expect(hardware()).toMatchObject({
      memoryBytes: 32 * MIB,
      nextMemory: { dimm: 'dimm2', backend: 'mem3' },
      lastDimm: { dimm: 'dimm1', backend: 'mem1' },
      unusedBackend: undefined,
    });
  });
});

describe('the report', () => {
  it('comes once for all that changes in a turn, and only when something has changed', async () => {
    const told: MachineHardware[] = [];
    const report = new HardwareReport((one) => told.push(one));
    const worker = { hardware };
    machine.devices.onChange = () => report.changed(worker);
    machine.objects.onChange = () => report.changed(worker);
    report.changed(worker);
    report.changed(worker);
    await Promise.resolve();
    expect(told).toHaveLength(1);
    report.changed(worker);
    await Promise.resolve();
    expect(told).toHaveLength(1);
    const device = await deviceAdd(place('a', 1));
    await Promise.resolve();
    expect(told.at(-1)?.processors).toBe(2);
    machine.devices.unplug(device);
    await Promise.resolve();
    expect(told.at(-1)?.processors).toBe(1);
    expect(told).toHaveLength(3);
    objectAdd('memory-backend-ram,id=m,size=16M');
    await Promise.resolve();
    expect(told.at(-1)?.unusedBackend).toBe('m');
    machine.objects.delete('m');
    await Promise.resolve();
    expect(told.at(-1)?.unusedBackend).toBeUndefined();
    expect(told).toHaveLength(5);
  });
});
