/** MMX, SSE, SSE2 and SSE3. */
import {
  APPROXIMATE_SINGLE,
  DATA_ADDRESS,
  EXACT,
  FLAVOUR_DOUBLE,
  FLAVOUR_EXTENDED,
  FLAVOUR_INTEGER,
  FLAVOUR_SINGLE,
  type Flavour,
  type Tolerance,
  WORD_FSW,
  WORD_FTW,
  WORD_MXCSR,
} from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian, type MemoryOperand } from './draft.ts';
import { fixed, form } from './form-tools.ts';

export type RegisterClass = 'xmm' | 'mm' | 'gpr';
/** Mandatory prefix; 0 is none. */
type Prefix = 0 | 0x66 | 0xf2 | 0xf3;

function enteredStack(draft: Draft): void {
  draft.words[WORD_FSW] &= ~0x3800;
  draft.words[WORD_FTW] = 0xff;
}

export interface VectorShape {
  readonly prefix: Prefix;
  /** Between the 0F escape and the opcode. */
  readonly map?: 0x38 | 0x3a;
  /** After the escape. */
  readonly opcode: number;
  readonly memorySize?: number;
  readonly align?: number;
  readonly kinds?: readonly ('reg' | 'mem')[];
  readonly reg?: RegisterClass | { readonly digit: number };
  readonly rm?: RegisterClass;
  readonly immediate?: (draft: Draft) => number;
  readonly w?: boolean;
  readonly count?: number;
  readonly flavour?: Flavour;
  readonly tolerance?: Tolerance;
  readonly setup?: (draft: Draft, rm: number | MemoryOperand, reg: number) => void;
}

function pickRegister(draft: Draft, kind: RegisterClass): number {
  return draft.rng.below(kind === 'mm' ? 8 : 16);
}

/** MMX instructions find the x87 stack in any shape and leave it with TOP 0 and all registers valid. */
function setStack(draft: Draft): void {
  const { rng, words } = draft;
  if (rng.chance(0.1)) words[WORD_FSW] |= rng.below(8) << 11;
  words[WORD_FTW] = rng.chance(0.3) ? rng.below(256) : 0xff;
}

export function vectorForms(name: string, shape: VectorShape): Form[] {
  const kinds = shape.kinds ?? (['reg', 'mem'] as const);
  const reg = shape.reg ?? 'xmm';
  const rmClass = shape.rm ?? (typeof reg === 'string' ? reg : 'xmm');
  const size = shape.memorySize ?? 16;
  const align = shape.align ?? (size === 16 ? 16 : 1);
  return kinds.map((kind) =>
    form(
      `${name} ${kind}`,
      shape.count ?? 14,
      (draft) => {
        if (reg === 'mm' || rmClass === 'mm') setStack(draft);
        /* QEMU: CVTPI2PS and CVTPI2PD enter MMX state for a memory operand too. */
        if (rmClass === 'mm' && reg === 'xmm' && kind === 'mem') enteredStack(draft);
        const register = typeof reg === 'string' ? pickRegister(draft, reg) : reg.digit;
        const strict = align > 1 && draft.rng.chance(0.05) ? 1 : align;
        const rm = kind === 'reg' ? pickRegister(draft, rmClass) : draft.memory({ size, align: strict });
        shape.setup?.(draft, rm, register);
        const immediate = shape.immediate === undefined ? [] : [shape.immediate(draft)];
        const mandatory = shape.prefix === 0 ? undefined : shape.prefix;
        draft.emit({
          opcode: shape.map === undefined ? [0x0f, shape.opcode] : [0x0f, shape.map, shape.opcode],
          reg: register,
          rm,
          mandatory,
          immediate,
          w: shape.w ?? false,
        });
      },
      shape.flavour ?? FLAVOUR_INTEGER,
      shape.tolerance ?? EXACT,
    ),
  );
}

export const byte = (draft: Draft): number => draft.rng.below(256);

