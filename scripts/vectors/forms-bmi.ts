/** What newer processors have for general registers: POPCNT's kin, BMI1, BMI2, ADX, CRC32, MOVBE, bases of FS and GS. */
import { type Draft, type Form, littleEndian, type MemoryOperand } from './draft.ts';
import {
  AF,
  ALL,
  CF,
  fixed,
  form,
  OF,
  type Operands,
  PF,
  SF,
  type Size,
  shapes,
  sized,
  WIDE,
  ZF,
} from './form-tools.ts';

type Wide = 32 | 64;
const WIDE_VEX: readonly Wide[] = [32, 64];
const [MAP_0F38, MAP_0F3A] = [2, 3];

/** Zero now and then, one bit, or bits from anywhere on. */
function sparse(draft: Draft, size: Size, at: Operands): void {
  const { rng } = draft;
  const value = rng.chance(0.15) ? 0n : (rng.big64() >> BigInt(rng.below(64))) << BigInt(rng.below(size));
  const bits = BigInt.asUintN(size, value);
  if (typeof at.rm === 'number') draft.setGpr(at.rm, bits | (size === 16 ? rng.big64() << 16n : 0n));
  else draft.patch(at.rm.address, littleEndian(bits, size / 8));
}

interface VexShape {
  readonly map?: number;
  readonly pp: number;
  readonly opcode: number;
  readonly digit?: number;
  readonly flags: number;
  readonly immediate?: boolean;
  /** VEX.vvvv names no register. */
  readonly unused?: boolean;
  /** What the register in VEX.vvvv holds: a count, a mask, anything. */
  readonly v?: 'count' | 'field';
}

function setCount(draft: Draft, v: number, kind: VexShape['v'], rm: number | MemoryOperand): void {
  const { rng } = draft;
  const isAddress = typeof rm !== 'number' && (rm.base === v || rm.index === v);
  if (isAddress || kind === undefined) return;
  const low = kind === 'count' ? rng.below(rng.chance(0.8) ? 70 : 256) : rng.below(70) | (rng.below(70) << 8);
  const garbage = rng.chance(0.5) ? rng.big64() << (kind === 'count' ? 8n : 16n) : 0n;
  draft.setGpr(v, BigInt(low) | garbage);
}

function vexForms(name: string, shape: VexShape): Form[] {
  return WIDE_VEX.flatMap((size) =>
    (['reg', 'mem'] as const).map((kind) =>
      form(`${name} ${size} ${kind}`, 40, (draft) => {
        const { rng } = draft;
        const rm = kind === 'reg' ? rng.below(16) : draft.memory({ size: size / 8 });
        const reg = shape.digit ?? rng.below(16);
        const v = shape.unused === true ? 0 : rng.below(16);
        if (rng.chance(0.5)) sparse(draft, size, { reg, rm, immediate: [] });
        setCount(draft, v, shape.v, rm);
        draft.emit({
          ...{ opcode: [shape.opcode], reg, rm, w: size === 64 },
          immediate: shape.immediate === true ? [rng.below(256)] : [],
          vex: { map: shape.map ?? MAP_0F38, pp: shape.pp, v },
        });
        draft.flagsMask = shape.flags;
      }),
    ),
  );
}

const SIGN_AND_ZERO = ALL & ~(AF | PF);
const ONLY_ZERO = ALL & ~(AF | PF | SF);

function bmiForms(): Form[] {
  return [
    ...vexForms('andn', { pp: 0, opcode: 0xf2, flags: SIGN_AND_ZERO }),
    ...vexForms('blsr', { pp: 0, opcode: 0xf3, digit: 1, flags: SIGN_AND_ZERO }),
    ...vexForms('blsmsk', { pp: 0, opcode: 0xf3, digit: 2, flags: SIGN_AND_ZERO & ~ZF }),
    ...vexForms('blsi', { pp: 0, opcode: 0xf3, digit: 3, flags: SIGN_AND_ZERO }),
    ...vexForms('bextr', { pp: 0, opcode: 0xf7, flags: ONLY_ZERO, v: 'field' }),
    ...vexForms('bzhi', { pp: 0, opcode: 0xf5, flags: SIGN_AND_ZERO, v: 'count' }),
    ...vexForms('pext', { pp: 2, opcode: 0xf5, flags: ALL }),
    ...vexForms('pdep', { pp: 3, opcode: 0xf5, flags: ALL }),
    ...vexForms('mulx', { pp: 3, opcode: 0xf6, flags: ALL }),
    ...vexForms('shlx', { pp: 1, opcode: 0xf7, flags: ALL, v: 'count' }),
    ...vexForms('sarx', { pp: 2, opcode: 0xf7, flags: ALL, v: 'count' }),
    ...vexForms('shrx', { pp: 3, opcode: 0xf7, flags: ALL, v: 'count' }),
    ...vexForms('rorx', { map: MAP_0F3A, pp: 3, opcode: 0xf0, flags: ALL, immediate: true, unused: true }),
    fixed('bls /0', [0xc4, 0xe2, 0x78, 0xf3, 0xc1], 1),
    fixed('bls /4', [0xc4, 0xe2, 0x78, 0xf3, 0xe1], 1),
    fixed('andn of 256 bits', [0xc4, 0xe2, 0x7c, 0xf2, 0xc1], 1),
    fixed('66 andn', [0x66, 0xc4, 0xe2, 0x78, 0xf2, 0xc1], 1),
    fixed('f3 andn', [0xf3, 0xc4, 0xe2, 0x78, 0xf2, 0xc1], 1),
    fixed('rex andn', [0x48, 0xc4, 0xe2, 0x78, 0xf2, 0xc1], 1),
    fixed('lock andn', [0xf0, 0xc4, 0xe2, 0x78, 0xf2, 0x07], 1),
    fixed('rorx with a second register', [0xc4, 0xe3, 0x73, 0xf0, 0xc1, 0x03], 1),
    fixed('vex in map 0', [0xc4, 0xe0, 0x78, 0xf2, 0xc1], 1),
    fixed('lds', [0xc5, 0x07], 1),
  ];
}

