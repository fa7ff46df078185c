/** The endpoints of an xHCI that have something to do, in the order in which their doorbells rang. */
import { type BottomHalf, hasRoom, type Portion } from '../core/bottom-half.ts';
import type { XhciEndpoint } from './xhci-endpoint.ts';

/** Bytes of transfers that devices have kept; a transfer that is larger waits until it is alone. */
const BYTES_UNDER_WAY = 64 << 20;

export class XhciWork {
  readonly #bottomHalf: BottomHalf;
  readonly #queue = new Set<XhciEndpoint>();
  /** Those for which there was no room. */
  readonly #waiting = new Set<XhciEndpoint>();
  #bytesUnderWay = 0;
  #isServing = false;

  constructor(bottomHalf: BottomHalf) {
    this.#bottomHalf = bottomHalf;
  }

  /** The endpoint has rings that are to be served: now, or after what is being served. */
  kick(endpoint: XhciEndpoint): void {
    this.#queue.add(endpoint);
    if (!this.#isServing) this.#bottomHalf.kick();
  }

  /** The endpoint is no more, or has nothing to do any more. */
  forget(endpoint: XhciEndpoint): void {
    this.#queue.delete(endpoint);
    this.#waiting.delete(endpoint);
  }

  /** For what a snapshot has: it is served when everything is restored. */
  restore(endpoint: XhciEndpoint): void {
    this.#queue.add(endpoint);
  }

  /** Something else than endpoints is to be served. */
  kickOthers(): void {
    if (!this.#isServing) this.#bottomHalf.kick();
  }

  get isIdle(): boolean {
    return this.#queue.size === 0;
  }

  clear(): void {
    this.#queue.clear();
    this.#waiting.clear();
    this.#bytesUnderWay = 0;
  }

  /** True: the endpoint may have so many bytes under way, else it is served later. */
  reserve(endpoint: XhciEndpoint, bytes: number): boolean {
    if (this.#bytesUnderWay > 0 && this.#bytesUnderWay + bytes > BYTES_UNDER_WAY) {
      this.#waiting.add(endpoint);
      return false;
    }
    this.#bytesUnderWay += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytesUnderWay = Math.max(0, this.#bytesUnderWay - bytes);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const endpoint of waiting) endpoint.wake();
  }

  /** @param first what is done before; true: there is more to do */
  serve(portion: Portion, first: (portion: Portion) => boolean): boolean {
    this.#isServing = true;
    const more = first(portion);
    for (const endpoint of this.#queue) {
      if (!hasRoom(portion)) break;
      this.#queue.delete(endpoint);
      if (endpoint.serve(portion)) this.#queue.add(endpoint);
    }
    this.#isServing = false;
    return more || this.#queue.size > 0;
  }
}
