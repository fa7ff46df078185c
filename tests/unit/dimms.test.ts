/** DIMMs on a machine without a guest: a hand plays the guest's ACPI code. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { GPE_BASE } from '../../src/emu/acpi/gpe.ts';
import { MEMORY_HOTPLUG_BASE } from '../../src/emu/acpi/memory-hotplug.ts';
import { MonitorError } from '../../src/emu/core/monitor-error.ts';
import type { Plain } from '../../src/emu/core/plain.ts';
import {
  Machine,
  type MachineConfig,
  Monitor,
  machineForSnapshot,
  restoreMachine,
  saveMachine,
} from '../../src/emu/index.ts';
import type { BufferMaker } from '../../src/emu/memory/arena.ts';
import {
  DEVICE_MEMORY_ALIGN,
  deviceMemoryAddress,
  type PlacedMemory,
} from '../../src/emu/memory/device-memory.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const WINDOW = 4 * GIB;
const [SELECTOR, OST_EVENT, OST_STATUS, PROXIMITY, FLAGS] = [0x00, 0x04, 0x08, 0x10, 0x14];
const [ENABLED, INSERTING, REMOVING, EJECT] = [1, 2, 4, 8];
const GPE_MEMORY = 8;

interface Rig {
  readonly machine: Machine;
  readonly monitor: Monitor;
  readonly notices: string[];
  /** Events since the last call. */
  events(): readonly string[];
  hmp(line: string): Promise<string>;
  /** All of it must be done without an answer. */
  done(...lines: readonly string[]): Promise<void>;
  /** The guest looks at, or writes to, a register of a slot. */
  look(slot: number, register: number): number;
  write(slot: number, register: number, value: number): void;
}

function hostWith(notices: string[], makeBuffer?: BufferMaker) {
  return {
    monotonicNs: () => 0,
    wallClockMs: () => 0,
    after() {},
    random() {},
    images: memoryImages(),
    notice: (text: string) => void notices.push(text),
    ...(makeBuffer === undefined ? {} : { makeBuffer }),
  };
}

function rigOf(machine: Machine, notices: string[] = []): Rig {
  const monitor = new Monitor({ machine });
  const seen: string[] = [];
  machine.events.listen((event) => seen.push(JSON.stringify(event)));
  const { ports } = machine.board;
  const size = (register: number) => (register === FLAGS ? 1 : 4);
  const select = (slot: number): void => ports.write(MEMORY_HOTPLUG_BASE + SELECTOR, 4, slot);
  return {
    machine,
    monitor,
    notices,
    events: () => seen.splice(0),
    hmp: (line) => monitor.execute(line),
    async done(...lines) {
      for (const line of lines) expect(await monitor.execute(line), line).toBe('');
    },
    look(slot, register) {
      select(slot);
      return ports.read(MEMORY_HOTPLUG_BASE + register, size(register));
    },
    write(slot, register, value) {
      select(slot);
      ports.write(MEMORY_HOTPLUG_BASE + register, size(register), value);
    },
  };
}

function newRig(config: Partial<MachineConfig> = {}, makeBuffer?: BufferMaker): Rig {
  const notices: string[] = [];
  const dimms = { slots: 3, maxBytes: 64 * MIB };
  return rigOf(
    new Machine({ memoryBytes: 8 * MIB, dimms, ...config }, hostWith(notices, makeBuffer)),
    notices,
  );
}

const RAM = 'object_add memory-backend-ram';
const DIMM = 'device_add pc-dimm';

