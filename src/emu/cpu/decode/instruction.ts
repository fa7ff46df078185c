/** One instruction while it is being decoded: its bytes, prefixes and operands, and the records that it becomes. */

import { type CpuFeature, type CpuFeatures, hasFeature } from '../cpu-features.ts';
import { helperNumber } from '../helpers/helpers.ts';
import { INDEX_SHIFT, LENGTH_SHIFT } from '../interp/position.ts';
import type { Width } from '../semantics/emitter.ts';
import { ADDRESSINGS, type Addressing } from '../semantics/move.ts';
import { opNumber } from '../semantics/table.ts';
import {
  MODE_CODE32,
  MODE_CODE64,
  MODE_FLAT,
  MODE_STACK32,
  PAGE_LO,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LIMIT,
  SEG_SS,
  TEMP0,
  ZERO,
} from '../state.ts';

/** Words per record. */
export const RECORD = 8;
/** Spec: Intel SDM vol. 2 §2.3.11: longer instructions are #GP. */
export const MAX_LENGTH = 15;

export const PREFIX_REPNE = 0xf2;
export const PREFIX_REP = 0xf3;

/** Why decoding stopped. */
export const DECODED = 0;
/** The bytes given end inside the instruction. */
export const NEED_MORE = 1;
/** More than 15 bytes: #GP. */
export const TOO_LONG = 2;

const EA_SEGMENT32 = opNumber('ea_segment32');
const SEGMENT_BASE = helperNumber('segmentBase');
/** In the size that helpers of segmented addresses take: the operand will be written. */
const SEGMENT_WRITE = 0x1000;
const HELPER = opNumber('helper');
const HELPER_END = opNumber('helper_end');
const HELPER_REPEAT = opNumber('helper_repeat');

/** Record kinds of a memory operation for each addressing. */
export type MemoryKinds = Readonly<Record<Addressing, number>>;

export function memoryKinds(name: string): MemoryKinds {
  const kinds: Partial<Record<Addressing, number>> = {};
  for (const addressing of ADDRESSINGS) kinds[addressing] = opNumber(`${name}_${addressing}`);
  return kinds as MemoryKinds;
}

const EA_BIS64 = opNumber('ea_bis64');
const EA_BIS32 = opNumber('ea_bis32');
const EA_SEG64 = opNumber('ea_seg64');
const EA_SEG32 = opNumber('ea_seg32');

export class Instruction {
  /** Where records go. */
  readonly C: Int32Array;
  /** First free word of C. */
  at = 0;
  bytes: Uint8Array = new Uint8Array(0);
  /** Index of the next byte to read and of the first that may not be read. */
  position = 0;
  limit = 0;
  start = 0;
  /** Offset of the instruction in its page, and its number in the block. */
  offset = 0;
  index = 0;
  mode = 0;
  overrun = false;

  rex = 0;
  /** 0x66 was seen. */
  operandPrefix = false;
  addressPrefix = false;
  repeat = 0;
  lock = false;
  /** The instruction may have a LOCK prefix, when its operand is in memory. */
  lockable = false;
  /** Word offset of the overriding segment register, or 0. */
  segment = 0;
  operandSize: 16 | 32 | 64 = 32;
  addressSize: 16 | 32 | 64 = 32;
  /** The block ends after this instruction. */
  ends = false;

  modrm = 0;
  mod = 0;
  /** ModRM.reg with REX.R, ModRM.rm with REX.B. */
  reg = 0;
  rm = 0;
  base = ZERO;
  indexRegister = ZERO;
  scale = 0;
  displacement = 0;
  ripRelative = false;
  /** Segment that the operand is in by default. */
  defaultSegment = SEG_DS;

  readonly #features: CpuFeatures;

  constructor(C: Int32Array, features: CpuFeatures) {
    this.C = C;
    this.#features = features;
  }

