/** Keyboard and mouse. Spec: QEMU qapi/ui.json. */
import { KEY_NAMES, keyOfScanCode, type MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';

const MOUSE_INFO = struct({ name: STR, index: INT, current: BOOL, absolute: BOOL });
const KEY_VALUE = union({ type: enumeration('KeyValueKind', ['number', 'qcode']) }, 'type', {
  number: struct({ data: INT }),
  qcode: struct({ data: enumeration('QKeyCode', KEY_NAMES) }),
});

export function queryMice({ input }: MachineApi): readonly Infer<typeof MOUSE_INFO>[] {
  return input.mice.map(({ name, index, isCurrent, isAbsolute }) => ({
    name,
    index,
    current: isCurrent,
    absolute: isAbsolute,
  }));
}

function keyOf(value: Infer<typeof KEY_VALUE>): string {
  return value.type === 'qcode' ? value.data : (keyOfScanCode(Number(value.data)) ?? 'unmapped');
}

export const UI_COMMANDS = [
  command('query-mice', { returns: list(MOUSE_INFO), run: ({ machine }) => queryMice(machine) }),
  command('send-key', {
    args: struct({ keys: list(KEY_VALUE), 'hold-time': optional(INT) }),
    run: ({ machine }, { keys, 'hold-time': hold = 0 }) =>
      machine.input.sendKeys(keys.map(keyOf), Number(hold)),
  }),
];
