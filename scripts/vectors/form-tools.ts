/** What the form lists have in common: sizes, flag masks, and the instruction shapes of the general-purpose map. */
import {
  EXACT,
  FLAGS_COMPARED,
  FLAVOUR_INTEGER,
  type Flavour,
  type Tolerance,
} from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian, type MemoryOperand, type MemoryWish } from './draft.ts';

export const CF = 1;
export const PF = 4;
export const AF = 16;
export const ZF = 64;
export const SF = 128;
export const OF = 0x800;
export const ALL = FLAGS_COMPARED;

export type Size = 8 | 16 | 32 | 64;
export const SIZES: readonly Size[] = [8, 16, 32, 64];
export const WIDE: readonly Size[] = [16, 32, 64];

/** Operand-size prefix and REX.W of a general-purpose operand. */
export function sized(size: Size): { mandatory: number | undefined; w: boolean } {
  return { mandatory: size === 16 ? 0x66 : undefined, w: size === 64 };
}

export function form(
  name: string,
  count: number,
  make: (draft: Draft) => void,
  flavour: Flavour = FLAVOUR_INTEGER,
  tolerance: Tolerance = EXACT,
): Form {
  return { name, count, flavour, tolerance, make };
}

/** Bytes of an immediate operand, which is never wider than 4. */
export function immediate(draft: Draft, size: Size): number[] {
  const bytes = Math.min(size / 8, 4);
  const { rng } = draft;
  const value = rng.chance(0.4) ? rng.pick([0, 1, -1, 0x7f, 0x80, -0x80, 0x7fffffff, 0x7fff]) : rng.next();
  return littleEndian(value, bytes);
}

export interface Shape {
  readonly sizes?: readonly Size[];
  /** Opcode for 8-bit operands, or for all sizes when `opcode` is absent. */
  readonly opcode8?: readonly number[];
  readonly opcode?: readonly number[];
  /** ModRM /digit; absent: a register. */
  readonly digit?: number;
  /** Width of a trailing immediate; 'operand': as wide as the operand, at most 4 bytes. */
  readonly immediate?: 8 | 16 | 'operand';
  readonly kinds?: readonly ('reg' | 'mem')[];
  readonly count?: number;
  readonly prefixes?: readonly number[];
  readonly wish?: Partial<MemoryWish>;
  /** Width in bytes of the memory operand, when not the operand size. */
  readonly memorySize?: number;
  /** In 64-bit code without REX.W (PUSH, POP, near branches). */
  readonly default64?: boolean;
  readonly setup?: (draft: Draft, size: Size, at: Operands) => void;
  readonly flags?: number | ((draft: Draft, size: Size, at: Operands) => number);
}

export interface Operands {
  readonly reg: number;
  readonly rm: number | MemoryOperand;
  readonly immediate: readonly number[];
}

function makeShape(draft: Draft, size: Size, kind: 'reg' | 'mem', shape: Shape): void {
  const { rng } = draft;
  const reg = shape.digit ?? rng.below(16);
  const width =
    shape.immediate === undefined
      ? 0
      : shape.immediate === 'operand'
        ? Math.min(size / 8, 4)
        : shape.immediate / 8;
  const bytes = width === 0 ? [] : immediate(draft, (8 * width) as Size);
  const rm =
    kind === 'reg' ? rng.below(16) : draft.memory({ size: shape.memorySize ?? size / 8, ...shape.wish });
  const at = { reg, rm, immediate: bytes };
  shape.setup?.(draft, size, at);
  const opcode = size === 8 ? (shape.opcode8 ?? shape.opcode ?? []) : (shape.opcode ?? shape.opcode8 ?? []);
  const { mandatory, w } = sized(size);
  draft.emit({
    ...{ opcode, reg, rm, mandatory, immediate: bytes, prefixes: shape.prefixes ?? [] },
    w: w && shape.default64 !== true,
  });
  const { flags } = shape;
  draft.flagsMask = typeof flags === 'function' ? flags(draft, size, at) : (flags ?? ALL);
}

/** Forms of one instruction: every size, register and memory. */
export function shapes(name: string, shape: Shape): Form[] {
  const forms: Form[] = [];
  for (const size of shape.sizes ?? SIZES) {
    for (const kind of shape.kinds ?? (['reg', 'mem'] as const)) {
      const make = (draft: Draft): void => makeShape(draft, size, kind, shape);
      forms.push(form(`${name} ${size} ${kind}`, shape.count ?? 10, make));
    }
  }
  return forms;
}

/** An instruction of fixed bytes. */
export function fixed(name: string, code: readonly number[], count = 4, flags = ALL): Form {
  return form(name, count, (draft) => {
    draft.code = [...code];
    draft.flagsMask = flags;
  });
}
