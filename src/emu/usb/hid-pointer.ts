/** What a mouse or a tablet has to report: movements in a queue, of which the newest takes more until the host asks. QEMU: hw/input/hid.c of 7.2. */
import { INT32, integer, list, mask, record } from '../core/state-fields.ts';
import { BUTTON_BITS, type InputEvent, WHEEL_STEPS } from '../input/input-handlers.ts';

const QUEUE_LENGTH = 16;
const QUEUE_MASK = QUEUE_LENGTH - 1;
const BUTTONS = 0x1f;

export type PointerMovement = {
  /** Counts to the right and down, or a place on the screen. */
  readonly x: number;
  readonly y: number;
  /** Of the wheel, towards the user. */
  readonly wheel: number;
  readonly buttons: number;
};

export type HidPointerState = {
  /** A ring: what the host has not seen begins at `head`. */
  readonly movements: readonly PointerMovement[];
  readonly head: number;
  readonly count: number;
};

export const HID_POINTER_STATE = record<HidPointerState>({
  movements: list(
    record<PointerMovement>({ x: INT32, y: INT32, wheel: INT32, buttons: mask(BUTTONS) }),
    QUEUE_LENGTH,
  ),
  head: integer(0, QUEUE_MASK),
  count: integer(0, QUEUE_MASK),
});

type Movement = { -readonly [K in keyof PointerMovement]: PointerMovement[K] };

const STILL: PointerMovement = { x: 0, y: 0, wheel: 0, buttons: 0 };

export class HidPointer {
  readonly #isAbsolute: boolean;
  #movements: Movement[] = noMovements();
  #head = 0;
  #count = 0;

  constructor(isAbsolute: boolean) {
    this.#isAbsolute = isAbsolute;
  }

  get hasNews(): boolean {
    return this.#count > 0;
  }

  event(event: InputEvent): void {
    const now = this.#at(this.#head + this.#count);
    if (event.type === 'rel') now[event.axis] = (now[event.axis] + event.value) | 0;
    else if (event.type === 'abs') now[event.axis] = event.value | 0;
    else if (event.type === 'btn') {
      const bit = BUTTON_BITS[event.button] ?? 0;
      now.buttons = event.down ? now.buttons | bit : now.buttons & ~bit;
      if (event.down) now.wheel = (now.wheel + (WHEEL_STEPS[event.button] ?? 0)) | 0;
    }
  }

  /** True: the host has something new to read. */
  sync(): boolean {
    // QEMU: of a full queue only the newest movement is changed, so that the buttons at least are true.
    if (this.#count === QUEUE_MASK) return false;
    const now = this.#at(this.#head + this.#count);
    const before = this.#at(this.#head + this.#count - 1);
    if (this.#count > 0 && now.buttons === before.buttons) {
      this.#merge(before, now);
      return false;
    }
    const next = this.#at(this.#head + this.#count + 1);
    Object.assign(next, this.#isAbsolute ? { x: now.x, y: now.y } : { x: 0, y: 0 });
    next.wheel = 0;
    next.buttons = now.buttons;
    this.#count++;
    return true;
  }

  /** The next report: the last one again when there is none, without movement. */
  report(): Uint8Array {
    const now = this.#at(this.#count > 0 ? this.#head : this.#head - 1);
    const clamped = (value: number): number => Math.min(Math.max(value, -127), 127);
    const wheel = clamped(now.wheel);
    const [x, y] = this.#isAbsolute ? [now.x, now.y] : [clamped(now.x), clamped(now.y)];
    if (!this.#isAbsolute) {
      now.x -= x;
      now.y -= y;
    }
    now.wheel -= wheel;
    if (this.#count > 0 && now.wheel === 0 && (this.#isAbsolute || (now.x === 0 && now.y === 0))) {
      this.#head = (this.#head + 1) & QUEUE_MASK;
      this.#count--;
    }
    // A HID counts the wheel away from the user.
    const turned = -wheel;
    if (!this.#isAbsolute) return Uint8Array.of(now.buttons, x, y, turned);
    return Uint8Array.of(now.buttons, x, x >> 8, y, y >> 8, turned);
  }

  reset(): void {
    this.#movements = noMovements();
    this.#head = 0;
    this.#count = 0;
  }

  save(): HidPointerState {
    const movements = this.#movements.map((one) => ({ ...one }));
    return { movements, head: this.#head, count: this.#count };
  }

  restore({ movements, head, count }: HidPointerState): void {
    this.#movements = movements.map((one) => ({ ...one }));
    this.#head = head;
    this.#count = count;
  }

  #merge(before: Movement, now: Movement): void {
    if (this.#isAbsolute) Object.assign(before, { x: now.x, y: now.y });
    else {
      before.x = (before.x + now.x) | 0;
      before.y = (before.y + now.y) | 0;
      Object.assign(now, { x: 0, y: 0 });
    }
    before.wheel = (before.wheel + now.wheel) | 0;
    now.wheel = 0;
  }

  #at(index: number): Movement {
    return this.#movements[index & QUEUE_MASK] ?? { ...STILL };
  }
}

function noMovements(): Movement[] {
  return Array.from({ length: QUEUE_LENGTH }, () => ({ ...STILL }));
}
