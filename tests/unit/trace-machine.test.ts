/** A machine that is traced does what it would do else, and each line has the vCPU and its virtual time. */
import { describe, expect, it } from 'vitest';
import { Machine, saveMachine, TraceLog } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 1 << 20;
/** Reads counter 0 of the interval timer and sends what it reads, for ever. */
const TIMER_TO_SERIAL = tinyKernel([
  ...[0x66, 0xba, 0x40, 0x00], // mov dx, 40h
  0xec, // in al, dx
  ...[0x66, 0xba, 0xf8, 0x03], // mov dx, 3f8h
  0xee, // out dx, al
  ...[0xeb, 0xf4], // jmp to the first
]);
const SLICES = 20;

/** Runs the program for the same instructions each time. */
async function run(patterns: readonly string[], items: readonly string[] = []) {
  const lines: string[] = [];
  const trace = new TraceLog((line) => lines.push(line));
  trace.log.timestamps = true;
  for (const pattern of patterns) trace.log.setPattern(pattern);
  trace.log.setItems({ items: new Set(items), isByThread: false, patterns: [] });
  const machine = new Machine(
    { memoryBytes: 4 * MIB, kernel: TIMER_TO_SERIAL, icountShift: 3, rtcBaseMs: 0, trace },
    { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
  );
  const sent: number[] = [];
  machine.onSerial = (bytes) => sent.push(...bytes);
  machine.cont();
  // A slice ends by the host's clock, which stands: the timer stops the machine.
  machine.clock.timer(() => machine.stop()).arm(100_000);
  for (let slice = 0; slice < SLICES && machine.runState === 'running'; slice++) machine.run(0);
  const state = await saveMachine(machine);
  const { retiredInstructions } = machine;
  await machine.close();
  return { lines, sent, state, retiredInstructions };
}

describe('tracing', () => {
  it('changes neither what the machine does nor its snapshot', async () => {
    const quiet = await run([]);
    const traced = await run(['*'], ['guest_errors', 'unimp']);
    expect(quiet.lines).toEqual([]);
    expect(traced.lines.length).toBeGreaterThan(1000);
    expect(quiet.retiredInstructions).toBeGreaterThan(10_000);
    expect(traced.retiredInstructions).toBe(quiet.retiredInstructions);
    expect(traced.sent).toEqual(quiet.sent);
    expect(traced.state).toEqual(quiet.state);
    expect((await run(['*'], ['guest_errors', 'unimp'])).lines).toEqual(traced.lines);
  });

  it('tells nothing of a guest that does nothing wrong, and nothing of the warm-up of the interpreter', async () => {
    expect((await run([], ['guest_errors', 'unimp'])).lines).toEqual([]);
  });

  it('tells the vCPU and virtual time, none for what happens beside the guest', async () => {
    const { lines } = await run(['serial_write', 'x86_gsi_interrupt']);
    // What firmware does is no instruction of the guest's.
    const writes = lines.filter((line) => line.startsWith('0@') && line.includes('serial_write'));
    expect(writes[0]).toMatch(/^0@0\.\d{6}:serial_write write addr 0x00 val 0x[0-9a-f]{2}$/);
    const times = writes.map((line) => Number(/@([\d.]+):/.exec(line)?.[1]));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeGreaterThan(times[0] ?? 0);
    expect(lines[0]).toMatch(/^-1@0\.000000:x86_gsi_interrupt/);
  });
});
