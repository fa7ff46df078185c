/** `eject`, `change` and `block_resize`. */
import { MonitorError } from '../../core/monitor-error.ts';
import { block, filename, flag, maybe, size, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { changeMedium } from '../qapi/block-core.ts';

const driveNames = ({ machine }: CommandContext): readonly string[] =>
  machine.drives.list().flatMap(({ name }) => (name === '' ? [] : [name]));

export const BLOCK_COMMANDS: readonly Command[] = [
  {
    name: 'eject',
    args: [flag('f', 'force'), block('device')],
    params: '[-f] device',
    help: 'take the image out of a drive that stays (-f: also when the guest holds it)',
    complete: driveNames,
    async run({ machine }, args) {
      await machine.drives.eject(String(args.get('device')));
      return '';
    },
  },
  {
    name: 'change',
    args: [
      block('device'),
      flag('f', 'force'),
      filename('target'),
      maybe(string('arg')),
      maybe(string('read-only-mode')),
    ],
    params: 'device [-f] filename [format [read-only-mode]]',
    help: 'put another image into a drive (-f: also when the guest holds the one that is there)',
    complete: driveNames,
    async run({ machine }, args) {
      const [format, mode] = ['arg', 'read-only-mode'].map((name) => args.get(name)?.toString());
      await changeMedium(machine, String(args.get('device')), String(args.get('target')), format, mode);
      return '';
    },
  },
  {
    name: 'block_resize',
    args: [block('device'), size('size')],
    params: 'device size',
    help: 'make an image larger or smaller',
    complete: driveNames,
    run({ machine }, args) {
      const name = String(args.get('device'));
      const isThere = machine.drives.find(name) !== undefined;
      throw new MonitorError(
        isThere
          ? 'Hotslot cannot change the size of an image'
          : `Cannot find device='${name}' nor node-name=''`,
      );
    },
  },
];
