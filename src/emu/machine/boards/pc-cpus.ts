/** Processors that come and go on the pc board: QEMU's checks, and what the board's registers and tables are told. */
import type { CpuHotplug, HotplugCpus, OspmStatus } from '../../acpi/cpu-hotplug.ts';
import type { AddressSpace } from '../../bus/address-space.ts';
import type { AcpiOstInfo, MachineEvents } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { type CpuSockets, UNASSIGNED_APIC_ID, UNSET_NODE } from '../../cpu/cpu-type.ts';
import type { NewDevice } from '../../qdev/device-type.ts';
import type { Hardware } from '../../qdev/hardware.ts';
import type { HotplugHandler, UnplugAnswer } from '../../qdev/hotplug-handler.ts';
import type { Qdev } from '../../qdev/tree.ts';
import { type CpuObject, cpuHardware } from '../cpu-object.ts';
import { type CpuPlace, placeOfCpu } from '../cpu-topology.ts';
import type { Numa } from '../numa.ts';
import type { MachineProcessor, Processors } from '../processors.ts';
import type { Place } from './board.ts';

const APIC_PAGE = 0x1000;

export interface PcCpusWiring {
  readonly processors: Processors;
  readonly events: MachineEvents;
  /** What monitors see of each. */
  readonly object: CpuObject;
  readonly numa: Numa;
  /** The guest let go of a device. */
  readonly unplug: (device: Qdev) => void;
  /** So many processors would start with the next boot. */
  readonly onCount: (cpus: number) => void;
}

/** A possible processor, as monitors list it. */
export interface HotpluggableCpu {
  readonly type: string;
  /** Absent: the place is empty. */
  readonly qomPath: string | undefined;
  readonly place: CpuPlace;
  /** QEMU: the die is told only where a socket has more than one. */
  readonly hasDies: boolean;
  /** The NUMA node that the place is in; undefined: there is none, or nobody has said it yet. */
  readonly node: number | undefined;
}

export class PcCpus implements HotplugHandler, HotplugCpus, CpuSockets {
  /** The registers that tell the guest. */
  hotplug: CpuHotplug | undefined;
  readonly #wiring: PcCpusWiring;
  readonly #devices = new Map<number, Qdev>();

  constructor(wiring: PcCpusWiring) {
    this.#wiring = wiring;
  }

  get count(): number {
    return this.#wiring.processors.smp.maxCpus;
  }

