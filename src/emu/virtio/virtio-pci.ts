/**
 * virtio over PCI: transitional, modern or legacy. Spec: virtio 1.2 §4.1.
 *
 * | BAR | holds |
 * |---|---|
 * | 0, I/O | legacy registers (§4.1.4.8) |
 * | 1, memory | MSI-X table at 0, pending bits at 0x800 |
 * | 4, memory | common configuration at 0, ISR at 0x1000, device configuration at 0x2000, notifications at 0x3000 |
 */
import { assert } from '../core/assert.ts';
import type { AccessSize, VmState } from '../core/device.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { NOTHING, record } from '../core/state-fields.ts';
import { PCI_COMMAND } from '../pci/config-space.ts';
import type { MsixState } from '../pci/msix.ts';
import { Msix } from '../pci/msix.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_REDHAT_QUMRANET, PciDevice } from '../pci/pci-device.ts';
import type { PciDma } from '../pci/pci-dma.ts';
import type { VirtioDevice, VirtioState, VirtioTransport } from './virtio-device.ts';
import {
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_F_ANY_LAYOUT,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_NOTIFY_ON_EMPTY,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
} from './virtio-device.ts';
import { LEGACY_CONFIG, LEGACY_CONFIG_MSIX, VirtioPciLegacy } from './virtio-pci-legacy.ts';
import type { ModernState } from './virtio-pci-modern.ts';
import { VirtioPciModern } from './virtio-pci-modern.ts';
import { VIRTIO_NO_VECTOR } from './virtqueue.ts';

const LEGACY_BAR = 0;
const MSIX_BAR = 1;
const MODERN_BAR = 4;
const MSIX_SIZE = 0x1000;
const MSIX_ENTRY_SIZE = 16;
const MSIX_CAPABILITY = 0x98;
/** Where the first capability goes when there are no virtio ones. */
const MSIX_CAPABILITY_LEGACY_ONLY = 0x40;

/** Spec: §4.1.2. Transitional ids are QEMU's table, modern ones 0x1040 + device id. */
const MODERN_DEVICE_ID = 0x1040;

/** QEMU's properties of every virtio-*-pci. */
export interface VirtioPciProperties {
  readonly disableLegacy: boolean;
  readonly disableModern: boolean;
  /** MSI-X vectors; 0 for none. */
  readonly vectors: number;
  /** VIRTIO_F_RING_RESET is offered; absent: it is. */
  readonly queueReset?: boolean;
  /** Each queue is notified in a page of its own; absent: all are in one. */
  readonly pagePerVq?: boolean;
  /** All queues are looked at once when the driver is ready; absent: a queue is when it is notified. */
  readonly ioeventfd?: boolean;
}

/** What a concrete virtio-*-pci is to PCI. */
export interface VirtioPciIdentity {
  readonly type: string;
  readonly transitionalDeviceId: number;
  /** 24-bit. */
  readonly classCode: number;
  readonly multifunction?: boolean;
  readonly id?: string;
}

export type VirtioPciState = {
  readonly pci: PciState;
  readonly msix: MsixState | null;
  readonly modern: ModernState;
  readonly device: VirtioState;
};

/** QEMU's error when the properties leave no interface, else undefined. */
export function checkVirtioPciProperties(properties: VirtioPciProperties): MonitorError | undefined {
  if (!properties.disableLegacy || !properties.disableModern) return undefined;
  return new MonitorError(
    'device cannot work as neither modern nor legacy mode is enabled',
    'GenericError',
    'Set either disable-modern or disable-legacy to off',
  );
}

