/** bzImage kernels. Spec: Linux Documentation/arch/x86/boot.rst and zero-page.rst. */
import type { DmaPort } from '../memory/dma-port.ts';
import type { EntryState } from './entry.ts';
import { placeInitrd } from './initrd.ts';
import { KernelError } from './kernel-error.ts';
import type { LoadRequest } from './load.ts';
import {
  COMMAND_LINE,
  GDT,
  GDT_LIMIT,
  PAGE_TABLES,
  STACK_TOP,
  writeCommandLine,
  writeGdt,
  writePageTables,
  ZERO_PAGE,
} from './low-memory.ts';
import { memoryMap } from './memory-map.ts';
import { firmwareMsrs } from './msrs.ts';

const HEADER = 0x1f1;
const BOOT_FLAG = 0x1fe;
const BOOT_SIGNATURE = 0xaa55;
const HEADER_MAGIC = 0x202;
const HDRS = 0x53726448;
const VERSION = 0x206;
const LOADFLAGS = 0x211;
const LOADED_HIGH = 1;
const CAN_USE_HEAP = 0x80;
const TYPE_OF_LOADER = 0x210;
/** QEMU registered as boot loader 0xb. */
const LOADER_QEMU = 0xb0;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const INITRD_ADDR_MAX = 0x22c;
const XLOADFLAGS = 0x236;
const XLF_KERNEL_64 = 1;
const CMDLINE_SIZE = 0x238;
const INIT_SIZE = 0x260;
const ENTRY64 = 0x200;
const ACPI_RSDP_ADDR = 0x70;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_ENTRY_SIZE = 20;
const PROTOCOL_2_06 = 0x206;
const PROTOCOL_2_10 = 0x20a;
const PROTOCOL_2_12 = 0x20c;
const LOAD_ADDRESS = 0x100000;
const DEFAULT_INITRD_MAX = 0x37ffffff;
const DEFAULT_CMDLINE_SIZE = 255;

export function isBzImage(file: Uint8Array): boolean {
  if (file.length < 0x270) return false;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return view.getUint16(BOOT_FLAG, true) === BOOT_SIGNATURE && view.getUint32(HEADER_MAGIC, true) === HDRS;
}

/** Loads the kernel, fills boot_params; 64-bit kernels start at their 64-bit entry, others in protected mode. */
export function loadBzImage(request: LoadRequest, memory: DmaPort): EntryState {
  const { kernel } = request;
  const header = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const version = header.getUint16(VERSION, true);
  if (version < PROTOCOL_2_06 || (kernel[LOADFLAGS] & LOADED_HIGH) === 0) {
    throw new KernelError('The kernel is too old: its boot protocol is below 2.06');
  }
  const setupSectors = kernel[HEADER] === 0 ? 4 : kernel[HEADER];
  const setupSize = (setupSectors + 1) * 512;
  if (setupSize >= kernel.length) throw new KernelError('The kernel is truncated');
  const body = kernel.subarray(setupSize);
  const room = version >= PROTOCOL_2_10 ? header.getUint32(INIT_SIZE, true) : body.length;
  const end = LOAD_ADDRESS + Math.max(room, body.length);
  if (!memory.write(LOAD_ADDRESS, body)) {
    throw new KernelError('The kernel does not fit into the guest memory');
  }
  const maxEnd = (header.getUint32(INITRD_ADDR_MAX, true) || DEFAULT_INITRD_MAX) + 1;
  const initrd = placeInitrd(request.initrd, memory, request.ram, end, maxEnd);
  const wide = version >= PROTOCOL_2_12 && (header.getUint16(XLOADFLAGS, true) & XLF_KERNEL_64) !== 0;
  writeCommand(request, memory, header);
  writeZeroPage(request, memory, initrd);
  writeGdt(memory, wide);
  if (wide) writePageTables(memory);
  return {
    mode: wide ? 'long64' : 'protected32',
    rip: LOAD_ADDRESS + (wide ? ENTRY64 : 0),
    rbx: 0,
    rsi: ZERO_PAGE,
    rsp: STACK_TOP,
    cr3: wide ? PAGE_TABLES : 0,
    gdt: GDT,
    gdtLimit: GDT_LIMIT,
    msrs: firmwareMsrs(request.ram),
  };
}

function writeCommand({ commandLine }: LoadRequest, memory: DmaPort, header: DataView): void {
  const limit = header.getUint32(CMDLINE_SIZE, true) || DEFAULT_CMDLINE_SIZE;
  if (commandLine.length > limit || !writeCommandLine(memory, commandLine)) {
    throw new KernelError(`The kernel command line is longer than the kernel's limit of ${limit} bytes`);
  }
}

function writeZeroPage(request: LoadRequest, memory: DmaPort, initrd: number): void {
  const { kernel } = request;
  memory.fill(ZERO_PAGE, 4096, 0);
  // The setup header ends where the byte at 0x201 says.
  const headerEnd = 0x202 + kernel[0x201];
  memory.write(ZERO_PAGE + HEADER, kernel.subarray(HEADER, headerEnd));
  memory.writeU8(ZERO_PAGE + TYPE_OF_LOADER, LOADER_QEMU);
  memory.writeU8(ZERO_PAGE + LOADFLAGS, (kernel[LOADFLAGS] | LOADED_HIGH) & ~CAN_USE_HEAP);
  memory.writeU32(ZERO_PAGE + CODE32_START, LOAD_ADDRESS);
  memory.writeU32(ZERO_PAGE + RAMDISK_IMAGE, initrd);
  memory.writeU32(ZERO_PAGE + RAMDISK_SIZE, request.initrd?.length ?? 0);
  memory.writeU32(ZERO_PAGE + CMD_LINE_PTR, COMMAND_LINE);
  memory.writeU64(ZERO_PAGE + ACPI_RSDP_ADDR, request.rsdp);
  const ranges = memoryMap(request.ram, request.hypertransport);
  memory.writeU8(ZERO_PAGE + E820_ENTRIES, ranges.length);
  for (const [index, range] of ranges.entries()) {
    const at = ZERO_PAGE + E820_TABLE + E820_ENTRY_SIZE * index;
    memory.writeU64(at, range.base);
    memory.writeU64(at + 8, range.size);
    memory.writeU32(at + 16, range.type);
  }
}