describe('a DIMM', () => {
  it('is told to the guest, is memory, and goes with what was in it', async () => {
    const { machine, done, look, write, events, hmp } = newRig();
    const { memory, board } = machine;
    const used = memory.arena.used;
    await done(`${RAM},id=m,size=4M`, `${DIMM},id=d,memdev=m,slot=1`);
    expect(board.ports.read(GPE_BASE, 1)).toBe(GPE_MEMORY);
    expect([0x00, 0x04, 0x08, 0x0c, PROXIMITY, FLAGS].map((at) => look(1, at))).toEqual([
      ...[0, 1, 4 * MIB, 0, 0],
      ENABLED | INSERTING,
    ]);
    expect([look(0, FLAGS), look(2, FLAGS)]).toEqual([0, 0]);
    write(1, FLAGS, INSERTING);
    write(1, OST_EVENT, 1);
    write(1, OST_STATUS, 0);
    expect(events()).toEqual([
      '{"event":"ACPI_DEVICE_OST","data":{"info":{"device":"d","source":1,"status":0,"slot":"1","slot-type":"DIMM"}}}',
    ]);
    for (let gpa = WINDOW; gpa < WINDOW + 4 * MIB; gpa += MIB) memory.writeU32(gpa, gpa / MIB);
    expect(memory.readU32(WINDOW + 3 * MIB)).toBe(WINDOW / MIB + 3);
    expect(memory.arena.used).toBe(used + 4 * MIB);
    expect(memory.isRam(WINDOW + 4 * MIB, 1)).toBe(false);

    // The guest refuses: nothing has changed.
    await done('device_del d');
    expect(look(1, FLAGS)).toBe(ENABLED | REMOVING);
    write(1, FLAGS, REMOVING);
    write(1, OST_EVENT, 3);
    write(1, OST_STATUS, 0x82);
    expect(events()).toEqual([
      '{"event":"ACPI_DEVICE_OST","data":{"info":{"device":"d","source":3,"status":130,"slot":"1","slot-type":"DIMM"}}}',
    ]);
    expect([memory.isRam(WINDOW, 4 * MIB), look(1, FLAGS)]).toEqual([true, ENABLED]);
    expect(await hmp('object_del m')).toBe("Error: object 'm' is in use, can not be deleted\n");

    // It lets go.
    await done('device_del d');
    write(1, FLAGS, REMOVING);
    write(1, FLAGS, EJECT);
    write(1, OST_EVENT, 3);
    write(1, OST_STATUS, 0);
    expect(events()).toEqual([
      '{"event":"DEVICE_DELETED","data":{"device":"d","path":"/machine/peripheral/d"}}',
      '{"event":"ACPI_DEVICE_OST","data":{"info":{"source":3,"status":0,"slot":"1","slot-type":"DIMM"}}}',
    ]);
    expect([memory.isRam(WINDOW, 1), look(1, FLAGS), memory.arena.used]).toEqual([false, 0, used]);
    expect(await hmp('info memory-devices')).toBe('');
    await done('object_del m');
  });

  it('that is not there cannot be ejected, and nobody asks before', () => {
    const { write, events, look } = newRig();
    for (const slot of [0, 2, 3, 0xffff_ffff]) write(slot, FLAGS, EJECT);
    expect([events(), look(0, FLAGS)]).toEqual([[], 0]);
  });

  it('may be ejected though nobody asked: the guest is the master of its slots', async () => {
    const { machine, done, write, events } = newRig();
    await done(`${RAM},id=m,size=2M`, `${DIMM},memdev=m`);
    write(0, FLAGS, EJECT);
    expect(events()).toEqual([
      '{"event":"DEVICE_DELETED","data":{"path":"/machine/peripheral-anon/device[0]"}}',
    ]);
    expect(machine.memory.isRam(WINDOW, 1)).toBe(false);
  });

  it('stays over a reset, with its contents', async () => {
    const { machine, done, look } = newRig();
    await done(`${RAM},id=m,size=2M`, `${DIMM},id=d,memdev=m`);
    machine.memory.writeU32(WINDOW, 7);
    machine.reset();
    expect([machine.memory.readU32(WINDOW), look(0, FLAGS)]).toEqual([7, ENABLED | INSERTING]);
  });

  it('of the command line is there from the start, without an event', async () => {
    const { machine, done, look, hmp } = newRig({ coldPlug: true });
    machine.completeNuma();
    await done(`${RAM},id=m,size=2M`, `${DIMM},id=d,memdev=m`);
    machine.devices.machineReady();
    expect([look(0, FLAGS), machine.board.ports.read(GPE_BASE, 1)]).toEqual([ENABLED, 0]);
    expect(await hmp('info memory-devices')).toContain('hotplugged: false\n');
    expect(await hmp('info memory_size_summary')).toBe(
      `base memory: ${8 * MIB}\nplugged memory: ${2 * MIB}\n`,
    );
  });

  it('costs the host only what the guest writes, however often it comes and goes', async () => {
    const { machine, done, write } = newRig();
    const { memory } = machine;
    await done(`${RAM},id=m,size=56M`);
    const used = memory.arena.used;
    for (let round = 0; round < 50; round++) {
      await done(`${DIMM},id=d,memdev=m`);
      expect([memory.arena.used, memory.readU32(WINDOW + 40 * MIB)]).toEqual([used, 0]);
      memory.fill(WINDOW, 56 * MIB, 1);
      expect(memory.arena.used).toBe(used + 56 * MIB);
      write(0, FLAGS, EJECT);
      expect(memory.arena.used).toBe(used);
    }
  });
});

