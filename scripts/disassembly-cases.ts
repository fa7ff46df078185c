/** The bytes whose disassembly is recorded: every opcode in several forms, prefixes and addresses of all kinds, and chance. */
import { seededRandom } from '../tests/support/chip-rig.ts';

export type CodeSize = 16 | 32 | 64;

/** Bytes of a case: more than an instruction has. */
export const CASE_BYTES = 16;

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
/** In 16-bit code the others choose no instruction. */
const MANDATORY: Readonly<Record<CodeSize, readonly (readonly number[])[]>> = {
  16: [[], [0x66]],
  32: [[], [0x66], [0xf3], [0xf2]],
  64: [[], [0x66], [0xf3], [0xf2]],
};
/** Opcodes of the one-byte map whose ModRM.reg chooses the instruction, and of the map 0F. */
const GROUPS = [
  0x80, 0x81, 0x82, 0x83, 0x8f, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff,
];
const GROUPS_0F = [0x00, 0x01, 0x0d, 0x18, 0x71, 0x72, 0x73, 0xae, 0xba, 0xc7];
const X87 = [0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf];
const SYSTEM = 0x01;
const NAMES_3DNOW = [0x0c, 0x0d, 0x0e, 0x1c, 0x1d, 0x8a, 0x8e, 0x90, 0x94, 0x96, 0x97, 0x9a, 0x9e, 0xa0];
const VEX_MAPS = [1, 2, 3];
const XOP_MAPS = [8, 9, 10];

class Cases {
  readonly list: Uint8Array[] = [];
  readonly #random: (below: number) => number;
  readonly #code: CodeSize;

  constructor(code: CodeSize) {
    this.#code = code;
    this.#random = seededRandom(code);
  }

  /** A case that begins with `start` and goes on by chance; `rex`: 64-bit code may have a REX prefix before the opcode. */
  #add(prefixes: readonly number[], start: readonly number[], rex = true): void {
    const bytes = Uint8Array.from({ length: CASE_BYTES }, () => this.#random(256));
    const withRex = rex && this.#code === 64 && this.#random(4) === 0;
    bytes.set([...prefixes, ...(withRex ? [0x40 + this.#random(16)] : []), ...start]);
    this.list.push(bytes);
  }

  #modrm(isMemory: boolean, group = this.#random(8)): number {
    return (isMemory ? this.#random(3) << 6 : 0xc0) | (group << 3) | this.#random(8);
  }

  oneByte(): void {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const prefixes of [[], [0x66]]) {
        for (const isMemory of [true, false]) this.#add(prefixes, [opcode, this.#modrm(isMemory)]);
      }
    }
    for (const opcode of [...GROUPS, ...X87]) this.#groups([], [opcode]);
    for (let modrm = 0xc0; modrm < 0x100; modrm++) this.#add([], [0xd9, modrm]);
  }

  #groups(prefixes: readonly number[], opcode: readonly number[]): void {
    for (let group = 0; group < 8; group++) {
      for (const isMemory of [true, false]) this.#add(prefixes, [...opcode, this.#modrm(isMemory, group)]);
    }
  }

  twoByte(): void {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const prefixes of MANDATORY[this.#code]) {
        for (const isMemory of [true, false]) this.#add(prefixes, [0x0f, opcode, this.#modrm(isMemory)]);
      }
    }
    for (const opcode of GROUPS_0F)
      for (const prefixes of MANDATORY[this.#code]) this.#groups(prefixes, [0x0f, opcode]);
    for (let modrm = 0xc0; modrm < 0x100; modrm++) this.#add([], [0x0f, SYSTEM, modrm]);
    for (const last of NAMES_3DNOW) this.#add([], [0x0f, 0x0f, this.#modrm(false), last], false);
  }

  threeByte(): void {
    for (const map of [0x38, 0x3a]) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const prefixes of MANDATORY[this.#code]) {
          this.#add(prefixes, [0x0f, map, opcode, this.#modrm(this.#random(2) === 0)]);
        }
      }
    }
  }

  vex(): void {
    for (const map of VEX_MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        if (this.#code === 64) for (let prefix = 0; prefix < 4; prefix++) this.#vex(map, opcode, prefix);
        else this.#vex(map, opcode, this.#random(4));
      }
    }
  }

