/** A driver for an NVMe controller with one pair of queues for data, and a hostile one. */
import { expect } from 'vitest';
import { BAR, nvmeRig } from './nvme-rig.ts';
import { seeded } from './pci-rig.ts';
import { settle, TestDisk } from './virtio-driver.ts';

const ASQ = 0x10_0000;
const ACQ = 0x11_0000;
const SQ = 0x12_0000;
const CQ = 0x13_0000;
const ENTRIES = 64;
const PERIOD_NS = 1_000_000;
export const READ = 2;
export const WRITE = 1;

export interface NvmeAsk {
  readonly op: number;
  readonly flags?: number;
  readonly nsid?: number;
  readonly prp1?: number;
  readonly dw?: Readonly<Record<number, number>>;
}

export function io(op: number, block: number, blocks: number, prp1: number): NvmeAsk {
  return { op, nsid: 1, prp1, dw: { 10: block, 12: blocks - 1 } };
}

type Rig = ReturnType<typeof nvmeRig>;

export class NvmeDriver {
  readonly #rig: Rig;
  #given = 0;
  #tail = [0, 0];

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  /** Enables the controller and makes queues for data. */
  begin(): void {
    const { mmio, map, memory } = this.#rig;
    map();
    memory.fill(ACQ, 0x1000, 0);
    memory.fill(CQ, 0x1000, 0);
    this.#tail = [0, 0];
    this.#given = 0;
    mmio.write(BAR + 0x14, 4, 0);
    mmio.write(BAR + 0x24, 4, ((ENTRIES - 1) << 16) | (ENTRIES - 1));
    for (const [at, value] of [ASQ, 0, ACQ, 0].entries()) mmio.write(BAR + 0x28 + 4 * at, 4, value);
    mmio.write(BAR + 0x14, 4, 0x0046_0001);
    expect(mmio.read(BAR + 0x1c, 4)).toBe(1);
    const size = (ENTRIES - 1) << 16;
    this.#put(0, { op: 5, prp1: CQ, dw: { 10: 1 | size, 11: 3 } });
    this.#put(0, { op: 1, prp1: SQ, dw: { 10: 1 | size, 11: 1 | (1 << 16) } });
    mmio.write(BAR + 0x1004, 4, 2);
  }

  /** Gives a command for data, and rings the doorbell. */
  give(ask: NvmeAsk): void {
    this.#put(1, ask);
    this.#given++;
  }

  giveAdmin(ask: NvmeAsk): void {
    this.#put(0, ask);
  }

  /** All that was told was read. */
  acknowledge(): void {
    this.#rig.mmio.write(BAR + 0x100c, 4, this.#given % ENTRIES);
  }

  /** Gives a command, waits, and says how it ended. */
  async run(ask: NvmeAsk): Promise<number> {
    this.give(ask);
    for (let n = 0; n < 4; n++) {
      await settle();
      this.#rig.pass(PERIOD_NS);
    }
    const [status = -1] = this.entries(this.#rig, 1);
    this.acknowledge();
    return status;
  }

  /** How the last commands ended; -1: not yet. */
  entries({ memory }: Rig, count: number): number[] {
    return Array.from({ length: count }, (_, n) => {
      const at = this.#given - count + n;
      const word = memory.readU16(CQ + 16 * (at % ENTRIES) + 14);
      const phase = Math.floor(at / ENTRIES) % 2 === 0 ? 1 : 0;
      return (word & 1) === phase ? word >> 1 : -1;
    });
  }

  #put(queue: 0 | 1, { op, flags = 0, nsid = 0, prp1 = 0, dw = {} }: NvmeAsk): void {
    const { memory, mmio } = this.#rig;
    const tail = this.#tail[queue] ?? 0;
    const at = (queue === 0 ? ASQ : SQ) + 64 * tail;
    memory.fill(at, 64, 0);
    const words = { 0: op | (flags << 8) | (tail << 16), 1: nsid, 6: prp1, ...dw };
    for (const [n, value] of Object.entries(words)) memory.writeU32(at + 4 * Number(n), value >>> 0);
    this.#tail[queue] = (tail + 1) % ENTRIES;
    mmio.write(BAR + 0x1000 + 8 * queue, 4, this.#tail[queue] ?? 0);
  }
}

/** What a hostile driver does, `rounds` times; the state stays what a snapshot would restore, and the controller works afterwards. */
export async function hostileDriver(seed: number, rounds: number): Promise<void> {
  const rig = nvmeRig([[new TestDisk(1 << 20, { sync: seed === 1 })], [new TestDisk(1 << 19)]]);
  const driver = new NvmeDriver(rig);
  const random = seeded(seed);
  const any = (): number => (random() & (random() & 1 ? 0xff : 0xffff_ffff)) >>> 0;
  const place = (): number => 0x10_0000 + (random() & 0x1f_fffc);
  const page = (): number => (random() & 3 ? 0x20_0000 + (random() & 0xf_f000) : place());
  const ask = (op: number): NvmeAsk => ({
    ...{ op, flags: random() & 7 ? 0 : random() & 0xff, nsid: random() & 3, prp1: page() },
    dw: {
      ...{ 8: page(), 9: random() & 3 ? 0 : any(), 10: random() & 3 ? random() & 0x7ff : any() },
      ...{ 11: random() & 3 ? 0 : any(), 12: random() & 3 ? random() & 0x1ff : any(), 14: any() },
    },
  });
  const ops = [0, 1, 2, 5, 8, 9, 0x0c, 0x19, 0x7d];
  const adminOps = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 0x15, 0x1c, 0x80, 0xff];
  const data = (): void => driver.give(ask(ops[random() % ops.length] ?? 0));
  const actions = [
    ...[data, data, data],
    () => driver.giveAdmin(ask(adminOps[random() % adminOps.length] ?? 0)),
    () => rig.mmio.write(BAR + (random() & 0x3f), ([1, 2, 4] as const)[random() % 3] ?? 1, any()),
    () => rig.mmio.write(BAR + 0x1000 + (random() & 0x1f), 4, random() & 0x7f),
    () => rig.mmio.write(BAR + 0x1000 + (random() & 0x2ff), 4, any()),
    () => rig.mmio.read(BAR + (random() & 0x3fff), ([1, 2, 4] as const)[random() % 3] ?? 1),
    () => rig.memory.writeU32(place(), random() & 1 ? page() : any()),
    () => driver.acknowledge(),
  ];
  for (let round = 0; round < rounds; round++) {
    if (round % 100 === 0) driver.begin();
    actions[random() % actions.length]?.();
    if (round % 50 === 0) {
      rig.pass(PERIOD_NS);
      await settle();
      expect(rig.card.vmstate.fields.misfit(rig.card.save())).toBeUndefined();
    }
  }
  rig.card.reset();
  for (const namespace of rig.namespaces) namespace.reset();
  await settle();
  expect(rig.card.commands.underWay).toBe(0);
  driver.begin();
  expect(await driver.run(io(READ, 0, 1, 0x20_0000))).toBe(0);
}
