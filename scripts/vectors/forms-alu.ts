/** Two-operand arithmetic, moves, and their relatives. */
import { STACK_ADDRESS } from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian } from './draft.ts';
import { AF, ALL, fixed, form, immediate, SIZES, type Size, shapes, sized, WIDE } from './form-tools.ts';

const ALU = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'];
const LOGIC = new Set(['or', 'and', 'xor']);

function accumulatorForms(name: string, opcode8: number, flags: number): Form[] {
  return SIZES.map((size) =>
    form(`${name} ${size} acc,imm`, 10, (draft) => {
      const { mandatory, w } = sized(size);
      draft.code = [...(mandatory === undefined ? [] : [mandatory]), ...(w ? [0x48] : [])];
      draft.code.push(size === 8 ? opcode8 : opcode8 + 1, ...immediate(draft, size));
      draft.flagsMask = flags;
    }),
  );
}

function aluForms(): Form[] {
  return ALU.flatMap((name, digit) => {
    const base = digit << 3;
    const flags = LOGIC.has(name) ? ALL & ~AF : ALL;
    return [
      ...shapes(`${name} rm,r`, { opcode8: [base], opcode: [base + 1], flags, count: 12 }),
      ...shapes(`${name} r,rm`, { opcode8: [base + 2], opcode: [base + 3], flags, count: 10 }),
      ...shapes(`${name} rm,imm`, { opcode8: [0x80], opcode: [0x81], digit, immediate: 'operand', flags }),
      ...shapes(`${name} rm,imm8`, { sizes: WIDE, opcode: [0x83], digit, immediate: 8, flags }),
      ...accumulatorForms(name, base + 4, flags),
    ];
  });
}

function unaryForms(): Form[] {
  return [
    ...shapes('test rm,r', { opcode8: [0x84], opcode: [0x85], flags: ALL & ~AF }),
    ...shapes('test rm,imm', {
      opcode8: [0xf6],
      opcode: [0xf7],
      digit: 0,
      immediate: 'operand',
      flags: ALL & ~AF,
    }),
    ...accumulatorForms('test', 0xa8, ALL & ~AF),
    ...shapes('not', { opcode8: [0xf6], opcode: [0xf7], digit: 2 }),
    ...shapes('neg', { opcode8: [0xf6], opcode: [0xf7], digit: 3 }),
    ...shapes('inc', { opcode8: [0xfe], opcode: [0xff], digit: 0 }),
    ...shapes('dec', { opcode8: [0xfe], opcode: [0xff], digit: 1 }),
  ];
}

function moveForms(): Form[] {
  const forms = [
    ...shapes('mov rm,r', { opcode8: [0x88], opcode: [0x89] }),
    ...shapes('mov r,rm', { opcode8: [0x8a], opcode: [0x8b] }),
    ...shapes('mov rm,imm', { opcode8: [0xc6], opcode: [0xc7], digit: 0, immediate: 'operand' }),
    ...shapes('movzx r,rm8', { sizes: WIDE, opcode: [0x0f, 0xb6], memorySize: 1 }),
    ...shapes('movzx r,rm16', { sizes: WIDE, opcode: [0x0f, 0xb7], memorySize: 2 }),
    ...shapes('movsx r,rm8', { sizes: WIDE, opcode: [0x0f, 0xbe], memorySize: 1 }),
    ...shapes('movsx r,rm16', { sizes: WIDE, opcode: [0x0f, 0xbf], memorySize: 2 }),
    ...shapes('movsxd r,rm32', { sizes: [32, 64], opcode: [0x63], memorySize: 4 }),
    ...shapes('lea', { sizes: WIDE, opcode: [0x8d], kinds: ['mem'], count: 40 }),
    ...shapes('xchg rm,r', { opcode8: [0x86], opcode: [0x87], wish: { align: 8, crosses: false } }),
    fixed('nop', [0x90]),
    fixed('pause', [0xf3, 0x90]),
    fixed('nop 66', [0x66, 0x90]),
  ];
  for (const size of WIDE) {
    const { mandatory, w } = sized(size);
    const prefix = mandatory === undefined ? [] : [mandatory];
    forms.push(
      form(`xchg acc,r ${size}`, 16, (draft) => {
        const n = draft.rng.below(16);
        draft.code = [...prefix, 0x40 | (w ? 8 : 0) | (n >> 3), 0x90 | (n & 7)];
      }),
      form(`mov r,imm ${size}`, 12, (draft) => {
        const n = draft.rng.below(16);
        const bytes = littleEndian(draft.rng.big64(), size / 8);
        draft.code = [...prefix, 0x40 | (w ? 8 : 0) | (n >> 3), 0xb8 | (n & 7), ...bytes];
      }),
      fixed(`cbw/cwde/cdqe ${size}`, [...prefix, ...(w ? [0x48] : []), 0x98], 12),
      fixed(`cwd/cdq/cqo ${size}`, [...prefix, ...(w ? [0x48] : []), 0x99], 12),
    );
    if (size !== 16) {
      forms.push(
        form(`bswap ${size}`, 16, (draft) => {
          const n = draft.rng.below(16);
          draft.code = [0x40 | (w ? 8 : 0) | (n >> 3), 0x0f, 0xc8 | (n & 7)];
        }),
      );
    }
  }
  forms.push(
    form('mov r8,imm8', 24, (draft) => {
      const n = draft.rng.below(16);
      const rex = n >= 8 || draft.rng.chance(0.5) ? [0x40 | (n >> 3)] : [];
      draft.code = [...rex, 0xb0 | (n & 7), draft.rng.below(256)];
    }),
    form('xlat data', 12, (draft) => {
      const al = draft.gpr(0) & 0xffn;
      draft.setGpr(3, draft.address({ size: 1 }) - al);
      draft.code = [0xd7];
    }),
  );
  return forms;
}

