/** Snapshots whose states are wrong in any way that the format can hold, and a machine that they are given to. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { SnapshotError } from '../../src/emu/core/snapshot-error.ts';
import { Machine, Monitor } from '../../src/emu/index.ts';
import { checkSections, type Section, saveSections } from '../../src/emu/machine/snapshot-sections.ts';
import { encodePlain } from '../../src/emu/snapshot/plain-codec.ts';
import { seededRandom } from './chip-rig.ts';
import { memoryImages } from './headless-guest.ts';
import { tinyKernel } from './tiny-kernel.ts';

const MIB = 1 << 20;
const RAM_BYTES = 4 * MIB;
const PAGE = 4096;
const DISK = '/tmp/disk1.img';
/** inc eax; out 70h, al; then in al from 71h, 40h, 61h, 60h; from the beginning. */
const KERNEL = tinyKernel([
  ...[0x40, 0xe6, 0x70],
  ...[0x71, 0x40, 0x61, 0x60].flatMap((port) => [0xe4, port]),
  ...[0xeb, 0xf3],
]);
/** What the host's clock moves on by at each look: a slice is a few turns of the machine's loop. */
const LOOK_NS = 500_000;
const SLICE_MS = 4;
/** Processor time, not the clock's: other programs do not count. A slice takes some milliseconds. */
const SLICE_CPU_MS = 2000;

type Place = { readonly parent: Record<string, unknown>; readonly key: string };
/** Which section, which place in it, and what is put there; each a number that is taken modulo what there is. */
export type Corruption = readonly [section: number, place: number, kind: number, detail: number];

export const corruptions = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()), {
  minLength: 1,
  maxLength: 3,
});

/** A field or an element, at any depth: down by chance, so that long arrays do not hide what is beside them. */
function placeIn(state: unknown, seed: number): Place | undefined {
  const random = seededRandom(seed + 1);
  let found: Place | undefined;
  let value = state;
  while (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    const key = keys[random(Math.max(1, keys.length))];
    if (key === undefined) break;
    found = { parent: value as Record<string, unknown>, key };
    value = found.parent[key];
    if (random(4) === 0) break;
  }
  return found;
}

/** Values that are of the right type more often than not: those get furthest. */
function corruptValue(old: unknown, kind: number, detail: number): unknown {
  const odd = [
    undefined,
    null,
    Number.NaN,
    -1,
    -0,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e300,
    Number.POSITIVE_INFINITY,
  ];
  const other = [
    true,
    'x',
    [],
    {},
    new Uint8Array(3),
    2n ** 70n,
    -1n,
    new Array<number>(100_000).fill(7),
    '',
  ];
  if (kind % 4 === 0) return odd[detail % odd.length];
  if (kind % 4 === 1) return other[detail % other.length];
  if (typeof old === 'boolean') return !old;
  if (typeof old === 'bigint') return BigInt.asUintN(64, BigInt(detail) * 0x9e37_79b9_7f4a_7c15n);
  if (typeof old === 'number') return kind % 4 === 2 ? old ^ (1 << (detail % 32)) : detail;
  return old === null ? detail : old;
}

export function corrupt(sections: readonly Section[], list: readonly Corruption[]): Section[] {
  const copy = structuredClone(sections) as Section[];
  for (const [section, place, kind, detail] of list) {
    const { state } = copy[section % copy.length] ?? {};
    const found = placeIn(state, place);
    if (found === undefined) continue;
    const { parent, key } = found;
    if (ArrayBuffer.isView(parent)) setAnyhow(parent, key, corruptValue(parent[key], kind, detail));
    else if (kind % 16 === 15) delete parent[key];
    else if (kind % 16 === 14) parent['surplus'] = detail;
    else setAnyhow(parent, key, corruptValue(parent[key], kind, detail));
  }
  return copy;
}

/** A typed array takes what it can hold, and throws at a bigint. */
function setAnyhow(parent: Record<string, unknown>, key: string, value: unknown): void {
  if (!ArrayBuffer.isView(parent)) parent[key] = value;
  else if (typeof value === 'number') parent[key] = value;
}

