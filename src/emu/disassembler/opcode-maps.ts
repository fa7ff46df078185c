/** Which table an instruction's opcode is in. */
import { EVEX_MAP_0F } from './evex-map-0f.ts';
import { EVEX_MAP_0F3A } from './evex-map-0f3a.ts';
import { EVEX_MAP_0F38 } from './evex-map-0f38.ts';
import type { Instruction } from './instruction.ts';
import { ONE_BYTE_MAP } from './one-byte-map.ts';
import { OpcodeMap } from './table.ts';
import { MAP_0F3A, MAP_0F38 } from './three-byte-maps.ts';
import { TWO_BYTE_TEXT } from './two-byte-map.ts';
import { VECTOR_TEXT } from './vector-map.ts';
import { VEX_MAP_0F } from './vex-map-0f.ts';
import { VEX_MAP_0F3A } from './vex-map-0f3a.ts';
import { VEX_MAP_0F38 } from './vex-map-0f38.ts';
import { XOP_MAP_8, XOP_MAP_9, XOP_MAP_A } from './xop-maps.ts';

const MAP_0F = new OpcodeMap(TWO_BYTE_TEXT + VECTOR_TEXT);

type Maps = Readonly<Record<number, OpcodeMap>>;

/** By the number that a VEX, an EVEX or a XOP prefix has for them. */
const VEX_MAPS: Maps = { 1: VEX_MAP_0F, 2: VEX_MAP_0F38, 3: VEX_MAP_0F3A };
const EVEX_MAPS: Maps = { 1: EVEX_MAP_0F, 2: EVEX_MAP_0F38, 3: EVEX_MAP_0F3A };
const XOP_MAPS: Maps = { 8: XOP_MAP_8, 9: XOP_MAP_9, 10: XOP_MAP_A };

const EVEX = 0x62;
const XOP = 0x8f;
const VEX_LONG = 0xc4;
const VEX_SHORT = 0xc5;
/** Prefixes that are BOUND, LES and LDS outside 64-bit code, which want memory in their ModRM. */
const LEGACY: readonly number[] = [EVEX, VEX_LONG, VEX_SHORT];
const REGISTERS = 0xc0;
/** XOP is POP where its map would have a lower number. */
const FIRST_XOP_MAP = 8;
const MAP_BITS = 0x1f;

function hasLongPrefix(i: Instruction): boolean {
  if (i.opcode === XOP) return (i.peek() & MAP_BITS) >= FIRST_XOP_MAP;
  return LEGACY.includes(i.opcode) && (i.code === 64 || i.peek() >= REGISTERS);
}

function mapOfLongPrefix(i: Instruction): OpcodeMap | undefined {
  const first = i.opcode;
  if (i.rex !== 0) return undefined;
  if (first === EVEX && !i.readEvex()) return undefined;
  if (first !== EVEX) i.readVex(first !== VEX_SHORT);
  const maps = first === EVEX ? EVEX_MAPS : first === XOP ? XOP_MAPS : VEX_MAPS;
  return maps[i.vex?.map ?? 0];
}

/** The map of an instruction whose prefixes were read; reads the rest of its opcode. Undefined: there is none. */
export function mapOf(i: Instruction): OpcodeMap | undefined {
  if (hasLongPrefix(i)) return mapOfLongPrefix(i);
  if (i.opcode !== 0x0f) return ONE_BYTE_MAP;
  i.opcode = i.byte();
  if (i.opcode !== 0x38 && i.opcode !== 0x3a) return MAP_0F;
  const map = i.opcode === 0x38 ? MAP_0F38 : MAP_0F3A;
  i.opcode = i.byte();
  return map;
}
