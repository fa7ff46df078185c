/**
 * Moves between registers, immediates and memory, effective addresses and the stack.
 *
 * Memory records name their address in one of the `ADDRESSINGS`: field 2 base, 3 displacement, 4 index, 5 scale;
 * `ea` takes the linear address that an `ea_…` record before it left in EA_LO, EA_HI.
 */
import {
  ATTR_CODE,
  ATTR_EXPAND_DOWN,
  ATTR_P,
  ATTR_S,
  ATTR_WRITABLE,
  EA_HI,
  EA_LO,
  RBP,
  RSP,
} from '../state.ts';
import { WIDTHS } from './alu.ts';
import type { Emitter, Semantic, Width } from './emitter.ts';
import { condition } from './flags.ts';

/** bd: base + displacement; bis: base + index × scale + displacement; of 64 or (flat segments) 32 address bits. */
export const ADDRESSINGS = ['bd64', 'bis64', 'bd32', 'bis32', 'ea'] as const;
export type Addressing = (typeof ADDRESSINGS)[number];

/** lo, hi = base + displacement. */
function displaced(e: Emitter): string {
  const [lo, hi, known] = [e.lo(2), e.hi(2), e.constant(3)];
  if (known === undefined) {
    return `j=${e.field(3)};lo=${lo}+j|0;hi=${hi}+(j>>31)+(lo>>>0<j>>>0|0)|0;`;
  }
  if (known === 0) return `lo=${lo};hi=${hi};`;
  return `lo=${lo}+${known}|0;hi=${hi}+(lo>>>0<${known >>> 0}|0)${known < 0 ? '-1' : ''}|0;`;
}

/** Adds index × scale to lo, hi. */
function indexed(e: Emitter): string {
  const [lo, hi, scale] = [e.lo(4), e.hi(4), e.constant(5)];
  if (scale === undefined) {
    return `q=${e.field(5)};j=${lo};n=j<<q;lo=lo+n|0;hi=hi+(${hi}<<q|j>>>1>>>31-q)+(lo>>>0<n>>>0|0)|0;`;
  }
  if (scale === 0) return `j=${lo};lo=lo+j|0;hi=hi+${hi}+(lo>>>0<j>>>0|0)|0;`;
  return `j=${lo};n=j<<${scale};lo=lo+n|0;hi=hi+(${hi}<<${scale}|j>>>${32 - scale})+(lo>>>0<n>>>0|0)|0;`;
}

/** Sets lo, hi to the linear address. */
export function address(e: Emitter, kind: Addressing): string {
  switch (kind) {
    case 'bd64':
      return displaced(e);
    case 'bis64':
      return displaced(e) + indexed(e);
    case 'bd32':
      return `lo=${e.lo(2)}+${e.field(3)}|0;hi=0;`;
    case 'bis32':
      return `lo=${e.lo(2)}+${e.field(3)}+(${e.lo(4)}<<${e.field(5)})|0;hi=0;`;
    case 'ea':
      return `lo=${e.word(EA_LO)};hi=${e.word(EA_HI)};`;
  }
}

function assign(e: Emitter, width: Width, n: number, v: string, vh: string): string {
  if (width === 8) return e.set8(n, v);
  if (width === 16) return e.set16(n, v);
  return `${e.lo(n)}=${v};${e.hi(n)}=${width === 64 ? vh : '0'};`;
}

/** Zero or sign extensions: [name, from, to]. To 64 with zeros is to 32. */
const EXTENSIONS: readonly (readonly [string, Width, Width])[] = [
  ['zx8', 8, 32],
  ['zx16', 16, 32],
  ['sx8', 8, 32],
  ['sx16', 16, 32],
  ['sx8', 8, 64],
  ['sx16', 16, 64],
  ['sx32', 32, 64],
  ['zx8', 8, 16],
  ['sx8', 8, 16],
];

function extended(name: string, from: Width, value: string): string {
  if (!name.startsWith('s') || from === 32) return value;
  return `${value}<<${32 - from}>>${32 - from}`;
}

function loads(kind: Addressing): readonly Semantic[] {
  return [
    ...WIDTHS.map((width) => ({
      name: `load${width}_${kind}`,
      emit: (e: Emitter) => `${address(e, kind)}${e.load(width)}${assign(e, width, 1, 'v', 'vh')}`,
    })),
    ...EXTENSIONS.map(([name, from, to]) => ({
      name: `load_${name}_${to}_${kind}`,
      emit: (e: Emitter) =>
        `${address(e, kind)}${e.load(from)}v=${extended(name, from, 'v')};${assign(e, to, 1, 'v', 'v>>31')}`,
    })),
    ...WIDTHS.map((width) => ({
      name: `loadw${width}_${kind}`,
      emit: (e: Emitter) => `${address(e, kind)}${e.loadForWrite(width)}${assign(e, width, 1, 'v', 'vh')}`,
    })),
  ];
}