const BOTH: readonly [string, number][] = [
  ...([
    ['punpcklbw', 0x60],
    ['punpcklwd', 0x61],
    ['punpckldq', 0x62],
    ['packsswb', 0x63],
  ] as [string, number][]),
  ...([
    ['pcmpgtb', 0x64],
    ['pcmpgtw', 0x65],
    ['pcmpgtd', 0x66],
    ['packuswb', 0x67],
  ] as [string, number][]),
  ...([
    ['punpckhbw', 0x68],
    ['punpckhwd', 0x69],
    ['punpckhdq', 0x6a],
    ['packssdw', 0x6b],
  ] as [string, number][]),
  ...([
    ['pcmpeqb', 0x74],
    ['pcmpeqw', 0x75],
    ['pcmpeqd', 0x76],
    ['psrlw', 0xd1],
  ] as [string, number][]),
  ...([
    ['psrld', 0xd2],
    ['psrlq', 0xd3],
    ['paddq', 0xd4],
    ['pmullw', 0xd5],
  ] as [string, number][]),
  ...([
    ['psubusb', 0xd8],
    ['psubusw', 0xd9],
    ['pminub', 0xda],
    ['pand', 0xdb],
  ] as [string, number][]),
  ...([
    ['paddusb', 0xdc],
    ['paddusw', 0xdd],
    ['pmaxub', 0xde],
    ['pandn', 0xdf],
  ] as [string, number][]),
  ...([
    ['pavgb', 0xe0],
    ['psraw', 0xe1],
    ['psrad', 0xe2],
    ['pavgw', 0xe3],
  ] as [string, number][]),
  ...([
    ['pmulhuw', 0xe4],
    ['pmulhw', 0xe5],
    ['psubsb', 0xe8],
    ['psubsw', 0xe9],
  ] as [string, number][]),
  ...([
    ['pminsw', 0xea],
    ['por', 0xeb],
    ['paddsb', 0xec],
    ['paddsw', 0xed],
  ] as [string, number][]),
  ...([
    ['pmaxsw', 0xee],
    ['pxor', 0xef],
    ['psllw', 0xf1],
    ['pslld', 0xf2],
  ] as [string, number][]),
  ...([
    ['psllq', 0xf3],
    ['pmuludq', 0xf4],
    ['pmaddwd', 0xf5],
    ['psadbw', 0xf6],
  ] as [string, number][]),
  ...([
    ['psubb', 0xf8],
    ['psubw', 0xf9],
    ['psubd', 0xfa],
    ['psubq', 0xfb],
  ] as [string, number][]),
  ...([
    ['paddb', 0xfc],
    ['paddw', 0xfd],
    ['paddd', 0xfe],
  ] as [string, number][]),
];

/** A shift by register: small counts, or everything is shifted out. */
const SHIFTS = new Set([0xd1, 0xd2, 0xd3, 0xe1, 0xe2, 0xf1, 0xf2, 0xf3]);

function smallCounts(draft: Draft): void {
  const { rng } = draft;
  if (rng.chance(0.2)) return;
  for (let n = 0; n < 16; n++) draft.setXmm(n, [rng.below(70), 0, rng.next(), rng.next()]);
  for (let n = 0; n < 8; n++) draft.setSt(n, rng.below(70), 0, 0xffff);
}

function shiftImmediates(reg: 'mm' | 'xmm'): Form[] {
  const list: readonly [string, number, number][] = [
    ...([
      ['psrlw', 0x71, 2],
      ['psraw', 0x71, 4],
      ['psllw', 0x71, 6],
    ] as [string, number, number][]),
    ...([
      ['psrld', 0x72, 2],
      ['psrad', 0x72, 4],
      ['pslld', 0x72, 6],
    ] as [string, number, number][]),
    ...([
      ['psrlq', 0x73, 2],
      ['psllq', 0x73, 6],
    ] as [string, number, number][]),
    ...(reg === 'xmm'
      ? ([
          ['psrldq', 0x73, 3],
          ['pslldq', 0x73, 7],
        ] as [string, number, number][])
      : []),
  ];
  return list.flatMap(([name, opcode, digit]) =>
    vectorForms(`${name} imm8 ${reg}`, {
      ...{ prefix: reg === 'xmm' ? 0x66 : 0, opcode, reg: { digit }, rm: reg, kinds: ['reg'], count: 24 },
      immediate: (draft) => draft.rng.below(draft.rng.chance(0.8) ? 70 : 256),
    }),
  );
}

