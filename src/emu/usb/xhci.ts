/**
 * An xHCI controller: its registers and what they lead to. Commands are in `xhci-commands.ts`, what a driver knows as devices in
 * `xhci-slots.ts`. Spec: xHCI 1.1. QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import { BOTTOM_HALF_STATE, BottomHalf, type BottomHalfState } from '../core/bottom-half.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize } from '../core/device.ts';
import { NOTHING, record, TIME_NS } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_CACHE_LINE_SIZE } from '../pci/config-space.ts';
import { Msi } from '../pci/msi.ts';
import { Msix, type MsixState } from '../pci/msix.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';
import type { UsbBus } from './usb-bus.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbPort, type UsbPortHost } from './usb-port.ts';
import { SPEED_FULL, SPEED_HIGH, SPEED_LOW, SPEED_SUPER } from './usb-speed.ts';
import { COMMAND_FIELDS, type XhciCommandState, XhciCommands } from './xhci-commands.ts';
import { interrupterFields, type XhciInterrupterState, XhciInterrupters } from './xhci-interrupters.ts';
import { PORT_REGISTERS_BYTES, XhciPorts } from './xhci-ports.ts';
import {
  DOORBELLS,
  OPERATIONAL,
  REGISTER_FIELDS,
  RUNTIME,
  type XhciRegisterState,
  XhciRegisters,
} from './xhci-registers.ts';
import { slotFields, type XhciSlotState, XhciSlots } from './xhci-slots.ts';
import { CC_SUCCESS, ER_MFINDEX_WRAP, ER_PORT_STATUS_CHANGE } from './xhci-trb.ts';
import { XhciWork } from './xhci-work.ts';

const BAR_BYTES = 0x4000;
const PORTS = 0x440;
const INTERRUPTERS = 0x1020;
const INTERRUPTER_BYTES = 0x20;
const MSIX_TABLE = 0x3000;
const MSIX_PBA = 0x3800;
const MSIX_CAPABILITY = 0x90;
const MSI_CAPABILITY = 0x70;

const STREAMS_MASK = 7;
const MFINDEX_MASK = 0x3fff;
const ENDPOINTS = 31;
const STREAM_SHIFT = 16;

const PCI_CLASS_XHCI = 0x0c0330;
const CACHE_LINE = 0x10;
const PCI_SBRN = 0x60;
const SBRN_USB_3_0 = 0x30;

export type XhciSnapshot = {
  readonly pci: PciState;
  /** Null: there are no such interrupts. */
  readonly msix: MsixState | null;
  readonly registers: Readonly<XhciRegisterState>;
  readonly mfindexStartNs: number;
  readonly commands: Readonly<XhciCommandState>;
  readonly interrupters: readonly Readonly<XhciInterrupterState>[];
  readonly ports: readonly number[];
  readonly slots: readonly XhciSlotState[];
  readonly work: BottomHalfState;
};

export interface XhciWiring {
  readonly type: string;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revision: number;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Ports of USB 2 and of USB 3. */
  readonly usb2: number;
  readonly usb3: number;
  readonly slots: number;
  readonly interrupters: number;
  readonly hasMsi: boolean;
  readonly hasMsix: boolean;
  /** It is NEC's, with commands of its own. */
  readonly isNec: boolean;
  readonly hasStreams: boolean;
}

export class Xhci extends PciDevice<XhciSnapshot> implements UsbPortHost {
  readonly vmstate;
  readonly ports: XhciPorts;
  readonly #wiring: XhciWiring;
  readonly #msi: Msi | undefined;
  readonly #msix: Msix | undefined;
  /** When a snapshot is restored, what was under way goes on. */
  readonly #resumeTimer: Timer;
  readonly #bottomHalf: BottomHalf;
  readonly #work: XhciWork;
  readonly #registers: XhciRegisters;
  readonly #commands: XhciCommands;
  readonly #interrupters: XhciInterrupters;
  readonly #slots: XhciSlots;
  #bus: UsbBus | undefined;
  #busPorts: readonly UsbPort[] = [];

