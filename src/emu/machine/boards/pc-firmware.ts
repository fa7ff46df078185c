/** What a BIOS does on the pc board before it starts the kernel. */
import type { AcpiConfig, AcpiNuma, AcpiPciBus, AcpiPciDevice } from '../../acpi/acpi-config.ts';
import { buildAcpiTables } from '../../acpi/tables.ts';
import { PIIX3 } from '../../chipset/chip-types.ts';
import { PVPANIC } from '../../chipset/pvpanic-types.ts';
import { cpuidLeaf } from '../../cpu/system/cpuid.ts';
import { SINGLE_PROCESSOR } from '../../cpu/vcpu.ts';
import { writeBiosTables } from '../../firmware/bios-tables.ts';
import { setUpChips } from '../../firmware/chip-setup.ts';
import { writeBiosDataArea } from '../../firmware/low-memory.ts';
import { FIRMWARE_DATA_SIZE } from '../../firmware/memory-map.ts';
import type { PciInterrupt } from '../../firmware/mp-table.ts';
import { PCI_INTERRUPT_LINE } from '../../pci/config-space.ts';
import { type PciBus, pciFunction, pciSlot } from '../../pci/pci-bus.ts';
import type { PciDevice } from '../../pci/pci-device.ts';
import { PciHardware } from '../../pci/pci-hardware.ts';
import { assignPciResources } from '../../pci/pci-resources.ts';
import type { Qdev } from '../../qdev/tree.ts';
import type { SmpConfig } from '../cpu-topology.ts';
import { machineVersion } from '../machine-versions.ts';
import type { Numa } from '../numa.ts';
import { uuidBytes } from '../uuid.ts';
import type { PcBoard } from './pc.ts';

const IO_APIC = { id: 0, base: 0xfec00000 };
const PM_BASE = 0x600;

/** Gives the address of the ACPI root pointer. */
export function pcFirmwareSetup(board: PcBoard): number {
  const { memory, ram, processors, machineType } = board.wiring;
  assignPciResources(board.pciBus);
  board.i440fx.openForFirmware();
  for (const chip of [board.piix3, board.ide, board.pm]) chip.firmwareSetup();
  const serials = board.serials.map(({ iobase }) => iobase);
  setUpChips(board.ports, board.physical, serials);
  writeBiosDataArea(memory, serials);
  const rsdp = writeAcpiTables(board);
  const { identity, topology } = processors.boot.cpu;
  const [cpuSignature, , , cpuFeatures] = cpuidLeaf(identity, 1, 0, topology, true);
  // QEMU: SMBIOS does not say that a processor shares its socket.
  const [, , , loneFeatures] = cpuidLeaf(identity, 1, 0, SINGLE_PROCESSOR, true);
  const apicIds = processors.present.map(({ index }) => processors.archId(index)).sort((a, b) => a - b);
  const root = writeBiosTables(memory, {
    rsdp,
    mp: {
      apicIds,
      cpuSignature,
      cpuFeatures,
      ioApic: IO_APIC,
      pci: board.pciBus.devices().flatMap(interruptOf),
    },
    smbios: {
      machine: machineType,
      uuid: uuidBytes(board.uuid),
      ram,
      ...socketFacts(processors.smp),
      cpuSignature,
      cpuFeatures: loneFeatures,
    },
  });
  board.i440fx.firmwareSetup(board.wiring.settings?.smm !== false);
  return root;
}

/** A socket, whether or not a processor is in it. */
function socketFacts({ sockets, dies, cores, threads }: SmpConfig) {
  return { sockets, cores: dies * cores, threads: dies * cores * threads };
}

function writeAcpiTables(board: PcBoard): Uint8Array {
  const { wiring, serials } = board;
  const { memory, ram, processors, numa, dimms, devices } = wiring;
  const config: AcpiConfig = {
    ram,
    cpus: Array.from({ length: processors.smp.maxCpus }, (_, index) => ({
      apicId: processors.archId(index),
      present: processors.at(index) !== undefined,
      node: numa.nodeOfCpu(index),
    })),
    pci: describeBus(board),
    hpet: true,
    serialPorts: serials.map(({ index }) => index + 1),
    parallelPort: false,
    floppies: board.floppies,
    pvpanicPort: pvpanicPort(devices.tree.devices()),
    ioApic: IO_APIC,
    pmBase: PM_BASE,
    numa: acpiNuma(numa),
    ...machineVersion(wiring.machineType).acpi,
    ...{ oem: wiring.settings?.oem, hasSmm: wiring.settings?.smm },
    ...(dimms === undefined ? {} : { dimms }),
  };
  const base = ram.below4g - FIRMWARE_DATA_SIZE;
  const { rsdp, tables } = buildAcpiTables(config, base);
  memory.write(base, tables);
  return rsdp;
}

function acpiNuma({ nodes, distances, hmat }: Numa): AcpiNuma | undefined {
  if (nodes.length === 0) return undefined;
  return { ramBytes: nodes.map(({ ramBytes }) => ramBytes), distances, hmat };
}

function pvpanicPort(devices: readonly Qdev[]): number | undefined {
  const port = devices.find(({ type }) => type.name === PVPANIC.name)?.valueNamed('ioport');
  return port === undefined ? undefined : Number(port);
}

function interruptOf({ devfn, identity, config }: PciDevice): PciInterrupt[] {
  const pin = identity.interruptPin ?? 0;
  if (pin === 0) return [];
  return [{ slot: pciSlot(devfn), pin: pin - 1, irq: config.read(PCI_INTERRUPT_LINE, 1) }];
}

/** What the DSDT says of the root bus, and of the buses behind bridges that ACPI tells of. */
function describeBus({ pciBus, pciHotplug, wiring }: PcBoard): AcpiPciBus {
  const owners = new Map<PciDevice, Qdev>();
  for (const device of wiring.devices.tree.devices()) {
    if (device.hardware instanceof PciHardware) owners.set(device.hardware.function, device);
  }
  const busContents = (bus: PciBus): AcpiPciBus => {
    const bsel = pciHotplug.bselOf(bus);
    return { ...(bsel === undefined ? {} : { bsel }), devices: bus.devices().map(describeFunction) };
  };
  /** That a function stays is a fact of its type. */
  const describeFunction = (device: PciDevice): AcpiPciDevice => {
    const { devfn, bridge } = device;
    const type = owners.get(device)?.type;
    const place = {
      slot: pciSlot(devfn),
      func: pciFunction(devfn),
      hotpluggable: type?.hotpluggable === true,
    };
    if (bridge !== undefined && pciHotplug.bselOf(bridge.secondary) !== undefined)
      return { ...place, bridge: busContents(bridge.secondary) };
    return type?.name === PIIX3.name ? { ...place, kind: 'isa' } : place;
  };
  return busContents(pciBus);
}