  /** The processor announces `feature`. */
  has(feature: CpuFeature): boolean {
    return hasFeature(this.#features, feature);
  }

  get code64(): boolean {
    return (this.mode & MODE_CODE64) !== 0;
  }

  /** Branches and the stack may use the fast records: 64-bit code, or flat 32-bit code with a 32-bit stack. */
  get fastWidth(): 0 | 32 | 64 {
    if (this.code64) return 64;
    const flat = MODE_CODE32 | MODE_FLAT | MODE_STACK32;
    return (this.mode & flat) === flat ? 32 : 0;
  }

  begin(
    bytes: Uint8Array,
    position: number,
    limit: number,
    offset: number,
    index: number,
    mode: number,
  ): void {
    this.bytes = bytes;
    this.start = position;
    this.position = position;
    this.limit = limit;
    this.offset = offset;
    this.index = index;
    this.mode = mode;
    this.overrun = false;
    this.rex = 0;
    this.operandPrefix = false;
    this.addressPrefix = false;
    this.repeat = 0;
    this.lock = false;
    this.lockable = false;
    this.segment = 0;
    this.ends = false;
    this.ripRelative = false;
  }

  byte(): number {
    if (this.position >= this.limit) {
      this.overrun = true;
      return 0;
    }
    return this.bytes[this.position++];
  }

  /** The next byte, which stays to be read; 0 when there is none. */
  peek(): number {
    if (this.position < this.limit) return this.bytes[this.position];
    this.overrun = true;
    return 0;
  }

  signed8(): number {
    return (this.byte() << 24) >> 24;
  }

  half(): number {
    return this.byte() | (this.byte() << 8);
  }

  word(): number {
    return this.half() | (this.half() << 16);
  }

  /** Immediate of the operand size; 64-bit operands take a sign-extended word. */
  immediate(width: Width): number {
    if (width === 8) return this.signed8();
    if (width === 16) return (this.half() << 16) >> 16;
    return this.word();
  }

  /** Reads prefixes; returns the first opcode byte. */
  prefixes(): number {
    const code64 = this.code64;
    for (;;) {
      const byte = this.byte();
      if (this.overrun) return 0;
      switch (byte) {
        case 0x66:
          this.operandPrefix = true;
          break;
        case 0x67:
          this.addressPrefix = true;
          break;
        case 0xf0:
          this.lock = true;
          break;
        case PREFIX_REPNE:
        case PREFIX_REP:
          this.repeat = byte;
          break;
        case 0x26:
          if (!code64) this.segment = SEG_ES;
          break;
        case 0x2e:
          if (!code64) this.segment = SEG_CS;
          break;
        case 0x36:
          if (!code64) this.segment = SEG_SS;
          break;
        case 0x3e:
          if (!code64) this.segment = SEG_DS;
          break;
        case 0x64:
          this.segment = SEG_FS;
          break;
        case 0x65:
          this.segment = SEG_GS;
          break;
        default:
          if (code64 && (byte & 0xf0) === 0x40) {
            this.rex = byte;
            // A REX prefix counts only right before the opcode.
            const next = this.bytes[this.position];
            if (this.position < this.limit && isPrefix(next)) {
              this.rex = 0;
              continue;
            }
            const opcode = this.byte();
            this.#sizes();
            return opcode;
          }
          this.#sizes();
          return byte;
      }
    }
  }

  #sizes(): void {
    if (this.code64) {
      this.operandSize = (this.rex & 8) !== 0 ? 64 : this.operandPrefix ? 16 : 32;
      this.addressSize = this.addressPrefix ? 32 : 64;
    } else {
      const wide = (this.mode & MODE_CODE32) !== 0;
      this.operandSize = wide !== this.operandPrefix ? 32 : 16;
      this.addressSize = wide !== this.addressPrefix ? 32 : 16;
    }
  }

  /** A VEX prefix gives what REX gives. `first`: the byte with R, X and B inverted, or 0 in the short form, which has R in `second`. */
  readVex(first: number, second: number): void {
    if (!this.code64) {
      this.operandSize = 32;
      return;
    }
    const isShort = first === 0;
    this.rex = isShort ? (~second >> 5) & 4 : ((~first >> 5) & 7) | ((second >> 4) & 8);
    this.operandSize = (this.rex & 8) !== 0 ? 64 : 32;
  }

  /** Reads ModRM, SIB and displacement. */
  readModrm(): void {
    const modrm = this.byte();
    this.modrm = modrm;
    this.mod = modrm >> 6;
    this.reg = ((modrm >> 3) & 7) | ((this.rex & 4) << 1);
    this.rm = (modrm & 7) | ((this.rex & 1) << 3);
    if (this.mod === 3) return;
    this.base = ZERO;
    this.indexRegister = ZERO;
    this.scale = 0;
    this.displacement = 0;
    this.defaultSegment = SEG_DS;
    if (this.addressSize === 16) this.#address16(modrm & 7);
    else this.#address32(modrm & 7);
  }

