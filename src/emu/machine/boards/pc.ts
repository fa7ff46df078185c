/** The `pc` board: i440FX, PIIX3 and PIIX4 with all that hangs on them, wired as QEMU wires it. */
import { dimmWindow } from '../../acpi/acpi-config.ts';
import { Piix3Ide } from '../../ata/piix3-ide.ts';
import { ideBuses, PIIX3_IDE } from '../../ata/piix3-ide-type.ts';
import { AddressSpace } from '../../bus/address-space.ts';
import { type MmioRange, SysbusHardware } from '../../bus/sysbus.ts';
import type { CharBackend } from '../../char/char-backend.ts';
import { Serial16550 } from '../../char/serial-16550.ts';
import { ISA_SERIAL } from '../../char/serial-type.ts';
import * as chip from '../../chipset/chip-types.ts';
import type { FwCfg } from '../../chipset/fw-cfg.ts';
import { Hpet } from '../../chipset/hpet.ts';
import { I440fx } from '../../chipset/i440fx.ts';
import { I8254 } from '../../chipset/i8254.ts';
import { I8257 } from '../../chipset/i8257.ts';
import type { I8259Pair } from '../../chipset/i8259.ts';
import type { IoApic } from '../../chipset/ioapic.ts';
import { ISA_SLOT, type IsaSlot, isaBus } from '../../chipset/isa-bus.ts';
import { Mc146818 } from '../../chipset/mc146818.ts';
import { bootOrderBytes, CMOS_CPU_COUNT, diskBytes, floppyBytes, pcCmos } from '../../chipset/pc-cmos.ts';
import { PcSpeaker } from '../../chipset/pcspk.ts';
import { Piix3 } from '../../chipset/piix3.ts';
import { Piix4Pm, type PowerEvents } from '../../chipset/piix4-pm.ts';
import { Port92 } from '../../chipset/port92.ts';
import { attachPostPort } from '../../chipset/post-port.ts';
import type { Clock } from '../../core/clock.ts';
import type { Device } from '../../core/device.ts';
import { type ApicBus, type IrqLine, IrqWires, type MsiSink, UNCONNECTED, WiredOr } from '../../core/irq.ts';
import type { MachineEvents } from '../../core/machine-events.ts';
import type { Trace } from '../../core/trace.ts';
import { ISA_FDC } from '../../floppy/fdc-types.ts';
import { cmosFloppyType, FLOPPY_TYPES, type FloppyType } from '../../floppy/floppy-formats.ts';
import { I8042 } from '../../input/i8042.ts';
import { I8042_TYPE, PS2_KBD, PS2_MOUSE } from '../../input/input-types.ts';
import { addPs2 } from '../../input/ps2-input.ts';
import type { UserInput } from '../../input/user-input.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { BIOS_REGION, FLASH_REGIONS, type RamLayout, ramSizeOf } from '../../memory/pc-ram.ts';
import { i440fxIntx, PciBus } from '../../pci/pci-bus.ts';
import type { PciDevice } from '../../pci/pci-device.ts';
import { PciHardware, type PciHardwareParts } from '../../pci/pci-hardware.ts';
import { PciHost } from '../../pci/pci-host.ts';
import type { DeviceType } from '../../qdev/device-type.ts';
import { solderedOn } from '../../qdev/hardware.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import type { GpioLines, Qdev } from '../../qdev/tree.ts';
import { PIIX3_USB_UHCI } from '../../usb/uhci-types.ts';
import { hasHyperTransport } from '../address-limit.ts';
import { type BootConfig, DEFAULT_BOOT_ORDER, NO_UUID } from '../boot-config.ts';
import type { CpuObject } from '../cpu-object.ts';
import type { MachineConfig } from '../machine-config.ts';
import { machineVersion } from '../machine-versions.ts';
import type { Numa } from '../numa.ts';
import type { Processors } from '../processors.ts';
import { BoardBuilder, busOf, gpioIn, gpioOut, type Place, wiresIn, wiresOut } from './board.ts';
import { cpuValues, PcCpus } from './pc-cpus.ts';
import { PcDeviceMemory } from './pc-device-memory.ts';
import { PcDimms } from './pc-dimms.ts';
import { addNumaKey, pcFwCfg } from './pc-fw-cfg.ts';
import { pcHotplug } from './pc-hotplug.ts';
import { PcInterrupts } from './pc-interrupts.ts';
import type { PcPciHotplug, PcPciHotplugOptions } from './pc-pci-hotplug.ts';

