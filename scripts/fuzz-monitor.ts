/**
 * Gives the same generated lines to QEMU's monitor and to ours, and tells where the answers differ:
 * `npx tsx scripts/fuzz-monitor.ts [lines] [seed]` (5,000 and a new seed, which is printed). Needs qemu-system-x86_64 7.2 (Debian 12).
 *
 * Both machines are made anew every hundred lines, so that one difference does not lead to many. What is normalised is what the replay of recordings
 * normalises (tests/support/replay.ts). A difference becomes a line of a recorded flow, or a row of docs/monitor.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../tests/support/chip-rig.ts';
import { monitorRig } from '../tests/support/monitor-rig.ts';
import { normalisations } from '../tests/support/replay.ts';
import { makeDisks, QEMU, RecordedQemu } from './record-monitor-qemu.ts';

const LINES_PER_MACHINE = 100;
const ARGS = [
  '-machine',
  'pc',
  '-cpu',
  'qemu64',
  '-m',
  '256',
  '-display',
  'none',
  '-nodefaults',
  '-S',
  '-serial',
  'null',
];

const lines = Number(process.argv[2] ?? 5000);
const seed = Number(process.argv[3] ?? 1 + (Date.now() % 2 ** 31));
const random = seededRandom(seed);
const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const maybe = (text: string): string => (random(3) === 0 ? text : '');

const id = (): string => one(['d1', 'd2', 'v', 'w', 'm1', 'x', '1x', 'a.b', '', '/machine', 'nope']);
const number = (): string =>
  one([
    '0',
    '1',
    '-1',
    '7',
    '08',
    '0x10',
    '1.5',
    '1k',
    '0x1k',
    '99999999999',
    '4294967296',
    'zz',
    '(1+2)',
    '3*',
  ]);
const onOff = (): string => one(['on', 'off', 'yes', 'no', 'true', 'x', '']);
const path = (): string =>
  one(['/tmp/disk1.img', '/tmp/disk2.img', '/tmp/odd.img', '/tmp/nope.img', '/tmp/', 'a:b', '']);
const format = (): string => one(['raw', 'raw', 'raw', 'nosuch', '']);

const driveOptions = (): string =>
  [
    `if=${one(['none', 'none', 'none', 'none', 'ide', 'virtio', 'nosuch'])}`,
    ...(random(4) === 0 ? [] : [`file=${path()}`]),
    ...(random(4) === 0 ? [] : [`format=${format()}`]),
    ...(random(3) === 0 ? [] : [`id=${id()}`]),
    ...(random(5) === 0 ? [`readonly=${onOff()}`] : []),
    ...(random(8) === 0 ? [`cache=${one(['none', 'unsafe', 'writeback', 'zz'])}`] : []),
    ...(random(12) === 0
      ? [`${one(['bogus', 'snapshot', 'media', 'index', 'unit'])}=${one(['1', 'on', 'disk'])}`]
      : []),
  ].join(',');
const busPath = (): string =>
  one([
    ...[
      'pci.0',
      'pci',
      'nope',
      'x.0',
      'v.0',
      '',
      '/pci.0',
      '/i440FX-pcihost/pci.0',
      'pci.0/v',
      'pci.0/nope/x',
    ],
    ...['/i440FX-pcihost', 'main-system-bus', 'pci.0/PIIX3/isa.0', 'isa.0', 'ide.0', 'v.0/x'],
  ]);
const devicePath = (): string =>
  one([
    ...['/machine/peripheral/v', '/machine/peripheral', '//machine/peripheral/d1', '/machine/i440fx/pci.0'],
    ...['/machine/unattached/device[0]', '/machine/peripheral-anon/device[0]', '/', 'machine/peripheral/v'],
  ]);
/** None that ends QEMU: docs/monitor.md. */
const nodeSize = (): string => one(['0', '512', '1k', '0x1000', '1M', '513']);
const nodeOptions = (): string =>
  [
    ...(random(6) === 0 ? [] : [`driver=${one(['raw', 'file', 'null-co', 'null-aio', 'qcow3', ''])}`]),
    ...(random(4) === 0 ? [] : [`node-name=${id()}`]),
    ...(random(2) === 0 ? [] : [`${one(['file', 'filename', 'file.filename'])}=${path()}`]),
    ...(random(3) === 0 ? [`file.driver=${one(['file', 'null-co', 'raw'])}`] : []),
    ...(random(3) === 0 ? [`${one(['size', 'offset'])}=${nodeSize()}`] : []),
    ...(random(4) === 0
      ? [`${one(['read-only', 'cache.direct', 'auto-read-only', 'force-share'])}=${onOff()}`]
      : []),
    ...(random(5) === 0 ? [`detect-zeroes=${one(['on', 'off', 'unmap', 'zz'])}`] : []),
    ...(random(8) === 0 ? [`id=${id()}`] : []),
  ].join(',');
