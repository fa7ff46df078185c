/** One instruction while it is being read: its bytes, prefixes and ModRM. Spec: Intel SDM vol. 2 chapter 2. */

/** Bits that code has by default for its operands and addresses. */
export type CodeSize = 16 | 32 | 64;
export type OperandSize = 16 | 32 | 64;

/** Spec: Intel SDM vol. 2 §2.3.11. */
export const MAX_LENGTH = 15;

const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;
const LOCK = 0xf0;
const REPNE = 0xf2;
const REP = 0xf3;
/** Numbers of segment registers by the prefix that names them. */
const SEGMENT_PREFIXES: ReadonlyMap<number, number> = new Map([
  [0x26, 0],
  [0x2e, 1],
  [0x36, 2],
  [0x3e, 3],
  [0x64, 4],
  [0x65, 5],
]);

/** The prefixes among which an opcode may choose its instruction. */
export type MandatoryPrefix = 0 | 0x66 | 0xf2 | 0xf3;

/** What an EVEX prefix says beside what VEX can. */
export interface Evex {
  /** What is added to the numbers of vector registers in ModRM.reg, in ModRM.rm, and in the index of an address. */
  readonly highReg: number;
  readonly highRm: number;
  readonly highIndex: number;
  /** The number of the mask register. */
  readonly mask: number;
  /** Elements without their bit in the mask become 0. */
  readonly zeroes: boolean;
  /** Memory is one element for all; without memory: rounding is chosen. */
  readonly broadcasts: boolean;
}

/** What a VEX or an EVEX prefix says beside what REX can. */
export interface Vex {
  /** Number of the map of opcodes. */
  readonly map: number;
  readonly prefix: MandatoryPrefix;
  /** The register that is neither in ModRM nor in the opcode. */
  readonly register: number;
  /** Vectors have 128 bits shifted left by this. */
  readonly length: number;
  readonly evex?: Evex;
}

const VEX_PREFIXES: readonly MandatoryPrefix[] = [0, 0x66, 0xf3, 0xf2];

export class Instruction {
  readonly bytes: Uint8Array;
  readonly address: bigint;
  readonly code: CodeSize;
  /** Where the next byte is read. */
  position = 0;
  /** A byte was wanted that is not there. */
  overrun = false;

  rex = 0;
  hasOperandPrefix = false;
  hasAddressPrefix = false;
  /** The last one of LOCK, REPNE and REP; 0 when there is none. */
  repeat = 0;
  /** REPNE or REP that says where a transaction begins or ends; 0 when there is none. */
  transaction = 0;
  segment: number | undefined;
  /** The prefix right before the opcode, or before REX. */
  last = 0;
  vex: Vex | undefined;

  /** What a displacement of one byte counts. */
  displacementScale = 1;
  opcode = 0;
  modrm = 0;
  /** Address of the memory operand in ModRM, as text; undefined: it is a register. */
  memory: string | undefined;

