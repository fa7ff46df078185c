/** What the user says of how fast nodes reach each other's memory, and of the caches before it. QEMU's checks of `hmat-lb` and `hmat-cache`. */
import type { AcpiHmatCache, AcpiHmatTable } from '../acpi/acpi-config.ts';
import { MonitorError } from '../core/monitor-error.ts';
import {
  HMAT_ASSOCIATIVITIES,
  HMAT_DATA_TYPES,
  HMAT_HIERARCHIES,
  HMAT_WRITE_POLICIES,
  type HmatCacheOptions,
  type HmatLbOptions,
} from './numa-options.ts';

const MIB = 1n << 20n;
/** An entry of the table is less than that: the largest number that 16 bits hold says that there is no way. */
const ENTRY_END = 0xffffn;
const ENTRY_BITS = 16;
const CACHE_LEVELS = 3;
/** QEMU: the unit of latencies that are all 0. */
const NO_UNIT = (1n << 64n) - 1n;
const PS_PER_NS = 1000n;
/** QEMU: of the unit in the table, which has room for 64. */
const UNIT_BITS = 32;

/** What a value is about. */
interface Pair {
  readonly initiator: number;
  readonly target: number;
}

/** Latencies, or bandwidths, of one kind and one level of memory. */
abstract class Values {
  /** By `initiator,target`: nanoseconds, or bytes a second. */
  readonly #values = new Map<string, bigint>();
  /** `latency` or `bandwidth`, as errors and options name it. */
  protected abstract readonly name: string;
  /** All entries are multiples of it. */
  abstract readonly unit: bigint;

  /** Takes the unit that there has to be with one more value. Throws QEMU's error. */
  protected abstract take(value: bigint, pair: Pair): void;

  add(pair: Pair, value: bigint): void {
    const { initiator, target } = pair;
    const key = `${initiator},${target}`;
    if (this.#values.has(key)) {
      throw new MonitorError(
        `Duplicate configuration of the ${this.name} for initiator=${initiator} and target=${target}`,
      );
    }
    this.take(value, pair);
    this.#values.set(key, value);
  }

  /** QEMU: what does not fit loses its upper bits. */
  entry(initiator: number, target: number): number {
    const value = this.#values.get(`${initiator},${target}`) ?? 0n;
    return Number(BigInt.asUintN(ENTRY_BITS, value / this.unit));
  }
}

class Latencies extends Values {
  protected override readonly name = 'latency';
  #unit = NO_UNIT;
  #largest = 0n;

  override get unit(): bigint {
    return this.#unit;
  }

  /** QEMU: a value is held against the unit of those before it, so that the first one always fits. */
  protected override take(value: bigint, { initiator, target }: Pair): void {
    if (value === 0n) return;
    const entry = value / this.#unit;
    this.#largest = entry > this.#largest ? entry : this.#largest;
    if (this.#largest >= ENTRY_END) {
      throw new MonitorError(
        `Latency ${value} between initiator=${initiator} and target=${target} should not differ from previously entered min or max values on more than ${ENTRY_END - 1n}`,
      );
    }
    let unit = 1n;
    while (value % (unit * 10n) === 0n) unit *= 10n;
    if (unit < this.#unit) this.#unit = unit;
  }
}

class Bandwidths extends Values {
  protected override readonly name = 'bandwidth';
  /** Bits that are set in any of them. */
  #bits = 0n;

  override get unit(): bigint {
    return this.#bits & -this.#bits || 1n;
  }

  protected override take(value: bigint, { initiator, target }: Pair): void {
    const what = `Bandwidth ${value} between initiator=${initiator} and target=${target}`;
    if (value % MIB !== 0n) throw new MonitorError(`${what} should be 1MB aligned`);
    if (value === 0n) return;
    const bits = this.#bits | value;
    const unit = bits & -bits;
    const width = (bits / unit).toString(2).length;
    if (width > ENTRY_BITS || value / unit >= ENTRY_END) {
      throw new MonitorError(
        `${what} should not differ from previously entered values on more than ${ENTRY_END - 1n}`,
      );
    }
    this.#bits = bits;
  }
}

export class NumaHmat {
  readonly #tables = new Map<string, Values>();
  /** Targets of which a value that is not 0 is known. */
  readonly #known = { latency: new Set<number>(), bandwidth: new Set<number>() };
  readonly #caches = new Map<number, AcpiHmatCache[]>();

