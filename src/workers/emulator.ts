import type { ImageStore } from '../emu/index.ts';
import { loadGuest } from './guest-image-loader.ts';
import { ImageService } from './image-service.ts';
import type { GuestFiles, WorkerMachine } from './machine-types.ts';
import { makeMachine } from './make-machine.ts';
import { MipsMeter } from './mips-meter.ts';
import { OutputBatcher } from './output-batcher.ts';
import {
  type BootProgress,
  type DownloadReader,
  type EmulatorApi,
  type ImageList,
  type ImageOutcome,
  type MachineStatus,
  type Notice,
  type PageMessage,
  type PageState,
  statusWithoutMachine,
  type WorkerMessage,
} from './protocol.ts';
import { RunLoop } from './run-loop.ts';
import { openStorage, type StorageNotice } from './storage/open-storage.ts';
import { errorText, UserError } from './user-error.ts';

const STATUS_INTERVAL_MS = 500;
/** Other tabs of this origin read here that the list of images has changed. */
const IMAGES_CHANNEL = 'hotslot-images';

/** The worker's side of the page: one machine, its images, and the messages between them. */
export class Emulator implements EmulatorApi {
  readonly #guestUrl: string;
  readonly #storage: Promise<ImageStore>;
  readonly #images: ImageService;
  readonly #otherTabs = new BroadcastChannel(IMAGES_CHANNEL);
  readonly #meter = new MipsMeter();
  readonly #serialOut = new OutputBatcher((bytes) => this.#post({ type: 'serial', bytes }, [bytes.buffer]));
  #monitorText = '';
  /** Typed or clicked while the guest was loading. */
  #earlyMonitorInput = '';
  #port: MessagePort | undefined;
  #machine: WorkerMachine | undefined;
  #loop: RunLoop | undefined;
  /** Makes a new machine; undefined until the guest is loaded. */
  #powerOn: (() => void) | undefined;
  #failed = false;
  #lastStatus: MachineStatus = statusWithoutMachine('loading');
  #statusAtMs = 0;
  readonly #notices: Notice[] = [];

