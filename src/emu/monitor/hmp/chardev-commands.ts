/** `chardev-add` and the like, `ringbuf_write` and `ringbuf_read`. */
import { CHARDEV_HELP, readChardev } from '../../char/chardev-kinds.ts';
import { parseChardevOptions } from '../../char/chardev-options.ts';
import { ptyLine } from '../../char/chardevs.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { Options } from '../../qdev/option-string.ts';
import { parseBool } from '../../qdev/properties.ts';
import type { Command, CommandContext } from '../command.ts';

/** Reads options; QEMU prints what is wrong with their text before its error. */
function readOptions({ warn }: CommandContext, text: string, failed: string): Options | string {
  try {
    return parseChardevOptions(text, warn);
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    const hint = error.hint === undefined ? '' : `${error.hint}\n`;
    return `${error.message}\n${hint}Error: ${failed}\n`;
  }
}

/** QEMU: the list of options goes to its own standard output, not to the monitor. */
const isHelp = (word: string): boolean => word === 'help' || word === '?';

async function chardevAdd(context: CommandContext, text: string): Promise<string> {
  const words = text.split(',');
  if (isHelp(words[0] ?? '')) return CHARDEV_HELP;
  if (words.some(isHelp)) return 'Error: Parsing chardev args failed\n';
  const options = readOptions(context, text, 'Parsing chardev args failed');
  if (typeof options === 'string') return options;
  const pty = await context.machine.chardevs.open(options);
  // QEMU: the one below is told of.
  const suffix = parseBool(options.get('mux') ?? '') === true ? '-base' : '';
  return ptyLine(pty, `${options.id ?? ''}${suffix}`);
}

async function chardevChange(context: CommandContext, id: string, text: string): Promise<string> {
  const options = readOptions(context, text, 'Parsing chardev args failed');
  if (typeof options === 'string') return options;
  if (options.id !== undefined) throw new MonitorError("Unexpected 'id' parameter");
  // QEMU: what the options ask for is looked at before the device, and before they have an id.
  if (options.get('backend') === undefined) throw new MonitorError('chardev: "(null)" missing backend');
  readChardev(new Options(options.entries, id));
  // QEMU: which pseudo terminal it is, `info chardev` tells.
  await context.machine.chardevs.change(id, options);
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
    help: 'make a character back end',
    run: (context, args) => chardevAdd(context, String(args.get('args'))),
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
    name: 'chardev-change',
    args: [
      { name: 'id', kind: 'string' },
      { name: 'args', kind: 'string' },
    ],
    params: 'id args',
    help: 'put another character back end in the place of one',
    complete: chardevIds,
    run: (context, args) => chardevChange(context, String(args.get('id')), String(args.get('args'))),
  },
  {
    name: 'chardev-send-break',
    args: [{ name: 'id', kind: 'string' }],
    params: 'id',
    help: 'send a break through a character back end',
    complete: chardevIds,
    run({ machine }, args) {
      machine.chardevs.sendBreak(String(args.get('id')));
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
