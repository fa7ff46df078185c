/** The few facts of an ELF file that the image builder needs. Spec: System V gABI chapters 4 and 5; psABI i386, x86-64. */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

/** A parsed ELF file, 32 or 64 bits, little endian. */
export class ElfFile {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #is64: boolean;

  /** Throws RangeError when the bytes are not a little-endian ELF file. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!isElf(bytes) || bytes[5] !== 1) throw new RangeError('not a little-endian ELF file');
    this.#is64 = bytes[4] === 2;
  }

  /** Sonames in DT_NEEDED order; empty for a static program. */
  needed(): string[] {
    const segments = this.#segments();
    const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const step = this.#is64 ? 8 : 4;
    const nameOffsets: number[] = [];
    let stringTable = 0;
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.fileSize; at += 2 * step) {
      const tag = this.#word(at);
      const value = this.#word(at + step);
      if (tag === DT_NULL) break;
      if (tag === DT_NEEDED) nameOffsets.push(value);
      if (tag === DT_STRTAB) stringTable = value;
    }
    const holder = segments.find(
      (s) => s.type === PT_LOAD && stringTable >= s.address && stringTable < s.address + s.fileSize,
    );
    if (holder === undefined) return [];
    const base = stringTable - holder.address + holder.offset;
    return nameOffsets.map((offset) => this.#string(base + offset));
  }

  /** Path of the dynamic loader, undefined for a library or a static program. */
  interpreter(): string | undefined {
    const segment = this.#segments().find((s) => s.type === PT_INTERP);
    return segment === undefined ? undefined : this.#string(segment.offset);
  }

  /** True when a PVH loader can enter the kernel. Spec: Xen PVH direct boot ABI, ELF note 18. */
  hasPvhEntry(): boolean {
    return this.#segments()
      .filter((s) => s.type === PT_NOTE)
      .some((segment) => {
        let at = segment.offset;
        while (at + 12 <= segment.offset + segment.fileSize) {
          const nameSize = this.#view.getUint32(at, true);
          const descriptionSize = this.#view.getUint32(at + 4, true);
          const type = this.#view.getUint32(at + 8, true);
          if (type === XEN_ELFNOTE_PHYS32_ENTRY && this.#string(at + 12) === 'Xen') return true;
          at += 12 + align4(nameSize) + align4(descriptionSize);
        }
        return false;
      });
  }

  /** Bytes of the first section of that name, undefined when there is none. */
  section(name: string): Uint8Array | undefined {
    const tableOffset = this.#is64 ? this.#word(40) : this.#word(32);
    const [entrySize, count, namesIndex] = [0, 2, 4].map((o) =>
      this.#view.getUint16((this.#is64 ? 58 : 46) + o, true),
    ) as [number, number, number];
    const header = (index: number): { name: number; offset: number; size: number } => {
      const at = tableOffset + index * entrySize;
      const offset = this.#word(at + (this.#is64 ? 24 : 16));
      const size = this.#word(at + (this.#is64 ? 32 : 20));
      return { name: this.#view.getUint32(at, true), offset, size };
    };
    if (tableOffset === 0) return undefined;
    const names = header(namesIndex).offset;
    for (let index = 0; index < count; index++) {
      const found = header(index);
      if (this.#string(names + found.name) === name) {
        return this.#bytes.subarray(found.offset, found.offset + found.size);
      }
    }
    return undefined;
  }

  #segments(): Segment[] {
    const tableOffset = this.#is64 ? this.#word(32) : this.#word(28);
    const entrySize = this.#view.getUint16(this.#is64 ? 54 : 42, true);
    const count = this.#view.getUint16(this.#is64 ? 56 : 44, true);
    return Array.from({ length: count }, (_, index) => {
      const at = tableOffset + index * entrySize;
      const type = this.#view.getUint32(at, true);
      return this.#is64
        ? { type, offset: this.#word(at + 8), address: this.#word(at + 16), fileSize: this.#word(at + 32) }
        : { type, offset: this.#word(at + 4), address: this.#word(at + 8), fileSize: this.#word(at + 16) };
    });
  }

  #word(at: number): number {
    if (!this.#is64) return this.#view.getUint32(at, true);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }

  #string(at: number): string {
    const end = this.#bytes.indexOf(0, at);
    return Buffer.from(this.#bytes.subarray(at, end < 0 ? undefined : end)).toString('latin1');
  }
}

/** True when the bytes start with ELF's magic number. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

function align4(value: number): number {
  return (value + 3) & ~3;
}