export class VirtioPci<V extends VirtioDevice = VirtioDevice>
  extends PciDevice<VirtioPciState>
  implements VirtioTransport
{
  readonly vmstate: VmState<VirtioPciState>;
  readonly device: V;
  readonly properties: VirtioPciProperties;
  readonly msix: Msix | undefined;
  readonly #modern: VirtioPciModern;

  /** @param dma what `device` was built on */
  constructor(identity: VirtioPciIdentity, device: V, properties: VirtioPciProperties, dma: PciDma) {
    const { disableLegacy, disableModern, vectors } = properties;
    assert(!disableLegacy || !disableModern, 'a virtio-pci device needs an interface');
    super(
      {
        type: identity.type,
        vendorId: PCI_VENDOR_ID_REDHAT_QUMRANET,
        deviceId: disableLegacy ? MODERN_DEVICE_ID + device.deviceId : identity.transitionalDeviceId,
        revision: disableLegacy ? 1 : 0,
        classCode: identity.classCode,
        // Spec: §4.1.2.1: a transitional device's subsystem id is its virtio device id.
        ...(disableLegacy ? {} : { subsystemId: device.deviceId }),
        interruptPin: 1,
        ...(identity.multifunction === undefined ? {} : { multifunction: identity.multifunction }),
      },
      identity.id,
      dma,
    );
    this.device = device;
    this.properties = properties;
    this.#modern = new VirtioPciModern(this, properties.pagePerVq === true);
    if (!disableModern) this.#modern.addCapabilities(this.config, MODERN_BAR);
    if (vectors > 0) this.msix = this.#addMsix(vectors);
    if (!disableLegacy) {
      const registers = this.msix === undefined ? LEGACY_CONFIG : LEGACY_CONFIG_MSIX;
      const sizeBytes = 2 ** Math.ceil(Math.log2(registers + device.configLength));
      this.addBar({ index: LEGACY_BAR, kind: 'io', sizeBytes, handler: new VirtioPciLegacy(this) });
    }
    if (this.msix !== undefined) {
      this.addBar({
        index: MSIX_BAR,
        kind: 'mem32',
        sizeBytes: this.msix.layout.sizeBytes,
        handler: this.msix,
      });
    }
    if (!disableModern) {
      const handler = this.#modern;
      const { sizeBytes } = handler;
      this.addBar({ index: MODERN_BAR, kind: 'mem64', prefetchable: true, sizeBytes, handler });
    }
    device.connect(this);
    this.vmstate = {
      name: 'virtio',
      version: 2,
      fields: record<VirtioPciState>({
        pci: this.pciFields,
        msix: this.msix?.fields ?? NOTHING,
        modern: this.#modern.fields,
        device: device.fields,
      }),
    };
  }

  /** Everything offered: to a modern driver as it is, to a legacy one the low half. */
  get offeredFeatures(): bigint {
    const common =
      this.device.deviceFeatures |
      VIRTIO_F_NOTIFY_ON_EMPTY |
      VIRTIO_F_INDIRECT_DESC |
      VIRTIO_F_EVENT_IDX |
      (this.properties.queueReset === false ? 0n : VIRTIO_F_RING_RESET);
    if (this.properties.disableModern) return common | this.device.legacyOnlyFeatures;
    return common | VIRTIO_F_ANY_LAYOUT | VIRTIO_F_VERSION_1;
  }

  interrupt(vector: number): void {
    if (this.msix?.enabled) {
      if (vector !== VIRTIO_NO_VECTOR) this.msix.notify(vector);
    } else {
      this.setIntx((this.device.isr & 1) !== 0);
    }
  }

  /** The driver reads the ISR status: that withdraws the interrupt. */
  readIsr(): number {
    const isr = this.device.takeIsr();
    this.setIntx(false);
    return isr;
  }

  /** A vector that exists, or no vector. */
  validVector(vector: number): number {
    return vector < (this.msix?.vectors ?? 0) ? vector : VIRTIO_NO_VECTOR;
  }

  /** The driver wrote DEVICE_STATUS; 0 resets the device. */
  writeStatus(value: number): void {
    if (value === 0) {
      // QEMU: it is set, and set again by the reset.
      this.device.reportStatus(0);
      this.resetDevice();
      return;
    }
    const wasReady = (this.device.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
    this.device.setStatus(value & 0xff);
    const isReady = (value & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
    if (isReady && !wasReady && this.properties.ioeventfd === true) this.device.kickAll();
  }

  /** Virtio's own reset, which leaves PCI alone. */
  resetDevice(): void {
    this.device.reset();
    this.#modern.resetQueues();
    this.setIntx(false);
  }

  reset(): void {
    this.device.powerOn();
    this.#modern.resetQueues();
    this.#modern.reset();
    this.resetPci();
    this.msix?.reset();
  }

  /** Takes the function off its bus; requests in flight are forgotten. */
  override detach(): void {
    this.device.abandon();
    super.detach();
  }

  override configRead(offset: number, size: AccessSize): number {
    if (!this.properties.disableModern) this.#modern.accessByConfig(this.config, offset, size, 'read');
    return super.configRead(offset, size);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    if (!this.properties.disableModern) this.#modern.accessByConfig(this.config, offset, size, 'write');
    // QEMU: a device that loses bus mastership stops as if the driver had left DRIVER_OK.
    if (offset < PCI_COMMAND + 2 && offset + size > PCI_COMMAND && !this.busMaster) {
      this.device.setStatus(this.device.status & ~VIRTIO_CONFIG_S_DRIVER_OK);
    }
    this.msix?.configChanged(offset, size);
  }

  save(): VirtioPciState {
    return {
      pci: this.savePci(),
      msix: this.msix?.save() ?? null,
      modern: this.#modern.save(),
      device: this.device.save(),
    };
  }

  /** Guest memory must be restored before: the device reads from it what was in flight. */
  restore({ pci, msix, modern, device }: VirtioPciState): void {
    this.restorePci(pci);
    if (msix !== null) this.msix?.restore(msix);
    this.#modern.restore(modern);
    this.device.restore(device);
  }

  #addMsix(vectors: number): Msix {
    const capabilityOffset = this.properties.disableModern ? MSIX_CAPABILITY_LEGACY_ONLY : MSIX_CAPABILITY;
    // QEMU: the pending bits take the upper half, or what a long table leaves.
    const pbaOffset = Math.max(MSIX_SIZE / 2, vectors * MSIX_ENTRY_SIZE);
    const end = pbaOffset + Math.ceil(vectors / 64) * 8;
    const sizeBytes = Math.max(MSIX_SIZE, 2 ** Math.ceil(Math.log2(end)));
    return new Msix(this, { bar: MSIX_BAR, sizeBytes, tableOffset: 0, pbaOffset, capabilityOffset, vectors });
  }
}
