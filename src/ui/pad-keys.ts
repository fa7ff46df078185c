/** A browser's names of keys (Spec: UI Events KeyboardEvent code values) and QEMU's for the same places on the keyboard. */

const letters = Object.fromEntries(
  [...'abcdefghijklmnopqrstuvwxyz'].map((key) => [`Key${key.toUpperCase()}`, key]),
);
const digits = Object.fromEntries(
  [...'0123456789'].flatMap((key) => [
    [`Digit${key}`, key],
    [`Numpad${key}`, `kp_${key}`],
  ]),
);
const functionKeys = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`F${at + 1}`, `f${at + 1}`]));

const OTHERS: Readonly<Record<string, string>> = {
  ShiftLeft: 'shift',
  ShiftRight: 'shift_r',
  AltLeft: 'alt',
  AltRight: 'alt_r',
  ControlLeft: 'ctrl',
  ControlRight: 'ctrl_r',
  MetaLeft: 'meta_l',
  MetaRight: 'meta_r',
  ContextMenu: 'menu',
  Escape: 'esc',
  Minus: 'minus',
  Equal: 'equal',
  Backspace: 'backspace',
  Tab: 'tab',
  BracketLeft: 'bracket_left',
  BracketRight: 'bracket_right',
  Enter: 'ret',
  Semicolon: 'semicolon',
  Quote: 'apostrophe',
  Backquote: 'grave_accent',
  Backslash: 'backslash',
  IntlBackslash: 'less',
  Comma: 'comma',
  Period: 'dot',
  Slash: 'slash',
  Space: 'spc',
  CapsLock: 'caps_lock',
  NumLock: 'num_lock',
  ScrollLock: 'scroll_lock',
  PrintScreen: 'print',
  Pause: 'pause',
  Insert: 'insert',
  Delete: 'delete',
  Home: 'home',
  End: 'end',
  PageUp: 'pgup',
  PageDown: 'pgdn',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  NumpadDivide: 'kp_divide',
  NumpadMultiply: 'kp_multiply',
  NumpadSubtract: 'kp_subtract',
  NumpadAdd: 'kp_add',
  NumpadEnter: 'kp_enter',
  NumpadDecimal: 'kp_decimal',
  NumpadEqual: 'kp_equals',
  NumpadComma: 'kp_comma',
  IntlRo: 'ro',
  IntlYen: 'yen',
  KanaMode: 'hiragana',
  Convert: 'henkan',
  NonConvert: 'muhenkan',
};

const KEYS: Readonly<Record<string, string>> = { ...letters, ...digits, ...functionKeys, ...OTHERS };

/** QEMU's name of a key; undefined: its keyboards have none there. */
export function qemuKey(code: string): string | undefined {
  return Object.hasOwn(KEYS, code) ? KEYS[code] : undefined;
}