function absoluteForms(): Form[] {
  const forms: Form[] = [];
  for (const opcode of [0xa0, 0xa2]) {
    for (const size of SIZES) {
      for (const narrow of [false, true]) {
        const name = `mov ${opcode === 0xa0 ? 'acc,moffs' : 'moffs,acc'} ${size}${narrow ? ' addr32' : ''}`;
        const make = (draft: Draft): void => {
          const address = draft.address({ size: size / 8 });
          const bytes = littleEndian(address, narrow ? 4 : 8);
          const { mandatory, w } = sized(size);
          const code = [...(narrow ? [0x67] : []), ...(mandatory === undefined ? [] : [mandatory])];
          draft.code = [...code, ...(w ? [0x48] : []), size === 8 ? opcode : opcode + 1, ...bytes];
        };
        forms.push(form(name, 10, make));
      }
    }
  }
  return forms;
}

function conditionForms(): Form[] {
  const forms: Form[] = [];
  for (let cc = 0; cc < 16; cc++) {
    forms.push(
      ...shapes(`cmov${cc.toString(16)}`, { sizes: WIDE, opcode: [0x0f, 0x40 + cc], count: 6 }),
      ...shapes(`set${cc.toString(16)}`, { sizes: [8], opcode8: [0x0f, 0x90 + cc], digit: 0, count: 12 }),
    );
  }
  return forms;
}

const lockable = { kinds: ['mem'] as const, prefixes: [0xf0], wish: { align: 8, crosses: false } };

