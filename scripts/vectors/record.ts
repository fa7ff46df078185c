/**
 * Records the instruction vectors of tests/conformance/vectors on the processor under this script (x86-64 Linux, gcc).
 * Usage: npx tsx scripts/vectors/record.ts [family …]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyBytes,
  encodeVectors,
  initialMemory,
  initialWords,
  MEMORY_SIZE,
  type MemoryBytes,
  NO_FAULT,
  STATE_WORDS,
  type Vector,
  WORD_FCW,
  WORD_FLAGS,
  WORD_FSW,
  WORD_FTW,
  WORD_MXCSR,
  WORD_RIP,
  WORD_ST,
  WORD_XMM,
} from '../../tests/conformance/vector-format.ts';
import { Draft, type Form } from './draft.ts';
import { FAMILIES } from './families.ts';

/* Layout of `struct input` and `struct output` in harness.c. */
const IN_FLAGS = 128;
const IN_CODE = 136;
const IN_CODE_OFFSET = 152;
const IN_OPTIONS = 156;
const IN_FX = 160;
const FX_SIZE = 416;
const IN_MEMORY = IN_FX + FX_SIZE;
const IN_SIZE = IN_MEMORY + MEMORY_SIZE;
const OUT_RIP = 128;
const OUT_FLAGS = 136;
const OUT_TRAP = 144;
const OUT_ERROR = 152;
const OUT_CR2 = 160;
const OUT_FX = 176;
const OUT_MEMORY = OUT_FX + FX_SIZE;
const OUT_SIZE = OUT_MEMORY + MEMORY_SIZE;
const STEP_UNTIL_NEXT = 1;
const TRAP_DB = 1;
const DIRECTION_FLAG = 0x400;
const BATCH = 500;
/** Linux hides what is mapped above: every fault there looks like one on a present page. */
const KERNEL_HALF = 0x8000;
const TRAP_FLAG_HIGH_BYTE = 1;

function buildHarness(): { path: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  const path = join(folder, 'harness');
  const flags = '-O2 -Wall -Wextra -ffreestanding -fno-stack-protector -fno-pie -no-pie -nostdlib -static';
  const more = '-fcf-protection=none -Wl,-Ttext-segment=0x20000000';
  const source = new URL('harness.c', import.meta.url).pathname;
  const args = [...flags.split(' '), ...more.split(' '), '-o', path, source];
  const result = spawnSync('gcc', args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`gcc: ${result.stderr}`);
  return { path, folder };
}

function memoryOf(draft: Draft): Uint8Array {
  const memory = initialMemory(draft.seed, draft.flavour).slice();
  applyBytes(memory, draft.patches);
  return memory;
}

function writeInput(draft: Draft, out: Buffer): void {
  const { words } = draft;
  for (let i = 0; i < 32; i++) out.writeUInt32LE(words[i], 4 * i);
  out.writeUInt32LE(words[WORD_FLAGS], IN_FLAGS);
  out.set(draft.code, IN_CODE);
  out.writeUInt16LE(draft.codeOffset, IN_CODE_OFFSET);
  out.writeUInt16LE(draft.code.length, IN_CODE_OFFSET + 2);
  out.writeUInt32LE(draft.untilNext ? STEP_UNTIL_NEXT : 0, IN_OPTIONS);
  out.writeUInt16LE(words[WORD_FCW], IN_FX);
  out.writeUInt16LE(words[WORD_FSW], IN_FX + 2);
  out.writeUInt8(words[WORD_FTW], IN_FX + 4);
  out.writeUInt32LE(words[WORD_MXCSR], IN_FX + 24);
  out.writeUInt32LE(0xffff, IN_FX + 28);
  for (let i = 0; i < 8; i++) {
    const at = IN_FX + 32 + 16 * i;
    out.writeUInt32LE(words[WORD_ST + 3 * i], at);
    out.writeUInt32LE(words[WORD_ST + 3 * i + 1], at + 4);
    out.writeUInt16LE(words[WORD_ST + 3 * i + 2], at + 8);
  }
  for (let i = 0; i < 64; i++) out.writeUInt32LE(words[WORD_XMM + i], IN_FX + 160 + 4 * i);
  out.set(memoryOf(draft), IN_MEMORY);
}

function readWords(out: Buffer): Uint32Array {
  const words = new Uint32Array(STATE_WORDS);
  for (let i = 0; i < 32; i++) words[i] = out.readUInt32LE(4 * i);
  words[WORD_RIP] = out.readUInt32LE(OUT_RIP);
  words[WORD_RIP + 1] = out.readUInt32LE(OUT_RIP + 4);
  words[WORD_FLAGS] = out.readUInt32LE(OUT_FLAGS);
  words[WORD_FCW] = out.readUInt16LE(OUT_FX);
  words[WORD_FSW] = out.readUInt16LE(OUT_FX + 2);
  words[WORD_FTW] = out.readUInt8(OUT_FX + 4);
  words[WORD_MXCSR] = out.readUInt32LE(OUT_FX + 24);
  for (let i = 0; i < 8; i++) {
    const at = OUT_FX + 32 + 16 * i;
    words[WORD_ST + 3 * i] = out.readUInt32LE(at);
    words[WORD_ST + 3 * i + 1] = out.readUInt32LE(at + 4);
    words[WORD_ST + 3 * i + 2] = out.readUInt16LE(at + 8);
  }
  for (let i = 0; i < 64; i++) words[WORD_XMM + i] = out.readUInt32LE(OUT_FX + 160 + 4 * i);
  return words;
}

