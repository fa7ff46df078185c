/** Random programs on two processors, one under a debugger that stops it again and again: all that a guest can see is the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_WATCHPOINTS, type WatchKind } from '../../src/emu/cpu/debugger.ts';
import { assemble, CODE, DATA, ENTRY, FRESH, programArbitrary, STACK_TOP } from '../support/jit-program.ts';
import { JitRig } from '../support/jit-rig.ts';

const RUNS = Number(process.env['HOTSLOT_DEBUG_RUNS'] ?? 600);
const SEED = Number(process.env['HOTSLOT_DEBUG_SEED'] ?? 20_261_130);
const MINUTES = 60_000;
const SLICE = 400;
const SLICES = 12;
/** Stops per program, on average, for this test to mean anything. */
const STOPS_MIN = 2;

interface Point {
  readonly kind: WatchKind | 'break';
  readonly address: number;
  readonly length: number;
  /** It is set before this slice: code is compiled, pages are in the TLB by then. */
  readonly slice: number;
}

const near = (address: number, reach: number): fc.Arbitrary<number> =>
  fc.integer({ min: address - reach, max: address + reach });

const pointArbitrary: fc.Arbitrary<Point> = fc.record({
  kind: fc.constantFrom('break', 'read', 'write', 'access'),
  address: fc.oneof(
    near(ENTRY + 0x80, 0x80),
    near(DATA + 0x800, 0x100),
    near(DATA + 0x1000, 16),
    near(STACK_TOP, 64),
    near(FRESH + 0x40, 64),
    near(CODE + 0x180, 0x40),
  ),
  length: fc.constantFrom(1, 2, 4, 8, 64),
  slice: fc.integer({ min: 0, max: SLICES - 1 }),
});

const debugged = new JitRig(true);
const plain = new JitRig(false);
let stops = 0;

function set({ kind, address, length }: Point): void {
  const { debugger: points } = debugged.engine.cpu;
  if (kind === 'break') points.addBreakpoint(BigInt(address));
  else points.addWatchpoint({ kind, address: BigInt(address), length: BigInt(length) });
}

/** A slice under the debugger: where it stops at a breakpoint it steps over it. */
function runDebugged(): string {
  const { engine } = debugged;
  for (let left = 60; left > 0 && debugged.fault === undefined; left--) {
    const before = engine.retired;
    const exit = debugged.run(SLICE, false);
    if (exit !== 'debug') return exit;
    stops++;
    if (engine.cpu.debugger.hit !== undefined && engine.retired > before) continue;
    const step = engine.step(true);
    if (step !== 'debug') return step;
  }
  // It may stand in the middle of a repeated instruction, where the other one never is.
  engine.cpu.debugger.removeAll();
  return debugged.fault === undefined ? debugged.run(SLICE, false) : 'budget';
}

/** The first difference, or undefined. */
function difference(): string | undefined {
  const want = plain.state();
  const wrong = debugged
    .state()
    .flatMap((line, i) => (line === want[i] ? [] : [`${line}, plain ${want[i]}`]));
  if (wrong.length > 0) return wrong.join('; ');
  return Buffer.compare(debugged.memory(), plain.memory()) === 0 ? undefined : 'memory';
}

function lockstep(code: Uint8Array, registers: readonly number[], points: readonly Point[]): void {
  debugged.engine.cpu.debugger.removeAll();
  for (const rig of [debugged, plain]) rig.load(code, registers);
  for (let slice = 0; slice < SLICES; slice++) {
    for (const point of points) if (point.slice === slice) set(point);
    const exit = runDebugged();
    // The debugger's stops are not where blocks end: the other one comes there instruction by instruction.
    while (plain.engine.retired < debugged.engine.retired && plain.fault === undefined) {
      if (plain.run(1, true) === 'shutdown') break;
    }
    // A fault, at the next instruction.
    if (debugged.fault !== undefined && plain.fault === undefined) plain.run(1, true);
    // A device was reached: an interrupt of it comes at the end of a block, which is not the same for both.
    if (debugged.log.length + plain.log.length > 0 || exit === 'shutdown') return;
    const wrong = difference();
    if (wrong !== undefined) {
      const at = JSON.stringify(points);
      throw new Error(`slice ${slice}: ${wrong}\n${Buffer.from(code).toString('hex')}\n${at}`);
    }
    if (debugged.fault !== undefined || exit === 'halted') {
      for (const rig of [debugged, plain]) rig.land(registers);
    }
  }
}

test(
  'a program that a debugger stops again and again does what it does without',
  () => {
    const registers = fc.array(fc.integer(), { minLength: 1, maxLength: 32 });
    const points = fc.array(pointArbitrary, { minLength: 1, maxLength: Math.min(12, MAX_WATCHPOINTS) });
    fc.assert(
      fc.property(programArbitrary, registers, points, (program, words, set) => {
        lockstep(assemble(program), words, set);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(stops).toBeGreaterThan(RUNS * STOPS_MIN);
    expect(debugged.instructions).toBeGreaterThan(RUNS * 100);
  },
  10 * MINUTES,
);