function integerForms(reg: 'mm' | 'xmm'): Form[] {
  const prefix = reg === 'xmm' ? 0x66 : 0;
  const memorySize = reg === 'xmm' ? 16 : 8;
  const forms = BOTH.flatMap(([name, opcode]) => {
    const low = reg === 'mm' && opcode <= 0x62 ? 4 : memorySize;
    const shape = { prefix, opcode, reg, memorySize: low, count: 16 } as const;
    return vectorForms(
      `${name} ${reg}`,
      SHIFTS.has(opcode) ? { ...shape, setup: smallCounts, count: 24 } : shape,
    );
  });
  forms.push(
    ...shiftImmediates(reg),
    ...vectorForms(`pextrw ${reg}`, {
      prefix,
      opcode: 0xc5,
      reg: 'gpr',
      rm: reg,
      kinds: ['reg'],
      immediate: byte,
    }),
    ...vectorForms(`pinsrw ${reg}`, { prefix, opcode: 0xc4, reg, rm: 'gpr', memorySize: 2, immediate: byte }),
    ...vectorForms(`pmovmskb ${reg}`, { prefix, opcode: 0xd7, reg: 'gpr', rm: reg, kinds: ['reg'] }),
    ...vectorForms(`movd ${reg},rm32`, { prefix, opcode: 0x6e, reg, rm: 'gpr', memorySize: 4 }),
    ...vectorForms(`movq ${reg},rm64`, { prefix, opcode: 0x6e, reg, rm: 'gpr', memorySize: 8, w: true }),
    ...vectorForms(`movd rm32,${reg}`, { prefix, opcode: 0x7e, reg, rm: 'gpr', memorySize: 4 }),
    ...vectorForms(`movq rm64,${reg}`, { prefix, opcode: 0x7e, reg, rm: 'gpr', memorySize: 8, w: true }),
    form(`maskmov ${reg}`, 30, (draft) => {
      if (reg === 'mm') setStack(draft);
      draft.setGpr(7, draft.address({ size: memorySize, crosses: false }));
      const [a, b] = [pickRegister(draft, reg), pickRegister(draft, reg)];
      draft.emit({ opcode: [0x0f, 0xf7], mandatory: prefix === 0 ? undefined : prefix, reg: a, rm: b });
    }),
  );
  return forms;
}

