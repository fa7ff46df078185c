/**
 * A vCPU in 64-bit user mode over the memory map of the instruction vectors, without a machine.
 *
 * | linear | physical | holds |
 * |---|---|---|
 * | 0x400000 | 0x100000 | code: INT3 but for the vector's instruction; read-only |
 * | 0x500000 | 0x102000 | first data page; what lies around the data pages is not mapped |
 * | 0x501000 | 0x101000 | second data page |
 * | 0x600000 | 0x103000 | stack, not mapped around either |
 * | 0x700000 | 0x104000 | interrupt descriptor table, for the supervisor |
 * | 0x701000 | 0x105000 | task state segment, descriptor table and interrupt stack, for the supervisor |
 */
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import * as cpuState from '../../src/emu/cpu/state.ts';
import type { Vcpu } from '../../src/emu/cpu/vcpu.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import {
  applyBytes,
  DATA_ADDRESS,
  FS_BASE,
  GS_BASE,
  initialMemory,
  MEMORY_SIZE,
  STATE_WORDS,
  type Vector,
  WORD_FCW,
  WORD_FLAGS,
  WORD_FSW,
  WORD_FTW,
  WORD_MXCSR,
  WORD_RIP,
  WORD_ST,
  WORD_XMM,
  wordsBefore,
} from '../conformance/vector-format.ts';

const PAGE = 0x1000;
const PML4 = 0x1000;
const PDPT = 0x2000;
const DIRECTORY = 0x3000;
const TABLE_4M = 0x4000;
const TABLE_6M = 0x5000;
export const CODE_GPA = 0x100000;
/** Where each page of a vector's memory is. */
export const MEMORY_GPA = [0x102000, 0x101000, 0x103000] as const;
const IDT_ADDRESS = 0x700000;
const IDT_GPA = 0x104000;
const SYSTEM_ADDRESS = 0x701000;
const SYSTEM_GPA = 0x105000;
const TSS_LIMIT = 0x67;
const GDT_OFFSET = 0x100;
const INTERRUPT_STACK = 0x800;
/** Handlers that are never reached: their addresses tell the vector. */
const HANDLERS = 0x710000;
export const RIG_MEMORY_BYTES = 0x200000;

const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const USER_CS = 0x33;
const USER_SS = 0x2b;
const TYPE_CODE_READ_ACCESSED =
  cpuState.ATTR_S | cpuState.ATTR_CODE | cpuState.ATTR_READABLE | cpuState.ATTR_ACCESSED;
const TYPE_DATA_WRITE_ACCESSED = cpuState.ATTR_S | cpuState.ATTR_WRITABLE | cpuState.ATTR_ACCESSED;
const DPL3 = 3 << cpuState.ATTR_DPL_SHIFT;

/** No device answers: all ports and MMIO read as ones. */
export const NO_DEVICES: CpuHost = {
  ioRead: () => -1,
  ioWrite() {},
  mmioRead: () => -1,
  mmioWrite() {},
  nowNs: () => 0,
  random() {},
  acknowledgePic: () => 0,
  broadcastEoi() {},
};

/** Builds the page tables, and puts the vCPU in 64-bit user mode. */
export function enterUserMode(cpu: Vcpu): void {
  const { S, memory } = cpu;
  mapPages(memory);
  S[cpuState.CR0] =
    cpuState.CR0_PG | cpuState.CR0_PE | cpuState.CR0_WP | cpuState.CR0_MP | cpuState.CR0_NE | cpuState.CR0_ET;
  S[cpuState.CR3_LO] = PML4;
  S[cpuState.CR4] = cpuState.CR4_PAE | cpuState.CR4_OSFXSR | cpuState.CR4_OSXMMEXCPT | cpuState.CR4_FSGSBASE;
  S[cpuState.EFER] = cpuState.EFER_LME | cpuState.EFER_LMA | cpuState.EFER_SCE | cpuState.EFER_NXE;
  const code = TYPE_CODE_READ_ACCESSED | DPL3 | cpuState.ATTR_P | cpuState.ATTR_L | cpuState.ATTR_G;
  const data = TYPE_DATA_WRITE_ACCESSED | DPL3 | cpuState.ATTR_P | cpuState.ATTR_DB | cpuState.ATTR_G;
  setSegment(S, cpuState.SEG_CS, USER_CS, code, 0n);
  setSegment(S, cpuState.SEG_SS, USER_SS, data, 0n);
  setSegment(S, cpuState.SEG_DS, 0, 0, 0n);
  setSegment(S, cpuState.SEG_ES, 0, 0, 0n);
  setSegment(S, cpuState.SEG_FS, 0, 0, FS_BASE);
  setSegment(S, cpuState.SEG_GS, 0, 0, GS_BASE);
  S[cpuState.CPL] = 3;
  S[cpuState.IDTR_LO] = IDT_ADDRESS;
  S[cpuState.IDTR_HI] = 0;
  S[cpuState.IDTR_LIMIT] = 0xfff;
  setSegment(S, cpuState.SEG_TR, 0x40, 0xb00 | cpuState.ATTR_P, BigInt(SYSTEM_ADDRESS));
  S[cpuState.SEG_TR + cpuState.SEG_LIMIT] = TSS_LIMIT;
  S[cpuState.GDTR_LO] = SYSTEM_ADDRESS + GDT_OFFSET;
  S[cpuState.GDTR_HI] = 0;
  S[cpuState.GDTR_LIMIT] = 0x37;
  cpu.flushTlb(true);
  cpu.updateMode();
}

