/** Shifts, rotates, multiplication, division, bit tests, string instructions and branches. */
import { CODE_ADDRESS, DATA_ADDRESS, STACK_ADDRESS } from '../../tests/conformance/vector-format.ts';
import { type Draft, type Form, littleEndian, type MemoryOperand } from './draft.ts';
import {
  AF,
  ALL,
  CF,
  form,
  OF,
  type Operands,
  PF,
  SF,
  SIZES,
  type Size,
  shapes,
  sized,
  WIDE,
  ZF,
} from './form-tools.ts';

const ROTATES = ['rol', 'ror', 'rcl', 'rcr'];
const SHIFTS = ['shl', 'shr', 'sal', 'sar'];
const ARITH = CF | PF | AF | ZF | SF | OF;

/** Flags that a shift or rotate by `raw` defines. */
function shiftFlags(digit: number, size: Size, raw: number): number {
  const count = raw & (size === 64 ? 63 : 31);
  if (count === 0) return ALL;
  const overflow = count === 1 ? 0 : OF;
  if (digit < 4) return ALL & ~overflow;
  const carry = digit !== 7 && count >= size ? CF : 0;
  return ALL & ~(AF | overflow | carry);
}

function shiftForms(): Form[] {
  const forms: Form[] = [];
  [...ROTATES, ...SHIFTS].forEach((name, digit) => {
    const one = (_d: Draft, size: Size): number => shiftFlags(digit, size, 1);
    const byCl = (draft: Draft, size: Size): number => shiftFlags(digit, size, Number(draft.gpr(1) & 0xffn));
    const byImmediate = (_d: Draft, size: Size, at: Operands): number =>
      shiftFlags(digit, size, at.immediate[0]);
    const setCl = (draft: Draft, _size: Size, at: Operands): void => {
      const uses = typeof at.rm !== 'number' && (at.rm.base === 1 || at.rm.index === 1);
      if (!uses)
        draft.setGpr(1, (draft.gpr(1) & ~0xffn) | BigInt(draft.rng.below(draft.rng.chance(0.7) ? 66 : 256)));
    };
    forms.push(
      ...shapes(`${name} 1`, { opcode8: [0xd0], opcode: [0xd1], digit, flags: one, count: 10 }),
      ...shapes(`${name} cl`, {
        opcode8: [0xd2],
        opcode: [0xd3],
        digit,
        flags: byCl,
        setup: setCl,
        count: 30,
      }),
    );
    for (const size of SIZES) {
      for (const kind of ['reg', 'mem'] as const) {
        forms.push(
          form(`${name} imm8 ${size} ${kind}`, 24, (draft) => {
            const count = draft.rng.below(draft.rng.chance(0.8) ? 66 : 256);
            const rm = kind === 'reg' ? draft.rng.below(16) : draft.memory({ size: size / 8 });
            const opcode = [size === 8 ? 0xc0 : 0xc1];
            draft.emit({ ...sized(size), opcode, reg: digit, rm, immediate: [count] });
            draft.flagsMask = byImmediate(draft, size, { reg: digit, rm, immediate: [count] });
          }),
        );
      }
    }
  });
  return forms;
}

function doubleShiftForms(): Form[] {
  const forms: Form[] = [];
  for (const [name, opcode] of [
    ['shld', 0xa4],
    ['shrd', 0xac],
  ] as const) {
    for (const size of WIDE) {
      for (const kind of ['reg', 'mem'] as const) {
        for (const byCl of [false, true]) {
          const make = (draft: Draft): void => {
            const { rng } = draft;
            /* Above 16 the result of a 16-bit shift is undefined. */
            const count = size === 16 ? rng.below(17) + 32 * rng.below(8) : rng.below(256);
            const rm = kind === 'reg' ? rng.below(16) : draft.memory({ size: size / 8, keep: [1] });
            if (byCl) draft.setGpr(1, (draft.gpr(1) & ~0xffn) | BigInt(count));
            const immediate = byCl ? [] : [count];
            const reg = rng.below(16);
            draft.emit({ ...sized(size), opcode: [0x0f, byCl ? opcode + 1 : opcode], reg, rm, immediate });
            const masked = count & (size === 64 ? 63 : 31);
            draft.flagsMask = masked === 0 ? ALL : ALL & ~(AF | (masked === 1 ? 0 : OF));
          };
          forms.push(form(`${name} ${byCl ? 'cl' : 'imm8'} ${size} ${kind}`, 24, make));
        }
      }
    }
  }
  return forms;
}