function moveForms(): Form[] {
  const list: readonly [string, VectorShape][] = [
    ['punpcklqdq', { prefix: 0x66, opcode: 0x6c }],
    ['punpckhqdq', { prefix: 0x66, opcode: 0x6d }],
    ['pshufd', { prefix: 0x66, opcode: 0x70, immediate: byte, count: 24 }],
    ['pshufhw', { prefix: 0xf3, opcode: 0x70, immediate: byte, count: 24 }],
    ['pshuflw', { prefix: 0xf2, opcode: 0x70, immediate: byte, count: 24 }],
    ['pshufw', { prefix: 0, opcode: 0x70, reg: 'mm', memorySize: 8, immediate: byte, count: 24 }],
    ['movq mm,mm/m64', { prefix: 0, opcode: 0x6f, reg: 'mm', memorySize: 8 }],
    ['movq mm/m64,mm', { prefix: 0, opcode: 0x7f, reg: 'mm', memorySize: 8 }],
    ['movdqa load', { prefix: 0x66, opcode: 0x6f }],
    ['movdqa store', { prefix: 0x66, opcode: 0x7f }],
    ['movdqu load', { prefix: 0xf3, opcode: 0x6f, align: 1 }],
    ['movdqu store', { prefix: 0xf3, opcode: 0x7f, align: 1 }],
    ['lddqu', { prefix: 0xf2, opcode: 0xf0, align: 1, kinds: ['mem'] }],
    ['movq xmm,xmm/m64', { prefix: 0xf3, opcode: 0x7e, memorySize: 8 }],
    ['movq xmm/m64,xmm', { prefix: 0x66, opcode: 0xd6, memorySize: 8 }],
    ['movdq2q', { prefix: 0xf2, opcode: 0xd6, reg: 'mm', rm: 'xmm', kinds: ['reg'] }],
    ['movq2dq', { prefix: 0xf3, opcode: 0xd6, reg: 'xmm', rm: 'mm', kinds: ['reg'] }],
    ['movntdq', { prefix: 0x66, opcode: 0xe7, kinds: ['mem'] }],
    ['movntq', { prefix: 0, opcode: 0xe7, reg: 'mm', memorySize: 8, kinds: ['mem'] }],
    ['movnti 32', { prefix: 0, opcode: 0xc3, reg: 'gpr', memorySize: 4, kinds: ['mem'] }],
    ['movnti 64', { prefix: 0, opcode: 0xc3, reg: 'gpr', memorySize: 8, kinds: ['mem'], w: true }],
    ['movntps', { prefix: 0, opcode: 0x2b, kinds: ['mem'] }],
    ['movntpd', { prefix: 0x66, opcode: 0x2b, kinds: ['mem'] }],
    ['movaps load', { prefix: 0, opcode: 0x28 }],
    ['movaps store', { prefix: 0, opcode: 0x29 }],
    ['movapd load', { prefix: 0x66, opcode: 0x28 }],
    ['movapd store', { prefix: 0x66, opcode: 0x29 }],
    ['movups load', { prefix: 0, opcode: 0x10, align: 1 }],
    ['movups store', { prefix: 0, opcode: 0x11, align: 1 }],
    ['movupd load', { prefix: 0x66, opcode: 0x10, align: 1 }],
    ['movupd store', { prefix: 0x66, opcode: 0x11, align: 1 }],
    ['movss load', { prefix: 0xf3, opcode: 0x10, memorySize: 4 }],
    ['movss store', { prefix: 0xf3, opcode: 0x11, memorySize: 4 }],
    ['movsd load', { prefix: 0xf2, opcode: 0x10, memorySize: 8 }],
    ['movsd store', { prefix: 0xf2, opcode: 0x11, memorySize: 8 }],
    ['movlps/movhlps', { prefix: 0, opcode: 0x12, memorySize: 8 }],
    ['movlps store', { prefix: 0, opcode: 0x13, memorySize: 8, kinds: ['mem'] }],
    ['movlpd load', { prefix: 0x66, opcode: 0x12, memorySize: 8, kinds: ['mem'] }],
    ['movlpd store', { prefix: 0x66, opcode: 0x13, memorySize: 8, kinds: ['mem'] }],
    ['movhps/movlhps', { prefix: 0, opcode: 0x16, memorySize: 8 }],
    ['movhps store', { prefix: 0, opcode: 0x17, memorySize: 8, kinds: ['mem'] }],
    ['movhpd load', { prefix: 0x66, opcode: 0x16, memorySize: 8, kinds: ['mem'] }],
    ['movhpd store', { prefix: 0x66, opcode: 0x17, memorySize: 8, kinds: ['mem'] }],
    ['movddup', { prefix: 0xf2, opcode: 0x12, memorySize: 8 }],
    ['movsldup', { prefix: 0xf3, opcode: 0x12 }],
    ['movshdup', { prefix: 0xf3, opcode: 0x16 }],
    ['movmskps', { prefix: 0, opcode: 0x50, reg: 'gpr', rm: 'xmm', kinds: ['reg'] }],
    ['movmskpd', { prefix: 0x66, opcode: 0x50, reg: 'gpr', rm: 'xmm', kinds: ['reg'] }],
    ['shufps', { prefix: 0, opcode: 0xc6, immediate: byte, count: 24 }],
    ['shufpd', { prefix: 0x66, opcode: 0xc6, immediate: byte, count: 24 }],
    ['unpcklps', { prefix: 0, opcode: 0x14 }],
    ['unpckhps', { prefix: 0, opcode: 0x15 }],
    ['unpcklpd', { prefix: 0x66, opcode: 0x14 }],
    ['unpckhpd', { prefix: 0x66, opcode: 0x15 }],
    ...(
      [
        ['and', 0x54],
        ['andn', 0x55],
        ['or', 0x56],
        ['xor', 0x57],
      ] as [string, number][]
    ).flatMap(([name, opcode]): [string, VectorShape][] => [
      [`${name}ps`, { prefix: 0, opcode }],
      [`${name}pd`, { prefix: 0x66, opcode }],
    ]),
  ];
  return [
    ...list.flatMap(([name, shape]) => vectorForms(name, shape)),
    form('emms', 6, (draft) => {
      setStack(draft);
      draft.code = [0x0f, 0x77];
    }),
    fixed('movlpd reg', [0x66, 0x0f, 0x12, 0xc1], 1),
    fixed('movntps reg', [0x0f, 0x2b, 0xc1], 1),
    fixed('movnti reg', [0x0f, 0xc3, 0xc1], 1),
    fixed('psrlw /3', [0x66, 0x0f, 0x71, 0xd8, 1], 1),
  ];
}

