/** ELF executables: loading their segments and reading their notes. Spec: System V ABI, ELF-64 object file format. */
import type { DmaPort } from '../memory/dma-port.ts';
import { KernelError } from './kernel-error.ts';

const ELF_MAGIC = 0x464c457f;
const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const EM_386 = 3;
const EM_X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
}

export interface ElfImage {
  readonly segments: readonly Segment[];
  readonly notes: readonly ElfNote[];
}

export function isElf(file: Uint8Array): boolean {
  return file.length >= 52 && viewOf(file).getUint32(0, true) === ELF_MAGIC;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads the headers; a file that contradicts itself is a KernelError. */
export function readElf(file: Uint8Array): ElfImage {
  const view = viewOf(file);
  const wide = file[4] === ELFCLASS64;
  if ((!wide && file[4] !== ELFCLASS32) || file[5] !== ELFDATA2LSB) {
    throw new KernelError('Error while loading elf kernel');
  }
  const machine = view.getUint16(18, true);
  if (machine !== EM_386 && machine !== EM_X86_64) throw new KernelError('Error while loading elf kernel');
  const word = (at: number): number =>
    wide ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const table = word(wide ? 32 : 28);
  const entrySize = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  if (entrySize < (wide ? 56 : 32) || table + entrySize * count > file.length) {
    throw new KernelError('Error while loading elf kernel: the program headers lie outside the file');
  }
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = table + entrySize * index;
    return wide
      ? {
          type: view.getUint32(at, true),
          offset: word(at + 8),
          physical: word(at + 24),
          fileSize: word(at + 32),
          memorySize: word(at + 40),
        }
      : {
          type: view.getUint32(at, true),
          offset: word(at + 4),
          physical: word(at + 12),
          fileSize: word(at + 16),
          memorySize: word(at + 20),
        };
  });
  for (const { offset, fileSize, memorySize } of segments) {
    if (offset + fileSize > file.length || memorySize < fileSize) {
      throw new KernelError('Error while loading elf kernel: the file is truncated');
    }
  }
  const notes = segments
    .filter(({ type }) => type === PT_NOTE)
    .flatMap(({ offset, fileSize }) => readNotes(file.subarray(offset, offset + fileSize)));
  return { segments, notes };
}

function align4(value: number): number {
  return (value + 3) & ~3;
}

function readNotes(bytes: Uint8Array): ElfNote[] {
  const view = viewOf(bytes);
  const notes: ElfNote[] = [];
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameSize = view.getUint32(at, true);
    const dataSize = view.getUint32(at + 4, true);
    const data = at + 12 + align4(nameSize);
    if (data + dataSize > bytes.length) break;
    notes.push({
      name: new TextDecoder().decode(bytes.subarray(at + 12, at + 12 + Math.max(0, nameSize - 1))),
      type: view.getUint32(at + 8, true),
      data: bytes.subarray(data, data + dataSize),
    });
    at = data + align4(dataSize);
  }
  return notes;
}

/** Copies the loadable segments to guest memory; the end of the highest, or a KernelError when one does not fit. */
export function loadElf(file: Uint8Array, { segments }: ElfImage, memory: DmaPort): number {
  const loaded = segments.filter(({ type, memorySize }) => type === PT_LOAD && memorySize !== 0);
  if (!loaded.every(({ physical, memorySize }) => memory.isRam(physical, memorySize))) {
    throw new KernelError('Error while loading elf kernel: it does not fit into the guest memory');
  }
  let end = 0;
  for (const { offset, physical, fileSize, memorySize } of loaded) {
    memory.write(physical, file.subarray(offset, offset + fileSize));
    memory.fill(physical + fileSize, memorySize - fileSize, 0);
    end = Math.max(end, physical + memorySize);
  }
  return end;
}
