/** The x87 FPU. */
import {
  APPROXIMATE_X87,
  DATA_ADDRESS,
  EXACT,
  FLAVOUR_DOUBLE,
  FLAVOUR_EXTENDED,
  FLAVOUR_SINGLE,
  type Flavour,
  type Tolerance,
  WORD_FCW,
  WORD_FSW,
  WORD_FTW,
  WORD_ST,
} from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian } from './draft.ts';
import { form } from './form-tools.ts';

const C0 = 0x100;
const C1 = 0x200;
const C2 = 0x400;
const C3 = 0x4000;
const PE = 0x20;
/** After arithmetic C0, C2 and C3 are undefined. */
const ARITHMETIC = 0xffff & ~(C0 | C2 | C3);
const COMPARE = 0xffff;
/** Neither precision nor rounding direction of an approximation is architectural. */
const APPROXIMATE = 0xffff & ~(C0 | C1 | C3 | PE);
/** Exceptions, stack fault and C1 stay; all condition bits too: instructions that leave FSW alone. */
const UNCHANGED = 0xffff;

/** Any stack, control and status word; exceptions masked. */
function setStack(draft: Draft): void {
  const { rng, words } = draft;
  words[WORD_FTW] = rng.chance(0.75) ? 0xff : rng.below(256);
  words[WORD_FCW] = rng.chance(0.4) ? 0x37f : 0x7f | (rng.pick([0, 2, 3, 3]) << 8) | (rng.below(4) << 10);
  words[WORD_FSW] = (rng.below(8) << 11) | (rng.next() & (C0 | C1 | C2 | C3));
  if (rng.chance(0.2)) words[WORD_FSW] |= rng.below(128);
}

function unmask(draft: Draft): void {
  const { rng, words } = draft;
  words[WORD_FCW] &= ~(rng.below(64) | (1 << rng.below(6)));
  words[WORD_FSW] &= ~0x7f;
  if (rng.chance(0.1)) {
    /* An exception that is pending already: #MF, or nothing for the FN forms. */
    words[WORD_FSW] |= rng.below(64);
    if ((words[WORD_FSW] & ~words[WORD_FCW] & 0x3f) !== 0) words[WORD_FSW] |= 0x8080;
  }
}

interface Extra {
  readonly flavour?: Flavour;
  readonly tolerance?: Tolerance;
  readonly fsw?: number | ((draft: Draft) => number);
  readonly count?: number;
  readonly setup?: (draft: Draft) => void;
  readonly unmasked?: boolean;
}

function statusMask(draft: Draft, extra: Extra): number {
  const { fsw } = extra;
  return typeof fsw === 'function' ? fsw(draft) : (fsw ?? ARITHMETIC);
}

/** The quotient's bits are in C0, C3 and C1 when there is a quotient. */
function remainderMask(draft: Draft): number {
  const { words } = draft;
  const top = (words[WORD_FSW] >>> 11) & 7;
  for (let n = 0; n < 2; n++) {
    const exponent = words[WORD_ST + 3 * n + 2] & 0x7fff;
    const isNormal = exponent !== 0 && exponent !== 0x7fff && words[WORD_ST + 3 * n + 1] >= 0x80000000;
    const isValid = ((words[WORD_FTW] >>> ((top + n) & 7)) & 1) !== 0;
    if (!isNormal || !isValid) return ARITHMETIC & ~C1;
  }
  return 0xffff;
}

function register(name: string, code: readonly number[], extra: Extra = {}): Form {
  const make = (draft: Draft): void => {
    setStack(draft);
    if (extra.unmasked === true) unmask(draft);
    extra.setup?.(draft);
    draft.code = [...code];
    draft.fswMask = statusMask(draft, extra);
  };
  return form(name, extra.count ?? 40, make, extra.flavour ?? FLAVOUR_EXTENDED, extra.tolerance ?? EXACT);
}

