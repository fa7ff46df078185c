/** Drives that share limits, and the requests that wait because of them. QEMU: block/throttle-groups; the limits themselves are in throttle-buckets.ts. */
import { assert } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { record, type StateKind } from '../core/state-fields.ts';
import type { Direction } from './block-transfer.ts';
import { BUCKETS_STATE, type BucketsState, ThrottleBuckets, WAKE_STATE } from './throttle-buckets.ts';
import type { ThrottleLimits } from './throttle-limits.ts';

const DIRECTIONS: readonly Direction[] = ['read', 'write'];

/** A request that is held back. */
export interface HeldRequest {
  readonly bytes: number;
  /** Its time has come: it is counted already. */
  go(): void;
}

export type ThrottleState = {
  readonly buckets: BucketsState;
  /** When the next read may go, and the next write; null: none waits. */
  readonly wake: readonly [read: number | null, write: number | null];
};

export const THROTTLE_STATE: StateKind<ThrottleState> = record<ThrottleState>({
  buckets: BUCKETS_STATE,
  wake: WAKE_STATE,
});

/** One drive's place in its group. */
export class ThrottleMember {
  readonly group: ThrottleGroup;
  readonly queues: Record<Direction, HeldRequest[]> = { read: [], write: [] };

  constructor(group: ThrottleGroup) {
    this.group = group;
  }

  /** True: the request may go, and is counted. False: it waits until it is told to go. */
  admit(direction: Direction, request: HeldRequest): boolean {
    return this.group.admit(this, direction, request);
  }

  /** Forgets the requests that nobody waits for any more. */
  withdraw(isWanted: (request: HeldRequest) => boolean): void {
    for (const direction of DIRECTIONS) this.queues[direction] = this.queues[direction].filter(isWanted);
  }

  /** Gives all that waits to the caller, who lets it go now: it is counted. */
  takeAll(): readonly HeldRequest[] {
    return DIRECTIONS.flatMap((direction) => {
      const taken = this.queues[direction].splice(0);
      this.group.taken(direction, taken);
      return taken;
    });
  }

  /** Has no limits any more: all that waits goes. */
  leave(): void {
    this.group.remove(this);
    for (const direction of DIRECTIONS) for (const { go } of this.queues[direction].splice(0)) go();
  }
}

