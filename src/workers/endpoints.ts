import type { MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { type EndpointName, eachEndpoint, type PageMessage, type WorkerMessage } from './protocol.ts';
import { TextOutput } from './text-output.ts';

/** Characters for each endpoint while there is no machine. */
const EARLY_INPUT_MAX = 1 << 16;
/** Events that a page may have waiting; one that takes none loses those that come then. */
const EVENTS_MAX = 1024;

type Monitors = Pick<WorkerMachine, 'endpoints' | 'hmp' | 'qmp'>;
type Acknowledgement = Extract<PageMessage, { readonly type: 'text-shown' | 'event-taken' }>;

/** The machine's monitors as the page has them, from machine to machine: each has a window of its own, so that none holds up another. */
export class Endpoints {
  readonly #post: (message: WorkerMessage) => void;
  readonly #wake: () => void;
  readonly #outputs: Readonly<Record<EndpointName, TextOutput>>;
  /** Typed or clicked before there was a machine. */
  readonly #early: Record<EndpointName, string> = eachEndpoint(() => '');
  #events = 0;
  #machine: Monitors | undefined;
  /** Machines that were begun, and the number of the one that is there. */
  #begun = 0;
  #current = 0;

  /** @param wake a command that took its time may have let the guest go on */
  constructor(post: (message: WorkerMessage) => void, wake: () => void) {
    this.#post = post;
    this.#wake = wake;
    this.#outputs = eachEndpoint((from) => new TextOutput((text) => post({ type: 'text', from, text })));
  }

  /** For a machine that is being made. Nothing comes from it any more when another has taken its place. */
  outlet(): Pick<MachineEnvironment, 'onOutput' | 'isFull' | 'onQmpEvent'> {
    const number = ++this.#begun;
    return {
      onOutput: (from, text) => {
        if (number >= this.#current) this.#outputs[from].write(text);
        this.#wake();
      },
      isFull: (from) => this.#outputs[from].isFull,
      onQmpEvent: (event) => {
        if (number >= this.#current) this.#tell(event);
      },
    };
  }

  /** The machine that was begun last takes the place of the one before. It gets what was typed while there was none. */
  connect(machine: Monitors): void {
    this.#machine = machine;
    this.#current = this.#begun;
    eachEndpoint((name) => {
      machine.endpoints[name].input(this.#early[name]);
      this.#early[name] = '';
    });
  }

  /** False when it was too much and is lost. */
  input(to: EndpointName, text: string): boolean {
    if (this.#machine !== undefined) return this.#machine.endpoints[to].input(text);
    const room = EARLY_INPUT_MAX - this.#early[to].length;
    this.#early[to] += text.slice(0, room);
    return text.length <= room;
  }

  acknowledge(message: Acknowledgement): void {
    if (message.type === 'event-taken') {
      this.#events--;
      return;
    }
    this.#outputs[message.from].shown(message.length);
    this.#machine?.endpoints[message.from].goOn();
  }

  /** For the page's scripts. Rejects when there is no machine. */
  async ask(whom: 'hmp' | 'qmp', what: string): Promise<string> {
    if (this.#machine === undefined) throw new Error('There is no machine.');
    const answer = await this.#machine[whom](what);
    this.#wake();
    return answer;
  }

  #tell(event: string): void {
    if (this.#events === EVENTS_MAX) return;
    this.#events++;
    this.#post({ type: 'event', event });
  }
}
