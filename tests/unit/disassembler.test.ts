/** Instructions as the monitor shows them, compared with what QEMU's shows (scripts/record-disassembly.ts). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CodeSize, disassemble } from '../../src/emu/disassembler/disassemble.ts';

const GOLDEN = 'tests/golden/disassembly';
const BASE = 0x200000n;
const CASE_BYTES = 16;

/** Families of instructions that are shown as bytes here, by what they begin with behind the prefixes. docs/monitor.md names them. */
const NOT_KNOWN: Readonly<Record<string, RegExp>> = {
  'EVEX, which is AVX-512': /^(?:26|2e|36|3e|6[4-7]|f[023])*62/,
  'XOP, which AMD gave up': /^(?:26|2e|36|3e|6[4-7]|f[023])*8f/,
};

function linesOf(code: CodeSize): readonly string[] {
  return readFileSync(`${GOLDEN}/${code}.txt`, 'utf8').trimEnd().split('\n');
}

/** What is shown of the case in a line, in the line's form. */
function shown(line: string, n: number, code: CodeSize): string {
  const [hex = ''] = line.split(' ', 1);
  const bytes = new Uint8Array(CASE_BYTES);
  bytes.set(Buffer.from(hex, 'hex'));
  const { length, mnemonic, operands } = disassemble(bytes, BASE + BigInt(CASE_BYTES * n), code);
  const isUnknown = mnemonic === '.byte';
  const used = Buffer.from(bytes.subarray(0, isUnknown ? CASE_BYTES : length)).toString('hex');
  return `${used} ${`${mnemonic.padEnd(8)} ${operands}`.trimEnd()}`;
}

describe.each([16, 32, 64] as const)('%d-bit code', (code) => {
  it('is shown as QEMU shows it', () => {
    const different = linesOf(code).filter((line, n) => shown(line, n, code) !== line);
    const unlisted = different.filter((line) => !Object.values(NOT_KNOWN).some((family) => family.test(line)));
    expect(unlisted).toEqual([]);
    expect(different.length).toBeLessThan(linesOf(code).length / 100);
  });
});
