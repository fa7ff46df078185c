/** QEMU's `pci-bridge`: a bridge with a chassis number and, with `shpc=on`, a hotplug controller that may interrupt by MSI. */
import type { AccessSize } from '../core/device.ts';
import { NOTHING, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { addReserve, type BridgeReserve } from './bridge-reserve.ts';
import { Msi } from './msi.ts';
import { PciBridge } from './pci-bridge.ts';
import type { PciState } from './pci-device.ts';
import { SHPC_BAR_SIZE, Shpc, type ShpcState } from './shpc.ts';

const PCI_VENDOR_ID_REDHAT = 0x1b36;
const PCI_DEVICE_ID_REDHAT_BRIDGE = 0x0001;
const PCI_CLASS_BRIDGE_PCI = 0x060400;

const SHPC_CAPABILITY = 0x40;
const PCI_CAP_ID_SHPC = 0x0c;
const SHPC_CAPABILITY_LENGTH = 8;
const SHPC_DWORD_SELECT = 2;
const SHPC_DWORD_DATA = 4;
const PCI_CAP_ID_SLOTID = 0x04;
const SLOTID_LENGTH = 4;
const SLOTID_EXPANSION = 2;
const SLOTID_CHASSIS = 3;
/** Spec: PCI-to-PCI Bridge 1.2 §13: the first bridge of its chassis. */
const SLOTID_FIRST = 0x20;
/** With 64 bits and masks. */
const MSI_LENGTH = 24;

export interface PciBridgeProperties {
  readonly chassis: number;
  readonly hasShpc: boolean;
  readonly hasMsi: boolean;
  readonly multifunction?: boolean;
  /** What firmware is asked to leave free; absent: nothing in particular. */
  readonly reserve?: BridgeReserve | undefined;
}

export type PciBridgeState = { readonly pci: PciState; readonly shpc: ShpcState | null };

export class PciBridgeDev extends PciBridge<PciBridgeState> {
  readonly vmstate;
  readonly shpc: Shpc | undefined;
  override readonly reserve: BridgeReserve | undefined;
  readonly #msi: Msi | undefined;

  constructor(
    { chassis, hasShpc, hasMsi, multifunction = false, reserve }: PciBridgeProperties,
    trace: Trace,
    id = '',
  ) {
    const identity = {
      type: 'pci-bridge',
      vendorId: PCI_VENDOR_ID_REDHAT,
      deviceId: PCI_DEVICE_ID_REDHAT_BRIDGE,
      classCode: PCI_CLASS_BRIDGE_PCI,
      multifunction,
    };
    super(hasShpc ? { ...identity, interruptPin: 1 } : identity, id);
    // Capabilities follow each other.
    let offset = SHPC_CAPABILITY;
    if (hasShpc) {
      this.shpc = this.#addShpc(trace);
      offset += SHPC_CAPABILITY_LENGTH;
    }
    this.#addSlotId(offset, chassis);
    offset += SLOTID_LENGTH;
    if (hasShpc && hasMsi) {
      this.#msi = new Msi(this, { offset, vectors: 1, is64Bit: true, isMaskable: true });
      offset += MSI_LENGTH;
    }
    if (reserve !== undefined) addReserve(this.config, offset, reserve);
    this.reserve = reserve;
    this.vmstate = {
      name: 'pci_bridge',
      version: 1,
      fields: record<PciBridgeState>({ pci: this.pciFields, shpc: this.shpc?.fields ?? NOTHING }),
    };
  }

  override get takesHotplug(): boolean {
    return this.shpc !== undefined;
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.#msi?.configChanged(offset, size);
    this.#showDword();
  }

  override configRead(offset: number, size: AccessSize): number {
    this.#showDword();
    return super.configRead(offset, size);
  }

  reset(): void {
    this.resetPci();
    this.#msi?.reset();
    this.shpc?.reset();
    this.#showDword();
  }

  save(): PciBridgeState {
    return { pci: this.savePci(), shpc: this.shpc?.save() ?? null };
  }

  restore({ pci, shpc }: PciBridgeState): void {
    this.restorePci(pci);
    if (shpc !== null) this.shpc?.restore(shpc);
  }

  #addShpc(trace: Trace): Shpc {
    const { config } = this;
    config.addCapability(PCI_CAP_ID_SHPC, SHPC_CAPABILITY, SHPC_CAPABILITY_LENGTH);
    config.setWritable(SHPC_CAPABILITY + SHPC_DWORD_SELECT, 1, 0xff);
    config.setOwn(SHPC_CAPABILITY + SHPC_DWORD_DATA, 4);
    const shpc = new Shpc({
      occupied: (slot) => this.behind?.occupied(slot) ?? false,
      eject: (slot) => this.behind?.eject(slot),
      interrupt: (level, isChanged) => this.#interrupt(level, isChanged),
    });
    shpc.trace = trace;
    this.addBar({ index: 0, kind: 'mem64', sizeBytes: SHPC_BAR_SIZE, handler: shpc });
    return shpc;
  }

  #addSlotId(offset: number, chassis: number): void {
    const { config } = this;
    config.addCapability(PCI_CAP_ID_SLOTID, offset, SLOTID_LENGTH);
    config.set(offset + SLOTID_EXPANSION, 1, SLOTID_FIRST);
    config.set(offset + SLOTID_CHASSIS, 1, chassis);
    config.setWritable(offset + SLOTID_CHASSIS, 1, 0xff);
  }

  /** The controller's registers are seen in configuration space too, one dword at a time. */
  #showDword(): void {
    if (this.shpc === undefined) return;
    const index = this.config.read(SHPC_CAPABILITY + SHPC_DWORD_SELECT, 1);
    this.config.set(SHPC_CAPABILITY + SHPC_DWORD_DATA, 4, this.shpc.dword(index));
  }

  /** QEMU: a message tells of each change; where nothing changes, the wire is driven even though messages are on. */
  #interrupt(level: boolean, isChanged: boolean): void {
    if (isChanged && this.#msi?.enabled === true) this.#msi.notify(0);
    else this.setIntx(level);
  }
}
