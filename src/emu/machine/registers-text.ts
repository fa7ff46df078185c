/** A processor's registers in QEMU's layout, which depends on its mode: `info registers`, and the log. */
import type { CpuRegisters, SegmentRegister } from './cpu-registers.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;
const GENERAL_ROWS: readonly (readonly (readonly [name: string, register: number])[])[] = [
  [
    ['AX', RAX],
    ['BX', RBX],
    ['CX', RCX],
    ['DX', RDX],
  ],
  [
    ['SI', RSI],
    ['DI', RDI],
    ['BP', RBP],
    ['SP', RSP],
  ],
];
const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'];

const ATTR_ACCESSED = 1 << 8;
const ATTR_WRITABLE = 1 << 9;
const ATTR_EXPAND_DOWN = 1 << 10;
const ATTR_CODE = 1 << 11;
const ATTR_S = 1 << 12;
const ATTR_P = 1 << 15;
const ATTR_L = 1 << 21;
const ATTR_DB = 1 << 22;
const CR0_PE = 1;
/** CF, PF, AF, ZF, SF, OF. */
const ARITHMETIC_FLAGS = 0x8d5;

/** Spec: Intel SDM vol. 3 §3.5, system descriptor types in legacy and in IA-32e mode, in QEMU's words. */
const SYSTEM_TYPES: readonly string[] =
  'Reserved TSS16-avl LDT TSS16-busy CallGate16 TaskGate IntGate16 TrapGate16 Reserved TSS32-avl Reserved TSS32-busy CallGate32 Reserved IntGate32 TrapGate32'.split(
    ' ',
  );
const SYSTEM_TYPES_LONG: readonly string[] =
  '<hiword> Reserved LDT Reserved Reserved Reserved Reserved Reserved Reserved TSS64-avl Reserved TSS64-busy CallGate64 Reserved IntGate64 TrapGate64'.split(
    ' ',
  );

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');
const low = (value: bigint): bigint => BigInt.asUintN(32, value);

function flagsText(flags: number): string {
  const letters: readonly (readonly [number, string])[] = [
    [10, 'D'],
    [11, 'O'],
    [7, 'S'],
    [6, 'Z'],
    [4, 'A'],
    [2, 'P'],
    [0, 'C'],
  ];
  return letters.map(([bit, letter]) => ((flags >>> bit) & 1 ? letter : '-')).join('');
}

function segmentKind(attributes: number, longMode: boolean, code64: boolean): string {
  if ((attributes & ATTR_S) === 0) {
    return (longMode ? SYSTEM_TYPES_LONG : SYSTEM_TYPES)[(attributes >>> 8) & 15] ?? '';
  }
  const bit = (mask: number, letter: string): string => ((attributes & mask) !== 0 ? letter : '-');
  const rights = (first: string, second: string): string =>
    ` [${bit(ATTR_EXPAND_DOWN, first)}${bit(ATTR_WRITABLE, second)}${bit(ATTR_ACCESSED, 'A')}]`;
  const wide = (attributes & ATTR_DB) !== 0;
  if ((attributes & ATTR_CODE) !== 0) {
    const width = (attributes & ATTR_L) !== 0 ? '64' : wide ? '32' : '16';
    return `CS${width}${rights('C', 'R')}`;
  }
  return `DS${wide || code64 ? '  ' : '16'}${rights('E', 'W')}`;
}

function segmentText(name: string, segment: SegmentRegister, registers: CpuRegisters): string {
  const { code64, longMode, cr0 } = registers;
  const { selector, base, limit, attributes } = segment;
  const where = code64 ? hex(base, 16) : hex(low(base), 8);
  const start = `${name.padEnd(3)}=${hex(selector, 4)} ${where} ${hex(limit, 8)} ${hex(attributes, 8)}`;
  if ((cr0 & CR0_PE) === 0 || (attributes & ATTR_P) === 0) return `${start}\n`;
  return `${start} DPL=${(attributes >>> 13) & 3} ${segmentKind(attributes, longMode, code64)}\n`;
}

