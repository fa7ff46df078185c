/**
 * What an EHCI controller does with the lists of its driver: the ring of queues that are served as often as can be, and the list of what a
 * frame begins with. Spec: EHCI 1.0 §4.4, §4.6, §4.8. QEMU: hw/usb/hcd-ehci.c of 7.2.
 */
import type { Trace } from '../core/trace.ts';
import type { PciDma } from '../pci/pci-dma.ts';
import {
  CHARACTERISTICS_HEAD,
  EhciQueue,
  LINK_ADDRESS,
  LINK_TERMINATE,
  TOKEN_ACTIVE,
  TOKEN_BABBLE,
  TOKEN_ERROR,
  TOKEN_ERRORS,
  TOKEN_HALTED,
  TOKEN_INTERRUPT,
} from './ehci-queue.ts';
import type { UsbDevice } from './usb-device.ts';
import { PID_IN, type UsbPacket } from './usb-packet.ts';

const STS_INT = 0x01;
const STS_ERRINT = 0x02;

const TYPE_SHIFT = 1;
const TYPE_QUEUE = 1;
/** QEMU: queues that are looked at for one that is the head of the list. */
const HEADS_MAX = 100;
/** Links that are followed in a frame, and queues in a look at the ring. */
const LINKS_MAX = 256;
/** Transfers of a queue that are carried out at once. */
const TRANSFERS_MAX = 64;
/** Looks at a list in which a queue with a packet under way was not found; then the packet is taken back. */
const UNSEEN_MAX = 32;

/** A packet that a device has kept. */
interface Pending {
  readonly packet: UsbPacket;
  readonly device: UsbDevice;
  readonly current: number;
  readonly isPeriodic: boolean;
  unseen: number;
  isDone: boolean;
}

export interface EhciScheduleWiring {
  readonly dma: PciDma;
  readonly trace: Trace;
  readonly find: (address: number) => UsbDevice | undefined;
  readonly raise: (bits: number) => void;
  /** A device is done with a packet that it had kept. */
  readonly completed: () => void;
}

export class EhciSchedule {
  readonly #wiring: EhciScheduleWiring;
  /** By the address of their queue. */
  readonly #pending = new Map<number, Pending>();
  #moved = false;

  constructor(wiring: EhciScheduleWiring) {
    this.#wiring = wiring;
  }

  get isWaiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Nothing is under way any more. */
  cancel(): void {
    for (const [address, pending] of this.#pending) this.#forget(address, pending);
  }

  /** A device has left. */
  cancelOf(device: UsbDevice): void {
    for (const [address, pending] of this.#pending) {
      if (pending.device === device) this.#forget(address, pending);
    }
  }

  /** What was not found in the last look at the ring is given up: the driver has taken it out. */
  forgetUnseen(): void {
    for (const [address, pending] of this.#pending) {
      if (!pending.isPeriodic && pending.unseen > 0) this.#forget(address, pending);
    }
  }

  /** One frame. @param entry address of its entry in the list. True: something has moved. */
  frame(entry: number): boolean {
    const { dma } = this.#wiring;
    this.#begin(true);
    const seen = new Set<number>();
    let link = dma.readU32(entry);
    for (let step = 0; step < LINKS_MAX && (link & LINK_TERMINATE) === 0; step++) {
      const address = (link & LINK_ADDRESS) >>> 0;
      // Not modelled: isochronous transfers, of which no device here has any. Their places are passed over.
      if (((link >>> TYPE_SHIFT) & 3) !== TYPE_QUEUE) {
        link = dma.readU32(address);
        continue;
      }
      if (seen.has(address)) break;
      seen.add(address);
      link = this.#serve(address, true).link;
    }
    return this.#moved;
  }

  /** One look at the ring of queues. @param first a queue of it. True: something has moved. */
  ring(first: number): boolean {
    this.#begin(false);
    const head = this.#head((first & LINK_ADDRESS) >>> 0);
    if (head === undefined) return this.#moved;
    const seen = new Set<number>();
    for (let address = head; !seen.has(address) && seen.size < LINKS_MAX; ) {
      seen.add(address);
      const { link } = this.#serve(address, false);
      if ((link & LINK_TERMINATE) !== 0) break;
      address = (link & LINK_ADDRESS) >>> 0;
    }
    return this.#moved;
  }

  #begin(isPeriodic: boolean): void {
    this.#moved = false;
    for (const [address, pending] of this.#pending) {
      if (pending.isPeriodic !== isPeriodic) continue;
      // A frame has not all of the queues.
      if (++pending.unseen > (isPeriodic ? 1024 : UNSEEN_MAX)) this.#forget(address, pending);
    }
  }

