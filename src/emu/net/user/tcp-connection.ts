/**
 * One connection of the guest's with a socket of the host's. Spec: RFC 9293.
 *
 * | state | what is there |
 * |---|---|
 * | connecting | the guest's SYN; the host's socket is not connected yet |
 * | syn-received | our SYN and ACK are on their way to the guest |
 * | syn-sent | the host's socket, of a forwarded port; our SYN is on its way |
 * | established | both; each side may have ended what it sends |
 * | closed | nothing any more |
 *
 * The wire loses nothing, but a card without buffers does: what the guest does not confirm in time is sent again from there.
 * What comes out of order is not kept, the guest sends it again. Not modelled: scaled windows, selective confirmation, congestion control.
 */
import { assert } from '../../core/assert.ts';
import type { Endpoint, TcpEvents, TcpFailure, TcpSocket } from '../net-host.ts';
import { SendBuffer } from './send-buffer.ts';
import { ACK, FIN, PSH, RST, type Segment, SYN, seqAdd, seqDistance } from './tcp-segment.ts';

export type TcpState = 'connecting' | 'syn-received' | 'syn-sent' | 'established' | 'closed';

/** What a connection needs of its network. */
export interface TcpLink {
  send(connection: TcpConnection, segment: Segment): void;
  /** The guest's card takes more now; else `pump` is called when it does. */
  readonly hasRoom: boolean;
  nowNs(): number;
  /** `deadlineNs` may be earlier than it was, or there is something to pump. */
  changed(): void;
  /** The host does not reach the other end. */
  unreachable(connection: TcpConnection): void;
  closed(connection: TcpConnection): void;
}

const MSS = 1460;
/** Of a sender that does not say. Spec: RFC 9293 §3.7.1. */
const DEFAULT_MSS = 536;
const LEAST_MSS = 64;
const WINDOW = 65_535;
/** Bytes for the guest beyond which the host's socket rests, and those at which it goes on. */
const HIGH_WATER = 128 * 1024;
const LOW_WATER = 64 * 1024;
const FIRST_TIMEOUT_NS = 1e9;
const LAST_TIMEOUT_NS = 60e9;
const TRIES_MAX = 8;
const NO_BYTES = new Uint8Array(0);

export class TcpConnection implements TcpEvents {
  readonly guest: Endpoint;
  /** As the guest names it. */
  readonly remote: Endpoint;
  /** When something must be sent again; Infinity: never. */
  deadlineNs = Number.POSITIVE_INFINITY;
  readonly #link: TcpLink;
  #socket: TcpSocket | undefined;
  #state: TcpState;
  readonly #buffer = new SendBuffer();
  #isPaused = false;
  /** First sequence number that the guest has not confirmed. */
  #unconfirmed: number;
  #next: number;
  /** After the last that was ever sent. */
  #highest: number;
  #guestWindow = 0;
  #mss = DEFAULT_MSS;
  /** What the guest sends next. */
  #expected = 0;
  #announcedWindow = WINDOW;
  /** The guest sends no more. */
  #guestEnded = false;
  /** The host sends no more. */
  #hostEnded = false;
  #finSent = false;
  #finConfirmed = false;
  #timeoutNs = FIRST_TIMEOUT_NS;
  #tries = 0;

  /** @param first our first sequence number */
  constructor(link: TcpLink, guest: Endpoint, remote: Endpoint, first: number) {
    this.#link = link;
    this.guest = guest;
    this.remote = remote;
    this.#unconfirmed = first;
    this.#next = first;
    this.#highest = first;
    this.#state = 'connecting';
  }

  get state(): TcpState {
    return this.#state;
  }