/** Makes quotients that fit, or nearly do not. */
function setDividend(draft: Draft, size: Size, at: Operands): void {
  const { rng } = draft;
  if (rng.chance(0.15)) return;
  const bits = BigInt(size);
  const divisor = rng.big64() >> BigInt(rng.below(size) + 64 - size);
  const bytes = littleEndian(divisor, size / 8);
  const quotient = rng.big64() >> BigInt(rng.below(Math.min(size, 63)) + 64 - size);
  let dividend = BigInt.asUintN(size, divisor) * quotient + (rng.big64() % (divisor + 1n));
  if (rng.chance(0.5)) dividend = -dividend;
  if (typeof at.rm === 'number') {
    if (at.rm !== 0 && at.rm !== 2 && !(size === 8 && at.rm === 4)) draft.setGpr(at.rm, divisor);
  } else draft.patch(at.rm.address, bytes);
  const low = BigInt.asUintN(size, dividend);
  const high = BigInt.asUintN(size, dividend >> bits);
  if (size === 8) draft.setGpr(0, (rng.big64() & ~0xffffn) | (high << 8n) | low);
  else {
    draft.setGpr(0, (size === 64 ? 0n : (rng.big64() >> bits) << bits) | low);
    draft.setGpr(2, (size === 64 ? 0n : (rng.big64() >> bits) << bits) | high);
  }
}

function multiplyForms(): Form[] {
  const group = { opcode8: [0xf6], opcode: [0xf7] };
  const product = ALL & ~(SF | ZF | AF | PF);
  const wish = { keep: [0, 2] };
  const divide = { ...group, wish, setup: setDividend, flags: ALL & ~ARITH, count: 40 };
  return [
    ...shapes('mul', { ...group, digit: 4, flags: product, count: 24 }),
    ...shapes('imul', { ...group, digit: 5, flags: product, count: 24 }),
    ...shapes('div', { ...divide, digit: 6 }),
    ...shapes('idiv', { ...divide, digit: 7 }),
    ...shapes('imul r,rm', { sizes: WIDE, opcode: [0x0f, 0xaf], flags: product, count: 24 }),
    ...shapes('imul r,rm,imm', {
      sizes: WIDE,
      opcode: [0x69],
      immediate: 'operand',
      flags: product,
      count: 24,
    }),
    ...shapes('imul r,rm,imm8', { sizes: WIDE, opcode: [0x6b], immediate: 8, flags: product, count: 24 }),
  ];
}

/** BT m, r reaches beyond its operand: the byte that it touches is chosen first. */
function bitOffsetMemory(draft: Draft, size: Size, opcode: number, prefixes: readonly number[]): void {
  const { rng } = draft;
  const reg = rng.below(16);
  const bits = BigInt(rng.below(4096) - 2048);
  const garbage = size === 64 ? 0n : (rng.big64() >> BigInt(size)) << BigInt(size);
  const offset = (bits >> BigInt(Math.log2(size))) * BigInt(size / 8);
  const target = draft.address({
    size: size / 8,
    align: prefixes.length > 0 ? size / 8 : 1,
    crosses: prefixes.length === 0,
  });
  const rm = draft.memory({ size: size / 8, keep: [reg], address: target - offset });
  draft.setGpr(reg, garbage | BigInt.asUintN(size, bits));
  draft.emit({ ...sized(size), opcode: [0x0f, opcode], reg, rm, prefixes });
  draft.flagsMask = ALL & ~(OF | SF | AF | PF);
}