/** `second` + 0 … 7. */
function stackRegister(name: string, first: number, second: number, extra: Extra = {}): Form {
  const make = (draft: Draft): void => {
    setStack(draft);
    if (extra.unmasked === true) unmask(draft);
    draft.code = [first, second + draft.rng.below(8)];
    draft.fswMask = statusMask(draft, extra);
  };
  return form(name, extra.count ?? 48, make, extra.flavour ?? FLAVOUR_EXTENDED, extra.tolerance ?? EXACT);
}

interface MemoryForm extends Extra {
  readonly opcode: number;
  readonly digit: number;
  readonly size: number;
  /** Bytes to put there first. */
  readonly content?: (draft: Draft) => number[];
  /** False: the operand is where it can be accessed. */
  readonly faults?: boolean;
}

function memory(name: string, shape: MemoryForm): Form {
  const make = (draft: Draft): void => {
    setStack(draft);
    if (shape.unmasked === true) unmask(draft);
    const align = shape.flavour === undefined ? (shape.size === 10 ? 16 : 1) : shape.size;
    const rm = draft.memory({
      size: shape.size,
      align: draft.rng.chance(0.95) ? align : 1,
      crosses: shape.size < 10,
      faults: shape.faults ?? true,
    });
    if (shape.content !== undefined) draft.patch(rm.address, shape.content(draft));
    draft.emit({ opcode: [shape.opcode], reg: shape.digit, rm });
    draft.fswMask = statusMask(draft, shape);
  };
  return form(name, shape.count ?? 32, make, shape.flavour ?? FLAVOUR_EXTENDED);
}

const OPERATIONS = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'];

function integer(size: number): (draft: Draft) => number[] {
  return (draft) => {
    const { rng } = draft;
    return littleEndian(
      rng.chance(0.3) ? rng.pick([0, 1, -1, 0x7fff, -0x8000]) : rng.big64() >> BigInt(rng.below(64)),
      size,
    );
  };
}

function arithmeticForms(unmasked: boolean, scale: number): Form[] {
  const forms: Form[] = [];
  const count = (n: number): number => Math.round(n * scale);
  OPERATIONS.forEach((name, digit) => {
    const fsw = digit === 2 || digit === 3 ? COMPARE : ARITHMETIC;
    const shared = { digit, fsw, unmasked, count: count(32) };
    forms.push(
      memory(`${name} m32`, { ...shared, opcode: 0xd8, size: 4, flavour: FLAVOUR_SINGLE }),
      memory(`${name} m64`, { ...shared, opcode: 0xdc, size: 8, flavour: FLAVOUR_DOUBLE }),
      memory(`${name} m32int`, { ...shared, opcode: 0xda, size: 4, content: integer(4) }),
      memory(`${name} m16int`, { ...shared, opcode: 0xde, size: 2, content: integer(2) }),
      stackRegister(`${name} st0,sti`, 0xd8, 0xc0 + 8 * digit, { fsw, unmasked, count: count(64) }),
    );
    if (digit === 2 || digit === 3) return;
    forms.push(
      stackRegister(`${name} sti,st0`, 0xdc, 0xc0 + 8 * digit, { unmasked, count: count(40) }),
      stackRegister(`${name} sti,st0 pop`, 0xde, 0xc0 + 8 * digit, { unmasked, count: count(40) }),
    );
  });
  forms.push(
    register('fsqrt', [0xd9, 0xfa], { unmasked, count: count(80) }),
    register('frndint', [0xd9, 0xfc], { unmasked, count: count(80) }),
    register('fscale', [0xd9, 0xfd], { unmasked, count: count(80) }),
    register('fxtract', [0xd9, 0xf4], { unmasked, count: count(60) }),
    register('fprem', [0xd9, 0xf8], { unmasked, count: count(80), fsw: remainderMask }),
    register('fprem1', [0xd9, 0xf5], { unmasked, count: count(80), fsw: remainderMask }),
    register('fcompp', [0xde, 0xd9], { unmasked, count: count(40), fsw: COMPARE }),
    register('fucompp', [0xda, 0xe9], { unmasked, count: count(40), fsw: COMPARE }),
    stackRegister('fucom', 0xdd, 0xe0, { unmasked, count: count(48), fsw: COMPARE }),
    stackRegister('fucomp', 0xdd, 0xe8, { unmasked, count: count(48), fsw: COMPARE }),
    stackRegister('fcomi', 0xdb, 0xf0, { unmasked, count: count(48), fsw: UNCHANGED }),
    stackRegister('fcomip', 0xdf, 0xf0, { unmasked, count: count(48), fsw: UNCHANGED }),
    stackRegister('fucomi', 0xdb, 0xe8, { unmasked, count: count(48), fsw: UNCHANGED }),
    stackRegister('fucomip', 0xdf, 0xe8, { unmasked, count: count(48), fsw: UNCHANGED }),
    register('ftst', [0xd9, 0xe4], { unmasked, count: count(48), fsw: COMPARE }),
  );
  return forms;
}

