/** Where keys and pointer of the page become those of the PC: PS/2 or USB, whichever takes them. */
import { h, on, readSetting, writeSetting } from './dom.ts';
import { qemuKey } from './pad-keys.ts';
import { isPageChord } from './shortcuts.ts';

/** Spec: QMP, input-send-event. QEMU: an absolute axis ends there. */
const ABSOLUTE_MAX = 0x7fff;
/** Milliseconds for which is remembered what takes the pointer: a mouse may be plugged in at any time. */
const MICE_FRESH_MS = 500;
const BUTTONS = ['left', 'middle', 'right', 'side', 'extra'];

type InputEvent =
  | {
      readonly type: 'key';
      readonly data: {
        readonly down: boolean;
        readonly key: { readonly type: 'qcode'; readonly data: string };
      };
    }
  | { readonly type: 'btn'; readonly data: { readonly down: boolean; readonly button: string } }
  | { readonly type: 'rel' | 'abs'; readonly data: { readonly axis: 'x' | 'y'; readonly value: number } };

/** Where the pointer is, and how it came there: which of them counts is known when it is sent. */
interface Move {
  readonly type: 'move';
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

interface Mouse {
  readonly name: string;
  readonly current: boolean;
  readonly absolute: boolean;
}

/** Asks QMP; both sides as JSON. Rejects when there is no machine. */
export type AskQmp = (request: string) => Promise<string>;

export class Pad {
  readonly element: HTMLDetailsElement;
  readonly #area: HTMLElement;
  readonly #says = h('p', { class: 'pad-says', 'aria-live': 'polite' });
  readonly #ask: AskQmp;
  readonly #down = new Set<string>();
  /** In their order. What is sent together is one report of a device: a button that goes down and up in it was never pressed. */
  #waiting: (InputEvent | Move)[] = [];
  #sending = false;
  /** Where the pointer was last. */
  #place = { x: -1, y: -1 };
  #mouse: Mouse | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(ask: AskQmp) {
    this.#ask = ask;
    this.#area = h(
      'div',
      {
        class: 'pad',
        tabindex: '0',
        role: 'application',
        'aria-label': 'Keyboard and mouse of the PC',
        'aria-describedby': 'terminal-help',
      },
      h('p', {}, 'Click here: what you type and how you move the pointer goes to the PC.'),
      this.#says,
    );
    this.element = h(
      'details',
      { class: 'pad-fold', open: readSetting('pad') === 'open' },
      h('summary', {}, 'Keyboard and mouse of the PC'),
      this.#area,
    );
    on(this.element, 'toggle', () => writeSetting('pad', this.element.open ? 'open' : 'closed'));
    this.#listen();
  }

  #listen(): void {
    const area = this.#area;
    on(area, 'keydown', (event) => this.#key(event, true));
    on(area, 'keyup', (event) => this.#key(event, false));
    on(area, 'focus', () => this.#send());
    // Keys that go up elsewhere would stay down in the guest.
    on(area, 'blur', () => this.#release());
    on(area, 'pointermove', (event) => this.#move(event));
    on(area, 'pointerdown', (event) => {
      area.focus();
      area.setPointerCapture(event.pointerId);
      this.#move(event);
      this.#button(BUTTONS[event.button], true);
    });
    on(area, 'pointerup', (event) => this.#button(BUTTONS[event.button], false));
    on(area, 'pointercancel', () => this.#release());
    on(area, 'contextmenu', (event) => event.preventDefault());
    on(area, 'wheel', (event) => {
      if (document.activeElement !== area || event.deltaY === 0) return;
      event.preventDefault();
      const button = event.deltaY < 0 ? 'wheel-up' : 'wheel-down';
      this.#push(
        { type: 'btn', data: { button, down: true } },
        { type: 'btn', data: { button, down: false } },
      );
    });
  }

  #key(event: KeyboardEvent, down: boolean): void {
    if (isPageChord(event)) return;
    event.preventDefault();
    const key = qemuKey(event.code);
    if (key === undefined) return;
    // One whose way down was another's does not go up here.
    if (!down && !this.#down.has(key)) return;
    if (down) this.#down.add(key);
    else this.#down.delete(key);
    this.#push({ type: 'key', data: { down, key: { type: 'qcode', data: key } } });
  }

  #button(button: string | undefined, down: boolean): void {
    if (button !== undefined) this.#push({ type: 'btn', data: { button, down } });
  }

  #move({ offsetX, offsetY, movementX, movementY }: PointerEvent): void {
    const { clientWidth, clientHeight } = this.#area;
    const share = (at: number, size: number): number =>
      Math.round((Math.min(Math.max(at, 0), size) / Math.max(size, 1)) * ABSOLUTE_MAX);
    const [x, y] = [share(offsetX, clientWidth), share(offsetY, clientHeight)];
    // A button goes down where the pointer is already.
    if (x === this.#place.x && y === this.#place.y && movementX === 0 && movementY === 0) return;
    this.#place = { x, y };
    const last = this.#waiting.at(-1);
    const before = last?.type === 'move' ? last : undefined;
    if (before !== undefined) this.#waiting.pop();
    this.#push({
      type: 'move',
      x,
      y,
      dx: (before?.dx ?? 0) + movementX,
      dy: (before?.dy ?? 0) + movementY,
    });
  }

  #release(): void {
    const keys = [...this.#down].reverse();
    this.#down.clear();
    this.#push(
      ...keys.map(
        (key): InputEvent => ({ type: 'key', data: { down: false, key: { type: 'qcode', data: key } } }),
      ),
    );
  }

  #push(...events: readonly (InputEvent | Move)[]): void {
    this.#waiting.push(...events);
    this.#send();
  }

  /** What is told the PC of it. */
  #report(event: InputEvent | Move): readonly InputEvent[] {
    if (event.type !== 'move') return [event];
    const isAbsolute = this.#mouse?.absolute === true;
    const type = isAbsolute ? 'abs' : 'rel';
    const [x, y] = isAbsolute ? [event.x, event.y] : [Math.round(event.dx), Math.round(event.dy)];
    return [
      { type, data: { axis: 'x', value: x } },
      { type, data: { axis: 'y', value: y } },
    ];
  }

  #send(): void {
    if (this.#sending) return;
    this.#sending = true;
    this.#sendAll()
      .catch((error: unknown) => {
        this.#waiting = [];
        this.#says.textContent = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        this.#sending = false;
      });
  }

  async #sendAll(): Promise<void> {
    do {
      await this.#findMouse();
      const event = this.#waiting.shift();
      if (event !== undefined) await this.#call('input-send-event', { events: this.#report(event) });
    } while (this.#waiting.length > 0);
  }

  async #findMouse(): Promise<void> {
    if (performance.now() - this.#askedAt < MICE_FRESH_MS) return;
    const mice = (await this.#call('query-mice')) as readonly Mouse[];
    this.#askedAt = performance.now();
    this.#mouse = mice.find(({ current }) => current);
    this.#says.textContent =
      this.#mouse === undefined ? 'The PC has no mouse.' : `The pointer goes to: ${this.#mouse.name}.`;
  }

  async #call(execute: string, args?: object): Promise<unknown> {
    const answer = JSON.parse(await this.#ask(JSON.stringify({ execute, arguments: args }))) as {
      readonly return?: unknown;
      readonly error?: { readonly desc: string };
    };
    if (answer.error !== undefined) throw new Error(`${answer.error.desc}.`);
    return answer.return;
  }
}