function bitForms(): Form[] {
  const forms: Form[] = [];
  const flags = ALL & ~(OF | SF | AF | PF);
  ['bt', 'bts', 'btr', 'btc'].forEach((name, i) => {
    const opcode = 0xa3 + 8 * i;
    forms.push(
      ...shapes(`${name} rm,r`, { sizes: WIDE, opcode: [0x0f, opcode], kinds: ['reg'], flags, count: 16 }),
      ...shapes(`${name} rm,imm8`, {
        sizes: WIDE,
        opcode: [0x0f, 0xba],
        digit: 4 + i,
        immediate: 8,
        flags,
        count: 16,
      }),
    );
    for (const size of WIDE) {
      forms.push(form(`${name} m,r ${size}`, 24, (draft) => bitOffsetMemory(draft, size, opcode, [])));
      if (i > 0)
        forms.push(
          form(`lock ${name} m,r ${size}`, 12, (draft) => bitOffsetMemory(draft, size, opcode, [0xf0])),
        );
    }
  });
  const nonZero = (draft: Draft, size: Size, at: Operands): void => {
    const value = (draft.rng.big64() >> BigInt(draft.rng.below(size) + 64 - size)) | 1n;
    const shifted = BigInt.asUintN(size, value << BigInt(draft.rng.below(size)));
    const bits = shifted === 0n ? 1n : shifted;
    if (typeof at.rm === 'number') draft.setGpr(at.rm, bits);
    else draft.patch(at.rm.address, littleEndian(bits, size / 8));
  };
  const scanFlags = ALL & ~(CF | OF | SF | AF | PF);
  const scan = { sizes: WIDE, setup: nonZero, flags: scanFlags, count: 24, wish: { faults: false } };
  const count = { sizes: WIDE, prefixes: [0xf3], count: 24 };
  const zero = (draft: Draft, _size: Size, at: Operands): void => {
    if (typeof at.rm === 'number') draft.setGpr(at.rm, 0n);
  };
  const none = { sizes: [64] as const, kinds: ['reg'] as const, setup: zero, flags: scanFlags, count: 8 };
  forms.push(
    ...shapes('bsf', { ...scan, opcode: [0x0f, 0xbc] }),
    ...shapes('bsr', { ...scan, opcode: [0x0f, 0xbd] }),
    ...shapes('bsf of zero', { ...none, opcode: [0x0f, 0xbc] }),
    ...shapes('bsr of zero', { ...none, opcode: [0x0f, 0xbd] }),
    ...shapes('popcnt', { ...count, opcode: [0x0f, 0xb8] }),
  );
  return forms;
}

const STRINGS: readonly [string, number, boolean, boolean][] = [
  ['movs', 0xa4, true, true],
  ['cmps', 0xa6, true, true],
  ['stos', 0xaa, false, true],
  ['lods', 0xac, true, false],
  ['scas', 0xae, false, true],
];

function makeString(draft: Draft, size: Size, opcode: number, prefix: number): void {
  const { rng } = draft;
  const compares = opcode === 0xa6 || opcode === 0xae;
  const down = rng.chance(0.4);
  if (down) draft.words[120] |= 0x400;
  const bytes = size / 8;
  const narrow = rng.chance(0.15);
  const count = prefix === 0 ? 1 : rng.pick([0, 1, 2, 3, 7, 8, 17, 64]);
  /* With a count of 0 processors differ in whether they clear the upper halves. */
  const garbage = narrow && count > 0 ? BigInt(rng.next()) << 32n : 0n;
  const pointer = (n: number): bigint => {
    /* Some runs end in a guard page. */
    const nearEnd = rng.chance(0.12);
    const inner = 0x800 + rng.below(0x1000);
    const at = DATA_ADDRESS + (nearEnd ? (down ? rng.below(40) : 0x2000 - bytes - rng.below(40)) : inner);
    draft.setGpr(n, BigInt(at) | garbage);
    return BigInt(at);
  };
  let source = pointer(6);
  let target = pointer(7);
  if (prefix !== 0 && opcode === 0xa4 && rng.chance(0.3)) {
    target = source + BigInt(rng.below(20) - 10);
    draft.setGpr(7, target | garbage);
  }
  const override = rng.below(12);
  if (override === 0 && (opcode === 0xa4 || opcode === 0xac || opcode === 0xa6)) {
    source -= 0x2000n;
    draft.setGpr(6, source | garbage);
    draft.code.push(0x65);
    source += 0x2000n;
  }
  if (prefix !== 0) {
    draft.setGpr(1, BigInt(count) | garbage);
    if (compares && rng.chance(0.8)) makeRun(draft, opcode, prefix, { source, target, bytes, count, down });
  } else if (compares && rng.chance(0.3)) draft.patch(target, littleEndian(draft.gpr(0), bytes));
  const { mandatory, w } = sized(size);
  if (narrow) draft.code.push(0x67);
  if (prefix !== 0) draft.code.push(prefix);
  if (mandatory !== undefined) draft.code.push(mandatory);
  if (w) draft.code.push(0x48);
  draft.code.push(size === 8 ? opcode : opcode + 1);
  draft.untilNext = prefix !== 0;
}

