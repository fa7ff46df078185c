/** A relay of Ethernet frames over a WebSocket, in the format of v86's relays: each message is a frame. */
import type { FrameRelay, RelayEvents } from '../../emu/index.ts';
import type { Outside } from './outside.ts';

/** What is used of a `WebSocket`. */
export type RelaySocket = Pick<
  WebSocket,
  'binaryType' | 'readyState' | 'bufferedAmount' | 'send' | 'close'
> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

const OPEN = 1;

/** It is connected while the guest may go outside. */
export class WebSocketRelay implements FrameRelay {
  readonly #connect: () => RelaySocket;
  readonly #events: RelayEvents;
  readonly #outside: Outside;
  readonly #wake: () => void;
  readonly #unwatch: () => void;
  #socket: RelaySocket | undefined;
  #isClosed = false;

  /** @param connect makes the socket; it may throw, as for an address that the browser forbids */
  constructor(connect: () => RelaySocket, events: RelayEvents, outside: Outside, wake: () => void) {
    this.#connect = connect;
    this.#events = events;
    this.#outside = outside;
    this.#wake = wake;
    this.#unwatch = outside.watch(() => this.#changed());
    queueMicrotask(() => {
      if (outside.ask()) this.#open();
    });
  }

  get queuedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(frame: Uint8Array): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #changed(): void {
    if (this.#outside.isAllowed) this.#open();
    else if (this.#socket !== undefined) this.#lost();
  }

  #open(): void {
    if (this.#isClosed || this.#socket !== undefined) return;
    try {
      const socket = this.#connect();
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => this.#tell(socket, () => this.#events.opened());
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (data instanceof ArrayBuffer) {
          this.#tell(socket, () => this.#events.frame(new Uint8Array(data)));
        }
      };
      socket.onclose = () => this.#tell(socket, () => this.#lost());
      this.#socket = socket;
    } catch {
      this.#lost();
    }
  }

  /** Who uses the relay opens another one. */
  #lost(): void {
    this.close();
    this.#events.closed();
  }

  #tell(socket: RelaySocket, what: () => void): void {
    if (socket !== this.#socket) return;
    what();
    this.#wake();
  }
}