  #head(first: number): number | undefined {
    let address = first;
    for (let step = 0; step < HEADS_MAX; step++) {
      const queue = new EhciQueue(this.#wiring.dma, address);
      if ((queue.characteristics & CHARACTERISTICS_HEAD) !== 0) return address;
      address = (queue.link & LINK_ADDRESS) >>> 0;
      if (address === first) return undefined;
    }
    return undefined;
  }

  #serve(address: number, isPeriodic: boolean): EhciQueue {
    const queue = new EhciQueue(this.#wiring.dma, address);
    const pending = this.#pending.get(address);
    if (pending !== undefined) {
      pending.unseen = 0;
      const isSame = queue.current === pending.current && (queue.token & TOKEN_ACTIVE) !== 0;
      if (isSame && !pending.isDone) return queue;
      this.#forget(address, pending);
      if (isSame && !this.#complete(queue, pending.packet)) return queue;
    }
    for (let transfer = 0; transfer < TRANSFERS_MAX; transfer++) {
      const next = queue.next();
      if (next === undefined) return queue;
      const device = this.#wiring.find(queue.device);
      if (device === undefined || !queue.load(next)) return queue;
      const packet = queue.packet();
      if (packet === undefined) return queue;
      if (device.handle(packet) === 'async') {
        this.#keep(queue, packet, device, isPeriodic);
        return queue;
      }
      if (!this.#complete(queue, packet)) return queue;
    }
    return queue;
  }

  #keep(queue: EhciQueue, packet: UsbPacket, device: UsbDevice, isPeriodic: boolean): void {
    this.#moved = true;
    const { current } = queue;
    const pending: Pending = { packet, device, current, isPeriodic, unseen: 0, isDone: false };
    packet.onComplete = () => {
      pending.isDone = true;
      this.#wiring.completed();
    };
    this.#pending.set(queue.address, pending);
  }

  #forget(address: number, { packet, device, isDone }: Pending): void {
    this.#pending.delete(address);
    if (!isDone) device.cancel(packet);
  }

  /** What became of a packet is written to its transfer. False: the queue goes no further now. */
  #complete(queue: EhciQueue, packet: UsbPacket): boolean {
    const { raise } = this.#wiring;
    const { status, actual, pid } = packet;
    if (status === 'nak') {
      queue.naked();
      return false;
    }
    this.#moved = true;
    if (status === 'success') {
      const left = pid === PID_IN ? Math.max(0, queue.bytes - actual) : 0;
      if (pid === PID_IN) queue.store(packet);
      queue.bytes = left;
      if (left > 0) raise(STS_INT);
    } else {
      queue.token |= TOKEN_HALTED;
      if (status === 'babble') queue.token |= TOKEN_BABBLE;
      else if (status !== 'stall') queue.token = (queue.token | TOKEN_ERROR) & ~TOKEN_ERRORS;
      raise(STS_ERRINT);
    }
    if (actual > 0) queue.advance(actual);
    queue.toggle();
    queue.token &= ~TOKEN_ACTIVE;
    if ((queue.token & TOKEN_INTERRUPT) !== 0) raise(STS_INT);
    queue.writeBack();
    return (queue.token & TOKEN_HALTED) === 0;
  }
}
