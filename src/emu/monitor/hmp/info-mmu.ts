/** `info tlb` and `info mem`: the page tables of a processor. */
import type { PageMapping, PageTables } from '../../machine/machine-api.ts';
import type { Command, CommandContext } from '../command.ts';

const NO_PAGING = 'PG disabled\n';
const CUT = 'No more entries of page tables are looked at\n';
const SMALL_SHIFT = 12;
const PTE_PS_BIT = 7n;
const USER = 4n;
const WRITABLE = 2n;
const ADDRESS_BITS = 48;
/** Bits of an entry from the highest letter to the lowest. Spec: Intel SDM vol. 3 §4.5. */
const FLAGS: readonly (readonly [bit: bigint, letter: string])[] = [
  [63n, 'X'],
  [8n, 'G'],
  [PTE_PS_BIT, 'P'],
  [6n, 'D'],
  [5n, 'A'],
  [4n, 'C'],
  [3n, 'T'],
  [2n, 'U'],
  [1n, 'W'],
];
/** QEMU: what it takes for the address in an entry, by mode and size of the page; with PAE the bit that forbids execution is among it. */
const FRAMES: Readonly<Record<string, bigint>> = {
  '32-bit 12': 0xffff_f000n,
  '32-bit 22': 0xffe0_0000n,
  'PAE 12': 0xffff_ffff_ffff_f000n,
  'PAE 21': 0xffff_ffff_fff0_0000n,
  '4-level 12': 0x3_ffff_ffff_f000n,
  '4-level 21': 0x3_ffff_ffe0_0000n,
  '4-level 30': 0x3_ffff_c000_0000n,
};

const hex = (value: bigint): string => value.toString(16).padStart(16, '0');

/** QEMU: in 4-level mode also the end of a range, which is none of its addresses. */
function canonical(tables: PageTables, address: bigint): bigint {
  return tables.mode === '4-level' ? BigInt.asUintN(64, BigInt.asIntN(ADDRESS_BITS, address)) : address;
}

function tlbLine(tables: PageTables, { linear, shift, entry }: PageMapping): string {
  // The bit that makes a large page is another one in an entry of a small page.
  const shown = shift === SMALL_SHIFT ? entry & ~(1n << PTE_PS_BIT) : entry;
  const flags = FLAGS.map(([bit, letter]) => (((shown >> bit) & 1n) === 1n ? letter : '-')).join('');
  const frame = shown & (FRAMES[`${tables.mode} ${shift}`] ?? 0n);
  return `${hex(canonical(tables, linear))}: ${hex(frame)} ${flags}\n`;
}

export function tlbText(tables: PageTables): string {
  if (tables.mode === 'off') return NO_PAGING;
  const lines: string[] = [];
  for (const mapping of tables.mappings()) lines.push(tlbLine(tables, mapping));
  return lines.join('') + (tables.isCut ? CUT : '');
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
  readonly rights: bigint;
}

/** Pages that follow each other and may be used alike. */
function rangesOf(tables: PageTables): readonly Range[] {
  const ranges: Range[] = [];
  for (const { linear, shift, common } of tables.mappings()) {
    const rights = common & (USER | WRITABLE);
    const end = linear + (1n << BigInt(shift));
    const last = ranges.at(-1);
    if (last?.end === linear && last.rights === rights) {
      ranges[ranges.length - 1] = { ...last, end };
    } else ranges.push({ start: linear, end, rights });
  }
  return ranges;
}

/** QEMU: the end of all addresses is no address of the upper half. */
function rangeEnd(tables: PageTables, end: bigint): bigint {
  return end >> BigInt(ADDRESS_BITS) === 0n ? canonical(tables, end) : end;
}

export function memText(tables: PageTables): string {
  if (tables.mode === 'off') return NO_PAGING;
  const lines = rangesOf(tables).map(({ start, end, rights }) => {
    const letters = `${(rights & USER) === 0n ? '-' : 'u'}r${(rights & WRITABLE) === 0n ? '-' : 'w'}`;
    return `${hex(canonical(tables, start))}-${hex(rangeEnd(tables, end))} ${hex(end - start)} ${letters}\n`;
  });
  return lines.join('') + (tables.isCut ? CUT : '');
}

function ofCurrentCpu({ machine, cpu }: CommandContext, text: (tables: PageTables) => string): string {
  const tables = machine.access.pageTables(cpu.index);
  return tables === undefined ? 'No CPU available\n' : text(tables);
}

export const MMU_TOPICS: readonly Command[] = [
  {
    name: 'mem',
    args: [],
    params: '',
    help: 'linear memory that has pages, and how it may be used',
    run: (context) => ofCurrentCpu(context, memText),
  },
  {
    name: 'tlb',
    args: [],
    params: '',
    help: 'pages of linear memory, and where they are',
    run: (context) => ofCurrentCpu(context, tlbText),
  },
];