  /** Of all processors. */
  get #type(): string {
    return this.#wiring.processors.boot.cpu.identity.type;
  }

  get warnings(): readonly string[] {
    return this.#wiring.processors.boot.cpu.identity.warnings;
  }

  /** All places. */
  list(): readonly HotpluggableCpu[] {
    const { smp } = this.#wiring.processors;
    return Array.from({ length: this.count }, (_, index) => ({
      type: this.#type,
      qomPath: this.pathOf(index),
      place: placeOfCpu(smp, index),
      hasDies: smp.dies > 1,
      node: this.#wiring.numa.nodeOfCpu(index),
    }));
  }

  archId(index: number): number {
    return this.#wiring.processors.archId(index);
  }

  enabled(index: number): boolean {
    return this.#devices.has(index);
  }

  eject(index: number): void {
    const device = this.#devices.get(index);
    if (device !== undefined) this.#wiring.unplug(device);
  }

  ost(index: number, source: number, status: number): void {
    const info = this.#ostInfo(index, { source, status });
    this.#wiring.events.emit({ event: 'ACPI_DEVICE_OST', data: { info } });
  }

  /** What the guest said last of each place. */
  ospmStatus(): readonly AcpiOstInfo[] {
    return this.hotplug?.ospmStatus().map((said, index) => this.#ostInfo(index, said)) ?? [];
  }

  #ostInfo(index: number, said: OspmStatus): AcpiOstInfo {
    const id = this.#devices.get(index)?.id ?? '';
    return { ...(id === '' ? {} : { device: id }), ...said, slot: String(index), 'slot-type': 'CPU' };
  }

  /** While a snapshot is restored: processors that the board had at its start, and that are not among `paths`, leave. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const [index, device] of [...this.#devices])
      if (index !== 0 && !paths.has(device.path)) this.#wiring.unplug(device);
  }

  insert(apicId: number): Hardware {
    const { processors } = this.#wiring;
    return this.hardware(processors.add(this.#indexOf(apicId)));
  }

  hardware(processor: MachineProcessor): Hardware {
    return cpuHardware(processor, this.#wiring.processors, this.#wiring.object);
  }

  /** Undefined: no processor is in that place. */
  pathOf(index: number): string | undefined {
    return this.#devices.get(index)?.path;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    if (device.type.name !== this.#type)
      return new MonitorError(`Invalid CPU type, expected cpu type: '${this.#type}'`);
    const number = (name: string): number => Number(device.values.get(name));
    const given = number('apic-id');
    const apicId = given === UNASSIGNED_APIC_ID ? this.#apicIdOf(number) : given;
    if (apicId instanceof MonitorError) return apicId;
    const index = this.#indexOf(apicId);
    if (index < 0) return this.#noSuchPlace(apicId);
    if (this.#devices.has(index)) return new MonitorError(`CPU[${index}] with APIC ID ${apicId} exists`);
    const place = placeOfCpu(this.#wiring.processors.smp, index);
    const node = this.#wiring.numa.nodeOfCpu(index);
    const misplaced = placeError(number, { ...place, node }, apicId);
    if (misplaced !== undefined) return misplaced;
    for (const [name, value] of idsOf(place)) device.place(name, value);
    if (node !== undefined) device.place('node-id', node);
    device.place('apic-id', apicId);
    return undefined;
  }

  plug(device: Qdev): void {
    const index = this.#indexOf(Number(device.valueNamed('apic-id')));
    this.#devices.set(index, device);
    this.#wiring.onCount(this.#devices.size);
    if (device.hotplugged) this.hotplug?.inserted(index);
  }

  unplugRequest(device: Qdev): UnplugAnswer {
    const index = this.#indexOf(Number(device.valueNamed('apic-id')));
    if (index === 0) return new MonitorError('Boot CPU is unpluggable');
    return this.hotplug?.ejectRequested(index, device.type.name) ?? 'asked-anytime';
  }

  unplug(device: Qdev): void {
    this.#devices.delete(this.#indexOf(Number(device.valueNamed('apic-id'))));
    this.#wiring.onCount(this.#devices.size);
    // QEMU: the local APIC is a device in the processor, and leaves first. Its 7.2 without KVM then never tells of the processor itself.
    this.#wiring.events.emit({ event: 'DEVICE_DELETED', data: { path: `${device.path}/lapic` } });
  }

  /** The number of the place; -1: there is none. */
  #indexOf(apicId: number): number {
    for (let index = 0; index < this.count; index++) if (this.archId(index) === apicId) return index;
    return -1;
  }

  /** From the four ids. */
  #apicIdOf(number: (name: string) => number): number | MonitorError {
    const { processors } = this.#wiring;
    const { sockets, dies, cores, threads } = processors.smp;
    const ends = [
      ['socket-id', sockets],
      ['die-id', dies],
      ['core-id', cores],
      ['thread-id', threads],
    ] as const;
    let index = 0;
    for (const [name, count] of ends) {
      // QEMU: the only die need not be named.
      const value = name === 'die-id' && dies === 1 ? Math.max(0, number(name)) : number(name);
      if (value < 0) return new MonitorError(`CPU ${name} is not set`);
      if (value >= count)
        return new MonitorError(`Invalid CPU ${name}: ${value} must be in range 0:${count - 1}`);
      index = index * count + value;
    }
    return processors.archId(index);
  }

  #noSuchPlace(apicId: number): MonitorError {
    const { socket, die, core, thread } = this.#wiring.processors.placeOfApicId(apicId);
    const place = `[socket: ${socket}, die: ${die}, core: ${core}, thread: ${thread}]`;
    return new MonitorError(
      `Invalid CPU ${place} with APIC ID ${apicId}, valid index range 0:${this.count - 1}`,
    );
  }
}

/** Puts the page of the local APICs where the first one says that it is. */
export function mapApics(physical: AddressSpace, { hub, boot }: Processors): void {
  hub.mapped(physical.map(boot.apic.base, APIC_PAGE, hub, { name: 'apic-msi' }));
}

/** The properties that say where a processor is. */
export function idsOf({ socket, die, core, thread }: CpuPlace): readonly (readonly [string, number])[] {
  return [
    ['socket-id', socket],
    ['die-id', die],
    ['core-id', core],
    ['thread-id', thread],
  ];
}

/**
 * QEMU's error for ids that are not those of `place`.
 * @param asked an id by its property's name; negative: the user gave none
 */
export function placeError(
  asked: (name: string) => number,
  place: CpuPlace & { readonly node?: number | undefined },
  apicId: number,
): MonitorError | undefined {
  const wrong = idsOf(place).find(([name, value]) => asked(name) >= 0 && asked(name) !== value);
  if (wrong !== undefined) return mismatch(wrong[0], asked(wrong[0]), apicId, wrong[1]);
  const node = place.node ?? 0;
  const askedNode = asked('node-id');
  if (askedNode === UNSET_NODE || askedNode === node) return undefined;
  return new MonitorError(`invalid node-id, must be ${node}`);
}

/** The property values of a processor that the board has from the start; its node may be said later. */
export function cpuValues(processors: Processors, numa: Numa, index: number): NonNullable<Place['values']> {
  const ids = idsOf(placeOfCpu(processors.smp, index));
  return {
    ...Object.fromEntries(ids),
    'node-id': () => numa.nodeOfCpu(index) ?? UNSET_NODE,
    'apic-id': processors.archId(index),
  };
}

function mismatch(name: string, asked: number, apicId: number, value: number): MonitorError {
  const hex = apicId.toString(16);
  return new MonitorError(
    `property ${name}: ${asked} doesn't match set apic-id: 0x${hex} (${name}: ${value})`,
  );
}