export class ThrottleGroup {
  readonly name: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #members: ThrottleMember[] = [];
  readonly #buckets: ThrottleBuckets;
  readonly #wakeNs: Record<Direction, number> = {
    read: Number.POSITIVE_INFINITY,
    write: Number.POSITIVE_INFINITY,
  };

  /** @param onChange told when `nextNs` may be another, or a member has left */
  constructor(name: string, limits: ThrottleLimits, clock: Clock, onChange: () => void) {
    this.name = name;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#buckets = new ThrottleBuckets(limits, clock.nowNs());
  }

  get limits(): ThrottleLimits {
    return this.#buckets.limits;
  }

  /** For all members. QEMU: the first request that waits goes at once, the others by the new limits. */
  setLimits(limits: ThrottleLimits): void {
    this.#buckets.setLimits(limits, this.#clock.nowNs());
    for (const direction of DIRECTIONS) this.#serve(direction);
  }

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** When somebody's turn comes; Infinity: nobody waits. */
  get nextNs(): number {
    return Math.min(this.#wakeNs.read, this.#wakeNs.write);
  }

  join(): ThrottleMember {
    const member = new ThrottleMember(this);
    this.#members.push(member);
    return member;
  }

  remove(member: ThrottleMember): void {
    const at = this.#members.indexOf(member);
    assert(at >= 0, `a drive leaves group ${this.name} once`);
    this.#members.splice(at, 1);
    this.#onChange();
  }

  /** A member has let these go by itself. QEMU: later ones wait the longer. */
  taken(direction: Direction, requests: readonly HeldRequest[]): void {
    for (const { bytes } of requests) this.#buckets.pour(direction, bytes);
    if (this.#next(direction) === undefined) this.#wake(direction, Number.POSITIVE_INFINITY);
  }

  admit(member: ThrottleMember, direction: Direction, request: HeldRequest): boolean {
    const nowNs = this.#clock.nowNs();
    if (this.#wakeNs[direction] === Number.POSITIVE_INFINITY) {
      const waitNs = this.#buckets.waitNs(direction, nowNs);
      if (waitNs === 0) {
        this.#buckets.pour(direction, request.bytes);
        return true;
      }
      this.#wake(direction, nowNs + waitNs);
    }
    member.queues[direction].push(request);
    return false;
  }

  /** The clock has come to `nextNs`. */
  runDue(nowNs: number): void {
    for (const direction of DIRECTIONS) if (this.#wakeNs[direction] <= nowNs) this.#serve(direction);
  }

  save(): ThrottleState {
    const deadline = (ns: number): number | null => (ns === Number.POSITIVE_INFINITY ? null : ns);
    return {
      buckets: this.#buckets.save(),
      wake: [deadline(this.#wakeNs.read), deadline(this.#wakeNs.write)],
    };
  }

  /** The requests that wait come back by themselves: their devices begin them again. */
  restore({ buckets, wake }: ThrottleState): void {
    this.#buckets.restore(buckets);
    for (const [at, direction] of DIRECTIONS.entries()) {
      this.#wake(direction, wake[at] ?? Number.POSITIVE_INFINITY);
    }
  }

  /** Lets the first request go, and more for as long as the buckets allow. QEMU: whose time has come goes, whatever the other direction did meanwhile. */
  #serve(direction: Direction): void {
    const nowNs = this.#clock.nowNs();
    this.#wake(direction, Number.POSITIVE_INFINITY);
    let isFirst = true;
    for (let next = this.#next(direction); next !== undefined; next = this.#next(direction)) {
      const waitNs = isFirst ? 0 : this.#buckets.waitNs(direction, nowNs);
      if (waitNs > 0) {
        this.#wake(direction, nowNs + waitNs);
        return;
      }
      isFirst = false;
      this.#members.push(...this.#members.splice(this.#members.indexOf(next), 1));
      const request = next.queues[direction].shift();
      assert(request !== undefined, 'a drive whose turn it is has a request');
      this.#buckets.pour(direction, request.bytes);
      request.go();
    }
  }

  #next(direction: Direction): ThrottleMember | undefined {
    return this.#members.find(({ queues }) => queues[direction].length > 0);
  }

  #wake(direction: Direction, atNs: number): void {
    this.#wakeNs[direction] = atNs;
    this.#onChange();
  }
}

/** The machine's groups. One timer serves all of them: that it is made with the machine keeps the order of timers the same after a restore. */
export class ThrottleGroups {
  readonly #clock: Clock;
  readonly #groups = new Map<string, ThrottleGroup>();
  readonly #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = clock.timer(() => {
      const nowNs = clock.nowNs();
      for (const group of [...this.#groups.values()]) group.runDue(nowNs);
      this.#arm();
    });
  }

  /** A place in the group of that name, which gets these limits. */
  join(name: string, limits: ThrottleLimits): ThrottleMember {
    const known = this.#groups.get(name);
    const group = known ?? new ThrottleGroup(name, limits, this.#clock, () => this.#changed(name));
    if (known === undefined) this.#groups.set(name, group);
    else group.setLimits(limits);
    return group.join();
  }

  #changed(name: string): void {
    if (this.#groups.get(name)?.isEmpty === true) this.#groups.delete(name);
    this.#arm();
  }

  #arm(): void {
    const nextNs = Math.min(...[...this.#groups.values()].map((group) => group.nextNs));
    if (nextNs === Number.POSITIVE_INFINITY) this.#timer.cancel();
    else this.#timer.arm(nextNs);
  }
}
