/** What becomes of errors of a disk's image: policies, the machine that stops, requests that are tried again. By the legacy driver of virtio-blk. */
import {
  type DrivenSession,
  hmp,
  into,
  out,
  peek,
  poke,
  qmp,
  setConfig,
  until,
  words,
  write,
} from './steps.ts';

const SLOT = 4;
const PORTS = 0xc000;
const RINGS = 0x1_0000;
const AVAILABLE = RINGS + 0x1000;
const USED = RINGS + 0x2000;
const REQUESTS = 0x2_0000;
const QUEUE_PFN = PORTS + 8;
const QUEUE_NOTIFY = PORTS + 0x10;
const STATUS = PORTS + 0x12;
export const IN = 0;
export const OUT = 1;
export const FLUSH = 4;

/** The card is in its slot: its driver starts, with VIRTIO_BLK_F_FLUSH. */
const START: readonly string[] = [
  ...setConfig(SLOT, 0x10, PORTS),
  ...setConfig(SLOT, 4, 7),
  out(STATUS, 1, 0),
  out(STATUS, 1, 3),
  out(PORTS + 4, 4, 0x200),
  out(PORTS + 0xe, 2, 0),
  poke(AVAILABLE, 4, 0),
  poke(USED, 4, 0),
  out(QUEUE_PFN, 4, RINGS >> 12),
  out(STATUS, 1, 7),
];

const at = (slot: number): number => REQUESTS + 0x1000 * slot;

/** Writes a request of one sector into a slot and offers it as the `count`-th. */
function offer(slot: number, count: number, type: number, sector: number): readonly string[] {
  const chain = [
    [at(slot), 16, 1, 3 * slot + 1],
    [at(slot) + 0x200, 512, type === IN ? 3 : 1, 3 * slot + 2],
    [at(slot) + 0x100, 1, 2, 0],
  ];
  const header = words([4, type], [4, 0], [8, sector]);
  const used = type === FLUSH ? [chain[0], chain[2]] : chain;
  return [
    write(at(slot), header),
    poke(at(slot) + 0x100, 1, 0xee),
    ...used.map(([gpa = 0, length = 0, flags = 0, next = 0] = [], n) =>
      write(
        RINGS + 16 * (3 * slot + n),
        words([8, gpa], [4, length], [2, flags], [2, next === 0 ? 0 : 3 * slot + n + 1]),
      ),
    ),
    poke(AVAILABLE + 4 + 2 * (count - 1), 2, 3 * slot),
    poke(AVAILABLE + 2, 2, count),
    out(QUEUE_NOTIFY, 2, 0),
  ];
}

const done = (count: number): string => until(peek(USED + 2, 2), `0x${count.toString(16).padStart(16, '0')}`);
const result = (slot: number): string => peek(at(slot) + 0x100, 1);
const told: readonly string[] = [qmp('query-status'), qmp('query-block'), hmp('info block')];
/** So long that an error has come through. */
const later: readonly string[] = [qmp('query-name')];

const drive = (options: string): string =>
  hmp(
    `drive_add 0 if=none,id=d,${options === '' ? '' : `${options},`}driver=raw,file.driver=blkdebug,file.image.driver=null-co,file.image.size=1048576,node-name=n`,
  );
const rules = (...all: readonly string[]): string =>
  all.map((rule, n) => rule.replaceAll(/(\w+)=/g, `file.inject-error.${n}.$1=`)).join(',');
const card = (more: object = {}): string =>
  qmp('device_add', { driver: 'virtio-blk-pci', drive: 'd', id: 'v', addr: String(SLOT), ...more });

const BEGIN = [qmp('qmp_capabilities')];

function oneOf(name: string, options: string, props: object, type: number, rule: string): DrivenSession {
  const count = type === FLUSH ? 1 : 1;
  return {
    name,
    steps: [
      ...BEGIN,
      drive([options, rules(rule)].filter((text) => text !== '').join(',')),
      card(props),
      ...told,
      ...START,
      ...offer(0, count, type, 8),
      ...later,
      ...told,
      peek(USED + 2, 2),
      qmp('cont'),
      done(1),
      result(0),
      ...told,
      qmp('query-blockstats'),
      into(PORTS + 0x13, 1),
    ],
  };
}

