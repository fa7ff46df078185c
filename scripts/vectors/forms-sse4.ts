/** SSSE3, SSE4.1 and SSE4.2. */
import { FLAVOUR_DOUBLE, FLAVOUR_SINGLE, type Flavour } from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian, type MemoryOperand } from './draft.ts';
import { fixed } from './form-tools.ts';
import { byte, maskedControl, unmaskedControl, type VectorShape, vectorForms } from './forms-sse.ts';

const SSSE3: readonly (readonly [string, number])[] = [
  ['pshufb', 0x00],
  ['phaddw', 0x01],
  ['phaddd', 0x02],
  ['phaddsw', 0x03],
  ['pmaddubsw', 0x04],
  ['phsubw', 0x05],
  ['phsubd', 0x06],
  ['phsubsw', 0x07],
  ['psignb', 0x08],
  ['psignw', 0x09],
  ['psignd', 0x0a],
  ['pmulhrsw', 0x0b],
  ['pabsb', 0x1c],
  ['pabsw', 0x1d],
  ['pabsd', 0x1e],
];

function ssse3Forms(reg: 'mm' | 'xmm'): Form[] {
  const shared = { prefix: reg === 'mm' ? 0 : 0x66, reg, memorySize: reg === 'mm' ? 8 : 16 } as const;
  const shift = (draft: Draft): number => draft.rng.below(draft.rng.chance(0.85) ? 36 : 256);
  return [
    ...SSSE3.flatMap(([name, opcode]) =>
      vectorForms(`${name} ${reg}`, { ...shared, map: 0x38, opcode, count: 20 }),
    ),
    ...vectorForms(`palignr ${reg}`, {
      ...{ ...shared, map: 0x3a, opcode: 0x0f, count: 40 },
      immediate: shift,
    }),
  ];
}

/** 0F 38: name, opcode, size of the operand in memory. */
const INTEGER: readonly (readonly [string, number, number])[] = [
  ['pblendvb', 0x10, 16],
  ['blendvps', 0x14, 16],
  ['blendvpd', 0x15, 16],
  ['ptest', 0x17, 16],
  ['pmovsxbw', 0x20, 8],
  ['pmovsxbd', 0x21, 4],
  ['pmovsxbq', 0x22, 2],
  ['pmovsxwd', 0x23, 8],
  ['pmovsxwq', 0x24, 4],
  ['pmovsxdq', 0x25, 8],
  ['pmuldq', 0x28, 16],
  ['pcmpeqq', 0x29, 16],
  ['packusdw', 0x2b, 16],
  ['pmovzxbw', 0x30, 8],
  ['pmovzxbd', 0x31, 4],
  ['pmovzxbq', 0x32, 2],
  ['pmovzxwd', 0x33, 8],
  ['pmovzxwq', 0x34, 4],
  ['pmovzxdq', 0x35, 8],
  ['pcmpgtq', 0x37, 16],
  ['pminsb', 0x38, 16],
  ['pminsd', 0x39, 16],
  ['pminuw', 0x3a, 16],
  ['pminud', 0x3b, 16],
  ['pmaxsb', 0x3c, 16],
  ['pmaxsd', 0x3d, 16],
  ['pmaxuw', 0x3e, 16],
  ['pmaxud', 0x3f, 16],
  ['pmulld', 0x40, 16],
  ['phminposuw', 0x41, 16],
];

/** Operands that agree in much: equal lanes, and nothing in common. */
function alike(draft: Draft, rm: number | MemoryOperand, reg: number): void {
  const { rng } = draft;
  const one = (): number => rng.pick([0, 1, 0xffffffff, 0x80000000, 0x7fffffff]);
  if (rng.chance(0.5)) return;
  const lanes = [one(), one(), one(), one()];
  const other = rng.chance(0.5) ? lanes : lanes.map((lane) => (rng.chance(0.5) ? lane : ~lane >>> 0));
  draft.setXmm(reg, lanes);
  // The mask of the blends.
  draft.setXmm(0, rng.chance(0.5) ? lanes : other);
  if (typeof rm === 'number') draft.setXmm(rm, other);
  else
    draft.patch(
      rm.address,
      other.flatMap((lane) => littleEndian(lane, 4)),
    );
}