function stores(kind: Addressing): readonly Semantic[] {
  return WIDTHS.flatMap((width) => {
    const register = (e: Emitter): string => (width === 8 ? e.get8(1) : width === 16 ? e.get16(1) : e.lo(1));
    return [
      {
        name: `store${width}_${kind}`,
        emit: (e: Emitter) =>
          `${address(e, kind)}v=${register(e)};${width === 64 ? `vh=${e.hi(1)};` : ''}${e.store(width, 'v', 'vh')}`,
      },
      {
        name: `storei${width}_${kind}`,
        emit: (e: Emitter) =>
          `${address(e, kind)}v=${e.field(1)};${width === 64 ? 'vh=v>>31;' : ''}${e.store(width, 'v', 'vh')}`,
      },
    ];
  });
}

/** LEA; in 64-bit code with 64-bit addresses the whole address, else its low part. */
const LEA: readonly Semantic[] = (['bd64', 'bis64', 'bd32', 'bis32', 'ea'] as const).flatMap((kind) =>
  ([16, 32, 64] as const).map((width) => ({
    name: `lea${width}_${kind}`,
    emit: (e: Emitter) => address(e, kind) + assign(e, width, 1, 'lo', 'hi'),
  })),
);

/** Registers to registers. */
const MOVES: readonly Semantic[] = [
  ...WIDTHS.map((width) => ({
    name: `mov${width}_rr`,
    emit: (e: Emitter) =>
      width === 8
        ? e.set8(1, e.get8(2))
        : width === 16
          ? e.set16(1, e.get16(2))
          : `${e.lo(1)}=${e.lo(2)};${e.hi(1)}=${width === 64 ? e.hi(2) : '0'};`,
  })),
  { name: 'mov8_ri', emit: (e) => e.set8(1, e.field(3)) },
  { name: 'mov16_ri', emit: (e) => e.set16(1, e.field(3)) },
  { name: 'mov64_ri', emit: (e) => `${e.lo(1)}=${e.field(3)};${e.hi(1)}=${e.field(4)};` },
  ...EXTENSIONS.map(([name, from, to]) => ({
    name: `mov_${name}_${to}_rr`,
    emit: (e: Emitter) =>
      `v=${extended(name, from, from === 8 ? e.get8(2) : from === 16 ? e.get16(2) : e.lo(2))};${assign(e, to, 1, 'v', 'v>>31')}`,
  })),
  ...Array.from({ length: 16 }, (_, code) => code).flatMap((code) => [
    { name: `set${code}`, emit: (e: Emitter) => e.set8(1, `(${condition(e, code)}?1:0)`) },
    ...([16, 32, 64] as const).map((width) => ({
      name: `cmov${width}_${code}`,
      emit: (e: Emitter) => {
        const move =
          width === 16
            ? e.set16(1, e.get16(2))
            : `${e.lo(1)}=${e.lo(2)};${width === 64 ? `${e.hi(1)}=${e.hi(2)};` : ''}`;
        return `if(${condition(e, code)}){${move}}${width === 32 ? `${e.hi(1)}=0;` : ''}`;
      },
    })),
  ]),
];

const SP_LO = (e: Emitter): string => e.word(RSP);
const SP_HI = (e: Emitter): string => e.word(RSP + 1);

/** lo:hi = RSP − 8. */
function below64(e: Emitter): string {
  return `lo=${SP_LO(e)}-8|0;hi=${SP_HI(e)}-(lo>>>0>=4294967288|0)|0;`;
}

/** Pushes v (and vh) on a 64-bit stack, or on a flat 32-bit one. */
export function push(e: Emitter, width: 32 | 64): string {
  return width === 64
    ? `${below64(e)}${e.store(64, 'v', 'vh')}${SP_LO(e)}=lo;${SP_HI(e)}=hi;`
    : `lo=${SP_LO(e)}-4|0;hi=0;${e.store(32, 'v')}${SP_LO(e)}=lo;${SP_HI(e)}=0;`;
}

/** Loads v (and vh) from the top of the stack; `release` then drops it and `extra` bytes more. */
export function top(e: Emitter, width: 32 | 64): string {
  return `lo=${SP_LO(e)};hi=${width === 64 ? SP_HI(e) : '0'};${e.load(width)}`;
}

