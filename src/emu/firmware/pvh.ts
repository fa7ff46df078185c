/** Direct start of an ELF kernel. Spec: Xen docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h. */
import type { DmaPort } from '../memory/dma-port.ts';
import { type ElfImage, loadElf, readElf } from './elf.ts';
import type { EntryState } from './entry.ts';
import { placeInitrd } from './initrd.ts';
import { KernelError } from './kernel-error.ts';
import type { LoadRequest } from './load.ts';
import {
  COMMAND_LINE,
  GDT,
  GDT_LIMIT,
  STACK_TOP,
  START_INFO,
  writeCommandLine,
  writeGdt,
} from './low-memory.ts';
import { memoryMap } from './memory-map.ts';
import { firmwareMsrs } from './msrs.ts';

const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const START_MAGIC = 0x336ec578;
const START_VERSION = 1;
const MODULE_LIST = START_INFO + 0x40;
const MEMORY_MAP = START_INFO + 0x80;
const MAP_ENTRY_SIZE = 24;
/** QEMU: what its loader keeps free for ACPI at the end of RAM. */
const INITRD_DISTANCE = 0x28000;

function entryPoint({ notes }: ElfImage): number {
  const note = notes.find(({ name, type }) => name === 'Xen' && type === XEN_ELFNOTE_PHYS32_ENTRY);
  if (note === undefined || note.data.length < 4) {
    throw new KernelError('Error loading uncompressed kernel without PVH ELF Note');
  }
  return new DataView(note.data.buffer, note.data.byteOffset).getUint32(0, true);
}

/** Loads the kernel, writes hvm_start_info; the processor is to start in 32-bit protected mode with its address in EBX. */
export function loadPvh(request: LoadRequest, memory: DmaPort): EntryState {
  const image = readElf(request.kernel);
  const rip = entryPoint(image);
  const end = loadElf(request.kernel, image, memory);
  const initrd = placeInitrd(request.initrd, memory, request.ram, end, request.ram.below4g - INITRD_DISTANCE);
  if (!writeCommandLine(memory, request.commandLine))
    throw new KernelError('The kernel command line is too long');
  writeGdt(memory, false);
  writeStartInfo(memory, request, initrd);
  return {
    mode: 'protected32',
    rip,
    rbx: START_INFO,
    rsi: 0,
    rsp: STACK_TOP,
    cr3: 0,
    gdt: GDT,
    gdtLimit: GDT_LIMIT,
    msrs: firmwareMsrs(request.ram),
  };
}

function writeStartInfo(
  memory: DmaPort,
  { rsdp, initrd, ram, hypertransport }: LoadRequest,
  initrdAddress: number,
): void {
  const ranges = memoryMap(ram, hypertransport);
  memory.writeU32(START_INFO, START_MAGIC);
  memory.writeU32(START_INFO + 4, START_VERSION);
  memory.writeU32(START_INFO + 8, 0);
  memory.writeU32(START_INFO + 12, initrd === undefined ? 0 : 1);
  memory.writeU64(START_INFO + 16, initrd === undefined ? 0 : MODULE_LIST);
  memory.writeU64(START_INFO + 24, COMMAND_LINE);
  memory.writeU64(START_INFO + 32, rsdp);
  memory.writeU64(START_INFO + 40, MEMORY_MAP);
  memory.writeU32(START_INFO + 48, ranges.length);
  memory.writeU32(START_INFO + 52, 0);
  if (initrd !== undefined) {
    memory.writeU64(MODULE_LIST, initrdAddress);
    memory.writeU64(MODULE_LIST + 8, initrd.length);
    memory.writeU64(MODULE_LIST + 16, 0);
    memory.writeU64(MODULE_LIST + 24, 0);
  }
  for (const [index, range] of ranges.entries()) {
    const at = MEMORY_MAP + MAP_ENTRY_SIZE * index;
    memory.writeU64(at, range.base);
    memory.writeU64(at + 8, range.size);
    memory.writeU32(at + 16, range.type);
    memory.writeU32(at + 20, 0);
  }
}
