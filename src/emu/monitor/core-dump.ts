/** Writes the guest's memory and registers to a core file. */
import { OutputError, type OutputFile } from '../core/host.ts';
import type { DumpResult } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { MachineApi, PageTables } from '../machine/machine-api.ts';
import { type CoreBlock, type CoreMapping, coreHeader, SECTION_NAMES } from './core-file.ts';

const PIECE = 1 << 20;
const CANONICAL_BITS = 48;

export interface DumpRequest {
  readonly path: string;
  /** The linear addresses that the guest has mapped, not the physical ones. */
  readonly paging: boolean;
  /** Physical memory to which it is limited. */
  readonly begin: bigint;
  /** 0 or less of it: no limit. */
  readonly length: bigint | undefined;
  /** What QEMU writes for Windows: without a driver in the guest it never gets that far. */
  readonly isWindows: boolean;
}

const results = new WeakMap<MachineApi, DumpResult>();

/** Of the last dump that was begun. */
export function dumpResult(machine: MachineApi): DumpResult {
  return results.get(machine) ?? { status: 'none', completed: 0, total: 0 };
}

/** The machine stands still meanwhile. Throws QEMU's error; DUMP_COMPLETED tells it, too, once the file is there and the memory is known. */
export function dumpMemory(machine: MachineApi, request: DumpRequest): void {
  const file = machine.createFile(request.path);
  if (typeof file === 'string') throw new MonitorError(`Could not open '${request.path}': ${file}`);
  const runs = machine.runState === 'running';
  machine.stop();
  try {
    dump(machine, request, file);
    file.close();
  } catch (error) {
    // QEMU leaves what it has written, or an empty file in the place of one that was there.
    file.abandon();
    throw error;
  } finally {
    if (runs) machine.cont();
  }
}

function dump(machine: MachineApi, request: DumpRequest, file: OutputFile): void {
  // QEMU: what was asked for is looked at when the dump has begun.
  results.set(machine, { status: 'failed', completed: 0, total: 0 });
  const blocks = blocksOf(machine, request);
  const total = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  const end = (status: 'completed' | 'failed', completed: number, error?: string): void => {
    const result = { status, completed, total };
    results.set(machine, result);
    const data = error === undefined ? { result } : { result, error };
    machine.events.emit({ event: 'DUMP_COMPLETED', data });
    if (error !== undefined) throw new MonitorError(error);
  };
  if (request.isWindows) end('failed', 0, 'win-dump: invalid vmcoreinfo note size');
  let completed = 0;
  let what = 'write elf header';
  try {
    const cpus = machine.inspect.cpus().flatMap(({ index }) => machine.inspect.cpuRegisters(index) ?? []);
    file.write(coreHeader(cpus, blocks, mappingsOf(machine, request.paging, blocks)));
    what = 'save memory';
    for (const { start, end } of blocks) {
      for (let at = start; at < end; at += PIECE) {
        const bytes = new Uint8Array(Math.min(PIECE, end - at));
        machine.access.readPhysical(BigInt(at), bytes);
        file.write(bytes);
        completed += bytes.length;
      }
    }
    file.write(SECTION_NAMES);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    end('failed', completed, `dump: failed to ${what}: ${error.message}`);
  }
  end('completed', completed);
}

/** RAM, where it follows other RAM as one block. Throws QEMU's errors. */
function blocksOf({ access }: MachineApi, { begin, length }: DumpRequest): readonly CoreBlock[] {
  if (length === 0n) throw new MonitorError("Invalid parameter 'length'");
  const blocks: { start: number; end: number }[] = [];
  for (const { gpa, end } of access.memoryRegions()) {
    const last = blocks.at(-1);
    if (last?.end === gpa) last.end = end;
    else blocks.push({ start: gpa, end });
  }
  if (blocks.length === 0) throw nothingToDump();
  if (length === undefined || length < 0n) return blocks;
  if (begin < 0n) throw new MonitorError("Invalid parameter 'begin'");
  const [first, last] = [Number(begin), Number(begin + length)];
  const wanted = blocks
    .map(({ start, end }) => ({ start: Math.max(start, first), end: Math.min(end, last) }))
    .filter(({ start, end }) => start < end);
  if (wanted.length === 0) throw nothingToDump();
  return wanted;
}

function nothingToDump(): MonitorError {
  return new MonitorError('dump: no guest memory to dump');
}

/** By physical address. QEMU: those of all processors from the first one on that has paging on; when none has, memory as it is. */
function mappingsOf(
  { access, inspect }: MachineApi,
  paging: boolean,
  blocks: readonly CoreBlock[],
): readonly CoreMapping[] {
  const tables = inspect.cpus().map(({ index }) => access.pageTables(index));
  const first = tables.findIndex((one) => one !== undefined && one.mode !== 'off');
  if (!paging || first < 0) {
    return blocks.map(({ start, end }) => ({ linear: BigInt(start), physical: start, size: end - start }));
  }
  const ranges = tables.slice(first).flatMap((one) => (one === undefined ? [] : rangesOf(one)));
  return withoutCopies(ranges)
    .flatMap((range) => insideOf(range, blocks))
    .sort((one, other) => one.physical - other.physical || (one.linear < other.linear ? -1 : 1));
}

/** Pages that follow each other in both address spaces are one range. */
function rangesOf(tables: PageTables): readonly CoreMapping[] {
  const ranges: { linear: bigint; physical: number; size: number }[] = [];
  for (const page of tables.mappings()) {
    const linear =
      tables.mode === '4-level'
        ? BigInt.asUintN(64, BigInt.asIntN(CANONICAL_BITS, page.linear))
        : page.linear;
    const physical = Number(tables.physicalOf(page));
    const size = 2 ** page.shift;
    const last = ranges.at(-1);
    const follows =
      last !== undefined &&
      last.linear + BigInt(last.size) === linear &&
      last.physical + last.size === physical;
    if (follows) last.size += size;
    else ranges.push({ linear, physical, size });
  }
  return ranges;
}

/** Processors share most of their pages: what a range before it says already is left out. */
function withoutCopies(ranges: readonly CoreMapping[]): readonly CoreMapping[] {
  const sorted = [...ranges].sort((one, other) =>
    one.linear === other.linear ? other.size - one.size : one.linear < other.linear ? -1 : 1,
  );
  const kept: CoreMapping[] = [];
  for (const range of sorted) {
    const last = kept.at(-1);
    const inside = last === undefined ? Number.POSITIVE_INFINITY : Number(range.linear - last.linear);
    const isCopy =
      last !== undefined && range.physical - last.physical === inside && inside + range.size <= last.size;
    if (!isCopy) kept.push(range);
  }
  return kept;
}

/** The parts of a range that are in the file. */
function insideOf(
  { linear, physical, size }: CoreMapping,
  blocks: readonly CoreBlock[],
): readonly CoreMapping[] {
  return blocks.flatMap(({ start, end }) => {
    const from = Math.max(start, physical);
    const to = Math.min(end, physical + size);
    return from < to ? [{ linear: linear + BigInt(from - physical), physical: from, size: to - from }] : [];
  });
}