interface Run {
  readonly source: bigint;
  readonly target: bigint;
  readonly bytes: number;
  readonly count: number;
  readonly down: boolean;
}

/** Memory on which REPE runs over equal and REPNE over unequal elements, up to a random one. */
function makeRun(draft: Draft, opcode: number, prefix: number, run: Run): void {
  const { rng } = draft;
  const stop = rng.below(run.count + 2);
  const step = BigInt(run.down ? -run.bytes : run.bytes);
  for (let i = 0; i < run.count; i++) {
    const equal = (prefix === 0xf3) === (i !== stop);
    const scan = opcode === 0xae;
    const value = scan ? draft.gpr(0) : rng.big64();
    const offset = step * BigInt(i);
    if (!scan) draft.patch(run.source + offset, littleEndian(value, run.bytes));
    draft.patch(run.target + offset, littleEndian(equal ? value : value ^ 1n, run.bytes));
  }
}

function stringForms(): Form[] {
  const forms: Form[] = [];
  for (const [name, opcode] of STRINGS) {
    for (const size of SIZES) {
      for (const [label, prefix] of [
        ['', 0],
        ['rep ', 0xf3],
        ['repne ', 0xf2],
      ] as const) {
        const count = prefix === 0 ? 20 : 30;
        forms.push(
          form(`${label}${name} ${size}`, count, (draft) => makeString(draft, size, opcode, prefix)),
        );
      }
    }
  }
  return forms;
}

/** A distance that stays in the lower half of the address space. */
function distance(draft: Draft): number {
  const { rng } = draft;
  return rng.chance(0.5) ? rng.below(0x10000) - 0x8000 : rng.below(0x7ff00000);
}

function goodStack(draft: Draft): void {
  draft.setGpr(4, BigInt(STACK_ADDRESS + 0x400 + draft.rng.below(0x800)));
}

