/** The guest's memory as a core file. Spec: QEMU qapi/dump.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { dumpMemory, dumpResult } from '../core-dump.ts';
import { command, type QapiContext } from './context.ts';

export const DUMP_QUERY_RESULT = struct({
  status: enumeration('DumpStatus', ['none', 'active', 'completed', 'failed']),
  completed: INT,
  total: INT,
});

const FORMAT = enumeration('DumpGuestMemoryFormat', [
  'elf',
  'kdump-zlib',
  'kdump-lzo',
  'kdump-snappy',
  'win-dmp',
]);
/** QEMU: as one that was built without the libraries that compress. */
const AVAILABLE = ['elf', 'win-dmp'] as const;

const DUMP_ARGS = struct({
  paging: BOOL,
  protocol: STR,
  detach: optional(BOOL),
  begin: optional(INT),
  length: optional(INT),
  format: optional(FORMAT),
});

/** Detached or not, the file is there when it returns. Throws QEMU's errors, in QEMU's order. */
export function dumpGuestMemory(
  { machine }: Pick<QapiContext, 'machine'>,
  args: Infer<typeof DUMP_ARGS>,
): void {
  const { paging, protocol, begin, length, format = 'elf' } = args;
  if (format !== 'elf' && (paging || begin !== undefined || length !== undefined)) {
    throw new MonitorError("kdump-compressed format doesn't support paging or filter");
  }
  if (begin !== undefined && length === undefined) throw new MonitorError("Parameter 'length' is missing");
  if (begin === undefined && length !== undefined) throw new MonitorError("Parameter 'begin' is missing");
  if (format.startsWith('kdump')) throw new MonitorError(`${format} is not available now`);
  const [kind, target] = splitProtocol(protocol);
  if (kind === 'fd') throw new MonitorError(`File descriptor named '${target}' has not been found`);
  if (kind !== 'file') throw new MonitorError("Invalid parameter 'protocol'");
  dumpMemory(machine, {
    path: target,
    paging,
    begin: BigInt(begin ?? 0),
    length: length === undefined ? undefined : BigInt(length),
    isWindows: format === 'win-dmp',
  });
}

function splitProtocol(protocol: string): readonly [kind: string, target: string] {
  const at = protocol.indexOf(':');
  return at < 0 ? ['', protocol] : [protocol.slice(0, at), protocol.slice(at + 1)];
}

export const DUMP_COMMANDS = [
  command('dump-guest-memory', { args: DUMP_ARGS, run: dumpGuestMemory }),
  command('query-dump', { returns: DUMP_QUERY_RESULT, run: ({ machine }) => dumpResult(machine) }),
  command('query-dump-guest-memory-capability', {
    returns: struct({ formats: list(FORMAT) }),
    run: () => ({ formats: [...AVAILABLE] }),
  }),
];
