/**
 * Packets from the host's side of a back end to what is at the other end of its wire. They leave from the machine's clock only: what
 * the host says while the machine stands still waits here.
 */
import type { Clock, Timer } from '../core/clock.ts';
import type { NetClient, Packet } from './net-client.ts';

export class PacketQueue {
  /** Packets that found no room here. */
  dropped = 0;
  readonly #client: NetClient;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #most: number;
  readonly #onEmpty: () => void;
  #waiting: Packet[] = [];

  /**
   * @param client the back end's end of the wire
   * @param most packets that may wait
   * @param onEmpty told when all that waited has left
   */
  constructor(client: NetClient, clock: Clock, most: number, onEmpty: () => void) {
    this.#client = client;
    this.#clock = clock;
    this.#most = most;
    this.#onEmpty = onEmpty;
    this.#timer = clock.timer(() => this.#deliver());
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Sends as soon as the clock moves and the other end has room. */
  push(packet: Packet): void {
    if (this.#waiting.length >= this.#most) {
      this.dropped++;
      return;
    }
    this.#waiting.push(packet);
    this.schedule();
  }

  /** The other end may have room, or there is something else to do as soon as the clock moves. */
  schedule(): void {
    if (this.#timer.deadlineNs === Number.POSITIVE_INFINITY) this.#timer.arm(this.#clock.nowNs());
  }

  clear(): void {
    this.#waiting = [];
    this.#timer.cancel();
  }

  #deliver(): void {
    let count = 0;
    while (count < this.#waiting.length && this.#client.isPeerReady)
      this.#client.send(this.#waiting[count++]);
    this.#waiting.splice(0, count);
    if (this.#waiting.length === 0) this.#onEmpty();
  }
}
