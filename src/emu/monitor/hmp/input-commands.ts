/** `sendkey`, `mouse_move`, `mouse_button`, `mouse_set` and `info mice`. */
import { KEY_NAMES, KEYBOARD_INDEX, KEYBOARD_NAME, keyOfScanCode } from '../../machine/machine-api.ts';
import { integer, maybe, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { queryMice } from '../qapi/ui.ts';

const NAMES: ReadonlySet<string> = new Set(KEY_NAMES);
const SCAN_CODE = /^0x([0-9a-f]+)$/i;
/** A key that stands for none, as a scan code may. */
const NO_KEY = 'unmapped';

/** Undefined: there is no such key. */
function keyNamed(word: string): string | undefined {
  if (word === '<') return 'less';
  const code = SCAN_CODE.exec(word)?.[1];
  if (code !== undefined) return keyOfScanCode(Number.parseInt(code, 16)) ?? NO_KEY;
  return NAMES.has(word) ? word : undefined;
}

function sendKeys({ machine }: CommandContext, text: string, holdMs: number | undefined): string {
  const keys: string[] = [];
  for (const word of text.split('-')) {
    const key = keyNamed(word);
    if (key === undefined) return `invalid parameter: ${word}\n`;
    keys.push(key);
  }
  machine.input.sendKeys(keys, holdMs);
  return '';
}

/** As strtol(3) reads it. */
function leadingNumber(text: string): number {
  const value = Number(/^\s*[+-]?(0x[0-9a-f]+|\d+)/i.exec(text)?.[0] ?? 0);
  return Number.isNaN(value) ? 0 : value | 0;
}

function setMouse({ machine }: CommandContext, index: number): string {
  if (index === KEYBOARD_INDEX) return `Input device '${KEYBOARD_NAME}' is not a mouse\n`;
  return machine.input.handlers.activateMouse(index) ? '' : `Mouse at index '${index}' not found\n`;
}

export const INPUT_COMMANDS: readonly Command[] = [
  {
    name: 'sendkey',
    args: [string('keys'), maybe(integer('hold-time'))],
    params: 'keys [hold_ms]',
    help: "press keys, as in 'sendkey ctrl-alt-delete', each for so many milliseconds",
    complete: () => KEY_NAMES,
    run: (context, args) => {
      const hold = args.get('hold-time');
      return sendKeys(context, String(args.get('keys')), hold === undefined ? undefined : Number(hold));
    },
  },
  {
    name: 'mouse_move',
    args: [string('dx_str'), string('dy_str'), maybe(string('dz_str'))],
    params: 'dx dy [dz]',
    help: 'move the mouse, and its wheel',
    run({ machine }, args) {
      const [dx, dy, dz] = ['dx_str', 'dy_str', 'dz_str'].map((name) =>
        leadingNumber(String(args.get(name) ?? '')),
      );
      machine.input.moveMouse(dx ?? 0, dy ?? 0, dz ?? 0);
      return '';
    },
  },
  {
    name: 'mouse_button',
    args: [integer('button_state')],
    params: 'state',
    help: 'press buttons of the mouse, and let the others go (1: left, 2: right, 4: middle)',
    run({ machine }, args) {
      machine.input.pressButtons(Number(args.get('button_state')));
      return '';
    },
  },
  {
    name: 'mouse_set',
    args: [integer('index')],
    params: 'index',
    help: 'choose the mouse that is moved',
    run: (context, args) => setMouse(context, Number(args.get('index'))),
  },
];

export const MICE_TOPIC: Command = {
  name: 'mice',
  args: [],
  params: '',
  help: 'mice of the guest, and which of them is moved',
  run({ machine }) {
    const mice = queryMice(machine);
    if (mice.length === 0) return 'No mouse devices connected\n';
    const lines = mice.map(({ name, index, current, absolute }) => {
      const mark = current ? '*' : ' ';
      return `${mark} Mouse #${index}: ${name}${absolute ? ' (absolute)' : ''}\n`;
    });
    return lines.join('');
  },
};
