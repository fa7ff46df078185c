/** A connection of the guest's to a web server, whose other end is the browser: one request, and the end. */
import type { TcpEvents, TcpSocket } from '../../emu/index.ts';
import { HttpRequestReader } from './http-request.ts';
import { askWeb, page, type WebAnswer, type WebClientWorld } from './web-client.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const LINE_BREAKS = /[\r\n]+/g;

export class WebConnection implements TcpSocket {
  readonly queuedBytes = 0;
  readonly #site: string;
  readonly #world: WebClientWorld;
  readonly #events: TcpEvents;
  readonly #wake: () => void;
  readonly #reader = new HttpRequestReader();
  readonly #abort = new AbortController();
  /** Who waits until the connection takes data again. */
  #resumed: (() => void) | undefined;
  #isPaused = false;
  #hasAsked = false;

  /** @param site the name or address that the guest connected to */
  constructor(site: string, world: WebClientWorld, events: TcpEvents, wake: () => void) {
    this.#site = site;
    this.#world = world;
    this.#events = events;
    this.#wake = wake;
    setTimeout(() => this.#tell(() => events.connected()), 0);
  }

  write(bytes: Uint8Array): void {
    if (this.#abort.signal.aborted) return;
    const request = this.#reader.take(bytes);
    if (request === undefined) {
      if (!this.#reader.awaitsContinue) return;
      this.#reader.awaitsContinue = false;
      queueMicrotask(() => this.#text(CONTINUE));
      return;
    }
    this.#hasAsked = true;
    const answering = async (): Promise<void> => {
      const answer =
        'status' in request
          ? page(request.status, request.reason, 'The request is not one of HTTP that a page can send.')
          : await askWeb(request, this.#site, this.#world, this.#abort.signal);
      await this.#answer(answer, !('status' in request) && request.method === 'HEAD');
    };
    answering().catch(() => {
      this.#tell(() => this.#events.closed('reset'));
      this.destroy();
    });
  }

  end(): void {
    // Without a request there will be no answer.
    if (!this.#hasAsked) queueMicrotask(() => this.#tell(() => this.#events.end()));
  }

  destroy(): void {
    this.#abort.abort();
    this.#resumed?.();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#resumed?.();
    this.#resumed = undefined;
  }

  async #answer({ status, reason, headers, body }: WebAnswer, isHead: boolean): Promise<void> {
    const known = body instanceof Uint8Array ? [['content-length', String(body.length)] as const] : [];
    const lines = [...headers, ...known, ['connection', 'close'] as const].map(
      ([name, value]) => `${name}: ${value.replace(LINE_BREAKS, ' ')}\r\n`,
    );
    this.#text(`HTTP/1.1 ${status} ${reason.replace(LINE_BREAKS, ' ')}\r\n${lines.join('')}\r\n`);
    if (body instanceof Uint8Array) {
      if (!isHead) this.#tell(() => this.#events.data(body));
    } else if (body !== undefined) await this.#pass(body);
    this.#tell(() => this.#events.end());
  }

  /** As fast as the guest takes it. */
  async #pass(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    for (;;) {
      if (this.#isPaused) {
        await new Promise<void>((resumed) => {
          this.#resumed = resumed;
        });
      }
      if (this.#abort.signal.aborted) {
        await reader.cancel();
        return;
      }
      const { done, value } = await reader.read();
      if (done) return;
      this.#tell(() => this.#events.data(value));
    }
  }

  #text(text: string): void {
    this.#tell(() => this.#events.data(new TextEncoder().encode(text)));
  }

  #tell(what: () => void): void {
    if (this.#abort.signal.aborted) return;
    what();
    this.#wake();
  }
}
