/** `dump-guest-memory` and `info dump`. */
import { MonitorError } from '../../core/monitor-error.ts';
import { filename, flag, long, maybe } from '../argument-specs.ts';
import type { Command } from '../command.ts';
import { dumpResult } from '../core-dump.ts';
import { dumpGuestMemory } from '../qapi/dump.ts';

const FORMATS = { windmp: 'win-dmp', zlib: 'kdump-zlib', lzo: 'kdump-lzo', snappy: 'kdump-snappy' } as const;
const FORMAT_NAMES = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

export const DUMP_TOPIC: Command = {
  name: 'dump',
  args: [],
  params: '',
  help: 'how far dump-guest-memory is',
  run: ({ machine }) => `Status: ${dumpResult(machine).status}\n`,
};

export const DUMP_COMMAND: Command = {
  name: 'dump-guest-memory',
  args: [
    flag('p', 'paging'),
    flag('d', 'detach'),
    flag('w', 'windmp'),
    flag('z', 'zlib'),
    flag('l', 'lzo'),
    flag('s', 'snappy'),
    filename('filename'),
    maybe(long('begin')),
    maybe(long('length')),
  ],
  params: '[-p] [-d] [-z|-l|-s|-w] filename [begin length]',
  help: 'write all memory and registers to a file for a debugger (-p: at the linear addresses that the guest has mapped)',
  run(context, args) {
    const wanted = FORMAT_NAMES.filter((name) => args.get(name) === true);
    if (wanted.length > 1) throw new MonitorError("only one of '-z|-l|-s|-w' can be set");
    const number = (name: string): bigint | undefined => {
      const value = args.get(name);
      return value === undefined ? undefined : BigInt.asIntN(64, BigInt(String(value)));
    };
    const [format] = wanted;
    dumpGuestMemory(context, {
      paging: args.get('paging') === true,
      protocol: `file:${String(args.get('filename'))}`,
      begin: number('begin'),
      length: number('length'),
      format: format === undefined ? undefined : FORMATS[format],
    });
    return '';
  },
};
