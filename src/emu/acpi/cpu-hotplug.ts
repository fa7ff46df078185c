/**
 * ACPI CPU hotplug controller: the guest selects a CPU by its number and reads or answers its events.
 * Spec: QEMU docs/specs/acpi_cpu_hotplug.rst. A machine starts with the legacy block; the AML switches it over.
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler, VmState } from '../core/device.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { BOOLEAN, bytes, DWORD, integer, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { TraceEventName } from '../core/trace-events.ts';
import { AlignedIo } from './aligned-io.ts';
import { GPE_CPU_HOTPLUG_BIT, type GpeEvents } from './gpe.ts';

export const CPU_HOTPLUG_BASE = 0xaf00;
export const CPU_HOTPLUG_SIZE = 12;
export const CPU_HOTPLUG_LEGACY_SIZE = 32;

const SELECTOR = 0x0;

const FLAG_ENABLED = 0x01;
const FLAG_INSERTING = 0x02;
const FLAG_REMOVING = 0x04;
const FLAG_EJECT = 0x08;
const FLAG_FIRMWARE = 0x10;

const COMMAND_NEXT_EVENT = 0;
const COMMAND_OST_EVENT = 1;
const COMMAND_OST_STATUS = 2;
const COMMAND_ARCH_ID = 3;

/** QEMU: the CPU that started first cannot be ejected. */
const FIRST_CPU = 0;

/** What the controller needs of the machine. A CPU's number is its place in the list of possible CPUs. */
export interface HotplugCpus {
  /** How many CPUs are possible. */
  readonly count: number;
  /** The APIC id of a possible CPU. */
  archId(cpu: number): number;
  enabled(cpu: number): boolean;
  /** The guest let go of the CPU: take it out. */
  eject(cpu: number): void;
  /** The guest told how far it got (`_OST`). */
  ost(cpu: number, source: number, status: number): void;
}

/** The last `_OST` report of one CPU or DIMM. */
export interface OspmStatus {
  readonly source: number;
  readonly status: number;
}

export type CpuHotplugState = {
  readonly legacy: boolean;
  readonly selector: number;
  readonly command: number;
  readonly events: Uint8Array;
  readonly ostEvent: Uint32Array;
  readonly ostStatus: Uint32Array;
};

