/**
 * Connections between the tabs of a site, which together are one host: a port that one tab listens at, all of them can connect to. They are
 * carried by channels that the browser passes on between pages of one origin, and nobody else.
 *
 * A listener holds a lock with the port's name, so that there is one of it. Each end of a connection holds a lock, too, for which the
 * other end waits: who gets it knows that the other tab is gone.
 */
import type { Endpoint, Listener, NetFailure, TcpEvents, TcpSocket } from '../../emu/index.ts';
import { WebLocks } from '../storage/web-locks.ts';

export type Locks = Pick<LockManager, 'request' | 'query'>;

export const LOOPBACK = 0x7f00_0001;
export const IN_USE: NetFailure = { failure: 'Address already in use' };
/** Ports that nobody listens at. */
const FIRST_FREE_PORT = 49_152;
const FREE_PORTS = 16_384;
/** A tab that died has said goodbye before, perhaps: locks and channels take different ways. */
const GOODBYE_MS = 500;
/** One who listens answers at once, unless its tab does something else. */
const ANSWER_MS = 10_000;

/** Sent to who listens. */
interface Call {
  readonly call: string;
  readonly port: number;
}

/** Said in a connection. */
type Word =
  | { readonly kind: 'accept' | 'end' | 'reset' }
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** So many bytes have been taken. */
  | { readonly kind: 'taken'; readonly count: number };

export function freePort(): number {
  return FIRST_FREE_PORT + Math.floor(Math.random() * FREE_PORTS);
}

const portChannel = (port: number): string => `hotslot-tcp-${port}`;
const endLock = (id: string, isCaller: boolean): string => `net/${isCaller ? 'caller' : 'called'}/${id}`;

export class TabTcp {
  readonly #locks: WebLocks;
  readonly #raw: Locks;
  readonly #wake: () => void;

  /** @param wake called after each event: the machine may sleep */
  constructor(locks: Locks, wake: () => void) {
    this.#raw = locks;
    this.#locks = new WebLocks(locks);
    this.#wake = wake;
  }

