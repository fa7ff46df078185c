/**
 * What a UHCI controller does in a frame: it walks from the list of frames through queue heads and transfer descriptors in guest memory.
 * Spec: UHCI 1.1 §3. QEMU: hw/usb/hcd-uhci.c of 7.2.
 */
import { DWORD, integer, kind, list, oneOf, record, type StateKind } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { PciDma } from '../pci/pci-dma.ts';
import type { UsbDevice } from './usb-device.ts';
import { PID_IN, PID_OUT, PID_SETUP, UsbPacket, type UsbStatus } from './usb-packet.ts';

const LINK_TERMINATE = 1;
const LINK_QUEUE = 2;
const LINK_DEPTH_FIRST = 4;
const LINK_ADDRESS = 0xffff_fff0;

const TD_BABBLE = 1 << 20;
const TD_NAK = 1 << 19;
const TD_TIMEOUT = 1 << 18;
const TD_STALLED = 1 << 22;
const TD_ACTIVE = 1 << 23;
const TD_IOC = 1 << 24;
const TD_ISOCHRONOUS = 1 << 25;
const TD_ERRORS = 3 << 27;
const TD_SPD = 1 << 29;
const LENGTH_MASK = 0x7ff;

/** What a TD leads to. `frame`: nothing more is done in the frame. */
type Outcome = 'next' | 'done' | 'frame';

const STS_USBERR = 0x02;
const STS_HCPERR = 0x10;
const CAUSE_IOC = 1;
const CAUSE_SPD = 2;

/** QEMU: links that are followed in a frame. */
const STEPS_MAX = 256;
/** QEMU: a packet whose TD is not found in so many frames is cancelled. */
const FRAMES_UNSEEN = 32;
/** More cannot be under way: a queue or a TD outside of one has one each, and no frame reaches more. */
const PACKETS_MAX = STEPS_MAX;

interface Td {
  readonly address: number;
  readonly link: number;
  control: number;
  readonly token: number;
  readonly buffer: number;
}

/** A packet that a device has kept. */
interface Pending {
  readonly packet: UsbPacket;
  /** Undefined: the packet is done since before the snapshot that was restored. */
  readonly device: UsbDevice | undefined;
  readonly token: number;
  readonly buffer: number;
  unseenFrames: number;
  isDone: boolean;
}

/** A packet with which its device is done, and which no frame has come across since. One that is not done is offered again after a snapshot. */
export type DonePacket = {
  readonly td: number;
  readonly token: number;
  readonly buffer: number;
  readonly status: UsbStatus;
  readonly actual: number;
  /** What the device gave, or the host sent. */
  readonly data: Uint8Array;
};

const DATA: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= LENGTH_MASK,
  `at most ${LENGTH_MASK} bytes`,
);

export const DONE_PACKETS = list(
  record<DonePacket>({
    ...{ td: DWORD, token: DWORD, buffer: DWORD, actual: integer(0, LENGTH_MASK), data: DATA },
    status: oneOf('success', 'nak', 'stall', 'babble', 'io-error', 'no-device', 'async'),
  }),
  { max: PACKETS_MAX },
);

export interface UhciScheduleWiring {
  readonly dma: PciDma;
  readonly trace: Trace;
  /** Bytes that a frame moves at most. */
  readonly bandwidth: number;
  readonly find: (address: number) => UsbDevice | undefined;
  /** Bits of USBSTS that are set at once. */
  readonly raise: (bits: number) => void;
}

export interface FrameResult {
  /** Something else happened than that devices had nothing to say. */
  readonly moved: boolean;
  readonly causes: number;
}

export class UhciSchedule {
  readonly #wiring: UhciScheduleWiring;
  /** By the address of their TD. */
  readonly #pending = new Map<number, Pending>();
  #causes = 0;
  #moved = false;

  constructor(wiring: UhciScheduleWiring) {
    this.#wiring = wiring;
  }