const IMMEDIATE: readonly (readonly [string, number, VectorShape['rm'], Partial<VectorShape>])[] = [
  ['blendps', 0x0c, 'xmm', {}],
  ['blendpd', 0x0d, 'xmm', {}],
  ['pblendw', 0x0e, 'xmm', {}],
  ['pextrb', 0x14, 'gpr', { memorySize: 1 }],
  ['pextrw', 0x15, 'gpr', { memorySize: 2 }],
  ['pextrd', 0x16, 'gpr', { memorySize: 4 }],
  ['pextrq', 0x16, 'gpr', { memorySize: 8, w: true }],
  ['extractps', 0x17, 'gpr', { memorySize: 4 }],
  ['extractps w', 0x17, 'gpr', { memorySize: 4, w: true }],
  ['pinsrb', 0x20, 'gpr', { memorySize: 1 }],
  ['insertps', 0x21, 'xmm', { memorySize: 4 }],
  ['pinsrd', 0x22, 'gpr', { memorySize: 4 }],
  ['pinsrq', 0x22, 'gpr', { memorySize: 8, w: true }],
  ['mpsadbw', 0x42, 'xmm', {}],
];

function integerForms(): Form[] {
  return [
    ...INTEGER.flatMap(([name, opcode, memorySize]) =>
      vectorForms(name, { prefix: 0x66, map: 0x38, opcode, memorySize, count: 24, setup: alike }),
    ),
    ...vectorForms('movntdqa', { prefix: 0x66, map: 0x38, opcode: 0x2a, kinds: ['mem'], count: 24 }),
    ...IMMEDIATE.flatMap(([name, opcode, rm, more]) =>
      vectorForms(name, {
        ...{ prefix: 0x66, map: 0x3a, opcode, immediate: byte, count: 30, ...more },
        ...(rm === undefined ? {} : { rm }),
      }),
    ),
    fixed('movntdqa reg', [0x66, 0x0f, 0x38, 0x2a, 0xc1], 1),
    fixed('lock pmulld', [0xf0, 0x66, 0x0f, 0x38, 0x40, 0x07], 1),
    fixed('pmulld without 66', [0x0f, 0x38, 0x40, 0xc1], 1),
    fixed('ptest with f3', [0xf3, 0x0f, 0x38, 0x17, 0xc1], 1),
    fixed('mpsadbw without 66', [0x0f, 0x3a, 0x42, 0xc1, 0x00], 1),
  ];
}

const ROUNDS: readonly (readonly [string, number, Flavour, number])[] = [
  ['roundps', 0x08, FLAVOUR_SINGLE, 16],
  ['roundpd', 0x09, FLAVOUR_DOUBLE, 16],
  ['roundss', 0x0a, FLAVOUR_SINGLE, 4],
  ['roundsd', 0x0b, FLAVOUR_DOUBLE, 8],
];
const DOTS: readonly (readonly [string, number, Flavour])[] = [
  ['dpps', 0x40, FLAVOUR_SINGLE],
  ['dppd', 0x41, FLAVOUR_DOUBLE],
];

const SINGLES = new Float32Array(4);
const DOUBLES = new Float64Array(2);

/** Numbers near integers, halves among them. */
function nearIntegers(draft: Draft, rm: number | MemoryOperand, reg: number, flavour: Flavour): void {
  const { rng } = draft;
  const one = (): number =>
    (rng.below(64) - 32) / rng.pick([1, 2, 4]) + rng.pick([0, 0, 1e-6, 2 ** 23, -(2 ** 22), 2 ** 51]);
  const four = (): number[] => {
    const lanes = flavour === FLAVOUR_SINGLE ? SINGLES : DOUBLES;
    for (let i = 0; i < lanes.length; i++) lanes[i] = one();
    return [...new Uint32Array(lanes.buffer)];
  };
  draft.setXmm(reg, four());
  if (typeof rm === 'number') draft.setXmm(rm, four());
  else
    draft.patch(
      rm.address,
      four().flatMap((word) => littleEndian(word, 4)),
    );
}

/** NaNs, quiet and signalling, in half of the lanes: which of several stays depends on the order of the additions. */
function manyNans(draft: Draft, rm: number | MemoryOperand, reg: number, flavour: Flavour): void {
  const { rng } = draft;
  const single = flavour === FLAVOUR_SINGLE;
  const number = single ? [0x3f800000 + rng.below(0x1000)] : [rng.next(), 0x3ff00000 + rng.below(0x1000)];
  const nan = (): number[] => {
    const top = rng.pick([0x7fc00000, 0xffc00000, 0x7f900000]) + rng.below(0x10000);
    return single ? [top] : [rng.next(), (top & 0x80000000) + 0x7ff00000 + (rng.chance(0.7) ? 0x80000 : 1)];
  };
  const lanes = (): number[] =>
    Array.from({ length: single ? 4 : 2 }, () => (rng.chance(0.5) ? nan() : number)).flat();
  draft.setXmm(reg, lanes());
  if (typeof rm === 'number') draft.setXmm(rm, lanes());
  else
    draft.patch(
      rm.address,
      lanes().flatMap((word) => littleEndian(word, 4)),
    );
}

