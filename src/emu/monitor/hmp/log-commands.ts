/** `log`, `logfile`, `trace-event` and `info trace-events`. */
import { MonitorError } from '../../core/monitor-error.ts';
import { filename, integer, maybe, onOff, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { isPattern, LOG_ITEMS, MonitorLog } from '../log.ts';
import { withPlainErrors } from './plain-errors.ts';

const NAME_WIDTH = 15;

function logOf({ machine, stderr }: CommandContext): MonitorLog {
  return MonitorLog.of(machine, stderr);
}

function itemsText(): string {
  const rows = [
    ['none', 'nothing any more'],
    ...LOG_ITEMS.map(({ name, help }) => [name, help]),
    ['tid', 'a file for each thread'],
    ['trace:PATTERN', 'events of this name'],
  ];
  const lines = rows.map(([name = '', help = '']) => `${name.padEnd(NAME_WIDTH)} ${help}\n`);
  return `Log items (comma separated):\n${lines.join('')}\nUse "log trace:help" to get a list of trace events.\n\n`;
}

/** Throws QEMU's error: there is no such event, or it is not one of processors. */
function checkEvents(context: CommandContext, name: string, cpu: number | undefined): void {
  if (cpu !== undefined && !context.machine.inspect.cpus().some(({ index }) => index === cpu)) {
    throw new MonitorError(`invalid vCPU index ${cpu}`);
  }
  if (isPattern(name)) return;
  if (logOf(context).events(name).length === 0) throw new MonitorError(`unknown event "${name}"`);
  if (cpu !== undefined) throw new MonitorError(`event "${name}" is not vCPU-specific`);
}

function optionalNumber(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function stateText(name: string, isOn: boolean): string {
  return `${name} : state ${isOn ? 1 : 0}\n`;
}

export const LOG_COMMANDS: readonly Command[] = [
  {
    name: 'log',
    args: [string('items')],
    params: 'item1[,...]',
    help: 'say on standard error what happens',
    run: (context, args) => logOf(context).setItems(String(args.get('items'))) ?? itemsText(),
  },
  {
    name: 'logfile',
    args: [filename('filename')],
    params: 'filename',
    help: 'say it in a file',
    run: (context, args) =>
      withPlainErrors(async () => {
        logOf(context).setFile(String(args.get('filename')));
        return '';
      }),
  },
  {
    name: 'trace-event',
    args: [string('name'), onOff('option'), maybe(integer('vcpu'))],
    params: 'name on|off [vcpu]',
    help: 'report an event of the machine, or no more (vcpu: of one processor)',
    run: (context, args) =>
      withPlainErrors(async () => {
        const name = String(args.get('name'));
        const cpu = optionalNumber(args.get('vcpu'));
        checkEvents(context, name, cpu);
        // No event of ours is one of processors.
        if (cpu === undefined) logOf(context).setEvents(name, args.get('option') === true);
        return '';
      }),
  },
];

export const TRACE_EVENTS_TOPIC: Command = {
  name: 'trace-events',
  args: [maybe(string('name')), maybe(integer('vcpu'))],
  params: '[name] [vcpu]',
  help: 'events that the machine can report, and which it does (vcpu: of one processor)',
  run: (context, args) =>
    withPlainErrors(async () => {
      const name = String(args.get('name') ?? '*');
      const cpu = optionalNumber(args.get('vcpu'));
      checkEvents(context, name, cpu);
      if (cpu !== undefined) return '';
      return logOf(context)
        .events(name)
        .map((event) => stateText(event.name, event.isOn))
        .join('');
    }),
};
