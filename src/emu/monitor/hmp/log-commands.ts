/** `log`, `logfile`, `trace-event` and `info trace-events`. */
import { filename, integer, maybe, onOff, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { LOG_ITEMS, MonitorLog } from '../log.ts';
import { setTraceEvents, traceEvents } from '../qapi/trace.ts';
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

function optionalNumber(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
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
        const on = args.get('option') === true;
        const cpu = optionalNumber(args.get('vcpu'));
        setTraceEvents(context.machine, logOf(context), String(args.get('name')), on, cpu);
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
      return traceEvents(context.machine, logOf(context), name, cpu)
        .map((event) => `${event.name} : state ${event.state === 'enabled' ? 1 : 0}\n`)
        .join('');
    }),
};
