/**
 * An endpoint of a slot: its ring, or one for each stream, and the transfer of each that a device has not carried out yet. Spec: xHCI 1.1 §4.6.6
 * to §4.6.10, §4.8, §4.12, §4.14. QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { readWords, writeWords } from './dma-words.ts';
import type { UsbDevice } from './usb-device.ts';
import type { UsbPacket } from './usb-packet.ts';
import { EP_DISABLED, EP_HALTED, EP_RUNNING, EP_STATE_MASK, EP_STOPPED } from './xhci-context.ts';
import type { XhciEndpointState, XhciRingState } from './xhci-endpoint-state.ts';
import type { XhciEvent } from './xhci-interrupters.ts';
import { stateName, trbName } from './xhci-names.ts';
import {
  codeOf,
  control,
  isRequestIn,
  isSound,
  packetOf,
  report,
  requestOf,
  scatter,
  transferBytes,
} from './xhci-transfer.ts';
import {
  address64,
  CC_CONTEXT_STATE_ERROR,
  CC_INVALID_STREAM_ID_ERROR,
  CC_INVALID_STREAM_TYPE_ERROR,
  CC_SUCCESS,
  CC_USB_TRANSACTION_ERROR,
  fetchTransfer,
  highHalf,
  TRB_RESERVED,
  type Trb,
  typeOf,
} from './xhci-trb.ts';
import type { XhciWork } from './xhci-work.ts';

const CONTROL_ENDPOINT = 1;
const TYPE_ISO_OUT = 1;
const TYPE_ISO_IN = 5;
const TYPE_INTERRUPT_OUT = 3;
const TYPE_INTERRUPT_IN = 7;
const TYPE_IN = 4;
const CONTEXT_WORDS = 5;
const MICROFRAME_NS = 125_000;
/** Spec: §6.2.4.1: a ring of transfers; the driver has no arrays of arrays. */
const STREAM_PRIMARY_RING = 1;
/** QEMU: transfers that are begun for one ring of a doorbell. */
const TRANSFERS_MAX = 256;
const ISO_START_ASAP = 2 ** 31;
const ISO_FRAME_SHIFT = 20;
const ISO_FRAME_MASK = 0x7ff;
const MFINDEX_RANGE = 0x4000;
/** Not modelled: larger transfers, which end as one that the device did not answer. */
const TRANSFER_BYTES_MAX = 16 << 20;

/** A transfer that is not over. */
interface Pending {
  readonly trbs: readonly Trb[];
  /** The device has it; undefined: it waits for its time, or for the device to have something. */
  packet?: UsbPacket;
  readonly bytes: number;
}

interface Ring extends XhciRingState {
  readonly stream: number;
  /** Transfers that may still be begun before the doorbell rings again. */
  left: number;
  pending?: Pending | undefined;
}

export interface XhciEndpointWiring {
  readonly dma: DmaPort;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly work: XhciWork;
  readonly slot: number;
  /** Spec: §4.5.1: the device context index. */
  readonly endpoint: number;
  readonly device: () => UsbDevice | undefined;
  readonly event: (event: XhciEvent, interrupter: number) => void;
  readonly microframe: () => number;
  readonly die: (text: string) => void;
}

export class XhciEndpoint {
  readonly #wiring: XhciEndpointWiring;
  readonly #timer: Timer;
  readonly #type: number;
  readonly #context: number;
  readonly #interval: number;
  readonly #rings: readonly Ring[];
  #lastMicroframe: number;
  #dueMicroframe: number | null;
  #state: number;

