/** The PIIX4's hotplug registers on the pc board: what they report to, and whose devices they speak of. */
import { CpuHotplug } from '../../acpi/cpu-hotplug.ts';
import { GpeBlock } from '../../acpi/gpe.ts';
import { MemoryHotplug } from '../../acpi/memory-hotplug.ts';
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
import { PcPciHotplug, type PcPciHotplugOptions } from './pc-pci-hotplug.ts';

export interface PcHotplugWiring {
  readonly ports: AddressSpace;
  readonly pciBus: PciBus;
  readonly pciOptions: PcPciHotplugOptions;
  readonly sci: IrqLine;
  readonly devices: DeviceManager;
  readonly cpus: PcCpus;
  readonly deviceMemory: PcDeviceMemory;
  readonly dimms: PcDimms;
  readonly trace: Trace;
}

export interface PcHotplug {
  /** Of the root bus. */
  readonly slots: PciSlots;
  readonly pci: PcPciHotplug;
  /** The register blocks, in the order of reset. */
  readonly blocks: readonly Device[];
}

export function pcHotplug(wiring: PcHotplugWiring): PcHotplug {
  const { ports, pciBus, devices, cpus, deviceMemory, dimms, trace } = wiring;
  const gpe = new GpeBlock(wiring.sci, trace);
  const pci = new PcPciHotplug(wiring.pciOptions, gpe, {
    trace,
    unplug: (device) => devices.unplug(device),
  });
  const slots = new PciSlots(pciBus, pci.unplug);
  pci.addRoot(slots);
  const cpu = new CpuHotplug(cpus, gpe, trace);
  cpus.hotplug = cpu;
  devices.handle(({ category }) => category === 'CPU', cpus);
  devices.handle(({ name }) => name === PC_DIMM.name, dimms);
  devices.handle(({ name }) => name === VIRTIO_MEM_PCI.name, new PcMemoryCards(deviceMemory));
  const blocks: (Device & { attach(io: AddressSpace): unknown })[] = [gpe, pci.registers, cpu];
  // QEMU: the registers exist only with slots.
  if (dimms.slots > 0) {
    dimms.hotplug = new MemoryHotplug(dimms, gpe, trace);
    blocks.push(dimms.hotplug);
  }
  for (const block of blocks) block.attach(ports);
  return { slots, pci, blocks };
}
