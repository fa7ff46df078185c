/** The registers of a vCPU as a debugger reads and writes them, by their numbers in target-description.ts. */
import { setControlWord } from '../cpu/fpu/environment.ts';
import {
  CPL,
  CR0,
  CR0_PE,
  CR2_LO,
  CR3_LO,
  CR4,
  EFER,
  EFLAGS,
  FLAG_VM,
  FPU_CW,
  FPU_REGS,
  FPU_SW,
  KERNEL_GS_LO,
  MODE,
  MODE_CODE64,
  MXCSR,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RIP_LO,
  RSI,
  RSP,
  SEG_BASE_LO,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SELECTOR,
  SEG_SS,
  VEC_GP,
  XMM,
} from '../cpu/state.ts';
import { movToCr } from '../cpu/system/control-registers.ts';
import { Descriptor, readDescriptor, setFromDescriptor, setReal } from '../cpu/system/descriptors.ts';
import { readFlags, writeFlags } from '../cpu/system/flags.ts';
import { setRip } from '../cpu/system/mode.ts';
import { writeMsr } from '../cpu/system/msr.ts';
import type { Vcpu } from '../cpu/vcpu.ts';
import type { DebuggedCpu } from '../machine/machine-debug.ts';
import { REGISTERS } from './target-description.ts';

const IA32_EFER = 0xc0000080;

/** Reads and writes one register. */
interface Access {
  read(cpu: DebuggedCpu): bigint;
  /** `value` is unsigned. A value that the processor would refuse changes nothing. */
  write(cpu: Vcpu, value: bigint): void;
}

function isCode64(S: Int32Array): boolean {
  return (S[MODE] & MODE_CODE64) !== 0;
}

function pair(S: Int32Array, at: number): bigint {
  return (BigInt(S[at + 1] >>> 0) << 32n) | BigInt(S[at] >>> 0);
}