describe('a host with little memory', () => {
  const upTo = (limit: number): BufferMaker => {
    return (bytes) => {
      if (bytes > limit) throw new RangeError('Array buffer allocation failed');
      return new ArrayBuffer(bytes);
    };
  };
  const config = { memoryBytes: 8 * MIB, dimms: { slots: 3, maxBytes: 512 * MIB } };

  it('has no DIMM that is larger than all it can give, and nothing has changed', async () => {
    const rig = newRig(config, upTo(64 * MIB));
    const { memory } = rig.machine;
    await rig.done(`${RAM},id=m,size=256M`);
    const regions = memory.regions.length;
    expect(await rig.hmp(`${DIMM},id=d,memdev=m`)).toBe(
      "Error: cannot set up guest memory 'm': Cannot allocate memory\n",
    );
    expect([memory.regions.length, rig.look(0, FLAGS), rig.events()]).toEqual([regions, 0, []]);
    await rig.done('object_del m');
  });

  it('says so when the DIMMs together may be more than it can give', async () => {
    const { machine, done, notices } = newRig(config, upTo(64 * MIB));
    const can = machine.memory.arena.capacity / MIB;
    await done(`${RAM},id=a,size=32M`, `${RAM},id=b,size=32M`, `${DIMM},memdev=a`);
    expect(notices).toEqual([]);
    await done(`${DIMM},memdev=b`);
    expect(notices).toEqual([
      `The guest has 72 MiB of memory, but the host gives ${can} MiB: the machine stops when the guest has used more.`,
    ]);
  });
});

