import { proxy, type Remote, transfer, wrap } from 'comlink';
import type { EmulatorApi, PageMessage, WorkerMessage } from '../workers/protocol.ts';

/** The page's end of the worker. */
export class EmulatorClient {
  readonly api: Remote<EmulatorApi>;
  readonly #worker: Worker;
  readonly #port: MessagePort;

  /**
   * @param guestUrl folder of the guest image, with a slash at its end
   * @param onFailure the worker could not be loaded, or died
   */
  constructor(
    guestUrl: string,
    onMessage: (message: WorkerMessage) => void,
    onFailure: (reason: string) => void,
  ) {
    this.#worker = new Worker(new URL('../workers/emulator-worker.ts', import.meta.url), {
      type: 'module',
      // The worker's own address is that of its bundle; this is how it learns the page's.
      name: new URL(guestUrl, document.baseURI).href,
    });
    this.#worker.onerror = (event) => onFailure(event.message ?? 'the script could not be loaded');
    this.api = wrap<EmulatorApi>(this.#worker);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.onmessage = ({ data }: MessageEvent<WorkerMessage>) => onMessage(data);
    this.api.connect(transfer(port2, [port2])).catch((error: unknown) => onFailure(String(error)));
  }

  post(message: PageMessage): void {
    this.#port.postMessage(message);
  }

  /** Sends bytes to the guest's serial port. */
  serialInput(bytes: Uint8Array): void {
    this.post({ type: 'serial', bytes });
  }

  /** A function that the worker may call. */
  callback<T extends (...args: never[]) => void>(listener: T): T {
    return proxy(listener);
  }
}