function generalText({ general, rip, flags, code64, ...rest }: CpuRegisters): string {
  const letter = code64 ? 'R' : 'E';
  const value = (n: number): string => {
    const register = general[n] ?? 0n;
    return code64 ? hex(register, 16) : hex(low(register), 8);
  };
  const rows = GENERAL_ROWS.map((row) => row.map(([name, n]) => `${letter}${name}=${value(n)}`).join(' '));
  if (code64) {
    for (let n = 8; n < 16; n += 4) {
      rows.push([n, n + 1, n + 2, n + 3].map((r) => `${`R${r}`.padEnd(3)}=${value(r)}`).join(' '));
    }
  }
  const bit = (on: boolean): number => (on ? 1 : 0);
  const ip = code64 ? hex(rip, 16) : hex(low(rip), 8);
  rows.push(
    `${letter}IP=${ip} ${letter}FL=${hex(flags, 8)} [${flagsText(flags)}] CPL=${rest.cpl} ` +
      `II=${bit(rest.interruptShadow)} A20=${bit(rest.a20)} SMM=${bit(rest.smm)} HLT=${bit(rest.halted)}`,
  );
  return `${rows.join('\n')}\n`;
}

/** @param lazyFlags between DR7 and EFER */
function systemText(
  { gdt, idt, cr0, cr2, cr3, cr4, debug, efer, longMode }: CpuRegisters,
  lazyFlags: string,
): string {
  const address = (value: bigint): string => (longMode ? hex(value, 16) : hex(low(value), 8));
  const dr = debug.map((value) => hex(value, 16));
  return (
    `GDT=     ${address(gdt.base)} ${hex(gdt.limit, 8)}\n` +
    `IDT=     ${address(idt.base)} ${hex(idt.limit, 8)}\n` +
    `CR0=${hex(cr0, 8)} CR2=${address(cr2)} CR3=${address(cr3)} CR4=${hex(cr4, 8)}\n` +
    `DR0=${dr[0]} DR1=${dr[1]} DR2=${dr[2]} DR3=${dr[3]} \n` +
    `DR6=${dr[4]} DR7=${dr[5]}\n${lazyFlags}` +
    `EFER=${hex(efer, 16)}\n`
  );
}

function pairs(items: readonly string[]): string {
  return items.map((item, n) => `${item}${n % 2 === 1 ? '\n' : ' '}`).join('');
}

function fpuText(registers: CpuRegisters): string {
  const { fpuControl, fpuStatus, fpuTags, mxcsr, fpu, xmm, code64 } = registers;
  const top = (fpuStatus >>> 11) & 7;
  return (
    `FCW=${hex(fpuControl, 4)} FSW=${hex(fpuStatus, 4)} [ST=${top}] FTW=${hex(fpuTags, 2)} MXCSR=${hex(mxcsr, 8)}\n` +
    pairs(fpu.map(({ mantissa, exponent }, n) => `FPR${n}=${hex(mantissa, 16)} ${hex(exponent, 4)}`)) +
    pairs(
      xmm
        .slice(0, code64 ? 16 : 8)
        .map((one, n) => `XMM${String(n).padStart(2, '0')}=${hex(one.high, 16)} ${hex(one.low, 16)}`),
    )
  );
}

function segmentsText(registers: CpuRegisters): string {
  const texts = SEGMENT_NAMES.map((name, n) => {
    const segment = registers.segments[n];
    return segment === undefined ? '' : segmentText(name, segment, registers);
  });
  return texts.join('');
}

/** One processor's registers. */
export function registersText(registers: CpuRegisters): string {
  return `\nCPU#${registers.index}\n${dumpText(registers, '')}${fpuText(registers)}`;
}

function dumpText(registers: CpuRegisters, lazyFlags: string): string {
  return generalText(registers) + segmentsText(registers) + systemText(registers, lazyFlags);
}

/**
 * The same as the log has it. QEMU: with the operands of the last operation, of which flags are worked out when they are asked for. Ours always
 * are, and have what QEMU has then.
 */
export function loggedText(registers: CpuRegisters, withFpu: boolean): string {
  const flags = hex(registers.flags & ARITHMETIC_FLAGS, registers.code64 ? 16 : 8);
  const nothing = hex(0, registers.code64 ? 16 : 8);
  const lazyFlags = `CCS=${flags} CCD=${nothing} CCO=EFLAGS\n`;
  return dumpText(registers, lazyFlags) + (withFpu ? fpuText(registers) : '');
}
