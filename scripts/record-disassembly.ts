/**
 * Records how QEMU's monitor shows instructions: `npx tsx scripts/record-disassembly.ts` writes tests/golden/disassembly/16.txt, 32.txt and 64.txt, by the
 * size of the code, and layout.txt. Needs qemu-system-x86_64 7.2 (Debian 12).
 *
 * A line of 16.txt and its like is a case: the bytes of the instruction, then a space and what QEMU shows behind them. Case n is at the address
 * 0x200000 + 16 n. What is no instruction has all bytes of its case.
 * layout.txt has lines of the monitor and its whole answers about given bytes, in the format of tests/golden/monitor.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CASE_BYTES,
  type CodeSize,
  disassemblyCases,
  LAYOUT_LINES,
  layoutMemory,
} from './disassembly-cases.ts';
import { DisassemblingQemu, QEMU } from './record-disassembly-qemu.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/disassembly');
const BASE = 0x200000;
/** Of the cases that are no instruction one in so many is kept. */
const KEPT_UNKNOWN = 12;
/** Characters before the mnemonic: address, bytes, spaces. */
const COLUMN = '0x00200000: '.length + 8 * 3 + 2;

interface Recorded {
  readonly bytes: Uint8Array;
  readonly hex: string;
  readonly text: string;
}

/** Reads the lines of one instruction. */
function recorded(bytes: Uint8Array, answer: string): Recorded {
  const lines = answer.split('\n');
  const [first = ''] = lines;
  const hex = lines
    .map((line, n) => line.slice(line.indexOf(':') + 1, n === 0 ? COLUMN : undefined))
    .join('');
  return { bytes, hex: hex.replaceAll(' ', ''), text: first.slice(COLUMN).trimEnd() };
}

async function record(code: CodeSize, cases: readonly Uint8Array[]): Promise<readonly Recorded[]> {
  const memory = new Uint8Array(cases.length * CASE_BYTES);
  for (const [n, bytes] of cases.entries()) memory.set(bytes, n * CASE_BYTES);
  const qemu = await DisassemblingQemu.start(code, memory, BASE);
  try {
    const answers = await qemu.answers(cases.map((_, n) => `xp/i ${BASE + n * CASE_BYTES}`));
    return cases.map((bytes, n) => recorded(bytes, answers[n] ?? ''));
  } finally {
    await qemu.stop();
  }
}

/** Those that are worth a line, at the addresses that they have then. */
async function recordKept(code: CodeSize): Promise<readonly Recorded[]> {
  const all = await record(code, disassemblyCases(code));
  const isUnknown = ({ text }: Recorded): boolean => text.startsWith('.byte');
  const unknown = all.filter(isUnknown).filter((_, n) => n % KEPT_UNKNOWN === 0);
  const kept = [...all.filter((one) => !isUnknown(one)), ...unknown];
  return record(
    code,
    kept.map(({ bytes }) => bytes),
  );
}

function caseLine({ bytes, hex, text }: Recorded): string {
  return `${text.startsWith('.byte') ? Buffer.from(bytes).toString('hex') : hex} ${text}\n`;
}

async function recordLayout(): Promise<string> {
  const { address, bytes } = layoutMemory();
  const qemu = await DisassemblingQemu.start(16, bytes, address);
  try {
    const answers = await qemu.answers(LAYOUT_LINES);
    const memory = `# memory ${address.toString(16)} ${Buffer.from(bytes).toString('hex')}\n`;
    return memory + LAYOUT_LINES.map((line, n) => `>>> HMP: ${line}\n${answers[n]?.trimEnd()}\n`).join('');
  } finally {
    await qemu.stop();
  }
}

const version = /version (\S+)/.exec(execFileSync(QEMU, ['--version'], { encoding: 'utf8' }))?.[1] ?? '';
if (!version.startsWith('7.2.')) throw new Error(`needs QEMU 7.2, this is ${version}`);
mkdirSync(OUTPUT, { recursive: true });
for (const code of [16, 32, 64] as const) {
  const lines = (await recordKept(code)).map(caseLine);
  writeFileSync(join(OUTPUT, `${code}.txt`), lines.join(''));
  process.stdout.write(`${code}-bit code: ${lines.length} cases\n`);
}
writeFileSync(join(OUTPUT, 'layout.txt'), await recordLayout());