  constructor(wiring: XhciWiring, id = '', multifunction = false) {
    const { type, vendorId, deviceId, revision, clock, trace } = wiring;
    super(
      {
        ...{ type, vendorId, deviceId, revision, classCode: PCI_CLASS_XHCI },
        ...{ interruptPin: 1, multifunction },
      },
      id,
    );
    this.#wiring = wiring;
    this.config.set(PCI_SBRN, 1, SBRN_USB_3_0);
    // QEMU: until it is reset.
    this.config.set(PCI_CACHE_LINE_SIZE, 1, CACHE_LINE);
    const handler = {
      read: (offset: number, size: AccessSize) => this.#read(offset, size),
      write: (offset: number, size: AccessSize, value: number) => this.#write(offset, size, value),
    };
    this.addBar({ index: 0, kind: 'mem64', sizeBytes: BAR_BYTES, handler });
    const vectors = wiring.interrupters;
    if (wiring.hasMsi) {
      this.#msi = new Msi(this, { offset: MSI_CAPABILITY, vectors, is64Bit: true, isMaskable: false });
    }
    if (wiring.hasMsix) {
      const place = { bar: 0, sizeBytes: BAR_BYTES, tableOffset: MSIX_TABLE, pbaOffset: MSIX_PBA };
      this.#msix = new Msix(this, { ...place, capabilityOffset: MSIX_CAPABILITY, vectors });
    }
    this.#bottomHalf = new BottomHalf(clock, (portion) =>
      this.#work.serve(portion, (first) => this.#commands.serve(first)),
    );
    this.#work = new XhciWork(this.#bottomHalf);
    this.#resumeTimer = clock.timer(() => this.#bottomHalf.kick());
    const { dma } = this;
    const streamsMask = wiring.hasStreams ? STREAMS_MASK : 0;
    this.#registers = new XhciRegisters({
      ...wiring,
      streamsMask,
      commands: () => this.#commands,
      reset: () => this.#resetController(),
      updateWire: () => this.#interrupters.updateWire(),
      wrapped: () => this.#interrupters.event({ type: ER_MFINDEX_WRAP, code: CC_SUCCESS }),
    });
    const die = (text: string): void => this.#registers.die(text);
    this.#interrupters = new XhciInterrupters(vectors, {
      ...{ dma, trace, die },
      erstbaMask: wiring.isNec ? 0xffff_fff0 : 0xffff_ffc0,
      eventPending: () => this.#registers.eventPending(),
      isEnabled: () => this.#registers.interruptsEnabled,
      deliver: (index, isRaised) => this.#deliver(index, isRaised),
    });
    this.ports = new XhciPorts({
      ...wiring,
      ports: () => this.#busPorts,
      changed: (port) => this.#portChanged(port),
    });
    this.#slots = new XhciSlots(wiring.slots, {
      ...{ dma, clock, trace, die, work: this.#work, streamsMask },
      event: (event, interrupter) => this.#interrupters.event(event, interrupter),
      microframe: () => this.#registers.microframe,
      deviceAt: (path) => this.#bus?.deviceAt(path),
      userPort: (port) => {
        const index = this.ports.busPort(port);
        return index === undefined ? undefined : index + 1;
      },
      contexts: () => this.#registers.contexts,
    });
    this.#commands = new XhciCommands({
      ...{ dma, trace, slots: this.#slots, isNec: wiring.isNec },
      isRunning: () => this.#registers.isRunning,
      event: (event) => this.#interrupters.event(event),
      ports: () => this.ports.count,
    });
    this.vmstate = {
      name: 'xhci',
      version: 1,
      fields: record<XhciSnapshot>({
        pci: this.pciFields,
        msix: this.#msix?.fields ?? NOTHING,
        registers: REGISTER_FIELDS,
        mfindexStartNs: TIME_NS,
        commands: COMMAND_FIELDS,
        interrupters: interrupterFields(vectors),
        ports: XhciPorts.fields(this.ports.count),
        slots: slotFields(wiring.slots),
        work: BOTTOM_HALF_STATE,
      }),
    };
    this.ports.reset();
  }

  /** The controller gets its bus. A port of the bus has two of the driver's: for USB 2, and for USB 3. */
  connect(bus: UsbBus): void {
    const { usb2, usb3 } = this.#wiring;
    this.#bus = bus;
    this.#busPorts = Array.from({ length: Math.max(usb2, usb3) }, (_, index) => {
      const speeds =
        (index < usb2 ? SPEED_LOW | SPEED_FULL | SPEED_HIGH : 0) | (index < usb3 ? SPEED_SUPER : 0);
      const port = new UsbPort({ host: this, bus, index, speeds });
      bus.addPort(port);
      return port;
    });
  }

  /** The controller has left the machine. */
  disconnect(): void {
    this.#slots.giveUp();
    this.#work.clear();
    this.#bottomHalf.cancel();
    this.#registers.disconnect();
    this.#resumeTimer.cancel();
  }

  deviceAttached(port: UsbPort): void {
    this.ports.attached(port);
  }

  deviceDetached(port: UsbPort, device: UsbDevice): void {
    this.ports.detached(port, device.speed);
  }

  deviceWakesUp(port: UsbPort, resume: boolean): void {
    if (resume) this.ports.resume(port);
    this.#slots.wake(port.path);
  }

  /** A device leaves, perhaps from behind a hub: its slot has none any more. */
  deviceLeaves({ path }: UsbPort): void {
    this.#slots.detach(path);
  }

  reset(): void {
    this.resetPci();
    this.#msi?.reset();
    this.#msix?.reset();
    this.#resetController();
    this.#bottomHalf.reset();
  }

  save(): XhciSnapshot {
    return {
      pci: this.savePci(),
      msix: this.#msix?.save() ?? null,
      registers: this.#registers.save(),
      mfindexStartNs: this.#registers.startNs,
      commands: this.#commands.save(),
      interrupters: this.#interrupters.save(),
      ports: this.ports.save(),
      slots: this.#slots.save(),
      work: this.#bottomHalf.save(),
    };
  }

  restore(state: XhciSnapshot): void {
    this.#work.clear();
    this.#resumeTimer.cancel();
    this.#registers.restore(state.registers, state.mfindexStartNs);
    this.#commands.restore(state.commands);
    this.#interrupters.restore(state.interrupters);
    this.ports.restore(state.ports);
    this.#slots.restore(state.slots);
    this.#bottomHalf.restore(state.work);
    this.restorePci(state.pci);
    if (state.msix !== null) this.#msix?.restore(state.msix);
    // Devices may be restored after their controller.
    if (!this.#work.isIdle || this.#commands.isBusy) this.#resumeTimer.arm(this.#wiring.clock.nowNs());
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.#msi?.configChanged(offset, size);
    this.#msix?.configChanged(offset, size);
  }

  #read(offset: number, size: AccessSize): number {
    if (offset >= MSIX_TABLE) return this.#msix?.read(offset, size) ?? 0;
    if (size === 4) return this.#readWord(offset);
    // QEMU: a narrow access gets the lowest bits, and nothing of registers beyond the capabilities.
    return offset < OPERATIONAL ? this.#readWord(offset) & (size === 1 ? 0xff : 0xffff) : 0;
  }

  #readWord(offset: number): number {
    const { trace } = this.#wiring;
    if (offset >= DOORBELLS) {
      if (trace.on) trace.event('usb_xhci_doorbell_read', offset - DOORBELLS, 0);
      return 0;
    }
    if (offset >= RUNTIME) return this.#readRuntime(offset);
    if (offset >= PORTS) {
      const port = 1 + Math.floor((offset - PORTS) / PORT_REGISTERS_BYTES);
      return port > this.ports.count ? 0 : this.ports.read(port, offset % PORT_REGISTERS_BYTES);
    }
    return this.#registers.read(offset);
  }

  #readRuntime(offset: number): number {
    const { trace } = this.#wiring;
    let value = 0;
    if (offset === RUNTIME) value = this.#registers.microframe & MFINDEX_MASK;
    else if (offset >= INTERRUPTERS) {
      const index = Math.floor((offset - INTERRUPTERS) / INTERRUPTER_BYTES);
      value = this.#interrupters.read(index, offset % INTERRUPTER_BYTES);
    }
    if (trace.on) trace.event('usb_xhci_runtime_read', offset - RUNTIME, value);
    return value;
  }

  #write(offset: number, size: AccessSize, value: number): void {
    const { trace } = this.#wiring;
    if (offset >= MSIX_TABLE) this.#msix?.write(offset, size, value);
    else if (size !== 4 || offset < OPERATIONAL) return;
    else if (offset >= DOORBELLS) this.#doorbell(offset - DOORBELLS, value);
    else if (offset >= RUNTIME) {
      if (trace.on) trace.event('usb_xhci_runtime_write', offset - RUNTIME, value);
      if (offset < INTERRUPTERS) return;
      const index = Math.floor((offset - INTERRUPTERS) / INTERRUPTER_BYTES);
      this.#interrupters.write(index, offset % INTERRUPTER_BYTES, value);
    } else if (offset >= PORTS) {
      const port = 1 + Math.floor((offset - PORTS) / PORT_REGISTERS_BYTES);
      if (port <= this.ports.count) this.ports.write(port, offset % PORT_REGISTERS_BYTES, value);
    } else this.#registers.write(offset, value);
  }

  /** The first doorbell is that of commands, the others those of slots. */
  #doorbell(offset: number, value: number): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_doorbell_write', offset, value);
    if (!this.#registers.isRunning) return;
    const slot = offset >>> 2;
    const endpoint = value & 0xff;
    if (slot === 0) {
      if (value !== 0) return;
      this.#commands.ring();
      this.#work.kickOthers();
    } else if (slot <= this.#slots.count && endpoint >= 1 && endpoint <= ENDPOINTS) {
      this.#slots.kick(slot, endpoint, value >>> STREAM_SHIFT);
    }
  }

  #resetController(): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_reset');
    this.#registers.reset();
    this.#commands.reset();
    this.#slots.reset();
    this.ports.reset();
    this.#interrupters.reset();
    this.#interrupters.updateWire();
  }

  #deliver(index: number, isRaised: boolean): boolean {
    const msix = this.#msix?.enabled === true;
    const msi = this.#msi?.enabled === true;
    if (index === 0 && !msix && !msi) this.setIntx(isRaised);
    if (!isRaised || (!msix && !msi)) return false;
    if (msix) this.#msix?.notify(index);
    else this.#msi?.notify(index);
    return true;
  }

  #portChanged(port: number): void {
    if (!this.#registers.isRunning) return;
    this.#interrupters.event({ type: ER_PORT_STATUS_CHANGE, code: CC_SUCCESS, address: port * 2 ** 24 });
  }
}