/** Rounding, denormals-are-zero, flush-to-zero and sticky bits; all exceptions masked. */
export function maskedControl(draft: Draft): void {
  const { rng } = draft;
  let value = 0x1f80 | (rng.chance(0.5) ? rng.below(4) << 13 : 0);
  if (rng.chance(0.15)) value |= 0x40;
  if (rng.chance(0.15)) value |= 0x8000;
  if (rng.chance(0.2)) value |= rng.below(64);
  draft.words[WORD_MXCSR] = value;
}

export function unmaskedControl(draft: Draft): void {
  maskedControl(draft);
  draft.words[WORD_MXCSR] &= ~(draft.rng.below(64) << 7);
  draft.words[WORD_MXCSR] &= ~(1 << (7 + draft.rng.below(6)));
}

const LANES: readonly [string, Prefix, Flavour, number][] = [
  ['ps', 0, FLAVOUR_SINGLE, 16],
  ['pd', 0x66, FLAVOUR_DOUBLE, 16],
  ['ss', 0xf3, FLAVOUR_SINGLE, 4],
  ['sd', 0xf2, FLAVOUR_DOUBLE, 8],
];

function arithmeticForms(setup: (draft: Draft) => void, count: number): Form[] {
  const forms: Form[] = [];
  const operations: readonly [string, number][] = [
    ...([
      ['sqrt', 0x51],
      ['add', 0x58],
      ['mul', 0x59],
      ['sub', 0x5c],
    ] as [string, number][]),
    ...([
      ['min', 0x5d],
      ['div', 0x5e],
      ['max', 0x5f],
    ] as [string, number][]),
  ];
  for (const [suffix, prefix, flavour, memorySize] of LANES) {
    const shared = { prefix, flavour, memorySize, setup, count } as const;
    for (const [name, opcode] of operations) forms.push(...vectorForms(name + suffix, { ...shared, opcode }));
    const relation = (draft: Draft): number => draft.rng.below(8);
    forms.push(
      ...vectorForms(`cmp${suffix}`, { ...shared, opcode: 0xc2, immediate: relation, count: 2 * count }),
    );
  }
  for (const [suffix, prefix, flavour, memorySize] of [
    ['ss', 0, FLAVOUR_SINGLE, 4],
    ['sd', 0x66, FLAVOUR_DOUBLE, 8],
  ] as const) {
    const shared = { prefix, flavour, memorySize, setup, count };
    forms.push(...vectorForms(`ucomi${suffix}`, { ...shared, opcode: 0x2e }));
    forms.push(...vectorForms(`comi${suffix}`, { ...shared, opcode: 0x2f }));
  }
  for (const [suffix, prefix, flavour] of [
    ['pd', 0x66, FLAVOUR_DOUBLE],
    ['ps', 0xf2, FLAVOUR_SINGLE],
  ] as const) {
    const shared = { prefix, flavour, setup, count };
    forms.push(...vectorForms(`hadd${suffix}`, { ...shared, opcode: 0x7c }));
    forms.push(...vectorForms(`hsub${suffix}`, { ...shared, opcode: 0x7d }));
    forms.push(...vectorForms(`addsub${suffix}`, { ...shared, opcode: 0xd0 }));
  }
  return forms;
}