const migrationParameter = (): string =>
  one([
    ...['max-bandwidth', 'downtime-limit', 'x-checkpoint-delay', 'multifd-channels', 'tls-creds', 'nope', ''],
    ...['compress-level', 'announce-rounds', 'xbzrle-cache-size', 'cpu-throttle-initial', 'vcpu-dirty-limit'],
  ]);
const driver = (): string =>
  one([
    ...[
      'virtio-blk-pci',
      'virtio-blk-pci',
      'virtio-rng-pci',
      'virtio-serial-pci',
      'virtio-balloon-pci',
      'pc-dimm',
    ],
    ...['virtserialport', 'virtconsole', 'qemu64-x86_64-cpu', 'nosuch', 'isa-serial', 'virtio-blk', ''],
  ]);
const deviceOptions = (): string =>
  [
    driver(),
    ...(random(3) === 0 ? [] : [`id=${id()}`]),
    ...(random(3) === 0 ? [`drive=${id()}`] : []),
    ...(random(6) === 0 ? [`addr=${one(['5', '0x1f', '3.0', '5.1', '32', 'zz', '-1'])}`] : []),
    ...(random(8) === 0 ? [`bus=${busPath()}`] : []),
    ...(random(8) === 0
      ? [`${one(['serial', 'num-queues', 'vectors', 'bogus', 'max-bytes', 'memdev'])}=${number()}`]
      : []),
    ...(random(20) === 0 ? ['help'] : []),
  ].join(',');