export class CpuHotplug implements Device<CpuHotplugState>, IoHandler {
  static readonly registers = new RegisterTable<CpuHotplug>(
    {
      name: 'acpi-cpu-hotplug',
      title: 'ACPI CPU hotplug',
      place:
        'ports from 0xaf00, after a write of 0 there; before that 32 bytes, in which bit n tells that the CPU with APIC id n is present',
      spec: 'QEMU docs/specs/acpi_cpu_hotplug.rst',
    },
    [
      register(SELECTOR, 4, 'CSEL', 'selects a CPU by its number, for the other registers', {
        write: (device, value) => device.#select(value),
      }),
      register(0x0, 4, 'CDAT2', 'upper half of the data of the command: 0', {
        read: (device, size) => mask(device.#traced('cpuhp_acpi_read_cmd_data2', 0), size),
      }),
      register(
        0x4,
        1,
        'FLAGS',
        'read: enabled, inserting, removing; write: clears one of the latter, ejects, leaves it to firmware',
        {
          read: (device, size) =>
            mask(device.#traced('cpuhp_acpi_read_flags', device.#flags(device.#s.selector)), size),
          write: (device, value) => device.#writeFlags(device.#s.selector, value),
        },
      ),
      register(
        0x5,
        1,
        'CCMD',
        'command: 0 selects the next CPU with an event, 1 and 2 make CDAT take an OST event and status, 3 tells the APIC id',
        {
          write: (device, value) => device.#runCommand(device.#s.selector, value),
        },
      ),
      register(0x8, 4, 'CDAT', 'data of the command', {
        read: (device, size) => mask(device.#traced('cpuhp_acpi_read_cmd_data', device.#commandData()), size),
        write: (device, value) => device.#writeData(device.#s.selector, value),
      }),
    ],
  );

  readonly vmstate: VmState<CpuHotplugState>;

  readonly #cpus: HotplugCpus;
  readonly #gpe: GpeEvents;
  readonly #trace: Trace;

  readonly #s: {
    legacy: boolean;
    selector: number;
    command: number;
    events: Uint8Array;
    ostEvent: Uint32Array;
    ostStatus: Uint32Array;
  };

  constructor(cpus: HotplugCpus, gpe: GpeEvents, trace: Trace) {
    this.#cpus = cpus;
    this.#gpe = gpe;
    this.#trace = trace;
    const { count } = cpus;
    this.vmstate = {
      name: 'CPU hotplug state',
      version: 1,
      fields: record<CpuHotplugState>({
        legacy: BOOLEAN,
        selector: DWORD,
        command: integer(COMMAND_NEXT_EVENT, COMMAND_ARCH_ID),
        events: bytes(count),
        ostEvent: typedArray(Uint32Array, count),
        ostStatus: typedArray(Uint32Array, count),
      }),
    };
    this.#s = {
      legacy: true,
      selector: 0,
      command: 0,
      events: new Uint8Array(count),
      ostEvent: new Uint32Array(count),
      ostStatus: new Uint32Array(count),
    };
  }

  attach(io: AddressSpace, base: number = CPU_HOTPLUG_BASE): Mapping {
    return io.map(base, CPU_HOTPLUG_LEGACY_SIZE, new AlignedIo(this), { name: 'acpi-cpu-hotplug' });
  }

  /** A CPU arrived while the guest runs. */
  inserted(cpu: number): void {
    if (!this.#s.legacy) this.#s.events[cpu] |= FLAG_INSERTING;
    this.#gpe.raise(GPE_CPU_HOTPLUG_BIT);
  }

  /** Asks the guest to let go of a CPU. The legacy block cannot ask: QEMU's error, with the device's type name. */
  ejectRequested(cpu: number, typeName: string): MonitorError | undefined {
    if (this.#s.legacy) {
      return new MonitorError(`acpi: device unplug request for not supported device type: ${typeName}`);
    }
    this.#s.events[cpu] |= FLAG_REMOVING;
    this.#gpe.raise(GPE_CPU_HOTPLUG_BIT);
    return undefined;
  }

  /** What `query-acpi-ospm-status` tells of each possible CPU. QEMU: nothing of any, before the guest has switched over. */
  ospmStatus(): readonly OspmStatus[] {
    if (this.#s.legacy) return [];
    return Array.from(this.#s.ostEvent, (source, cpu) => ({ source, status: this.#s.ostStatus[cpu] }));
  }

  read(offset: number, size: AccessSize): number {
    if (this.#s.legacy) return this.#readLegacy(offset, size);
    // QEMU: the ports behind the modern block belong to nobody once the guest has switched over.
    if (offset >= CPU_HOTPLUG_SIZE) return mask(0xffffffff, size);
    if (this.#s.selector >= this.#cpus.count) return 0;
    return CpuHotplug.registers.read(this, this.#trace, offset, size) ?? 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (this.#s.legacy) {
      // QEMU: nobody ever wrote the legacy bitmap, so a 0 at its start tells that the AML knows the modern block.
      if (offset === 0 && value === 0) this.#s.legacy = false;
      return;
    }
    if (offset !== SELECTOR && !this.#isSelectionValid(offset)) return;
    CpuHotplug.registers.write(this, this.#trace, offset, size, value);
  }

  /** QEMU: a reset changes nothing here; pending events, the selector and the modern block stay. */
  reset(): void {}

  save(): CpuHotplugState {
    return structuredClone(this.#s);
  }

  restore({ legacy, selector, command, events, ostEvent, ostStatus }: CpuHotplugState): void {
    this.#s.legacy = legacy;
    this.#s.selector = selector;
    this.#s.command = command;
    this.#s.events.set(events);
    this.#s.ostEvent.set(ostEvent);
    this.#s.ostStatus.set(ostStatus);
  }

  /** QEMU: registers of a CPU that is not there say so in the trace. */
  #isSelectionValid(offset: number): boolean {
    if (offset >= CPU_HOTPLUG_SIZE) return false;
    const { selector } = this.#s;
    if (selector < this.#cpus.count) return true;
    this.#event('cpuhp_acpi_invalid_idx_selected', selector);
    return false;
  }

  #select(cpu: number): void {
    this.#s.selector = cpu;
    this.#event('cpuhp_acpi_write_idx', cpu);
  }

  #readLegacy(offset: number, size: AccessSize): number {
    let value = 0;
    for (let cpu = 0; cpu < this.#cpus.count; cpu++) {
      const bit = this.#cpus.archId(cpu) - offset * 8;
      if (bit >= 0 && bit < size * 8 && this.#cpus.enabled(cpu)) value |= 1 << bit;
    }
    return value >>> 0;
  }

  #flags(cpu: number): number {
    return this.#s.events[cpu] | (this.#cpus.enabled(cpu) ? FLAG_ENABLED : 0);
  }

  #commandData(): number {
    if (this.#s.command === COMMAND_NEXT_EVENT) return this.#s.selector;
    return this.#s.command === COMMAND_ARCH_ID ? this.#cpus.archId(this.#s.selector) : 0;
  }

  /** QEMU: one write does one thing, the lowest bit's. */
  #writeFlags(cpu: number, value: number): void {
    const { events } = this.#s;
    const ejectable = cpu !== FIRST_CPU && this.#cpus.enabled(cpu);
    if (value & FLAG_INSERTING) {
      events[cpu] &= ~FLAG_INSERTING;
      this.#event('cpuhp_acpi_clear_inserting_evt', cpu);
    } else if (value & FLAG_REMOVING) {
      events[cpu] &= ~FLAG_REMOVING;
      this.#event('cpuhp_acpi_clear_remove_evt', cpu);
    } else if (value & FLAG_EJECT) {
      this.#event(ejectable ? 'cpuhp_acpi_ejecting_cpu' : 'cpuhp_acpi_ejecting_invalid_cpu', cpu);
      if (!ejectable) return;
      events[cpu] &= ~FLAG_FIRMWARE;
      this.#cpus.eject(cpu);
    } else if (value & FLAG_FIRMWARE) {
      this.#event(ejectable ? 'cpuhp_acpi_fw_remove_cpu' : 'cpuhp_acpi_fw_remove_invalid_cpu', cpu);
      if (ejectable) events[cpu] |= FLAG_FIRMWARE;
    }
  }

  #runCommand(cpu: number, command: number): void {
    if (this.#trace.on) this.#trace.event('cpuhp_acpi_write_cmd', cpu, command);
    if (command > COMMAND_ARCH_ID) return;
    this.#s.command = command;
    if (command === COMMAND_NEXT_EVENT) this.#selectNextEvent(cpu);
  }

  /** Selects the first CPU with an event, from the selected one upwards and round; without any, none is selected anew. */
  #selectNextEvent(from: number): void {
    for (let step = 0; step < this.#cpus.count; step++) {
      const cpu = (from + step) % this.#cpus.count;
      const events = this.#s.events[cpu];
      if (events === 0) continue;
      this.#s.selector = cpu;
      if (this.#trace.on) {
        const inserting = events & FLAG_INSERTING ? 1 : 0;
        this.#trace.event('cpuhp_acpi_cpu_has_events', cpu, inserting, events & FLAG_REMOVING ? 1 : 0);
      }
      return;
    }
  }

  #writeData(cpu: number, value: number): void {
    const { ostEvent, ostStatus, command } = this.#s;
    if (command === COMMAND_OST_EVENT) {
      ostEvent[cpu] = value;
      if (this.#trace.on) this.#trace.event('cpuhp_acpi_write_ost_ev', cpu, value);
    } else if (command === COMMAND_OST_STATUS) {
      ostStatus[cpu] = value;
      this.#cpus.ost(cpu, ostEvent[cpu], value);
      if (this.#trace.on) this.#trace.event('cpuhp_acpi_write_ost_status', cpu, value);
    }
  }

  #traced(event: TraceEventName, value: number): number {
    if (this.#trace.on) this.#trace.event(event, this.#s.selector, value);
    return value;
  }

  #event(name: TraceEventName, cpu: number): void {
    if (this.#trace.on) this.#trace.event(name, cpu);
  }
}

function mask(value: number, size: AccessSize): number {
  return size === 4 ? value >>> 0 : value & ((1 << (size * 8)) - 1);
}
