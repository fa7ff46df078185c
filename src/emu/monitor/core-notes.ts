/** Registers of processors as notes of a core file: Linux's NT_PRSTATUS, and QEMU's own with what that lacks. */
import type { CpuRegisters, SegmentRegister } from '../machine/machine-api.ts';

const NT_PRSTATUS = 1;
const NOTE_HEADER = 12;
/** Where `info registers` has them. */
const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI] = [0, 1, 2, 3, 4, 5, 6, 7];
const [ES, CS, SS, DS, FS, GS, LDT, TR] = [0, 1, 2, 3, 4, 5, 6, 7];

const QEMU_NOTE_VERSION = 1;
const QEMU_NOTE_SIZE = 440;
/** Spec: Linux uapi/linux/elfcore.h, struct elf_prstatus, with the registers of asm/user_64.h or user_32.h. */
const PRSTATUS_64 = { size: 336, pid: 32, registers: 112 } as const;
const PRSTATUS_32 = { size: 144, pid: 24, registers: 72 } as const;

/** First NT_PRSTATUS of all processors, then QEMU's notes. */
export function cpuNotes(cpus: readonly CpuRegisters[]): Uint8Array {
  const notes = [
    ...cpus.map((cpu) => note('CORE', NT_PRSTATUS, cpu.longMode ? status64(cpu) : status32(cpu))),
    ...cpus.map((cpu) => note('QEMU', 0, qemuState(cpu))),
  ];
  const bytes = new Uint8Array(notes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of notes) {
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}

/** Spec: System V gABI, "Note Section": name and description begin at multiples of four. */
function note(name: string, type: number, description: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(`${name}\0`);
  const at = NOTE_HEADER + Math.ceil(text.length / 4) * 4;
  const bytes = new Uint8Array(at + description.length);
  const view = new DataView(bytes.buffer);
  for (const [n, word] of [text.length, description.length, type].entries())
    view.setUint32(4 * n, word, true);
  bytes.set(text, NOTE_HEADER);
  bytes.set(description, at);
  return bytes;
}

/** A selector, as QEMU and Linux have it: a whole word. */
function selector({ segments }: CpuRegisters, index: number): bigint {
  return BigInt(segments[index]?.selector ?? 0);
}

function base({ segments }: CpuRegisters, index: number): bigint {
  return segments[index]?.base ?? 0n;
}

function status64(cpu: CpuRegisters): Uint8Array {
  const bytes = new Uint8Array(PRSTATUS_64.size);
  const view = new DataView(bytes.buffer);
  const general = (...names: readonly number[]): bigint[] => names.map((name) => cpu.general[name] ?? 0n);
  const registers = [
    ...general(15, 14, 13, 12, RBP, RBX, 11, 10, 9, 8, RAX, RCX, RDX, RSI, RDI),
    // No system call was under way, as far as a debugger is told.
    ...[0n, cpu.rip, selector(cpu, CS), BigInt(cpu.flags), ...general(RSP), selector(cpu, SS)],
    ...[base(cpu, FS), base(cpu, GS)],
    ...[DS, ES, FS, GS].map((name) => selector(cpu, name)),
  ];
  view.setUint32(PRSTATUS_64.pid, cpu.index + 1, true);
  for (const [n, value] of registers.entries()) view.setBigUint64(PRSTATUS_64.registers + 8 * n, value, true);
  return bytes;
}

function status32(cpu: CpuRegisters): Uint8Array {
  const bytes = new Uint8Array(PRSTATUS_32.size);
  const view = new DataView(bytes.buffer);
  const general = (...names: readonly number[]): bigint[] => names.map((name) => cpu.general[name] ?? 0n);
  const registers = [
    ...general(RBX, RCX, RDX, RSI, RDI, RBP, RAX),
    ...[DS, ES, FS, GS].map((name) => selector(cpu, name)),
    ...[0n, cpu.rip, selector(cpu, CS), BigInt(cpu.flags), ...general(RSP), selector(cpu, SS)],
  ];
  view.setUint32(PRSTATUS_32.pid, cpu.index + 1, true);
  for (const [n, value] of registers.entries()) {
    view.setUint32(PRSTATUS_32.registers + 4 * n, Number(BigInt.asUintN(32, value)), true);
  }
  return bytes;
}

/** QEMU: QEMUCPUState of version 1. */
function qemuState(cpu: CpuRegisters): Uint8Array {
  const bytes = new Uint8Array(QEMU_NOTE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, QEMU_NOTE_VERSION, true);
  view.setUint32(4, QEMU_NOTE_SIZE, true);
  let at = 8;
  const put = (value: bigint): void => {
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
    at += 8;
  };
  for (const name of [RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP]) put(cpu.general[name] ?? 0n);
  for (const value of cpu.general.slice(8)) put(value);
  put(cpu.rip);
  put(BigInt(cpu.flags));
  const none = { selector: 0, limit: 0, attributes: 0, base: 0n };
  const tables = [cpu.gdt, cpu.idt].map(({ base, limit }) => ({ ...none, base, limit }));
  const segment = (name: number): SegmentRegister => cpu.segments[name] ?? none;
  const segments = [
    ...[CS, DS, ES, FS, GS, SS].map(segment),
    ...[LDT, TR].map((name) => withBaseBits(segment(name))),
  ];
  for (const segment of [...segments, ...tables]) {
    for (const value of segmentWords(segment)) put(value);
  }
  for (const value of [BigInt(cpu.cr0), 0n, cpu.cr2, cpu.cr3, BigInt(cpu.cr4), cpu.kernelGs]) put(value);
  return bytes;
}

/**
 * QEMU: the attributes are the high word of the descriptor, with the bits of the base that are in it. Not modelled: the same of other
 * segments than LDT and TR, whose bases mostly are 0 or were not loaded from a descriptor.
 */
function withBaseBits({ attributes, base, ...others }: SegmentRegister): SegmentRegister {
  const bits = Number(base & 0xff00_0000n) + Number((base >> 16n) & 0xffn);
  return { ...others, base, attributes: attributes + bits };
}

/** Selector and limit, attributes, base. */
function segmentWords({ selector, limit, attributes, base }: SegmentRegister): readonly bigint[] {
  return [BigInt(selector) | (BigInt(limit) << 32n), BigInt(attributes), base];
}