  /** Nothing is under way any more: what devices have kept is forgotten. */
  cancel(): void {
    for (const pending of this.#pending.values()) this.#forget(pending);
    this.#pending.clear();
  }

  /** Devices have gone: so have the packets that they had kept. */
  cancelDetached(): void {
    for (const [address, pending] of this.#pending) {
      if (pending.device?.attached === false) this.#drop(address, pending);
    }
  }

  save(): readonly DonePacket[] {
    return [...this.#pending].flatMap(([td, { isDone, token, buffer, packet }]) => {
      const { status, actual, data } = packet;
      return isDone ? [{ td, token, buffer, status, actual, data: data.slice() }] : [];
    });
  }

  restore(packets: readonly DonePacket[]): void {
    this.cancel();
    for (const { td, token, buffer, status, actual, data } of packets) {
      const packet = new UsbPacket(token & 0xff, (token >>> 15) & 0xf, data.slice());
      packet.status = status;
      packet.actual = Math.min(actual, data.length);
      this.#pending.set(td, { packet, device: undefined, token, buffer, unseenFrames: 0, isDone: true });
    }
  }

  /** @param entry address of the frame's entry in the list */
  frame(entry: number, number: number): FrameResult {
    const { dma, trace } = this.#wiring;
    if (trace.on) trace.event('usb_uhci_frame_start', number);
    this.#causes = 0;
    this.#moved = this.#pending.size > 0;
    for (const pending of this.#pending.values()) pending.unseenFrames++;
    this.#walk(dma.readU32(entry));
    for (const [address, pending] of this.#pending) {
      if (pending.unseenFrames < FRAMES_UNSEEN) continue;
      this.#forget(pending);
      this.#pending.delete(address);
    }
    return { moved: this.#moved || this.#causes !== 0, causes: this.#causes };
  }

  #walk(first: number): void {
    const { dma, trace, bandwidth } = this.#wiring;
    const queues = new Set<number>();
    let link = first;
    let queue: { readonly address: number; readonly link: number } | undefined;
    let bytes = 0;
    let completed = 0;
    for (let step = 0; step < STEPS_MAX && (link & LINK_TERMINATE) === 0; step++) {
      if (bytes >= bandwidth) {
        if (trace.on) trace.event('usb_uhci_frame_stop_bandwidth');
        return;
      }
      const address = (link & LINK_ADDRESS) >>> 0;
      if ((link & LINK_QUEUE) !== 0) {
        // A loop is gone through again as long as it moves something: bandwidth that is left is used.
        if (queues.has(address)) {
          if (completed === 0) {
            if (trace.on) trace.event('usb_uhci_frame_loop_stop_idle');
            return;
          }
          if (trace.on) trace.event('usb_uhci_frame_loop_continue');
          completed = 0;
          queues.clear();
        }
        queues.add(address);
        if (trace.on) trace.event('usb_uhci_qh_load', address);
        const head = { address, link: dma.readU32(address) };
        const element = dma.readU32(address + 4);
        queue = (element & LINK_TERMINATE) === 0 ? head : undefined;
        link = queue === undefined ? head.link : element;
        continue;
      }
      const td = this.#load(address);
      const place = [queue?.address ?? 0, address] as const;
      if (trace.on) trace.event('usb_uhci_td_load', ...place, td.control, td.token);
      const before = td.control;
      const outcome = this.#transfer(td);
      if (td.control !== before) dma.writeU32(address + 4, td.control >>> 0);
      if (outcome === 'frame') return;
      if (outcome === 'next') {
        if (trace.on) trace.event('usb_uhci_td_nextqh', ...place);
        link = queue?.link ?? td.link;
        continue;
      }
      if (trace.on) trace.event('usb_uhci_td_complete', ...place);
      completed++;
      bytes += (td.control & LENGTH_MASK) + 1;
      link = td.link;
      if (queue === undefined) continue;
      dma.writeU32(queue.address + 4, link);
      if ((link & LINK_DEPTH_FIRST) !== 0) continue;
      link = queue.link;
      queue = undefined;
    }
  }

  #load(address: number): Td {
    const { dma } = this.#wiring;
    const [link, control, token, buffer] = [0, 4, 8, 12].map((offset) => dma.readU32(address + offset));
    return { address, link: link ?? 0, control: control ?? 0, token: token ?? 0, buffer: buffer ?? 0 };
  }

