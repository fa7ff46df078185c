/** `savevm`, `loadvm`, `delvm` and `info snapshots`. */
import { maybe, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { deleteVm, type KeptVm, listVms, loadVm, NO_VMSTATE, saveVm } from '../vm-snapshots.ts';

const NS_PER_MS = 1e6;
const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti'] as const;
const LIST_HEAD = row('ID', 'TAG', 'VM SIZE', 'DATE', 'VM CLOCK', 'ICOUNT');

function digits(value: number, count = 2): string {
  return String(value).padStart(count, '0');
}

/** Year to second, in the host's time zone. */
function dateParts(ms: number): readonly [date: readonly string[], time: readonly string[]] {
  // biome-ignore lint/style/noRestrictedGlobals: a calculation, which asks no clock
  const date = new Date(ms);
  return [
    [digits(date.getFullYear(), 4), digits(date.getMonth() + 1), digits(date.getDate())],
    [digits(date.getHours()), digits(date.getMinutes()), digits(date.getSeconds())],
  ];
}

function clockText(ns: number): string {
  const ms = Math.floor(ns / NS_PER_MS);
  const [seconds, minutes, hours] = [
    Math.floor(ms / 1000),
    Math.floor(ms / 60_000),
    Math.floor(ms / 3_600_000),
  ];
  return `${digits(hours)}:${digits(minutes % 60)}:${digits(seconds % 60)}.${digits(ms % 1000, 3)}`;
}

/** QEMU: three digits, and the next unit from 1000 on. */
function sizeText(bytes: number): string {
  const unit = bytes === 0 ? 0 : Math.max(0, Math.floor(Math.log2(bytes * 1.024) / 10));
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${UNITS[unit]}B`;
}

function row(id: string, tag: string, size: string, date: string, clock: string, icount: string): string {
  const left = `${id.padEnd(10)}${tag.padEnd(17)}`;
  return `${left}${size.padStart(8)}${date.padStart(20)}${clock.padStart(13)}${icount.padStart(11)}\n`;
}

function vmRow(id: string, { tag, info }: KeptVm): string {
  const [date, time] = dateParts(info.savedMs);
  const when = `${date.join('-')} ${time.join(':')}`;
  return row(
    id,
    `${tag} `,
    sizeText(info.stateBytes),
    when,
    clockText(info.clockNs),
    String(info.icount ?? ''),
  );
}

async function listText({ machine }: CommandContext): Promise<string> {
  if (!machine.inspect.hasBoard) return `${NO_VMSTATE}\n`;
  const kept = await listVms(machine);
  if (kept.length === 0) return 'There is no snapshot available.\n';
  const loadable = kept.filter(({ isLoadable }) => isLoadable).map((vm) => vmRow('--', vm));
  const others = kept.filter(({ isLoadable }) => !isLoadable);
  const rows = loadable.length === 0 ? 'None\n' : LIST_HEAD + loadable.join('');
  const text = `List of snapshots present on all disks:\n${rows}`;
  const drive = others[0]?.info.disks[0]?.drive ?? machine.drives.list()[0]?.name;
  if (others.length === 0) return text;
  const partial = others.map((vm) => vmRow(String(kept.indexOf(vm) + 1), vm)).join('');
  return `${text}\nList of partial (non-loadable) snapshots on '${drive}':\n${LIST_HEAD}${partial}`;
}

/** QEMU: the time names a snapshot that nobody named. */
function automaticTag(ms: number): string {
  return `vm-${dateParts(ms).flat().join('')}`;
}

export const SNAPSHOTS_TOPIC: Command = {
  name: 'snapshots',
  args: [],
  params: '',
  help: 'states of the machine that were kept with savevm',
  run: listText,
};

export const SNAPSHOT_COMMANDS: readonly Command[] = [
  {
    name: 'savevm',
    args: [maybe(string('name'))],
    params: 'tag',
    help: 'keep the state of the machine and of its disks; without a tag the time is one',
    async run({ machine }, args) {
      const tag = args.get('name') ?? automaticTag(machine.snapshots.wallClockMs());
      await saveVm(machine, String(tag));
      return '';
    },
  },
  {
    name: 'loadvm',
    args: [string('name')],
    params: 'tag',
    help: 'go back to a state that savevm kept, with what the disks held then',
    async run({ machine, warn }, args) {
      await loadVm(machine, String(args.get('name')), warn);
      return '';
    },
  },
  {
    name: 'delvm',
    args: [string('name')],
    params: 'tag',
    help: 'forget a state that savevm kept',
    async run({ machine }, args) {
      await deleteVm(machine, String(args.get('name')));
      return '';
    },
  },
];