/** One machine with every kind of device, which is brought back to the same state for each try. */
export class CorruptedRig {
  readonly machine: Machine;
  readonly #time: { ns: number };
  #good: readonly Section[] = [];
  #run: ReturnType<Machine['saveRun']> | undefined;
  #ram = new Uint8Array(RAM_BYTES);
  refused = 0;
  restored = 0;

  private constructor(machine: Machine, time: { ns: number }) {
    this.machine = machine;
    this.#time = time;
  }

  static async make(): Promise<CorruptedRig> {
    const time = { ns: 0 };
    const images = memoryImages();
    await images.createEmpty(DISK, MIB);
    const monotonicNs = (): number => {
      time.ns += LOOK_NS;
      return time.ns;
    };
    const machine = new Machine(
      {
        memoryBytes: RAM_BYTES,
        kernel: KERNEL,
        serialPorts: [true, true],
        dimms: { slots: 2, maxBytes: 64 * MIB },
        rtcBaseMs: 1_700_000_000_000,
      },
      { monotonicNs, wallClockMs: () => 0, after: () => {}, random: (bytes) => void bytes.fill(1), images },
    );
    const monitor = new Monitor({ machine });
    const lines = [
      `drive_add 0 if=none,file=${DISK},format=raw,id=disk1`,
      'device_add virtio-blk-pci,drive=disk1',
      'object_add rng-random,id=rng0,filename=/dev/urandom',
      'device_add virtio-rng-pci,rng=rng0',
      'device_add virtio-serial-pci,id=serial0',
      'device_add virtserialport,bus=serial0.0',
      'object_add memory-backend-ram,id=mem0,size=2M',
      'device_add pc-dimm,memdev=mem0',
      'device_add virtio-balloon-pci,free-page-reporting=on,guest-stats-polling-interval=1',
      'object_add memory-backend-ram,id=mem1,size=8M',
      'device_add virtio-mem-pci,memdev=mem1,requested-size=4M',
    ];
    for (const line of lines) expect(['', 'OK\n']).toContain(await monitor.execute(line));
    const rig = new CorruptedRig(machine, time);
    machine.cont();
    machine.run(SLICE_MS);
    machine.stop();
    rig.#good = saveSections(machine.devices.tree);
    rig.#run = machine.saveRun();
    machine.memory.read(0, rig.#ram);
    return rig;
  }

  get sections(): readonly Section[] {
    return this.#good;
  }

  /** Either refused, and nothing has changed; or restored, and the slices that follow end soon. */
  async check(sections: readonly Section[]): Promise<void> {
    const { machine } = this;
    const { tree } = machine.devices;
    const before = encodePlain(saveSections(tree));
    let restore: () => void;
    try {
      restore = checkSections(tree, sections);
    } catch (error) {
      expect(error).toBeInstanceOf(SnapshotError);
      expect((error as Error).message).toMatch(/^The snapshot .{5,400}\.$/);
      expect(Buffer.compare(encodePlain(saveSections(tree)), before)).toBe(0);
      this.refused++;
      return;
    }
    this.restored++;
    restore();
    machine.cont();
    for (let slice = 0; slice < 3; slice++) {
      const start = process.cpuUsage();
      machine.run(SLICE_MS);
      const { user, system } = process.cpuUsage(start);
      expect((user + system) / 1000).toBeLessThan(SLICE_CPU_MS);
      await Promise.resolve();
      this.#time.ns += 1e9;
    }
    expect(machine.internalError).toBeUndefined();
    // What it runs into must be something that a snapshot takes.
    if (machine.runState !== 'internal-error') checkSections(tree, saveSections(tree));
    await this.recover();
  }

  async recover(): Promise<void> {
    const { machine } = this;
    machine.stop();
    await machine.drives.drained();
    const page = new Uint8Array(PAGE);
    for (let at = 0; at < RAM_BYTES; at += PAGE) {
      const good = this.#ram.subarray(at, at + PAGE);
      machine.memory.read(at, page);
      if (Buffer.compare(page, good) !== 0) machine.memory.write(at, good);
    }
    checkSections(machine.devices.tree, this.#good)();
    if (this.#run === undefined) return;
    machine.restoreRun(this.#run);
    machine.processors.restoreTurn(this.#run.turn);
  }
}
