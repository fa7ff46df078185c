import { proxy } from 'comlink';
import { type ImageStore, isOutOfMemory, type MachineEvent, SnapshotError } from '../emu/index.ts';
import { DiskErrors } from './disk-errors.ts';
import { loadGuest, loadManifest } from './guest-image-loader.ts';
import type { SavedMachine } from './guest-manifest.ts';
import { consoleOf, seedLine } from './guest-start.ts';
import { ImageService } from './image-service.ts';
import type { GuestFiles, MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { ArrivingMachine, makeMachine } from './make-machine.ts';
import { MipsMeter } from './mips-meter.ts';
import { MonitorOutput } from './monitor-output.ts';
import * as notices from './notices.ts';
import { OutputBatcher } from './output-batcher.ts';
import {
  type ArrivingFile,
  type BootProgress,
  type ConsoleSize,
  type DownloadReader,
  type EmulatorApi,
  type ImageList,
  type ImageOutcome,
  type MachineDrives,
  type MachineStatus,
  type Notice,
  type PageMessage,
  type PageState,
  statusWithoutMachine,
  type UploadProgress,
  type UploadRequest,
  type WorkerMessage,
} from './protocol.ts';
import { RunLoop } from './run-loop.ts';
import { receiveParts } from './snapshot-parts.ts';
import { openStorage } from './storage/open-storage.ts';
import { OtherTabs } from './storage/other-tabs.ts';
import { UserError } from './user-error.ts';

const STATUS_INTERVAL_MS = 500;
/** Each message makes the page draw, and the processors have a snapshot to unpack at that time. */
const PROGRESS_INTERVAL_MS = 100;
/** To list the images the worker looks at each of them: while a guest writes all the time, that must not take most of the worker's time. */
const STORED_INTERVAL_MS = 2000;

const NO_DRIVES: MachineDrives = { drives: [], freeIds: { drive: 'disk1', device: 'myvirtio1' } };
/** Characters for the monitor while the guest is loading. */
const EARLY_INPUT_MAX = 1 << 16;

/** The worker's side of the page: one machine, its images, and the messages between them. */
export class Emulator implements EmulatorApi {
  readonly #guestUrl: string;
  readonly #storage: Promise<ImageStore>;
  readonly #images: ImageService;
  /** Undefined while storage is opened, and where no other tab sees these images. */
  #otherTabs: OtherTabs | undefined;
  readonly #diskErrors = new DiskErrors((notice) => this.#notify(notice));
  #storedTimer: ReturnType<typeof setTimeout> | undefined;
  #store: ImageStore | undefined;
  /** What the page was told last: whether leaving it now would lose writes of the guest. */
  #unsaved = false;
  /** The last error of the machine that the page was told of. */
  #toldFault: Error | undefined;
  /** A cold boot is under way. */
  #booting: Promise<void> | undefined;
  readonly #meter = new MipsMeter();
  readonly #serialOut = new OutputBatcher((bytes) => this.#post({ type: 'serial', bytes }, [bytes.buffer]));
  readonly #monitorOut = new MonitorOutput((text) => this.#post({ type: 'monitor', text }));
  /** Typed or clicked while the guest was loading. */
  #earlyMonitorInput = '';
  #port: MessagePort | undefined;
  #machine: WorkerMachine | undefined;
  #loop: RunLoop | undefined;
  /** Kernel and initrd; undefined while nobody needed them. */
  #files: Promise<GuestFiles> | undefined;
  /** Kernel and initrd are being loaded for a machine that was reset. */
  #supplying = false;
  #failed = false;
  #lastStatus: MachineStatus = statusWithoutMachine('loading');
  #statusAtMs = 0;
  readonly #notices: Notice[] = [];
  /** Undefined until the page's terminal is there. */
  #consoleSize: ConsoleSize | undefined;

  /** @param guestUrl folder of the guest image, with a slash at its end */
  constructor(guestUrl: string) {
    this.#guestUrl = guestUrl;
    this.#storage = this.#openStorage();
    this.#images = new ImageService(this.#storage, () => this.#imagesChanged());
  }

  async #openStorage(): Promise<ImageStore> {
    const store = await openStorage({
      onNotice: (notice) => this.#notify(notices.storageNotice(notice)),
      onUseChange: () => this.#usesChanged(),
      onStored: () => this.#stored(),
    });
    this.#store = store;
    if (store.persistent) this.#otherTabs = new OtherTabs(navigator.locks, () => this.#showImages());
    return store;
  }

  connect(port: MessagePort, unpackers: readonly MessagePort[]): void {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<PageMessage>) => this.#receive(data);
    for (const notice of this.#notices.splice(0)) this.#notify(notice);
    this.#post({ type: 'status', status: this.#lastStatus });
    this.#boot(unpackers).catch((error: unknown) => this.#fail(error));
  }

  start(): void {
    const machine = this.#machine;
    if (this.#booting !== undefined) return;
    if (this.#isGone()) {
      void this.coldBoot();
      return;
    }
    if (machine?.runState === 'shutdown' || machine?.runState === 'internal-error') machine.reset();
    this.#machine?.start();
    this.#changed();
  }

  pause(): void {
    this.#machine?.pause();
    this.#changed();
  }

  reset(): void {
    if (this.#isGone()) {
      void this.coldBoot();
      return;
    }
    this.#machine?.reset();
    this.#changed();
  }

  /** Only a new machine can go on: this one has quit, or its run loop has crashed. */
  #isGone(): boolean {
    return this.#machine?.hasQuit === true || (this.#failed && this.#machine !== undefined);
  }

  powerButton(): void {
    this.#machine?.powerButton();
    this.#changed();
  }

  listImages(): Promise<ImageList> {
    return this.#images.list();
  }

  machineDrives(): MachineDrives {
    const machine = this.#machine;
    return machine === undefined ? NO_DRIVES : { drives: machine.drives(), freeIds: machine.freeIds() };
  }

  lookAtFile(file: Blob, fileName: string): Promise<ArrivingFile> {
    return this.#images.lookAt(file, fileName);
  }

  uploadImage(
    request: UploadRequest,
    file: Blob,
    onProgress: (progress: UploadProgress) => void,
  ): Promise<ImageOutcome> {
    return this.#images.upload(request, file, onProgress);
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
    return proxy(this.#images.download(path));
  }

  flushImages(): Promise<void> {
    return this.#images.flush();
  }

  /** Throws the machine away and switches a new one on: every instruction of the boot is run. */
  coldBoot(): Promise<void> {
    this.#booting ??= this.#coldBoot()
      .catch((error: unknown) => {
        this.#post({ type: 'boot', progress: undefined, failed: true });
        this.#notify(notices.failure(error));
      })
      .finally(() => {
        this.#booting = undefined;
        this.#changed();
      });
    this.#report();
    return this.#booting;
  }

  async #coldBoot(): Promise<void> {
    const before = this.#machine;
    before?.pause();
    const files = await this.#loadFiles();
    await before?.close().catch((error: unknown) => this.#notify(notices.couldNotStore(error)));
    const environment = await this.#environment();
    this.#post({ type: 'follows', follows: false });
    this.#use(makeMachine(files, environment));
  }

  async #boot(unpackers: readonly MessagePort[]): Promise<void> {
    const manifest = await loadManifest(this.#guestUrl);
    const { name, kernelRelease, memoryMiB, snapshot } = manifest;
    this.#post({ type: 'guest', guest: { name, kernelRelease, memoryMiB } });
    if (manifest.terminalSize === undefined) this.#post({ type: 'follows', follows: false });
    if (snapshot === undefined || !(await this.#restore(snapshot, unpackers))) await this.#coldBoot();
    this.#machine?.monitorInput(this.#earlyMonitorInput);
    this.#changed();
  }

  /** Goes on where the snapshot was taken. Where that cannot be it tells the user, and resolves to false. */
  async #restore(snapshot: SavedMachine, unpackers: readonly MessagePort[]): Promise<boolean> {
    try {
      const arriving = new ArrivingMachine(await this.#environment());
      const { parts } = snapshot;
      const totalBytes = parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0);
      let doneBytes = 0;
      let postedMs = 0;
      await receiveParts(
        unpackers,
        parts.length,
        (part) => arriving.push(part),
        (bytes) => {
          doneBytes = Math.min(doneBytes + bytes, totalBytes);
          if (performance.now() - postedMs < PROGRESS_INTERVAL_MS) return;
          postedMs = performance.now();
          const progress: BootProgress = { step: 'download', what: 'saved machine', doneBytes, totalBytes };
          this.#post({ type: 'boot', progress });
        },
      );
      const machine = await arriving.finish();
      this.#serialOut.write(new TextEncoder().encode(snapshot.console));
      if (this.#consoleSize !== undefined) machine.terminalSize(this.#consoleSize);
      machine.serialInput(new TextEncoder().encode(`${seedLine(snapshot.seedBytes)}\n`));
      this.#use(machine);
      return true;
    } catch (error) {
      if (!(error instanceof UserError || error instanceof SnapshotError)) throw error;
      const text = 'The saved machine could not be restored, so the guest boots.';
      this.#notify({ level: 'warning', text, detail: error.message });
      return false;
    }
  }

  #loadFiles(): Promise<GuestFiles> {
    this.#files ??= this.#fetchFiles().catch((error: unknown) => {
      this.#files = undefined;
      throw error;
    });
    return this.#files;
  }

  async #fetchFiles(): Promise<GuestFiles> {
    const progress = (step: BootProgress): void => this.#post({ type: 'boot', progress: step });
    const { kernel, initrd, manifest } = await loadGuest(this.#guestUrl, progress);
    progress(startProgress(kernel.length));
    return { memoryBytes: manifest.memoryMiB * 2 ** 20, kernel, initrd, ...consoleOf(manifest) };
  }

  /** A restored machine needs its kernel only when it is reset. */
  async #supplyBootFiles(machine: WorkerMachine): Promise<void> {
    this.#supplying = true;
    try {
      machine.setBootFiles(await this.#loadFiles());
      this.#post({ type: 'boot', progress: undefined });
    } catch (error) {
      machine.pause();
      this.#post({ type: 'boot', progress: undefined, failed: true });
      this.#notify(notices.failure(error));
    } finally {
      this.#supplying = false;
      this.#changed();
    }
  }

  async #environment(): Promise<MachineEnvironment> {
    const images = await this.#storage;
    return {
      images,
      onWake: () => this.#loop?.wake(),
      onSerialOutput: (bytes) => this.#serialOut.write(bytes),
      onMonitorOutput: (text) => this.#monitorOutput(text),
      isMonitorFull: () => this.#monitorOut.isFull,
      onEvent: (event) => this.#machineEvent(event),
      onDrivesChange: () => this.#showImages(),
      onTerminalSizeAsked: () => this.#post({ type: 'follows', follows: true }),
      onMemoryNotice: (text) => this.#notify({ level: 'warning', text }),
      onPowerOff: () => this.#poweredOff(images),
    };
  }

  #use(machine: WorkerMachine): void {
    this.#loop?.stop();
    this.#meter.clear();
    this.#failed = false;
    this.#machine = machine;
    if (this.#consoleSize !== undefined) machine.terminalSize(this.#consoleSize);
    this.#loop = new RunLoop(machine, {
      afterSlice: () => this.#afterSlice(),
      crashed: (error) => this.#fail(error),
    });
    machine.start();
    this.#diskErrors.clear();
    this.#post({ type: 'boot', progress: undefined });
    this.#showImages();
    this.#changed();
  }

  /** What the page shows of the machine follows its events, whoever caused them: a button, the monitor, the guest. */
  #machineEvent(event: MachineEvent): void {
    switch (event.event) {
      case 'BLOCK_IO_ERROR':
        this.#diskErrors.add(event.data, this.#machine?.drives() ?? []);
        break;
      case 'DEVICE_DELETED':
        this.#showImages();
        break;
      case 'STOP':
      case 'RESUME':
      case 'RESET':
      case 'SHUTDOWN':
      case 'SUSPEND':
      case 'SUSPEND_DISK':
      case 'WAKEUP':
      case 'POWERDOWN':
        // The run state changes in the same turn, before or after its event.
        queueMicrotask(() => {
          this.#tellFault();
          this.#changed();
        });
        break;
    }
  }

  #tellFault(): void {
    const error = this.#machine?.internalError;
    if (error === undefined || error === this.#toldFault) return;
    this.#toldFault = error;
    this.#notify(
      isOutOfMemory(error) ? notices.outOfMemory(error) : notices.fault(error, this.#machine?.traceTail()),
    );
  }

  #usesChanged(): void {
    this.#imagesChanged();
    this.#checkUnsaved();
  }

  #checkUnsaved(): void {
    const unsaved = this.#store?.hasUnstored ?? false;
    if (unsaved === this.#unsaved) return;
    this.#unsaved = unsaved;
    this.#post({ type: 'unsaved', unsaved });
  }

  #showImages(): void {
    this.#post({ type: 'images' });
  }

  #imagesChanged(): void {
    this.#showImages();
    this.#otherTabs?.tell();
  }

  /** The list of images shows the new sizes a little later, and not after every write. */
  #stored(): void {
    setTimeout(() => this.#checkUnsaved(), 0);
    this.#storedTimer ??= setTimeout(() => {
      this.#storedTimer = undefined;
      this.#imagesChanged();
    }, STORED_INTERVAL_MS);
  }

  /** What the guest left in its disks' caches is stored now; a machine that quit also gives up its images. */
  #poweredOff(images: ImageStore): void {
    const quit = this.#machine?.hasQuit === true;
    const stored = quit ? this.#machine?.close() : images.flush();
    stored?.then(
      () => {
        if (quit) this.#notify(notices.QUIT_NOTICE);
      },
      (error: unknown) => this.#notify(notices.couldNotStore(error)),
    );
    this.#changed();
  }

  #receive(message: PageMessage): void {
    switch (message.type) {
      case 'serial':
        if (this.#machine?.serialInput(message.bytes) === false) this.#inputLost('guest');
        break;
      case 'monitor':
        if (this.#machine === undefined) this.#earlyMonitorInput += message.text.slice(0, EARLY_INPUT_MAX);
        else if (!this.#machine.monitorInput(message.text)) this.#inputLost('monitor');
        this.#earlyMonitorInput = this.#earlyMonitorInput.slice(0, EARLY_INPUT_MAX);
        break;
      case 'size':
        this.#consoleSize = message.size;
        this.#machine?.terminalSize(message.size);
        break;
      case 'shown':
        this.#serialOut.shown(message.bytes);
        return;
      case 'monitor-shown':
        this.#monitorOut.shown(message.length);
        this.#machine?.monitorGoOn();
        return;
    }
    this.#loop?.wake();
  }

  #inputLost(who: string): void {
    this.#notify(notices.inputLost(who));
  }

  #monitorOutput(text: string): void {
    this.#monitorOut.write(text);
    // A command that took its time may have let the guest go on.
    this.#loop?.wake();
  }

  #changed(): void {
    this.#loop?.wake();
    this.#report();
  }

  #afterSlice(): void {
    const machine = this.#machine;
    if (machine?.waitsForBootFiles === true && !this.#supplying) void this.#supplyBootFiles(machine);
    this.#serialOut.poll();
    this.#checkUnsaved();
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
      heldMemoryBytes: this.#machine?.heldMemoryBytes ?? 0,
    };
    this.#post({ type: 'status', status: this.#lastStatus });
  }

  #state(): PageState {
    if (this.#booting !== undefined) return 'loading';
    if (this.#failed) return this.#machine === undefined ? 'failed' : 'internal-error';
    return this.#machine?.runState ?? 'loading';
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#post({ type: 'boot', progress: undefined, failed: true });
    this.#notify(notices.failure(error, this.#machine?.traceTail()));
    this.#report();
  }

  /** An error that no code caught. */
  reportFault(error: unknown): void {
    this.#notify(notices.fault(error, this.#machine?.traceTail()));
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