function pairsOf(before: Uint32Array, after: Uint32Array): number[] {
  const pairs: number[] = [];
  for (let i = 0; i < STATE_WORDS; i++) if (before[i] !== after[i]) pairs.push(i, after[i]);
  return pairs;
}

function isIgnored(draft: Draft, offset: number): boolean {
  for (let i = 0; i < draft.memoryIgnored.length; i += 2) {
    const start = draft.memoryIgnored[i];
    if (offset >= start && offset < start + draft.memoryIgnored[i + 1]) return true;
  }
  return false;
}

function memoryChanges(draft: Draft, before: Uint8Array, after: Uint8Array): MemoryBytes[] {
  const changes: MemoryBytes[] = [];
  for (let i = 0; i < MEMORY_SIZE; i++) {
    if (before[i] === after[i] || isIgnored(draft, i)) continue;
    let end = i + 1;
    while (end < MEMORY_SIZE && before[end] !== after[end] && !isIgnored(draft, end)) end++;
    changes.push({ offset: i, bytes: after.slice(i, end) });
    i = end;
  }
  return changes;
}

function vectorOf(form: number, draft: Draft, out: Buffer): Vector {
  const trap = out.readUInt32LE(OUT_TRAP);
  const fault = trap === TRAP_DB ? NO_FAULT : trap;
  const after = readWords(out);
  const isFault = fault !== NO_FAULT;
  /* Spec: SDM vol. 2, REP: a fault leaves the flags as before the first iteration; the harness ran the earlier ones alone. */
  const mask = isFault && draft.untilNext ? DIRECTION_FLAG : draft.flagsMask;
  after[WORD_FLAGS] = (after[WORD_FLAGS] & mask) | (draft.words[WORD_FLAGS] & ~mask);
  const memoryAfter = Uint8Array.from(out.subarray(OUT_MEMORY, OUT_MEMORY + MEMORY_SIZE));
  if (!isFault) for (const at of draft.trapFlagBytes) memoryAfter[at + 1] &= ~TRAP_FLAG_HIGH_BYTE;
  return {
    form,
    seed: draft.seed,
    flavour: draft.flavour,
    codeOffset: draft.codeOffset,
    code: Uint8Array.from(draft.code),
    overrides: pairsOf(initialWords(draft.seed, draft.flavour, draft.codeOffset), draft.words),
    patches: draft.patches,
    flagsMask: mask,
    fswMask: draft.fswMask,
    memoryIgnored: draft.memoryIgnored,
    fault,
    error: isFault ? out.readUInt32LE(OUT_ERROR) : 0,
    cr2Lo: fault === 14 ? out.readUInt32LE(OUT_CR2) : 0,
    cr2Hi: fault === 14 ? out.readUInt32LE(OUT_CR2 + 4) : 0,
    changes: pairsOf(draft.words, after),
    memoryChanges: memoryChanges(draft, memoryOf(draft), memoryAfter),
  };
}

function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

function draftsOf(forms: readonly Form[]): { form: number; draft: Draft }[] {
  const drafts: { form: number; draft: Draft }[] = [];
  forms.forEach((form, index) => {
    const seed = hash(form.name);
    for (let i = 0; i < form.count; i++) {
      const draft = new Draft((seed + i) >>> 0, form.flavour);
      form.make(draft);
      drafts.push({ form: index, draft });
    }
  });
  return drafts;
}

function record(harness: string, forms: readonly Form[]): Vector[] {
  const drafts = draftsOf(forms);
  const vectors: Vector[] = [];
  for (let at = 0; at < drafts.length; at += BATCH) {
    const batch = drafts.slice(at, at + BATCH);
    const input = Buffer.alloc(IN_SIZE * batch.length);
    batch.forEach(({ draft }, i) => {
      writeInput(draft, input.subarray(i * IN_SIZE, (i + 1) * IN_SIZE));
    });
    const result = spawnSync(harness, [], { input, maxBuffer: OUT_SIZE * BATCH + 1 });
    const got = result.stdout.length / OUT_SIZE;
    if (result.status !== 0 || got !== batch.length) {
      const { form, draft } = batch[Math.min(Math.floor(got), batch.length - 1)];
      const code = Buffer.from(draft.code).toString('hex');
      throw new Error(`harness ended (${result.status ?? result.signal}) at "${forms[form].name}" ${code}`);
    }
    batch.forEach(({ form, draft }, i) => {
      const vector = vectorOf(form, draft, result.stdout.subarray(i * OUT_SIZE, (i + 1) * OUT_SIZE));
      if (vector.cr2Hi < KERNEL_HALF) vectors.push(vector);
    });
  }
  return vectors;
}

function main(): void {
  const wanted = process.argv.slice(2);
  const folder = new URL('../../tests/conformance/vectors/', import.meta.url).pathname;
  mkdirSync(folder, { recursive: true });
  const harness = buildHarness();
  try {
    for (const [name, forms] of Object.entries(FAMILIES)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const vectors = record(harness.path, forms);
      const faults = vectors.filter((vector) => vector.fault !== NO_FAULT).length;
      const infos = forms.map((form) => ({ name: form.name, tolerance: form.tolerance }));
      const bytes = encodeVectors({ forms: infos, vectors });
      writeFileSync(join(folder, `${name}.bin.gz`), bytes);
      const text = `${name}: ${forms.length} forms, ${vectors.length} vectors, ${faults} faults, ${bytes.length} bytes`;
      process.stdout.write(`${text}\n`);
    }
  } finally {
    rmSync(harness.folder, { recursive: true });
  }
}

main();