function branchForms(): Form[] {
  const forms: Form[] = [];
  const rel8 = (draft: Draft): number => draft.rng.below(256);
  for (let cc = 0; cc < 16; cc++) {
    const name = `j${cc.toString(16)}`;
    forms.push(
      form(`${name} rel8`, 12, (draft) => {
        draft.code = [0x70 + cc, rel8(draft)];
      }),
      form(`${name} rel32`, 12, (draft) => {
        draft.code = [0x0f, 0x80 + cc, ...littleEndian(distance(draft), 4)];
      }),
    );
  }
  for (const [name, opcode] of [
    ['loopne', 0xe0],
    ['loope', 0xe1],
    ['loop', 0xe2],
    ['jrcxz', 0xe3],
  ] as const) {
    for (const narrow of [false, true]) {
      forms.push(
        form(`${name}${narrow ? ' addr32' : ''}`, 24, (draft) => {
          const garbage = draft.rng.chance(0.5) ? BigInt(draft.rng.next()) << 32n : 0n;
          draft.setGpr(1, BigInt(draft.rng.pick([0, 1, 2, 3, 0xffffffff])) | garbage);
          draft.code = [...(narrow ? [0x67] : []), opcode, rel8(draft)];
        }),
      );
    }
  }
  const target = (draft: Draft, _size: Size, at: Operands): void => {
    const address = draft.rng.big64() >> 17n;
    if (typeof at.rm === 'number') draft.setGpr(at.rm, address);
    else draft.patch((at.rm as MemoryOperand).address, littleEndian(address, 8));
    if (at.rm !== 4) goodStack(draft);
  };
  const near = { sizes: [64] as const, opcode: [0xff], default64: true, setup: target, count: 32 };
  const wish = { keep: [4], faults: false, crosses: false };
  forms.push(
    form('jmp rel8', 12, (draft) => {
      draft.code = [0xeb, rel8(draft)];
    }),
    form('jmp rel32', 16, (draft) => {
      draft.code = [0xe9, ...littleEndian(distance(draft), 4)];
    }),
    form('call rel32', 24, (draft) => {
      goodStack(draft);
      draft.code = [0xe8, ...littleEndian(distance(draft), 4)];
    }),
    form('call rel32 on a bad stack', 8, (draft) => {
      draft.setGpr(4, BigInt(draft.rng.pick([STACK_ADDRESS, STACK_ADDRESS + 4, 0x1000])));
      draft.code = [0xe8, ...littleEndian(distance(draft), 4)];
    }),
    ...shapes('jmp rm', { ...near, digit: 4, wish }),
    ...shapes('call rm', { ...near, digit: 2, wish }),
  );
  for (const [name, opcode, size] of [
    ['ret', 0xc3, 0],
    ['ret imm16', 0xc2, 2],
  ] as const) {
    forms.push(
      form(name, 24, (draft) => {
        const offset = 0x400 + draft.rng.below(0x800);
        draft.setGpr(4, BigInt(STACK_ADDRESS + offset));
        const bytes = littleEndian(draft.rng.big64() >> 17n, 8);
        draft.patches.push({ offset: 0x2000 + offset, bytes: Uint8Array.from(bytes) });
        draft.code = [opcode, ...littleEndian(draft.rng.next(), size)];
      }),
    );
  }
  forms.push(
    form('jmp to itself', 1, (draft) => {
      draft.code = [0xeb, 0xfe];
    }),
    form('ret from a guard page', 4, (draft) => {
      draft.setGpr(4, BigInt(draft.rng.pick([STACK_ADDRESS + 0xffc, STACK_ADDRESS - 4, CODE_ADDRESS - 8])));
      draft.code = [0xc3];
    }),
  );
  return forms;
}

const USER_CS = 0x33;
const USER_SS = 0x2b;

/** Returns to the selectors that the program has; a wrong one is #GP(selector). */
function farForms(): Form[] {
  const forms: Form[] = [];
  const place = (draft: Draft, values: readonly bigint[]): void => {
    const offset = 0x400 + draft.rng.below(0x800);
    draft.setGpr(4, BigInt(STACK_ADDRESS + offset));
    const bytes = values.flatMap((value) => littleEndian(value, 8));
    draft.patches.push({ offset: 0x2000 + offset, bytes: Uint8Array.from(bytes) });
  };
  const selector = (draft: Draft): bigint => BigInt(draft.rng.chance(0.1) ? 0 : USER_CS);
  forms.push(
    form('iretq', 48, (draft) => {
      const { rng } = draft;
      const flags = BigInt((rng.next() & 0xcd5) | 0x202);
      const target = BigInt(CODE_ADDRESS + 0x200 + rng.below(0x100));
      place(draft, [target, selector(draft), flags, rng.big64() >> 17n, BigInt(USER_SS)]);
      draft.code = [0x48, 0xcf];
      draft.flagsMask = ALL | 0x4000 | 0x3000 | 0x200 | 0x240000;
    }),
    form('retfq', 24, (draft) => {
      place(draft, [draft.rng.big64() >> 17n, selector(draft)]);
      draft.code = [0x48, 0xcb];
    }),
    form('retfq imm16', 24, (draft) => {
      place(draft, [draft.rng.big64() >> 17n, selector(draft)]);
      draft.code = [0x48, 0xca, ...littleEndian(draft.rng.next(), 2)];
    }),
  );
  return forms;
}

export const SHIFT_FORMS: readonly Form[] = [...shiftForms(), ...doubleShiftForms()];
export const MULTIPLY_FORMS: readonly Form[] = multiplyForms();
export const BIT_FORMS: readonly Form[] = bitForms();
export const STRING_FORMS: readonly Form[] = stringForms();
export const BRANCH_FORMS: readonly Form[] = [...branchForms(), ...farForms()];
