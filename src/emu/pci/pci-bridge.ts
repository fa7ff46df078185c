/**
 * A PCI-to-PCI bridge: a function with a bus behind it. Windows in its configuration space say which addresses reach that bus, three
 * numbers which configuration cycles do. Spec: PCI-to-PCI Bridge Architecture 1.2 §3.2 (registers), §4 (windows), §9.1 (interrupts).
 *
 * QEMU: the functions behind it reach memory, and send their messages, whether or not the bridge itself may master its bus.
 */
import { AddressSpace, type Mapping } from '../bus/address-space.ts';
import type { AccessSize } from '../core/device.ts';
import { type IrqLine, UNCONNECTED } from '../core/irq.ts';
import type { Plain } from '../core/plain.ts';
import type { BridgeReserve } from './bridge-reserve.ts';
import {
  bridgeHeader,
  bridgeWindows,
  PCI_BRIDGE_CONTROL,
  PCI_BRIDGE_CTL_BUS_RESET,
  PCI_BRIDGE_CTL_VGA,
  PCI_PRIMARY_BUS,
  PCI_SEC_STATUS,
  PCI_SECONDARY_BUS,
  PCI_SUBORDINATE_BUS,
  VGA_MEMORY,
  VGA_PORTS,
  type WindowRange,
} from './bridge-windows.ts';
import {
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_STATUS_66MHZ,
  PCI_STATUS_FAST_BACK,
  PCI_STATUS_W1C,
} from './config-space.ts';
import { type BusBridge, PciBus, swizzledPin } from './pci-bus.ts';
import { PciDevice, type PciIdentity } from './pci-device.ts';
import { PciDma } from './pci-dma.ts';

const STATUS = PCI_STATUS_66MHZ | PCI_STATUS_FAST_BACK;
/** QEMU: that of BARs. */
const WINDOW_PRIORITY = 1;
/** The bytes from PCI_PRIMARY_BUS to the end of the windows. */
const REGISTERS_SIZE = 0x18;

/** The devices on the bus behind a bridge; slots are device numbers. */
export interface SlotsBehind {
  occupied(slot: number): boolean;
  /** All devices in the slot leave. */
  eject(slot: number): void;
  /** The guest resets the bus. */
  resetDevices(): void;
}

/** A window as it is opened now. */
interface OpenWindow extends WindowRange {
  readonly target: AddressSpace;
  readonly mapping: Mapping;
}

export abstract class PciBridge<S extends Plain = Plain> extends PciDevice<S> implements BusBridge {
  readonly secondary: PciBus;
  /** Who knows the devices behind; set when there are slots for them. */
  behind: SlotsBehind | undefined;
  readonly #io = new AddressSpace('pci_bridge_io');
  readonly #memory = new AddressSpace('pci_bridge_pci', 'zeros');
  #windows: readonly OpenWindow[] = [];

  constructor(identity: Omit<PciIdentity, 'isBridge' | 'status'>, id = '') {
    super({ ...identity, isBridge: true, status: STATUS }, id);
    const { config } = this;
    bridgeHeader(config);
    config.set(PCI_SEC_STATUS, 2, STATUS);
    config.writeOneToClear[PCI_SEC_STATUS] = PCI_STATUS_W1C & 0xff;
    config.writeOneToClear[PCI_SEC_STATUS + 1] = PCI_STATUS_W1C >>> 8;
    this.secondary = new PciBus(this.#wiring(id));
  }

  readonly reserve: BridgeReserve | undefined = undefined;

  get takesHotplug(): boolean {
    return false;
  }

  override get bridge(): BusBridge {
    return this;
  }

  /** QEMU: not while the bus behind is held in reset. */
  forwards(bus: number): boolean {
    const { config } = this;
    if ((config.read(PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_BUS_RESET) !== 0) return false;
    return bus >= config.read(PCI_SECONDARY_BUS, 1) && bus <= config.read(PCI_SUBORDINATE_BUS, 1);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    const before = this.config.read(PCI_BRIDGE_CONTROL, 2);
    super.configWrite(offset, size, value);
    const raised = this.config.read(PCI_BRIDGE_CONTROL, 2) & ~before;
    if ((raised & PCI_BRIDGE_CTL_BUS_RESET) !== 0) this.behind?.resetDevices();
  }

  override detach(): void {
    this.#openWindows([], []);
    super.detach();
  }

  protected override resetPci(): void {
    this.config.clearWritable(PCI_PRIMARY_BUS, REGISTERS_SIZE);
    this.config.clearWritable(PCI_BRIDGE_CONTROL, 2);
    super.resetPci();
  }

  protected override configFollowed(): void {
    const { slot, config, command } = this;
    if (slot === undefined) return;
    this.#io.trace = slot.io.trace;
    this.#memory.trace = slot.memory.trace;
    const { io, memory, prefetchable } = bridgeWindows(config);
    const hasVga = (config.read(PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_VGA) !== 0;
    const ports = [io, ...(hasVga ? VGA_PORTS : [])];
    const addresses = [memory, prefetchable, ...(hasVga ? [VGA_MEMORY] : [])];
    this.#openWindows(
      (command & PCI_COMMAND_IO) === 0 ? [] : ports,
      (command & PCI_COMMAND_MEMORY) === 0 ? [] : addresses,
    );
  }

  /** What stays as it is keeps its mapping, since most writes to configuration space change no window. */
  #openWindows(ports: readonly WindowRange[], addresses: readonly WindowRange[]): void {
    const wanted = [
      ...ports.map((range) => ({ range, target: this.#io, within: this.slot?.io })),
      ...addresses.map((range) => ({ range, target: this.#memory, within: this.slot?.memory })),
    ].filter(({ range }) => range.limit > range.base);
    const isSame =
      wanted.length === this.#windows.length &&
      wanted.every(({ range, target }, at) => {
        const open = this.#windows[at];
        return open?.base === range.base && open.limit === range.limit && open.target === target;
      });
    if (isSame) return;
    for (const { mapping } of this.#windows) mapping.remove();
    this.#windows = wanted.flatMap(({ range, target, within }) => {
      const mapping = within?.window(range.base, range.limit - range.base + 1, target, {
        priority: WINDOW_PRIORITY,
      });
      return mapping === undefined ? [] : [{ ...range, target, mapping }];
    });
  }

  #wiring(name: string) {
    const bridge = this;
    const closed = new PciDma();
    return {
      name,
      bridge,
      io: this.#io,
      memory: this.#memory,
      number: () => bridge.config.read(PCI_SECONDARY_BUS, 1),
      msi: { send: (address: number, data: number) => bridge.slot?.msi.send(address, data) },
      get dma() {
        return bridge.slot?.dma ?? closed;
      },
      intx: (devfn: number, pin: number): IrqLine =>
        bridge.slot?.bus.intx(bridge.devfn, swizzledPin(devfn, pin)) ?? UNCONNECTED,
    };
  }
}
