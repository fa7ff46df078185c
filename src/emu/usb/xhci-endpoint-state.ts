/** What an xHCI keeps of an endpoint. Spec: xHCI 1.1 §6.2.3. */
import { BOOLEAN, integer, list, nullable, record } from '../core/state-fields.ts';
import { EP_DISABLED, EP_RUNNING, EP_STOPPED } from './xhci-context.ts';
import { ADDRESS, address64 } from './xhci-trb.ts';

/** Spec: §6.2.3.6: the longest interval is of 2^15 microframes. */
const INTERVAL_EXPONENT_MAX = 15;
const STREAM_CONTEXT_BYTES = 16;
const STREAMS_MAX = 256;

export interface XhciRingState {
  /** Of the stream, in guest memory; 0 without streams. */
  context: number;
  /** Null: the context of the stream was not looked at yet. */
  streamType: number | null;
  dequeue: number;
  cycle: number;
  /** It is to be served, or has a transfer that is not over: a snapshot goes on with that. */
  isBusy: boolean;
}

export type XhciEndpointState = {
  readonly type: number;
  /** Of its context in guest memory. */
  readonly context: number;
  /** In microframes: a power of two. */
  readonly interval: number;
  readonly lastMicroframe: number;
  /** When the transfer that has been begun may go to the device. */
  readonly dueMicroframe: number | null;
  readonly state: number;
  /** One without streams. */
  readonly rings: readonly Readonly<XhciRingState>[];
};

const MICROFRAMES = integer(0, 2 ** 50);

export const ENDPOINT_FIELDS = record<XhciEndpointState>({
  type: integer(0, 7),
  context: ADDRESS,
  interval: integer(1, 2 ** INTERVAL_EXPONENT_MAX),
  lastMicroframe: MICROFRAMES,
  dueMicroframe: nullable(MICROFRAMES),
  state: integer(EP_DISABLED, EP_STOPPED),
  rings: list(
    record<Readonly<XhciRingState>>({
      context: ADDRESS,
      streamType: nullable(integer(0, 7)),
      dequeue: ADDRESS,
      cycle: integer(0, 1),
      isBusy: BOOLEAN,
    }),
    { min: 1, max: STREAMS_MAX },
  ),
});

/**
 * What the context of an endpoint says, as the driver has written it.
 * @param address of the context that the controller keeps
 * @param streamsMask sizes of arrays of streams that there are
 */
export function endpointState(context: Uint32Array, address: number, streamsMask: number): XhciEndpointState {
  const [first = 0, second = 0, low = 0, high = 0] = context;
  const dequeue = address64((low & ~0xf) >>> 0, high);
  const cycle = low & 1;
  const streams = (first >>> 10) & streamsMask;
  const ring = { context: 0, streamType: null, dequeue, cycle, isBusy: false };
  return {
    type: (second >>> 3) & 7,
    context: address,
    interval: 1 << Math.min((first >>> 16) & 0xff, INTERVAL_EXPONENT_MAX),
    lastMicroframe: 0,
    dueMicroframe: null,
    state: EP_RUNNING,
    rings:
      streams === 0
        ? [ring]
        : Array.from({ length: 2 << streams }, (_, stream) => ({
            ...ring,
            ...{ context: dequeue + STREAM_CONTEXT_BYTES * stream, dequeue: 0, cycle: 0 },
          })),
  };
}
