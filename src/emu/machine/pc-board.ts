/** The `pc` board: i440FX, PIIX3 and PIIX4 with all that hangs on them, wired as QEMU wires it. */

import type { AcpiConfig } from '../acpi/acpi-config.ts';
import { CpuHotplug } from '../acpi/cpu-hotplug.ts';
import { GpeBlock } from '../acpi/gpe.ts';
import { PciHotplug } from '../acpi/pci-hotplug.ts';
import { buildAcpiTables } from '../acpi/tables.ts';
import { Piix3Ide } from '../ata/piix3-ide.ts';
import { AddressSpace } from '../bus/address-space.ts';
import type { CharBackend } from '../char/char-backend.ts';
import { Serial16550 } from '../char/serial-16550.ts';
import { FwCfg } from '../chipset/fw-cfg.ts';
import { Hpet } from '../chipset/hpet.ts';
import { I440fx } from '../chipset/i440fx.ts';
import { I8254 } from '../chipset/i8254.ts';
import { I8257 } from '../chipset/i8257.ts';
import { I8259Pair } from '../chipset/i8259.ts';
import { IoApic } from '../chipset/ioapic.ts';
import { Mc146818 } from '../chipset/mc146818.ts';
import { pcCmos } from '../chipset/pc-cmos.ts';
import { PcSpeaker } from '../chipset/pcspk.ts';
import { Piix3 } from '../chipset/piix3.ts';
import { Piix4Pm, type PowerEvents } from '../chipset/piix4-pm.ts';
import { Port92 } from '../chipset/port92.ts';
import { attachPostPort } from '../chipset/post-port.ts';
import type { Clock } from '../core/clock.ts';
import type { Device } from '../core/device.ts';
import { type ApicBus, fanOut, type IrqLine, type MsiSink, UNCONNECTED, WiredOr } from '../core/irq.ts';
import type { Plain } from '../core/plain.ts';
import type { Trace } from '../core/trace.ts';
import { cpuidLeaf } from '../cpu/system/cpuid.ts';
import { writeBiosTables } from '../firmware/bios-tables.ts';
import { setUpChips } from '../firmware/chip-setup.ts';
import { writeBiosDataArea } from '../firmware/low-memory.ts';
import { FIRMWARE_DATA_SIZE } from '../firmware/memory-map.ts';
import type { PciInterrupt } from '../firmware/mp-table.ts';
import { I8042 } from '../input/i8042.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { PCI_INTERRUPT_LINE } from '../pci/config-space.ts';
import { PciBus } from '../pci/pci-bus.ts';
import type { PciDevice } from '../pci/pci-device.ts';
import { PciHost } from '../pci/pci-host.ts';
import { assignPciResources } from '../pci/pci-resources.ts';
import type { DeviceManager } from './hotplug.ts';
import { describePcBoard } from './qdev-pc.ts';

const ISA_IRQS = 16;
const CASCADE_IRQ = 2;
const SCI_IRQ = 9;
/** COM1 to COM4. */
const COM_PORTS = [
  { iobase: 0x3f8, irq: 4 },
  { iobase: 0x2f8, irq: 3 },
  { iobase: 0x3e8, irq: 4 },
  { iobase: 0x2e8, irq: 3 },
] as const;
const IO_APIC = { id: 0, base: 0xfec00000 };
const PM_BASE = 0x600;
const BOOT_CPU = { apicId: 0, sockets: 1, cores: 1, threads: 1 };

export interface PcWiring {
  readonly memory: GuestMemory;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly wallClockMs: number;
  /** The local APICs: messages, MSI, and the wire from the 8259 pair. */
  readonly apics: ApicBus & MsiSink;
  readonly intr: IrqLine;
  readonly power: PowerEvents;
  /** The guest asked for a reset. */
  readonly reset: () => void;
  /** The other ends of COM1 to COM4; without one there is no such port. */
  readonly serials: readonly (CharBackend | undefined)[];
  readonly cpus: number;
  readonly devices: DeviceManager;
  readonly archId: (cpu: number) => number;
}

