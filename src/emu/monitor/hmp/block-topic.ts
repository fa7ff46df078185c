/** The topic `block` of `info`, with the arguments that it had in a version. */
import { type ArgumentSpec, block, flag, maybe } from '../argument-specs.ts';
import type { Command } from '../command.ts';
import { queryBlock, queryNamedBlockNodes } from '../qapi/block-core-info.ts';

/** What can be asked for: nodes or one drive, one drive, nothing but all drives. */
export type BlockTopicArguments = 'nodes' | 'drives' | 'nothing';

const DRIVE_ARGS: readonly ArgumentSpec[] = [flag('v', 'verbose'), maybe(block('device'))];
const FORMS: Readonly<Record<BlockTopicArguments, Pick<Command, 'args' | 'params' | 'help'>>> = {
  nodes: {
    args: [flag('n', 'nodes'), ...DRIVE_ARGS],
    params: '[-n] [-v] [device]',
    help: 'drives, their images, and who uses them (-n: nodes of the block layer; -v: more of each image)',
  },
  drives: {
    args: DRIVE_ARGS,
    params: '[-v] [device]',
    help: 'drives and their images (-v: more of each image)',
  },
  nothing: { args: [], params: '', help: 'drives and their images' },
};

export function blockTopic(takes: BlockTopicArguments): Command {
  return {
    name: 'block',
    ...FORMS[takes],
    complete: ({ machine }) => machine.drives.list().flatMap(({ name }) => (name === '' ? [] : [name])),
    run: ({ machine, dialect }, args) =>
      dialect.layouts.block(queryBlock(machine), queryNamedBlockNodes(machine), {
        nodes: args.get('nodes') === true,
        verbose: args.get('verbose') === true,
        name: args.get('device')?.toString(),
      }),
  };
}
