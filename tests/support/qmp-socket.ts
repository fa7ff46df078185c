/** A client of QMP on a socket, made from the protocol's specification: lines of JSON, answers by their id, events between them. */
import type { Socket } from 'node:net';
import { ANSWER_MS, connected } from './program.ts';

export interface QmpMessage {
  readonly QMP?: { readonly version: unknown; readonly capabilities: readonly string[] };
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly id?: unknown;
  readonly event?: string;
  readonly data?: unknown;
  readonly timestamp?: { readonly seconds: number; readonly microseconds: number };
}

export class QmpClient {
  /** All that came and nobody has taken. */
  readonly messages: QmpMessage[] = [];
  /** Characters of the longest line. */
  longest = 0;
  isClosed = false;
  readonly socket: Socket;
  #text = '';
  #ids = 0;

  /** On a connection that is there. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes.toString('utf8')));
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('error', () => {});
  }

  /** To a path or a port of this host. Rejects when nobody has answered in time. */
  static async connect(where: string | number): Promise<QmpClient> {
    return new QmpClient(await connected(where));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Takes the first message that fits. */
  async next(fits: (message: QmpMessage) => boolean, what = 'a message'): Promise<QmpMessage> {
    for (const end = performance.now() + ANSWER_MS; ; ) {
      const at = this.messages.findIndex(fits);
      const [found] = at < 0 ? [] : this.messages.splice(at, 1);
      if (found !== undefined) return found;
      if (performance.now() > end || this.isClosed) {
        throw new Error(`no ${what} among ${JSON.stringify(this.messages).slice(0, 2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  greeting(): Promise<QmpMessage> {
    return this.next(({ QMP }) => QMP !== undefined, 'greeting');
  }

  event(name: string): Promise<QmpMessage> {
    return this.next(({ event }) => event === name, name);
  }

  /** The answer to a command. */
  async run(command: string, args?: object): Promise<QmpMessage> {
    const id = `client-${this.#ids++}`;
    this.send(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return this.next((message) => message.id === id, `answer to ${command}`);
  }

  /** What a command gives. Rejects with QEMU's text when it fails. */
  async ask(command: string, args?: object): Promise<unknown> {
    const { error, return: result } = await this.run(command, args);
    if (error !== undefined) throw new Error(error.desc);
    return result;
  }

  #take(text: string): void {
    this.#text += text;
    const lines = this.#text.split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      this.longest = Math.max(this.longest, line.length);
      if (line.trim() !== '') this.messages.push(JSON.parse(line) as QmpMessage);
    }
  }
}