  /** VEX.vvvv is 0, as most instructions without a third operand want it, in half of the cases. */
  #vex(map: number, opcode: number, prefix: number): void {
    const vvvv = this.#random(2) === 0 ? 0x78 : this.#random(16) << 3;
    const third = (this.#random(4) === 0 ? 0x80 : 0) | vvvv | (this.#random(2) << 2) | prefix;
    const second = 0xc0 | (this.#random(2) << 5) | map;
    const extended = this.#code === 64 ? second ^ (this.#random(4) << 6) : second;
    const end = [opcode, this.#modrm(this.#random(2) === 0)];
    this.#add(
      [],
      map === 1 && this.#random(2) === 0 ? [0xc5, 0x80 | third, ...end] : [0xc4, extended, third, ...end],
      false,
    );
  }

  /** In 64-bit code, where it is used, with every prefix; elsewhere with one. */
  evex(): void {
    for (const map of VEX_MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const prefix of this.#code === 64 ? [0, 1, 2, 3] : [this.#random(4)])
          this.#evex(map, opcode, prefix);
      }
    }
  }

  #evex(map: number, opcode: number, prefix: number): void {
    const wide = this.#random(2) << 7;
    const vvvv = this.#random(2) === 0 ? 0x78 : this.#random(16) << 3;
    const extended = this.#code === 64 && this.#random(3) === 0 ? this.#random(16) << 4 : 0xf0;
    const mask = this.#random(2) === 0 ? 0 : (this.#random(2) << 7) | this.#random(8);
    const third = mask | (this.#random(3) << 5) | (this.#random(4) === 0 ? 0x10 : 0) | 8;
    const end = [opcode, this.#modrm(this.#random(2) === 0)];
    this.#add([], [0x62, extended | map, wide | vvvv | 4 | prefix, third, ...end], false);
  }

  xop(): void {
    for (const map of XOP_MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        const vvvv = this.#random(2) === 0 ? 0x78 : this.#random(16) << 3;
        const second = (this.#random(4) === 0 ? 0x80 : 0) | vvvv | (this.#random(4) === 0 ? 4 : 0);
        this.#add([], [0x8f, 0xe0 | map, second, opcode, this.#modrm(this.#random(2) === 0)], false);
      }
    }
  }

  addresses(): void {
    for (let modrm = 0; modrm < 0xc0; modrm++) {
      this.#add([], [0x8b, modrm]);
      if (modrm % 3 === 0) this.#add([0x67], [0x01, modrm]);
      if (modrm % 5 === 0) this.#add([PREFIXES[5 + this.#random(6)] ?? 0], [0x88, modrm]);
    }
  }

  chance(count: number): void {
    for (let n = 0; n < count; n++) {
      const prefixes = Array.from(
        { length: this.#random(4) },
        () => PREFIXES[this.#random(PREFIXES.length)] ?? 0,
      );
      this.#add(prefixes, n % 2 === 0 ? [] : [0x0f]);
    }
  }
}

const CHANCE = 800;

/** The same ones at each call. */
export function disassemblyCases(code: CodeSize): readonly Uint8Array[] {
  const cases = new Cases(code);
  cases.oneByte();
  cases.twoByte();
  cases.threeByte();
  cases.vex();
  cases.evex();
  cases.xop();
  cases.addresses();
  cases.chance(CHANCE);
  return cases.list;
}

/** Some instructions of 1 to 15 bytes, the last of which cross a boundary of 1 KiB. */
export function layoutMemory(): { readonly address: number; readonly bytes: Uint8Array } {
  const instructions = [
    '90 c3 8b4508 0f04 f3a4 f00fb10e3412 2e66c7061234a5a5a5a5 6667c7848812345678a5a5a5a5',
    '2e6567666667c7848812345678a5a5a5 666766672e676766c78488123456789a 50 9a341200f0 f2e90010',
  ];
  const bytes = Buffer.from(instructions.join('').replaceAll(' ', ''), 'hex');
  return { address: 0x1400 - bytes.length + 2, bytes };
}

export const LAYOUT_LINES: readonly string[] = [
  ...[
    'xp/14i 0x13b0',
    'x/14i 0x13b0',
    'x',
    'x/2i',
    'xp 0x13c0',
    'x/0i 0x13c0',
    'x/i 0x13c0',
    'x/ib 0x13c0',
    'x/2iw 0x13c0',
  ],
  ...['xp/i 0x13ff', 'xp/2i 0x13fe', 'xp/3i 0x13fd', 'x/3i 0x13f8', 'x/2xb 0x13f8', 'x 0x13f8'],
  ...[
    'xp/12i 0x0fffffe8',
    'xp/i 0x0fffffff',
    'xp/i 0x10000000',
    'xp/2i 0x10000000000',
    'x/2i $eip',
    'x/2i 0x123456789a',
  ],
  ...['x/-1i 0x1000', 'x/iz 0x1000', 'x/i', 'xp/i'],
];
