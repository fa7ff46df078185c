/** Memory and ports of the guest: `x`, `xp`, `print`, `i`, `o`, `sum`, `gva2gpa` and what saves memory to a file. */
import { codeSizeOf } from '../../machine/cpu-registers.ts';
import type { GuestAccess, MachineApi } from '../../machine/machine-api.ts';
import { type ArgumentValues, FORMAT, integer, long, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import type { MemoryFormat } from '../memory-format.ts';
import { saveMemory, savePhysicalMemory } from '../qapi/machine-memory.ts';
import { instructionsText } from './instruction-dump.ts';
import { type DumpSource, dumpText, printText } from './memory-dump.ts';

const PORT_MASK = 0xffff;
/** QEMU: an access that is neither 2 nor 4 bytes wide is one of a byte. */
const PORT_ACCESSES = [
  { size: 2, letter: 'w', mask: 0xffff },
  { size: 4, letter: 'l', mask: 0xffff_ffff },
] as const;
const BYTE_ACCESS = { size: 1, letter: 'b', mask: 0xff } as const;
const SUM_PIECE = 4096;

function formatOf(args: ArgumentValues): MemoryFormat {
  return args.get('fmt') as MemoryFormat;
}

function longOf(args: ArgumentValues, name: string): bigint {
  return args.get(name) as bigint;
}

function unsignedOf(args: ArgumentValues, name: string): number {
  return Number(args.get(name)) >>> 0;
}

function dump({ machine, cpu }: CommandContext, args: ArgumentValues, read: DumpSource): string {
  const format = formatOf(args);
  const start = longOf(args, 'addr');
  if (format.notation !== 'i') return dumpText(format, start, read);
  const registers = machine.inspect.cpuRegisters(cpu.index);
  return instructionsText(format.count, start, registers === undefined ? 16 : codeSizeOf(registers), read);
}

function portAccess(wanted: number): (typeof PORT_ACCESSES)[number] | typeof BYTE_ACCESS {
  return PORT_ACCESSES.find(({ size }) => size === wanted) ?? BYTE_ACCESS;
}

function readPort({ machine }: CommandContext, args: ArgumentValues): string {
  const format = formatOf(args);
  const { size, letter } = portAccess(format.size);
  let port = Number(args.get('addr')) & PORT_MASK;
  const index = args.get('index');
  if (index !== undefined) {
    machine.access.writePort(port, 1, Number(index) & 0xff);
    port++;
  }
  const value = machine.access.readPort(port & PORT_MASK, size);
  const hex = value.toString(16);
  const digits = format.size * 2;
  // QEMU: the size after x/i is -1, and a width of less than nothing stands for blanks behind the number.
  const text = digits < 0 ? hex.padEnd(-digits) : hex.padStart(digits, '0');
  return `port${letter}[0x${port.toString(16).padStart(4, '0')}] = 0x${text}\n`;
}

function writePort({ machine }: CommandContext, args: ArgumentValues): string {
  const { size, mask } = portAccess(formatOf(args).size);
  machine.access.writePort(
    Number(args.get('addr')) & PORT_MASK,
    size,
    (unsignedOf(args, 'val') & mask) >>> 0,
  );
  return '';
}

/** The checksum of BSD's sum(1). */
function checksum(access: GuestAccess, start: number, size: number): number {
  let sum = 0;
  for (let done = 0; done < size; done += SUM_PIECE) {
    const bytes = new Uint8Array(Math.min(SUM_PIECE, size - done));
    access.readPhysical(BigInt(start + done), bytes);
    for (const byte of bytes) sum = (((sum >> 1) | (sum << 15)) + byte) & 0xffff;
  }
  return sum;
}

/** QEMU: all memory that the machine has from the start is one, or what the user set aside for NUMA nodes. */
function memoryName({ numa, inspect }: MachineApi, name: string, address: bigint): string {
  return name.startsWith('ram-') ? (numa.memdevAt(Number(address))?.name ?? inspect.memory.ramName) : name;
}

/** A browser gives nobody addresses of its own memory. */
function hostAddress({ machine }: CommandContext, kind: string, address: bigint): string {
  const at = `0x${BigInt.asUintN(64, address).toString(16)}`;
  const memory = machine.access.memoryAt(BigInt.asUintN(64, address));
  if (memory !== undefined) {
    const name = memoryName(machine, memory.name, BigInt.asUintN(64, address));
    return `${at} is in ${name}, whose host ${kind} address JavaScript does not tell\n`;
  }
  const isDevice = machine.access.readPhysical(BigInt.asUintN(64, address), new Uint8Array(1));
  return isDevice ? `Memory at address ${at} is not RAM\n` : `No memory is mapped at address ${at}\n`;
}

function guestAddress({ machine, cpu }: CommandContext, linear: bigint): string {
  const tables = machine.access.pageTables(cpu.index);
  if (tables === undefined) return 'No cpu\n';
  const physical = tables.translate(BigInt.asUintN(64, linear));
  if (physical === undefined) return 'Unmapped\n';
  return `gpa: ${printText({ count: 1, notation: 'x', size: 8 }, physical)}\n`;
}

const NO_CPU_TO_DUMP = 'Can not dump without CPU\n';

export const MEMORY_COMMANDS: readonly Command[] = [
  {
    name: 'x',
    args: [FORMAT, long('addr')],
    params: '/fmt addr',
    help: 'show memory from a linear address on',
    run(context, args) {
      const { machine, cpu } = context;
      if (machine.inspect.cpus().length === 0) return NO_CPU_TO_DUMP;
      return dump(context, args, (at, to) => machine.access.readLinear(cpu.index, at, to));
    },
  },
  {
    name: 'xp',
    args: [FORMAT, long('addr')],
    params: '/fmt addr',
    help: 'show memory from a physical address on',
    run(context, args) {
      const { machine } = context;
      const isCode = formatOf(args).notation === 'i';
      if (isCode && machine.inspect.cpus().length === 0) return NO_CPU_TO_DUMP;
      return dump(context, args, (at, to) => machine.access.readPhysical(at, to));
    },
  },
  {
    name: 'print',
    alias: 'p',
    args: [FORMAT, long('val')],
    params: '/fmt expr',
    help: 'show what an expression comes to; $reg is a register, as $pc',
    run: (_context, args) => `${printText(formatOf(args), longOf(args, 'val'))}\n`,
  },
  {
    name: 'i',
    args: [FORMAT, integer('addr'), { name: 'index', kind: 'index' }],
    params: '/fmt addr',
    help: 'read a port',
    run: readPort,
  },
  {
    name: 'o',
    args: [FORMAT, integer('addr'), integer('val')],
    params: '/fmt addr value',
    help: 'write a port',
    run: writePort,
  },
  {
    name: 'sum',
    args: [integer('start'), integer('size')],
    params: 'addr size',
    help: 'checksum of physical memory, as of sum(1)',
    run: ({ machine }, args) => {
      const sum = checksum(machine.access, unsignedOf(args, 'start'), unsignedOf(args, 'size'));
      return `${String(sum).padStart(5, '0')}\n`;
    },
  },
  {
    name: 'memsave',
    args: [long('val'), integer('size'), string('filename')],
    params: 'addr size file',
    help: "write memory from the linear address 'addr' on to a file",
    run({ machine, cpu }, args) {
      if (machine.inspect.cpus().length === 0) return 'No CPU available\n';
      const file = String(args.get('filename'));
      saveMemory(machine, longOf(args, 'val'), unsignedOf(args, 'size'), file, cpu.index);
      return '';
    },
  },
  {
    name: 'pmemsave',
    args: [long('val'), integer('size'), string('filename')],
    params: 'addr size file',
    help: "write memory from the physical address 'addr' on to a file",
    run({ machine }, args) {
      const file = String(args.get('filename'));
      savePhysicalMemory(machine, longOf(args, 'val'), unsignedOf(args, 'size'), file);
      return '';
    },
  },
  {
    name: 'gva2gpa',
    args: [long('addr')],
    params: 'addr',
    help: 'the physical address of a linear one',
    run: (context, args) => guestAddress(context, longOf(args, 'addr')),
  },
  {
    name: 'gpa2hva',
    args: [long('addr')],
    params: 'addr',
    help: 'where the host has a physical address of the guest, in linear memory',
    run: (context, args) => hostAddress(context, 'virtual', longOf(args, 'addr')),
  },
  {
    name: 'gpa2hpa',
    args: [long('addr')],
    params: 'addr',
    help: 'where the host has a physical address of the guest, in physical memory',
    run: (context, args) => hostAddress(context, 'physical', longOf(args, 'addr')),
  },
];