/** LOCK where it is allowed; memory operands never cross a cache line (split locks). */
function lockForms(): Form[] {
  const forms: Form[] = [];
  ALU.forEach((name, digit) => {
    const base = digit << 3;
    const flags = LOGIC.has(name) ? ALL & ~AF : ALL;
    forms.push(
      ...shapes(`lock ${name} rm,r`, { ...lockable, opcode8: [base], opcode: [base + 1], flags, count: 8 }),
    );
    const group = { opcode8: [0x80], opcode: [0x81], digit, immediate: 'operand', flags, count: 5 } as const;
    forms.push(...shapes(`lock ${name} rm,imm`, { ...lockable, ...group }));
    const short = { sizes: WIDE, opcode: [0x83], digit, immediate: 8, flags, count: 4 } as const;
    forms.push(...shapes(`lock ${name} rm,imm8`, { ...lockable, ...short }));
    const none = { prefixes: [0xf0], opcode8: [base], opcode: [base + 1], count: 2 } as const;
    forms.push(...shapes(`invalid lock ${name} reg`, { ...none, kinds: ['reg'] }));
    forms.push(
      ...shapes(`invalid lock ${name} r,rm`, {
        ...none,
        opcode8: [base + 2],
        opcode: [base + 3],
        kinds: ['mem'],
      }),
    );
  });
  const unary: readonly [string, number, number][] = [
    ['not', 0xf6, 2],
    ['neg', 0xf6, 3],
    ['inc', 0xfe, 0],
    ['dec', 0xfe, 1],
  ];
  for (const [name, opcode, digit] of unary) {
    forms.push(
      ...shapes(`lock ${name}`, { ...lockable, opcode8: [opcode], opcode: [opcode + 1], digit, count: 8 }),
    );
  }
  for (const prefixes of [[], [0xf0]]) {
    const name = prefixes.length > 0 ? 'lock ' : '';
    const kinds = prefixes.length > 0 ? (['mem'] as const) : (['reg', 'mem'] as const);
    const wish = { align: 8, crosses: false };
    const shared = { kinds, prefixes, wish, count: 16 };
    const equal = (draft: Draft, _size: Size, at: { rm: unknown; reg: number }): void => {
      if (typeof at.rm === 'number' && draft.rng.chance(0.5)) draft.setGpr(0, draft.gpr(at.rm));
    };
    forms.push(...shapes(`${name}xchg`, { ...shared, opcode8: [0x86], opcode: [0x87] }));
    forms.push(...shapes(`${name}xadd`, { ...shared, opcode8: [0x0f, 0xc0], opcode: [0x0f, 0xc1] }));
    const exchange = { opcode8: [0x0f, 0xb0], opcode: [0x0f, 0xb1], setup: equal, count: 24 };
    forms.push(...shapes(`${name}cmpxchg`, { ...shared, ...exchange }));
    for (const size of [32, 64] as const) {
      const label = `${name}cmpxchg${size === 32 ? '8b' : '16b'}`;
      forms.push(form(label, 40, (draft) => compareExchangePair(draft, size, prefixes)));
    }
  }
  forms.push(
    ...shapes('cmpxchg equal', {
      opcode8: [0x0f, 0xb0],
      opcode: [0x0f, 0xb1],
      kinds: ['mem'],
      ...equalMemory,
    }),
  );
  return forms;
}

const equalMemory = {
  count: 12,
  wish: { align: 8, crosses: false, keep: [0] },
  setup: (draft: Draft, _size: Size, at: { rm: number | { address: bigint } }): void => {
    if (typeof at.rm === 'number') return;
    const value = draft.rng.big64();
    draft.patch(at.rm.address, littleEndian(value, 8));
    draft.setGpr(0, value);
  },
};

function compareExchangePair(draft: Draft, size: 32 | 64, prefixes: readonly number[]): void {
  const { rng } = draft;
  const bytes = size / 4;
  const align = size === 64 && rng.chance(0.1) ? 8 : bytes;
  const rm = draft.memory({ size: bytes, align, crosses: false, keep: [0, 1, 2, 3] });
  if (rng.chance(0.5)) {
    const [low, high] = [rng.big64(), rng.big64()];
    draft.patch(rm.address, [...littleEndian(low, size / 8), ...littleEndian(high, size / 8)]);
    draft.setGpr(0, low);
    draft.setGpr(2, high);
  }
  draft.emit({ opcode: [0x0f, 0xc7], reg: 1, rm, w: size === 64, prefixes });
}

const INVALID: readonly (readonly number[])[] = [
  ...[
    0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x9a, 0xce, 0xd4, 0xd5,
    0xd6, 0xea,
  ],
].map((opcode) => [opcode, 0, 0, 0, 0, 0, 0]);