export function release(e: Emitter, width: 32 | 64, extra = '0'): string {
  const bytes = extra === '0' ? `${width / 8}` : `${width / 8}+${extra}`;
  return width === 64
    ? `j=${bytes};lo=lo+j|0;${SP_HI(e)}=hi+(lo>>>0<j>>>0|0)|0;${SP_LO(e)}=lo;`
    : `${SP_LO(e)}=lo+${bytes}|0;${SP_HI(e)}=0;`;
}

const STACK: readonly Semantic[] = ([32, 64] as const).flatMap((width) => [
  {
    name: `push${width}`,
    emit: (e: Emitter) => `v=${e.lo(1)};${width === 64 ? `vh=${e.hi(1)};` : ''}${push(e, width)}`,
  },
  {
    name: `pushi${width}`,
    emit: (e: Emitter) => `v=${e.field(3)};${width === 64 ? 'vh=v>>31;' : ''}${push(e, width)}`,
  },
  {
    // POP RSP: the loaded value wins over the increment.
    name: `pop${width}`,
    emit: (e: Emitter) =>
      top(e, width) + release(e, width) + `${e.lo(1)}=v;${e.hi(1)}=${width === 64 ? 'vh' : '0'};`,
  },
  {
    name: `leave${width}`,
    emit: (e: Emitter) => {
      const [bp, bph] = [e.word(RBP), e.word(RBP + 1)];
      return (
        `lo=${bp};hi=${width === 64 ? bph : '0'};${e.load(width)}${release(e, width)}` +
        `${bp}=v;${bph}=${width === 64 ? 'vh' : '0'};`
      );
    },
  },
]);

/** Attributes of a segment that can be read and written up to its limit. */
const FLAT_MASK = ATTR_P | ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN | ATTR_WRITABLE;
const FLAT_DATA = ATTR_P | ATTR_S | ATTR_WRITABLE;

/** Address records for what `ADDRESSINGS` do not cover: they leave the linear address in EA_LO, EA_HI. */
const EFFECTIVE: readonly Semantic[] = [
  ...(['bis64', 'bis32'] as const).map((kind) => ({
    name: `ea_${kind}`,
    emit: (e: Emitter) => `${address(e, kind)}${e.word(EA_LO)}=lo;${e.word(EA_HI)}=hi;`,
  })),
  {
    // FS or GS base (field 1 names its low word) and a 64-bit offset.
    name: 'ea_seg64',
    emit: (e) =>
      `${address(e, 'bis64')}n=${e.lo(1)};lo=lo+n|0;${e.word(EA_LO)}=lo;${e.word(EA_HI)}=hi+${e.hi(1)}+(lo>>>0<n>>>0|0)|0;`,
  },
  {
    // 32-bit address size in 64-bit code: the offset is cut to 32 bits, then the base is added.
    name: 'ea_seg32',
    emit: (e) =>
      `${address(e, 'bis32')}n=${e.lo(1)};lo=lo+n|0;${e.word(EA_LO)}=lo;${e.word(EA_HI)}=${e.hi(1)}+(lo>>>0<n>>>0|0)|0;`,
  },
  {
    // The offset in EA gets its segment's base: that of a flat data segment here, else by the helper in fields 1 to 3.
    // 4: the base's word, 5: the limit's, 6: the attributes'.
    name: 'ea_segment32',
    emit: (e) =>
      `if(${e.lo(5)}===-1&&(${e.lo(6)}&${FLAT_MASK})===${FLAT_DATA})${e.word(EA_LO)}=${e.word(EA_LO)}+${e.lo(4)}|0;` +
      `else{${e.spill()}if(${e.recordCall('helper')}!==0)${e.leave()}${e.reload()}}`,
  },
  {
    // Bit string operand: the register in field 1 counts bits from the address; field 2 is the operand's width.
    name: 'ea_bits',
    emit: (e) =>
      `n=${e.field(2)};if(n===64){j=${e.lo(1)}>>>6|${e.hi(1)}<<26;q=${e.hi(1)}>>6<<3|j>>>29;j=j<<3;}` +
      `else{j=n===32?${e.lo(1)}>>5<<2:${e.lo(1)}<<16>>20<<1;q=j>>31;}` +
      `lo=${e.word(EA_LO)}+j|0;hi=${e.word(EA_HI)}+q+(lo>>>0<j>>>0|0)|0;if(${e.field(3)}!==0)hi=0;${e.word(EA_LO)}=lo;${e.word(EA_HI)}=hi;`,
  },
];

export const MOVE_SEMANTICS: readonly Semantic[] = [
  ...ADDRESSINGS.flatMap((kind) => [...loads(kind), ...stores(kind)]),
  ...LEA,
  ...MOVES,
  ...STACK,
  ...EFFECTIVE,
];