const SCI_IRQ = 9;
/** No address is for devices' memory. */
const NO_WINDOW = { min: 0, max: -1 };
/** COM1 to COM4. */
const COM_PORTS = [
  { iobase: 0x3f8, irq: 4 },
  { iobase: 0x2f8, irq: 3 },
  { iobase: 0x3e8, irq: 4 },
  { iobase: 0x2e8, irq: 3 },
] as const;
const IO_APIC_MMIO = { base: 0xfec0_0000, size: 0x1000 };
const HPET_MMIO = { base: 0xfed0_0000, size: 0x400 };
/** The third function of the PIIX3. */
const USB_DEVFN = 0x0a;
/** QEMU: what memory modules tell of themselves. */
const SMBUS_EEPROMS = 8;
const SMBBA = 0x90;
const SMB_BASE_MASK = 0xffc0;

export interface PcWiring {
  readonly memory: GuestMemory;
  readonly ram: RamLayout;
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
  readonly processors: Processors;
  /** What monitors see of each processor. */
  readonly cpuObject: CpuObject;
  /** Not complete yet: `numaComplete` says when. */
  readonly numa: Numa;
  /** `pc-i440fx-7.2`. */
  readonly machineType: string;
  readonly events: MachineEvents;
  readonly devices: DeviceManager;
  /** Who takes what the user does. */
  readonly input: UserInput;
  /** What the user says of it that only firmware and monitors see. */
  readonly settings?: Pick<
    MachineConfig,
    'uuid' | 'boot' | 'oem' | 'smm' | 'usb' | 'memoryBackend' | 'ideDrives' | 'floppyDrives'
  >;
  /** QEMU: -m slots=,maxmem=. Without slots the board has no registers for DIMMs. */
  readonly dimms?: { readonly slots: number; readonly maxSize: number } | undefined;
  /** RAM and DIMMs have so many bytes now. */
  readonly onMemorySize: (bytes: number) => void;
}

/** A serial port of the board. */
export interface PcSerial {
  readonly index: number;
  readonly iobase: number;
  readonly irq: number;
  readonly backend: CharBackend;
}

export class PcBoard {
  readonly ports = new AddressSpace('I/O');
  readonly physical = new AddressSpace('memory', 'zeros');
  readonly wiring: PcWiring;
  readonly serials: readonly PcSerial[];
  readonly pic: I8259Pair;
  readonly ioApic: IoApic;
  readonly pciBus: PciBus;
  readonly pciHotplug: PcPciHotplug;
  readonly i440fx: I440fx;
  readonly piix3: Piix3;
  readonly ide: Piix3Ide;
  /** Names that are kept free for the drives of the board's own. */
  readonly ideDrives: readonly string[];
  readonly floppyDrives: readonly string[];
  readonly #fdc: Qdev;
  readonly pm: Piix4Pm;
  readonly rtc: Mc146818;
  readonly fwCfg: FwCfg;
  readonly keys: I8042;
  readonly cpus: PcCpus;
  readonly deviceMemory: PcDeviceMemory;
  readonly dimms: PcDimms;

  /** The user's firmware is in ROM, or in flash. */
  get hasBios(): boolean {
    return this.memory.regions.some(({ name }) => name === BIOS_REGION || name === FLASH_REGIONS[0]);
  }

  get uuid(): string {
    return this.wiring.settings?.uuid ?? NO_UUID;
  }

  get memory(): GuestMemory {
    return this.wiring.memory;
  }

