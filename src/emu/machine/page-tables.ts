/** A guest's page tables as a debugger reads them: nothing is marked, no right is checked. Spec: Intel SDM vol. 3 §4.3–4.5. */
import type { CpuRegisters } from './cpu-registers.ts';

const CR0_PG = 0x8000_0000;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const PTE_P = 1n;
const PTE_P_BYTE = 1;
const PAE_ROOT_SHIFT = 30;
const PTE_PS = 1n << 7n;
const PAGE_MASK = 0xfffn;
const ADDRESS_MASK = 0xf_ffff_ffff_f000n;
const CR3_PAE_MASK = 0xffff_ffe0n;
const CANONICAL_BITS = 48;
/** PSE-36: where a 4 MiB page keeps address bits 32 to 39. */
const PSE36_SHIFT = 13n;
const PSE36_MASK = 0xffn;

/** The registers that say which tables there are. */
export type PagingRegisters = Pick<CpuRegisters, 'cr0' | 'cr3' | 'cr4' | 'longMode'>;

/** Fills `target` from a physical address, with zeros where there is no memory. */
export type TableReader = (address: bigint, target: Uint8Array) => void;

/** `off`: linear addresses are physical ones. */
export type PagingMode = 'off' | '32-bit' | 'PAE' | '4-level';

interface Level {
  /** Bits of the linear address below this level's index. */
  readonly shift: number;
  readonly indexBits: number;
  /** An entry of this level may map a page by itself. */
  readonly mayBeLarge: boolean;
}

interface Layout {
  readonly entrySize: 4 | 8;
  readonly levels: readonly Level[];
  readonly rootMask: bigint;
}

const SMALLEST = { shift: 12, mayBeLarge: false };

function layoutOf(mode: Exclude<PagingMode, 'off'>, cr4: number): Layout {
  if (mode === '32-bit') {
    const levels = [
      { shift: 22, indexBits: 10, mayBeLarge: (cr4 & CR4_PSE) !== 0 },
      { ...SMALLEST, indexBits: 10 },
    ];
    return { entrySize: 4, levels, rootMask: 0xffff_f000n };
  }
  const lower = [
    { shift: 21, indexBits: 9, mayBeLarge: true },
    { ...SMALLEST, indexBits: 9 },
  ];
  if (mode === 'PAE') {
    const levels = [{ shift: 30, indexBits: 2, mayBeLarge: false }, ...lower];
    return { entrySize: 8, levels, rootMask: CR3_PAE_MASK };
  }
  const levels = [
    { shift: 39, indexBits: 9, mayBeLarge: false },
    { shift: 30, indexBits: 9, mayBeLarge: true },
    ...lower,
  ];
  return { entrySize: 8, levels, rootMask: ADDRESS_MASK };
}

export function pagingModeOf({ cr0, cr4, longMode }: PagingRegisters): PagingMode {
  if ((cr0 & CR0_PG) === 0) return 'off';
  if ((cr4 & CR4_PAE) === 0) return '32-bit';
  return longMode ? '4-level' : 'PAE';
}

/** A page, or a larger piece, that is mapped. */
export interface PageMapping {
  /** In 4-level mode the lower 48 bits. */
  readonly linear: bigint;
  /** Log2 of its bytes. */
  readonly shift: number;
  /** The entry that maps it. */
  readonly entry: bigint;
  /** The bits that all entries of the path have; those of a PAE page directory pointer do not count. */
  readonly common: bigint;
}

/** A guest can make tables that take years to walk, or to show: after so many entries, or pages, it ends. */
const MAX_ENTRIES = 1 << 24;
const MAX_PAGES = 1 << 19;

export class PageTables {
  readonly mode: PagingMode;
  /** The last walk through all pages ended early. */
  isCut = false;
  #entries = 0;
  #pages = 0;
  readonly #layout: Layout | undefined;
  readonly #root: bigint;
  readonly #read: TableReader;

