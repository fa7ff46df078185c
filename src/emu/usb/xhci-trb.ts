/** Transfer request blocks and the rings that they make, as an xHCI reads them. Spec: xHCI 1.1 §4.9, §4.11, §6.4. */
import { integer } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';

export const TRB_BYTES = 16;

/** Types of TRBs. Spec: table 131. */
export const TRB_RESERVED = 0;
export const TR_NORMAL = 1;
export const TR_SETUP = 2;
export const TR_DATA = 3;
export const TR_STATUS = 4;
export const TR_ISOCH = 5;
export const TR_LINK = 6;
export const TR_EVENT_DATA = 7;
export const CR_ENABLE_SLOT = 9;
export const CR_DISABLE_SLOT = 10;
export const CR_ADDRESS_DEVICE = 11;
export const CR_CONFIGURE_ENDPOINT = 12;
export const CR_EVALUATE_CONTEXT = 13;
export const CR_RESET_ENDPOINT = 14;
export const CR_STOP_ENDPOINT = 15;
export const CR_SET_TR_DEQUEUE = 16;
export const CR_RESET_DEVICE = 17;
export const CR_GET_PORT_BANDWIDTH = 21;
export const CR_NOOP = 23;
export const ER_TRANSFER = 32;
export const ER_COMMAND_COMPLETE = 33;
export const ER_PORT_STATUS_CHANGE = 34;
export const ER_HOST_CONTROLLER = 37;
export const ER_MFINDEX_WRAP = 39;
/** QEMU: commands of NEC's controller, and what completes them. */
export const CR_VENDOR_FIRMWARE_REVISION = 49;
export const CR_VENDOR_CHALLENGE_RESPONSE = 50;
export const ER_VENDOR_COMMAND_COMPLETE = 48;

/** Completion codes. Spec: table 130. */
export const CC_INVALID = 0;
export const CC_SUCCESS = 1;
export const CC_BABBLE_DETECTED = 3;
export const CC_USB_TRANSACTION_ERROR = 4;
export const CC_TRB_ERROR = 5;
export const CC_STALL_ERROR = 6;
export const CC_RESOURCE_ERROR = 7;
export const CC_NO_SLOTS_ERROR = 9;
export const CC_INVALID_STREAM_TYPE_ERROR = 10;
export const CC_SLOT_NOT_ENABLED_ERROR = 11;
export const CC_ENDPOINT_NOT_ENABLED_ERROR = 12;
export const CC_SHORT_PACKET = 13;
export const CC_CONTEXT_STATE_ERROR = 19;
export const CC_EVENT_RING_FULL_ERROR = 21;
export const CC_COMMAND_RING_STOPPED = 24;
export const CC_STOPPED = 26;
export const CC_INVALID_STREAM_ID_ERROR = 34;

export const TRB_CYCLE = 1 << 0;
const TRB_TOGGLE_CYCLE = 1 << 1;
export const TRB_SHORT_PACKET = 1 << 2;
const TRB_CHAIN = 1 << 4;
export const TRB_COMPLETION = 1 << 5;
export const TRB_IMMEDIATE = 1 << 6;
const TRB_TYPE_SHIFT = 10;
const TRB_TYPE_MASK = 0x3f;
export const TRB_LENGTH_MASK = 0x1_ffff;
export const TRB_INTERRUPTER_SHIFT = 22;
export const TRB_INTERRUPTER_MASK = 0x3ff;

/** QEMU: links in a row that are followed. */
const LINKS_MAX = 32;
/** QEMU: TRBs of a transfer; a ring has no larger segment. */
export const TRBS_MAX = 4096;

export interface Trb {
  readonly address: number;
  readonly low: number;
  readonly high: number;
  readonly status: number;
  readonly control: number;
  /** The cycle bit that the ring had there. */
  readonly cycle: number;
}

/** Where in a ring what comes next is, and the cycle bit that it has if it is there already. */
export interface RingPlace {
  readonly dequeue: number;
  readonly cycle: number;
}

const LIMIT_32 = 2 ** 32;
/** No memory is there. */
const ADDRESS_MAX = 2 ** 52;
/** What a state may hold as an address: a place of a ring may be beyond the last one. */
export const ADDRESS = integer(0, Number.MAX_SAFE_INTEGER);

/** An address from its two halves. One that no memory can have is the last of all. */
export function address64(low: number, high: number): number {
  return Math.min(high * LIMIT_32 + low, ADDRESS_MAX);
}

/** The upper half of an address. */
export function highHalf(address: number): number {
  return Math.floor(address / LIMIT_32);
}

export function typeOf({ control }: Pick<Trb, 'control'>): number {
  return (control >>> TRB_TYPE_SHIFT) & TRB_TYPE_MASK;
}

export function withType(type: number): number {
  return type << TRB_TYPE_SHIFT;
}

export function trbAddress({ low, high }: Trb): number {
  return address64(low, high);
}

/** Reads what is at a place of a ring; undefined: no memory is there. */
function trbAt(dma: DmaPort, address: number, cycle: number): Trb | undefined {
  const bytes = new Uint8Array(TRB_BYTES);
  if (!dma.read(address, bytes)) return undefined;
  const view = new DataView(bytes.buffer);
  const word = (offset: number): number => view.getUint32(offset, true);
  return { address, cycle, low: word(0), high: word(4), status: word(8), control: word(12) };
}

export interface Fetched {
  readonly trb: Trb;
  /** Where the next one is. */
  readonly next: RingPlace;
}

/** The next TRB of a ring that is no link; undefined: the driver has not written one. `look` is told of each that is read. */
export function fetchTrb(dma: DmaPort, place: RingPlace, look: (trb: Trb) => void): Fetched | undefined {
  let { dequeue, cycle } = place;
  for (let links = 0; links <= LINKS_MAX; links++) {
    const trb = trbAt(dma, dequeue, cycle);
    if (trb === undefined) return undefined;
    look(trb);
    if ((trb.control & TRB_CYCLE) !== cycle) return undefined;
    if (typeOf(trb) !== TR_LINK) return { trb, next: { dequeue: dequeue + TRB_BYTES, cycle } };
    dequeue = address64((trb.low & ~0xf) >>> 0, trb.high);
    if ((trb.control & TRB_TOGGLE_CYCLE) !== 0) cycle ^= 1;
  }
  return undefined;
}

export interface FetchedTransfer {
  readonly trbs: readonly Trb[];
  /** The same, and the links between them. */
  readonly seen: readonly Trb[];
  readonly next: RingPlace;
}

/**
 * The TRBs of the next transfer: those that are chained, and a control transfer from its setup to its status. Undefined: the last of them is
 * not written yet. QEMU: a transfer of too many TRBs is never whole.
 * @param count told how many TRBs were read, whole transfer or not
 */
export function fetchTransfer(
  dma: DmaPort,
  place: RingPlace,
  count: (trbs: number) => void,
): FetchedTransfer | undefined {
  const trbs: Trb[] = [];
  const seen: Trb[] = [];
  let whole: FetchedTransfer | undefined;
  let isControl = false;
  for (let at = place; whole === undefined && trbs.length < TRBS_MAX; ) {
    const fetched = fetchTrb(dma, at, (trb) => seen.push(trb));
    if (fetched === undefined) break;
    const { trb, next } = fetched;
    trbs.push(trb);
    at = next;
    const type = typeOf(trb);
    if (type === TR_SETUP) isControl = true;
    else if (type === TR_STATUS) isControl = false;
    if (!isControl && (trb.control & TRB_CHAIN) === 0) whole = { trbs, seen, next };
  }
  count(seen.length + 1);
  return whole;
}
