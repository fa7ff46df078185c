/** Random programs on two processors, one with compiled code and one without: all that a guest can see is the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import { assemble, loopOf, programArbitrary } from '../support/jit-program.ts';
import { JitRig } from '../support/jit-rig.ts';

const RUNS = Number(process.env['HOTSLOT_JIT_RUNS'] ?? 500);
const SEED = Number(process.env['HOTSLOT_JIT_SEED'] ?? 20_240_607);
const MINUTES = 60_000;
/** Instructions that compiled code must have run on average, for this test to mean anything. */
const INSTRUCTIONS_MIN = 2000;
/** Short slices first: each is a sample of where the program loops. */
const WARM_UP = [40, 23, 77, 31, 59, 45, 90, 64, 37, 101, 53, 71, 83];

interface Slice {
  readonly count: number;
  readonly exact: boolean;
  /** An interrupt arrives before it. */
  readonly interrupt: boolean;
}

const sliceArbitrary: fc.Arbitrary<Slice> = fc.record({
  count: fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1025, max: 3000 })),
  exact: fc.boolean(),
  interrupt: fc.boolean(),
});

const compiled = new JitRig(true);
const interpreted = new JitRig(false);

/** The first difference, or undefined. */
function difference(): string | undefined {
  const got = compiled.state();
  const want = interpreted.state();
  const wrong = got.flatMap((line, i) => (line === want[i] ? [] : [`${line}, interpreted ${want[i]}`]));
  if (wrong.length > 0) return wrong.join('; ');
  const seen = compiled.log.findIndex((line, i) => line !== interpreted.log[i]);
  if (seen >= 0 || compiled.log.length !== interpreted.log.length) {
    return `device: ${compiled.log[seen]}, interpreted ${interpreted.log[seen]}`;
  }
  const [bytes, others] = [compiled.memory(), interpreted.memory()];
  if (Buffer.compare(bytes, others) === 0) return undefined;
  const at = bytes.findIndex((byte, i) => byte !== others[i]);
  return `[${at.toString(16)}] ${bytes[at]}, interpreted ${others[at]}`;
}

function lockstep(code: Uint8Array, registers: readonly number[], slices: readonly Slice[]): void {
  const listing = (): string => Buffer.from(code).toString('hex');
  for (const rig of [compiled, interpreted]) rig.load(code, registers);
  const warmUp = WARM_UP.map((count) => ({ count, exact: false, interrupt: false }));
  for (const [number, { count, exact, interrupt }] of [...warmUp, ...slices].entries()) {
    const [exit, other] = [compiled, interpreted].map((rig) => {
      if (interrupt) rig.interrupt();
      return rig.run(count, exact);
    });
    const wrong = exit === other ? difference() : `exit ${exit}, interpreted ${other}`;
    if (wrong !== undefined)
      throw new Error(`slice ${number} (${count}, exact ${exact}): ${wrong}\n${listing()}`);
    if (exit === 'shutdown') return;
    if (compiled.fault !== undefined || exit === 'halted') {
      for (const rig of [compiled, interpreted]) rig.land(registers);
    }
  }
}

/** Rare in random programs. */
const PROGRAMS: readonly (readonly [string, readonly number[]])[] = [
  [
    // mov rax, -1 << 32; shr rax, 32; mov [rbx], rax; cmp rax, [rbx]; jne over; inc rcx
    'a word that is negative after a shift by 32 equals itself',
    [0x48, 0xb8, 0, 0, 0, 0, 255, 255, 255, 255, 0x48, 0xc1, 0xe8, 32].concat([
      0x48, 0x89, 0x03, 0x48, 0x3b, 0x03, 0x75, 3, 0x48, 0xff, 0xc1,
    ]),
  ],
  [
    // cmp [rbx], edx; jne over; inc ecx; mov eax, [r15]; inc edx
    'a device is read behind a branch: it sees the count of instructions',
    [0x39, 0x13, 0x75, 2, 0xff, 0xc1, 0x41, 0x8b, 0x07, 0xff, 0xc2],
  ],
  [
    // jrcxz over; pinsrw xmm0, [r15], 0; inc eax
    'a device is read by a helper behind a branch',
    [0xe3, 0, 0x66, 0x41, 0x0f, 0xc4, 0x07, 0, 0xff, 0xc0],
  ],
  [
    // inc eax; mov edi, 0x402141; mov ecx, 1; rep stosb; add edx, the byte at 0x402141
    'a string instruction writes into the instruction behind it',
    [0xff, 0xc0, 0xbf, 0x41, 0x21, 0x40, 0, 0xb9, 1, 0, 0, 0, 0xf3, 0xaa, 0x83, 0xc2, 0],
  ],
];

describe('compiled code and the interpreter in lockstep', () => {
  test.each(PROGRAMS)('%s', (_title, body) => {
    inLockstep(body);
  });

  test('a region that waits until the engine has optimised it', () => {
    const { compiler } = compiled.engine;
    const before = compiler.compiled;
    compiler.policy = { ...EAGER, patience: 1e-6 };
    // inc eax
    inLockstep([0xff, 0xc0]);
    compiler.policy = EAGER;
    expect(compiler.compiled).toBeGreaterThan(before);
  });

  function inLockstep(body: readonly number[]): void {
    const slices = Array.from({ length: 8 }, (_, n) => ({
      count: 900 + n,
      exact: false,
      interrupt: n % 3 === 1,
    }));
    lockstep(loopOf(body), [1], slices);
  }

  test(
    'random programs with faults, devices, interrupts and writes to their own code',
    () => {
      const registers = fc.array(fc.integer(), { minLength: 1, maxLength: 32 });
      const slices = fc.array(sliceArbitrary, { minLength: 1, maxLength: 20 });
      fc.assert(
        fc.property(programArbitrary, registers, slices, (program, words, parts) => {
          lockstep(assemble(program), words, parts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
      expect(compiled.instructions).toBeGreaterThan(RUNS * INSTRUCTIONS_MIN);
      expect(interpreted.engine.compiler.compiled).toBe(0);
    },
    10 * MINUTES,
  );
});
