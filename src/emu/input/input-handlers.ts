/**
 * Who takes what a user does: keyboards, mice and tablets, each with the kinds of events that it takes. Of several the one that was used last
 * gets them. QEMU: ui/input.c of 7.2.
 */

/** What a user does at once, each with its own hand. */
export type InputEvent =
  | { readonly type: 'key'; readonly key: string; readonly down: boolean }
  | { readonly type: 'btn'; readonly button: InputButton; readonly down: boolean }
  /** To the right, or down. */
  | { readonly type: 'rel'; readonly axis: 'x' | 'y'; readonly value: number }
  /** From 0 to 0x7fff over the whole screen. */
  | { readonly type: 'abs'; readonly axis: 'x' | 'y'; readonly value: number };

export const INPUT_BUTTONS = [
  ...(['left', 'middle', 'right', 'wheel-up', 'wheel-down'] as const),
  ...(['side', 'extra', 'wheel-left', 'wheel-right'] as const),
];
export type InputButton = (typeof INPUT_BUTTONS)[number];

/** Bits of the buttons as mice report them. Not modelled: turning the wheel to the sides. */
export const BUTTON_BITS: Readonly<Partial<Record<InputButton, number>>> = {
  left: 1,
  right: 2,
  middle: 4,
  side: 8,
  extra: 16,
};
/** Counts of the wheel, for a button that goes down. */
export const WHEEL_STEPS: Readonly<Partial<Record<InputButton, number>>> = {
  'wheel-up': -1,
  'wheel-down': 1,
};

/** A keyboard, mouse or tablet. */
export interface InputHandler {
  readonly name: string;
  readonly types: readonly InputEvent['type'][];
  event(event: InputEvent): void;
  /** All that belongs together has been told. */
  sync(): void;
}

interface Listed {
  readonly handler: InputHandler;
  readonly index: number;
}

/** As `info mice` lists it. */
export interface Mouse {
  readonly name: string;
  readonly index: number;
  readonly isCurrent: boolean;
  readonly isAbsolute: boolean;
}

export class InputHandlers {
  /** The one that is asked first is the first. */
  #handlers: readonly Listed[] = [];
  #made = 0;

  /** Adds a handler behind all others. */
  add(handler: InputHandler): void {
    this.#handlers = [...this.#handlers, { handler, index: ++this.#made }];
  }

  remove(handler: InputHandler): void {
    this.#handlers = this.#handlers.filter((one) => one.handler !== handler);
  }

  /** From now on it is asked before all others. */
  activate(handler: InputHandler): void {
    const own = this.#handlers.find((one) => one.handler === handler);
    if (own === undefined || this.#handlers[0] === own) return;
    this.#handlers = [own, ...this.#handlers.filter((one) => one !== own)];
  }

  /** Has the mouse with that number used; false: there is none. */
  activateMouse(index: number): boolean {
    const own = this.#handlers.find((one) => one.index === index && isMouse(one.handler));
    if (own !== undefined) this.activate(own.handler);
    return own !== undefined;
  }

  takerOf(type: InputEvent['type']): InputHandler | undefined {
    return this.#handlers.find(({ handler }) => handler.types.includes(type))?.handler;
  }

  /** As QEMU lists them: the one that is asked first last. */
  get mice(): readonly Mouse[] {
    const mice = this.#handlers.filter(({ handler }) => isMouse(handler));
    return mice
      .map(({ handler, index }, at) => ({
        name: handler.name,
        index,
        isCurrent: at === 0,
        isAbsolute: handler.types.includes('abs'),
      }))
      .reverse();
  }
}

function isMouse({ types }: InputHandler): boolean {
  return types.includes('rel') || types.includes('abs');
}
