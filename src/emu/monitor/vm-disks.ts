/** The disks of a machine, as a snapshot of all of it keeps them and puts them back. */
import type { BlockBackend } from '../block/block-backend.ts';
import { imagePath } from '../block/image-names.ts';
import { isZero } from '../block/zeros.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import type { VmDisk } from '../snapshot/vm-format.ts';
import { DISK_PIECE, type VmDiskSource } from '../snapshot/vm-writer.ts';

type Node = ReturnType<MachineApi['drives']['nodes']['list']>[number];
type Backend = Pick<BlockBackend, 'sizeBytes' | 'readSync' | 'read' | 'write' | 'writeZeroes' | 'flush'>;

/** A disk of the machine that may be written, and so must be kept. QEMU: whether or not a device has it. */
export interface LiveDisk extends VmDiskSource {
  readonly node: Node;
  readonly backend: Backend;
}

/** What is in drives, then nodes of `blockdev-add` that nobody uses yet. */
export function liveDisks({ drives }: MachineApi): readonly LiveDisk[] {
  const inDrives = drives.list().flatMap(({ name, medium }) => {
    return medium === undefined ? [] : [liveDisk(name, medium.path, medium.node, medium.backend)];
  });
  const free = drives.nodes.list().filter(({ references, isClosing }) => references === 0 && !isClosing);
  const all = [...inDrives, ...free.map((node) => liveDisk('', node.path, node, node.disk))];
  return all.filter(({ node }) => !node.disk.readOnly);
}

function liveDisk(drive: string, path: string, node: Node, backend: Backend): LiveDisk {
  const read = (offset: number, target: Uint8Array): Promise<void> => readPiece(backend, offset, target);
  return { drive, path, sizeBytes: backend.sizeBytes, read, node, backend };
}

/** The disks of nodes that a client names, each once. Throws QEMU's errors, in QEMU's order. */
export function disksOfNodes(machine: MachineApi, names: readonly string[]): readonly LiveDisk[] {
  if (names.length === 0) throw new MonitorError('At least one device is required for snapshot');
  const nodes = [...new Set(names)].map((name) => {
    const node = machine.drives.nodes.find(name);
    if (node === undefined) throw new MonitorError(`No block device node '${name}'`);
    return node;
  });
  const live = liveDisks(machine);
  return nodes.map((node) => {
    const disk = live.find((one) => one.node === node);
    // QEMU: its format is what keeps snapshots. Ours are beside the images, and a node without a format is refused all the same.
    if (disk === undefined || node.file === undefined) {
      throw new MonitorError(`Device '${node.name}' is writable but does not support snapshots`);
    }
    return disk;
  });
}

/** Whether the snapshot has what this disk held. */
export function isKept(disk: VmDisk, kept: readonly VmDisk[]): boolean {
  return kept.some((one) => keyOf(one) === keyOf(disk));
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