  /** Both nodes are there. Throws QEMU's error. */
  addValue(options: HmatLbOptions): void {
    const { hierarchy, 'data-type': dataType } = options;
    const isLatency = dataType.endsWith('latency');
    const [name, other] = isLatency
      ? (['latency', 'bandwidth'] as const)
      : (['bandwidth', 'latency'] as const);
    const given = options[name];
    if (given === undefined) throw new MonitorError(`Missing '${name}' option`);
    if (options[other] !== undefined) {
      throw new MonitorError(`Invalid option '${other}' since the data type is ${name}`);
    }
    const key = `${hierarchy} ${dataType}`;
    const table = this.#tables.get(key) ?? (isLatency ? new Latencies() : new Bandwidths());
    table.add(options, BigInt(given));
    this.#tables.set(key, table);
    if (BigInt(given) !== 0n) this.#known[name].add(options.target);
  }

  /** The node is there. Throws QEMU's error. */
  addCache(options: HmatCacheOptions): void {
    const { 'node-id': node, level, associativity, policy, line } = options;
    const sizeBytes = BigInt(options.size);
    if (!this.#known.latency.has(node) || !this.#known.bandwidth.has(node)) {
      throw new MonitorError(
        `The latency and bandwidth information of node-id=${node} should be provided before memory side cache attributes`,
      );
    }
    if (level < 1 || level > CACHE_LEVELS) {
      throw new MonitorError(
        `Invalid level=${level}, it should be larger than 0 and less than or equal to ${CACHE_LEVELS}`,
      );
    }
    const caches = this.#caches.get(node) ?? [];
    if (caches.length >= level) {
      throw new MonitorError(
        `Duplicate configuration of the side cache for node-id=${node} and level=${level}`,
      );
    }
    if (level > caches.length + 1) throw new MonitorError(`Cache level=${level - 1} shall be defined first`);
    const above = caches.at(-1);
    if (above !== undefined && sizeBytes <= above.sizeBytes) {
      throw new MonitorError(
        `Invalid size=${sizeBytes}, the size of level=${level} should be larger than the size(${above.sizeBytes}) of level=${level - 1}`,
      );
    }
    caches.push({
      ...{ node, level, sizeBytes, lineBytes: line },
      associativity: HMAT_ASSOCIATIVITIES.indexOf(associativity),
      policy: HMAT_WRITE_POLICIES.indexOf(policy),
    });
    this.#caches.set(node, caches);
  }

  /** In the table's order, with the unit that ACPI counts in: picoseconds, or MiB a second. */
  tables(initiators: readonly number[], nodes: number): readonly AcpiHmatTable[] {
    const targets = Array.from({ length: nodes }, (_, node) => node);
    return HMAT_HIERARCHIES.flatMap((hierarchy, level) =>
      HMAT_DATA_TYPES.flatMap((dataType, kind) => {
        const table = this.#tables.get(`${hierarchy} ${dataType}`);
        if (table === undefined) return [];
        const unit = table instanceof Latencies ? table.unit * PS_PER_NS : table.unit / MIB;
        const entries = initiators.flatMap((from) => targets.map((to) => table.entry(from, to)));
        return [{ hierarchy: level, dataType: kind, unit: BigInt.asUintN(UNIT_BITS, unit), entries }];
      }),
    );
  }

  /** Of the first node first. */
  caches(): readonly AcpiHmatCache[] {
    return [...this.#caches].sort(([a], [b]) => a - b).flatMap(([, caches]) => caches);
  }
}