function faultForms(): Form[] {
  const privileged: readonly (readonly number[])[] = [
    ...[[0xf4], [0xfa], [0xfb], [0xe4, 0x80], [0xe6, 0x80], [0xec], [0xee], [0x6c], [0x6e], [0xed], [0xef]],
    ...[
      [0x0f, 0x06],
      [0x0f, 0x08],
      [0x0f, 0x09],
      [0x0f, 0x30],
      [0x0f, 0x32],
      [0x0f, 0x07],
    ],
    ...[
      [0x0f, 0x20, 0xc0],
      [0x0f, 0x22, 0xc0],
      [0x0f, 0x22, 0xd8],
      [0x0f, 0x21, 0xc0],
      [0x0f, 0x23, 0xf8],
    ],
    ...[
      [0x0f, 0x01, 0xf8],
      [0x0f, 0x01, 0x11],
      [0x0f, 0x01, 0x19],
      [0x0f, 0x01, 0x39],
      [0x0f, 0x00, 0xd0],
    ],
    ...[
      [0x0f, 0x00, 0xd8],
      [0x0f, 0x01, 0xf0],
    ],
  ];
  const hex = (code: readonly number[]): string => Buffer.from(code).toString('hex');
  return [
    ...INVALID.map((code) => fixed(`invalid ${hex(code.slice(0, 1))}`, code, 1)),
    ...privileged.map((code) => fixed(`privileged ${hex(code)}`, code, 1)),
    fixed('ud2', [0x0f, 0x0b], 1),
    fixed('ud1', [0x0f, 0xb9, 0xc0], 1),
    fixed('ud0', [0x0f, 0xff, 0xc0], 1),
    fixed('group 5 /7', [0xff, 0xff], 1),
    fixed('group 4 /2', [0xfe, 0xd0], 1),
    fixed('pop /1', [0x8f, 0xc8, 0, 0], 1),
    fixed('mov imm /1', [0xc6, 0xc8, 0], 1),
    fixed('lea reg', [0x8d, 0xc0], 1),
    fixed('bt imm /0', [0x0f, 0xba, 0xc0, 1], 1),
    fixed('cmpxchg8b reg', [0x0f, 0xc7, 0xc8], 1),
    fixed('lock nop', [0xf0, 0x90], 1),
    fixed('lock mov', [0xf0, 0x89, 0x03], 1),
    fixed('mov cs,r', [0x8e, 0xc8], 1),
    fixed('int3', [0xcc], 2),
    fixed('cd 03', [0xcd, 0x03], 1),
    ...[0, 1, 2, 5, 6, 8, 0x0e, 0x20, 0x81, 0xff].map((n) => fixed(`int ${n}`, [0xcd, n], 1)),
    fixed('15 bytes', [...Array<number>(14).fill(0x66), 0x90], 1),
    fixed('16 bytes', [...Array<number>(15).fill(0x66), 0x90], 1),
    fixed('prefixes before rex', [0x48, 0x66, 0x05, 1, 0], 2),
    form('fetch across the page end', 20, (draft) => {
      /* An immediate that ends in the unmapped page after the code page. */
      draft.codeOffset = 0x1000 - 1 - draft.rng.below(8);
      draft.words[125] = 0x400000 + draft.codeOffset;
      const whole = [0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8];
      draft.code = whole.slice(0, 0x1000 - draft.codeOffset);
    }),
  ];
}

function flagForms(): Form[] {
  const arith: readonly [string, number][] = [
    ['clc', 0xf8],
    ['stc', 0xf9],
    ['cmc', 0xf5],
    ['cld', 0xfc],
    ['std', 0xfd],
    ['lahf', 0x9f],
    ['sahf', 0x9e],
  ];
  const hints: readonly [string, readonly number[], readonly number[]][] = [
    ['nop rm', [0x0f, 0x1f], [0, 1, 7]],
    ['prefetch', [0x0f, 0x18], [0, 1, 2, 3]],
    ['prefetchw', [0x0f, 0x0d], [1]],
  ];
  return [
    ...arith.map(([name, opcode]) =>
      form(name, 12, (draft) => {
        if (draft.rng.chance(0.5)) draft.words[120] |= 0x400;
        draft.code = [opcode];
      }),
    ),
    ...hints.flatMap(([name, opcode, digits]) =>
      digits.flatMap((digit) =>
        shapes(`${name}/${digit}`, { opcode, digit, sizes: WIDE, kinds: ['mem'], count: 4 }),
      ),
    ),
    ...shapes('nop rm', { opcode: [0x0f, 0x1f], digit: 0, sizes: WIDE, kinds: ['reg'], count: 2 }),
    fixed('lfence', [0x0f, 0xae, 0xe8], 2),
    fixed('mfence', [0x0f, 0xae, 0xf0], 2),
    fixed('sfence', [0x0f, 0xae, 0xf8], 2),
    ...shapes('clflush', {
      opcode: [0x0f, 0xae],
      digit: 7,
      sizes: [32],
      kinds: ['mem'],
      memorySize: 1,
      count: 12,
    }),
    form('mov r,sreg', 24, (draft) => {
      const segment = draft.rng.pick([1, 2]);
      const size = draft.rng.pick(WIDE);
      draft.emit({ ...sized(size), opcode: [0x8c], reg: segment, rm: draft.rng.below(16) });
    }),
    form('mov m,sreg', 24, (draft) => {
      const rm = draft.memory({ size: 2 });
      draft.emit({ ...sized(draft.rng.pick(WIDE)), opcode: [0x8c], reg: draft.rng.pick([1, 2]), rm });
    }),
    form('mov reserved sreg', 4, (draft) => {
      draft.emit({ opcode: [draft.rng.pick([0x8c, 0x8e])], reg: 6 + draft.rng.below(2), rm: 0, plain: true });
    }),
  ];
}