function countForms(): Form[] {
  const undefinedFlags = OF | SF | AF | PF;
  const shape = { sizes: WIDE, prefixes: [0xf3], setup: sparse, count: 30, flags: ALL & ~undefinedFlags };
  return [
    ...shapes('tzcnt', { ...shape, opcode: [0x0f, 0xbc] }),
    ...shapes('lzcnt', { ...shape, opcode: [0x0f, 0xbd] }),
    fixed('popcnt without f3', [0x0f, 0xb8, 0xc1], 1),
    fixed('lock popcnt', [0xf0, 0xf3, 0x0f, 0xb8, 0x07], 1),
    fixed('lock tzcnt', [0xf0, 0xf3, 0x0f, 0xbc, 0x07], 1),
  ];
}

/** Prefix 66 or F3 before an instruction of 32 or 64 bits. */
function prefixed(name: string, prefix: 0x66 | 0xf3, opcode: readonly number[]): Form[] {
  return WIDE_VEX.flatMap((size) =>
    (['reg', 'mem'] as const).map((kind) =>
      form(`${name} ${size} ${kind}`, 40, (draft) => {
        const { rng } = draft;
        const rm = kind === 'reg' ? rng.below(16) : draft.memory({ size: size / 8 });
        draft.words[120] =
          (draft.words[120] & ~(CF | OF)) | (rng.chance(0.5) ? CF : 0) | (rng.chance(0.5) ? OF : 0);
        draft.emit({ opcode, reg: rng.below(16), rm, mandatory: prefix, w: size === 64 });
      }),
    ),
  );
}

function moveBytesForms(): Form[] {
  return [
    ...shapes('movbe load', { sizes: WIDE, opcode: [0x0f, 0x38, 0xf0], kinds: ['mem'], count: 24 }),
    ...shapes('movbe store', { sizes: WIDE, opcode: [0x0f, 0x38, 0xf1], kinds: ['mem'], count: 24 }),
    fixed('movbe reg', [0x0f, 0x38, 0xf0, 0xc1], 1),
    fixed('f3 movbe', [0xf3, 0x0f, 0x38, 0xf0, 0x07], 1),
  ];
}

function checksumForms(): Form[] {
  const sizes: readonly Size[] = [8, 16, 32, 64];
  return sizes.flatMap((size) =>
    (['reg', 'mem'] as const).flatMap((kind) =>
      (size === 8 ? [false, true] : [size === 64]).map((w) =>
        form(`crc32 ${size} ${kind}${w ? ' w' : ''}`, 24, (draft) => {
          const { rng } = draft;
          const rm = kind === 'reg' ? rng.below(16) : draft.memory({ size: size / 8 });
          const prefixes = size === 16 ? [0x66] : [];
          const opcode = [0x0f, 0x38, size === 8 ? 0xf0 : 0xf1];
          draft.emit({ opcode, reg: rng.below(16), rm, prefixes, mandatory: 0xf2, w });
        }),
      ),
    ),
  );
}

function systemForms(): Form[] {
  const line = { sizes: [32] as const, kinds: ['mem'] as const, memorySize: 1, count: 16 };
  const bases = WIDE_VEX.flatMap((size) =>
    [0, 1].map((digit) =>
      form(`${digit === 0 ? 'rdfsbase' : 'rdgsbase'} ${size}`, 8, (draft) => {
        draft.emit({
          ...{ opcode: [0x0f, 0xae], reg: digit, rm: draft.rng.below(16), mandatory: 0xf3 },
          w: sized(size).w,
        });
      }),
    ),
  );
  return [
    ...bases,
    ...shapes('clflushopt', { ...line, prefixes: [0x66], opcode: [0x0f, 0xae], digit: 7 }),
    ...shapes('clwb', { ...line, prefixes: [0x66], opcode: [0x0f, 0xae], digit: 6 }),
    ...shapes('prefetchw', { ...line, opcode: [0x0f, 0x0d], digit: 1 }),
    fixed('clac', [0x0f, 0x01, 0xca], 1),
    fixed('stac', [0x0f, 0x01, 0xcb], 1),
    fixed('lock rdrand', [0xf0, 0x0f, 0xc7, 0xf0], 1),
    fixed('66 f3 rdfsbase', [0x66, 0xf3, 0x0f, 0xae, 0xc1], 1),
  ];
}

export const BIT_MANIPULATION_FORMS: readonly Form[] = [
  ...countForms(),
  ...bmiForms(),
  ...prefixed('adcx', 0x66, [0x0f, 0x38, 0xf6]),
  ...prefixed('adox', 0xf3, [0x0f, 0x38, 0xf6]),
  ...checksumForms(),
  ...moveBytesForms(),
  ...systemForms(),
];