/** No denormals, which QEMU does not take for zeros as processors do. */
function approximableSingles(draft: Draft, rm: number | MemoryOperand): void {
  const { rng } = draft;
  const single = (): number => {
    const special = [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00001, 0x3f800000];
    return rng.chance(0.2)
      ? rng.pick(special)
      : ((rng.next() & 0x807fffff) | ((67 + rng.below(120)) << 23)) >>> 0;
  };
  const four = (): number[] => [single(), single(), single(), single()];
  for (let n = 0; n < 16; n++) draft.setXmm(n, four());
  if (typeof rm !== 'number')
    draft.patch(
      rm.address,
      four().flatMap((word) => littleEndian(word, 4)),
    );
}

function approximateForms(): Form[] {
  return (['rsqrt', 'rcp'] as const).flatMap((name, i) =>
    (
      [
        ['ps', 0, 16],
        ['ss', 0xf3, 4],
      ] as const
    ).flatMap(([suffix, prefix, memorySize]) =>
      vectorForms(name + suffix, {
        ...{ prefix, opcode: 0x52 + i, memorySize, count: 24 },
        ...{ flavour: FLAVOUR_SINGLE, tolerance: APPROXIMATE_SINGLE, setup: approximableSingles },
      }),
    ),
  );
}

function convertForms(setup: (draft: Draft) => void, count: number): Form[] {
  const s = { flavour: FLAVOUR_SINGLE, setup, count } as const;
  const d = { flavour: FLAVOUR_DOUBLE, setup, count } as const;
  const n = { flavour: FLAVOUR_INTEGER, setup, count } as const;
  const list: [string, VectorShape][] = [
    ['cvtps2pd', { ...s, prefix: 0, opcode: 0x5a, memorySize: 8 }],
    ['cvtpd2ps', { ...d, prefix: 0x66, opcode: 0x5a }],
    ['cvtss2sd', { ...s, prefix: 0xf3, opcode: 0x5a, memorySize: 4 }],
    ['cvtsd2ss', { ...d, prefix: 0xf2, opcode: 0x5a, memorySize: 8 }],
    ['cvtdq2ps', { ...n, prefix: 0, opcode: 0x5b }],
    ['cvtps2dq', { ...s, prefix: 0x66, opcode: 0x5b }],
    ['cvttps2dq', { ...s, prefix: 0xf3, opcode: 0x5b }],
    ['cvtdq2pd', { ...n, prefix: 0xf3, opcode: 0xe6, memorySize: 8 }],
    ['cvtpd2dq', { ...d, prefix: 0xf2, opcode: 0xe6 }],
    ['cvttpd2dq', { ...d, prefix: 0x66, opcode: 0xe6 }],
    ['cvtpi2ps', { ...n, prefix: 0, opcode: 0x2a, rm: 'mm', memorySize: 8 }],
    ['cvtpi2pd', { ...n, prefix: 0x66, opcode: 0x2a, rm: 'mm', memorySize: 8 }],
    ['cvttps2pi', { ...s, prefix: 0, opcode: 0x2c, reg: 'mm', rm: 'xmm', memorySize: 8 }],
    ['cvtps2pi', { ...s, prefix: 0, opcode: 0x2d, reg: 'mm', rm: 'xmm', memorySize: 8 }],
    ['cvttpd2pi', { ...d, prefix: 0x66, opcode: 0x2c, reg: 'mm', rm: 'xmm' }],
    ['cvtpd2pi', { ...d, prefix: 0x66, opcode: 0x2d, reg: 'mm', rm: 'xmm' }],
  ];
  for (const w of [false, true]) {
    const bits = w ? 64 : 32;
    const scalar: readonly [string, VectorShape][] = [
      [`cvtsi2ss ${bits}`, { ...n, prefix: 0xf3, opcode: 0x2a, rm: 'gpr', memorySize: bits / 8, w }],
      [`cvtsi2sd ${bits}`, { ...n, prefix: 0xf2, opcode: 0x2a, rm: 'gpr', memorySize: bits / 8, w }],
      [`cvttss2si ${bits}`, { ...s, prefix: 0xf3, opcode: 0x2c, reg: 'gpr', rm: 'xmm', memorySize: 4, w }],
      [`cvtss2si ${bits}`, { ...s, prefix: 0xf3, opcode: 0x2d, reg: 'gpr', rm: 'xmm', memorySize: 4, w }],
      [`cvttsd2si ${bits}`, { ...d, prefix: 0xf2, opcode: 0x2c, reg: 'gpr', rm: 'xmm', memorySize: 8, w }],
      [`cvtsd2si ${bits}`, { ...d, prefix: 0xf2, opcode: 0x2d, reg: 'gpr', rm: 'xmm', memorySize: 8, w }],
    ];
    list.push(...scalar);
  }
  return list.flatMap(([name, shape]) => vectorForms(name, shape));
}