/** 18 decimal digits and a sign; sometimes not decimal at all is left out: the result is undefined. */
function decimal(draft: Draft): number[] {
  const { rng } = draft;
  const digits = rng.below(10);
  const bytes = Array.from({ length: 9 }, (_, i) => (i < digits ? rng.below(10) * 16 + rng.below(10) : 0));
  return [...bytes, rng.chance(0.5) ? 0x80 : 0];
}

function transferForms(unmasked: boolean, scale: number): Form[] {
  const count = (n: number): number => Math.round(n * scale);
  const list: readonly [string, MemoryForm][] = [
    ['fld m32', { opcode: 0xd9, digit: 0, size: 4, flavour: FLAVOUR_SINGLE }],
    ['fst m32', { opcode: 0xd9, digit: 2, size: 4, count: 64 }],
    ['fstp m32', { opcode: 0xd9, digit: 3, size: 4, count: 64 }],
    ['fld m64', { opcode: 0xdd, digit: 0, size: 8, flavour: FLAVOUR_DOUBLE }],
    ['fst m64', { opcode: 0xdd, digit: 2, size: 8, count: 64 }],
    ['fstp m64', { opcode: 0xdd, digit: 3, size: 8, count: 64 }],
    ['fld m80', { opcode: 0xdb, digit: 5, size: 10 }],
    ['fstp m80', { opcode: 0xdb, digit: 7, size: 10 }],
    ['fild m16', { opcode: 0xdf, digit: 0, size: 2, content: integer(2) }],
    ['fild m32', { opcode: 0xdb, digit: 0, size: 4, content: integer(4) }],
    ['fild m64', { opcode: 0xdf, digit: 5, size: 8, content: integer(8) }],
    ['fist m16', { opcode: 0xdf, digit: 2, size: 2, count: 64 }],
    ['fist m32', { opcode: 0xdb, digit: 2, size: 4, count: 64 }],
    ['fistp m16', { opcode: 0xdf, digit: 3, size: 2, count: 64 }],
    ['fistp m32', { opcode: 0xdb, digit: 3, size: 4, count: 64 }],
    ['fistp m64', { opcode: 0xdf, digit: 7, size: 8, count: 64 }],
    ['fisttp m16', { opcode: 0xdf, digit: 1, size: 2, count: 64 }],
    ['fisttp m32', { opcode: 0xdb, digit: 1, size: 4, count: 64 }],
    ['fisttp m64', { opcode: 0xdd, digit: 1, size: 8, count: 64 }],
    ['fbld', { opcode: 0xdf, digit: 4, size: 10, content: decimal }],
    ['fbstp', { opcode: 0xdf, digit: 6, size: 10, count: 80 }],
  ];
  const constants = ['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'];
  return [
    ...list.map(([name, shape]) =>
      memory(name, {
        ...shape,
        unmasked,
        faults: !unmasked && name !== 'fbld',
        count: count(shape.count ?? 40),
      }),
    ),
    stackRegister('fld sti', 0xd9, 0xc0, { unmasked, count: count(32) }),
    stackRegister('fst sti', 0xdd, 0xd0, { unmasked, count: count(32) }),
    stackRegister('fstp sti', 0xdd, 0xd8, { unmasked, count: count(32) }),
    stackRegister('fxch', 0xd9, 0xc8, { unmasked, count: count(32) }),
    ...constants.map((name, i) => register(name, [0xd9, 0xe8 + i], { unmasked, count: count(24) })),
    register('fchs', [0xd9, 0xe0], { unmasked, count: count(24) }),
    register('fabs', [0xd9, 0xe1], { unmasked, count: count(24) }),
    register('fincstp', [0xd9, 0xf7], { unmasked, count: count(12) }),
    register('fdecstp', [0xd9, 0xf6], { unmasked, count: count(12) }),
    ...['fcmovb', 'fcmove', 'fcmovbe', 'fcmovu'].flatMap((name, i) => [
      stackRegister(name, 0xda, 0xc0 + 8 * i, { unmasked, count: count(24) }),
      stackRegister(`${name} not`, 0xdb, 0xc0 + 8 * i, { unmasked, count: count(24) }),
    ]),
  ];
}

