/** Reads what `savevm` kept. */
import { damagedError } from './format.ts';
import { decodePlain } from './plain-codec.ts';
import { RecordStream, type SnapshotRecord, viewOf } from './record-stream.ts';
import {
  DISK_HEADER_SIZE,
  isVmInfo,
  VM_FILE,
  VM_RECORD_DISK,
  VM_RECORD_END,
  VM_RECORD_INFO,
  VM_RECORD_MACHINE,
  type VmInfo,
} from './vm-format.ts';

/** The next thing that a snapshot has; its bytes stay as they are until the one after it is asked for. */
export type VmPart =
  | { readonly type: 'info'; readonly info: VmInfo }
  /** Lies inside of the disk with that number; disks ascend, and so do offsets in each. */
  | { readonly type: 'disk'; readonly disk: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'machine'; readonly bytes: Uint8Array };

/** The parts in their order: info, disks, machine. Throws `SnapshotError` for bytes that nobody wrote. */
export async function* readVm(source: AsyncIterable<Uint8Array>): AsyncGenerator<VmPart> {
  const stream = new RecordStream(VM_FILE);
  const parts = new VmParts();
  for await (const chunk of source) {
    stream.push(chunk);
    for (let record = stream.next(); record !== undefined; record = stream.next()) {
      const part = parts.take(record);
      if (part !== undefined) yield part;
    }
  }
  if (!parts.ended || stream.pendingBytes > 0) throw damagedError('its end is missing');
}

/** What stands at its head. Throws `SnapshotError`. */
export async function readVmInfo(source: AsyncIterable<Uint8Array>): Promise<VmInfo> {
  for await (const part of readVm(source)) if (part.type === 'info') return part.info;
  throw damagedError('its end is missing');
}

class VmParts {
  #info: VmInfo | undefined;
  #records = 0;
  /** Where the next piece of a disk may begin. */
  #disk = 0;
  #offset = 0;
  ended = false;

  take({ type, payload }: SnapshotRecord): VmPart | undefined {
    if (this.ended) throw damagedError('something follows its end');
    if (type === VM_RECORD_INFO) return { type: 'info', info: this.#takeInfo(payload) };
    if (this.#info === undefined) throw damagedError('its head is missing');
    switch (type) {
      case VM_RECORD_DISK:
        this.#records++;
        return this.#diskPiece(this.#info, payload);
      case VM_RECORD_MACHINE:
        this.#records++;
        this.#disk = this.#info.disks.length;
        return { type: 'machine', bytes: payload };
      case VM_RECORD_END:
        if (payload.length !== 4 || viewOf(payload).getUint32(0, true) !== this.#records) {
          throw damagedError('records are missing');
        }
        this.ended = true;
        return undefined;
      default:
        throw damagedError(`it has a record of type ${type}`);
    }
  }

  #takeInfo(payload: Uint8Array): VmInfo {
    const info = decodePlain(payload);
    if (this.#info !== undefined || !isVmInfo(info)) throw damagedError('its head is none');
    this.#info = info;
    return info;
  }

  #diskPiece({ disks }: VmInfo, payload: Uint8Array): VmPart {
    if (payload.length <= DISK_HEADER_SIZE) throw damagedError('a piece of a disk is not whole');
    const view = viewOf(payload);
    const disk = view.getUint32(0, true);
    const offset = view.getUint32(4, true) + view.getUint32(8, true) * 2 ** 32;
    const bytes = payload.subarray(DISK_HEADER_SIZE);
    const isNext = disk > this.#disk || (disk === this.#disk && offset >= this.#offset);
    if (!isNext || offset + bytes.length > (disks[disk]?.sizeBytes ?? 0)) {
      throw damagedError('a piece of a disk is at a wrong place');
    }
    this.#disk = disk;
    this.#offset = offset + bytes.length;
    return { type: 'disk', disk, offset, bytes };
  }
}
