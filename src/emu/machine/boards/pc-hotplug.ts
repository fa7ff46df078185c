/** The PIIX4's hotplug registers on the pc board: what they report to, and whose devices they speak of. */
import { CpuHotplug } from '../../acpi/cpu-hotplug.ts';
import { GpeBlock } from '../../acpi/gpe.ts';
import { MemoryHotplug } from '../../acpi/memory-hotplug.ts';
import { PciHotplug } from '../../acpi/pci-hotplug.ts';
import type { AddressSpace } from '../../bus/address-space.ts';
import type { Device } from '../../core/device.ts';
import type { IrqLine } from '../../core/irq.ts';
import type { Trace } from '../../core/trace.ts';
import { PC_DIMM } from '../../memory/pc-dimm-type.ts';
import type { PciBus } from '../../pci/pci-bus.ts';
import { PciSlots } from '../../pci/pci-slots.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import { VIRTIO_MEM_PCI } from '../../virtio/virtio-mem-pci-type.ts';
import type { PcCpus } from './pc-cpus.ts';
import type { PcDeviceMemory } from './pc-device-memory.ts';
import type { PcDimms } from './pc-dimms.ts';
import { PcMemoryCards } from './pc-memory-cards.ts';

/** QEMU: the number of the root bus in the hotplug registers. */
const ROOT_BSEL = 0;

export interface PcHotplugWiring {
  readonly ports: AddressSpace;
  readonly pciBus: PciBus;
  readonly sci: IrqLine;
  readonly devices: DeviceManager;
  readonly cpus: PcCpus;
  readonly deviceMemory: PcDeviceMemory;
  readonly dimms: PcDimms;
  readonly trace: Trace;
}

export interface PcHotplug {
  readonly slots: PciSlots;
  /** The register blocks, in the order of reset. */
  readonly blocks: readonly Device[];
}

export function pcHotplug(wiring: PcHotplugWiring): PcHotplug {
  const { ports, pciBus, devices, cpus, deviceMemory, dimms, trace } = wiring;
  const gpe = new GpeBlock(wiring.sci, trace);
  const pci: PciHotplug = new PciHotplug(
    {
      removableSlots: (bsel) => (bsel === ROOT_BSEL ? slots.removable() : 0),
      eject: (bsel, slot) => (bsel === ROOT_BSEL ? slots.eject(slot) : 0),
      acpiIndex: (bsel, slot) => (bsel === ROOT_BSEL ? slots.acpiIndex(slot) : 0),
    },
    gpe,
    trace,
  );
  const slots = new PciSlots(
    pciBus,
    {
      bsel: ROOT_BSEL,
      inserted: (slot) => pci.inserted(ROOT_BSEL, slot),
      ejectRequested: (slot) => pci.ejectRequested(ROOT_BSEL, slot),
    },
    (device) => devices.unplug(device),
  );
  const cpu = new CpuHotplug(cpus, gpe, trace);
  cpus.hotplug = cpu;
  devices.handle(({ category }) => category === 'CPU', cpus);
  devices.handle(({ name }) => name === PC_DIMM.name, dimms);
  devices.handle(({ name }) => name === VIRTIO_MEM_PCI.name, new PcMemoryCards(deviceMemory, slots));
  const blocks: (Device & { attach(io: AddressSpace): unknown })[] = [gpe, pci, cpu];
  // QEMU: the registers exist only with slots.
  if (dimms.slots > 0) {
    dimms.hotplug = new MemoryHotplug(dimms, gpe, trace);
    blocks.push(dimms.hotplug);
  }
  for (const block of blocks) block.attach(ports);
  return { slots, blocks };
}