  /** @param guestUrl folder of the guest image, with a slash at its end */
  constructor(guestUrl: string) {
    this.#guestUrl = guestUrl;
    this.#storage = openStorage((notice) => this.#notify(storageNotice(notice)));
    this.#images = new ImageService(this.#storage, () => {
      this.#otherTabs.postMessage(0);
      this.#post({ type: 'images' });
    });
    this.#otherTabs.onmessage = () => this.#post({ type: 'images' });
  }

  connect(port: MessagePort): void {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<PageMessage>) => this.#receive(data);
    for (const notice of this.#notices.splice(0)) this.#notify(notice);
    this.#post({ type: 'status', status: this.#lastStatus });
    this.#boot().catch((error: unknown) => this.#fail(error));
  }

  start(): void {
    const machine = this.#machine;
    if (machine?.hasQuit === true) this.#powerOn?.();
    else if (machine?.runState === 'shutdown' || machine?.runState === 'internal-error') machine.reset();
    this.#machine?.start();
    this.#changed();
  }

  pause(): void {
    this.#machine?.pause();
    this.#changed();
  }

  reset(): void {
    this.#machine?.reset();
    this.#changed();
  }

  powerButton(): void {
    this.#machine?.powerButton();
    this.#changed();
  }

  listImages(): Promise<ImageList> {
    return this.#images.list();
  }

  pathForFile(fileName: string): string {
    return this.#images.pathForFile(fileName);
  }

  uploadImage(
    uploadId: number,
    path: string,
    file: Blob,
    onProgress: (doneBytes: number) => void,
  ): Promise<ImageOutcome> {
    return this.#images.upload(uploadId, path, file, onProgress);
  }

  cancelUpload(uploadId: number): void {
    this.#images.cancelUpload(uploadId);
  }

  createImage(path: string, sizeBytes: number): Promise<ImageOutcome> {
    return this.#images.create(path, sizeBytes);
  }

  renameImage(from: string, to: string): Promise<ImageOutcome> {
    return this.#images.rename(from, to);
  }

  deleteImage(path: string): Promise<ImageOutcome> {
    return this.#images.delete(path);
  }

  downloadImage(path: string): DownloadReader {
    return this.#images.download(path);
  }

  flushImages(): Promise<void> {
    return this.#images.flush();
  }

  async #boot(): Promise<void> {
    const guest = await loadGuest(
      this.#guestUrl,
      (progress) => this.#post({ type: 'boot', progress }),
      ({ name, kernelRelease, memoryMiB }) =>
        this.#post({ type: 'guest', guest: { name, kernelRelease, memoryMiB } }),
    );
    this.#post({ type: 'boot', progress: startProgress(guest.kernel.length) });
    const { kernel, initrd, manifest } = guest;
    const files = { memoryBytes: manifest.memoryMiB * 2 ** 20, kernel, initrd, append: manifest.append };
    const images = await this.#storage;
    this.#powerOn = () => this.#makeMachine(files, images);
    this.#powerOn();
    this.#machine?.start();
    this.#machine?.monitorInput(this.#earlyMonitorInput);
    this.#post({ type: 'boot', progress: undefined });
    this.#changed();
  }

  #makeMachine(files: GuestFiles, images: ImageStore): void {
    this.#loop?.stop();
    this.#meter.clear();
    const machine = makeMachine(files, {
      images,
      onWake: () => this.#loop?.wake(),
      onSerialOutput: (bytes) => this.#serialOut.write(bytes),
      onMonitorOutput: (text) => this.#monitorOutput(text),
      onPowerOff: () => this.#poweredOff(images),
    });
    this.#machine = machine;
    this.#loop = new RunLoop(machine, {
      afterSlice: () => this.#afterSlice(),
      crashed: (error) => this.#fail(error),
    });
  }

  /** What the guest left in its disks' caches is stored now; a machine that quit also gives up its images. */
  #poweredOff(images: ImageStore): void {
    const stored = this.#machine?.hasQuit === true ? this.#machine.close() : images.flush();
    stored
      .catch((error: unknown) =>
        this.#notify({ level: 'error', text: `Could not store the disks: ${errorText(error)}.` }),
      )
      .finally(() => this.#post({ type: 'images' }));
    this.#changed();
  }

  #receive(message: PageMessage): void {
    switch (message.type) {
      case 'serial':
        this.#machine?.serialInput(message.bytes);
        break;
      case 'monitor':
        if (this.#machine === undefined) this.#earlyMonitorInput += message.text;
        else this.#machine.monitorInput(message.text);
        break;
      case 'shown':
        this.#serialOut.shown(message.bytes);
        return;
    }
    this.#loop?.wake();
  }

  /** One message per turn of the event loop, however many pieces the monitor prints. */
  #monitorOutput(text: string): void {
    if (this.#monitorText === '') queueMicrotask(() => this.#postMonitorText());
    this.#monitorText += text;
    // A command that took its time may have let the guest go on.
    this.#loop?.wake();
  }

  #postMonitorText(): void {
    const text = this.#monitorText;
    this.#monitorText = '';
    this.#post({ type: 'monitor', text });
    // The line of a command was entered or answered: drive_add and device_del change who uses an image.
    if (text.includes('\n')) this.#post({ type: 'images' });
  }

  #changed(): void {
    this.#loop?.wake();
    this.#report();
  }

  #afterSlice(): void {
    this.#serialOut.poll();
    const now = performance.now();
    const state = this.#state();
    if (state !== this.#lastStatus.state || now - this.#statusAtMs >= STATUS_INTERVAL_MS) this.#report();
  }

  #report(): void {
    const now = performance.now();
    const state = this.#state();
    const instructions = this.#machine?.retiredInstructions ?? 0;
    this.#meter.sample(now, instructions, state === 'running');
    this.#statusAtMs = now;
    this.#lastStatus = {
      state,
      mips: this.#meter.mips,
      instructions,
      interpreterOnly: this.#machine?.interpreterOnly ?? false,
    };
    this.#post({ type: 'status', status: this.#lastStatus });
  }

  #state(): PageState {
    if (this.#failed) return this.#machine === undefined ? 'failed' : 'internal-error';
    return this.#machine?.runState ?? 'loading';
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#post({ type: 'boot', progress: undefined });
    this.#notify(failure(error));
    this.#report();
  }

  #notify(notice: Notice): void {
    if (this.#port === undefined) this.#notices.push(notice);
    else this.#post({ type: 'notice', notice });
  }

  #post(message: WorkerMessage, transfer: Transferable[] = []): void {
    this.#port?.postMessage(message, transfer);
  }
}

function startProgress(bytes: number): BootProgress {
  return { step: 'start', what: 'virtual machine', doneBytes: bytes, totalBytes: bytes };
}

function storageNotice({ kind, message }: StorageNotice): Notice {
  if (kind === 'storage-error') return { level: 'error', text: message };
  const detail =
    'Download what you want to keep, or open this page in its own tab over https or on localhost.';
  return { level: 'warning', text: message, detail };
}

function failure(error: unknown): Notice {
  if (error instanceof UserError) return { level: 'error', text: error.message, detail: error.detail };
  return {
    level: 'error',
    text: `The emulator stopped by a fault of its own: ${errorText(error)}.`,
    detail:
      'Load the page again; what the guest had flushed to its disks is kept. Please report this sentence.',
  };
}
