/** What fits nowhere else. Spec: QEMU qapi/misc.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { COMMAND_LINE_OPTIONS, type OptionInfo } from '../../machine/command-line-options.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const IO_THREAD_INFO = struct({
  ...{ id: STR, 'thread-id': INT, 'poll-max-ns': INT, 'poll-grow': INT },
  ...{ 'poll-shrink': INT, 'aio-max-batch': INT },
});

/** A browser's worker has no more threads to give. */
export function queryIothreads(): readonly Infer<typeof IO_THREAD_INFO>[] {
  return [];
}

/** Not modelled: `help`, QEMU's own words. */
const COMMAND_LINE_OPTION_INFO = struct({
  option: STR,
  parameters: list(
    struct({
      name: STR,
      type: enumeration('CommandLineParameterType', ['string', 'boolean', 'number', 'size']),
      default: optional(STR),
    }),
  ),
});

/** All, or the one that is asked for. Throws QEMU's error. */
function commandLineOptions(option: string | undefined): readonly OptionInfo[] {
  const found = COMMAND_LINE_OPTIONS.filter((one) => option === undefined || one.option === option);
  if (found.length === 0) throw new MonitorError(`invalid option name: ${option}`);
  return found;
}

const FDSET_INFO = struct({
  'fdset-id': INT,
  fds: list(struct({ fd: INT, opaque: optional(STR) })),
});

/** Open files come beside the bytes of a Unix socket. Neither Node's sockets nor a page have a way for them. */
function notSupplied(): never {
  throw new MonitorError('No file descriptor supplied via SCM_RIGHTS');
}

function noSuchFile(name: string): never {
  throw new MonitorError(`File descriptor named '${name}' not found`);
}

/** Files that a client hands over for the machine to use. */
const FILE_COMMANDS = [
  command('getfd', {
    args: struct({ fdname: STR }),
    run: notSupplied,
  }),
  command('closefd', {
    args: struct({ fdname: STR }),
    run: (_context, { fdname }) => noSuchFile(fdname),
  }),
  command('add-fd', {
    args: struct({ 'fdset-id': optional(INT), opaque: optional(STR) }),
    returns: struct({ 'fdset-id': INT, fd: INT }),
    run: notSupplied,
  }),
  command('remove-fd', {
    args: struct({ 'fdset-id': INT, fd: optional(INT) }),
    run: (_context, { 'fdset-id': set, fd }) =>
      noSuchFile(`fdset-id:${set}${fd === undefined ? '' : `, fd:${fd}`}`),
  }),
  command('query-fdsets', { returns: list(FDSET_INFO), run: () => [] }),
];

/** `cont`. Throws QEMU's error. */
export function contMachine(machine: MachineApi): void {
  const error = machine.cont();
  if (error !== undefined) throw error;
}

export const MISC_COMMANDS = [
  ...FILE_COMMANDS,
  command('query-command-line-options', {
    args: struct({ option: optional(STR) }),
    returns: list(COMMAND_LINE_OPTION_INFO),
    allowPreconfig: true,
    run: (_context, { option }) => commandLineOptions(option),
  }),
  command('x-exit-preconfig', {
    features: ['unstable'],
    allowPreconfig: true,
    run: ({ machine }) => machine.preconfig.end(),
  }),
  command('query-name', {
    returns: struct({ name: optional(STR) }),
    allowPreconfig: true,
    run: ({ machine }) => ({ name: machine.name }),
  }),
  command('query-iothreads', {
    returns: list(IO_THREAD_INFO),
    allowPreconfig: true,
    run: queryIothreads,
  }),
  command('stop', {
    async run({ machine }) {
      machine.stop();
      await machine.drives.drainAll();
    },
  }),
  command('cont', {
    run: ({ machine }) => contMachine(machine),
  }),
];
