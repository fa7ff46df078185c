/** The machine's one balloon, by which the user makes a guest give memory back: what `balloon` and `info balloon` speak to. */
import { MonitorError } from '../core/monitor-error.ts';
import { ServiceName } from '../qdev/services.ts';

/** A device that asks the guest for memory. */
export interface BalloonDevice {
  /** What the guest says that it has, in bytes. QEMU: 64 bits, which a guest that says too much wraps round. */
  readonly actualBytes: bigint;
  /** The user wants the guest to have `bytes`, at least 1. */
  setTarget(bytes: number): void;
}

export class Balloon {
  #device: BalloonDevice | undefined;

  /** Throws QEMU's error when there is one. */
  checkFree(): void {
    if (this.#device !== undefined) throw new MonitorError('Only one balloon device is supported');
  }

  connect(device: BalloonDevice): void {
    this.#device = device;
  }

  /** The device leaves the machine. */
  disconnect(device: BalloonDevice): void {
    if (this.#device === device) this.#device = undefined;
  }

  /** Throws QEMU's error. */
  setTarget(bytes: number): void {
    const device = this.#active();
    if (bytes <= 0) throw new MonitorError("Parameter 'target' expects a size");
    device.setTarget(bytes);
  }

  /** Throws QEMU's error. */
  get actualBytes(): bigint {
    return this.#active().actualBytes;
  }

  #active(): BalloonDevice {
    if (this.#device !== undefined) return this.#device;
    throw new MonitorError('No balloon device has been activated', 'DeviceNotActive');
  }
}

export const BALLOON = new ServiceName('balloon', () => new Balloon());
