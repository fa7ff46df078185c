/** A guest driver for one virtio-blk-pci, over that for any virtio card. */
import type { BlockBackend } from '../../src/emu/block/block-backend.ts';
import { BlockError, checkRange } from '../../src/emu/block/block-backend.ts';
import type { IoErrorListener } from '../../src/emu/block/block-errors.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { assert } from '../../src/emu/core/assert.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { VirtioBlk } from '../../src/emu/virtio/virtio-blk.ts';
import { VIRTIO_BLK_DEFAULTS, type VirtioBlkProperties } from '../../src/emu/virtio/virtio-blk-config.ts';
import { VirtioPci, type VirtioPciProperties } from '../../src/emu/virtio/virtio-pci.ts';
import { queueRig } from './virtio-queues.ts';

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

  get allocatedBytes(): number {
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

/** Room for the data of the tests; each of them makes such a rig. */
const RAM = 1 << 20;
const RINGS = 0x1000;
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

/** @param base where the driver's structures are in guest memory */
export function virtioRig(properties: VirtioBlkPciProperties, disk: TestDisk, ram = pcMemory(RAM), base = 0) {
  const DESC = base + RINGS;
  const [AVAIL, USED] = [DESC + 0x1000, DESC + 0x2000];
  const settings: VirtioBlkProperties = { ...VIRTIO_BLK_DEFAULTS, ...properties };
  const { disableLegacy = false, disableModern = false, vectors = settings.numQueues + 1 } = properties;
  const errors: string[] = [];
  let gate: DriveGate | undefined;
  const onError: IoErrorListener = (operation, error) => {
    errors.push(`${operation} ${error.code}`);
    return gate?.errors.actionOn(operation, error) ?? 'report';
  };
  const made = queueRig(
    (memory, clock) => {
      gate = new DriveGate(clock);
      return new VirtioPci(
        { type: 'virtio-blk-pci', transitionalDeviceId: 0x1001, classCode: 0x010000 },
        new VirtioBlk(settings, disk, { memory, trace: QUIET, clock, onError, gate }),
        { disableLegacy, disableModern, vectors },
        memory,
      );
    },
    { memory: ram, rings: DESC },
  );
  assert(gate !== undefined, 'the card was made with it');
  const { memory } = made;
  const offer = (head: number) => made.offer(0, head);
  const kick = () => made.kick(0);

  function writeDescriptor(index: number, { gpa, length, flags, next }: Descriptor, table = DESC): void {
    const at = table + 16 * index;
    memory.writeU32(at, gpa % 2 ** 32);
    memory.writeU32(at + 4, Math.floor(gpa / 2 ** 32));
    memory.writeU32(at + 8, length);
    memory.writeU16(at + 12, flags);
    memory.writeU16(at + 14, next);
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
    ...made,
    gate,
    errors,
    writeDescriptor,
    offer,
    kick,
    request,
    blkStatus: () => memory.readU8(base + STATUS),
    /** Queue 0 on vector 1, configuration on vector 0. */
    start: (features?: bigint) => made.start([0], features),
    used: () => ({
      index: memory.readU16(USED + 2),
      last: [0, 4].map((at) => memory.readU32(USED + 4 + 8 * ((memory.readU16(USED + 2) - 1) & 0xff) + at)),
    }),
    rings: { DESC, AVAIL, USED },
  };
}
