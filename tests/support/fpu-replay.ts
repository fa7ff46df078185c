/** Replays the recordings in tests/vectors/fpu. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { SSE_OPS } from '../../src/emu/cpu/sse/ops.ts';
import { runSse, runX87 } from './fpu-cpu.ts';
import { CANONICAL_BYTES, canonical, difference, type FamilyCase, families, TRAPPED } from './fpu-vectors.ts';

/** One case: what the processor made of it, and what we made of it, as canonical records. */
export interface Replayed {
  readonly title: string;
  readonly before: Uint8Array;
  readonly expected: Uint8Array;
  readonly actual: Uint8Array;
}

function run(one: FamilyCase): Uint8Array {
  return one.op === undefined ? runX87(one.record) : runSse(one.record, one.op);
}

/** All cases of a family. */
export function replay(name: string): Replayed[] {
  const family = families(SSE_OPS).find((one) => one.name === name);
  if (family === undefined) throw new Error(`no family ${name}`);
  const packed = readFileSync(new URL(`../vectors/fpu/${name}.br`, import.meta.url));
  const recorded = brotliDecompressSync(packed);
  if (recorded.length !== family.cases.length * CANONICAL_BYTES) throw new Error(`${name}: record it anew`);
  return family.cases.map((one, i) => {
    const before = canonical(one.record);
    const change = recorded.subarray(i * CANONICAL_BYTES, (i + 1) * CANONICAL_BYTES);
    const ours = difference(one.record, run(one));
    return {
      title: one.title,
      before,
      expected: before.map((byte, k) => byte ^ (change[k] as number)),
      actual: before.map((byte, k) => byte ^ (ours[k] as number)),
    };
  });
}

function hex(record: Uint8Array, at: number, bytes: number): string {
  return Buffer.from(record.slice(at, at + bytes))
    .reverse()
    .toString('hex');
}

/** The state as text, for a diff that can be read. */
export function describeRecord(record: Uint8Array): Record<string, string> {
  const fields: Record<string, string> = {
    fcw: hex(record, 0, 2),
    fsw: hex(record, 2, 2),
    valid: hex(record, 4, 1),
    mxcsr: hex(record, 24, 4),
    memory: hex(record, 528, 16),
    rcx: hex(record, 544, 8),
    rax: hex(record, 552, 8),
    flags: hex(record, 560, 4),
    trapped: hex(record, TRAPPED, 1),
  };
  for (let n = 0; n < 8; n++) fields[`r${n}`] = hex(record, 32 + 16 * n, 10);
  for (let n = 0; n < 3; n++) fields[`xmm${n}`] = hex(record, 160 + 16 * n, 16);
  return fields;
}

/** The first cases that differ, as text; empty when all agree. */
export function mismatches(cases: readonly Replayed[]): unknown[] {
  return cases
    .filter(({ expected, actual }) => expected.some((byte, i) => byte !== actual[i]))
    .slice(0, 3)
    .map(({ title, before, expected, actual }) => ({
      title,
      before: describeRecord(before),
      expected: describeRecord(expected),
      actual: describeRecord(actual),
    }));
}
