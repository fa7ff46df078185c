/** Our tables against those that real QEMU 7.2 gave SeaBIOS for the same machines. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pkg, terms } from '../../../src/emu/acpi/aml.ts';
import {
  add,
  derefOf,
  increment,
  index,
  less,
  local,
  loopWhile,
  method,
  returns,
  store,
} from '../../../src/emu/acpi/aml-terms.ts';
import { buildAcpiTables, table } from '../../../src/emu/acpi/tables.ts';
import { acpiexec, HAS_ACPICA, recompile } from './acpica.ts';
import { type GoldenMachine, MACHINES, TABLES_BELOW_TOP } from './machines.ts';

const QEMU: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(new URL('tables.json', import.meta.url), 'utf8'),
);

/** Differences from QEMU's namespace, each with its reason; any other fails. Method bodies are not compared here. */
const EXPLAINED_NAMES: Readonly<Record<string, string>> = {};
const DIMM_BELOW_4G =
  'acpiexec has memory instead of registers, where a slot number reads back as the address of a DIMM below 4 GiB: ' +
  'QEMU answers with a 32-bit descriptor, we with a 64-bit one; on this machine DIMMs are above 4 GiB';
/** Values that evaluate to something else than QEMU's, each with its reason. */
const EXPLAINED_VALUES: Readonly<Record<string, string>> = {
  '\\_SB_.MHPC.MP01._CRS': DIMM_BELOW_4G,
  '\\_SB_.MHPC.MP02._CRS': DIMM_BELOW_4G,
  '\\_SB_.MHPC.MP03._CRS': DIMM_BELOW_4G,
};
/** Header bytes that say how long our own AML is, and where the tables after it are. */
const LENGTH_AND_PLACE: Readonly<Record<string, readonly (readonly [start: number, end: number])[]>> = {
  RSDP: [
    [8, 9],
    [16, 20],
  ],
  RSDT: [
    [9, 10],
    [36, 64],
  ],
};

function ours(machine: GoldenMachine): ReadonlyMap<string, Uint8Array> {
  const { config } = machine;
  const { tables, rsdp } = buildAcpiTables(config, config.ram.below4g - TABLES_BELOW_TOP);
  const found = new Map([['RSDP', rsdp]]);
  const view = new DataView(tables.buffer);
  for (let at = 0; at + 8 <= tables.length; at = (at + view.getUint32(at + 4, true) + 15) & ~15) {
    const table = tables.subarray(at, at + view.getUint32(at + 4, true));
    found.set(String.fromCharCode(...table.subarray(0, 4)), table);
  }
  return found;
}

function theirs(machine: GoldenMachine): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(QEMU[machine.name] ?? {}).map(([name, hex]) => [
      name,
      new Uint8Array(Buffer.from(hex, 'hex')),
    ]),
  );
}

function dsdt(tables: ReadonlyMap<string, Uint8Array>): Uint8Array {
  return tables.get('DSDT') ?? new Uint8Array();
}

function comparable(name: string, table: Uint8Array): string {
  const bytes = table.slice();
  for (const [start, end] of LENGTH_AND_PLACE[name] ?? []) bytes.fill(0, start, end);
  return Buffer.from(bytes).toString('hex');
}

/** Every object as `path type value`; a method as its number of arguments. */
function namespace(output: string): readonly string[] {
  const path: string[] = [];
  const objects: string[] = [];
  for (const line of output.split('\n')) {
    const match = /^\s*(\d+) +([A-Z0-9_]{4}) (\w+) +0x[0-9a-f]+ \w+ ?(.*)$/.exec(line);
    if (match === null) continue;
    const [, depth = '0', name = '', type = '', value = ''] = match;
    path.length = Number(depth);
    path.push(name);
    const shown = type === 'Method' ? value.replace(/ Len.*/, '') : value.replace(/0x[0-9a-f]{9,}/g, '');
    objects.push(`\\${path.join('.')} ${type} ${shown}`.trim());
  }
  return objects.toSorted();
}

/** What each evaluation printed, without the interpreter's own addresses. */
function evaluate(aml: Uint8Array, paths: readonly string[]): ReadonlyMap<string, string> {
  const commands = [...paths, END].map((path) => `evaluate ${path}`);
  const output = acpiexec([aml, ROUTING_PROBE], commands);
  const results = new Map<string, string>();
  for (const part of output.split(/Evaluating /).slice(1)) {
    const [path = '', ...lines] = part.split('\n');
    const shown = lines.filter((line) => !/Evaluation of|^[\s-]*$|^- |utstanding/.test(line));
    if (path !== END) expect(lines.join('\n'), path).not.toContain('failed');
    results.set(path.trim(), shown.join('\n').replace(/0x[0-9a-f]{9,}/g, ''));
  }
  results.delete(END);
  return results;
}