  /** What was chosen for one start is over with the first reset. */
  #endOnce(boot: BootConfig): void {
    const { events } = this.wiring;
    const stop = events.listen(({ event }) => {
      if (event !== 'RESET') return;
      stop();
      this.setBootOrder(boot.order ?? DEFAULT_BOOT_ORDER);
    });
  }

  /** The addresses of AMD's HyperTransport are kept free. */
  get hypertransport(): boolean {
    const { machineType, processors } = this.wiring;
    return hasHyperTransport(machineVersion(machineType), processors.boot.cpu.identity);
  }

  /** The user has said all of NUMA nodes: firmware is told of them, and their RAM is that of the board. */
  numaComplete(): void {
    const { numa, processors } = this.wiring;
    const cpus = this.cpus.list().map(({ node }, index) => ({ apicId: processors.archId(index), node }));
    addNumaKey(this.fwCfg, this.#apicIds, cpus, numa.nodes);
    if (numa.nodes.some(({ memdev }) => memdev !== undefined)) this.deviceMemory.leaveRamToNodes();
  }

  /** QEMU: the APIC ids that processors can have, not their number. */
  get #apicIds(): number {
    const { processors } = this.wiring;
    return processors.archId(processors.smp.maxCpus - 1) + 1;
  }

  /** All devices of the command line are there: firmware is told of disks and floppy drives. */
  rememberDisks(): void {
    const [a, b] = this.floppies;
    const floppies = floppyBytes([cmosFloppyType(a), cmosFloppyType(b)]);
    for (const [index, value] of [...diskBytes(this.ide.disks), ...floppies]) this.rtc.setCmos(index, value);
  }

  /** What the drives A and B of the board's controller are. */
  get floppies(): readonly (FloppyType | undefined)[] {
    const drives = busOf(this.#fdc, 'floppy-bus.0').devices;
    return [0, 1].map((unit) => {
      const type = drives.find((drive) => drive.valueNamed('unit') === unit)?.valueNamed('drive-type');
      return FLOPPY_TYPES.find((one) => one === type);
    });
  }

  /** The order in which firmware looks for a system. Throws QEMU's error. */
  setBootOrder(order: string): void {
    const skipsFloppyCheck = this.wiring.settings?.boot?.skipsFloppyCheck;
    for (const [index, value] of bootOrderBytes(order, skipsFloppyCheck)) this.rtc.setCmos(index, value);
  }

  constructor(wiring: PcWiring) {
    this.wiring = wiring;
    this.serials = serialPorts(wiring);
    const { memory, ram, clock, trace, apics, devices, reset, processors } = wiring;
    const { ports, physical } = this;
    ports.trace = trace;
    physical.trace = trace;
    const { boot = {} } = wiring.settings ?? {};

    // What others are wired to comes first.
    const intr = new IrqWires([wiring.intr]);
    const irqs = new PcInterrupts(intr.line(0), apics, trace);
    this.pic = irqs.pic;
    this.ioApic = irqs.ioApic;
    const sci = new WiredOr(irqs.isa(SCI_IRQ));
    const hpet: Hpet = new Hpet(
      (line) => irqs.gsi(line),
      (on) => pit.enableIrq(on),
      clock,
      trace,
    );
    const hpetWires = new IrqWires([hpet.pitIrq, hpet.rtcIrq]);
    const [pitWire, rtcWire] = [0, 1].map((input) => new IrqWires([hpetWires.line(input)]));
    const pit = new I8254(pitWire.line(0), clock, trace);
    this.piix3 = new Piix3(ports, irqs.allIsa(), reset);
    // QEMU: what the board itself maps hides what is on PCI.
    const pciMemory = new AddressSpace('pci', 'zeros');
    pciMemory.trace = trace;
    physical.window(0, 2 ** 64, pciMemory, { priority: -1 });
    const intx = i440fxIntx(this.piix3.pirqs);
    this.pciBus = new PciBus({ name: 'pci.0', io: ports, memory: pciMemory, msi: apics, dma: memory, intx });
    this.cpus = new PcCpus({
      processors,
      events: wiring.events,
      object: wiring.cpuObject,
      numa: wiring.numa,
      unplug: (device) => devices.unplug(device),
      onCount: (count) => this.rtc?.setCmos(CMOS_CPU_COUNT, count - 1),
    });
    this.deviceMemory = pcDeviceMemory(wiring);
    this.dimms = new PcDimms({
      deviceMemory: this.deviceMemory,
      slots: wiring.dimms?.slots ?? 0,
      events: wiring.events,
      unplug: (device) => devices.unplug(device),
    });
    const { slots, pci, blocks } = pcHotplug({
      ports,
      pciBus: this.pciBus,
      pciOptions: pciHotplugOptions(devices),
      sci: sci.input(),
      devices,
      cpus: this.cpus,
      deviceMemory: this.deviceMemory,
      dimms: this.dimms,
      trace,
    });
    this.pciHotplug = pci;
    const cmos = pcCmos({
      ramBelow4g: ram.below4g,
      ramAbove4g: ram.above4g,
      cpus: processors.present.length,
      bootOrder: boot.once ?? boot.order ?? DEFAULT_BOOT_ORDER,
      skipsFloppyCheck: boot.skipsFloppyCheck ?? false,
      floppies: [0, 0],
    });

    // The chips, in the order in which QEMU makes them.
    const board = new BoardBuilder(devices);
    for (const processor of processors.present) {
      board.add(this.cpus.hardware(processor), board.type(processors.boot.cpu.identity.type), {
        values: cpuValues(processors, wiring.numa, processor.index),
      });
      // QEMU: the first local APIC brings it.
      if (processor === processors.boot) board.skip('kvmvapic');
    }
    const soldered = (
      sections: readonly Device[],
      type: DeviceType,
      place: Place,
      mmio: readonly MmioRange[] = [],
    ) => board.add(new SysbusHardware(sections, { mmio }), type, { on: board.systemBus, ...place });
    this.fwCfg = pcFwCfg(memory, clock, trace, {
      ...{ uuid: this.uuid, boot, ramBytes: ramSizeOf(ram), cpus: processors.present.length },
      apicIds: this.#apicIds,
    });
    soldered([onPorts(this.fwCfg)], chip.FW_CFG_IO, { in: [board.machine, 'fw_cfg'] });
    const host = board.add(
      new SysbusHardware([new PciHost(this.pciBus, ports, trace)], { buses: [slots.qbus()] }),
      chip.I440FX_PCIHOST,
      { on: board.systemBus, in: [board.machine, 'i440fx'] },
    );
    const pci0 = busOf(host, 'pci.0');
    const onPci = <D extends PciDevice>(
      device: D,
      addr: number,
      type: DeviceType,
      parts: PciHardwareParts = {},
      { values = {}, gpios = [] }: Place = {},
    ): Qdev => {
      const multifunction = device.identity.multifunction ?? false;
      const place = { on: pci0, gpios, values: { ...values, addr, multifunction } };
      return board.add(new PciHardware(device, parts), type, place);
    };
    this.i440fx = new I440fx(ramSizeOf(ram), memory);
    onPci(this.i440fx, 0x00, chip.I440FX);
    const dma = new I8257(memory, trace);
    const isaSlot: IsaSlot = {
      ...{ io: ports, memory: physical },
      irq: (number) => irqs.isa(number),
      dma: (number, server) => dma.channel(number, server),
    };
    devices.services.provide(ISA_SLOT, isaSlot);
    const isa = isaBus(isaSlot);
    const bridge = onPci(this.piix3, 0x08, chip.PIIX3, { buses: [isa] });
    const isa0 = busOf(bridge, 'isa.0');
    const onIsa = (
      sections: readonly Device[],
      type: DeviceType,
      values: Place['values'] = {},
      gpios: readonly GpioLines[] = [],
    ): Qdev => board.add(solderedOn(sections), type, { on: isa0, values: values ?? {}, gpios });
    // One of our chips stands for each pair of QEMU's.
    onIsa([onPorts(dma)], chip.I8257);
    onIsa([], chip.I8257, { base: 0xc0, 'page-base': 0x88, dshift: 1 });
    const [master, slave] = irqs.picWires;
    onIsa(
      [onPorts(irqs.pic)],
      chip.ISA_I8259,
      { iobase: 0x20, elcr_addr: 0x4d0, elcr_mask: 0xf8, master: true },
      [wiresIn(master), wiresOut(intr)],
    );
    onIsa([], chip.ISA_I8259, { iobase: 0xa0, elcr_addr: 0x4d1, elcr_mask: 0xde }, [
      wiresIn(slave),
      gpioOut(1),
    ]);
    irqs.ioApic.attachMemory(physical);
    soldered([irqs.ioApic], chip.IOAPIC, { in: [host, 'ioapic'], gpios: [wiresIn(irqs.ioApicWires)] }, [
      IO_APIC_MMIO,
    ]);
    hpet.attachMemory(physical);
    const hpetGpios = [wiresIn(hpetWires), gpioOut(1), gpioOut(32, 'sysbus-irq')];
    soldered([hpet], chip.HPET, { gpios: hpetGpios, values: { 'hpet-intcap': 4 } }, [HPET_MMIO]);
    this.rtc = new Mc146818(rtcWire.line(0), clock, wiring.wallClockMs, cmos, trace);
    onIsa([onPorts(this.rtc)], chip.MC146818RTC, { base_year: 0 }, [wiresOut(rtcWire)]);
    onIsa([onPorts(pit)], chip.ISA_PIT, { iobase: 0x40 }, [gpioIn(1), wiresOut(pitWire)]);
    onIsa([onPorts(new PcSpeaker(pit))], chip.ISA_PCSPK);
    for (const { index, iobase, irq, backend } of this.serials) {
      const serial = new Serial16550(irqs.isa(irq), backend, clock, trace);
      serial.attach(ports, iobase);
      onIsa([serial], ISA_SERIAL, { index, iobase, irq });
    }
    this.#fdc = board.add(devices.makeHardware(ISA_FDC.name, '', new Map()), ISA_FDC, { on: isa0 });
    this.floppyDrives = board.reserve(wiring.settings?.floppyDrives ?? 0);
    this.keys = new I8042(
      { keyboardIrq: irqs.isa(1), mouseIrq: irqs.isa(12), a20: UNCONNECTED, reset },
      trace,
    );
    addPs2(wiring.input.handlers, this.keys);
    const keyboard = onIsa([onPorts(this.keys)], I8042_TYPE, {}, [
      gpioIn(1, 'ps2-mouse-input-irq'),
      gpioIn(1, 'ps2-kbd-input-irq'),
      gpioOut(2),
      gpioOut(1, 'a20'),
    ]);
    soldered([], PS2_KBD, { in: [keyboard, 'ps2kbd'], gpios: [gpioOut(1)] });
    soldered([], PS2_MOUSE, { in: [keyboard, 'ps2mouse'], gpios: [gpioOut(1)] });
    board.skip('vmport');
    board.skip('vmmouse');
    onIsa([onPorts(new Port92(UNCONNECTED, reset, trace))], chip.PORT92, {}, [gpioOut(1, 'a20')]);
    attachPostPort(ports);
    this.ide = new Piix3Ide({ ports, irqs: [irqs.isa(14), irqs.isa(15)], clock, trace });
    onPci(this.ide, 0x09, PIIX3_IDE, { buses: ideBuses(this.ide, devices) });
    this.ideDrives = board.reserve(wiring.settings?.ideDrives ?? 0);
    if (wiring.settings?.usb === true) {
      const hardware = devices.makeHardware(PIIX3_USB_UHCI.name, '', new Map());
      board.add(hardware, PIIX3_USB_UHCI, { on: pci0, values: { addr: USB_DEVFN } });
    }
    const { smm = true } = wiring.settings ?? {};
    const pm = new Piix4Pm({ ports, clock, sci: sci.input(), power: wiring.power, trace, smm });
    this.pm = pm;
    onPci(
      pm,
      0x0b,
      chip.PIIX4_PM,
      { blocks, buses: [{ name: 'i2c', type: 'i2c-bus' }] },
      {
        gpios: [gpioOut(1, 'smi-irq'), gpioOut(1)],
        values: { smb_io_base: () => pm.config.read(SMBBA, 2) & SMB_BASE_MASK, 'smm-enabled': smm },
      },
    );
    for (let eeprom = 0; eeprom < SMBUS_EEPROMS; eeprom++) board.skip('smbus-eeprom');
    board.complete();
    pm.machineReady();
    // QEMU: the board is reset before it starts. What the timer has raised by now is forgotten.
    irqs.pic.reset();
    if (boot.once !== undefined) this.#endOnce(boot);

    function onPorts<D extends { attach(io: AddressSpace): unknown }>(device: D): D {
      device.attach(ports);
      return device;
    }
  }
}