  constructor(bytes: Uint8Array, address: bigint, code: CodeSize) {
    this.bytes = bytes.subarray(0, MAX_LENGTH);
    this.address = address;
    this.code = code;
  }

  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) this.overrun = true;
    else this.position++;
    return byte ?? 0;
  }

  peek(ahead = 0): number {
    return this.bytes[this.position + ahead] ?? 0;
  }

  /** The next bytes as a number without sign. */
  unsigned(size: number): bigint {
    let value = 0n;
    for (let n = 0; n < size; n++) value |= BigInt(this.byte()) << BigInt(8 * n);
    return value;
  }

  signed(size: number): bigint {
    return BigInt.asIntN(8 * size, this.unsigned(size));
  }

  get mod(): number {
    return this.modrm >> 6;
  }

  /** ModRM.reg without REX. */
  get group(): number {
    return (this.modrm >> 3) & 7;
  }

  get reg(): number {
    return this.group | ((this.rex & 4) << 1);
  }

  get rm(): number {
    return (this.modrm & 7) | ((this.rex & 1) << 3);
  }

  get isWide(): boolean {
    return (this.rex & 8) !== 0;
  }

  /** REP or REPNE is right before the opcode. */
  get isRepeated(): boolean {
    return this.last === REP || this.last === REPNE;
  }

  /** QEMU: prefix 67 right before REX.W chooses instructions as prefix 66 does. */
  get hasAddressQuirk(): boolean {
    return this.code === 64 && this.last === ADDRESS_SIZE && this.isWide && this.vex === undefined;
  }

  get addressSize(): CodeSize {
    if (this.code === 64) return this.hasAddressPrefix ? 32 : 64;
    return (this.code === 32) !== this.hasAddressPrefix ? 32 : 16;
  }

  /** Reads all prefixes and the first byte of the opcode. */
  readPrefixes(): void {
    let byte = this.byte();
    for (; !this.overrun; byte = this.byte()) {
      if (this.code === 64 && (byte & 0xf0) === 0x40) {
        // QEMU: of several REX prefixes the first ones stand between the opcode and its mandatory prefix.
        if (this.rex !== 0) this.last = byte;
        this.rex = byte;
      } else if (this.#takePrefix(byte)) {
        this.rex = 0;
        this.last = byte;
      } else break;
    }
    this.opcode = byte;
  }

  /** False: this byte is no prefix. A REX prefix before another prefix counts for nothing. */
  #takePrefix(byte: number): boolean {
    const segment = SEGMENT_PREFIXES.get(byte);
    if (segment !== undefined) this.segment = segment;
    else if (byte === OPERAND_SIZE) this.hasOperandPrefix = true;
    else if (byte === ADDRESS_SIZE) this.hasAddressPrefix = true;
    else if (byte === LOCK || byte === REPNE || byte === REP) this.#takeRepeat(byte);
    else return false;
    return true;
  }

  #takeRepeat(byte: number): void {
    this.repeat = byte;
    const next = this.peek();
    if (byte === LOCK) return;
    // QEMU: only the very first prefix says so.
    const mayElide = this.position === 1 && (next === LOCK || (next & 0xfe) === 0x86);
    this.transaction = mayElide ? byte : 0;
  }

  /** Reads what follows the byte C4 or 8F (`isLong`) or C5. */
  readVex(isLong: boolean): void {
    const first = isLong ? this.byte() : 0;
    const second = this.byte();
    if (isLong) this.rex = ((~first >> 5) & 7) | ((second >> 4) & 8);
    else this.rex = (~second >> 5) & 4;
    if (this.code !== 64) this.rex &= 8;
    this.vex = {
      map: isLong ? first & 31 : 1,
      prefix: VEX_PREFIXES[second & 3] ?? 0,
      register: (~second >> 3) & (this.code === 64 ? 15 : 7),
      length: (second >> 2) & 1,
    };
    this.opcode = this.byte();
  }

  /** Reads what follows the byte 62. False: these bits are no EVEX prefix. */
  readEvex(): boolean {
    const [first, second, third] = [this.byte(), this.byte(), this.byte()];
    if ((first & 0x0c) !== 0 || (second & 4) === 0) return false;
    const is64 = this.code === 64;
    this.rex = (((~first >> 5) & 7) | ((second >> 4) & 8)) & (is64 ? 15 : 8);
    const high = (~third & 8) << 1;
    this.vex = {
      map: first & 3,
      prefix: VEX_PREFIXES[second & 3] ?? 0,
      register: ((~second >> 3) & (is64 ? 15 : 7)) | (is64 ? high : 0),
      // QEMU: 3, which is reserved, is taken for 2.
      length: Math.min(2, (third >> 5) & 3),
      evex: {
        highReg: ~first & 16,
        highRm: (this.rex & 2) << 3,
        highIndex: high,
        mask: third & 7,
        zeroes: third >= 0x80,
        broadcasts: (third & 16) !== 0,
      },
    };
    this.opcode = this.byte();
    return true;
  }
}
