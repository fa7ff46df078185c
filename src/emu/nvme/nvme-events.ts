/** Asynchronous events: what the controller tells when a driver has asked to be told. Spec: NVMe 1.4 §5.2. */
import { BYTE, integer, list, record, WORD } from '../core/state-fields.ts';
import { TOO_MANY_EVENT_REQUESTS } from './nvme-spec.ts';

export type NvmeEvent = {
  readonly type: number;
  readonly info: number;
  readonly page: number;
};

export type NvmeEventsState = {
  /** Command identifiers of the requests that wait. */
  readonly requests: readonly number[];
  readonly events: readonly Readonly<NvmeEvent>[];
  /** A bit for each type that was told and not read yet. */
  readonly mask: number;
};

const REQUESTS_MAX = 256;
const EVENTS_MAX = 0x1_0000;

export const NVME_EVENTS_STATE = record<NvmeEventsState>({
  requests: list(WORD, { max: REQUESTS_MAX }),
  events: list<Readonly<NvmeEvent>>(record({ type: integer(0, 7), info: BYTE, page: BYTE }), {
    max: EVENTS_MAX,
  }),
  mask: BYTE,
});

export class NvmeEvents {
  readonly #limit: number;
  readonly #maxQueued: number;
  readonly #tell: (cid: number, result: number) => void;
  #requests: number[] = [];
  #events: NvmeEvent[] = [];
  #mask = 0;

  /**
   * @param limit requests that may wait, less one
   * @param maxQueued events that wait for a request; more are lost
   * @param tell completes a request
   */
  constructor(limit: number, maxQueued: number, tell: (cid: number, result: number) => void) {
    this.#limit = limit;
    this.#maxQueued = maxQueued;
    this.#tell = tell;
  }

  get hasRequests(): boolean {
    return this.#requests.length > 0;
  }

  /** The driver asks to be told. A status, or undefined: the request waits, or was answered. */
  ask(cid: number): number | undefined {
    if (this.#requests.length > this.#limit) return TOO_MANY_EVENT_REQUESTS;
    this.#requests.push(cid);
    this.#serve();
    return undefined;
  }

  happened(event: NvmeEvent): void {
    if (this.#events.length >= this.#maxQueued) return;
    this.#events.push(event);
    this.#serve();
  }

  /** The driver has read the log page of a type: the next event of it may be told. */
  wasRead(type: number): void {
    this.#mask &= ~(1 << type);
    this.#serve();
  }

  reset(): void {
    this.#requests = [];
    this.#events = [];
    this.#mask = 0;
  }

  save(): NvmeEventsState {
    return {
      requests: [...this.#requests],
      events: this.#events.map((event) => ({ ...event })),
      mask: this.#mask,
    };
  }

  restore({ requests, events, mask }: NvmeEventsState): void {
    this.#requests = [...requests];
    this.#events = [...events];
    this.#mask = mask;
  }

  /** QEMU: the last request is answered first. */
  #serve(): void {
    const kept: NvmeEvent[] = [];
    const told: (readonly [cid: number, result: number])[] = [];
    for (const event of this.#events) {
      const isMasked = (this.#mask & (1 << event.type)) !== 0;
      const cid = isMasked ? undefined : this.#requests.pop();
      if (cid === undefined) {
        kept.push(event);
        continue;
      }
      this.#mask |= 1 << event.type;
      told.push([cid, event.type | (event.info << 8) | (event.page << 16)]);
    }
    this.#events = kept;
    for (const [cid, result] of told) this.#tell(cid, result);
  }
}
