/**
 * Runs recorded vectors on the engine and shows what differs, by form.
 * Usage: npx tsx scripts/vectors/run.ts [family …] [--form text] [--first N]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareOutcome } from '../../tests/conformance/compare.ts';
import { CODE_ADDRESS, decodeVectors, type Vector } from '../../tests/conformance/vector-format.ts';
import { runVector } from '../../tests/support/cpu-rig.ts';
import { createRig } from '../../tests/support/engine-rig.ts';

const FOLDER = new URL('../../tests/conformance/vectors/', import.meta.url).pathname;
const LINES_MAX = 8;

interface Failure {
  readonly vector: Vector;
  readonly lines: readonly string[];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** By objdump; empty where there is none. */
function disassemble(vector: Vector): string {
  const folder = mkdtempSync(join(tmpdir(), 'vector-'));
  try {
    const file = join(folder, 'code');
    writeFileSync(file, vector.code);
    const address = `--adjust-vma=${CODE_ADDRESS + vector.codeOffset}`;
    const args = [
      '-D',
      '-b',
      'binary',
      '-m',
      'i386:x86-64',
      '-M',
      'intel',
      '--no-show-raw-insn',
      address,
      file,
    ];
    const result = spawnSync('objdump', args, { encoding: 'utf8' });
    const text = result.stdout ?? '';
    return text.match(/^ *[0-9a-f]+:\s+(.*)$/m)?.[1]?.trim() ?? '';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function attempt(
  rig: ReturnType<typeof createRig>,
  vector: Vector,
  form: Parameters<typeof compareOutcome>[1],
): string[] {
  try {
    return compareOutcome(vector, form, runVector(rig, vector));
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`thrown: ${stack.split('\n').slice(0, 3).join(' ')}`];
  }
}

/** Vectors run, and vectors that failed. */
function runFamily(family: string, formText: string, first: number): [number, number] {
  const { forms, vectors } = decodeVectors(readFileSync(join(FOLDER, `${family}.bin.gz`)));
  const failures = new Map<string, Failure[]>();
  let rig = createRig();
  let run = 0;
  let failed = 0;
  for (const vector of vectors) {
    const form = forms[vector.form];
    if (!form.name.includes(formText)) continue;
    run++;
    const lines = attempt(rig, vector, form);
    if (lines.length === 0) continue;
    failed++;
    if (lines[0].startsWith('thrown')) rig = createRig();
    const list = failures.get(form.name) ?? [];
    list.push({ vector, lines });
    failures.set(form.name, list);
  }
  print(`${family}: ${run} vectors, ${failed} failed in ${failures.size} forms`);
  for (const [name, list] of failures) {
    print(`  ${name}: ${list.length}`);
    for (const { vector, lines } of list.slice(0, first)) {
      const code = Buffer.from(vector.code).toString('hex');
      print(`    ${code}  ${disassemble(vector)}  (seed ${vector.seed})`);
      for (const line of lines.slice(0, LINES_MAX)) print(`      ${line}`);
    }
  }
  return [run, failed];
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { first: { type: 'string', default: '1' }, form: { type: 'string', default: '' } },
  });
  const all = readdirSync(FOLDER).map((file) => file.replace('.bin.gz', ''));
  let total = 0;
  let failed = 0;
  for (const family of positionals.length > 0 ? positionals : all) {
    const [run, bad] = runFamily(family, values.form, Number(values.first));
    total += run;
    failed += bad;
  }
  print(`${total} vectors, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
