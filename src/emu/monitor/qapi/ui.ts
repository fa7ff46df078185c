/** Keyboard and mouse. Spec: QEMU qapi/ui.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import {
  INPUT_BUTTONS,
  type InputEvent,
  KEY_NAMES,
  keyOfScanCode,
  type MachineApi,
} from '../../machine/machine-api.ts';
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

const AXIS_MOVE = struct({ data: struct({ axis: enumeration('InputAxis', ['x', 'y']), value: INT }) });
const INPUT_EVENT = union({ type: enumeration('InputEventKind', ['key', 'btn', 'rel', 'abs']) }, 'type', {
  key: struct({ data: struct({ key: KEY_VALUE, down: BOOL }) }),
  btn: struct({ data: struct({ button: enumeration('InputButton', INPUT_BUTTONS), down: BOOL }) }),
  rel: AXIS_MOVE,
  abs: AXIS_MOVE,
});

function eventOf(event: Infer<typeof INPUT_EVENT>): InputEvent {
  const { type } = event;
  if (type === 'key') return { type, key: keyOf(event.data.key), down: event.data.down };
  if (type === 'btn') return { type, ...event.data };
  return { type, axis: event.data.axis, value: Number(event.data.value) };
}

/** The error for a device that a client takes for a screen. */
export function noScreen({ devices }: MachineApi, device: string, head: number | bigint): MonitorError {
  return devices.tree.find(device) === undefined
    ? new MonitorError(`Device '${device}' not found`, 'DeviceNotFound')
    : new MonitorError(`Device ${device} (head ${head}) is not bound to a QemuConsole`);
}

/** Throws QEMU's errors, having sent nothing. */
function sendEvents({ input, runState }: MachineApi, events: readonly InputEvent[]): void {
  if (runState !== 'running' && runState !== 'suspended') throw new MonitorError('VM not running');
  const lost = events.find((event) => !input.takes(event));
  if (lost !== undefined) throw new MonitorError(`Input handler not found for event type ${lost.type}`);
  input.send(events);
}

export const UI_COMMANDS = [
  command('input-send-event', {
    args: struct({ device: optional(STR), head: optional(INT), events: list(INPUT_EVENT) }),
    run({ machine }, { device, head = 0, events }) {
      if (device !== undefined) throw noScreen(machine, device, head);
      sendEvents(machine, events.map(eventOf));
    },
  }),
  command('query-mice', { returns: list(MOUSE_INFO), run: ({ machine }) => queryMice(machine) }),
  command('send-key', {
    args: struct({ keys: list(KEY_VALUE), 'hold-time': optional(INT) }),
    run: ({ machine }, { keys, 'hold-time': hold = 0 }) =>
      machine.input.sendKeys(keys.map(keyOf), Number(hold)),
  }),
];
