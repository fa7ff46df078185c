/** `eject`, `change`, `block_resize` and `block_set_io_throttle`. */

import { MonitorError } from '../../core/monitor-error.ts';
import { type ArgumentValues, block, filename, flag, long, maybe, size, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import {
  changeMedium,
  driveNamed,
  driveOfDevice,
  ejectMedium,
  modeError,
  resizeImage,
  setIoThrottle,
} from '../qapi/block-core-control.ts';
import { PlainError } from './plain-errors.ts';

const RATES = ['bps', 'bps_rd', 'bps_wr', 'iops', 'iops_rd', 'iops_wr'] as const;

const driveNames = ({ machine }: CommandContext): readonly string[] =>
  machine.drives.list().flatMap(({ name }) => (name === '' ? [] : [name]));

function setLimits({ machine }: CommandContext, args: ArgumentValues): void {
  const title = String(args.get('device'));
  const drive = machine.drives.find(title) ?? driveOfDevice(machine, title);
  const rate = (name: (typeof RATES)[number]): number | bigint => args.get(name) as number | bigint;
  setIoThrottle(drive, title, {
    ...{ bps: rate('bps'), bps_rd: rate('bps_rd'), bps_wr: rate('bps_wr') },
    ...{ iops: rate('iops'), iops_rd: rate('iops_rd'), iops_wr: rate('iops_wr') },
  });
}

/** `change vnc` is about the server of a display, which there is not: QEMU's words where there is none. */
function vncError(target: string, password: string | undefined, mode: string | undefined): MonitorError {
  if (mode !== undefined) return new PlainError("Parameter 'read-only-mode' is invalid for VNC");
  if (target !== 'passwd' && target !== 'password') return new PlainError("Expected 'password' after 'vnc'");
  // Not modelled: where QEMU's monitor is a terminal it asks for the password first. That one cannot be set either.
  if (password === undefined) return new PlainError('terminal does not support password prompting');
  return new MonitorError('Could not set password');
}

export const BLOCK_COMMANDS: readonly Command[] = [
  {
    name: 'eject',
    args: [flag('f', 'force'), block('device')],
    params: '[-f] device',
    help: 'take the image out of a drive that stays (-f: also when the guest holds it)',
    complete: driveNames,
    async run({ machine }, args) {
      await ejectMedium(machine, { device: String(args.get('device')) }, args.get('force') === true);
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
      const name = String(args.get('device'));
      const path = String(args.get('target'));
      if (name === 'vnc') throw vncError(path, format, mode);
      const wrong = modeError(mode);
      if (wrong !== undefined) throw wrong;
      const force = args.get('force') === true;
      await changeMedium(machine, driveNamed(machine, name), name, { path, format, mode }, force);
      return '';
    },
  },
  {
    name: 'block_resize',
    args: [block('device'), size('size')],
    params: 'device size',
    help: 'make an image larger or smaller',
    complete: driveNames,
    async run({ machine }, args) {
      await resizeImage(machine, String(args.get('device')), undefined, BigInt(String(args.get('size'))));
      return '';
    },
  },
  {
    name: 'block_set_io_throttle',
    args: [block('device'), ...RATES.map(long)],
    params: 'device bps bps_rd bps_wr iops iops_rd iops_wr',
    help: 'how much a drive may move in a second',
    complete: driveNames,
    run(context, args) {
      setLimits(context, args);
      return '';
    },
  },
];
