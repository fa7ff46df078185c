/** What stands between a device and the image in its drive: counts, limits, what becomes of errors. It stays when the image goes. QEMU: parts of BlockBackend. */
import type { Clock, Timer } from '../core/clock.ts';
import { BlockStatistics } from './block-statistics.ts';
import type { Direction } from './block-transfer.ts';
import type { DriveTray } from './drive-tray.ts';
import { DriveErrors } from './error-policy.ts';
import { type HeldRequest, ThrottleGroups, type ThrottleMember } from './throttle-groups.ts';
import { limitsAnything, type ThrottleLimits } from './throttle-limits.ts';

export class DriveGate {
  readonly statistics: BlockStatistics;
  readonly errors = new DriveErrors();
  /** Told when the image has another size. */
  onResize: () => void = () => {};
  /** Told when a medium has come into the drive, or has left it. */
  onMediumChange: () => void = () => {};
  /** Carries out all that the drive's device has under way; undefined: there is nothing. */
  onDrain: () => Promise<void> | undefined = () => undefined;
  /** Of a device whose medium can be changed. */
  tray: DriveTray | undefined;
  readonly #groups: ThrottleGroups;
  readonly #clock: Clock;
  /** It runs with the machine only: never while an error has stopped it. */
  readonly #retry: Timer;
  #kept: HeldRequest[] = [];
  #limits: ThrottleMember | undefined;

  constructor(clock: Clock, groups = new ThrottleGroups(clock)) {
    this.statistics = new BlockStatistics(clock);
    this.#clock = clock;
    this.#retry = clock.timer(() => {
      for (const { go } of this.#kept.splice(0)) go();
    });
    this.#groups = groups;
  }

  get limits(): ThrottleMember | undefined {
    return this.#limits;
  }

  /**
   * Gets limits, in a group of drives that share them. QEMU: a drive that has limits keeps its group where no other is named.
   * @param names the group that was named, and the one of a drive that has none
   */
  limitTo(
    limits: ThrottleLimits,
    names: { readonly group: string | undefined; readonly byDefault: string },
  ): void {
    const { group, byDefault } = names;
    const before = this.#limits?.group;
    if (!limitsAnything(limits)) this.unlimit();
    else if (before !== undefined && (group ?? before.name) === before.name) before.setLimits(limits);
    else {
      const joined = this.#groups.join(group ?? byDefault, limits);
      this.unlimit();
      this.#limits = joined;
    }
  }

  /** Has no limits any more: what waits for them goes. */
  unlimit(): void {
    const before = this.#limits;
    this.#limits = undefined;
    before?.leave();
  }

  /** True: the request may go now. False: `request.go` is called when it may. */
  admit(direction: Direction, request: HeldRequest): boolean {
    return this.#limits?.admit(direction, request) ?? true;
  }

  /** Requests that are held back, for their device to carry out now. */
  takeHeld(): readonly HeldRequest[] {
    return this.#limits?.takeAll() ?? [];
  }

  /** Resolves when the requests are done that were under way, whatever limits hold them back; undefined: there were none. QEMU: blk_drain. */
  drain(): Promise<void> | undefined {
    return this.onDrain();
  }

  /** Keeps a request whose error has stopped the machine: `request.go` is called when the machine runs again. */
  keep(request: HeldRequest): void {
    this.#kept.push(request);
    this.#retry.arm(this.#clock.nowNs());
  }

  /** An error has stopped the machine, and this request waits for it to go on: nobody can wait for such a request. */
  isKept(request: HeldRequest | undefined): boolean {
    return request !== undefined && this.#kept.includes(request);
  }

  /** Forgets requests that were held back, or kept, and that nobody waits for any more. */
  withdraw(isWanted: (request: HeldRequest) => boolean): void {
    this.#kept = this.#kept.filter(isWanted);
    if (this.#kept.length === 0) this.#retry.cancel();
    this.#limits?.withdraw(isWanted);
  }
}
