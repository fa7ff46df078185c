/** The legacy interface of virtio-pci, ports of BAR 0. Spec: virtio 1.2 §4.1.4.8. */
import { type Condition, RegisterTable, register } from '../bus/register-table.ts';
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

/** Where the device configuration begins, without and with the MSI-X registers. */
export const LEGACY_CONFIG = 0x14;
export const LEGACY_CONFIG_MSIX = 0x18;

const QUEUE_ADDR_SHIFT = 12;
const QUEUE_ALIGN = 4096;
const QUEUES = 1024;
const LOW_HALF = 0xffff_ffffn;

const MSIX_ENABLED: Condition<VirtioPciLegacy> = {
  text: 'MSI-X is enabled; else the device configuration begins here',
  holds: (card) => card.hasMsix,
};

/** QEMU: a register answers at its first byte only, whatever the size. */
export class VirtioPciLegacy implements IoHandler {
  static readonly registers = new RegisterTable<VirtioPciLegacy>(
    {
      name: 'virtio-pci',
      title: 'virtio-pci, legacy interface',
      place: 'BAR 0',
      spec: 'virtio 1.2 §4.1.4.8',
    },
    [
      register(0x00, 4, 'VIRTIO_PCI_HOST_FEATURES', 'what the device offers', {
        read: ({ pci }) => Number((pci.offeredFeatures | VIRTIO_F_BAD_FEATURE) & LOW_HALF),
      }),
      register(0x04, 4, 'VIRTIO_PCI_GUEST_FEATURES', 'what the driver accepts', {
        read: ({ pci }) => Number(pci.device.driverFeatures & LOW_HALF),
        write: (card, value) => card.#negotiate(BigInt(value)),
      }),
      register(0x08, 4, 'VIRTIO_PCI_QUEUE_PFN', 'page of the queue; writing 0 resets the device', {
        read: ({ pci }) => Math.floor((pci.device.selectedQueue?.desc ?? 0) / QUEUE_ALIGN),
        write: (card, value) => card.#setQueue(value),
      }),
      register(0x0c, 2, 'VIRTIO_PCI_QUEUE_NUM', 'entries; 0: there is no such queue', {
        read: ({ pci }) => pci.device.selectedQueue?.size ?? 0,
      }),
      register(0x0e, 2, 'VIRTIO_PCI_QUEUE_SEL', 'the queue of the registers beside it', {
        read: ({ pci }) => pci.device.queueSelect,
        write: ({ pci }, value) => {
          if (value < QUEUES) pci.device.selectQueue(value);
        },
      }),
      register(0x10, 2, 'VIRTIO_PCI_QUEUE_NOTIFY', 'a queue that has requests', {
        write: ({ pci }, value) => pci.device.notify(value),
      }),
      register(0x12, 1, 'VIRTIO_PCI_STATUS', 'how far the driver got; writing 0 resets', {
        read: ({ pci }) => pci.device.status,
        write: (card, value) => card.#writeStatus(value & 0xff),
      }),
      register(0x13, 1, 'VIRTIO_PCI_ISR', 'why it interrupted; reading withdraws that', {
        read: ({ pci }) => pci.readIsr(),
      }),
      register(0x14, 2, 'VIRTIO_MSI_CONFIG_VECTOR', 'MSI-X vector for changes of the configuration', {
        when: MSIX_ENABLED,
        read: ({ pci }) => pci.device.configVector,
        write: ({ pci }, value) => pci.device.setConfigVector(pci.validVector(value)),
      }),
      register(0x16, 2, 'VIRTIO_MSI_QUEUE_VECTOR', 'MSI-X vector of the queue', {
        when: MSIX_ENABLED,
        read: ({ pci }) => pci.device.selectedQueue?.vector ?? VIRTIO_NO_VECTOR,
        write: ({ pci }, value) => pci.device.selectedQueue?.setVector(pci.validVector(value)),
      }),
    ],
  );

  readonly pci: VirtioPci;

  constructor(pci: VirtioPci) {
    this.pci = pci;
  }

  read(offset: number, size: AccessSize): number {
    const config = offset - this.#configOffset;
    if (config >= 0) return readConfig(this.pci, config, size);
    const value = VirtioPciLegacy.registers.read(this, this.pci.device.trace, offset, size);
    return ((value ?? OPEN_BUS[4]) & OPEN_BUS[size]) >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    const config = offset - this.#configOffset;
    if (config >= 0) this.pci.device.writeConfig(config, size, value);
    else VirtioPciLegacy.registers.write(this, this.pci.device.trace, offset, size, value);
  }

  get #configOffset(): number {
    return this.hasMsix ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;
  }

  get hasMsix(): boolean {
    return this.pci.msix?.enabled === true;
  }

  #negotiate(wanted: bigint): void {
    const features = (wanted & VIRTIO_F_BAD_FEATURE) !== 0n ? 0n : wanted;
    this.pci.device.negotiate(features, this.pci.offeredFeatures);
  }

  /** Spec: §2.7.2, legacy layout: one block, the used ring on the next page; frame 0 resets the device. */
  #setQueue(frame: number): void {
    if (frame === 0) {
      this.pci.resetDevice();
      return;
    }
    const queue = this.pci.device.selectedQueue;
    if (queue === undefined) return;
    const desc = frame * 2 ** QUEUE_ADDR_SHIFT;
    const avail = desc + 16 * queue.size;
    const used = Math.ceil((avail + 4 + 2 * queue.size) / QUEUE_ALIGN) * QUEUE_ALIGN;
    queue.setRings(desc, avail, used);
  }

  #writeStatus(value: number): void {
    this.pci.writeStatus(value);
    // Guest: Linux before 2.6.34 never asks for bus mastership; QEMU gives it at this very value.
    if (value === (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)) {
      this.pci.configWrite(PCI_COMMAND, 2, this.pci.command | PCI_COMMAND_MASTER);
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
