/** The disks of a machine, as a snapshot of all of it keeps them and puts them back. */
import { imagePath } from '../block/image-names.ts';
import { isZero } from '../block/zeros.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import type { VmDisk } from '../snapshot/vm-format.ts';
import { DISK_PIECE, type VmDiskSource } from '../snapshot/vm-writer.ts';

type Drive = ReturnType<MachineApi['drives']['list']>[number];
type Backend = NonNullable<Drive['medium']>['backend'];

/** A disk of the machine that may be written, and so must be kept. QEMU: whether or not a device has it. */
export interface LiveDisk extends VmDiskSource {
  readonly backend: Backend;
}

export function liveDisks({ drives }: MachineApi): readonly LiveDisk[] {
  return drives.list().flatMap(({ name, medium }) => {
    if (medium === undefined || medium.backend.readOnly) return [];
    const { path, backend } = medium;
    const read = (offset: number, target: Uint8Array): Promise<void> => readPiece(backend, offset, target);
    return [{ drive: name, path, sizeBytes: backend.sizeBytes, read, backend }];
  });
}

/**
 * Whether the machine can go back to these disks: all that it has were kept, and a drive that had one has it. QEMU: a drive that is gone
 * altogether, as only one without a device can be, is not missed.
 */
export function areKept(machine: MachineApi, kept: readonly VmDisk[]): boolean {
  const live = new Set(liveDisks(machine).map(keyOf));
  const keptKeys = new Set(kept.map(keyOf));
  const ids = new Set(machine.drives.list().map(({ id }) => id));
  const isMissed = (disk: VmDisk): boolean => ids.has(disk.drive) && !live.has(keyOf(disk));
  return [...live].every((key) => keptKeys.has(key)) && !kept.some(isMissed);
}

function keyOf({ drive, path, sizeBytes }: VmDisk): string {
  return JSON.stringify([drive, imagePath(path), sizeBytes]);
}

async function readPiece(backend: Backend, offset: number, target: Uint8Array): Promise<void> {
  if (!backend.readSync(offset, target)) await backend.read(offset, target);
}

/** Gives disks the contents that they had; pieces come ascending, and what none covers becomes zeros. Rejects with `BlockError`. */
export class DiskRestore {
  /** In the order of the snapshot; undefined: the machine has that disk no more. */
  readonly #backends: readonly (Backend | undefined)[];
  readonly #present = new Uint8Array(DISK_PIECE);
  #disk = 0;
  #offset = 0;

  /** @param kept those of the snapshot, among which are all of `disks` */
  constructor(kept: readonly VmDisk[], disks: readonly LiveDisk[]) {
    this.#backends = kept.map((disk) => disks.find((one) => keyOf(one) === keyOf(disk))?.backend);
  }

  async put(disk: number, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#clearTo(disk, offset);
    const backend = this.#backends[disk];
    for (let done = 0; done < bytes.length && backend !== undefined; done += DISK_PIECE) {
      const piece = bytes.subarray(done, done + DISK_PIECE);
      const present = await this.#read(backend, offset + done, piece.length);
      if (!areEqual(present, piece)) await backend.write(offset + done, piece);
    }
    this.#offset = offset + bytes.length;
  }

  /** No more pieces come: resolves when all is stored. */
  async finish(): Promise<void> {
    await this.#clearTo(this.#backends.length, 0);
    await Promise.all(this.#backends.map((backend) => backend?.flush()));
  }

  async #clearTo(disk: number, offset: number): Promise<void> {
    for (; this.#disk < disk; this.#disk++) {
      const backend = this.#backends[this.#disk];
      if (backend !== undefined) await this.#clear(backend, backend.sizeBytes);
      this.#offset = 0;
    }
    const backend = this.#backends[disk];
    if (backend !== undefined) await this.#clear(backend, offset);
  }

  /** What is zeros already is not written: an image has no room for it. */
  async #clear(backend: Backend, end: number): Promise<void> {
    for (; this.#offset < end; this.#offset += DISK_PIECE) {
      const length = Math.min(DISK_PIECE, end - this.#offset);
      const present = await this.#read(backend, this.#offset, length);
      if (!isZero(present)) await backend.writeZeroes(this.#offset, length);
    }
    this.#offset = end;
  }

  async #read(backend: Backend, offset: number, length: number): Promise<Uint8Array> {
    const present = this.#present.subarray(0, length);
    await readPiece(backend, offset, present);
    return present;
  }
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