  #transfer(td: Td): Outcome {
    const pending = this.#pendingOf(td);
    if ((td.control & TD_ACTIVE) === 0) {
      // QEMU: one that is not active interrupts all the same.
      if ((td.control & TD_IOC) !== 0) this.#causes |= CAUSE_IOC;
      if (pending !== undefined) this.#drop(td.address, pending);
      return 'next';
    }
    if (pending !== undefined) {
      pending.unseenFrames = 0;
      if (!pending.isDone) return 'next';
      this.#pending.delete(td.address);
      return this.#complete(td, pending.packet);
    }
    const packet = this.#packetOf(td);
    if (packet === undefined) {
      this.#wiring.raise(STS_HCPERR);
      return 'frame';
    }
    const device = this.#wiring.find((td.token >>> 8) & 0x7f);
    if (device === undefined) return this.#failed(td, 'no-device');
    if (device.handle(packet) !== 'async') return this.#complete(td, packet);
    this.#keep(td, packet, device);
    return 'next';
  }

  /** The packet of a TD that is under way; one of a TD that was changed since is cancelled. */
  #pendingOf(td: Td): Pending | undefined {
    const pending = this.#pending.get(td.address);
    if (pending === undefined || (pending.token === td.token && pending.buffer === td.buffer)) return pending;
    this.#drop(td.address, pending);
    return undefined;
  }

  #keep({ address, token, buffer }: Td, packet: UsbPacket, device: UsbDevice): void {
    this.#moved = true;
    const pending: Pending = { packet, device, token, buffer, unseenFrames: 0, isDone: false };
    packet.onComplete = () => {
      pending.isDone = true;
    };
    if (this.#pending.size >= PACKETS_MAX) this.#forget(pending);
    else this.#pending.set(address, pending);
  }

  #drop(address: number, pending: Pending): void {
    this.#forget(pending);
    this.#pending.delete(address);
  }

  #forget({ packet, device, isDone }: Pending): void {
    if (!isDone) device?.cancel(packet);
  }

  /** Undefined: no packet has such an id. */
  #packetOf({ token, buffer }: Td): UsbPacket | undefined {
    const pid = token & 0xff;
    if (pid !== PID_IN && pid !== PID_OUT && pid !== PID_SETUP) return undefined;
    const data = new Uint8Array(lengthOf(token));
    if (pid !== PID_IN) this.#wiring.dma.read(buffer, data);
    return new UsbPacket(pid, (token >>> 15) & 0xf, data);
  }

  #complete(td: Td, packet: UsbPacket): Outcome {
    if ((td.control & TD_ISOCHRONOUS) !== 0) td.control &= ~TD_ACTIVE;
    if (packet.status !== 'success') return this.#failed(td, packet.status);
    const isIn = packet.pid === PID_IN;
    const actual = isIn ? packet.actual : packet.data.length;
    td.control = (td.control & ~(LENGTH_MASK | TD_ACTIVE | TD_NAK)) | ((actual - 1) & LENGTH_MASK);
    this.#moved = true;
    if ((td.control & TD_IOC) !== 0) this.#causes |= CAUSE_IOC;
    if (!isIn) return 'done';
    this.#wiring.dma.write(td.buffer, packet.data.subarray(0, actual));
    if ((td.control & TD_SPD) === 0 || actual >= packet.data.length) return 'done';
    // A short packet stops the queue where it is.
    this.#causes |= CAUSE_SPD;
    return 'next';
  }

  #failed(td: Td, status: UsbStatus): Outcome {
    if (status === 'nak') {
      td.control |= TD_NAK;
      return 'next';
    }
    let outcome: Outcome = 'next';
    if (status === 'stall') td.control |= TD_STALLED;
    else if (status === 'babble') {
      td.control |= TD_BABBLE | TD_STALLED;
      outcome = 'frame';
    } else td.control = (td.control | TD_TIMEOUT) & ~TD_ERRORS;
    td.control &= ~TD_ACTIVE;
    this.#moved = true;
    if ((td.control & TD_IOC) !== 0) this.#causes |= CAUSE_IOC;
    this.#wiring.raise(STS_USBERR);
    return outcome;
  }
}

/** Bytes at most; a TD of none has 0x7ff in its token. */
function lengthOf(token: number): number {
  return ((token >>> 21) + 1) & LENGTH_MASK;
}
