/** Several actions on nodes, all of them or none. Spec: QEMU qapi/transaction.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { enumeration, list, NOTHING, optional, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';

/** Not modelled: bitmaps, images on others, and jobs that copy, which the other actions are about. */
const ACTION = union({ type: enumeration('TransactionActionKind', ['abort']) }, 'type', {
  abort: struct({ data: NOTHING }),
});
const PROPERTIES = struct({
  'completion-mode': optional(enumeration('ActionCompletionMode', ['individual', 'grouped'])),
});

export const TRANSACTION_COMMANDS = [
  command('transaction', {
    args: struct({ actions: list(ACTION), properties: optional(PROPERTIES) }),
    run(_context, { actions }) {
      if (actions.length > 0) throw new MonitorError('Transaction aborted using Abort action');
    },
  }),
];
