/** The inside of a virtio device as monitors look at it; looking changes nothing. */
import { VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_F_BAD_FEATURE, VIRTIO_F_VERSION_1 } from './virtio-device.ts';
import type { VirtioPci } from './virtio-pci.ts';
import type { QueueElement, VirtqueueState } from './virtqueue.ts';

export interface VirtioStatus {
  /** Spec: virtio 1.2 §5. */
  readonly deviceId: number;
  readonly guestFeatures: bigint;
  readonly hostFeatures: bigint;
  readonly queues: number;
  readonly status: number;
  readonly isr: number;
  readonly queueSelect: number;
  /** The driver broke a rule. */
  readonly isBroken: boolean;
  /** The guest keeps it from memory. */
  readonly isDisabled: boolean;
  readonly isStarted: boolean;
  /** A legacy driver may notify the device before it says that it is ready. */
  readonly startsOnKick: boolean;
}

export interface VirtqueueStatus extends VirtqueueState {
  readonly defaultSize: number;
  /** What the device has seen of the driver's index. */
  readonly seenAvail: number;
}

/** A device behind its card. */
export class VirtioView {
  readonly #card: VirtioPci;

  constructor(card: VirtioPci) {
    this.#card = card;
  }

  status(): VirtioStatus {
    const { device, offeredFeatures, busMaster, command } = this.#card;
    const { deviceId, driverFeatures, queues, status, isr, queueSelect, isBroken } = device;
    const isReady = (status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
    // QEMU: also of a legacy driver that takes no feature.
    const isLegacy = driverFeatures !== 0n && (driverFeatures & VIRTIO_F_VERSION_1) === 0n;
    return {
      ...{ deviceId, guestFeatures: driverFeatures, hostFeatures: offeredFeatures | VIRTIO_F_BAD_FEATURE },
      ...{ queues: queues.length, status, isr, queueSelect, isBroken },
      // QEMU: the guest must have written the command register.
      isDisabled: !busMaster && command !== 0,
      ...{ isStarted: isReady, startsOnKick: isLegacy && !isReady },
    };
  }

  /** Undefined: there is no queue of that number. */
  queue(index: number): VirtqueueStatus | undefined {
    const queue = this.#card.device.queues[index];
    if (queue === undefined) return undefined;
    return { ...queue.save(), defaultSize: queue.defaultSize, seenAvail: queue.seenAvail };
  }

  /**
   * The chain in an entry of the available ring. Undefined: the queue is there and its rings are not; a text: what is wrong with it.
   * @param index counted without end; undefined: the entry that the device takes next
   */
  element(queue: number, index: number | undefined): QueueElement | string | undefined {
    return this.#card.device.queues[queue]?.element(index);
  }
}