export class PcBoard {
  readonly ports = new AddressSpace('I/O');
  readonly physical = new AddressSpace('memory', 'zeros');
  readonly pic: I8259Pair;
  readonly ioApic: IoApic;
  readonly pciBus: PciBus;
  readonly pm: Piix4Pm;
  readonly fwCfg: FwCfg;
  readonly gpe: GpeBlock;
  readonly pciHotplug: PciHotplug;
  readonly i8042: I8042;
  readonly rtc: Mc146818;
  /** Everything with state, in the order of reset. */
  readonly chips: readonly Device<Plain>[];
  readonly #wiring: PcWiring;
  readonly #i440fx: I440fx;
  readonly #piix3: Piix3;
  readonly #ide: Piix3Ide;

  constructor(wiring: PcWiring) {
    this.#wiring = wiring;
    const { memory, clock, trace, apics, power, reset } = wiring;
    const { ports, physical } = this;
    const pic = new I8259Pair(wiring.intr, trace);
    const ioApic = new IoApic(apics, () => pic.acknowledge(), trace);
    this.pic = pic;
    this.ioApic = ioApic;
    const isa = Array.from({ length: ISA_IRQS }, (_, irq) =>
      irq === CASCADE_IRQ ? undefined : new WiredOr(fanOut(pic.line(irq), ioApic.line(irq))),
    );
    const isaInput = (irq: number): IrqLine => isa[irq]?.input() ?? UNCONNECTED;
    const gsi = (line: number): IrqLine => (line < ISA_IRQS ? isaInput(line) : ioApic.line(line));
    pic.attach(ports);
    ioApic.attachMemory(physical);

    let pit: I8254 | undefined;
    const hpet = new Hpet(gsi, (on) => pit?.enableIrq(on), clock, trace);
    pit = new I8254(hpet.pitIrq, clock);
    const speaker = new PcSpeaker(pit);
    const cmos = pcCmos({
      ramBelow4g: memory.size,
      ramAbove4g: 0,
      cpus: wiring.cpus,
      bootOrder: 'cad',
      floppies: [0, 0],
      disks: [undefined, undefined, undefined, undefined],
    });
    const rtc = new Mc146818(hpet.rtcIrq, clock, wiring.wallClockMs, cmos);
    this.rtc = rtc;
    const dma = new I8257(trace);
    const port92 = new Port92(UNCONNECTED, reset);
    this.i8042 = new I8042(
      { keyboardIrq: isaInput(1), mouseIrq: isaInput(12), a20: UNCONNECTED, reset },
      trace,
    );
    this.fwCfg = new FwCfg(memory, trace);
    hpet.attachMemory(physical);
    for (const chip of [pit, speaker, rtc, dma, port92, this.i8042, this.fwCfg]) chip.attach(ports);
    attachPostPort(ports);
    const serials = serialPorts(wiring).map(({ iobase, irq, backend }) => {
      const serial = new Serial16550(isaInput(irq), backend, clock, trace);
      serial.attach(ports, iobase);
      return serial;
    });

    this.#piix3 = new Piix3(
      ports,
      Array.from({ length: ISA_IRQS }, (_, irq) => isaInput(irq)),
      reset,
    );
    this.pciBus = new PciBus({
      name: 'pci.0',
      io: ports,
      memory: physical,
      msi: apics,
      pirqs: this.#piix3.pirqs,
    });
    const pciHost = new PciHost(this.pciBus, ports, trace);
    this.#i440fx = new I440fx(memory.size);
    this.#ide = new Piix3Ide(ports, [isaInput(14), isaInput(15)]);
    const sci = new WiredOr(isaInput(SCI_IRQ));
    this.pm = new Piix4Pm({ ports, clock, sci: sci.input(), power, trace });
    this.pciBus.add(this.#i440fx, 0x00);
    this.pciBus.add(this.#piix3, 0x08);
    this.pciBus.add(this.#ide, 0x09);
    this.pciBus.add(this.pm, 0x0b);
    this.pm.machineReady();

    this.gpe = new GpeBlock(sci.input(), trace);
    const { hotplug, connectHotplug } = describePcBoard(wiring.devices, {
      pciBus: this.pciBus,
      i440fx: this.#i440fx,
      piix3: this.#piix3,
      piix3Ide: this.#ide,
      piix4Pm: this.pm,
      serialPorts: serialPorts(wiring),
      i8042: true,
    });
    this.pciHotplug = new PciHotplug(hotplug, this.gpe, trace);
    connectHotplug(this.pciHotplug);
    const cpuHotplug = new CpuHotplug(
      { count: wiring.cpus, archId: wiring.archId, enabled: () => true, eject: () => {}, ost: () => {} },
      this.gpe,
      trace,
    );
    this.gpe.attach(ports);
    this.pciHotplug.attach(ports);
    cpuHotplug.attach(ports);
    this.chips = [
      pic,
      ioApic,
      hpet,
      pit,
      speaker,
      rtc,
      dma,
      port92,
      this.i8042,
      this.fwCfg,
      ...serials,
      pciHost,
      this.gpe,
      this.pciHotplug,
      cpuHotplug,
    ];
  }

  /** Back to power-on; devices that were plugged stay. */
  reset(): void {
    for (const chip of this.chips) chip.reset();
    for (const device of this.pciBus.devices()) device.reset();
  }

  /** What a BIOS would have done before it starts the kernel. Gives the address of the ACPI root pointer. */
  firmwareSetup(): number {
    const { memory } = this.#wiring;
    assignPciResources(this.pciBus);
    this.#i440fx.firmwareSetup();
    this.#piix3.firmwareSetup();
    this.#ide.firmwareSetup();
    this.pm.firmwareSetup();
    const serials = serialPorts(this.#wiring).map(({ iobase }) => iobase);
    setUpChips(this.ports, this.physical, serials);
    writeBiosDataArea(memory, serials);
    const rsdp = this.#writeAcpiTables();
    const { cpus, archId } = this.#wiring;
    const [cpuSignature, , , cpuFeatures] = cpuidLeaf(1, 0, BOOT_CPU, true);
    return writeBiosTables(memory, {
      rsdp,
      mp: {
        apicIds: Array.from({ length: cpus }, (_, index) => archId(index)),
        cpuSignature,
        cpuFeatures,
        ioApic: IO_APIC,
        pci: this.pciBus.devices().flatMap(interruptOf),
      },
      smbios: { ramSize: memory.size, cpus, cpuSignature, cpuFeatures },
    });
  }

  #writeAcpiTables(): Uint8Array {
    const { memory, cpus, archId } = this.#wiring;
    const config: AcpiConfig = {
      ramSize: memory.size,
      cpus: Array.from({ length: cpus }, (_, index) => ({ apicId: archId(index), present: true })),
      pci: { bsel: 0, devices: this.pciBus.devices().map(describeFunction) },
      hpet: true,
      serialPorts: serialPorts(this.#wiring).map(({ index }) => index + 1),
      parallelPort: false,
      ioApic: IO_APIC,
      pmBase: PM_BASE,
    };
    const base = memory.size - FIRMWARE_DATA_SIZE;
    const { rsdp, tables } = buildAcpiTables(config, base);
    memory.write(base, tables);
    return rsdp;
  }
}

/** The ports that the board has. */
function serialPorts({ serials }: PcWiring) {
  return COM_PORTS.flatMap((port, index) => {
    const backend = serials[index];
    return backend === undefined ? [] : [{ ...port, index, backend }];
  });
}

function interruptOf({ devfn, identity, config }: PciDevice): PciInterrupt[] {
  const pin = identity.interruptPin ?? 0;
  if (pin === 0) return [];
  return [{ slot: devfn >> 3, pin: pin - 1, irq: config.read(PCI_INTERRUPT_LINE, 1) }];
}

function describeFunction(device: { readonly devfn: number }): AcpiConfig['pci']['devices'][number] {
  const slot = device.devfn >> 3;
  const func = device.devfn & 7;
  const onBoard = slot <= 1;
  return { slot, func, hotpluggable: !onBoard, ...(device.devfn === 0x08 ? { kind: 'isa' as const } : {}) };
}
