import {
  ImageSnapshots,
  type ImageStore,
  isOutOfMemory,
  type MachineEvent,
  SnapshotError,
  StartError,
} from '../emu/index.ts';
import { DiskErrors } from './disk-errors.ts';
import { Endpoints } from './endpoints.ts';
import type { SavedMachine } from './guest-manifest.ts';
import { HardwareReport } from './hardware-report.ts';
import { ImageCalls } from './image-calls.ts';
import { ImageService } from './image-service.ts';
import { NO_DRIVES } from './machine-ids.ts';
import { answerOf } from './machine-line.ts';
import { MachineMaker } from './machine-maker.ts';
import type { MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { Outside } from './net/outside.ts';
import type { PageNetHost } from './net/page-net-host.ts';
import { pageNetwork } from './net/page-network.ts';
import * as notices from './notices.ts';
import { OutputBatcher } from './output-batcher.ts';
import type {
  ConsoleSize,
  EmulatorApi,
  LineAnswer,
  LineOutcome,
  MachineDrives,
  Notice,
  PageMessage,
  PageState,
  WorkerMessage,
} from './protocol.ts';
import { RunLoop } from './run-loop.ts';
import { StatusReport } from './status-report.ts';
import { openStorage } from './storage/open-storage.ts';
import { OtherTabs } from './storage/other-tabs.ts';
import { StoreReport } from './store-report.ts';
import { UserError } from './user-error.ts';

/** A command line; the default one is that of the guest's snapshot. */
type Line = { readonly text: string; readonly isDefault: boolean };

/** The worker's side of the page: one machine, its images, and the messages between them. */
export class Emulator extends ImageCalls implements EmulatorApi {
  readonly #maker: MachineMaker;
  readonly #storage: Promise<ImageStore>;
  protected readonly images: ImageService;
  /** Undefined while storage is opened, and where no other tab sees these images. */
  #otherTabs: OtherTabs | undefined;
  readonly #diskErrors = new DiskErrors((notice) => this.#notify(notice));
  readonly #stored = new StoreReport({
    unsaved: (unsaved) => this.#post({ type: 'unsaved', unsaved }),
    imagesChanged: () => this.#imagesChanged(),
  });
  /** The last error of the machine that the page was told of. */
  #toldFault: Error | undefined;
  /** A machine is being made. */
  #booting: Promise<LineAnswer | undefined> | undefined;
  #line: Line = { text: '', isDefault: false };
  readonly #hardware = new HardwareReport((hardware) => this.#post({ type: 'hardware', hardware }));
  readonly #status = new StatusReport((status) => this.#post({ type: 'status', status }));
  readonly #serialOut = new OutputBatcher((bytes) => this.#post({ type: 'serial', bytes }, [bytes.buffer]));
  readonly #endpoints = new Endpoints(
    (message) => this.#post(message),
    () => this.#loop?.wake(),
  );
  readonly #outside = new Outside((notice) => this.#notify(notice));
  readonly #network: PageNetHost;
  #port: MessagePort | undefined;
  #machine: WorkerMachine | undefined;
  #loop: RunLoop | undefined;
  /** Kernel and initrd are being loaded for a machine that was reset. */
  #supplying = false;
  #failed = false;
  readonly #notices: Notice[] = [];
  /** Undefined until the page's terminal is there. */
  #consoleSize: ConsoleSize | undefined;

  /** @param guestUrl folder of the guest image, with a slash at its end */
  constructor(guestUrl: string) {
    super();
    this.#maker = new MachineMaker(guestUrl, (progress) => this.#post({ type: 'boot', progress }));
    this.#network = pageNetwork(guestUrl, this.#outside, () => this.#loop?.wake());
    this.#storage = this.#openStorage();
    this.images = new ImageService(this.#storage, () => this.#imagesChanged());
  }

  async #openStorage(): Promise<ImageStore> {
    const store = await openStorage({
      onNotice: (notice) => this.#notify(notices.storageNotice(notice)),
      onUseChange: () => this.#usesChanged(),
      onStored: () => this.#stored.stored(),
    });
    this.#stored.watch(store);
    if (store.persistent) this.#otherTabs = new OtherTabs(navigator.locks, () => this.#showImages());
    return store;
  }

  connect(port: MessagePort, unpackers?: readonly MessagePort[]): void {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<PageMessage>) => this.#receive(data);
    for (const notice of this.#notices.splice(0)) this.#notify(notice);
    this.#status.repeat();
    this.#welcome(unpackers).catch((error: unknown) => this.#fail(error));
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

  hmp(line: string): Promise<string> {
    return this.#endpoints.ask('hmp', line);
  }

  qmp(request: string): Promise<string> {
    return this.#endpoints.ask('qmp', request);
  }

  machineDrives(): MachineDrives {
    const machine = this.#machine;
    return machine?.machineDrives() ?? NO_DRIVES;
  }

  async checkLine(line: string): Promise<LineOutcome> {
    try {
      return await this.#maker.check(line);
    } catch (error) {
      if (error instanceof UserError)
        return { ok: false, kind: 'error', text: error.message, range: undefined };
      return { ok: false, ...answerOf(error, line) };
    }
  }

  async bootLine(line: string, unpackers: readonly MessagePort[]): Promise<LineAnswer | undefined> {
    await this.#booting;
    return this.#bootOnce(line, async () => {
      await this.#bootLine({ text: line, isDefault: await this.#maker.isDefault(line) }, unpackers);
    });
  }

  /** Throws the machine away and switches it on anew: every instruction of the boot is run. */
  async coldBoot(): Promise<void> {
    const answer = await this.#bootOnce(this.#line.text, () => this.#coldBoot(this.#line));
    if (answer !== undefined) this.#notify({ level: 'error', text: answer.text });
  }

  /** What is wrong with the line is resolved to, all else is told here. */
  #bootOnce(line: string, boot: () => Promise<void>): Promise<LineAnswer | undefined> {
    this.#booting ??= boot()
      .then(
        () => undefined,
        (error: unknown) => {
          this.#post({ type: 'boot', progress: undefined, failed: true });
          if (error instanceof StartError) return answerOf(error, line);
          if (this.#machine === undefined) this.#fail(error);
          else this.#notify(notices.failure(error));
          return undefined;
        },
      )
      .finally(() => {
        this.#booting = undefined;
        this.#changed();
      });
    this.#report();
    return this.#booting;
  }

  async #welcome(unpackers: readonly MessagePort[] | undefined): Promise<void> {
    const { name, kernelRelease, machine } = await this.#maker.manifest();
    this.#post({ type: 'guest', guest: { name, kernelRelease, defaultLine: machine } });
    if (unpackers === undefined) return;
    await this.#bootLine({ text: machine, isDefault: true }, unpackers);
    this.#changed();
  }

  async #bootLine(line: Line, unpackers: readonly MessagePort[]): Promise<void> {
    const { snapshot } = await this.#maker.manifest();
    const isSaved = snapshot !== undefined && line.isDefault;
    if (isSaved && (await this.#restore(line, snapshot, unpackers))) return;
    await this.#coldBoot(line);
  }

  async #coldBoot(line: Line): Promise<void> {
    const wanted = await this.#maker.read(line.text);
    if ('text' in wanted) throw new Error('a line that starts no machine');
    const before = this.#machine;
    const wasRunning = before?.runState === 'running';
    before?.pause();
    const machine = await this.#maker.cold(wanted, await this.#environment()).catch((error: unknown) => {
      // Nothing has changed: a machine that cannot be made is no reason to lose the one that there is.
      if (error instanceof StartError && wasRunning) before?.start();
      throw error;
    });
    await this.#closeMachine();
    this.#post({ type: 'follows', follows: false });
    this.#use(line, machine, !wanted.commandLine.stopped);
  }

  /** Its disks are stored and given up. */
  async #closeMachine(): Promise<void> {
    await this.#machine?.close().catch((error: unknown) => this.#notify(notices.couldNotStore(error)));
  }

  /** Goes on where the snapshot was taken. Where that cannot be it tells the user, and resolves to false. */
  async #restore(line: Line, snapshot: SavedMachine, unpackers: readonly MessagePort[]): Promise<boolean> {
    try {
      this.#machine?.pause();
      const { terminalSize } = await this.#maker.manifest();
      const machine = await this.#maker.restored(snapshot, unpackers, await this.#environment());
      await this.#closeMachine();
      this.#post({ type: 'follows', follows: terminalSize !== undefined });
      this.#serialOut.write(new TextEncoder().encode(snapshot.console));
      this.#use(line, machine, true);
      return true;
    } catch (error) {
      if (!(error instanceof UserError || error instanceof SnapshotError)) throw error;
      const text = 'The saved machine could not be restored, so the guest boots.';
      this.#notify({ level: 'warning', text, detail: error.message });
      return false;
    }
  }

  /** A restored machine needs its kernel only when it is reset. */
  async #supplyBootFiles(machine: WorkerMachine): Promise<void> {
    this.#supplying = true;
    try {
      machine.setBootFiles(await this.#maker.files());
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
      network: this.#network,
      snapshots: new ImageSnapshots(images, () => this.#imagesChanged()),
      onWake: () => this.#loop?.wake(),
      onSerialOutput: (bytes) => this.#serialOut.write(bytes),
      ...this.#endpoints.outlet(),
      onEvent: (event) => this.#machineEvent(event),
      onDrivesChange: () => this.#showImages(),
      onHardwareChange: () => this.#hardware.changed(this.#machine),
      onTerminalSizeAsked: () => this.#post({ type: 'follows', follows: true }),
      onMemoryNotice: (text) => this.#notify({ level: 'warning', text }),
      onPowerOff: () => this.#poweredOff(images),
    };
  }

  /** The machine takes the place of the one before. */
  #use(line: Line, machine: WorkerMachine, starts: boolean): void {
    this.#loop?.stop();
    this.#status.clear();
    this.#failed = false;
    this.#machine = machine;
    if (this.#consoleSize !== undefined) machine.terminalSize(this.#consoleSize);
    this.#loop = new RunLoop(machine, {
      afterSlice: () => this.#afterSlice(),
      crashed: (error) => this.#fail(error),
    });
    if (starts) machine.start();
    this.#line = line;
    this.#diskErrors.clear();
    this.#outside.forget();
    this.#post({ type: 'boot', progress: undefined });
    this.#post({ type: 'machine', line: line.text, isDefault: line.isDefault });
    this.#hardware.changed(machine);
    this.#showImages();
    this.#endpoints.connect(machine);
    this.#changed();
  }

  /** What the page shows of the machine follows its events, whoever caused them: a button, the monitor, the guest. */
  #machineEvent(event: MachineEvent): void {
    this.#hardware.changed(this.#machine);
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
    this.#stored.check();
  }

  #showImages(): void {
    this.#post({ type: 'images' });
  }

  #imagesChanged(): void {
    this.#showImages();
    this.#otherTabs?.tell();
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
        if (this.#machine?.serialInput(message.bytes) === false) this.#notify(notices.inputLost('guest'));
        break;
      case 'text':
        if (!this.#endpoints.input(message.to, message.text)) this.#notify(notices.inputLost('monitor'));
        break;
      case 'size':
        this.#consoleSize = message.size;
        this.#machine?.terminalSize(message.size);
        break;
      case 'outside':
        this.#outside.set(message.isAllowed);
        this.#post({ type: 'outside', isAllowed: message.isAllowed });
        break;
      case 'shown':
        this.#serialOut.shown(message.bytes);
        return;
      case 'text-shown':
      case 'event-taken':
        this.#endpoints.acknowledge(message);
        return;
    }
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
    this.#stored.check();
    this.#status.poll(this.#state(), this.#machine);
  }

  #report(): void {
    this.#status.report(this.#state(), this.#machine);
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
