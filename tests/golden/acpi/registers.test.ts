/** Plays the recorded sessions to our hotplug registers: every answer and every trace event is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CpuHotplug } from '../../../src/emu/acpi/cpu-hotplug.ts';
import { GpeBlock } from '../../../src/emu/acpi/gpe.ts';
import { type DimmInfo, MemoryHotplug } from '../../../src/emu/acpi/memory-hotplug.ts';
import { PciHotplug } from '../../../src/emu/acpi/pci-hotplug.ts';
import { AddressSpace } from '../../../src/emu/bus/address-space.ts';
import { UNCONNECTED } from '../../../src/emu/core/irq.ts';
import { TraceLog } from '../../../src/emu/core/trace.ts';
import { SESSIONS, type Session, type SessionRecord, type Step } from './register-sessions.ts';

const RECORDS: Readonly<Record<string, SessionRecord>> = JSON.parse(
  readFileSync(new URL('registers.json', import.meta.url), 'utf8'),
);

interface Model {
  plug(n: number): void;
  unplug(n: number): void;
  reset(): void;
}

/** The machine around the device of a session, as the session's QEMU arguments say. */
function model(kind: Session['kind'], io: AddressSpace, gpe: GpeBlock, trace: TraceLog): Model {
  if (kind === 'pci') return pciModel(io, gpe, trace);
  return kind === 'cpu' ? cpuModel(io, gpe, trace) : dimmModel(io, gpe, trace);
}

function pciModel(io: AddressSpace, gpe: GpeBlock, trace: TraceLog): Model {
  const cards = new Map([[4, 7]]);
  const fixedSlots = (1 << 0) | (1 << 1) | (1 << 5) | (1 << 6);
  const device = new PciHotplug(
    {
      removableSlots: (bsel) => (bsel === 0 ? ~fixedSlots : ~0),
      eject: (bsel, slot) => (bsel === 0 && cards.delete(slot) ? 1 : 0),
      acpiIndex: (bsel, slot) => (bsel === 0 ? (cards.get(slot) ?? 0) : bsel === 1 ? 0 : undefined),
    },
    gpe,
    trace,
  );
  device.attach(io);
  return {
    plug: (slot) => {
      cards.set(slot, 0);
      device.inserted(0, slot);
    },
    unplug: (slot) => device.ejectRequested(0, slot),
    reset: () => device.reset(),
  };
}

function cpuModel(io: AddressSpace, gpe: GpeBlock, trace: TraceLog): Model {
  const enabled = new Set([0, 1]);
  const device = new CpuHotplug(
    {
      count: 4,
      archId: (cpu) => cpu,
      enabled: (cpu) => enabled.has(cpu),
      eject: (cpu) => enabled.delete(cpu),
      ost() {},
    },
    gpe,
    trace,
  );
  device.attach(io);
  return {
    plug: (cpu) => {
      enabled.add(cpu);
      device.inserted(cpu);
    },
    unplug: (cpu) => device.ejectRequested(cpu, 'qemu64-x86_64-cpu'),
    reset: () => device.reset(),
  };
}

function dimmModel(io: AddressSpace, gpe: GpeBlock, trace: TraceLog): Model {
  const dimms = new Map<number, DimmInfo>();
  const device = new MemoryHotplug(
    { slots: 2, dimm: (slot) => dimms.get(slot), eject: (slot) => dimms.delete(slot), ost() {} },
    gpe,
    trace,
  );
  device.attach(io);
  return {
    plug: (slot) => {
      dimms.set(slot, { addr: 2 ** 32, sizeBytes: 2 ** 27, node: 0 });
      device.inserted(slot);
    },
    unplug: (slot) => device.ejectRequested(slot),
    reset: () => device.reset(),
  };
}

function play(step: Step, io: AddressSpace, machine: Model, gpe: GpeBlock, values: number[]): void {
  switch (step[0]) {
    case 'in':
      values.push(io.readAnywhere(step[1], step[2]));
      break;
    case 'out':
      io.writeAnywhere(step[1], step[2], step[3]);
      break;
    case 'plug':
      machine.plug(step[1]);
      break;
    case 'unplug':
      machine.unplug(step[1]);
      break;
    case 'reset':
      machine.reset();
      gpe.reset();
      break;
  }
}

describe('hotplug registers answer as QEMU 7.2', () => {
  it.each(SESSIONS)('$kind: $name', ({ kind, name, steps }) => {
    const io = new AddressSpace('io');
    const trace = new TraceLog();
    const events: (string | number)[][] = [];
    trace.listen((event, args) => {
      if (event !== 'message') events.push([event, ...args]);
    });
    const gpe = new GpeBlock(UNCONNECTED, trace);
    gpe.attach(io);
    const machine = model(kind, io, gpe, trace);
    const values: number[] = [];
    for (const step of steps) play(step, io, machine, gpe, values);
    expect(events).toEqual(RECORDS[name]?.trace);
    expect(values).toEqual(RECORDS[name]?.values);
  });
});
