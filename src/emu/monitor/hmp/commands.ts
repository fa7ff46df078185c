/** The command table. Syntax, output and errors are QEMU 7.2's; descriptions are ours. */
import { nodeOptions } from '../../block/text-node.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { parseOptions } from '../../qdev/option-string.ts';
import { hexSizeWarning } from '../../qdev/properties.ts';
import { ArgumentError } from '../argument-error.ts';
import type { Command, CommandContext } from '../command.ts';
import { displayName, findCommand } from '../command.ts';
import { LineReader } from '../line-reader.ts';
import { ABSENT_COMMANDS } from './absent-commands.ts';
import { BLOCK_COMMANDS } from './block-commands.ts';
import { CHARDEV_COMMANDS } from './chardev-commands.ts';
import { devicePropertiesText } from './device-help.ts';
import { DUMP_COMMAND } from './dump-commands.ts';
import { INFO_COMMANDS } from './info-commands.ts';
import { INPUT_COMMANDS } from './input-commands.ts';
import { inWordsOfToday } from './legacy/device-words.ts';
import { LOG_COMMANDS } from './log-commands.ts';
import { MACHINE_COMMANDS } from './machine-commands.ts';
import { MEMORY_COMMANDS } from './memory-commands.ts';
import { MIGRATION_COMMANDS } from './migration-commands.ts';
import { NET_COMMANDS } from './net-commands.ts';
import { OBJECT_COMMANDS } from './object-commands.ts';
import { withPlainErrors } from './plain-errors.ts';
import { QOM_COMMANDS } from './qom-commands.ts';
import { SCREENDUMP } from './screendump.ts';
import { SNAPSHOT_COMMANDS } from './snapshot-commands.ts';

const byName = (a: Command, b: Command): number => (displayName(a) < displayName(b) ? -1 : 1);

function helpLine(command: Command, prefix: string): string {
  return `${prefix}${displayName(command)} ${command.params} -- ${command.help}\n`;
}

/** The help of all commands, or of those below one. */
function helpList(commands: readonly Command[], prefix = ''): string {
  return [...commands]
    .sort(byName)
    .map((command) => helpLine(command, prefix))
    .join('');
}

interface HelpTable {
  readonly commands: readonly Command[];
  readonly tellsUnknown: boolean;
}

function helpText({ commands, tellsUnknown }: HelpTable, words: readonly string[], prefix = ''): string {
  const [name = '', ...below] = words;
  const command = findCommand(commands, name);
  if (command === undefined) return tellsUnknown ? `unknown command: '${prefix}${name}'\n` : '';
  if (command.subcommands === undefined) return helpLine(command, prefix);
  const deeper = `${prefix}${command.name} `;
  return below.length === 0
    ? helpList(command.subcommands, deeper)
    : helpText({ commands: command.subcommands, tellsUnknown }, below, deeper);
}

function help({ commands, dialect }: CommandContext, words: string): string {
  const reader = new LineReader(words);
  const list: string[] = [];
  for (let word = reader.word(); word !== undefined; word = reader.word()) list.push(word);
  const { tellsUnknown } = dialect.errors;
  return list.length === 0 ? helpList(commands) : helpText({ commands, tellsUnknown }, list);
}

const driveNames = ({ machine }: CommandContext): readonly string[] =>
  machine.drives.list().flatMap(({ name }) => (name === '' ? [] : [name]));

async function deviceAdd(context: CommandContext, text: string): Promise<string> {
  const { machine, dialect } = context;
  let options: ReturnType<typeof parseOptions>;
  try {
    options = parseOptions(text, 'driver', (message) => context.stderr(message));
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw new ArgumentError(`${error.message}\n${error.hint ?? ''}`, true);
  }
  const driver = options.get('driver');
  if (driver === 'help' || driver === '?')
    return dialect.layouts.devices(machine.devices.registry.userCreatable());
  if (driver !== undefined && (options.get('help') !== undefined || options.get('?') !== undefined)) {
    return withPlainErrors(async () => devicePropertiesText(machine.devices.registry, driver));
  }
  const isFormer = driver !== undefined && dialect.formerTypes.has(driver);
  await machine.devices.add(isFormer ? inWordsOfToday(machine, options) : options, context.warn);
  return '';
}

/** QEMU: why not is said before. */
async function gdbServer({ machine }: CommandContext, device: string): Promise<string> {
  try {
    await machine.startGdbServer(device);
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    return `${error.message}\nCould not open gdbserver on device '${device}'\n`;
  }
  return device === 'none' ? 'Disabled gdbserver\n' : `Waiting for gdb connection on device '${device}'\n`;
}

