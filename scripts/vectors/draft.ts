/** One vector before it is recorded: initial state and the bytes of its instruction, encoded without the emulator's help. */
import { Rng } from '../../tests/conformance/random-state.ts';
import {
  CODE_ADDRESS,
  DATA_ADDRESS,
  DATA_SIZE,
  FLAGS_COMPARED,
  type Flavour,
  FS_BASE,
  GS_BASE,
  initialWords,
  type MemoryBytes,
  type Tolerance,
  WORD_ST,
  WORD_XMM,
} from '../../tests/conformance/vector-format.ts';

export interface Form {
  readonly name: string;
  /** Vectors to record. */
  readonly count: number;
  readonly flavour: Flavour;
  readonly tolerance: Tolerance;
  readonly make: (draft: Draft) => void;
}

export interface MemoryOperand {
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly displacement: bigint;
  /** 0, 1 or 4 bytes. */
  readonly displacementSize: number;
  readonly mode: 'base' | 'index' | 'absolute' | 'rip';
  readonly prefixes: readonly number[];
  readonly address: bigint;
}

export interface MemoryWish {
  readonly size: number;
  readonly align?: number;
  /** Registers that hold something else. */
  readonly keep?: readonly number[];
  /** False: always inside the data pages. */
  readonly faults?: boolean;
  /** False: never across a page boundary or into a guard page. */
  readonly crosses?: boolean;
  readonly address?: bigint;
  readonly immediateSize?: number;
}

export interface Encoding {
  readonly prefixes?: readonly number[];
  /** Operand-size or mandatory prefix, directly before REX. */
  readonly mandatory?: number | undefined;
  readonly w?: boolean;
  readonly opcode: readonly number[];
  readonly reg: number;
  readonly rm: number | MemoryOperand;
  readonly immediate?: readonly number[];
  /** Never a REX prefix that no operand needs. */
  readonly plain?: boolean;
  /** A three-byte VEX prefix in place of REX and the opcode's escape; `v` is the register in VEX.vvvv. */
  readonly vex?: { readonly map: number; readonly pp: number; readonly v: number; readonly l?: number };
}

const MASK64 = 0xffffffffffffffffn;
const NON_CANONICAL = [0x0000800000000000n, 0x8000000000000000n, 0xffff7fffffffff00n, 0x00123456789abcd0n];

export function littleEndian(value: bigint | number, size: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let i = 0; i < size; i++) {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return bytes;
}

export class Draft {
  readonly rng: Rng;
  readonly seed: number;
  readonly flavour: Flavour;
  readonly words: Uint32Array;
  readonly patches: MemoryBytes[] = [];
  readonly memoryIgnored: number[] = [];
  code: number[] = [];
  codeOffset = 0x100;
  flagsMask = FLAGS_COMPARED;
  fswMask = 0xffff;
  /** Step until RIP leaves the instruction (REP). */
  untilNext = false;
  /** Offset and length of flag images in memory whose TF is the harness's own. */
  readonly trapFlagBytes: number[] = [];

  constructor(seed: number, flavour: Flavour) {
    this.seed = seed;
    this.flavour = flavour;
    this.rng = new Rng(seed ^ 0x5eed);
    this.words = initialWords(seed, flavour, this.codeOffset);
  }

  gpr(n: number): bigint {
    return BigInt(this.words[2 * n]) | (BigInt(this.words[2 * n + 1]) << 32n);
  }

  setGpr(n: number, value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.words[2 * n] = Number(bits & 0xffffffffn);
    this.words[2 * n + 1] = Number(bits >> 32n);
  }

  setXmm(n: number, values: readonly number[]): void {
    for (let i = 0; i < 4; i++) this.words[WORD_XMM + 4 * n + i] = values[i];
  }

  setSt(n: number, lo: number, hi: number, signExponent: number): void {
    this.words[WORD_ST + 3 * n] = lo;
    this.words[WORD_ST + 3 * n + 1] = hi;
    this.words[WORD_ST + 3 * n + 2] = signExponent;
  }

  /** Writes initial memory at a data address; nothing happens outside of the data pages. */
  patch(address: bigint, bytes: readonly number[]): void {
    const offset = Number(address - BigInt(DATA_ADDRESS));
    if (offset < 0 || offset + bytes.length > DATA_SIZE) return;
    this.patches.push({ offset, bytes: Uint8Array.from(bytes) });
  }

  address(wish: MemoryWish): bigint {
    const { rng } = this;
    const { size, align = 1 } = wish;
    if (wish.address !== undefined) return wish.address;
    const kind = wish.faults === false ? 100 : rng.below(100);
    const end = DATA_ADDRESS + DATA_SIZE;
    if (wish.crosses !== false) {
      if (kind < 2) return BigInt(end - size + 1 + rng.below(size));
      if (kind < 3) return BigInt(DATA_ADDRESS - 1 - rng.below(size));
      if (kind < 10 && align === 1) return BigInt(DATA_ADDRESS + 0x1000 - 1 - rng.below(size));
    }
    if (kind < 11) return rng.pick(NON_CANONICAL);
    if (kind < 12) return BigInt(CODE_ADDRESS + 0x800);
    if (kind < 13) return BigInt(end + 0x800);
    const room = rng.chance(0.5) ? 0x1000 : 0;
    const offset = rng.below(0x1000 - size + 1) + room;
    return BigInt(DATA_ADDRESS + offset - (offset % align));
  }