  #address16(rm: number): void {
    const [BX, BP, SI, DI] = [6, 10, 12, 14];
    const bases = [BX, BX, BP, BP, SI, DI, BP, BX];
    const indices = [SI, DI, SI, DI, ZERO, ZERO, ZERO, ZERO];
    this.base = bases[rm];
    this.indexRegister = indices[rm];
    if (this.mod === 0 && rm === 6) {
      this.base = ZERO;
      this.displacement = this.half();
      return;
    }
    if (this.base === BP) this.defaultSegment = SEG_SS;
    if (this.mod === 1) this.displacement = this.signed8();
    else if (this.mod === 2) this.displacement = this.half();
  }

  #address32(rm: number): void {
    let base = rm | ((this.rex & 1) << 3);
    let noBase = false;
    if (rm === 4) {
      const sib = this.byte();
      const index = ((sib >> 3) & 7) | ((this.rex & 2) << 2);
      if (index !== 4) {
        this.indexRegister = index * 2;
        this.scale = sib >> 6;
      }
      base = (sib & 7) | ((this.rex & 1) << 3);
      noBase = (sib & 7) === 5 && this.mod === 0;
    } else if (rm === 5 && this.mod === 0) {
      noBase = true;
      this.ripRelative = this.code64;
    }
    if (!noBase) {
      this.base = base * 2;
      if (base === 4 || base === 5) this.defaultSegment = SEG_SS;
    }
    if (this.mod === 1) this.displacement = this.signed8();
    else if (this.mod === 2 || noBase) this.displacement = this.word();
  }

  get isMemory(): boolean {
    return this.mod !== 3;
  }

  /** Index of an 8-bit register in bytes: AH, CH, DH, BH without REX, SPL, BPL, SIL, DIL with it. */
  register8(n: number): number {
    return this.rex === 0 && n >= 4 && n < 8 ? (n - 4) * 8 + 1 : n * 8;
  }

  /** A register as a record field: index of bytes, half-words or words by width. */
  register(width: Width, n: number): number {
    if (width === 8) return this.register8(n);
    return width === 16 ? n * 4 : n * 2;
  }

  /** An engine temporary (its word index) as a record field. */
  temp(width: Width, word: number = TEMP0): number {
    if (width === 8) return word * 4;
    return width === 16 ? word * 2 : word;
  }

  emit(kind: number, f1 = 0, f2 = 0, f3 = 0, f4 = 0, f5 = 0, f6 = 0): void {
    const { C, at } = this;
    C[at] = kind;
    C[at + 1] = f1;
    C[at + 2] = f2;
    C[at + 3] = f3;
    C[at + 4] = f4;
    C[at + 5] = f5;
    C[at + 6] = f6;
    this.at = at + RECORD;
  }

  /** The memory operand with `kinds`' operation; field 1 is `operand`. `bytes` and `write` serve segment limit checks. */
  emitMemory(kinds: MemoryKinds, operand: number, bytes: number, write: boolean): void {
    if (this.#needsEa()) {
      this.emitEa(bytes, write);
      this.emit(kinds.ea, operand);
      return;
    }
    const narrow = this.addressSize === 32;
    const base = this.#baseOfRip();
    if (this.indexRegister === ZERO) {
      this.emit(narrow ? kinds.bd32 : kinds.bd64, operand, base, this.displacement);
    } else {
      const kind = narrow ? kinds.bis32 : kinds.bis64;
      this.emit(kind, operand, base, this.displacement, this.indexRegister, this.scale);
    }
  }

  /** Leaves the operand's linear address in EA_LO, EA_HI. */
  emitEa(bytes: number, write: boolean): void {
    const base = this.#baseOfRip();
    const segment = this.segment === 0 ? this.defaultSegment : this.segment;
    if (this.code64) {
      const narrow = this.addressSize === 32;
      const based = segment === SEG_FS || segment === SEG_GS;
      const kind = based ? (narrow ? EA_SEG32 : EA_SEG64) : narrow ? EA_BIS32 : EA_BIS64;
      this.emit(kind, segment + SEG_BASE_LO, base, this.displacement, this.indexRegister, this.scale);
      return;
    }
    if (this.#flatSegment(segment) && this.addressSize === 32) {
      this.emit(EA_BIS32, 0, base, this.displacement, this.indexRegister, this.scale);
      return;
    }
    if (this.addressSize === 32) {
      this.emit(EA_BIS32, 0, base, this.displacement, this.indexRegister, this.scale);
      const [low, limit, attr] = [SEG_BASE_LO, SEG_LIMIT, SEG_ATTR].map((word) => segment + word);
      this.emit(EA_SEGMENT32, SEGMENT_BASE, bytes | (write ? SEGMENT_WRITE : 0), segment, low, limit, attr);
      return;
    }
    // Segment limits and types are checked, 16-bit offsets wrap.
    const form = base | (this.indexRegister << 8) | (this.scale << 16) | (this.addressSize << 20);
    this.emitHelper(
      'segmentedAddress',
      bytes | (write ? SEGMENT_WRITE : 0),
      segment,
      form,
      this.displacement,
      0,
    );
  }

  #flatSegment(segment: number): boolean {
    return (this.mode & MODE_FLAT) !== 0 && segment !== SEG_FS && segment !== SEG_GS;
  }

  #needsEa(): boolean {
    const segment = this.segment === 0 ? this.defaultSegment : this.segment;
    if (this.code64) return segment === SEG_FS || segment === SEG_GS;
    return this.addressSize === 16 || !this.#flatSegment(segment);
  }

  /** LEA: the offset, without a segment. */
  emitLea(kinds: MemoryKinds, operand: number): void {
    if (this.addressSize === 16) {
      const form = this.base | (this.indexRegister << 8) | (this.addressSize << 20);
      this.emitHelper('offset16', 0, 0, form, this.displacement, 0);
      this.emit(kinds.ea, operand);
      return;
    }
    const narrow = this.addressSize === 32;
    const base = this.#baseOfRip();
    if (this.indexRegister === ZERO)
      this.emit(narrow ? kinds.bd32 : kinds.bd64, operand, base, this.displacement);
    else {
      const kind = narrow ? kinds.bis32 : kinds.bis64;
      this.emit(kind, operand, base, this.displacement, this.indexRegister, this.scale);
    }
  }

  /** RIP-relative operands count from the next instruction: the start of the page plus a constant, fixed in `finish`. */
  #baseOfRip(): number {
    return this.ripRelative ? PAGE_LO : this.base;
  }

  emitHelper(name: string, size: number, reg: number, rm: number, imm: number, imm2: number): void {
    this.emit(HELPER, helperNumber(name), size, reg, rm, imm, imm2);
  }

  /** A repeated string instruction, which leaves to be continued when it is not finished. */
  emitHelperRepeat(name: string, size: number, imm: number, imm2: number): void {
    this.emit(HELPER_REPEAT, helperNumber(name), size, 0, 0, imm, imm2);
  }

  /** A helper after which the next instruction is looked up again. */
  emitHelperEnd(name: string, size: number, reg = 0, rm = 0, imm = 0, imm2 = 0): void {
    this.emit(HELPER_END, helperNumber(name), size, reg, rm, imm, imm2);
    this.ends = true;
  }

  /** Offset in the page of the byte after what was read so far. */
  get nextOffset(): number {
    return this.offset + (this.position - this.start);
  }

  /** Completes the records from word `from` on: position of each, RIP-relative displacements. */
  finish(from: number): number {
    if (this.overrun) {
      this.at = from;
      return this.position - this.start >= MAX_LENGTH ? TOO_LONG : NEED_MORE;
    }
    const length = this.position - this.start;
    if (length > MAX_LENGTH) {
      this.at = from;
      return TOO_LONG;
    }
    const { C } = this;
    const position = this.offset | (length << LENGTH_SHIFT) | (this.index << INDEX_SHIFT);
    for (let at = from; at < this.at; at += RECORD) {
      C[at + 7] = position;
      if (this.ripRelative && C[at + 2] === PAGE_LO && C[at] !== HELPER && C[at] !== HELPER_END) {
        C[at + 3] = (C[at + 3] + this.nextOffset) | 0;
      }
    }
    return DECODED;
  }
}

function isPrefix(byte: number): boolean {
  if ((byte & 0xf0) === 0x40) return true;
  return [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte);
}