function driveAdd({ machine, warn }: CommandContext, text: string, byNode: boolean): Promise<string> {
  return withPlainErrors(async () => {
    const options = parseOptions(text, undefined, warn);
    for (const [key, value] of options.entries) {
      const warning = /(^|\.)(size|offset)$/.test(key) ? hexSizeWarning(value) : undefined;
      if (warning !== undefined) warn(warning);
    }
    if (byNode) {
      // QEMU: a node has no id, but its options are read among those of drives.
      machine.drives.checkNew(options.id);
      await machine.drives.addNode(nodeOptions(options));
      return '';
    }
    await machine.drives.hotAdd(options);
    return 'OK\n';
  });
}

/** QEMU: that of -s as well. */
const DEFAULT_GDB_DEVICE = 'tcp::1234';

export const HMP_COMMANDS: readonly Command[] = [
  {
    name: 'help',
    alias: '?',
    args: [{ name: 'name', kind: 'rest', optional: true }],
    params: '[cmd]',
    help: 'explain a command, or list them all',
    completeCommands: true,
    run: (context, args) => help(context, String(args.get('name') ?? '')),
  },
  {
    name: 'info',
    args: [{ name: 'item', kind: 'string', optional: true }],
    params: '[subcommand]',
    help: 'show something about the machine',
    subcommands: INFO_COMMANDS,
    run: (context) => help(context, 'info'),
  },
  {
    name: 'drive_add',
    args: [
      { name: 'node', kind: 'flag', letter: 'n' },
      { name: 'pci_addr', kind: 'string' },
      { name: 'opts', kind: 'string' },
    ],
    params:
      '[-n] [[<domain>:]<bus>:]<slot>\n[file=file][,if=type][,bus=n]\n[,unit=m][,media=d][,index=i]\n' +
      '[,snapshot=on|off][,cache=on|off]\n[,readonly=on|off][,copy-on-read=on|off]',
    help: 'add drive to PCI storage controller',
    run: (context, args) => driveAdd(context, String(args.get('opts')), args.get('node') === true),
  },
  {
    name: 'drive_del',
    args: [{ name: 'id', kind: 'block' }],
    params: 'device',
    help: 'take the image out of a drive and give up the drive',
    complete: driveNames,
    run: ({ machine }, args) =>
      withPlainErrors(async () => {
        await machine.drives.remove(String(args.get('id')));
        return '';
      }),
  },
  {
    name: 'device_add',
    args: [{ name: 'device', kind: 'options' }],
    params: 'driver[,prop=value][,...]',
    help: 'add device, like -device on the command line',
    complete: ({ machine }) => machine.devices.registry.userCreatable().map(({ name }) => name),
    run: (context, args) => deviceAdd(context, String(args.get('device'))),
  },
  {
    name: 'device_del',
    args: [{ name: 'id', kind: 'string' }],
    params: 'device',
    help: 'ask the guest to let go of a device',
    complete: ({ machine }) => machine.devices.removable(),
    run({ machine }, args) {
      machine.devices.delete(String(args.get('id')));
      return '';
    },
  },
  ...OBJECT_COMMANDS,
  ...QOM_COMMANDS,
  ...SNAPSHOT_COMMANDS,
  DUMP_COMMAND,
  {
    name: 'balloon',
    args: [{ name: 'value', kind: 'megabytes' }],
    params: 'target',
    help: 'ask the guest to have so much memory, in MB',
    run({ machine }, args) {
      machine.balloon.setTarget(Number(args.get('value')));
      return '';
    },
  },
  ...CHARDEV_COMMANDS,
  {
    name: 'gdbserver',
    args: [{ name: 'device', kind: 'string', optional: true }],
    params: '[device]',
    help: "let gdb connect to a character device (default 'tcp::1234'); 'none' ends that",
    run: (context, args) => gdbServer(context, String(args.get('device') ?? DEFAULT_GDB_DEVICE)),
  },
  ...MEMORY_COMMANDS,
  ...INPUT_COMMANDS,
  ...LOG_COMMANDS,
  ...MACHINE_COMMANDS,
  ...BLOCK_COMMANDS,
  ...MIGRATION_COMMANDS,
  ...NET_COMMANDS,
  SCREENDUMP,
  ...ABSENT_COMMANDS,
];
