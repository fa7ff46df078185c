import type { ImageStore } from '../emu/index.ts';

/** To list the images the worker looks at each of them: while a guest writes all the time, that must not take most of the worker's time. */
const STORED_INTERVAL_MS = 2000;

export interface StoreListener {
  /** Whether leaving the page now would lose writes of the guest. */
  unsaved(unsaved: boolean): void;
  /** The images are not what they were. */
  imagesChanged(): void;
}

/** Tells the page what becomes of the guest's writes. */
export class StoreReport {
  readonly #listener: StoreListener;
  #store: ImageStore | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the page was told last. */
  #unsaved = false;

  constructor(listener: StoreListener) {
    this.#listener = listener;
  }

  /** Where the images are, from now on. */
  watch(store: ImageStore): void {
    this.#store = store;
  }

  check(): void {
    const unsaved = this.#store?.hasUnstored ?? false;
    if (unsaved === this.#unsaved) return;
    this.#unsaved = unsaved;
    this.#listener.unsaved(unsaved);
  }

  /** Something was stored. The list of images shows the new sizes a little later, and not after every write. */
  stored(): void {
    setTimeout(() => this.check(), 0);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#listener.imagesChanged();
    }, STORED_INTERVAL_MS);
  }
}
