/** Nodes of the block layer, and what else QEMU has in this file. Spec: QEMU qapi/block-core.json. */
import { BLOCKDEV_OPTIONS } from '../../block/blockdev-options.ts';
import { asJson, STR, struct, UINT64 } from '../../qapi/schema.ts';
import { BLOCK_CONTROL_COMMANDS } from './block-core-control.ts';
import { BLOCK_INFO_COMMANDS } from './block-core-info.ts';
import { BLOCK_STATS_COMMANDS } from './block-core-stats.ts';
import { REOPEN_ARGS, reopenOptions } from './blockdev-reopen.ts';
import { command } from './context.ts';

export const BLOCK_CORE_COMMANDS = [
  ...BLOCK_CONTROL_COMMANDS,
  ...BLOCK_INFO_COMMANDS,
  ...BLOCK_STATS_COMMANDS,
  command('blockdev-add', {
    args: BLOCKDEV_OPTIONS,
    allowPreconfig: true,
    run: ({ machine }, options) => machine.drives.addNode(options),
  }),
  command('block-set-write-threshold', {
    args: struct({ 'node-name': STR, 'write-threshold': UINT64 }),
    allowPreconfig: true,
    run({ machine }, { 'node-name': name, 'write-threshold': threshold }) {
      machine.drives.setWriteThreshold(name, threshold);
    },
  }),
  command('blockdev-reopen', {
    args: asJson(REOPEN_ARGS),
    allowPreconfig: true,
    takesAnything: true,
    run: ({ machine }, args) => machine.drives.reopen(reopenOptions(args)),
  }),
  command('blockdev-del', {
    args: struct({ 'node-name': STR }),
    allowPreconfig: true,
    run: ({ machine }, { 'node-name': name }) => machine.drives.deleteNode(name),
  }),
];
