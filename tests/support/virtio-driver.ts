/** A guest driver for one virtio-blk-pci, written against the virtio specification only. */
import type { BlockBackend } from '../../src/emu/block/block-backend.ts';
import { BlockError, checkRange } from '../../src/emu/block/block-backend.ts';
import type { IoErrorListener } from '../../src/emu/block/block-errors.ts';
import type { Clock } from '../../src/emu/core/clock.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { PciDma } from '../../src/emu/pci/pci-dma.ts';
import { VirtioBlk } from '../../src/emu/virtio/virtio-blk.ts';
import { VIRTIO_BLK_DEFAULTS, type VirtioBlkProperties } from '../../src/emu/virtio/virtio-blk-config.ts';
import { VirtioPci, type VirtioPciProperties } from '../../src/emu/virtio/virtio-pci.ts';
import { pciRig } from './pci-rig.ts';

/** A disk in memory whose promises settle when the test says so, or at once with `sync`. */
export class TestDisk implements BlockBackend {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  readonly log: string[] = [];
  failure: BlockError | undefined;
  held: (() => void)[] | undefined;
  readonly #sync: boolean;

  constructor(sizeBytes: number, options: { readOnly?: boolean; sync?: boolean } = {}) {
    this.bytes = new Uint8Array(sizeBytes);
    this.readOnly = options.readOnly ?? false;
    this.#sync = options.sync ?? false;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    if (this.#sync) target.set(this.bytes.subarray(offset, offset + target.length));
    return this.#sync;
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.#sync) this.bytes.set(source, offset);
    return this.#sync;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  /** Lets everything that was held back happen. */
  release(): void {
    for (const go of this.held?.splice(0) ?? []) go();
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#gate(`read ${offset} ${target.length}`);
    checkRange(this.sizeBytes, offset, target.length);
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#gate(`write ${offset} ${source.length}`);
    if (this.readOnly) throw new BlockError('EROFS');
    checkRange(this.sizeBytes, offset, source.length);
    this.bytes.set(source, offset);
  }

  async flush(): Promise<void> {
    await this.#gate('flush');
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#gate(`discard ${offset} ${length}`);
    this.bytes.fill(0, offset, offset + length);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#gate(`zero ${offset} ${length}`);
    this.bytes.fill(0, offset, offset + length);
  }

  async close(): Promise<void> {}

  async resize(): Promise<void> {
    throw new BlockError('EINVAL');
  }

  async lock(): Promise<void> {}

  async unlock(): Promise<void> {}

  async #gate(what: string): Promise<void> {
    this.log.push(what);
    const { held } = this;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
  }
}

/** Lets all promises that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

export const MODERN = 0x1_0000_0000;
export const LEGACY = 0xc000;
const MSIX = 0xfe00_0000;
const HEADER = 0x10000;
const STATUS = 0x10020;

export interface Descriptor {
  readonly gpa: number;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}

/** Properties as the user gives them; what is left out has QEMU's default. */
export interface VirtioBlkPciProperties extends Partial<VirtioBlkProperties>, Partial<VirtioPciProperties> {}

/** A card to be put on a bus; `backend` stays the caller's to close. */
function createVirtioBlkPci(
  properties: VirtioBlkPciProperties,
  backend: BlockBackend,
  clock: Clock,
  onError: IoErrorListener,
) {
  const settings: VirtioBlkProperties = { ...VIRTIO_BLK_DEFAULTS, ...properties };
  const dma = new PciDma();
  const { disableLegacy = false, disableModern = false, vectors = settings.numQueues + 1 } = properties;
  return new VirtioPci(
    { type: 'virtio-blk-pci', transitionalDeviceId: 0x1001, classCode: 0x010000 },
    new VirtioBlk(settings, backend, { memory: dma, trace: QUIET, clock, onError }),
    { disableLegacy, disableModern, vectors },
    dma,
  );
}

