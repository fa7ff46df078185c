/** What a user does with keyboard and mouse, from outside of the machine. QEMU: ui/input.c of 7.2. */
import type { Clock } from '../core/clock.ts';
import { ServiceName, type Services } from '../qdev/services.ts';
import {
  type InputButton,
  type InputEvent,
  type InputHandler,
  InputHandlers,
  type Mouse,
} from './input-handlers.ts';
import { KEYMAP } from './keymap.ts';

/** QEMU: between two keys, where nobody said how long a key is held. */
const DELAY_MS = 10;
const NS_PER_MS = 1e6;
/** QEMU: events that wait. */
const MAX_WAITING = 1024;
const EXTENDED = 0xe000;
const EXTENDED_BIT = 0x80;

/** A key goes down or up, or nothing happens for a time. */
type Step = { readonly key: string; readonly down: boolean } | { readonly delayMs: number };

/** The buttons of `mouse_button`. */
const BUTTONS: readonly (readonly [mask: number, button: InputButton])[] = [
  [1, 'left'],
  [2, 'right'],
  [4, 'middle'],
];

export class UserInput {
  readonly handlers = new InputHandlers();
  readonly #clock: Clock;
  readonly #isRunning: () => boolean;
  readonly #timer: ReturnType<Clock['timer']>;
  #waiting: Step[] = [];
  #delaying = false;
  #buttons = 0;

  /**
   * @param isRunning QEMU: what a stopped machine is sent is lost
   * @param services where devices find it
   */
  constructor(clock: Clock, isRunning: () => boolean, services: Services) {
    services.provide(USER_INPUT, this);
    this.#clock = clock;
    this.#isRunning = isRunning;
    this.#timer = clock.timer(() => {
      this.#delaying = false;
      this.#goOn();
    });
  }

  /** Presses keys one after the other, then lets them go in the opposite order. `holdMs` 0: for the usual time. */
  sendKeys(keys: readonly string[], holdMs = 0): void {
    if (!this.#isRunning()) return;
    const steps = [
      ...keys.map((key) => ({ key, down: true })),
      ...keys.map((key) => ({ key, down: false })).reverse(),
    ].flatMap((step): readonly Step[] => [step, { delayMs: holdMs || DELAY_MS }]);
    this.#waiting.push(...steps.slice(0, Math.max(0, MAX_WAITING - this.#waiting.length)));
    this.#goOn();
  }

  /** To the right, down, and of the wheel away from the user. */
  moveMouse(dx: number, dy: number, wheel: number): void {
    if (!this.#isRunning()) return;
    const move = (axis: 'x' | 'y', value: number): InputEvent => ({ type: 'rel', axis, value });
    const events = [move('x', dx), move('y', dy)];
    if (wheel === 0) {
      this.send(events);
      return;
    }
    // The wheel is a button, which is let go.
    const button = wheel > 0 ? 'wheel-up' : 'wheel-down';
    this.send([...events, { type: 'btn', button, down: true }]);
    this.send([{ type: 'btn', button, down: false }]);
  }

  /** Bits 0 to 2: left, right, middle. */
  pressButtons(buttons: number): void {
    const events = BUTTONS.flatMap(([mask, button]): readonly InputEvent[] =>
      ((buttons ^ this.#buttons) & mask) === 0 ? [] : [{ type: 'btn', button, down: (buttons & mask) !== 0 }],
    );
    this.#buttons = buttons;
    if (this.#isRunning()) this.send(events);
  }

  get mice(): readonly Mouse[] {
    return this.handlers.mice;
  }

  /** Whether there is something that takes such events. */
  takes({ type }: InputEvent): boolean {
    return this.handlers.takerOf(type) !== undefined;
  }

  /** Events that belong together. Each goes to the first that takes its kind. */
  send(events: readonly InputEvent[]): void {
    const told = new Set<InputHandler>();
    for (const event of events) {
      const handler = this.handlers.takerOf(event.type);
      if (handler === undefined) continue;
      handler.event(event);
      told.add(handler);
    }
    for (const handler of told) handler.sync();
  }

  /** The machine's time went on, or back, by so much at once: a user waits for the next key as long as before. */
  timeMoved(ns: number): void {
    if (this.#delaying) this.#timer.arm(this.#timer.deadlineNs + ns);
  }

  #goOn(): void {
    for (let step = this.#nextStep(); step !== undefined; step = this.#nextStep()) {
      if ('delayMs' in step) {
        this.#delaying = true;
        this.#timer.arm(this.#clock.nowNs() + step.delayMs * NS_PER_MS);
      } else if (this.#isRunning()) this.send([{ type: 'key', key: step.key, down: step.down }]);
    }
  }

  #nextStep(): Step | undefined {
    return this.#delaying ? undefined : this.#waiting.shift();
  }
}

/** Where devices find who takes the user's input. */
export const USER_INPUT = new ServiceName<UserInput>('user-input');

/** The key that has a scan code of set 1, as `sendkey 0x1e` gives it; bit 7 is for those with a prefix. */
export function keyOfScanCode(code: number): string | undefined {
  const wanted = (code & EXTENDED_BIT) === 0 ? code : EXTENDED | (code & ~EXTENDED_BIT);
  return Object.keys(KEYMAP).find((key) => KEYMAP[key]?.[0] === wanted);
}