function setPair(S: Int32Array, at: number, value: bigint): void {
  S[at] = Number(BigInt.asIntN(32, value));
  S[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** QEMU: outside of 64-bit code the low half is read and written, and the high one reads as 0. */
function readNatural(S: Int32Array, at: number): bigint {
  return isCode64(S) ? pair(S, at) : BigInt(S[at] >>> 0);
}

function readLow(S: Int32Array, at: number): bigint {
  return BigInt(S[at] >>> 0);
}

function writeNatural(S: Int32Array, at: number, value: bigint): void {
  if (isCode64(S)) setPair(S, at, value);
  else S[at] = low(value);
}

const natural = (at: number): Access => ({
  read: ({ words }) => readNatural(words, at),
  write: ({ S }, value) => writeNatural(S, at, value),
});

/** R8 to R15, which are there in 64-bit code only. */
const high = (at: number): Access => ({
  read: ({ words }) => (isCode64(words) ? pair(words, at) : 0n),
  write({ S }, value) {
    if (isCode64(S)) setPair(S, at, value);
  },
});

const RIP: Access = {
  read: ({ words }) => readNatural(words, RIP_LO),
  write({ S }, value) {
    setRip(S, low(value), isCode64(S) ? low(value >> 32n) : 0);
  },
};

const EFLAGS_ACCESS: Access = {
  read: ({ words }) => BigInt(readFlags(words) >>> 0),
  write(cpu, value) {
    writeFlags(cpu.S, low(value));
    cpu.updateMode();
  },
};

const descriptor = new Descriptor();

/** QEMU: a selector is loaded from its table, without the checks of a processor; what is in no table is ignored. */
function loadSelector(cpu: Vcpu, segment: number, selector: number): void {
  const { S } = cpu;
  if (S[segment + SEG_SELECTOR] === selector) return;
  if ((S[CR0] & CR0_PE) === 0 || (S[EFLAGS] & FLAG_VM) !== 0) setReal(S, segment, selector);
  else if (readDescriptor(cpu, descriptor, selector, VEC_GP))
    setFromDescriptor(S, segment, selector, descriptor);
  cpu.updateMode();
}

const selector = (segment: number): Access => ({
  read: ({ words }) => BigInt(words[segment + SEG_SELECTOR] & 0xffff),
  write: (cpu, value) => loadSelector(cpu, segment, low(value) & 0xffff),
});

/** Written as MOV to a control register does at CPL 0. */
function writeControl(cpu: Vcpu, number: number, value: bigint): void {
  const { S } = cpu;
  const rax = pair(S, RAX);
  const cpl = S[CPL];
  setPair(S, RAX, value);
  S[CPL] = 0;
  movToCr(cpu, 64, number, 0);
  setPair(S, RAX, rax);
  S[CPL] = cpl;
  cpu.updateMode();
}

const control = (number: number, at: number, read: (S: Int32Array, at: number) => bigint): Access => ({
  read: ({ words }) => read(words, at),
  write(cpu, value) {
    // Outside of 64-bit code the high half would go, although nothing is changed.
    if (value !== read(cpu.S, at)) writeControl(cpu, number, value);
  },
});

const CONTROL: readonly Access[] = [
  control(0, CR0, readLow),
  natural(CR2_LO),
  control(3, CR3_LO, readNatural),
  control(4, CR4, readLow),
  {
    read: ({ taskPriority }) => BigInt(taskPriority),
    write: (cpu, value) => cpu.apic?.writeCr8(low(value) & 15),
  },
  {
    read: ({ words }) => BigInt(words[EFER] >>> 0),
    write(cpu, value) {
      writeMsr(cpu, IA32_EFER, low(value), 0);
      cpu.updateMode();
    },
  },
];

/** QEMU: ST(n) is physical register n, whatever TOP says. */
const floating = (n: number): Access => ({
  read: ({ words }) => (BigInt(words[FPU_REGS + 4 * n + 2] & 0xffff) << 64n) | pair(words, FPU_REGS + 4 * n),
  write({ S }, value) {
    setPair(S, FPU_REGS + 4 * n, value);
    S[FPU_REGS + 4 * n + 2] = Number((value >> 64n) & 0xffffn);
  },
});

/** QEMU: tags and the last instruction's addresses read as 0, and ignore what is written. */
const NOTHING: Access = { read: () => 0n, write() {} };

const FLOATING_CONTROL: readonly Access[] = [
  {
    read: ({ words }) => BigInt(words[FPU_CW] & 0xffff),
    write: ({ S }, value) => setControlWord(S, low(value)),
  },
  {
    read: ({ words }) => BigInt(words[FPU_SW] & 0xffff),
    write({ S }, value) {
      S[FPU_SW] = low(value) & 0xffff;
    },
  },
  ...Array.from({ length: 6 }, () => NOTHING),
];

const vector = (n: number): Access => ({
  read: ({ words }) => (pair(words, XMM + 4 * n + 2) << 64n) | pair(words, XMM + 4 * n),
  write({ S }, value) {
    setPair(S, XMM + 4 * n, value);
    setPair(S, XMM + 4 * n + 2, value >> 64n);
  },
});

const range = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** By number. */
const ACCESSES: readonly Access[] = [
  ...[RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP].map(natural),
  ...range(8, (n) => high(2 * (8 + n))),
  RIP,
  EFLAGS_ACCESS,
  ...[SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS].map(selector),
  natural(SEG_FS + SEG_BASE_LO),
  natural(SEG_GS + SEG_BASE_LO),
  natural(KERNEL_GS_LO),
  ...CONTROL,
  ...range(8, floating),
  ...FLOATING_CONTROL,
  ...range(16, vector),
  {
    read: ({ words }) => BigInt(words[MXCSR] >>> 0),
    write({ S }, value) {
      S[MXCSR] = low(value) & 0xffff;
    },
  },
];

function toBytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from(range(length, (n) => Number((value >> BigInt(8 * n)) & 0xffn)));
}

function fromBytes(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Little endian. Undefined: there is no register with this number. */
export function readRegister(cpu: DebuggedCpu, number: number): Uint8Array | undefined {
  const spec = REGISTERS[number];
  return spec && toBytes(ACCESSES[number].read(cpu), spec.bytes);
}

/** Bytes that are missing are 0. Answers how many belong to the register: 0 when there is none. */
export function writeRegister(cpu: Vcpu, number: number, bytes: Uint8Array): number {
  const spec = REGISTERS[number];
  if (spec === undefined) return 0;
  ACCESSES[number].write(cpu, fromBytes(bytes.subarray(0, spec.bytes)));
  return spec.bytes;
}