/** @param base where the driver's structures are in guest memory */
export function virtioRig(
  properties: VirtioBlkPciProperties,
  disk: TestDisk,
  memory = pcMemory(1 << 20),
  base = 0,
) {
  const [DESC, AVAIL, USED] = [base + 0x1000, base + 0x2000, base + 0x3000];
  const pci = pciRig(memory);
  const devfn = pciDevfn(2, 0);
  const errors: string[] = [];
  const card = createVirtioBlkPci(properties, disk, pci.clock, (operation, error) =>
    errors.push(`${operation} ${error.code}`),
  );
  pci.bus.add(card, devfn);
  pci.configWrite(devfn, 0x10, 4, LEGACY);
  pci.configWrite(devfn, 0x14, 4, MSIX);
  pci.configWrite(devfn, 0x20, 4, 0);
  pci.configWrite(devfn, 0x24, 4, 1);
  pci.configWrite(devfn, 0x04, 2, 7);
  const common = (at: number, size: 1 | 2 | 4, value: number) => pci.memory.write(MODERN + at, size, value);
  let posted = 0;

  /** Sets the device up as a modern driver does; queue 0 on vector 1, configuration on vector 0. */
  function start(features = 0x1_0000_0000n): void {
    posted = 0;
    common(0x14, 1, 0);
    common(0x14, 1, 3);
    for (const word of [0, 1]) {
      common(0x08, 4, word);
      common(0x0c, 4, Number((features >> BigInt(32 * word)) & 0xffffffffn));
    }
    common(0x14, 1, 0x0b);
    pci.configWrite(devfn, 0x9a, 2, 0x8000);
    for (const vector of [0, 1]) {
      pci.memory.write(MSIX + 16 * vector, 4, 0xfee0_0000);
      pci.memory.write(MSIX + 16 * vector + 8, 4, 0x40 + vector);
      pci.memory.write(MSIX + 16 * vector + 12, 4, 0);
    }
    common(0x10, 2, 0);
    common(0x16, 2, 0);
    common(0x1a, 2, 1);
    for (const [at, gpa] of [
      [0x20, DESC],
      [0x28, AVAIL],
      [0x30, USED],
    ] as const) {
      common(at, 4, gpa % 2 ** 32);
      common(at + 4, 4, Math.floor(gpa / 2 ** 32));
    }
    memory.fill(DESC, USED + 0x1000 - DESC, 0);
    common(0x1c, 2, 1);
    common(0x14, 1, 0x0f);
  }

  function writeDescriptor(index: number, { gpa, length, flags, next }: Descriptor, table = DESC): void {
    const at = table + 16 * index;
    memory.writeU32(at, gpa % 2 ** 32);
    memory.writeU32(at + 4, Math.floor(gpa / 2 ** 32));
    memory.writeU32(at + 8, length);
    memory.writeU16(at + 12, flags);
    memory.writeU16(at + 14, next);
  }

  function offer(head: number): void {
    memory.writeU16(AVAIL + 4 + 2 * (posted % 256), head);
    posted = (posted + 1) & 0xffff;
    memory.writeU16(AVAIL + 2, posted);
  }

  function kick(): void {
    pci.memory.write(MODERN + 0x3000, 2, 0);
  }

  /** Header at HEADER, status at STATUS, data where the caller says. */
  function request(type: number, sector: number, data: { gpa: number; length: number; in: boolean }[]): void {
    memory.writeU32(base + HEADER, type);
    memory.writeU32(base + HEADER + 8, sector);
    memory.writeU32(base + HEADER + 12, 0);
    memory.writeU8(base + STATUS, 0xee);
    writeDescriptor(0, { gpa: base + HEADER, length: 16, flags: 1, next: 1 });
    for (const [i, { gpa, length, in: input }] of data.entries()) {
      writeDescriptor(i + 1, { gpa, length, flags: 1 | (input ? 2 : 0), next: i + 2 });
    }
    writeDescriptor(data.length + 1, { gpa: base + STATUS, length: 1, flags: 2, next: 0 });
    offer(0);
    kick();
  }

  return {
    ...pci,
    memory,
    mmio: pci.memory,
    devfn,
    card,
    errors,
    common,
    start,
    writeDescriptor,
    offer,
    kick,
    request,
    blkStatus: () => memory.readU8(base + STATUS),
    deviceStatus: () => pci.memory.read(MODERN + 0x14, 1),
    used: () => ({
      index: memory.readU16(USED + 2),
      last: [0, 4].map((at) => memory.readU32(USED + 4 + 8 * ((memory.readU16(USED + 2) - 1) & 0xff) + at)),
    }),
    rings: { DESC, AVAIL, USED },
  };
}