/** Of which neither the host nor what runs says much. */
const TOPICS = [
  ...['block-jobs', 'capture', 'dirty_rate', 'dump', 'iothreads', 'irq', 'lapic', 'mem', 'tlb', 'migrate'],
  ...['migrate_capabilities', 'network', 'opcount', 'profile', 'rdma', 'replay', 'rocker', 'rocker-ports'],
  ...[
    'sev',
    'sgx',
    'spice',
    'stats',
    'tpm',
    'usb',
    'usbhost',
    'usernet',
    'vcpu_dirty_limit',
    'vnc',
    'virtio',
  ],
  ...['vm-generation-id', 'virtio-status', 'virtio-queue-status', 'sync-profile', 'ramblock'],
];
const WORDS: readonly (() => string)[] = [
  () => `drive_add ${one(['0', 'auto', '1:2', 'x', ''])} ${driveOptions()}`,
  () => `drive_add ${one(['0', '0', '0', '-n 0'])} ${driveOptions()}`,
  () => `drive_del ${id()}`,
  () => `device_add ${deviceOptions()}`,
  () => `device_add ${deviceOptions()}`,
  () => `device_del ${id()}`,
  () =>
    `object_add ${one(['memory-backend-ram', 'rng-builtin', 'rng-random', 'nosuch', ''])},id=${id()}${maybe(`,size=${number()}M`)}`,
  () => `object_del ${id()}`,
  () =>
    `chardev-add ${one(['null', 'ringbuf', 'memory', 'nosuch', ''])},id=${id()}${maybe(`,size=${number()}`)}`,
  () => `chardev-remove ${id()}`,
  () => `ringbuf_write ${id()} ${one(['abc', '"a b"', '', '"x'])}`,
  () => `ringbuf_read ${id()} ${number()}`,
  () =>
    `info ${one(['block', 'pci', 'status', 'cpus', 'chardev', 'memdev', 'memory-devices', 'memory_size_summary', 'numa'])}${maybe(` ${one(['-v', '-n', 'd1', 'zz', '0'])}`)}`,
  () =>
    `info ${one(['hotpluggable-cpus', 'name', 'uuid', 'kvm', 'mice', 'balloon', 'nosuch', 'registers', 'version', 'qtree'])}${maybe(` ${one(['-a', number()])}`)}`,
  () => `cpu ${number()}`,
  () =>
    `print${maybe(one(['/x', '/d', '/c', '/zz', '/']))} ${one([number(), '$pc', '$eax', '$nope', '1+', '"a"', "'a'"])}`,
  () => `x${maybe(one(['/4xw', '/2xb', '/s', '/200xb', '/xg']))} ${one(['0', '0x100000', '$pc', 'zz', ''])}`,
  () => `xp${maybe(one(['/4xw', '/2xb', '/8xg', '/i']))} ${one(['0', '0x100000', '0xffff0', 'zz', ''])}`,
  () => `sum ${number()} ${number()}`,
  () => `i${maybe(one(['/b', '/w', '/l', '/q']))} ${one(['0xcf8', '0x3f8', number()])}`,
  () => `balloon ${number()}`,
  () => `stop${maybe(' x')}`,
  () => `qom-list ${one(['/', '/machine/peripheral', '/objects', '/nope', '', 'm1'])}`,
  () =>
    `qom-get ${one(['/objects', '/machine/peripheral', '/objects/m1', '/nope'])} ${one(['type', 'size', 'share', 'nope', ''])}`,
  () => `sendkey ${one(['a', 'ctrl-alt-f1', 'nosuch', 'a-', '', '0x1e'])}${maybe(` ${number()}`)}`,
  () => `mouse_move ${number()} ${number()}${maybe(` ${number()}`)}`,
  () => `mouse_button ${number()}`,
  () => `boot_set ${one(['c', 'cad', 'zz', '', 'once=c'])}`,
  () => `eject ${maybe('-f ')}${id()}`,
  () => `set_link ${id()} ${onOff()}`,
  () => `watchdog_action ${one(['reset', 'none', 'zz', ''])}`,
  () => `trace-event ${one(['virtio_*', 'nosuch', 'pci_*', ''])} ${onOff()}`,
  () =>
    `help ${one(['device_add', 'nosuch', 'info block', 'info nosuch'])}`.replace(
      /help (device_add|info block)/,
      'help nosuch',
    ),
  () =>
    `${one(['', ' ', 'nosuch', 'info', 'device', 'cont extra', 'system_reset extra', '?', 'c x'])}`.replace(
      /^(info|\?)$/,
      'nosuch2',
    ),
  () => `device_del ${devicePath()}`,
  () => `drive_add -n 0 ${nodeOptions()}`,
  () => `block_resize ${id()} ${number()}${maybe(one(['k', 'M', 'G', 'T', 'z']))}`,
  () =>
    `block_set_io_throttle ${id()} ${number()} ${number()} ${number()} ${number()} ${number()} ${number()}`,
  () =>
    `change ${maybe('-f ')}${id()} ${path()}${maybe(` ${format()}`)}${maybe(one([' retain', ' read-only', ' zz']))}`,
  () => `migrate_set_parameter ${migrationParameter()} ${number()}`,
  () =>
    `migrate_set_capability ${one(['xbzrle', 'events', 'postcopy-ram', 'multifd', 'nope', ''])} ${onOff()}`,
  () => `chardev-change ${id()} ${one(['null', 'ringbuf,size=16', 'nosuch', ''])}`,
  () => `chardev-send-break ${id()}`,
  () =>
    `qom-set ${one(['/objects/m1', '/machine', '/nope', 'v'])} ${one(['size', 'share', 'type', 'nope'])} ${number()}`,
  () => `qom-list ${devicePath()}`,
  () => `set_password ${one(['vnc', 'spice', 'zz'])} x${maybe(one([' keep', ' fail', ' zz', ' -d x']))}`,
  () => `expire_password ${one(['vnc', 'spice', 'zz'])} ${one(['now', 'never', '+5', 'x'])}`,
  () => `mouse_set ${number()}`,
  () => `gva2gpa ${one(['0', '0x100000', '$eax', 'zz'])}`,
  () => `log ${one(['none', 'int', 'zz', 'trace:nosuch', ''])}`,
  () => `snapshot_blkdev ${id()}`,
  () => `block_job_cancel ${maybe('-f ')}${id()}`,
  () => `hostfwd_add ${maybe(one(['zz ', 'n0 ']))}${one(['tcp::1-:2', 'zz', ''])}`,
  () => `info ${one(TOPICS)}${maybe(` ${one(['-z', 'x', number()])}`)}`,
  () => `nmi${maybe(' 1')}`,
  () => `logfile`,
];
/** They end a process, or its text is the host's. */
const SKIPPED = [/^info version/, /^info qtree/];

