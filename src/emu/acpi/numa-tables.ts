/** Bodies of the tables that tell of NUMA nodes. */
import { type AcpiConfig, type AcpiHmat, type AcpiNuma, type AcpiRam, dimmWindow } from './acpi-config.ts';
import { type Aml, bytes, littleEndian, terms } from './aml.ts';

const SRAT_ENABLED = 1;
const SRAT_HOTPLUGGABLE = 2;

/** Where RAM makes way for the video card and for ROMs. */
const HOLE_START = 0xa0000;
const HOLE_END = 0x100000;
const FOUR_GIB = 2 ** 32;

/** Memory of a node. */
interface NodeRange {
  readonly node: number;
  readonly base: number;
  readonly length: number;
}

/**
 * Spec: ACPI 3.0 §5.2.15. QEMU: there are at least as many entries of memory as nodes and 2, the spare ones disabled; and all room for more
 * memory is said to be in the last node, which a DIMM's own _PXM may contradict.
 */
export function srat({ cpus, ram, dimms }: Omit<AcpiConfig, 'numa'>, { ramBytes }: AcpiNuma): Aml {
  const ranges = nodeRanges(ram, ramBytes);
  const spare = Math.max(0, ramBytes.length + 2 - ranges.length);
  const window = dimmWindow({ ram, ...(dimms === undefined ? {} : { dimms }) });
  const room =
    window === undefined
      ? []
      : [{ node: ramBytes.length - 1, base: window.min, length: window.max + 1 - window.min }];
  return terms(
    littleEndian(1, 4),
    new Uint8Array(8),
    ...cpus.map(({ apicId, node = 0 }) => processorAffinity(apicId, node)),
    ...ranges.map((range) => memoryAffinity(range, SRAT_ENABLED)),
    ...Array.from({ length: spare }, () => memoryAffinity({ node: 0, base: 0, length: 0 }, 0)),
    ...room.map((range) => memoryAffinity(range, SRAT_ENABLED | SRAT_HOTPLUGGABLE)),
  );
}

/** The nodes' RAM one after the other, without the holes below 1 MiB and 4 GiB. */
function nodeRanges({ below4g }: AcpiRam, ramBytes: readonly number[]): readonly NodeRange[] {
  const ranges: NodeRange[] = [];
  /** The first address that no node has yet. */
  let next = 0;
  for (const [node, size] of ramBytes.entries()) {
    let base = next;
    next += size;
    const add = (end: number): void => {
      if (end > base) ranges.push({ node, base, length: end - base });
    };
    if (base <= HOLE_START && next > HOLE_START) {
      add(HOLE_START);
      base = HOLE_END;
      // QEMU: the rest of a node that ends in the hole is lost, and the next one begins behind it.
      if (next <= HOLE_END) {
        next = HOLE_END;
        continue;
      }
    }
    if (base <= below4g && next > below4g) {
      add(below4g);
      base = FOUR_GIB;
      next += FOUR_GIB - below4g;
    }
    add(next);
  }
  return ranges;
}

function processorAffinity(apicId: number, node: number): Aml {
  return terms(bytes(0, 16, node, apicId), littleEndian(SRAT_ENABLED, 4), new Uint8Array(8));
}

function memoryAffinity({ node, base, length }: NodeRange, flags: number): Aml {
  return terms(
    bytes(1, 40),
    littleEndian(node, 4),
    new Uint8Array(2),
    littleEndian(base, 8),
    littleEndian(length, 8),
    new Uint8Array(4),
    littleEndian(flags, 4),
    new Uint8Array(8),
  );
}

/** Spec: ACPI 6.5 §5.2.17. */
export function slit(distances: readonly (readonly number[])[]): Aml {
  return terms(littleEndian(distances.length, 8), ...distances.map((row) => bytes(...row)));
}

const INITIATOR_VALID = 1;
/** QEMU: what stands for none. */
const NO_INITIATOR = 128;
const PROXIMITY = 0;
const VALUES = 1;
const CACHE = 2;

/** Spec: ACPI 6.3 §5.2.27. */
export function hmat({ initiatorOf, initiators, tables, caches }: AcpiHmat): Aml {
  const dword = (value: number): Aml => littleEndian(value, 4);
  const word = (value: number): Aml => littleEndian(value, 2);
  /** A structure with its type and the length of all of it. */
  const structure = (type: number, ...parts: readonly Aml[]): Aml => {
    const body = terms(...parts);
    return terms(word(type), word(0), dword(8 + body.length), body);
  };
  const nodes = [...initiatorOf.keys()];
  return terms(
    new Uint8Array(4),
    ...initiatorOf.map((initiator, node) =>
      structure(
        PROXIMITY,
        ...[word(initiator === undefined ? 0 : INITIATOR_VALID), word(0)],
        ...[dword(initiator ?? NO_INITIATOR), dword(node), new Uint8Array(20)],
      ),
    ),
    ...tables.map(({ hierarchy, dataType, unit, entries }) =>
      structure(
        VALUES,
        ...[bytes(hierarchy, dataType, 0, 0), dword(initiators.length), dword(nodes.length), dword(0)],
        ...[quad(unit), ...initiators.map(dword), ...nodes.map(dword), ...entries.map(word)],
      ),
    ),
    ...caches.map(({ node, level, sizeBytes, lineBytes, associativity, policy }) => {
      const levels = caches.filter((cache) => cache.node === node).length;
      const attributes = levels | (level << 4) | (associativity << 8) | (policy << 12);
      return structure(
        CACHE,
        ...[dword(node), dword(0), quad(sizeBytes), word(attributes), word(lineBytes), word(0), word(0)],
      );
    }),
  );
}

function quad(value: bigint): Aml {
  const whole = new Uint8Array(8);
  new DataView(whole.buffer).setBigUint64(0, value, true);
  return whole;
}