/** Not of sector 0, which QEMU reads when a disk is plugged in. */
const once = (event: string, errno: number): string =>
  `event=${event},errno=${errno},once=on${event === 'read_aio' ? ',sector=8' : ''}`;

export const BLOCK_ERROR_SESSIONS: readonly DrivenSession[] = [
  oneOf('write_stop', 'werror=stop', {}, OUT, once('write_aio', 5)),
  oneOf('write_nospace', '', {}, OUT, once('write_aio', 28)),
  oneOf('write_enospc_other', 'werror=enospc', {}, OUT, once('write_aio', 5)),
  oneOf('write_report', 'werror=report', {}, OUT, once('write_aio', 28)),
  oneOf('write_ignore', 'werror=ignore', {}, OUT, once('write_aio', 5)),
  oneOf('read_stop', 'rerror=stop', {}, IN, once('read_aio', 5)),
  oneOf('read_report', 'werror=stop', {}, IN, once('read_aio', 5)),
  oneOf('read_ignore', 'rerror=ignore,werror=report', {}, IN, once('read_aio', 5)),
  oneOf('flush_stop', 'werror=stop', {}, FLUSH, once('flush_to_disk', 5)),
  oneOf('device_stop', 'werror=report', { werror: 'stop', rerror: 'ignore' }, OUT, once('write_aio', 5)),
  oneOf('device_auto', 'werror=ignore', { werror: 'auto', rerror: 'auto' }, OUT, once('write_aio', 5)),
  oneOf('device_rerror_enospc', '', { rerror: 'enospc', werror: 'stop' }, IN, once('read_aio', 28)),
  {
    name: 'stop_twice_and_delete',
    steps: [
      ...BEGIN,
      drive(`werror=stop,${rules('event=write_aio,errno=5,sector=8')}`),
      card(),
      ...START,
      ...offer(0, 1, OUT, 8),
      ...later,
      ...told,
      qmp('stop'),
      qmp('query-status'),
      qmp('cont'),
      ...later,
      ...told,
      hmp('drive_del d'),
      ...told,
      qmp('cont'),
      done(1),
      result(0),
      qmp('query-status'),
    ],
  },
  {
    name: 'stop_and_reset',
    steps: [
      ...BEGIN,
      drive(`werror=stop,${rules('event=write_aio,errno=5,sector=8')}`),
      card(),
      ...START,
      ...offer(0, 1, OUT, 8),
      ...later,
      ...told,
      qmp('system_reset'),
      ...later,
      ...told,
      qmp('cont'),
      ...later,
      ...told,
      ...START,
      ...offer(1, 1, OUT, 16),
      done(1),
      result(0),
      result(1),
      ...told,
    ],
  },
  {
    name: 'stopped_before',
    steps: [
      ...BEGIN,
      drive(`werror=stop,${rules(once('write_aio', 5))}`),
      card(),
      ...START,
      ...offer(0, 1, OUT, 8),
      ...later,
      qmp('stop'),
      ...told,
      qmp('device_del', { id: 'v' }),
      qmp('cont'),
      done(1),
      result(0),
      ...told,
    ],
  },
  {
    name: 'error_options',
    steps: [
      ...BEGIN,
      ...['werror=auto', 'rerror=enospc', 'rerror=auto', 'werror=no', 'werror=stop,rerror=no', 'werror='].map(
        (options) => hmp(`drive_add 0 if=none,id=x,driver=null-co,${options}`),
      ),
      ...['floppy', 'pflash', 'sd', 'mtd', 'xen', 'scsi'].flatMap((type) =>
        ['werror=stop', 'rerror=stop,werror=no', 'rerror=no'].map((options) =>
          hmp(`drive_add 0 if=${type},id=x,driver=null-co,${options}`),
        ),
      ),
      drive(''),
      ...['werror', 'rerror'].flatMap((name) =>
        ['no', 'Stop', '', 5].map((value) => card({ [name]: value })),
      ),
      card({ rerror: 'enospc' }),
      ...told,
    ],
  },
];