/** Lines that are to differ; docs/monitor.md says why. */
const REASONS: readonly (readonly [reason: string, line: RegExp])[] = [
  ['a snapshot of a drive is not modelled', /^drive_add .*snapshot=on/],
  ['descriptions are our own words', /^log /],
  [
    'links and what is one chip here are no properties of a processor',
    /^qom-list \/machine\/unattached\/device\[0\]/,
  ],
  ['there is no BIOS in the memory of the machine', /^xp?\S* (0xffff0|\$pc)/],
  [
    'features of processors are chosen by -cpu, not by properties of their device',
    /^device_add \S*-cpu,.*\bhelp/,
  ],
  ['a ring buffer has at most 64 MiB', /^chardev-add (ringbuf|memory),.*size=4294967296/],
];

/** QEMU lists what is below an object as a table of hashes has it, when that has grown. */
const UNORDERED = {
  why: 'a table of hashes has no order',
  lines: /^qom-list/,
  side: undefined,
  apply: (text: string): string => text.split('\n').sort().join('\n'),
};

interface Difference {
  readonly text: string;
  readonly reason: string | undefined;
}

/** A monitor whose files are in a directory of its own. */
class Side {
  readonly #monitor: RecordedQemu;
  readonly #directory: string;

  private constructor(monitor: RecordedQemu, directory: string) {
    this.#monitor = monitor;
    this.#directory = directory;
  }

  static async start(program: readonly [string, ...string[]]): Promise<Side> {
    const directory = mkdtempSync(join(tmpdir(), 'fuzz-monitor-'));
    makeDisks(directory);
    return new Side(await RecordedQemu.start(directory, ARGS, false, program), directory);
  }

  async execute(line: string): Promise<string> {
    const answer = await this.#monitor.hmp(line.replaceAll('/tmp/', `${this.#directory}/`));
    return answer.replaceAll(`${this.#directory}/`, '/tmp/');
  }

  async end(): Promise<void> {
    await this.#monitor.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The command line of the project, from its sources. */
const OURS = [
  process.execPath,
  '--import',
  import.meta.resolve('tsx'),
  join(import.meta.dirname, '../src/node/main.ts'),
] as const;

async function compare(count: number, known: ReadonlySet<string>): Promise<readonly Difference[]> {
  const sides = { qemu: await Side.start([QEMU]), ours: await Side.start(OURS) };
  const rules = [...normalisations(known), UNORDERED];
  const told: Difference[] = [];
  for (let n = 0; n < count; n++) {
    const line = one(WORDS)();
    if (SKIPPED.some((pattern) => pattern.test(line))) continue;
    const [theirs, ours] = await Promise.all([sides.qemu.execute(line), sides.ours.execute(line)]);
    const normal = (text: string, side: 'qemu' | 'ours'): string =>
      rules
        .filter((rule) => (rule.lines?.test(line) ?? true) && (rule.side ?? side) === side)
        .reduce((all, rule) => rule.apply(all), text);
    if (normal(theirs, 'qemu') === normal(ours, 'ours')) continue;
    const [reason] = REASONS.find(([, pattern]) => pattern.test(line)) ?? [];
    told.push({ text: `>>> ${line}\nQEMU: ${theirs.trimEnd()}\nours: ${ours.trimEnd()}\n`, reason });
  }
  await sides.qemu.end();
  await sides.ours.end();
  return told;
}

process.stdout.write(`seed ${seed}\n`);
const { machine } = await monitorRig();
const known = [...machine.devices.registry.userCreatable(), ...machine.objects.types()];
const names = new Set(known.map(({ name }) => name));
let differing = 0;
const listed = new Map<string, number>();
for (let done = 0; done < lines; done += LINES_PER_MACHINE) {
  for (const { text, reason } of await compare(Math.min(LINES_PER_MACHINE, lines - done), names)) {
    if (reason !== undefined) listed.set(reason, (listed.get(reason) ?? 0) + 1);
    else {
      differing++;
      process.stdout.write(text);
    }
  }
}
for (const [reason, count] of listed) process.stdout.write(`${count} differ because ${reason}\n`);
const percent = ((100 * differing) / lines).toFixed(2);
process.stdout.write(`${lines} lines, ${differing} differ without a listed reason (${percent} %)\n`);
process.exit(0);