describe('a snapshot', () => {
  async function withDimms(): Promise<Rig> {
    const rig = newRig();
    const { machine, done, write, events } = rig;
    await done(`${RAM},id=a,size=4M`, `${RAM},id=b,size=2M`, `${RAM},id=free,size=2M`);
    await done(`${DIMM},id=x,memdev=a,addr=0x108000000,slot=2`, `${DIMM},memdev=b,addr=0x100000000`);
    write(2, FLAGS, INSERTING);
    machine.memory.writeU32(WINDOW, 0xb);
    machine.memory.writeU32(0x1_083f_fffc, 0xa);
    await done('device_del x');
    events();
    return rig;
  }

  it('has the DIMMs, what is in them, and what the guest has yet to hear', async () => {
    const { machine, hmp } = await withDimms();
    const again = await machineOf(await snapshotBytes(machine), hostWith([]));
    expect(await everything(again)).toEqual(await everything(machine));
    const rig = rigOf(again);
    for (const line of ['info memory-devices', 'info memdev', 'info memory_size_summary']) {
      expect(await rig.hmp(line)).toBe(await hmp(line));
    }
    expect([again.memory.readU32(WINDOW), again.memory.readU32(0x1_083f_fffc)]).toEqual([0xb, 0xa]);
    expect(again.memory.arena.used).toBe(machine.memory.arena.used);
    expect([rig.look(0, FLAGS), rig.look(2, FLAGS)]).toEqual([ENABLED | INSERTING, ENABLED | REMOVING]);
    rig.write(2, FLAGS, EJECT);
    expect(rig.events()).toEqual([
      '{"event":"DEVICE_DELETED","data":{"device":"x","path":"/machine/peripheral/x"}}',
    ]);
    expect([again.memory.isRam(0x1_0800_0000, 1), again.memory.readU32(WINDOW)]).toEqual([false, 0xb]);
    await rig.done('object_del a');
    expect(await rig.hmp('object_del b')).toBe("Error: object 'b' is in use, can not be deleted\n");
    // And once more, with one DIMM less.
    const third = await machineOf(await snapshotBytes(again), hostWith([]));
    expect(await everything(third)).toEqual(await everything(again));
  });

  type Region = { name: string; gpa: number; size: number };
  let good: Plain & { ram: Region[] };

  beforeAll(async () => {
    const { machine } = await withDimms();
    good = (await saveMachine(machine)).head as Plain & { ram: Region[] };
  });

  it.each<readonly [string, (ram: Region[]) => void]>([
    ['outside of the window', (ram) => ram.push({ name: 'z', gpa: 16 * GIB, size: 2 * MIB })],
    ['below the window', (ram) => ram.push({ name: 'z', gpa: 16 * MIB, size: 2 * MIB })],
    ['over another', (ram) => ram.push({ name: 'z', gpa: 0x1_0800_0000, size: 2 * MIB })],
    ['out of order', (ram) => ram.push({ name: 'z', gpa: 0x1_0400_0000, size: 2 * MIB })],
    ['not aligned', (ram) => ram.push({ name: 'z', gpa: 0x1_0900_1000, size: 2 * MIB })],
    ['of no size', (ram) => ram.push({ name: 'z', gpa: 0x1_0900_0000, size: 0 })],
    ['more than there is room for', (ram) => ram.push({ name: 'z', gpa: 0x1_0900_0000, size: 52 * MIB })],
    ['less than the machine has', (ram) => ram.splice(0, 1)],
    [
      'in a machine whose addresses end before',
      (ram) => ram.push({ name: 'z', gpa: 2 ** 40, size: 2 * MIB }),
    ],
  ])('with memory %s is of no machine', (_what, change) => {
    const head = structuredClone(good);
    change(head.ram);
    expect(() => machineForSnapshot(head, hostWith([]))).toThrow('that this version does not know');
  });

  it.each([
    { slots: 3, maxBytes: 0 },
    { slots: 3, maxBytes: 4 * MIB },
    { slots: 3, maxBytes: 2 ** 40 },
    { slots: 256, maxBytes: 2 ** 53 - 1 },
  ])('with room for DIMMs as no machine has it is refused: $slots, $maxBytes', (dimms) => {
    const bare = { ...(good as object), ram: good.ram.filter(({ gpa }) => gpa < WINDOW) };
    expect(() => machineForSnapshot(bare as Plain, hostWith([]))).not.toThrow();
    expect(() => machineForSnapshot({ ...bare, dimms } as Plain, hostWith([]))).toThrow(
      'that this version does not know',
    );
  });

  it('whose DIMMs and memory differ is refused', async () => {
    const { machine } = await withDimms();
    const bare = newRig().machine;
    const [one, other] = [await saveMachine(machine), await saveMachine(bare)];
    for (const [head, state] of [
      [one.head, other.state],
      [other.head, one.state],
    ]) {
      const made = machineForSnapshot(head, hostWith([]));
      await expect(restoreMachine(made, state)).rejects.toThrow(
        'The snapshot has other memory than its devices say.',
      );
    }
  });
});

describe('the place of a DIMM', () => {
  const window = { base: WINDOW, size: 64 * MIB };
  const unit = fc.integer({ min: 1, max: 16 });
  const request = fc.record({
    sizeBytes: unit.map((n) => n * DEVICE_MEMORY_ALIGN),
    addr: fc.oneof(
      fc.constant(0n),
      fc.nat(40).map((n) => BigInt(WINDOW - 4 * DEVICE_MEMORY_ALIGN + n * DEVICE_MEMORY_ALIGN)),
    ),
  });

  it('is free, aligned and in the window; none is refused while there is a gap', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 24 }), (requests) => {
        const placed: PlacedMemory[] = [];
        const isFree = (addr: number, size: number): boolean =>
          addr >= window.base &&
          addr + size <= window.base + window.size &&
          placed.every((dimm) => addr + size <= dimm.addr || addr >= dimm.addr + dimm.sizeBytes);
        const places = Array.from({ length: 32 }, (_, n) => WINDOW + n * DEVICE_MEMORY_ALIGN);
        for (const { sizeBytes, addr } of requests) {
          const wanted = addr === 0n ? places : [Number(addr)];
          const found = deviceMemoryAddress(window, placed, { sizeBytes, addr });
          // The lowest place that is free.
          expect(found instanceof MonitorError ? undefined : found).toBe(
            wanted.find((place) => isFree(place, sizeBytes)),
          );
          if (found instanceof MonitorError) continue;
          placed.push({ id: String(placed.length), addr: found, sizeBytes });
          placed.sort((a, b) => a.addr - b.addr);
        }
      }),
      { numRuns: 200, seed: 0x5eed },
    );
  });
});
