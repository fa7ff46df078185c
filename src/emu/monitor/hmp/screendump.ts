/** `screendump`, on a machine without a screen. */
import { MonitorError } from '../../core/monitor-error.ts';
import { filename, integer, maybe, string, valueFlag } from '../argument-specs.ts';
import type { Command } from '../command.ts';
import { IMAGE_FORMATS, screendump } from '../qapi/displays.ts';

export const SCREENDUMP: Command = {
  name: 'screendump',
  args: [filename('filename'), valueFlag('f', 'format'), maybe(string('device')), maybe(integer('head'))],
  params: 'filename [-f format] [device [head]]',
  help: 'save a picture of the screen (-f: as png or ppm)',
  run({ machine }, args) {
    const format = args.get('format');
    if (format !== undefined && !IMAGE_FORMATS.some((known) => known === format)) {
      throw new MonitorError(`invalid parameter value: ${format}`);
    }
    const [device, head] = [args.get('device'), args.get('head')];
    return screendump(
      machine,
      device === undefined ? undefined : String(device),
      head === undefined ? undefined : Number(head),
    );
  },
};