  /** As `info usernet` names it, in QEMU's words. */
  get stateName(): string {
    if (this.#state !== 'established') return this.#state === 'syn-received' ? 'SYN_RCVD' : 'SYN_SENT';
    if (this.#guestEnded) return this.#finSent ? 'LAST_ACK' : 'CLOSE_WAIT';
    if (!this.#finSent) return 'ESTABLISHED';
    return this.#finConfirmed ? 'FIN_WAIT_2' : 'FIN_WAIT_1';
  }

  /** Bytes that wait for the host, and for the guest. */
  get waiting(): { readonly toHost: number; readonly toGuest: number } {
    return { toHost: this.#socket?.queuedBytes ?? 0, toGuest: this.#buffer.length };
  }

  /** The guest has asked for the connection with `syn`, and `socket` is being connected. */
  opened(socket: TcpSocket, syn: Segment): void {
    this.#socket = socket;
    this.#acceptSyn(syn);
  }

  /** Somebody has connected to a forwarded port of the host: the guest is asked. */
  forwarded(socket: TcpSocket): void {
    this.#socket = socket;
    this.#state = 'syn-sent';
    socket.pause();
    this.#isPaused = true;
    this.#sendSyn();
  }

  connected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'syn-received';
    this.#sendSyn();
  }

  data(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#buffer.append(bytes);
    if (this.#buffer.length >= HIGH_WATER) this.#pause();
    this.#link.changed();
  }

  end(): void {
    this.#hostEnded = true;
    this.#link.changed();
  }

  drain(): void {
    if (this.#state !== 'established' || this.#guestEnded) return;
    const window = this.#window();
    // Spec: RFC 9293 §3.8.6.2.2: a window is not opened in small steps.
    if (window - this.#announcedWindow >= Math.min(2 * this.#mss, WINDOW / 2)) this.#send(ACK);
  }

  closed(failure?: TcpFailure): void {
    this.#socket = undefined;
    if (this.#state === 'closed') return;
    if (this.#state === 'connecting') {
      if (failure === 'unreachable') this.#link.unreachable(this);
      else this.#sendReset();
      this.#close();
      return;
    }
    if (failure !== undefined) {
      this.#sendReset();
      this.#close();
      return;
    }
    this.end();
  }

  /** A segment of the guest's. */
  receive(segment: Segment): void {
    if ((segment.flags & RST) !== 0) this.#resetByGuest(segment);
    else if (this.#state === 'syn-sent') this.#answered(segment);
    else if (this.#state === 'syn-received') this.#confirmed(segment);
    else if (this.#state === 'established') this.#receiveEstablished(segment);
  }

  /** Sends what the guest's window and its card have room for. */
  pump(): void {
    if (this.#state !== 'established') return;
    while (this.#link.hasRoom && this.#sendNext());
    this.#armTimer();
  }

  /** Nothing was confirmed in time. */
  timeout(): void {
    this.deadlineNs = Number.POSITIVE_INFINITY;
    // The guest's card has no room: the guest sleeps, nothing is lost.
    if (!this.#link.hasRoom) {
      this.#armTimer();
      return;
    }
    if (++this.#tries > TRIES_MAX) {
      this.abort();
      return;
    }
    this.#timeoutNs = Math.min(2 * this.#timeoutNs, LAST_TIMEOUT_NS);
    if (this.#state !== 'established') {
      this.#sendSyn();
      return;
    }
    this.#next = this.#unconfirmed;
    this.#finSent = false;
    if (this.#guestWindow === 0) this.#probe();
    this.pump();
  }

  /** Ends it at both sides at once. */
  abort(): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'connecting') this.#sendReset();
    this.forget();
  }

  /** Ends it at the host's side; the guest is told nothing. */
  forget(): void {
    if (this.#state === 'closed') return;
    this.#socket?.destroy();
    this.#close();
  }

  #acceptSyn({ seq, window, mss = DEFAULT_MSS }: Segment): void {
    this.#expected = seqAdd(seq, 1);
    this.#guestWindow = window;
    this.#mss = Math.max(LEAST_MSS, Math.min(mss, MSS));
  }

  #answered(segment: Segment): void {
    const { flags, ack } = segment;
    if ((flags & ACK) !== 0 && ack !== seqAdd(this.#unconfirmed, 1)) return;
    if ((flags & (SYN | ACK)) !== (SYN | ACK)) return;
    this.#acceptSyn(segment);
    this.#establish(segment);
    this.#send(ACK);
    this.pump();
  }

  #confirmed(segment: Segment): void {
    const { flags, ack } = segment;
    // The guest asks again: it has not got the answer.
    if ((flags & SYN) !== 0) {
      this.#sendSyn();
      return;
    }
    if ((flags & ACK) === 0 || ack !== seqAdd(this.#unconfirmed, 1)) return;
    this.#establish(segment);
    this.#receiveEstablished(segment);
  }

  #establish({ window }: Segment): void {
    this.#state = 'established';
    this.#unconfirmed = seqAdd(this.#unconfirmed, 1);
    this.#next = this.#unconfirmed;
    this.#guestWindow = window;
    this.#progress();
    this.#rest();
  }

  #receiveEstablished(segment: Segment): void {
    // Spec: RFC 9293 §3.10.7.4: such a segment is from another connection, or forged.
    if ((segment.flags & SYN) !== 0) {
      this.#send(ACK);
      return;
    }
    if ((segment.flags & ACK) === 0) return;
    if (!this.#takeAck(segment)) {
      this.#send(ACK);
      return;
    }
    const sentBefore = this.#next;
    const answers = this.#takePayload(segment);
    this.pump();
    // What was sent has told the guest already.
    if (answers && this.#next === sentBefore && this.#state === 'established') this.#send(ACK);
    if (this.#guestEnded && this.#finConfirmed) this.#close();
  }

  /** False: it confirms what was never sent. */
  #takeAck({ ack, window }: Segment): boolean {
    const confirmed = seqDistance(ack, this.#unconfirmed);
    // After a timeout more was sent than is counted as on its way.
    if (seqDistance(ack, this.#highest) > 0) return false;
    if (confirmed < 0) return true;
    this.#guestWindow = window;
    if (confirmed === 0) return true;
    const bytes = Math.min(confirmed, this.#buffer.length);
    this.#buffer.drop(bytes);
    if (confirmed > bytes) this.#finConfirmed = true;
    this.#unconfirmed = ack;
    if (seqDistance(this.#next, ack) < 0) this.#next = ack;
    if (this.#finConfirmed) this.#finSent = true;
    this.#progress();
    this.#rest();
    return true;
  }

  /** True: the guest must be told how much was taken. */
  #takePayload({ seq, payload, flags }: Segment): boolean {
    const isFin = (flags & FIN) !== 0;
    if (payload.length === 0 && !isFin) return seqDistance(seq, this.#expected) < 0;
    const skip = seqDistance(this.#expected, seq);
    // Something before it is missing, or it was there already.
    if (skip < 0 || skip > payload.length || this.#guestEnded) return true;
    const fresh = payload.subarray(skip, skip + this.#window());
    if (fresh.length > 0) {
      this.#expected = seqAdd(this.#expected, fresh.length);
      this.#socket?.write(fresh);
    }
    if (!isFin || skip + fresh.length < payload.length) return true;
    this.#expected = seqAdd(this.#expected, 1);
    this.#guestEnded = true;
    this.#socket?.end();
    return true;
  }

  #resetByGuest({ seq, ack, flags }: Segment): void {
    if (this.#state === 'syn-sent') {
      if ((flags & ACK) !== 0 && ack === seqAdd(this.#unconfirmed, 1)) this.forget();
      return;
    }
    const ahead = seqDistance(seq, this.#expected);
    if (ahead >= 0 && ahead <= WINDOW) this.forget();
  }

  /** One segment, where there is something for it; true: there may be more. */
  #sendNext(): boolean {
    const underWay = seqDistance(this.#next, this.#unconfirmed);
    if (this.#finSent) return false;
    const left = this.#buffer.length - underWay;
    const length = Math.min(left, this.#mss, this.#guestWindow - underWay);
    if (length > 0) {
      // Spec: RFC 9293 §3.8.6.2.1: a window that opens a little is not filled with little segments.
      if (length < this.#mss && length < left && underWay > 0) return false;
      this.#sendBytes(underWay, length);
      return true;
    }
    if (!this.#hostEnded || left > 0) return false;
    this.#send(FIN | ACK);
    this.#finSent = true;
    this.#advance(1);
    return false;
  }

  #sendBytes(offset: number, length: number): void {
    const isLast = offset + length === this.#buffer.length;
    this.#send(isLast ? ACK | PSH : ACK, this.#buffer.copy(offset, length));
    this.#advance(length);
  }

  #advance(count: number): void {
    this.#next = seqAdd(this.#next, count);
    if (seqDistance(this.#next, this.#highest) > 0) this.#highest = this.#next;
  }

  /** One byte beyond a closed window: the guest says then how wide it is. A guest that keeps it closed is alive. */
  #probe(): void {
    this.#tries = 0;
    if (this.#buffer.length === 0) return;
    this.#sendBytes(0, 1);
    // A guest with a closed window does not take it: it comes again with what follows.
    this.#next = this.#unconfirmed;
  }

  #sendSyn(): void {
    const flags = this.#state === 'syn-sent' ? SYN : SYN | ACK;
    this.#send(flags, NO_BYTES, MSS);
    this.#next = this.#unconfirmed;
    this.#advance(1);
    this.#armTimer();
  }

  #sendReset(): void {
    const isKnown = this.#state !== 'syn-sent';
    this.#send(isKnown ? RST | ACK : RST);
  }

  #send(flags: number, payload: Uint8Array = NO_BYTES, mss?: number): void {
    this.#announcedWindow = this.#window();
    this.#link.send(this, {
      sourcePort: this.remote.port,
      destinationPort: this.guest.port,
      seq: (flags & SYN) !== 0 ? this.#unconfirmed : this.#next,
      ack: (flags & ACK) !== 0 ? this.#expected : 0,
      flags,
      window: this.#announcedWindow,
      mss,
      payload,
    });
  }

  /** The guest may send so much. */
  #window(): number {
    return Math.max(0, WINDOW - (this.#socket?.queuedBytes ?? 0));
  }

  /** The guest has confirmed something. */
  #progress(): void {
    this.#tries = 0;
    this.#timeoutNs = FIRST_TIMEOUT_NS;
    this.deadlineNs = Number.POSITIVE_INFINITY;
    this.#armTimer();
  }

  #armTimer(): void {
    const waits =
      this.#next !== this.#unconfirmed || (this.#state === 'established' && this.#buffer.length > 0);
    if (!waits) this.deadlineNs = Number.POSITIVE_INFINITY;
    else if (this.deadlineNs === Number.POSITIVE_INFINITY) {
      this.deadlineNs = this.#link.nowNs() + this.#timeoutNs;
      this.#link.changed();
    }
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  /** The host's socket goes on where there is room for what it brings. */
  #rest(): void {
    if (!this.#isPaused || this.#buffer.length > LOW_WATER) return;
    this.#isPaused = false;
    this.#socket?.resume();
  }

  #close(): void {
    assert(this.#state !== 'closed', 'a connection ends once');
    this.#state = 'closed';
    this.#socket = undefined;
    this.#buffer.clear();
    this.deadlineNs = Number.POSITIVE_INFINITY;
    this.#link.closed(this);
  }
}
