/** What a device did with its drive: QEMU's counts, in virtual time. Spec: QEMU qapi/block-core.json, BlockDeviceStats. */
import type { Clock } from '../core/clock.ts';

export type CountedKind = 'read' | 'write' | 'flush' | 'unmap';

/** A request that is under way. */
export interface CountedRequest {
  readonly kind: CountedKind;
  readonly bytes: number;
  readonly beganNs: number;
}

export interface KindCounts {
  bytes: number;
  operations: number;
  totalNs: number;
  failed: number;
  invalid: number;
}

const none = (): KindCounts => ({ bytes: 0, operations: 0, totalNs: 0, failed: 0, invalid: 0 });

export class BlockStatistics {
  readonly #clock: Clock;
  readonly #counts: Readonly<Record<CountedKind, KindCounts>> = {
    ...{ read: none(), write: none(), flush: none(), unmap: none() },
  };
  #lastNs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(kind: CountedKind): Readonly<KindCounts> {
    return this.#counts[kind];
  }

  /** Nanoseconds since the last request ended; undefined: there was none. */
  get idleNs(): number | undefined {
    return this.#lastNs === undefined ? undefined : this.#clock.nowNs() - this.#lastNs;
  }

  begin(kind: CountedKind, bytes: number): CountedRequest {
    return { kind, bytes, beganNs: this.#clock.nowNs() };
  }

  /** QEMU: a request that failed has taken time, but moved nothing. */
  end({ kind, bytes, beganNs }: CountedRequest, ok: boolean): void {
    const counts = this.#counts[kind];
    if (ok) {
      counts.bytes += bytes;
      counts.operations++;
    } else counts.failed++;
    const nowNs = this.#clock.nowNs();
    counts.totalNs += nowNs - beganNs;
    this.#lastNs = nowNs;
  }

  /** A request that cannot be carried out, as one beyond the end of the disk. */
  refuse(kind: CountedKind): void {
    this.#counts[kind].invalid++;
    this.#lastNs = this.#clock.nowNs();
  }
}
