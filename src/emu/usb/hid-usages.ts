/** Which key of a PC keyboard is which usage of HID. Spec: HID Usage Tables 1.12, §10; scan codes of set 1 as a driver of the PC keyboard sees them. */
import { KEYMAP } from '../input/keymap.ts';

const FIRST_FUNCTION_KEY = 0x3a;
const USAGE_A = 0x04;
const USAGE_1 = 0x1e;
const EXTENDED = 0xe000;
const EXTENDED_BIT = 0x80;

export const USAGE_CTRL = 0xe0;
export const USAGE_PAUSE = 0x48;

/** Names as in QEMU's QKeyCode. */
const USAGES: Readonly<Record<string, number>> = {
  ...Object.fromEntries([...'abcdefghijklmnopqrstuvwxyz'].map((key, index) => [key, USAGE_A + index])),
  ...Object.fromEntries([...'1234567890'].map((key, index) => [key, USAGE_1 + index])),
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`f${index + 1}`, FIRST_FUNCTION_KEY + index]),
  ),
  ...{ ret: 0x28, esc: 0x29, backspace: 0x2a, tab: 0x2b, spc: 0x2c, minus: 0x2d, equal: 0x2e },
  ...{ bracket_left: 0x2f, bracket_right: 0x30, backslash: 0x31, semicolon: 0x33, apostrophe: 0x34 },
  ...{ grave_accent: 0x35, comma: 0x36, dot: 0x37, slash: 0x38, caps_lock: 0x39 },
  ...{ scroll_lock: 0x47, insert: 0x49, home: 0x4a, pgup: 0x4b, delete: 0x4c, end: 0x4d, pgdn: 0x4e },
  ...{ right: 0x4f, left: 0x50, down: 0x51, up: 0x52, num_lock: 0x53 },
  ...{ kp_divide: 0x54, kp_multiply: 0x55, kp_subtract: 0x56, kp_add: 0x57, kp_enter: 0x58 },
  ...{ kp_1: 0x59, kp_2: 0x5a, kp_3: 0x5b, kp_4: 0x5c, kp_5: 0x5d, kp_6: 0x5e, kp_7: 0x5f, kp_8: 0x60 },
  ...{ kp_9: 0x61, kp_0: 0x62, kp_decimal: 0x63, less: 0x64, compose: 0x65, power: 0x66 },
  ...{
    ctrl: 0xe0,
    shift: 0xe1,
    alt: 0xe2,
    meta_l: 0xe3,
    ctrl_r: 0xe4,
    shift_r: 0xe5,
    alt_r: 0xe6,
    meta_r: 0xe7,
  },
};
/** The key that prints the screen has no code of one byte in the table of keys. */
const PRINT_CODE = 0x37;
const USAGE_PRINT = 0x46;

/** By scan code of set 1, with bit 7 for those with a prefix; 0: there is no such key. */
export const USAGE_OF_CODE: Uint8Array = usageTable();

function usageTable(): Uint8Array {
  const table = new Uint8Array(0x100);
  for (const [key, usage] of Object.entries(USAGES)) {
    const code = KEYMAP[key]?.[0] ?? 0;
    if (code !== 0) table[(code & 0x7f) | (code >= EXTENDED ? EXTENDED_BIT : 0)] = usage;
  }
  table[PRINT_CODE | EXTENDED_BIT] = USAGE_PRINT;
  return table;
}

/** The bytes of set 1 by which QEMU tells a device of a key; empty: it has no such key. */
export function codesOfKey(key: string, down: boolean): readonly number[] {
  const up = down ? 0 : 0x80;
  if (key === 'pause') return [0xe1, 0x1d | up, 0x45 | up];
  if (key === 'print') return [0xe0, PRINT_CODE | up];
  const code = KEYMAP[key]?.[0] ?? 0;
  if (code === 0) return [];
  return code >= EXTENDED ? [0xe0, (code & 0x7f) | up] : [code | up];
}
