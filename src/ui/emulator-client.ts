import { proxy, type Remote, transfer, wrap } from 'comlink';
import emulatorUrl from '../workers/emulator-worker.ts?worker&url';
import type {
  EmulatorApi,
  LineAnswer,
  PageMessage,
  UnpackOrder,
  WorkerMessage,
} from '../workers/protocol.ts';
import unpackUrl from '../workers/unpack-worker.ts?worker&url';
import { startWorker, workerFailure } from './start-worker.ts';

/** More would gain nothing: the emulator's worker cannot take their output faster. */
const UNPACKERS_MAX = 4;

/** The page's end of the worker. */
export class EmulatorClient {
  readonly api: Remote<EmulatorApi>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #startUnpackers: () => MessagePort[];

  /**
   * @param guestUrl folder of the guest image, with a slash at its end
   * @param onFailure the worker could not be loaded, or died
   * @param bootsDefault false: the machine that is started first is told by `bootLine`
   */
  constructor(
    guestUrl: string,
    onMessage: (message: WorkerMessage) => void,
    onFailure: (reason: string) => void,
    bootsDefault: boolean,
  ) {
    // The worker's own address is that of its bundle; this is how it learns the page's.
    const name = new URL(guestUrl, document.baseURI).href;
    const failed = (event: ErrorEvent): void => onFailure(workerFailure(event.message));
    this.#worker = startWorker(emulatorUrl, name);
    this.#worker.onerror = failed;
    this.#startUnpackers = () => startUnpackers(name, failed);
    const unpackers = bootsDefault ? this.#startUnpackers() : undefined;
    this.api = wrap<EmulatorApi>(this.#worker);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.onmessage = ({ data }: MessageEvent<WorkerMessage>) => onMessage(data);
    this.api
      .connect(transfer(port2, [port2]), unpackers && transfer(unpackers, unpackers))
      .catch((error: unknown) => onFailure(String(error)));
  }

  /** As `bootLine` of the worker; the default machine comes from its snapshot. */
  bootLine(line: string, isDefault: boolean): Promise<LineAnswer | undefined> {
    const unpackers = isDefault ? this.#startUnpackers() : [];
    return this.api.bootLine(line, transfer(unpackers, unpackers));
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

/** Starts one for each processor but the emulator's. Returns the ports on which they send the parts of the snapshot. */
function startUnpackers(guestUrl: string, onError: (event: ErrorEvent) => void): MessagePort[] {
  const workers = Math.max(1, Math.min(UNPACKERS_MAX, (navigator.hardwareConcurrency || 1) - 1));
  return Array.from({ length: workers }, (_, worker) => {
    const unpacker = startWorker(unpackUrl, `unpack-${worker}`);
    unpacker.onerror = onError;
    const { port1, port2 } = new MessageChannel();
    const order: UnpackOrder = { guestUrl, worker, workers, port: port1 };
    unpacker.postMessage(order, [port1]);
    return port2;
  });
}
