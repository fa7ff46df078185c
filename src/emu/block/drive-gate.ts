/** What stands between a device and the image in its drive: counts, and limits. It stays when the image goes. QEMU: parts of BlockBackend. */
import type { Clock } from '../core/clock.ts';
import { BlockStatistics } from './block-statistics.ts';
import type { Direction } from './block-transfer.ts';
import type { HeldRequest, ThrottleMember } from './throttle-groups.ts';

export class DriveGate {
  readonly statistics: BlockStatistics;
  /** Told when the image has another size. */
  onResize: () => void = () => {};
  #limits: ThrottleMember | undefined;

  constructor(clock: Clock) {
    this.statistics = new BlockStatistics(clock);
  }

  get limits(): ThrottleMember | undefined {
    return this.#limits;
  }

  /** Other limits, or none: what waits for the ones before goes. */
  setLimits(limits: ThrottleMember | undefined): void {
    const before = this.#limits;
    this.#limits = limits;
    before?.leave();
  }

  /** True: the request may go now. False: `request.go` is called when it may. */
  admit(direction: Direction, request: HeldRequest): boolean {
    return this.#limits?.admit(direction, request) ?? true;
  }

  /** Forgets requests that were held back and that nobody waits for any more. */
  withdraw(isWanted: (request: HeldRequest) => boolean): void {
    this.#limits?.withdraw(isWanted);
  }
}
