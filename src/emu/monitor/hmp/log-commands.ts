/** `log`, `logfile`, `trace-event` and `info trace-events`. */
import { isHelpWord, type LogWish, logItemsText, readLogItems } from '../../core/log-items.ts';
import { unknownEventWarning } from '../../core/machine-log.ts';
import { TRACE_EVENTS } from '../../core/trace-events.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { filename, integer, maybe, onOff, string } from '../argument-specs.ts';
import type { Command } from '../command.ts';
import { setTraceEvents, traceEvents } from '../qapi/trace.ts';
import { withPlainErrors } from './plain-errors.ts';

const NOTHING: LogWish = { items: new Set(), isByThread: false, patterns: [] };

/** Changes what is logged; gives what is to be printed. Throws MonitorError. */
function setItems({ trace }: MachineApi, text: string): string {
  const wish = text === 'none' ? NOTHING : readLogItems(text);
  if (wish === undefined) return logItemsText('log');
  // QEMU: prints the list on its standard output.
  if (wish.patterns.some(isHelpWord)) return `${TRACE_EVENTS.join('\n')}\n`;
  trace.log.setItems(wish);
  return wish.patterns
    .map(unknownEventWarning)
    .filter((warning) => warning !== undefined)
    .map((warning) => `warning: ${warning}\n`)
    .join('');
}

function optionalNumber(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** QEMU: whatever is not `off` has to be `on`, which no word means as well. */
function setSingleStep({ trace }: MachineApi, option: string): string {
  if (option !== 'on' && option !== 'off') return `unexpected option ${option}\n`;
  trace.log.isSingleStep = option === 'on';
  return '';
}

export const LOG_COMMANDS: readonly Command[] = [
  {
    name: 'log',
    args: [string('items')],
    params: 'item1[,...]',
    help: 'say on standard error what happens',
    run: ({ machine }, args) => withPlainErrors(async () => setItems(machine, String(args.get('items')))),
  },
  {
    name: 'singlestep',
    args: [maybe(string('option'))],
    params: '[on|off]',
    help: 'decode and run code instruction by instruction',
    run: ({ machine }, args) => setSingleStep(machine, String(args.get('option') ?? 'on')),
  },
  {
    name: 'logfile',
    args: [filename('filename')],
    params: 'filename',
    help: 'say it in a file',
    run: ({ machine }, args) =>
      withPlainErrors(async () => {
        machine.trace.log.setFile(String(args.get('filename')), machine.createFile);
        return '';
      }),
  },
  {
    name: 'trace-event',
    args: [string('name'), onOff('option'), maybe(integer('vcpu'))],
    params: 'name on|off [vcpu]',
    help: 'report an event of the machine, or no more (vcpu: of one processor)',
    run: ({ machine }, args) =>
      withPlainErrors(async () => {
        const on = args.get('option') === true;
        const cpu = optionalNumber(args.get('vcpu'));
        setTraceEvents(machine, String(args.get('name')), on, cpu);
        return '';
      }),
  },
];

export const TRACE_EVENTS_TOPIC: Command = {
  name: 'trace-events',
  args: [maybe(string('name')), maybe(integer('vcpu'))],
  params: '[name] [vcpu]',
  help: 'events that the machine can report, and which it does (vcpu: of one processor)',
  run: ({ machine }, args) =>
    withPlainErrors(async () => {
      const name = String(args.get('name') ?? '*');
      const cpu = optionalNumber(args.get('vcpu'));
      return traceEvents(machine, name, cpu)
        .map((event) => `${event.name} : state ${event.state === 'enabled' ? 1 : 0}\n`)
        .join('');
    }),
};