  /** An operand in memory: picks an addressing mode and sets the registers that it uses. */
  memory(wish: MemoryWish): MemoryOperand {
    const { rng } = this;
    const keep = wish.keep ?? [];
    const address = this.address(wish);
    const prefixes: number[] = [];
    let segmentBase = 0n;
    const segment = rng.below(100);
    if (segment < 4) {
      prefixes.push(0x64);
      segmentBase = FS_BASE;
    } else if (segment < 8) {
      prefixes.push(0x65);
      segmentBase = GS_BASE;
    } else if (segment < 12) prefixes.push(rng.pick([0x26, 0x2e, 0x36, 0x3e]));
    let offset = BigInt.asUintN(64, address - segmentBase);
    const low = address < 0x80000000n;
    const narrow = low && offset < 0x80000000n && rng.chance(0.08);
    if (narrow) prefixes.push(0x67);
    const kind = rng.below(20);
    const small = offset < 0x80000000n;
    if (kind === 0 && low && segmentBase === 0n && !narrow) {
      return { ...this.#still(0, 4, prefixes, address, 0n), mode: 'rip' };
    }
    if (kind === 1 && small) {
      return { ...this.#still(0, 4, prefixes, address, offset), mode: 'absolute' };
    }
    const free = (banned: readonly number[]): number => {
      for (;;) {
        const n = rng.below(16);
        if (!banned.includes(n)) return n;
      }
    };
    const indexOnly = kind === 2 || kind === 3;
    const base = indexOnly ? -1 : free(keep);
    const hasIndex = indexOnly || kind >= 10;
    const index = hasIndex ? free([...keep, base, 4]) : -1;
    const scale = rng.below(4);
    const sizes = indexOnly ? [4] : [0, 1, 1, 4];
    let displacementSize = rng.pick(sizes);
    if ((base & 7) === 5 && displacementSize === 0) displacementSize = 1;
    const displacement =
      displacementSize === 0
        ? 0n
        : displacementSize === 1
          ? BigInt(rng.below(256) - 128)
          : BigInt.asIntN(32, BigInt(rng.next()));
    offset -= displacement;
    if (indexOnly) {
      /* The index alone makes the address: keep what the scale cannot reach in the displacement. */
      const value = offset >> BigInt(scale);
      const rest = offset - (value << BigInt(scale));
      this.#setAddressRegister(index, value, narrow);
      return {
        ...{ base, index, scale, displacementSize, prefixes, address },
        ...{ mode: 'index', displacement: BigInt.asIntN(32, displacement + rest) },
      };
    }
    if (hasIndex) {
      const value = rng.chance(0.5) ? BigInt(rng.below(4096) - 2048) : BigInt.asIntN(64, this.gpr(index));
      this.#setAddressRegister(index, value, narrow);
      offset -= value << BigInt(scale);
    }
    this.#setAddressRegister(base, offset, narrow);
    return { base, index, scale, displacement, displacementSize, prefixes, address, mode: 'base' };
  }

  #still(
    base: number,
    displacementSize: number,
    prefixes: readonly number[],
    address: bigint,
    displacement: bigint,
  ): Omit<MemoryOperand, 'mode'> {
    return { base, index: -1, scale: 0, displacement, displacementSize, prefixes, address };
  }

  #setAddressRegister(n: number, value: bigint, narrow: boolean): void {
    const garbage = narrow ? BigInt(this.rng.next()) << 32n : 0n;
    this.setGpr(n, narrow ? BigInt.asUintN(32, value) | garbage : value & MASK64);
  }

  /** Appends an instruction with ModRM. */
  emit(encoding: Encoding): void {
    const { rm, reg } = encoding;
    const isMemory = typeof rm !== 'number';
    const prefixes = [...(isMemory ? rm.prefixes : []), ...(encoding.prefixes ?? [])];
    if (encoding.mandatory !== undefined) prefixes.push(encoding.mandatory);
    const b = isMemory ? Math.max(rm.base, 0) : rm;
    const x = isMemory ? Math.max(rm.index, 0) : 0;
    const rex = (encoding.w === true ? 8 : 0) | (reg >= 8 ? 4 : 0) | (x >= 8 ? 2 : 0) | (b >= 8 ? 1 : 0);
    const forced = encoding.plain !== true && this.rng.chance(0.25);
    const code = [...prefixes];
    const { vex } = encoding;
    if (vex !== undefined) {
      const last = ((rex & 8) << 4) | ((~vex.v & 15) << 3) | ((vex.l ?? 0) << 2) | vex.pp;
      code.push(0xc4, ((~rex & 7) << 5) | vex.map, last);
    } else if (rex !== 0 || forced) code.push(0x40 | rex);
    code.push(...encoding.opcode);
    const r = (reg & 7) << 3;
    const immediate = encoding.immediate ?? [];
    if (!isMemory) {
      code.push(0xc0 | r | (rm & 7));
    } else if (rm.mode === 'rip') {
      code.push(r | 5);
      const next = BigInt(CODE_ADDRESS + this.codeOffset + code.length + 4 + immediate.length);
      code.push(...littleEndian(rm.address - next, 4));
    } else if (rm.mode === 'absolute') {
      code.push(r | 4, 0x25, ...littleEndian(rm.displacement, 4));
    } else if (rm.mode === 'index') {
      code.push(r | 4, (rm.scale << 6) | ((rm.index & 7) << 3) | 5, ...littleEndian(rm.displacement, 4));
    } else {
      const mod = rm.displacementSize === 0 ? 0 : rm.displacementSize === 1 ? 0x40 : 0x80;
      if (rm.index >= 0 || (rm.base & 7) === 4) {
        const index = rm.index < 0 ? 4 : rm.index & 7;
        code.push(mod | r | 4, (rm.scale << 6) | (index << 3) | (rm.base & 7));
      } else code.push(mod | r | (rm.base & 7));
      code.push(...littleEndian(rm.displacement, rm.displacementSize));
    }
    code.push(...immediate);
    this.code = code;
  }
}
