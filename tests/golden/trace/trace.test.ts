/** Plays the recorded accesses to our machine: the lines of its trace are QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TRACE_EVENTS, TRACE_FORMATS } from '../../../src/emu/core/trace-events.ts';
import { formatted, ObjectNumbers } from '../../../src/emu/core/trace-format.ts';
import {
  attachBackends,
  attachDevices,
  type Machine,
  machineOfCommandLine,
  readCommandLine,
} from '../../../src/emu/index.ts';
import { memoryImages } from '../../support/headless-guest.ts';
import { COMMON, DISK, SESSIONS, type Step, type TraceRecords, type TraceSession } from './sessions.ts';

const at = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const RECORDS: TraceRecords = JSON.parse(at('lines.json'));
const MIB = 1 << 20;

/** Of wires that have this level already QEMU tells again. The timer's moves with the host's time. */
const TIMER =
  /^(?:x86_gsi_interrupt GSI interrupt #0|pic_set_irq master 1 irq 0|ioapic_set_irq vector: 0|apic_deliver_irq dest 0 .* vector 0) /;
const WIRE = /^((?:x86_gsi_interrupt|pic_set_irq|ioapic_set_irq) .*)\b(\d)$/;

async function machineOf({ arguments: own }: TraceSession): Promise<Machine> {
  const commandLine = readCommandLine([...COMMON, '-S', ...own], () => {});
  if ('text' in commandLine) throw new Error(commandLine.text);
  const images = memoryImages();
  await images.createEmpty(DISK.name, DISK.bytes);
  const host = { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
  const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes: 64 * MIB };
  const machine = machineOfCommandLine(commandLine, parts, host);
  attachBackends(machine, commandLine, () => {});
  await attachDevices(machine, commandLine, () => {});
  machine.devices.machineReady();
  return machine;
}

async function play(machine: Machine, step: Step): Promise<void> {
  const { ports, physical } = machine.board;
  switch (step[0]) {
    case 'in':
      ports.readAnywhere(step[1], step[2]);
      break;
    case 'out':
      ports.writeAnywhere(step[1], step[2], step[3]);
      break;
    case 'read':
      physical.readAnywhere(step[1], step[2]);
      break;
    case 'write':
      physical.writeAnywhere(step[1], step[2], step[3]);
      break;
    case 'ram':
      machine.memory.write(step[1], Buffer.from(step[2], 'hex'));
      break;
    case 'pass':
      machine.clock.runDue();
      await machine.drives.settled();
      machine.clock.runDue();
      break;
  }
}

/** The lines that a session gives; an object is `@` and its number. */
async function linesOf(session: TraceSession): Promise<readonly string[]> {
  const machine = await machineOf(session);
  const wanted = new Set(
    session.patterns.flatMap((pattern) => machine.trace.log.events(pattern).map(({ name }) => name)),
  );
  const numbers = new ObjectNumbers();
  const lines: string[] = [];
  machine.trace.listen((name, args) => {
    if (name === 'message') {
      if (session.items?.includes(String(args[1])) === true) lines.push(String(args[0]));
      return;
    }
    if (!wanted.has(name)) return;
    const told = args.map((value) => (typeof value === 'object' ? `@${numbers.of(value)}` : value));
    lines.push(`${name} ${formatted(TRACE_FORMATS[name], told, numbers)}`);
  });
  for (const step of session.steps) await play(machine, step);
  return lines;
}

/** QEMU's lines of events that we have. */
function recorded({ name, items = [] }: TraceSession): readonly string[] {
  const known = new Set<string>(TRACE_EVENTS);
  const levels = new Map<string, string>();
  return (RECORDS[name] ?? []).filter((line) => {
    const isEvent = known.has(line.split(' ')[0] ?? '');
    if ((!isEvent && items.length === 0) || TIMER.test(line)) return false;
    const [, wire, level] = WIRE.exec(line) ?? [];
    if (wire === undefined || level === undefined) return true;
    const isNew = levels.get(wire) !== level;
    levels.set(wire, level);
    return isNew;
  });
}

/** Objects in the order in which these lines name them. A request is another one each time; QEMU's may have the memory of one before. */
function numbered(lines: readonly string[]): readonly string[] {
  const names: string[] = [];
  return lines.map((line) =>
    line.replaceAll(/req @\d+/g, 'req @').replaceAll(/@\d+/g, (name) => {
      if (!names.includes(name)) names.push(name);
      return `@${names.indexOf(name) + 1}`;
    }),
  );
}

describe('the trace', () => {
  it.each(SESSIONS)('tells of $name what QEMU tells', async (session) => {
    expect(numbered(await linesOf(session))).toEqual(numbered(recorded(session)));
  });

  it('has names of QEMU in its order, and two of our own', () => {
    const qemu = at('events.txt').trimEnd().split('\n');
    expect(TRACE_EVENTS).toEqual([...qemu, 'hotslot_register_read', 'hotslot_register_write']);
  });
});
