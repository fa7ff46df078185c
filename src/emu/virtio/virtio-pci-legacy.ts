/** The legacy interface of virtio-pci, ports of BAR 0. Spec: virtio 1.2 §4.1.4.8. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../pci/config-space.ts';
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_F_BAD_FEATURE,
} from './virtio-device.ts';
import type { VirtioPci } from './virtio-pci.ts';
import { VIRTIO_NO_VECTOR } from './virtqueue.ts';

const VIRTIO_PCI_HOST_FEATURES = 0x00;
const VIRTIO_PCI_GUEST_FEATURES = 0x04;
const VIRTIO_PCI_QUEUE_PFN = 0x08;
const VIRTIO_PCI_QUEUE_NUM = 0x0c;
const VIRTIO_PCI_QUEUE_SEL = 0x0e;
const VIRTIO_PCI_QUEUE_NOTIFY = 0x10;
const VIRTIO_PCI_STATUS = 0x12;
const VIRTIO_PCI_ISR = 0x13;
const VIRTIO_MSI_CONFIG_VECTOR = 0x14;
const VIRTIO_MSI_QUEUE_VECTOR = 0x16;
/** Where the device configuration begins, without and with the MSI-X registers. */
export const LEGACY_CONFIG = 0x14;
export const LEGACY_CONFIG_MSIX = 0x18;

const QUEUE_ADDR_SHIFT = 12;
const QUEUE_ALIGN = 4096;
const QUEUES = 1024;
const LOW_HALF = 0xffff_ffffn;

/** QEMU: a register answers at its first byte only, whatever the size. */
export class VirtioPciLegacy implements IoHandler {
  readonly #pci: VirtioPci;

  constructor(pci: VirtioPci) {
    this.#pci = pci;
  }

  read(offset: number, size: AccessSize): number {
    const config = offset - this.#configOffset;
    if (config >= 0) return readConfig(this.#pci, config, size);
    return (this.#readRegister(offset) & OPEN_BUS[size]) >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    const config = offset - this.#configOffset;
    if (config >= 0) this.#pci.device.writeConfig(config, size, value);
    else this.#writeRegister(offset, value);
  }

  get #configOffset(): number {
    return this.#pci.msix?.enabled ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;
  }

  #readRegister(offset: number): number {
    const { device } = this.#pci;
    switch (offset) {
      case VIRTIO_PCI_HOST_FEATURES:
        return Number((this.#pci.offeredFeatures | VIRTIO_F_BAD_FEATURE) & LOW_HALF);
      case VIRTIO_PCI_GUEST_FEATURES:
        return Number(device.driverFeatures & LOW_HALF);
      case VIRTIO_PCI_QUEUE_PFN:
        return Math.floor((device.selectedQueue?.desc ?? 0) / QUEUE_ALIGN);
      case VIRTIO_PCI_QUEUE_NUM:
        return device.selectedQueue?.size ?? 0;
      case VIRTIO_PCI_QUEUE_SEL:
        return device.queueSelect;
      case VIRTIO_PCI_STATUS:
        return device.status;
      case VIRTIO_PCI_ISR:
        return this.#pci.readIsr();
      case VIRTIO_MSI_CONFIG_VECTOR:
        return device.configVector;
      case VIRTIO_MSI_QUEUE_VECTOR:
        return device.selectedQueue?.vector ?? VIRTIO_NO_VECTOR;
      default:
        return OPEN_BUS[4];
    }
  }

  #writeRegister(offset: number, value: number): void {
    const { device } = this.#pci;
    switch (offset) {
      case VIRTIO_PCI_GUEST_FEATURES:
        this.#negotiate(BigInt(value));
        break;
      case VIRTIO_PCI_QUEUE_PFN:
        this.#setQueue(value);
        break;
      case VIRTIO_PCI_QUEUE_SEL:
        if (value < QUEUES) device.selectQueue(value);
        break;
      case VIRTIO_PCI_QUEUE_NOTIFY:
        device.notify(value);
        break;
      case VIRTIO_PCI_STATUS:
        this.#writeStatus(value & 0xff);
        break;
      case VIRTIO_MSI_CONFIG_VECTOR:
        device.setConfigVector(this.#pci.validVector(value));
        break;
      case VIRTIO_MSI_QUEUE_VECTOR:
        device.selectedQueue?.setVector(this.#pci.validVector(value));
        break;
    }
  }

  #negotiate(wanted: bigint): void {
    const features = (wanted & VIRTIO_F_BAD_FEATURE) !== 0n ? 0n : wanted;
    this.#pci.device.negotiate(features, this.#pci.offeredFeatures);
  }

  /** Spec: §2.7.2, legacy layout: one block, the used ring on the next page; frame 0 resets the device. */
  #setQueue(frame: number): void {
    if (frame === 0) {
      this.#pci.resetDevice();
      return;
    }
    const queue = this.#pci.device.selectedQueue;
    if (queue === undefined) return;
    const desc = frame * 2 ** QUEUE_ADDR_SHIFT;
    const avail = desc + 16 * queue.size;
    const used = Math.ceil((avail + 4 + 2 * queue.size) / QUEUE_ALIGN) * QUEUE_ALIGN;
    queue.setRings(desc, avail, used);
  }

  #writeStatus(value: number): void {
    this.#pci.writeStatus(value);
    // Guest: Linux before 2.6.34 never asks for bus mastership; QEMU gives it at this very value.
    if (value === (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)) {
      this.#pci.configWrite(PCI_COMMAND, 2, this.#pci.command | PCI_COMMAND_MASTER);
    }
  }
}

/** Device configuration, the same through both interfaces; what is not all inside it reads ones. */
export function readConfig(pci: VirtioPci, offset: number, size: AccessSize): number {
  if (offset + size > pci.device.configLength) return OPEN_BUS[size];
  const bytes = pci.device.readConfig();
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[offset + i];
  return value;
}
