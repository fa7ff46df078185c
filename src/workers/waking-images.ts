import type { BlockBackend, ImageOpener, OpenOptions } from '../emu/index.ts';

/** Images whose every answer wakes the run loop: a guest that waits for its disk sleeps until then. */
export class WakingImages implements ImageOpener {
  readonly #images: ImageOpener;
  readonly #wake: () => void;

  constructor(images: ImageOpener, wake: () => void) {
    this.#images = images;
    this.#wake = wake;
  }

  async open(path: string, options?: OpenOptions): Promise<BlockBackend> {
    return wakingBackend(await this.#images.open(path, options), this.#wake);
  }
}

function wakingBackend(backend: BlockBackend, wake: () => void): BlockBackend {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(backend, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        if (result instanceof Promise) result.then(wake, wake);
        return result;
      };
      methods.set(name, method);
      return method;
    },
  });
}