function floatForms(control: (draft: Draft) => void, count: number): Form[] {
  const shared = { prefix: 0x66, map: 0x3a, immediate: byte } as const;
  const exponents = (draft: Draft): void => control(draft);
  return [
    ...ROUNDS.flatMap(([name, opcode, flavour, memorySize]) => {
      const shape = { ...shared, opcode, flavour, memorySize, count };
      const setup = (draft: Draft, rm: number | MemoryOperand, reg: number): void => {
        control(draft);
        nearIntegers(draft, rm, reg, flavour);
      };
      return [
        ...vectorForms(name, { ...shape, setup: exponents }),
        ...vectorForms(`${name} near integers`, { ...shape, setup }),
      ];
    }),
    ...DOTS.flatMap(([name, opcode, flavour]) => {
      const shape = { ...shared, opcode, flavour, count: 2 * count };
      const setup = (draft: Draft, rm: number | MemoryOperand, reg: number): void => {
        control(draft);
        manyNans(draft, rm, reg, flavour);
      };
      return [
        ...vectorForms(name, { ...shape, setup: exponents }),
        ...vectorForms(`${name} of NaNs`, { ...shape, setup }),
      ];
    }),
  ];
}

/** Strings of few letters that end somewhere, lengths beyond both ends of the register, and as 64 bits. */
function strings(draft: Draft, rm: number | MemoryOperand, reg: number, words: boolean): void {
  const { rng } = draft;
  const letters = [0x61, 0x62, 0x63, 0x80, 0xff, 0x7f];
  const used = letters.slice(0, 1 + rng.below(letters.length));
  const text = (): number[] => {
    const end = rng.chance(0.6) ? rng.below(16) : 16;
    const bytes = Array.from({ length: 16 }, (_, i) => (i === end ? 0 : rng.pick(used)));
    if (words && rng.chance(0.7)) for (let i = 1; i < 16; i += 2) bytes[i] = rng.chance(0.2) ? 0x80 : 0;
    return bytes;
  };
  const asWords = (bytes: readonly number[]): number[] =>
    [0, 4, 8, 12].map(
      (at) => (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0,
    );
  draft.setXmm(reg, asWords(text()));
  if (typeof rm === 'number') draft.setXmm(rm, asWords(text()));
  else draft.patch(rm.address, text());
  for (const n of [0, 2]) {
    if (typeof rm !== 'number' && (rm.base === n || rm.index === n)) continue;
    const length = BigInt(rng.below(42) - 21);
    draft.setGpr(n, rng.chance(0.3) ? BigInt.asUintN(32, length) | (rng.big64() << 32n) : length);
  }
}

function stringCompareForms(): Form[] {
  const list: readonly (readonly [string, number])[] = [
    ['pcmpestrm', 0x60],
    ['pcmpestri', 0x61],
    ['pcmpistrm', 0x62],
    ['pcmpistri', 0x63],
  ];
  return list.flatMap(([name, opcode]) =>
    [0, 1, 2, 3].flatMap((aggregation) =>
      [false, true].flatMap((w) => {
        const immediate = (draft: Draft): number => (draft.rng.below(32) << 2) & 0x70;
        return [0, 1, 2, 3].flatMap((kind) =>
          vectorForms(`${name} ${aggregation} ${kind}${w ? ' w' : ''}`, {
            ...{ prefix: 0x66, map: 0x3a, opcode, w, align: 1, count: 10 },
            immediate: (draft) => immediate(draft) | (aggregation << 2) | kind,
            setup: (draft, rm, reg) => strings(draft, rm, reg, (kind & 1) !== 0),
          }),
        );
      }),
    ),
  );
}

export const SSSE3_FORMS: readonly Form[] = [
  ...ssse3Forms('mm'),
  ...ssse3Forms('xmm'),
  fixed('pshufb with f2', [0xf2, 0x0f, 0x38, 0x00, 0xc1], 1),
  fixed('lock pshufb', [0xf0, 0x0f, 0x38, 0x00, 0x07], 1),
];
export const SSE4_INTEGER_FORMS: readonly Form[] = integerForms();
export const SSE4_FLOAT_FORMS: readonly Form[] = floatForms(maskedControl, 40);
export const SSE4_EXCEPTION_FORMS: readonly Form[] = floatForms(unmaskedControl, 20);
export const STRING_COMPARE_FORMS: readonly Form[] = stringCompareForms();