function setSegment(S: Int32Array, segment: number, selector: number, attr: number, base: bigint): void {
  S[segment + cpuState.SEG_SELECTOR] = selector;
  S[segment + cpuState.SEG_ATTR] = attr;
  S[segment + cpuState.SEG_LIMIT] = attr === 0 ? 0 : -1;
  S[segment + cpuState.SEG_BASE_LO] = Number(base & 0xffffffffn);
  S[segment + cpuState.SEG_BASE_HI] = Number(base >> 32n);
}

function mapPages(memory: GuestMemory): void {
  const entry = (table: number, index: number, value: number): void => {
    memory.writeU32(table + 8 * index, value);
    memory.writeU32(table + 8 * index + 4, 0);
  };
  const user = PRESENT | WRITABLE | USER;
  entry(PML4, 0, PDPT | user);
  entry(PDPT, 0, DIRECTORY | user);
  entry(DIRECTORY, 2, TABLE_4M | user);
  entry(DIRECTORY, 3, TABLE_6M | user);
  entry(TABLE_4M, 0, CODE_GPA | PRESENT | USER);
  entry(TABLE_4M, (DATA_ADDRESS >>> 12) & 0x1ff, MEMORY_GPA[0] | user);
  entry(TABLE_4M, ((DATA_ADDRESS >>> 12) & 0x1ff) + 1, MEMORY_GPA[1] | user);
  entry(TABLE_6M, 0, MEMORY_GPA[2] | user);
  entry(TABLE_6M, (IDT_ADDRESS >>> 12) & 0x1ff, IDT_GPA | PRESENT | WRITABLE);
  entry(TABLE_6M, (SYSTEM_ADDRESS >>> 12) & 0x1ff, SYSTEM_GPA | PRESENT | WRITABLE);
  memory.writeU32(SYSTEM_GPA + 4, SYSTEM_ADDRESS + INTERRUPT_STACK);
  memory.writeU16(SYSTEM_GPA + 0x66, TSS_LIMIT + 1);
  /* Selector 0x10: 64-bit code of the supervisor; 0x2b and 0x33: the user's data and code. */
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x10, 0xffff);
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x14, 0xaf9b00);
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x28, 0xffff);
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x2c, 0xcff300);
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x30, 0xffff);
  memory.writeU32(SYSTEM_GPA + GDT_OFFSET + 0x34, 0xaffb00);
  memory.fill(CODE_GPA, PAGE, 0xcc);
  for (let vector = 0; vector < 256; vector++) {
    const dpl = vector === cpuState.VEC_BP || vector === cpuState.VEC_OF ? 3 : 0;
    const gate = IDT_GPA + 16 * vector;
    memory.writeU16(gate, (HANDLERS + vector) & 0xffff);
    memory.writeU16(gate + 2, 0x10);
    memory.writeU16(gate + 6, HANDLERS >>> 16);
    memory.writeU16(gate + 4, 0x8e00 | (dpl << 13));
  }
}

/** Puts all registers and memory as they were before the vector's instruction. */
export function loadVector(cpu: Vcpu, vector: Vector, before: Uint32Array): void {
  const { S, memory } = cpu;
  for (let i = 0; i < 32; i++) S[i] = before[i];
  for (let i = 0; i < 64; i++) S[cpuState.XMM + i] = before[WORD_XMM + i];
  const top = (before[WORD_FSW] >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const to = cpuState.FPU_REGS + 4 * ((top + i) & 7);
    for (let word = 0; word < 3; word++) S[to + word] = before[WORD_ST + 3 * i + word];
  }
  S[cpuState.FPU_CW] = before[WORD_FCW];
  S[cpuState.FPU_SW] = before[WORD_FSW];
  S[cpuState.FPU_EMPTY] = ~before[WORD_FTW] & 0xff;
  S[cpuState.MXCSR] = before[WORD_MXCSR];
  S[cpuState.RIP_LO] = before[WORD_RIP];
  S[cpuState.RIP_HI] = before[WORD_RIP + 1];
  S[cpuState.FAULT] = 0;
  S[cpuState.SHADOW] = 0;
  S[cpuState.HALTED] = 0;
  S[cpuState.CR2_LO] = 0;
  S[cpuState.CR2_HI] = 0;
  cpu.writeFlags(before[WORD_FLAGS]);
  const initial = initialMemory(vector.seed, vector.flavour);
  for (let page = 0; page < MEMORY_GPA.length; page++) {
    memory.write(MEMORY_GPA[page], initial.subarray(page * PAGE, (page + 1) * PAGE));
  }
  for (const patch of vector.patches) {
    for (let i = 0; i < patch.bytes.length; i++) {
      const offset = patch.offset + i;
      memory.writeU8(MEMORY_GPA[offset >>> 12] + (offset & (PAGE - 1)), patch.bytes[i]);
    }
  }
  memory.write(CODE_GPA + vector.codeOffset, vector.code);
}

