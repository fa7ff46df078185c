/** Machines of the guest's files: from its snapshot, or by a cold boot. */
import { loadGuest, loadManifest } from './guest-image-loader.ts';
import type { GuestManifest, SavedMachine } from './guest-manifest.ts';
import { consoleOf, seedLine } from './guest-start.ts';
import { isSameLine, type MachineLine, readMachineLine } from './machine-line.ts';
import type { GuestFiles, MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { ArrivingMachine, makeMachine } from './make-machine.ts';
import type { BootProgress, LineOutcome } from './protocol.ts';
import { receiveParts } from './snapshot-parts.ts';

/** Each message makes the page draw, and the processors have a snapshot to unpack at that time. */
const PROGRESS_INTERVAL_MS = 100;
const MIB = 2 ** 20;

export class MachineMaker {
  readonly #guestUrl: string;
  readonly #progress: (progress: BootProgress) => void;
  #manifest: Promise<GuestManifest> | undefined;
  /** Kernel and initrd; undefined while nobody needed them. */
  #files: Promise<GuestFiles> | undefined;

  /** @param guestUrl folder of the guest image, with a slash at its end */
  constructor(guestUrl: string, progress: (progress: BootProgress) => void) {
    this.#guestUrl = guestUrl;
    this.#progress = progress;
  }

  /** Rejects with UserError. */
  manifest(): Promise<GuestManifest> {
    this.#manifest ??= loadManifest(this.#guestUrl).catch((error: unknown) => {
      this.#manifest = undefined;
      throw error;
    });
    return this.#manifest;
  }

  /** Rejects with UserError. */
  files(): Promise<GuestFiles> {
    this.#files ??= this.#fetchFiles().catch((error: unknown) => {
      this.#files = undefined;
      throw error;
    });
    return this.#files;
  }

  /** What the line comes to. Rejects with StartError. */
  async check(line: string): Promise<LineOutcome> {
    const wanted = await this.read(line);
    if ('text' in wanted) return { ok: false, kind: 'text', text: wanted.text, range: undefined };
    return { ok: true, isDefault: await this.isDefault(line) };
  }

  /** Rejects with StartError. */
  async read(line: string): Promise<MachineLine> {
    return readMachineLine(line, (await this.manifest()).memoryMiB * MIB);
  }

  /** Whether the snapshot is of this machine. */
  async isDefault(line: string): Promise<boolean> {
    return isSameLine(line, (await this.manifest()).machine);
  }

  /** A machine that has not run yet. Rejects with StartError and UserError. */
  async cold(
    { commandLine, warnings }: Exclude<MachineLine, { text: string }>,
    environment: MachineEnvironment,
  ): Promise<WorkerMachine> {
    return makeMachine(commandLine, await this.files(), environment, warnings);
  }

  /** The machine of the snapshot, where it was when that was taken. Rejects with SnapshotError and UserError. */
  async restored(
    { parts, seedBytes }: SavedMachine,
    unpackers: readonly MessagePort[],
    environment: MachineEnvironment,
  ): Promise<WorkerMachine> {
    const arriving = new ArrivingMachine(environment);
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
        this.#progress({ step: 'download', what: 'saved machine', doneBytes, totalBytes });
      },
    );
    const machine = await arriving.finish();
    machine.serialInput(new TextEncoder().encode(`${seedLine(seedBytes)}\n`));
    return machine;
  }

  async #fetchFiles(): Promise<GuestFiles> {
    const { kernel, initrd, manifest } = await loadGuest(this.#guestUrl, this.#progress);
    this.#progress({
      step: 'start',
      what: 'virtual machine',
      doneBytes: kernel.length,
      totalBytes: kernel.length,
    });
    return { memoryBytes: manifest.memoryMiB * MIB, kernel, initrd, ...consoleOf(manifest) };
  }
}