  constructor(wiring: XhciEndpointWiring, state: XhciEndpointState) {
    this.#wiring = wiring;
    this.#type = state.type;
    this.#context = state.context;
    this.#interval = state.interval;
    this.#rings = state.rings.map((ring, stream) => ({ ...ring, stream, left: TRANSFERS_MAX }));
    this.#lastMicroframe = state.lastMicroframe;
    this.#dueMicroframe = state.dueMicroframe;
    this.#state = state.state;
    this.#timer = wiring.clock.timer(() => this.#kickBusy());
    if (this.#rings.some(({ isBusy }) => isBusy)) wiring.work.restore(this);
  }

  get state(): number {
    return this.#state;
  }

  /** A ring whose transfer is not over is saved as it was before it: the restored controller begins it again. */
  save(): XhciEndpointState {
    return {
      type: this.#type,
      context: this.#context,
      interval: this.#interval,
      lastMicroframe: this.#lastMicroframe,
      dueMicroframe: this.#dueMicroframe ?? (this.#hasPending ? this.#lastMicroframe : null),
      state: this.#state,
      rings: this.#rings.map(({ context, streamType, dequeue, cycle, isBusy, pending }) => {
        const [first] = pending?.trbs ?? [];
        return {
          ...{ context, streamType },
          dequeue: first?.address ?? dequeue,
          cycle: first?.cycle ?? cycle,
          isBusy: isBusy || pending !== undefined,
        };
      }),
    };
  }

  /** The doorbell rang, or a device has something for the endpoint. */
  kick(stream: number): void {
    const { trace, slot, endpoint, work } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_ep_kick', slot, endpoint, stream);
    const ring = this.#hasStreams ? this.#rings[stream] : this.#rings[0];
    if (ring === undefined || (this.#hasStreams && stream === 0)) return;
    ring.isBusy = true;
    ring.left = TRANSFERS_MAX;
    work.kick(this);
  }

  /** The device may have something for a transfer that waits. */
  wake(): void {
    for (const ring of this.#rings) {
      if (ring.pending !== undefined && ring.pending.packet === undefined) ring.isBusy = true;
    }
    this.#kickBusy();
  }

  /** Does what the portion allows; true: there is more. */
  serve(portion: Portion): boolean {
    for (const ring of this.#rings) {
      if (!ring.isBusy) continue;
      if (this.#serveRing(ring, portion)) return true;
      ring.isBusy = false;
    }
    return false;
  }

  /**
   * Transfers that are not over are given up.
   * @param code told to the driver of the first of them; undefined: nothing is told
   */
  giveUp(code?: number): void {
    const { work, device } = this.#wiring;
    this.#timer.cancel();
    this.#dueMicroframe = null;
    work.forget(this);
    let told = code;
    for (const ring of this.#rings) {
      ring.isBusy = false;
      const { pending } = ring;
      if (pending === undefined) continue;
      ring.pending = undefined;
      if (told !== undefined) this.#report(pending.trbs, told, 0);
      told = undefined;
      if (pending.packet === undefined) continue;
      device()?.cancel(pending.packet);
      work.release(pending.bytes);
    }
  }

  /** The driver stops the endpoint, or gets it out of a halt. */
  stop(): void {
    this.#setState(undefined, EP_STOPPED);
    // The driver may set streams up anew.
    if (this.#hasStreams) for (const ring of this.#rings) ring.streamType = null;
  }

  /** The endpoint is gone. @param isToldToDriver its context is written, too */
  disable(isToldToDriver: boolean): void {
    this.giveUp();
    if (isToldToDriver) this.#setState(undefined, EP_DISABLED);
  }

  /** The driver says where the ring goes on. What it is told. */
  setDequeue(stream: number, low: number, high: number): number {
    if (this.#state !== EP_STOPPED) return CC_CONTEXT_STATE_ERROR;
    const ring = this.#hasStreams ? this.#findStream(stream) : this.#rings[0];
    if (typeof ring === 'number') return ring;
    if (ring === undefined) return CC_INVALID_STREAM_ID_ERROR;
    ring.dequeue = address64((low & ~0xf) >>> 0, high);
    ring.cycle = low & 1;
    this.#setState(ring, EP_STOPPED);
    return CC_SUCCESS;
  }

  get #hasPending(): boolean {
    return this.#rings.some(({ pending }) => pending !== undefined);
  }

  get #hasStreams(): boolean {
    return this.#rings.length > 1;
  }

  /** The ring of a stream, which begins where the driver has written it; or the code of what is wrong. */
  #findStream(stream: number): Ring | number {
    const ring = this.#rings[stream];
    if (ring === undefined || stream === 0) return CC_INVALID_STREAM_ID_ERROR;
    if (ring.streamType !== null) return ring;
    const [low = 0, high = 0] = readWords(this.#wiring.dma, ring.context, 2);
    const type = (low >>> 1) & 7;
    if (type !== STREAM_PRIMARY_RING) return CC_INVALID_STREAM_TYPE_ERROR;
    ring.streamType = type;
    ring.dequeue = address64((low & ~0xf) >>> 0, high);
    ring.cycle = low & 1;
    return ring;
  }

  #kickBusy(): void {
    if (this.#dueMicroframe !== null)
      for (const ring of this.#rings) ring.isBusy ||= ring.pending !== undefined;
    if (this.#rings.some(({ isBusy }) => isBusy)) this.#wiring.work.kick(this);
  }

  #serveRing(ring: Ring, portion: Portion): boolean {
    const { device, dma, trace, endpoint } = this.#wiring;
    const target = device();
    if (target === undefined) return false;
    if (ring.pending !== undefined) {
      portion.requests--;
      if (!this.#begin(ring, ring.pending, target, portion)) return false;
    }
    if (this.#state === EP_HALTED) return false;
    if (this.#hasStreams && typeof this.#findStream(ring.stream) === 'number') return false;
    this.#setState(ring, EP_RUNNING);
    while (hasRoom(portion)) {
      if (ring.left-- <= 0) return false;
      const fetched = fetchTransfer(dma, ring, (trbs) => {
        portion.descriptors -= trbs;
      });
      if (fetched === undefined) return false;
      portion.requests--;
      if (trace.on) {
        for (const { address, low, high, status, control: word } of fetched.seen) {
          trace.event('usb_xhci_fetch_trb', address, trbName(word), high * 2 ** 32 + low, status, word);
        }
      }
      ring.dequeue = fetched.next.dequeue;
      ring.cycle = fetched.next.cycle;
      const { trbs } = fetched;
      if (trbs.some((trb) => typeOf(trb) === TRB_RESERVED)) {
        this.#wiring.die('a transfer with a TRB that is none');
        return false;
      }
      if (endpoint === CONTROL_ENDPOINT) this.#control(ring, trbs, target, portion);
      else {
        const pending: Pending = { trbs, bytes: transferBytes(trbs) };
        ring.pending = pending;
        this.#dueMicroframe ??= this.#dueOf(trbs);
        if (!this.#begin(ring, pending, target, portion)) return false;
      }
      if (this.#state === EP_HALTED) return false;
    }
    return true;
  }

  #control(ring: Ring, trbs: readonly Trb[], device: UsbDevice, portion: Portion): void {
    const { dma, die } = this.#wiring;
    const request = requestOf(trbs);
    if (request === undefined) return;
    if (!isSound(trbs, isRequestIn(request))) {
      die('a control transfer with data that go the wrong way');
      return;
    }
    portion.bytes -= request.length;
    this.#traceStart(trbs, ring);
    const { status, actual } = control(dma, trbs, device, request);
    this.#end(ring, trbs, codeOf(status), actual);
  }

  /** When a transfer of an endpoint that has an interval may go to the device; null: at once. */
  #dueOf([first]: readonly Trb[]): number | null {
    const now = this.#wiring.microframe();
    const [last, interval] = [this.#lastMicroframe, this.#interval];
    const soonest = Math.ceil(now / interval) * interval;
    if (this.#type === TYPE_INTERRUPT_IN || this.#type === TYPE_INTERRUPT_OUT) {
      return Math.max(soonest, last + interval);
    }
    if (!this.#isIsochronous || first === undefined) return null;
    if (first.control >= ISO_START_ASAP) {
      return soonest >= last && soonest <= last + 4 * interval ? last + interval : soonest;
    }
    const frame = ((first.control >>> ISO_FRAME_SHIFT) & ISO_FRAME_MASK) << 3;
    const due = frame + Math.floor(now / MFINDEX_RANGE) * MFINDEX_RANGE;
    return due + 0x100 < now ? due + MFINDEX_RANGE : due;
  }

  get #isIsochronous(): boolean {
    return this.#type === TYPE_ISO_IN || this.#type === TYPE_ISO_OUT;
  }

  /** The transfer goes to the device, if it is time. True: it is over. */
  #begin(ring: Ring, pending: Pending, device: UsbDevice, portion: Portion): boolean {
    if (pending.packet !== undefined) return false;
    const { dma, clock, endpoint, microframe, work, die } = this.#wiring;
    const now = microframe();
    const due = this.#dueMicroframe;
    if (due !== null && due > now) {
      this.#timer.arm(clock.nowNs() + (due - now) * MICROFRAME_NS);
      return false;
    }
    const { trbs, bytes } = pending;
    const isIn = (this.#type & TYPE_IN) !== 0;
    // QEMU: the device gets the packet all the same, without data.
    const isGood = isSound(trbs, isIn);
    if (!isGood) die('a transfer with data in it that cannot be');
    if (bytes > TRANSFER_BYTES_MAX) return this.#end(ring, trbs, CC_USB_TRANSACTION_ERROR, 0);
    if (!work.reserve(this, bytes)) return false;
    portion.bytes -= bytes;
    this.#traceStart(trbs, ring);
    const packet = packetOf(dma, trbs, isGood ? bytes : 0, isIn, endpoint >>> 1, ring.stream);
    const status = device.handle(packet);
    if (due !== null) {
      this.#lastMicroframe = due;
      this.#dueMicroframe = null;
    }
    if (status === 'async') {
      pending.packet = packet;
      packet.onComplete = () => this.#completed(ring, pending, packet);
      return false;
    }
    work.release(bytes);
    return status === 'nak' ? false : this.#moved(ring, trbs, packet);
  }

  /** A device is done with a packet that it had kept. */
  #completed(ring: Ring, pending: Pending, packet: UsbPacket): void {
    if (ring.pending !== pending) return;
    const { work } = this.#wiring;
    work.release(pending.bytes);
    // A device that had kept it may find that it has nothing yet: it is asked again.
    if (packet.status === 'nak') delete pending.packet;
    else this.#moved(ring, pending.trbs, packet);
    ring.isBusy = true;
    ring.left = TRANSFERS_MAX;
    work.kick(this);
  }

  #moved(ring: Ring, trbs: readonly Trb[], packet: UsbPacket): true {
    if ((this.#type & TYPE_IN) !== 0) scatter(this.#wiring.dma, trbs, packet.data.subarray(0, packet.actual));
    return this.#end(ring, trbs, codeOf(packet.status), packet.actual);
  }

  /** The transfer is over: the driver is told, and an error halts the endpoint at it. */
  #end(ring: Ring, trbs: readonly Trb[], code: number, actual: number): true {
    const { trace } = this.#wiring;
    const [first] = trbs;
    ring.pending = undefined;
    this.#dueMicroframe = null;
    if (trace.on) {
      const isGood = code === CC_SUCCESS;
      if (isGood) trace.event('usb_xhci_xfer_success', first?.address ?? 0, actual);
      else trace.event('usb_xhci_xfer_error', first?.address ?? 0, code);
    }
    this.#report(trbs, code, actual);
    if (code === CC_SUCCESS || this.#isIsochronous || first === undefined) {
      this.#setState(ring, this.#state);
      return true;
    }
    ring.dequeue = first.address;
    ring.cycle = first.cycle;
    this.#setState(ring, EP_HALTED);
    return true;
  }

  #report(trbs: readonly Trb[], code: number, actual: number): void {
    const { event, slot, endpoint } = this.#wiring;
    report(trbs, code, actual, (one, interrupter) => event({ ...one, slot, endpoint }, interrupter));
  }

  /** @param ring whose place is told, too; of an endpoint without streams there is only one */
  #setState(ring: Ring | undefined, state: number): void {
    const { dma, trace, slot, endpoint } = this.#wiring;
    const words = readWords(dma, this.#context, CONTEXT_WORDS);
    words[0] = ((words[0] ?? 0) & ~EP_STATE_MASK) | state;
    if (this.#hasStreams && ring !== undefined) {
      const [old = 0] = readWords(dma, ring.context, 1);
      const low = (old & 0xe) | (ring.dequeue % 2 ** 32) | ring.cycle;
      writeWords(dma, ring.context, Uint32Array.of(low, highHalf(ring.dequeue)));
    }
    // QEMU: the context of an endpoint with streams gets the place of the stream, too.
    const told = this.#hasStreams ? ring : this.#rings[0];
    if (told !== undefined) {
      words[2] = (told.dequeue % 2 ** 32) | told.cycle;
      words[3] = highHalf(told.dequeue);
    }
    writeWords(dma, this.#context, words);
    if (trace.on && state !== this.#state) {
      trace.event('usb_xhci_ep_state', slot, endpoint, stateName(this.#state), stateName(state));
    }
    this.#state = state;
  }

  #traceStart([first]: readonly Trb[], ring: Ring): void {
    const { trace, slot, endpoint } = this.#wiring;
    if (trace.on) trace.event('usb_xhci_xfer_start', first?.address ?? 0, slot, endpoint, ring.stream);
  }
}
