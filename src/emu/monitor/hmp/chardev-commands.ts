/** `chardev-add`, `chardev-remove`, `ringbuf_write` and `ringbuf_read`. */
import { parseChardevOptions } from '../../char/chardev-options.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { Options } from '../../qdev/option-string.ts';
import type { Command, CommandContext } from '../command.ts';

/** QEMU prints what is wrong with the text of the options before its error. */
function chardevAdd({ machine, stderr }: CommandContext, text: string): string {
  let options: Options;
  try {
    options = parseChardevOptions(text, stderr);
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    const hint = error.hint === undefined ? '' : `${error.hint}\n`;
    return `${error.message}\n${hint}Error: Parsing chardev args failed\n`;
  }
  machine.chardevs.create(options);
  return '';
}

/** QEMU: control characters but the line feed are shown as escapes. */
function readable(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  return [...text]
    .map((character) => {
      const code = character.charCodeAt(0);
      if (character === '\\') return '\\\\';
      if ((code < 0x20 && character !== '\n') || code === 0x7f) {
        return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
      }
      return character;
    })
    .join('');
}

const chardevIds = ({ machine }: CommandContext): readonly string[] => machine.chardevs.ids();

export const CHARDEV_COMMANDS: readonly Command[] = [
  {
    name: 'chardev-add',
    args: [{ name: 'args', kind: 'string' }],
    params: 'args',
    help: 'make a character back end (null, ringbuf)',
    run: (context, args) => chardevAdd(context, String(args.get('args'))),
  },
  {
    name: 'chardev-change',
    args: [
      { name: 'id', kind: 'string' },
      { name: 'args', kind: 'string' },
    ],
    params: 'id args',
    help: 'make a character back end another one',
    complete: chardevIds,
    run({ machine }, args) {
      const id = String(args.get('id'));
      if (!machine.chardevs.ids().includes(id)) throw new MonitorError(`Chardev '${id}' does not exist`);
      throw new MonitorError(`Chardev '${id}' cannot be changed while Hotslot uses it`);
    },
  },
  {
    name: 'chardev-send-break',
    args: [{ name: 'id', kind: 'string' }],
    params: 'id',
    help: 'hold the line of a serial port low for a moment',
    complete: chardevIds,
    run({ machine }, args) {
      const id = String(args.get('id'));
      if (!machine.chardevs.ids().includes(id)) throw new MonitorError(`Chardev '${id}' not found`);
      throw new MonitorError(`Chardev '${id}' has nobody who hears a break`);
    },
  },
  {
    name: 'chardev-remove',
    args: [{ name: 'id', kind: 'string' }],
    params: 'id',
    help: 'take a character back end away',
    complete: chardevIds,
    run({ machine }, args) {
      machine.chardevs.remove(String(args.get('id')));
      return '';
    },
  },
  {
    name: 'ringbuf_write',
    args: [
      { name: 'device', kind: 'string' },
      { name: 'data', kind: 'string' },
    ],
    params: 'device data',
    help: 'put text into a ring buffer',
    complete: chardevIds,
    run({ machine }, args) {
      machine.chardevs
        .ringBuffer(String(args.get('device')))
        .write(new TextEncoder().encode(String(args.get('data'))));
      return '';
    },
  },
  {
    name: 'ringbuf_read',
    args: [
      { name: 'device', kind: 'string' },
      { name: 'size', kind: 'integer' },
    ],
    params: 'device size',
    help: 'take text out of a ring buffer',
    complete: chardevIds,
    run({ machine }, args) {
      const buffer = machine.chardevs.ringBuffer(String(args.get('device')));
      const size = Number(args.get('size'));
      if (size <= 0) throw new MonitorError('size must be greater than zero');
      return `${readable(buffer.read(size))}\n`;
    },
  },
];
