/**
 * A worker's line to the bench. A message is a request that the worker waits for without doing anything else, so that
 * the guest stands still while the bench reads the thread's clock.
 */

/** From the worker. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'console'; readonly text: string; readonly instructions: number }
  | { readonly type: 'error'; readonly error: string };

/** The bench's answer. */
export interface Answer {
  /** What to type. */
  readonly input: string;
  readonly stop: boolean;
}

/** Where the worker's requests go. */
export const MESSAGE_PATH = '/message';
export const ORDER_PATH = '/order.json';

/** What a dedicated worker has beside what Node knows too. */
interface SynchronousRequest {
  open(method: string, url: string, asynchronous: boolean): void;
  send(body: string): void;
  readonly responseText: string;
}
declare const XMLHttpRequest: new () => SynchronousRequest;

/** Says something and waits for the answer. */
export function tell(message: WorkerMessage): Answer {
  const request = new XMLHttpRequest();
  request.open('POST', MESSAGE_PATH, false);
  request.send(JSON.stringify(message));
  return JSON.parse(request.responseText) as Answer;
}

/** The order that the bench has put down for this page. */
export async function readOrder<T>(): Promise<T> {
  return (await (await fetch(ORDER_PATH)).json()) as T;
}

/** The bench hears why there will be no result. */
export function fail(error: unknown): void {
  tell({ type: 'error', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

/** Runs a worker's main function. */
export function runWorker(main: () => Promise<void>): void {
  main().catch(fail);
}

const QUIET_MS = 5000;

/** Collects the console's text and tells it when the bench must look at the clock: at a mark and at a prompt; else seldom. */
export class ConsoleLink {
  readonly #instructions: () => number;
  readonly #onAnswer: (answer: Answer) => void;
  #text = '';
  #told = performance.now();

  constructor(instructions: () => number, onAnswer: (answer: Answer) => void) {
    this.#instructions = instructions;
    this.#onAnswer = onAnswer;
  }

  feed(text: string): void {
    this.#text += text;
    // Only whole lines: a mark in two pieces would come late.
    const line = this.#text.endsWith('\n');
    const due = this.#text.includes('@@') || performance.now() - this.#told > QUIET_MS;
    if (!(line && due) && !this.#text.endsWith('# ')) return;
    const whole = this.#text;
    this.#text = '';
    this.#told = performance.now();
    this.#onAnswer(tell({ type: 'console', text: whole, instructions: this.#instructions() }));
  }
}
