/** What a user does with keyboard and mouse, from outside of the machine. QEMU: ui/input.c of 7.2. */
import type { Clock } from '../core/clock.ts';
import type { I8042 } from './i8042.ts';
import { KEYMAP } from './keymap.ts';

/** QEMU: between two keys, where nobody said how long a key is held. */
const DELAY_MS = 10;
const NS_PER_MS = 1e6;
/** QEMU: events that wait. */
const MAX_WAITING = 1024;
const EXTENDED = 0xe000;
const EXTENDED_BIT = 0x80;
const BUTTONS = 7;

/** A key goes down or up, or nothing happens for a time. */
type Step = { readonly key: string; readonly down: boolean } | { readonly delayMs: number };

/** What a user does at once, each with its own hand. */
export type InputEvent =
  | { readonly type: 'key'; readonly key: string; readonly down: boolean }
  | { readonly type: 'btn'; readonly button: InputButton; readonly down: boolean }
  /** To the right, or down. */
  | { readonly type: 'rel'; readonly axis: 'x' | 'y'; readonly value: number }
  | { readonly type: 'abs'; readonly axis: 'x' | 'y'; readonly value: number };

export const INPUT_BUTTONS = [
  ...(['left', 'middle', 'right', 'wheel-up', 'wheel-down'] as const),
  ...(['side', 'extra', 'wheel-left', 'wheel-right'] as const),
];
export type InputButton = (typeof INPUT_BUTTONS)[number];

/** What the mouse's packets have for a button. Not modelled: turning the wheel to the sides, which a packet could tell, too. */
const BUTTON_BITS: Readonly<Partial<Record<InputButton, number>>> = {
  left: 1,
  right: 2,
  middle: 4,
  side: 8,
  extra: 16,
};
/** Counts of the wheel, for a button that goes down. */
const WHEEL_STEPS: Readonly<Partial<Record<InputButton, number>>> = { 'wheel-up': -1, 'wheel-down': 1 };

/** As `info mice` lists it. */
export interface Mouse {
  readonly name: string;
  readonly index: number;
  readonly isCurrent: boolean;
  readonly isAbsolute: boolean;
}

/** QEMU numbers keyboards and mice together; the keyboard was first. */
export const KEYBOARD_INDEX = 1;
export const KEYBOARD_NAME = 'QEMU PS/2 Keyboard';
const MOUSE: Mouse = { name: 'QEMU PS/2 Mouse', index: 2, isCurrent: true, isAbsolute: false };

export class UserInput {
  readonly mice: readonly Mouse[];
  readonly #devices: Pick<I8042, 'keyboard' | 'mouse'> | undefined;
  readonly #clock: Clock;
  readonly #isRunning: () => boolean;
  readonly #timer: ReturnType<Clock['timer']>;
  #waiting: Step[] = [];
  #delaying = false;
  #buttons = 0;

  /**
   * @param devices undefined: the machine has neither keyboard nor mouse
   * @param isRunning QEMU: what a stopped machine is sent is lost
   */
  constructor(
    devices: Pick<I8042, 'keyboard' | 'mouse'> | undefined,
    clock: Clock,
    isRunning: () => boolean,
  ) {
    this.#devices = devices;
    this.mice = devices === undefined ? [] : [MOUSE];
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
    const mouse = this.#devices?.mouse;
    mouse?.move(dx, -dy, -Math.sign(wheel), this.#buttons);
    // The wheel is a button, which is let go.
    if (wheel !== 0) mouse?.move(0, 0, 0, this.#buttons);
  }

  /** Bits 0 to 2: left, right, middle. */
  pressButtons(buttons: number): void {
    const pressed = buttons & BUTTONS;
    if (pressed === this.#buttons) return;
    this.#buttons = pressed;
    if (this.#isRunning()) this.#devices?.mouse.move(0, 0, 0, pressed);
  }

  /** Whether there is something that takes such events. */
  takes({ type }: InputEvent): boolean {
    return type !== 'abs' && this.#devices !== undefined;
  }

  /** Keys go down or up, then all that was done to the mouse is told together. */
  send(events: readonly InputEvent[]): void {
    let [dx, dy, wheel] = [0, 0, 0];
    for (const event of events) {
      if (event.type === 'key') this.#devices?.keyboard.key(event.key, event.down);
      else if (event.type === 'btn') {
        const bit = BUTTON_BITS[event.button] ?? 0;
        this.#buttons = event.down ? this.#buttons | bit : this.#buttons & ~bit;
        if (event.down) wheel += WHEEL_STEPS[event.button] ?? 0;
      } else if (event.axis === 'x') dx += event.value;
      else dy += event.value;
    }
    if (events.some(({ type }) => type !== 'key')) this.#devices?.mouse.move(dx, -dy, wheel, this.#buttons);
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
      } else if (this.#isRunning()) this.#devices?.keyboard.key(step.key, step.down);
    }
  }

  #nextStep(): Step | undefined {
    return this.#delaying ? undefined : this.#waiting.shift();
  }
}

/** The key that has a scan code of set 1, as `sendkey 0x1e` gives it; bit 7 is for those with a prefix. */
export function keyOfScanCode(code: number): string | undefined {
  const wanted = (code & EXTENDED_BIT) === 0 ? code : EXTENDED | (code & ~EXTENDED_BIT);
  return Object.keys(KEYMAP).find((key) => KEYMAP[key]?.[0] === wanted);
}