/** The 28-byte environment: reserved halves, instruction and data pointers. */
const ENVIRONMENT_IGNORED = [2, 2, 6, 2, 10, 2, 12, 16];

function environment(name: string, opcode: number, digit: number, size: number, load: boolean): Form {
  return form(
    name,
    32,
    (draft) => {
      const { rng } = draft;
      setStack(draft);
      const offset = 16 * rng.below(0x1e0);
      const rm = draft.memory({ size, address: BigInt(DATA_ADDRESS + offset) });
      draft.emit({ opcode: [opcode], reg: digit, rm });
      if (load) {
        const words = [0x37f | (rng.below(16) << 8), rng.next() & 0x7f7f, rng.next() & 0xffff];
        const bytes = words.flatMap((word) => littleEndian(word, 4));
        draft.patch(rm.address, [...bytes, ...Array<number>(16).fill(0)]);
      } else {
        for (let i = 0; i < ENVIRONMENT_IGNORED.length; i += 2) {
          draft.memoryIgnored.push(offset + ENVIRONMENT_IGNORED[i], ENVIRONMENT_IGNORED[i + 1]);
        }
      }
    },
    FLAVOUR_EXTENDED,
  );
}

function controlForms(): Form[] {
  const status = (name: string, code: readonly number[], count = 16): Form =>
    register(name, code, { fsw: 0xffff, count });
  return [
    status('fxam', [0xd9, 0xe5], 100),
    status('fnop', [0xd9, 0xd0], 4),
    status('fwait', [0x9b], 4),
    status('fnstsw ax', [0xdf, 0xe0]),
    register('fnclex', [0xdb, 0xe2], { count: 8 }),
    status('fninit', [0xdb, 0xe3], 8),
    stackRegister('ffree', 0xdd, 0xc0, { count: 24 }),
    memory('fnstsw m16', { opcode: 0xdd, digit: 7, size: 2, fsw: 0xffff }),
    memory('fnstcw', { opcode: 0xd9, digit: 7, size: 2 }),
    memory('fldcw', {
      ...{ opcode: 0xd9, digit: 5, size: 2 },
      content: (draft) => littleEndian((draft.rng.next() & 0xf3f) | 0x7f, 2),
    }),
    environment('fnstenv', 0xd9, 6, 28, false),
    environment('fldenv', 0xd9, 4, 28, true),
    environment('fnsave', 0xdd, 6, 108, false),
    environment('frstor', 0xdd, 4, 108, true),
    ...[0xd1, 0xe2, 0xe3, 0xe6, 0xe7, 0xef].map((second) => invalid(0xd9, second)),
    ...[0xe0, 0xe5, 0xe8].map((second) => invalid(0xda, second)),
    invalid(0xdb, 0xe5),
    invalid(0xdb, 0xf8),
    invalid(0xdd, 0xf0),
    invalid(0xdf, 0xe1),
    invalid(0xde, 0xd8),
  ];
}

function invalid(first: number, second: number): Form {
  const name = `invalid ${first.toString(16)} ${second.toString(16)}`;
  return form(name, 1, (draft) => {
    draft.code = [first, second];
  });
}

