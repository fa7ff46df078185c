/** What fits nowhere else. Spec: QEMU qapi/misc.json. */
import { INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const IO_THREAD_INFO = struct({
  ...{ id: STR, 'thread-id': INT, 'poll-max-ns': INT, 'poll-grow': INT },
  ...{ 'poll-shrink': INT, 'aio-max-batch': INT },
});

/** A browser's worker has no more threads to give. */
export function queryIothreads(): readonly Infer<typeof IO_THREAD_INFO>[] {
  return [];
}

export const MISC_COMMANDS = [
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
  command('stop', { run: ({ machine }) => machine.stop() }),
  command('cont', {
    run({ machine }) {
      const error = machine.cont();
      if (error !== undefined) throw error;
    },
  }),
];
