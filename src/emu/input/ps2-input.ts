/** The PS/2 keyboard and mouse as what takes a user's input. QEMU: hw/input/ps2.c of 7.2. */
import type { I8042 } from './i8042.ts';
import {
  BUTTON_BITS,
  type InputEvent,
  type InputHandler,
  type InputHandlers,
  WHEEL_STEPS,
} from './input-handlers.ts';

export const KEYBOARD_NAME = 'QEMU PS/2 Keyboard';
/** QEMU numbers keyboards and mice together; the keyboard was first. */
export const KEYBOARD_INDEX = 1;

class Ps2KeyboardInput implements InputHandler {
  readonly name = KEYBOARD_NAME;
  readonly types = ['key'] as const;
  readonly #keyboard: I8042['keyboard'];

  constructor(keyboard: I8042['keyboard']) {
    this.#keyboard = keyboard;
  }

  event(event: InputEvent): void {
    if (event.type === 'key') this.#keyboard.key(event.key, event.down);
  }

  sync(): void {}
}

class Ps2MouseInput implements InputHandler {
  readonly name = 'QEMU PS/2 Mouse';
  readonly types = ['btn', 'rel'] as const;
  readonly #mouse: I8042['mouse'];
  #buttons = 0;
  #dx = 0;
  #dy = 0;
  #wheel = 0;

  constructor(mouse: I8042['mouse']) {
    this.#mouse = mouse;
  }

  event(event: InputEvent): void {
    if (event.type === 'btn') {
      const bit = BUTTON_BITS[event.button] ?? 0;
      this.#buttons = event.down ? this.#buttons | bit : this.#buttons & ~bit;
      if (event.down) this.#wheel += WHEEL_STEPS[event.button] ?? 0;
    } else if (event.type === 'rel') {
      if (event.axis === 'x') this.#dx += event.value;
      else this.#dy += event.value;
    }
  }

  sync(): void {
    this.#mouse.move(this.#dx, -this.#dy, this.#wheel, this.#buttons);
    [this.#dx, this.#dy, this.#wheel] = [0, 0, 0];
  }
}

/** The board's keyboard and mouse take input. */
export function addPs2(
  handlers: InputHandlers,
  { keyboard, mouse }: Pick<I8042, 'keyboard' | 'mouse'>,
): void {
  handlers.add(new Ps2KeyboardInput(keyboard));
  handlers.add(new Ps2MouseInput(mouse));
}