  constructor(registers: PagingRegisters, read: TableReader) {
    this.mode = pagingModeOf(registers);
    this.#layout = this.mode === 'off' ? undefined : layoutOf(this.mode, registers.cr4);
    this.#root = registers.cr3 & (this.#layout?.rootMask ?? 0n);
    this.#read = read;
  }

  /** The physical address of a linear one; undefined where no page is. QEMU: 52 bits are left of it. */
  translate(linear: bigint): bigint | undefined {
    const layout = this.#layout;
    if (layout === undefined) return linear & (ADDRESS_MASK | PAGE_MASK);
    const isCanonical = BigInt.asUintN(64, BigInt.asIntN(CANONICAL_BITS, linear)) === linear;
    if (this.mode === '4-level' && !isCanonical) return undefined;
    let table = this.#root;
    for (const level of layout.levels) {
      const index = (linear >> BigInt(level.shift)) & ((1n << BigInt(level.indexBits)) - 1n);
      const entry = this.#present(table, index, layout.entrySize);
      if (entry === undefined) return undefined;
      if (this.#isPage(entry, level)) {
        const inside = (1n << BigInt(level.shift)) - 1n;
        return (this.#frame(entry, level.shift) & ~inside) | (linear & inside);
      }
      table = entry & ADDRESS_MASK;
    }
    return undefined;
  }

  /** Where a mapped page is in physical memory. */
  physicalOf({ entry, shift }: PageMapping): bigint {
    return this.#frame(entry, shift) & ~((1n << BigInt(shift)) - 1n);
  }

  /** All mapped pages in the order of their addresses. */
  *mappings(): Generator<PageMapping> {
    this.isCut = false;
    this.#entries = 0;
    this.#pages = 0;
    if (this.#layout !== undefined) yield* this.#below(this.#root, this.#layout.levels, 0n, ~0n);
  }

  *#below(
    table: bigint,
    [level, ...lower]: readonly Level[],
    linear: bigint,
    common: bigint,
  ): Generator<PageMapping> {
    if (level === undefined) return;
    const entrySize = this.#layout?.entrySize ?? 8;
    const bytes = new Uint8Array(entrySize << level.indexBits);
    this.#read(table, bytes);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < 1 << level.indexBits; index++) {
      if (++this.#entries > MAX_ENTRIES || this.#pages > MAX_PAGES) {
        this.isCut = true;
        return;
      }
      // Most entries are empty.
      if (((bytes[index * entrySize] ?? 0) & PTE_P_BYTE) === 0) continue;
      const entry = entryAt(view, index * entrySize, entrySize);
      const address = linear | (BigInt(index) << BigInt(level.shift));
      const counts = this.mode !== 'PAE' || level.shift < PAE_ROOT_SHIFT;
      const rights = counts ? common & entry : common;
      if (this.#isPage(entry, level)) {
        this.#pages++;
        yield { linear: address, shift: level.shift, entry, common: rights };
      } else yield* this.#below(entry & ADDRESS_MASK, lower, address, rights);
    }
  }

  #isPage(entry: bigint, level: Level): boolean {
    return level.shift === SMALLEST.shift || (level.mayBeLarge && (entry & PTE_PS) !== 0n);
  }

  #frame(entry: bigint, shift: number): bigint {
    if (this.mode !== '32-bit' || shift === SMALLEST.shift) return entry & ADDRESS_MASK;
    return (((entry >> PSE36_SHIFT) & PSE36_MASK) << 32n) | (entry & ~PAGE_MASK);
  }

  #present(table: bigint, index: bigint, size: 4 | 8): bigint | undefined {
    const bytes = new Uint8Array(size);
    this.#read(table + index * BigInt(size), bytes);
    const entry = entryAt(new DataView(bytes.buffer), 0, size);
    return (entry & PTE_P) === 0n ? undefined : entry;
  }
}

function entryAt(view: DataView, at: number, size: 4 | 8): bigint {
  return size === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
}