  connect(to: Endpoint, events: TcpEvents): TcpSocket {
    const id = crypto.randomUUID();
    const connection = new TabConnection({ id, isCaller: true, events, locks: this.#raw, wake: this.#wake });
    this.#call(connection, id, to.port).catch(() => connection.fail('unreachable'));
    return connection;
  }

  async listen(
    port: number,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): Promise<Listener | NetFailure> {
    const release = await this.#locks.acquire(`net/tcp/${port}`, 'write');
    if (release === undefined) return IN_USE;
    const channel = new BroadcastChannel(portChannel(port));
    channel.onmessage = ({ data }: MessageEvent<Call>) => this.#called(data, accept);
    return {
      close() {
        channel.close();
        void release();
      },
    };
  }

  async #call(connection: TabConnection, id: string, port: number): Promise<void> {
    await connection.hold();
    if (!(await this.#locks.isHeld(`net/tcp/${port}`))) {
      connection.fail('refused');
      return;
    }
    const channel = new BroadcastChannel(portChannel(port));
    channel.postMessage({ call: id, port: freePort() } satisfies Call);
    channel.close();
    setTimeout(() => {
      if (!connection.isOpen) connection.fail('unreachable');
    }, ANSWER_MS);
  }

  #called(
    { call: id, port }: Call,
    accept: (socket: TcpSocket, peer: Endpoint) => TcpEvents | undefined,
  ): void {
    let told: TcpEvents | undefined;
    const events: TcpEvents = {
      connected() {},
      data: (bytes) => told?.data(bytes),
      end: () => told?.end(),
      drain: () => told?.drain(),
      closed: (failure) => told?.closed(failure),
    };
    const connection = new TabConnection({ id, isCaller: false, events, locks: this.#raw, wake: this.#wake });
    // As the sockets of a host: nothing is told before somebody asks for it.
    connection.pause();
    told = accept(connection, { address: LOOPBACK, port });
    if (told === undefined) connection.destroy();
    else connection.accept().catch(() => connection.fail('reset'));
    this.#wake();
  }
}

interface ConnectionParts {
  readonly id: string;
  readonly isCaller: boolean;
  readonly events: TcpEvents;
  readonly locks: Locks;
  readonly wake: () => void;
}

class TabConnection implements TcpSocket {
  queuedBytes = 0;
  isOpen = false;
  readonly #parts: ConnectionParts;
  readonly #channel: BroadcastChannel;
  readonly #locks: WebLocks;
  #release: (() => void) | undefined;
  /** What was said while the connection rested, or before it was made. */
  #heard: Word[] = [];
  /** What is to be said when the other end has been told that it is connected. */
  #unsaid: Word[] = [];
  #isPaused = false;
  #hasEnded = false;
  #otherHasEnded = false;
  #isGone = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#locks = new WebLocks(parts.locks);
    this.#channel = new BroadcastChannel(`hotslot-tcp-connection-${parts.id}`);
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data);
  }

  /** From now on the other end would see this tab die. */
  async hold(): Promise<void> {
    const { id, isCaller } = this.#parts;
    const release = await this.#locks.acquire(endLock(id, isCaller), 'write');
    this.#release = () => void release?.();
    if (this.#isGone) this.#release();
  }

  /** The other end is told that it is connected. */
  async accept(): Promise<void> {
    await this.hold();
    this.isOpen = true;
    this.#watch();
    for (const word of [{ kind: 'accept' } as const, ...this.#unsaid.splice(0)]) this.#say(word);
  }

  fail(failure: 'refused' | 'unreachable' | 'reset'): void {
    if (this.#isGone) return;
    this.#leave();
    this.#parts.events.closed(failure);
    this.#parts.wake();
  }

  write(bytes: Uint8Array): void {
    if (this.#isGone || this.#hasEnded) return;
    this.queuedBytes += bytes.length;
    this.#say({ kind: 'data', bytes });
  }

  end(): void {
    if (this.#isGone || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#say({ kind: 'end' });
    this.#closeIfDone();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#say({ kind: 'reset' });
    this.#leave();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    queueMicrotask(() => this.#tellHeard());
  }

  #say(word: Word): void {
    if (this.#isGone) return;
    if (this.isOpen || word.kind === 'reset') this.#channel.postMessage(word);
    else this.#unsaid.push(word);
  }

  #hear(word: Word): void {
    if (word.kind === 'reset') {
      this.fail(this.isOpen ? 'reset' : 'refused');
      return;
    }
    if (word.kind === 'taken') {
      this.queuedBytes = Math.max(0, this.queuedBytes - word.count);
      this.#parts.events.drain();
      this.#parts.wake();
      return;
    }
    if (word.kind === 'accept') {
      if (this.isOpen || !this.#parts.isCaller) return;
      this.isOpen = true;
      this.#watch();
      for (const unsaid of this.#unsaid.splice(0)) this.#say(unsaid);
      this.#parts.events.connected();
      this.#parts.wake();
      return;
    }
    this.#heard.push(word);
    this.#tellHeard();
  }

  #tellHeard(): void {
    while (!this.#isPaused && !this.#isGone) {
      const word = this.#heard.shift();
      if (word === undefined) return;
      if (word.kind === 'data') {
        this.#say({ kind: 'taken', count: word.bytes.length });
        this.#parts.events.data(word.bytes);
      } else {
        this.#otherHasEnded = true;
        this.#parts.events.end();
        this.#closeIfDone();
      }
      this.#parts.wake();
    }
  }

  #closeIfDone(): void {
    if (!this.#hasEnded || !this.#otherHasEnded || this.#isGone) return;
    // Not in the call that ended it.
    queueMicrotask(() => {
      if (this.#isGone) return;
      this.#leave();
      this.#parts.events.closed();
      this.#parts.wake();
    });
  }

  #watch(): void {
    const { id, isCaller, locks } = this.#parts;
    locks
      .request(`hotslot/${endLock(id, !isCaller)}`, { mode: 'shared' }, () => {
        setTimeout(() => this.fail('reset'), GOODBYE_MS);
      })
      .catch(() => {});
  }

  #leave(): void {
    this.#isGone = true;
    this.#release?.();
    // What was said last is still on its way.
    setTimeout(() => this.#channel.close(), GOODBYE_MS);
  }
}
