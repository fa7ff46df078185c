/** The tables by which devices decode: they are sound, whole, and what docs/registers.md says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REGISTER_DOCUMENT, REGISTER_TABLES, registerDocument } from '../../scripts/register-tables.ts';
import { type RegisterAccess, RegisterTable, register } from '../../src/emu/bus/register-table.ts';
import { TraceLog } from '../../src/emu/core/trace.ts';
import { projectFiles } from '../support/project.ts';

it('the document is what the tables say', () => {
  // Written anew by `npx tsx scripts/register-document.ts`.
  expect(readFileSync(REGISTER_DOCUMENT, 'utf8')).toBe(registerDocument());
});

it('every table of the sources is in the document', () => {
  const made = projectFiles()
    .filter((file) => /^src\/.*\.ts$/.test(file))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/new RegisterTable</g)]);
  expect(REGISTER_TABLES).toHaveLength(made.length);
});

describe.each(REGISTER_TABLES.map((table) => [table.block.title, table] as const))(
  '%s',
  (_, { registers }) => {
    it('has each register once, and each can be read or written', () => {
      const names = registers.map(({ name }) => name);
      expect(names.length).toBe(new Set(names).size);
      for (const { name, read, write } of registers) expect(read ?? write, name).toBeTypeOf('function');
    });

    it('has one register for an access, or several of which a condition chooses', () => {
      for (const way of ['read', 'write'] as const) {
        const plain = registers.filter((row) => row[way] !== undefined && row.when === undefined);
        const offsets = plain.map(({ offset }) => offset);
        expect(offsets.length, way).toBe(new Set(offsets).size);
      }
    });
  },
);

describe('a table', () => {
  interface Chip {
    bank: number;
    value: number;
  }
  const rows: RegisterAccess<Chip> = {
    read: ({ value }) => value,
    write: (chip, value) => {
      chip.value = value;
    },
  };
  const table = new RegisterTable<Chip>({ name: 'chip', title: '', place: '', spec: '' }, [
    register(0, 1, 'BANKED', '', {
      when: { text: '', holds: ({ bank }) => bank === 1 },
      read: () => 0xbb,
    }),
    register(0, 1, 'PLAIN', '', rows),
    register(1, 1, 'BANK', '', {
      write: (chip, value) => {
        chip.bank = value;
      },
    }),
  ]);

  it('decodes by offset, direction and condition', () => {
    const trace = new TraceLog();
    const chip = { bank: 0, value: 7 };
    expect(table.read(chip, trace, 0, 1)).toBe(7);
    expect(table.write(chip, trace, 1, 1, 1)).toBe(true);
    expect(table.read(chip, trace, 0, 1)).toBe(0xbb);
    // The banked register cannot be written: what is behind it takes that.
    expect(table.write(chip, trace, 0, 1, 9)).toBe(true);
    expect(chip).toEqual({ bank: 1, value: 9 });
    expect([table.read(chip, trace, 1, 1), table.read(chip, trace, 2, 1)]).toEqual([undefined, undefined]);
    expect(table.write(chip, trace, 2, 1, 1)).toBe(false);
  });

  it('names what is accessed, reads after and writes before they happen', () => {
    const lines: string[] = [];
    const trace = new TraceLog((line) => lines.push(line));
    trace.log.setEvents('hotslot_register_*', true);
    const [one, other] = [
      { bank: 0, value: 0 },
      { bank: 1, value: 0 },
    ];
    table.write(one, trace, 0, 1, 0x2a);
    table.read(one, trace, 0, 1);
    table.read(other, trace, 0, 1);
    table.read(other, trace, 3, 1);
    expect(lines).toEqual([
      'hotslot_register_write chip 0x1 PLAIN offset 0x0 size 1 value 0x2a',
      'hotslot_register_read chip 0x1 PLAIN offset 0x0 size 1 value 0x2a',
      'hotslot_register_read chip 0x2 BANKED offset 0x0 size 1 value 0xbb',
    ]);
  });
});