/** FXSAVE image: opcode, pointers, MXCSR_MASK, and the reserved bytes of ST0–7. */
const FXSAVE_IGNORED = [
  5,
  19,
  28,
  4,
  ...Array.from({ length: 8 }, (_, i) => [42 + 16 * i, 6]).flat(),
  416,
  96,
];

function stateForms(): Form[] {
  const image = (draft: Draft, digit: number, w: boolean): number => {
    const offset = 16 * draft.rng.below(0x100) + (draft.rng.chance(0.08) ? 8 : 0);
    const address = BigInt(DATA_ADDRESS + offset);
    const rm = draft.memory({ size: 512, address });
    draft.emit({ opcode: [0x0f, 0xae], reg: digit, rm, w });
    return offset;
  };
  const forms: Form[] = [false, true].flatMap((w) => [
    form(
      `fxsave${w ? '64' : ''}`,
      24,
      (draft) => {
        setStack(draft);
        draft.words[WORD_FSW] |= draft.rng.below(8) << 11;
        const offset = image(draft, 0, w);
        for (let i = 0; i < FXSAVE_IGNORED.length; i += 2) {
          draft.memoryIgnored.push(offset + FXSAVE_IGNORED[i], FXSAVE_IGNORED[i + 1]);
        }
      },
      FLAVOUR_EXTENDED,
    ),
    form(
      `fxrstor${w ? '64' : ''}`,
      32,
      (draft) => {
        const { rng } = draft;
        const offset = image(draft, 1, w);
        const mxcsr = rng.chance(0.1) ? rng.next() : 0x1f80 | (rng.next() & 0xe07f);
        const words = [0x37f | (rng.below(16) << 8), rng.below(8) << 11, rng.below(256), 0];
        const head = words.flatMap((word) => littleEndian(word, 2));
        draft.patch(BigInt(DATA_ADDRESS + offset), [
          ...head,
          ...Array<number>(16).fill(0),
          ...littleEndian(mxcsr, 4),
        ]);
      },
      FLAVOUR_EXTENDED,
    ),
  ]);
  forms.push(
    form('ldmxcsr', 24, (draft) => {
      const rm = draft.memory({ size: 4 });
      const reserved = draft.rng.chance(0.15) ? 0xffffffff : 0xffff;
      draft.patch(rm.address, littleEndian(draft.rng.next() & reserved, 4));
      draft.emit({ opcode: [0x0f, 0xae], reg: 2, rm });
    }),
    form('stmxcsr', 16, (draft) => {
      maskedControl(draft);
      draft.emit({ opcode: [0x0f, 0xae], reg: 3, rm: draft.memory({ size: 4 }) });
    }),
  );
  return forms;
}

export const MMX_FORMS: readonly Form[] = integerForms('mm');
export const SSE_INTEGER_FORMS: readonly Form[] = integerForms('xmm');
export const SSE_MOVE_FORMS: readonly Form[] = [...moveForms(), ...stateForms()];
export const SSE_FLOAT_FORMS: readonly Form[] = [
  ...arithmeticForms(maskedControl, 40),
  ...approximateForms(),
];
export const SSE_CONVERT_FORMS: readonly Form[] = convertForms(maskedControl, 40);
export const SSE_EXCEPTION_FORMS: readonly Form[] = [
  ...arithmeticForms(unmaskedControl, 12),
  ...convertForms(unmaskedControl, 12),
];