/** Makes the code page INT3 again. */
export function unloadVector(cpu: Vcpu, vector: Vector): void {
  const start = CODE_GPA + vector.codeOffset;
  cpu.memory.write(start, new Uint8Array(vector.code.length).fill(0xcc));
}

/** Undoes a software interrupt that was delivered: back in user mode with the frame's RIP and RSP. */
export function softwareInterrupt(cpu: Vcpu): RigFault | undefined {
  const { S, memory } = cpu;
  if (S[cpuState.CPL] !== 0) return undefined;
  const vector = S[cpuState.RIP_LO] - HANDLERS;
  const frame = SYSTEM_GPA + (S[cpuState.RSP] - SYSTEM_ADDRESS);
  const flags = memory.readU32(frame + 16);
  for (const [register, offset] of [
    [cpuState.RIP_LO, 0],
    [cpuState.RSP, 24],
  ] as const) {
    S[register] = memory.readU32(frame + offset) | 0;
    S[register + 1] = memory.readU32(frame + offset + 4) | 0;
  }
  enterUserMode(cpu);
  cpu.writeFlags(flags);
  return { vector, error: 0 };
}

/** Registers as the vector format has them. */
export function wordsOf(cpu: Vcpu): Uint32Array {
  const { S } = cpu;
  const words = new Uint32Array(STATE_WORDS);
  for (let i = 0; i < 32; i++) words[i] = S[i];
  for (let i = 0; i < 64; i++) words[WORD_XMM + i] = S[cpuState.XMM + i];
  const top = (S[cpuState.FPU_SW] >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const from = cpuState.FPU_REGS + 4 * ((top + i) & 7);
    for (let word = 0; word < 3; word++) words[WORD_ST + 3 * i + word] = S[from + word];
    words[WORD_ST + 3 * i + 2] &= 0xffff;
  }
  words[WORD_FCW] = S[cpuState.FPU_CW];
  words[WORD_FSW] = S[cpuState.FPU_SW];
  words[WORD_FTW] = ~S[cpuState.FPU_EMPTY] & 0xff;
  words[WORD_MXCSR] = S[cpuState.MXCSR];
  words[WORD_RIP] = S[cpuState.RIP_LO];
  words[WORD_RIP + 1] = S[cpuState.RIP_HI];
  words[WORD_FLAGS] = cpu.readFlags();
  return words;
}

/** The data pages and the stack page. */
export function memoryOf(cpu: Vcpu): Uint8Array {
  const bytes = new Uint8Array(MEMORY_SIZE);
  MEMORY_GPA.forEach((gpa, page) => {
    cpu.memory.read(gpa, bytes.subarray(page * PAGE, (page + 1) * PAGE));
  });
  return bytes;
}

export interface RigFault {
  readonly vector: number;
  readonly error: number;
}

/** What a vCPU must offer to run vectors. */
export interface CpuRig {
  readonly cpu: Vcpu;
  /** Runs one instruction, or with `repeats` until RIP leaves it (REP); the exception that it raised. */
  step(repeats: boolean): RigFault | undefined;
}

export interface Outcome {
  readonly words: Uint32Array;
  readonly memory: Uint8Array;
  readonly fault: RigFault | undefined;
  readonly cr2Lo: number;
  readonly cr2Hi: number;
}

/** The recorded outcome. */
export function expected(vector: Vector): { words: Uint32Array; memory: Uint8Array } {
  const words = wordsBefore(vector);
  for (let i = 0; i < vector.changes.length; i += 2) words[vector.changes[i]] = vector.changes[i + 1];
  const memory = initialMemory(vector.seed, vector.flavour).slice();
  applyBytes(memory, vector.patches);
  applyBytes(memory, vector.memoryChanges);
  return { words, memory };
}

function isRepeated(code: Uint8Array): boolean {
  let i = 0;
  let repeated = false;
  for (; i < code.length - 1; i++) {
    if (code[i] === 0xf2 || code[i] === 0xf3) repeated = true;
    else if (![0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67].includes(code[i]) && (code[i] & 0xf0) !== 0x40)
      break;
  }
  return repeated && code[i] >= 0xa4 && code[i] <= 0xaf;
}

/** Runs one vector on a rig that is in user mode. */
export function runVector(rig: CpuRig, vector: Vector): Outcome {
  const { cpu } = rig;
  loadVector(cpu, vector, wordsBefore(vector));
  const fault = rig.step(isRepeated(vector.code));
  const outcome = {
    words: wordsOf(cpu),
    memory: memoryOf(cpu),
    fault,
    cr2Lo: cpu.S[cpuState.CR2_LO] >>> 0,
    cr2Hi: cpu.S[cpuState.CR2_HI] >>> 0,
  };
  unloadVector(cpu, vector);
  return outcome;
}
