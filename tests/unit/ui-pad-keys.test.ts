/** Keys of a browser and QEMU's names of them. */
import { expect, it } from 'vitest';
import { KEY_NAMES } from '../../src/emu/input/key-names.ts';
import { KEYMAP } from '../../src/emu/input/keymap.ts';
import { qemuKey } from '../../src/ui/pad-keys.ts';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) => `Key${letter}`);
const CODES = [
  ...LETTERS,
  ...[...'0123456789'].flatMap((digit) => [`Digit${digit}`, `Numpad${digit}`]),
  ...Array.from({ length: 12 }, (_, at) => `F${at + 1}`),
  ...['Enter', 'Space', 'Tab', 'Escape', 'Backspace', 'Delete', 'ArrowUp', 'PageDown', 'NumpadEnter'],
  ...['ShiftLeft', 'ShiftRight', 'ControlLeft', 'ControlRight', 'AltLeft', 'AltRight', 'MetaLeft'],
  ...['Minus', 'Equal', 'BracketLeft', 'Semicolon', 'Quote', 'Backquote', 'Backslash', 'IntlBackslash'],
];

it('each is one that QEMU has, with a scan code, and no two are the same', () => {
  const keys = CODES.map((code) => qemuKey(code) ?? `none for ${code}`);
  expect(keys.filter((key) => !(KEY_NAMES as readonly string[]).includes(key))).toEqual([]);
  expect(keys.filter((key) => KEYMAP[key] === undefined)).toEqual([]);
  expect(new Set(keys).size).toBe(keys.length);
});

it('a key goes by its place, not by what is printed on it', () => {
  expect(['KeyQ', 'IntlBackslash', 'Quote', 'Digit7', 'Numpad7'].map(qemuKey)).toEqual([
    ...['q', 'less', 'apostrophe', '7', 'kp_7'],
  ]);
});

it('others have none', () => {
  for (const code of ['', 'Fn', 'toString', 'BrowserBack']) expect(qemuKey(code)).toBeUndefined();
});