/** A name that does not exist: it ends the output of the last one that does. */
const END = '\\NONE';

/** ACPICA's debugger cannot show the whole of _PRT: `RTE0 ()` … `RTE3 ()` answer 32 rows of it each. */
const ROUTING_PROBE = table(
  'SSDT',
  terms(
    ...[0, 1, 2, 3].map((part) =>
      method(
        `RTE${part}`,
        0,
        store('\\_SB.PCI0._PRT', local(0)),
        store(pkg([], 32), local(1)),
        store(0, local(2)),
        loopWhile(
          less(local(2), 32),
          store(derefOf(index(local(0), add(local(2), part * 32))), index(local(1), local(2))),
          increment(local(2)),
        ),
        returns(local(1)),
      ),
    ),
  ),
);
const ROUTING = ['\\RTE0', '\\RTE1', '\\RTE2', '\\RTE3'];

/** Objects whose value the namespace does not show: methods, packages, buffers. */
function interesting(objects: readonly string[]): readonly string[] {
  const wanted = /\.(_CRS|_PRS|_STA|_PXM|_MAT|_FDI|_FDE|_S[1-5]D)$/;
  const root = /^\\_S[1-5]_$/;
  return objects
    .map((object) => object.split(' ')[0] ?? '')
    .filter((path) => wanted.test(path) || root.test(path));
}

describe.each(MACHINES)('tables of machine $name', (machine) => {
  const our = ours(machine);
  const their = theirs(machine);

  it('has the same tables', () => {
    expect([...our.keys()].toSorted()).toEqual([...their.keys()].toSorted());
  });

  it.each([...their.keys()].filter((name) => name !== 'DSDT'))('%s is the same, byte for byte', (name) => {
    const table = our.get(name) ?? new Uint8Array();
    expect(comparable(name, table)).toBe(comparable(name, their.get(name) ?? table));
  });

  it('adds up to zero where a table has a checksum', () => {
    for (const [name, table] of our) {
      if (name === 'FACS') continue;
      expect(
        table.reduce((sum, byte) => (sum + byte) & 0xff, 0),
        name,
      ).toBe(0);
    }
  });

  it.runIf(HAS_ACPICA)('DSDT loads into ACPICA without a complaint', () => {
    const output = acpiexec([dsdt(our)], ['namespace']);
    expect(output).toContain('AML tables successfully acquired and loaded');
    expect(output).not.toMatch(/error|warning|exception|AE_/i);
  });

  it.runIf(HAS_ACPICA)('DSDT disassembles and compiles again without errors', () => {
    expect(recompile(dsdt(our))).toMatch(/\b0 Errors/);
  });

  it.runIf(HAS_ACPICA)('DSDT has the names, types and constants of QEMU', () => {
    const mine = namespace(acpiexec([dsdt(our)], ['namespace']));
    const golden = namespace(acpiexec([dsdt(their)], ['namespace']));
    expect(golden.length).toBeGreaterThan(200);
    const different = [
      ...mine.filter((o) => !golden.includes(o)),
      ...golden.filter((o) => !mine.includes(o)),
    ];
    expect(different.filter((object) => EXPLAINED_NAMES[object] === undefined)).toEqual([]);
  });

  if (machine.hasKnownMethods) return;

  it.runIf(HAS_ACPICA)('DSDT evaluates to the values of QEMU', { timeout: 60_000 }, () => {
    const paths = [...interesting(namespace(acpiexec([dsdt(their)], ['namespace']))), ...ROUTING];
    expect(paths.length).toBeGreaterThan(20);
    const mine = evaluate(dsdt(our), paths);
    const golden = evaluate(dsdt(their), paths);
    const different = paths.filter((path) => mine.get(path) !== golden.get(path));
    expect(different.filter((path) => EXPLAINED_VALUES[path] === undefined)).toEqual([]);
    expect([...golden.keys()].toSorted()).toEqual([...new Set(paths)].toSorted());
    expect(golden.get('\\RTE0')).toContain('Name LNKS');
  });
});
