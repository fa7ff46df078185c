/**
 * Whether the guest reaches the world outside of the page. It does not until the reader of the page says so, with a button: neither a link
 * nor a page around this one nor a script of its own can.
 */
import type { Notice } from '../protocol.ts';

const ALLOW: Notice = {
  level: 'info',
  text: 'The guest wants to reach the world outside of this page.',
  detail:
    'Its requests would be made by this browser, from your address, without your cookies. It stays shut out unless you let it.',
  key: 'outside',
  action: 'outside',
};
const NO_CONNECTIONS: Notice = {
  level: 'info',
  text: 'The guest wants a connection that a page cannot make.',
  detail:
    'From a page only the web is reached, by HTTP at port 80, and what a relay of Ethernet frames leads to. The guest was refused.',
  key: 'outside-tcp',
};

export class Outside {
  readonly #notify: (notice: Notice) => void;
  readonly #waiting = new Set<() => void>();
  readonly #told = new Set<Notice>();
  #isAllowed = false;

  constructor(notify: (notice: Notice) => void) {
    this.#notify = notify;
  }

  get isAllowed(): boolean {
    return this.#isAllowed;
  }

  /** The reader has decided. */
  set(isAllowed: boolean): void {
    this.#isAllowed = isAllowed;
    this.#told.clear();
    for (const changed of [...this.#waiting]) changed();
  }

  /** The guest wants to go there. False: it may not, and the reader is asked. */
  ask(): boolean {
    if (!this.#isAllowed) this.#tell(ALLOW);
    return this.#isAllowed;
  }

  /** The guest wants something for which a page has no means. */
  refuse(): void {
    this.#tell(NO_CONNECTIONS);
  }

  /** Told of each decision from now on. Returns a function that ends it. */
  watch(changed: () => void): () => void {
    this.#waiting.add(changed);
    return () => void this.#waiting.delete(changed);
  }

  /** A new machine may have a reason to ask again. */
  forget(): void {
    this.#told.clear();
  }

  /** Once: a guest tries again and again. */
  #tell(notice: Notice): void {
    if (this.#told.has(notice)) return;
    this.#told.add(notice);
    this.#notify(notice);
  }
}
