/** `info qom-tree`, `info mtree` and `info ramblock`: what the machine is made of. */
import type { MachineApi, MappedRegion, QomObject } from '../../machine/machine-api.ts';
import type { ArgumentValues } from '../argument-specs.ts';
import { flag, maybe, string } from '../argument-specs.ts';
import type { Command } from '../command.ts';

const hex = (value: number | bigint): string => value.toString(16).padStart(16, '0');
const LAST_ADDRESS = 2n ** 64n - 1n;
const LAST_PORT = 0xffff;
const PAGES = '4 KiB';
const PAGE_BYTES = 4096;

/** The last part of its path, which for a bus is not always its name. */
function lastPart({ path }: QomObject): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function objectLines(object: QomObject, indent = ''): string {
  const children = [...object.children].sort((a, b) => (lastPart(a) < lastPart(b) ? -1 : 1));
  const below = children.map((child) => objectLines(child, `${indent}  `));
  return `${indent}/${lastPart(object)} (${object.typeNames[0]})\n${below.join('')}`;
}

function qomTree({ qom }: MachineApi, path: string): string {
  const [object, ...others] = qom.find(path);
  if (object === undefined || others.length > 0) return `Path '${path}' could not be resolved.\n`;
  return objectLines(object);
}

type Row = Pick<MappedRegion, 'name' | 'priority'> & {
  readonly start: bigint;
  readonly end: bigint;
  readonly kind: string;
};

function rowText({ start, end, priority, kind, name }: Row, indent: string): string {
  return `${indent}${hex(start)}-${hex(end)} (prio ${priority}, ${kind}): ${name}\n`;
}

function deviceRow({ base, size, priority, name }: MappedRegion): Row {
  return { start: BigInt(base), end: BigInt(base + size - 1), priority, kind: 'i/o', name };
}

/** The lines of one address space: the whole of it, and what is in it. */
function spaceText(title: string, whole: Row, rows: readonly Row[]): string {
  const sorted = [...rows].sort((a, b) =>
    a.start === b.start ? b.priority - a.priority : a.start < b.start ? -1 : 1,
  );
  return `address-space: ${title}\n${rowText(whole, '  ')}${sorted.map((row) => rowText(row, '    ')).join('')}\n`;
}

function memoryTree({ access }: MachineApi): string {
  const whole = { priority: 0, kind: 'i/o', start: 0n };
  const view = access.memoryView();
  const ram = view.map(
    ({ name, gpa, end, readOnly, isRomDevice }): Row => ({
      start: BigInt(gpa),
      end: BigInt(end - 1),
      priority: 0,
      kind: isRomDevice ? 'romd' : readOnly ? 'rom' : 'ram',
      name,
    }),
  );
  // Writes to its memory go to a ROM device: it is one thing.
  const isInView = ({ base }: MappedRegion): boolean =>
    view.some(({ gpa, isRomDevice }) => isRomDevice && gpa === base);
  const devices = access.deviceRegions('memory').filter((region) => !isInView(region));
  return (
    spaceText('memory', { ...whole, end: LAST_ADDRESS, name: 'system' }, [
      ...ram,
      ...devices.map(deviceRow),
    ]) +
    spaceText(
      'I/O',
      { ...whole, end: BigInt(LAST_PORT), name: 'io' },
      access.deviceRegions('I/O').map(deviceRow),
    )
  );
}

/** Not modelled: how QEMU would draw its own tree flat, with those who own it, or with what is switched off. */
function mtree(machine: MachineApi, args: ArgumentValues): string {
  const isPlain = ['flatview', 'dispatch_tree', 'owner', 'disabled'].every((name) => args.get(name) !== true);
  return isPlain ? memoryTree(machine) : 'Hotslot shows its memory tree without options only\n';
}

/** QEMU: blocks one after the other, the largest first. The machine's own memory is one, or what the user set aside for NUMA nodes. */
function ramBlocks({ access, inspect, numa }: MachineApi): string {
  const added = access.memoryRegions().filter(({ name }) => !name.startsWith('ram-'));
  const size = Number(inspect.memory.sizes.base);
  const isPc = inspect.hasPciBus && size > 0;
  const ofNodes = numa.nodes.flatMap(({ memdev }) =>
    memdev === undefined
      ? []
      : [{ name: memdev.name, size: Math.ceil(memdev.sizeBytes / PAGE_BYTES) * PAGE_BYTES }],
  );
  const own = ofNodes.length > 0 ? ofNodes : [{ name: inspect.memory.ramName, size }];
  const blocks = [...(isPc ? own : []), ...added];
  let offset = 0;
  const lines = blocks.map(({ name, size }) => {
    const line = `${name.padStart(24)} ${PAGES.padStart(8)}  0x${hex(offset)} 0x${hex(size)} 0x${hex(size)}\n`;
    offset += size;
    return { line, size };
  });
  const header = `${'Block Name'.padStart(24)} ${'PSize'.padStart(8)}  ${['Offset', 'Used', 'Total']
    .map((title) => title.padStart(18))
    .join(' ')}\n`;
  return (
    header +
    lines
      .sort((a, b) => b.size - a.size)
      .map(({ line }) => line)
      .join('')
  );
}

export const TREE_TOPICS: readonly Command[] = [
  {
    name: 'mtree',
    args: [flag('f', 'flatview'), flag('d', 'dispatch_tree'), flag('o', 'owner'), flag('D', 'disabled')],
    params: '[-f][-d][-o][-D]',
    help: 'what answers which address (-f: flat; -d: how it is found; -o: whose it is; -D: also what is switched off)',
    run: ({ machine }, args) => mtree(machine, args),
  },
  {
    name: 'qom-tree',
    args: [maybe(string('path'))],
    params: '[path]',
    help: 'the tree of objects',
    complete: ({ machine }) => machine.qom.paths(),
    run: ({ machine }, args) => qomTree(machine, String(args.get('path') ?? '/machine')),
  },
  {
    name: 'ramblock',
    args: [],
    params: '',
    help: "pieces of memory, and how large the host's pages are",
    run: ({ machine }) => ramBlocks(machine),
  },
];