/** A normal number of exponent `low` … `high`, positive unless `signed`. */
function number(draft: Draft, n: number, low: number, high: number, signed: boolean): void {
  const { rng } = draft;
  const exponent = 0x3fff + low + rng.below(high - low + 1);
  const sign = signed && rng.chance(0.5) ? 0x8000 : 0;
  draft.setSt(n, rng.next(), rng.next() | 0x80000000, sign | exponent);
}

function plainStack(draft: Draft): void {
  draft.words[WORD_FTW] = 0xff;
  draft.words[WORD_FCW] = 0x37f;
  draft.words[WORD_FSW] &= ~0x7f;
}

function transcendentalForms(): Form[] {
  const list: readonly [string, number, (draft: Draft) => void][] = [
    ['fsin', 0xfe, (d) => number(d, 0, -20, -1, true)],
    ['fcos', 0xff, (d) => number(d, 0, -20, -1, true)],
    ['fsincos', 0xfb, (d) => number(d, 0, -20, -1, true)],
    ['fptan', 0xf2, (d) => number(d, 0, -20, -1, true)],
    ['f2xm1', 0xf0, (d) => number(d, 0, -20, -1, true)],
    [
      'fyl2xp1',
      0xf9,
      (d) => {
        number(d, 0, -20, -3, true);
        number(d, 1, -10, 10, true);
      },
    ],
    [
      'fyl2x',
      0xf1,
      (d) => {
        number(d, 0, -100, 100, false);
        number(d, 1, -10, 10, true);
      },
    ],
    [
      'fpatan',
      0xf3,
      (d) => {
        number(d, 0, -10, 10, true);
        number(d, 1, -10, 10, true);
      },
    ],
  ];
  return list.map(([name, second, operands]) =>
    register(name, [0xd9, second], {
      ...{ tolerance: APPROXIMATE_X87, fsw: APPROXIMATE, count: 40 },
      setup: (draft) => {
        plainStack(draft);
        operands(draft);
      },
    }),
  );
}

/** Operands for which the results are not approximations: zeros, infinities, NaNs, out of range, empty. */
const SPECIAL: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [0, 0, 0x8000],
  [0, 0x80000000, 0x7fff],
  [0, 0x80000000, 0xffff],
  [5, 0xc0000000, 0x7fff],
  [5, 0x80000000, 0xffff],
];

function specialForms(): Form[] {
  const list: readonly [string, number, number][] = [
    ...([
      ['fsin', 0xfe, 1],
      ['fcos', 0xff, 1],
      ['fsincos', 0xfb, 1],
      ['fptan', 0xf2, 1],
    ] as [string, number, number][]),
    ...([
      ['f2xm1', 0xf0, 1],
      ['fyl2xp1', 0xf9, 2],
      ['fyl2x', 0xf1, 2],
      ['fpatan', 0xf3, 2],
    ] as [string, number, number][]),
  ];
  return list.map(([name, second, operands]) =>
    register(`${name} special`, [0xd9, second], {
      ...{ tolerance: APPROXIMATE_X87, fsw: APPROXIMATE, count: 24 * operands },
      setup: (draft) => {
        const { rng } = draft;
        plainStack(draft);
        if (rng.chance(0.1)) draft.words[WORD_FTW] = rng.below(256);
        for (let n = 0; n < operands; n++) {
          if (n === 1 && rng.chance(0.4)) number(draft, 1, -3, 3, true);
          else draft.setSt(n, ...rng.pick(SPECIAL));
        }
        if (operands === 1 && rng.chance(0.2) && name !== 'f2xm1') number(draft, 0, 63, 200, true);
      },
    }),
  );
}

export const X87_ARITHMETIC_FORMS: readonly Form[] = arithmeticForms(false, 1);
export const X87_TRANSFER_FORMS: readonly Form[] = [...transferForms(false, 1), ...controlForms()];
export const X87_TRANSCENDENTAL_FORMS: readonly Form[] = [...transcendentalForms(), ...specialForms()];
export const X87_EXCEPTION_FORMS: readonly Form[] = [
  ...arithmeticForms(true, 0.4),
  ...transferForms(true, 0.4),
];