function stackTarget(draft: Draft): void {
  const { rng } = draft;
  const kind = rng.below(20);
  const end = STACK_ADDRESS + 0x1000;
  const at = kind === 0 ? STACK_ADDRESS + rng.below(9) : kind === 1 ? end - rng.below(9) : 0;
  if (at !== 0) draft.setGpr(4, BigInt(at));
  else if (kind === 2) draft.setGpr(4, 0x800000000100n);
  else draft.setGpr(4, BigInt(STACK_ADDRESS + 0x400 + rng.below(0x800)));
}

function stackForms(): Form[] {
  const keep = { wish: { keep: [4] }, setup: stackTarget };
  const forms: Form[] = [];
  for (const size of [16, 64] as const) {
    const prefix = size === 16 ? [0x66] : [];
    const register = (name: string, opcode: number): Form =>
      form(`${name} r${size}`, 48, (draft) => {
        stackTarget(draft);
        const n = draft.rng.below(16);
        draft.code = [...prefix, ...(n >= 8 ? [0x41] : []), opcode | (n & 7)];
      });
    const shared = { sizes: [size], default64: true, count: 24, ...keep } as const;
    const simple = (name: string, opcode: number, bytes: number, count: number): Form =>
      form(`${name} ${size}`, count, (draft) => {
        stackTarget(draft);
        draft.code = [...prefix, opcode, ...littleEndian(draft.rng.next(), bytes)];
      });
    forms.push(
      register('push', 0x50),
      register('pop', 0x58),
      ...shapes('push rm', { ...shared, opcode: [0xff], digit: 6 }),
      ...shapes('pop rm', { ...shared, opcode: [0x8f], digit: 0 }),
      simple('push imm8', 0x6a, 1, 16),
      simple('push imm', 0x68, size === 16 ? 2 : 4, 16),
      form(`pop mem by rsp ${size}`, 12, (draft) => {
        draft.setGpr(4, BigInt(STACK_ADDRESS + 0x400 + draft.rng.below(0x400)));
        draft.code = [...prefix, 0x8f, 0x44, 0x24, draft.rng.below(256)];
      }),
      form(`pushf ${size}`, 24, (draft) => {
        stackTarget(draft);
        draft.code = [...prefix, 0x9c];
        const offset = Number(draft.gpr(4) - BigInt(STACK_ADDRESS)) - size / 8 + 0x2000;
        if (offset >= 0x2000 && offset + 8 < 0x3000) draft.trapFlagBytes.push(offset);
      }),
      form(`popf ${size}`, 48, (draft) => {
        const { rng } = draft;
        const offset = 0x400 + rng.below(0x800);
        draft.setGpr(4, BigInt(STACK_ADDRESS + offset));
        const image = BigInt(rng.next() & ~0x100) | (rng.chance(0.2) ? rng.big64() & ~0xffffffffn : 0n);
        draft.patches.push({
          offset: 0x2000 + offset,
          bytes: Uint8Array.from(littleEndian(image, size / 8)),
        });
        draft.code = [...prefix, 0x9d];
        /* VM and RF are cleared, IF and IOPL cannot change; AC and ID only by a 64-bit pop. */
        draft.flagsMask = ALL | 0x4000 | 0x3000 | 0x200 | (size === 64 ? 0x240000 : 0);
      }),
      form(`leave ${size}`, 12, (draft) => {
        draft.setGpr(5, BigInt(STACK_ADDRESS + 0x400 + draft.rng.below(0x800)));
        draft.code = [...prefix, 0xc9];
      }),
      form(`enter ${size}`, 40, (draft) => {
        const { rng } = draft;
        draft.setGpr(4, BigInt(STACK_ADDRESS + 0x800 + rng.below(0x400)));
        draft.setGpr(5, BigInt(STACK_ADDRESS + 0x800 + rng.below(0x400)));
        const level = rng.chance(0.5) ? rng.below(2) : rng.below(256);
        draft.code = [...prefix, 0xc8, ...littleEndian(rng.below(0x200), 2), level];
      }),
    );
  }
  return forms;
}

export const ALU_FORMS: readonly Form[] = [...aluForms(), ...unaryForms()];
export const MOVE_FORMS: readonly Form[] = [...moveForms(), ...absoluteForms(), ...conditionForms()];
export const LOCK_FORMS: readonly Form[] = lockForms();
export const STACK_FORMS: readonly Form[] = stackForms();
export const SYSTEM_FORMS: readonly Form[] = [...flagForms(), ...faultForms()];
