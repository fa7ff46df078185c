/** What the comparison must know of an instruction before it runs: which results belong to the machine, which flags to nobody. */

export type InstructionKind = 'plain' | 'repeat' | 'rdtsc' | 'rdtscp' | 'cpuid' | 'rdmsr';

export interface InstructionClass {
  readonly kind: InstructionKind;
  /** Opcode as text: `f7 /4`, `0f a2`. */
  readonly name: string;
  /** Flags that the manuals leave undefined. */
  readonly undefinedFlags: number;
}

const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0]);
const REPEATS = new Set([0xf2, 0xf3]);
const STRINGS = new Set([0x6c, 0x6d, 0x6e, 0x6f, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);
const TWO_BYTE_KINDS = new Map<number, InstructionKind>([
  [0x31, 'rdtsc'],
  [0x32, 'rdmsr'],
  [0xa2, 'cpuid'],
]);
const LOGIC = new Set(
  [0x08, 0x20, 0x30]
    .flatMap((first) => [0, 1, 2, 3, 4, 5].map((n) => first + n))
    .concat(0x84, 0x85, 0xa8, 0xa9),
);
const DECIMAL = new Map([
  [0x27, OF],
  [0x2f, OF],
  [0x37, OF | SF | ZF | PF],
  [0x3f, OF | SF | ZF | PF],
  [0xd4, OF | AF | CF],
  [0xd5, OF | AF | CF],
]);
/** Spec: SDM vol. 1 appendix A, EFLAGS cross-reference. */
const TWO_BYTE_FLAGS = new Map([
  ...[0xa3, 0xab, 0xb3, 0xbb, 0xba].map((op) => [op, OF | SF | AF | PF] as const),
  ...[0xbc, 0xbd].map((op) => [op, CF | OF | SF | AF | PF] as const),
  ...[0xa4, 0xa5, 0xac, 0xad].map((op) => [op, CF | OF | AF] as const),
  [0xaf, SF | ZF | AF | PF] as const,
]);

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** By the reg field of the ModRM byte. */
const GROUP_1 = [0, AF, 0, 0, AF, 0, AF, 0];
const PRODUCT = PF | AF | ZF | SF;
const GROUP_3 = [AF, AF, 0, 0, PRODUCT, PRODUCT, CF | OF | PRODUCT, CF | OF | PRODUCT];
const SHIFT = CF | OF | AF;
const GROUP_2 = [OF, OF, OF, OF, SHIFT, SHIFT, SHIFT, SHIFT];
const GROUP_2_BY_ONE = [0, 0, 0, 0, AF, AF, AF, AF];
const ONE_BYTE_FLAGS = new Map<number, readonly number[]>([
  ...[...LOGIC].map((op) => [op, Array<number>(8).fill(AF)] as const),
  ...[...DECIMAL].map(([op, flags]) => [op, Array<number>(8).fill(flags)] as const),
  ...[0x80, 0x81, 0x82, 0x83].map((op) => [op, GROUP_1] as const),
  ...[0xf6, 0xf7].map((op) => [op, GROUP_3] as const),
  ...[0x69, 0x6b].map((op) => [op, Array<number>(8).fill(PRODUCT)] as const),
  ...[0xc0, 0xc1, 0xd2, 0xd3].map((op) => [op, GROUP_2] as const),
  ...[0xd0, 0xd1].map((op) => [op, GROUP_2_BY_ONE] as const),
]);

/** The number of prefixes, and whether one of them repeats. */
function prefixes(code: Uint8Array, code64: boolean): readonly [number, boolean] {
  let i = 0;
  let repeat = false;
  for (; i < code.length; i++) {
    const byte = code[i] as number;
    if (REPEATS.has(byte)) repeat = true;
    else if (!PREFIXES.has(byte)) break;
  }
  return [code64 && ((code[i] ?? 0) & 0xf0) === 0x40 ? i + 1 : i, repeat];
}

function classifyTwoByte(second: number, third: number): InstructionClass {
  if (second === 0x01 && third === 0xf9) return { kind: 'rdtscp', name: '0f 01 f9', undefinedFlags: 0 };
  return {
    kind: TWO_BYTE_KINDS.get(second) ?? 'plain',
    name: `0f ${hex(second)}`,
    undefinedFlags: TWO_BYTE_FLAGS.get(second) ?? 0,
  };
}

/** Looks at the bytes at RIP; `code64`: they are 64-bit code. */
export function classify(code: Uint8Array, code64: boolean): InstructionClass {
  const [i, repeat] = prefixes(code, code64);
  const opcode = code[i] ?? 0;
  const second = code[i + 1] ?? 0;
  if (opcode === 0x0f) return classifyTwoByte(second, code[i + 2] ?? 0);
  const reg = (second >> 3) & 7;
  const undefinedFlags = ONE_BYTE_FLAGS.get(opcode)?.[reg] ?? 0;
  const name = undefinedFlags === 0 ? hex(opcode) : `${hex(opcode)} /${reg}`;
  return { kind: repeat && STRINGS.has(opcode) ? 'repeat' : 'plain', name, undefinedFlags };
}