/** As the type has them, of which the user may choose other defaults. */
function pciHotplugOptions({ registry }: DeviceManager): PcPciHotplugOptions {
  const isOn = (name: string): boolean =>
    registry.find(chip.PIIX4_PM.name)?.properties.find((property) => property.name === name)?.default ===
    true;
  return { onRoot: isOn('acpi-root-pci-hotplug'), onBridges: isOn('acpi-pci-hotplug-with-bridge-support') };
}

function pcDeviceMemory(wiring: PcWiring): PcDeviceMemory {
  const { memory, ram, dimms, devices, numa, onMemorySize, settings } = wiring;
  const ramBytes = ramSizeOf(ram);
  const window = dimmWindow({ ram, ...(dimms === undefined ? {} : { dimms }) });
  const { min, max } = window ?? NO_WINDOW;
  return new PcDeviceMemory({
    ...{ memory, ramBytes, hasOwnRam: settings?.memoryBackend !== undefined },
    roomBytes: Math.max(0, (dimms?.maxSize ?? 0) - ramBytes),
    isEnabled: window !== undefined,
    slots: dimms?.slots ?? 0,
    window: { base: min, size: max + 1 - min },
    objects: devices.tree.objects,
    nodes: () => numa.nodes.length,
    onSize: onMemorySize,
  });
}

/** The ports that the board has. */
function serialPorts({ serials }: PcWiring): readonly PcSerial[] {
  return COM_PORTS.flatMap((port, index) => {
    const backend = serials[index];
    return backend === undefined ? [] : [{ ...port, index, backend }];
  });
}
