/** The project's own guest image on a machine without a page: what guest scenarios are written with. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decompress } from 'fzstd';
import { NO_SNAPSHOTS } from '../../src/emu/core/snapshot-store.ts';
import {
  attachDevices,
  ChunkImageStore,
  type ImageOpener,
  LocalLocks,
  Machine,
  type MachineConfig,
  type MachineEvent,
  type MachineHost,
  MemoryChunkDatabase,
  Monitor,
  machineOfCommandLine,
  readCommandLine,
  type SnapshotStore,
} from '../../src/emu/index.ts';
import { type NetHost, NO_NET_HOST } from '../../src/emu/net/net-host.ts';
import { gunzip } from '../../src/node/gunzip.ts';
import { SHELL_SETUP } from './guest-waits.ts';
import { ramDigest } from './memory.ts';
import { type ReplayTarget, withoutKernelMessages } from './replay.ts';
import { machineOf } from './snapshots.ts';

const IMAGE = join(import.meta.dirname, '../../public/images/debian-amd64');
const MIB = 1024 * 1024;
const SLICE_MS = 10;
const MAX_SLEEP_MS = 10;
const POLL_MS = 10;
const SETTLE_MS = 300;
/** An idle guest has 0.1 to 0.5 million instructions a second, one that starts programs more than ten. */
const QUIET_RATE = 2e6;
/** In a row, each of `SETTLE_MS`. */
const QUIET_WINDOWS = 3;
const BOOT_SECONDS = 150;
const ANSWER_SECONDS = 240;
const PROMPT = 'guest# ';
const AT_PROMPT = /guest# $/;

/** Also behind other text: they come when they like. */
const KERNEL_MESSAGE = /\[ *\d+\.\d{6}\] [^\n]*\n/g;

interface Manifest {
  readonly append: string;
  readonly memoryMiB: number;
  readonly files: Readonly<Record<'kernel' | 'initrd', { readonly file: string }>>;
  readonly snapshot?: { readonly parts: readonly { readonly file: string }[]; readonly seedBytes: number };
}

export interface GuestFiles {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly append: string;
  readonly memoryBytes: number;
}

interface PromptSnapshot {
  readonly bytes: Buffer;
  readonly seed: string;
}

let files: GuestFiles | undefined;

function readManifest(): Manifest {
  if (!existsSync(join(IMAGE, 'manifest.json'))) throw new Error('no guest image: npm run images');
  return JSON.parse(readFileSync(join(IMAGE, 'manifest.json'), 'utf8')) as Manifest;
}

/** The guest image, as `npm run images` left it. */
export function guestFiles(): GuestFiles {
  if (files !== undefined) return files;
  const manifest = readManifest();
  const unpack = (name: string): Uint8Array => gunzip(readFileSync(join(IMAGE, name)));
  files = {
    kernel: unpack(manifest.files.kernel.file),
    initrd: unpack(manifest.files.initrd.file),
    append: manifest.append,
    memoryBytes: manifest.memoryMiB * MIB,
  };
  return files;
}

/** An image store as the page has one in the browser, empty unless `database` has images. */
export function memoryImages(database: MemoryChunkDatabase = new MemoryChunkDatabase()): ChunkImageStore {
  let count = 0;
  return new ChunkImageStore({ database, locks: new LocalLocks(), newId: () => `image${count++}` });
}

export async function copyOfImages(database: MemoryChunkDatabase): Promise<MemoryChunkDatabase> {
  const copy = new MemoryChunkDatabase();
  for (const record of await database.records()) {
    const indices = await database.storedChunks(record.id);
    const put = new Map<number, Uint8Array>();
    for (const [at, chunk] of (await database.load(record.id, indices)).entries()) {
      const index = indices[at];
      if (index !== undefined && chunk !== undefined) put.set(index, chunk);
    }
    await copy.commit({ id: record.id, add: record, put });
  }
  return copy;
}

let unpackedSnapshot: PromptSnapshot | undefined;

/** The snapshot that the page starts from, and what is typed at the guest in it before its prompt. */
export function promptSnapshot(): PromptSnapshot {
  // Unpacking costs a second, and many files begin with it.
  unpackedSnapshot ??= unpackSnapshot();
  return unpackedSnapshot;
}

function unpackSnapshot(): PromptSnapshot {
  const { snapshot } = readManifest();
  if (snapshot === undefined) throw new Error('no snapshot: npm run images');
  const parts = snapshot.parts.map(({ file }) => decompress(readFileSync(join(IMAGE, file))));
  return { bytes: Buffer.concat(parts), seed: `${'5eed'.repeat(snapshot.seedBytes / 2)}\n` };
}

export interface HeadlessOptions {
  readonly images: ImageOpener;
  /** Where `savevm` keeps the machine; absent: nowhere. */
  readonly snapshots?: SnapshotStore;
  readonly config?: Partial<MachineConfig>;
  /** Sockets for the guest's network; absent: none. */
  readonly network?: NetHost;
  readonly sliceMs?: number;
  /** So much later is it for the machine than for the test. */
  readonly laterMs?: number;
}

/** The test's computer, and what it was told. */
class TestHost implements MachineHost {
  readonly warnings: string[] = [];
  readonly notices: string[] = [];
  readonly images: ImageOpener;
  readonly snapshots: SnapshotStore;
  readonly network: NetHost;

  readonly #laterMs: number;

  constructor({ images, snapshots = NO_SNAPSHOTS, network = NO_NET_HOST, laterMs = 0 }: HeadlessOptions) {
    this.images = images;
    this.snapshots = snapshots;
    this.network = network;
    this.#laterMs = laterMs;
  }

  monotonicNs(): number {
    return performance.now() * 1e6;
  }

  wallClockMs(): number {
    return Date.now() + this.#laterMs;
  }

  after(delayMs: number, callback: () => void): void {
    setTimeout(callback, delayMs);
  }

  random(bytes: Uint8Array): void {
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  }

  readonly warn = (message: string): void => {
    this.warnings.push(message);
  };

  notice(text: string): void {
    this.notices.push(text);
  }
}

interface Computer {
  readonly host: TestHost;
  readonly machine: Machine;
}

function newComputer(options: HeadlessOptions): Computer {
  const host = new TestHost(options);
  return { host, machine: new Machine({ ...guestFiles(), ...options.config }, host) };
}

/** A machine with its monitor that runs by itself until `end`. */
export class HeadlessGuest {
  readonly machine: Machine;
  readonly monitor: Monitor;
  /** What went to QEMU's standard error, and to the page's user. */
  readonly warnings: string[];
  readonly notices: string[];
  /** All that the console ever showed. */
  log = '';
  #output = '';
  readonly #events: MachineEvent[] = [];
  readonly #sliceMs: number;
  readonly #deterministic: boolean;
  /** Who waits for the guest. */
  #waiting = 0;
  #booted = false;
  #ended = false;
  #fault: unknown;

  constructor(options: HeadlessOptions, { host, machine }: Computer = newComputer(options)) {
    this.#sliceMs = options.sliceMs ?? SLICE_MS;
    this.#deterministic = options.config?.icountShift !== undefined;
    this.machine = machine;
    this.warnings = host.warnings;
    this.notices = host.notices;
    const decoder = new TextDecoder();
    this.machine.onSerial = (bytes) => this.#show(decoder.decode(bytes, { stream: true }));
    this.machine.events.listen((event) => this.#events.push(event));
    this.monitor = new Monitor({ machine: this.machine, stderr: (message) => host.warn(message) });
    this.#loop();
  }

  /**
   * The guest at its prompt, from the snapshot that the page starts from: quicker than `boot`, for tests that are not about the
   * boot. Of the configuration only `icountShift` and `rtcBaseMs` apply.
   */
  static async atPrompt(options: HeadlessOptions): Promise<HeadlessGuest> {
    const { bytes, seed } = promptSnapshot();
    const host = new TestHost(options);
    const machine = await machineOf(bytes, host, options.config);
    const guest = new HeadlessGuest(options, { host, machine });
    machine.setBootFiles(guestFiles());
    guest.type(seed);
    await guest.boot();
    return guest;
  }

  /** The guest image on the machine that a command line asks for; of the configuration nothing applies but time. */
  static async ofCommandLine(args: readonly string[], options: HeadlessOptions): Promise<HeadlessGuest> {
    const commandLine = readCommandLine(args, () => {});
    if ('text' in commandLine) throw new Error(commandLine.text);
    const host = new TestHost(options);
    const files = guestFiles();
    const icount = options.config?.icountShift;
    const asked = icount === undefined ? commandLine : { ...commandLine, icountShift: icount };
    const machine = machineOfCommandLine(asked, { ...files, serialPorts: [true] }, host);
    await attachDevices(machine, commandLine, (text) => host.warn(text));
    machine.devices.machineReady();
    return new HeadlessGuest(options, { host, machine });
  }

  /** The guest that a snapshot has, which goes on; of the configuration only `icountShift` and `rtcBaseMs` apply. */
  static async restored(bytes: Uint8Array, options: HeadlessOptions): Promise<HeadlessGuest> {
    const host = new TestHost(options);
    const machine = await machineOf(bytes, host, options.config);
    const guest = new HeadlessGuest(options, { host, machine });
    guest.#booted = true;
    machine.cont();
    return guest;
  }

  /** Powers the guest on and awaits its shell; does nothing when that was done. */
  async boot(): Promise<void> {
    if (this.#booted) return;
    this.#booted = true;
    if (this.machine.runState !== 'running') this.machine.cont();
    await this.until(PROMPT, BOOT_SECONDS);
    await this.run(SHELL_SETUP);
    await this.run('true');
  }

  /** The output of one monitor line. */
  hmp(line: string): Promise<string> {
    return this.monitor.execute(line);
  }

  /** The output of one shell command. */
  async run(command: string, seconds = ANSWER_SECONDS): Promise<string> {
    this.#output = '';
    this.type(`${command}\n`);
    const raw = await this.until(AT_PROMPT, seconds);
    const text = raw.replaceAll('\r', '');
    return withoutEcho(command, text.slice(0, text.lastIndexOf(PROMPT)));
  }

  /** The output of one shell command without the kernel's messages and without its last newline. */
  async ask(command: string, seconds = ANSWER_SECONDS): Promise<string> {
    return withoutKernelMessages(await this.run(command, seconds)).trimEnd();
  }

  type(text: string): void {
    this.machine.serial.send(Buffer.from(text, 'latin1'));
  }

  /** Awaits the shell after a reset. */
  async rebooted(): Promise<void> {
    this.#booted = false;
    this.forget();
    await this.boot();
  }

  /** Forgets what the console showed so far, for `until`. */
  forget(): void {
    this.#output = '';
  }

  /** Awaits that the console shows `what`; gives all since the last command. */
  async until(what: RegExp | string, seconds: number): Promise<string> {
    const found = (): boolean =>
      typeof what === 'string'
        ? this.#output.includes(what)
        : what.test(this.#output.replaceAll(KERNEL_MESSAGE, ''));
    await this.poll(found, seconds, () => `${what} in ${JSON.stringify(this.#output.slice(-2000))}`);
    const text = this.#output;
    this.#output = '';
    return text;
  }

  /** Lets the guest run until `reached` is true; throws when the machine broke or time is up. */
  async poll(reached: () => boolean, seconds: number, what: () => string = () => 'a state'): Promise<void> {
    this.#waiting++;
    try {
      for (const end = Date.now() + seconds * 1000; !reached(); await pause(POLL_MS)) {
        if (this.#fault !== undefined) throw this.#fault;
        const { internalError, trace } = this.machine;
        if (internalError !== undefined) throw internalError;
        if (Date.now() > end) throw new Error(`no ${what()}; ${trace.tail().slice(-5).join(' · ')}`);
      }
    } finally {
      this.#waiting--;
    }
  }

  /**
   * Awaits that the guest has nothing more to do. Its programs and drivers are done when its processors only wait: asking the
   * guest itself would start programs, a tenth of a boot each time.
   */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_WINDOWS; )
      quiet = (await this.#instructionRate()) < QUIET_RATE ? quiet + 1 : 0;
  }

  /** Instructions in a second of the guest's time, over the next `SETTLE_MS`. */
  async #instructionRate(): Promise<number> {
    const { clock } = this.machine;
    const start = clock.nowNs();
    const before = this.machine.retiredInstructions;
    await this.poll(
      () => clock.nowNs() - start >= SETTLE_MS * 1e6,
      ANSWER_SECONDS,
      () => 'time that passes',
    );
    return (this.machine.retiredInstructions - before) / ((clock.nowNs() - start) / 1e9);
  }

  /** Takes everything out that was plugged in, devices and drives. */
  async unplugAll(): Promise<void> {
    const { devices, drives } = this.machine;
    if (this.machine.runState !== 'running') await this.hmp('cont');
    for (const id of [...devices.removable()]) {
      await this.hmp(`device_del ${id}`);
      await this.poll(
        () => !devices.removable().includes(id),
        ANSWER_SECONDS,
        () => `end of ${id}`,
      );
    }
    await drives.settled();
    for (const { name } of [...drives.list()]) await this.hmp(`drive_del ${name}`);
    this.takeEvents();
  }

  takeEvents(): readonly MachineEvent[] {
    return this.#events.splice(0);
  }

  /** Awaits an event of this name; forgets those before it. */
  async event(name: MachineEvent['event'], seconds = ANSWER_SECONDS): Promise<MachineEvent> {
    const at = (): number => this.#events.findIndex(({ event }) => event === name);
    await this.poll(
      () => at() >= 0,
      seconds,
      () => name,
    );
    const [found] = this.#events.splice(0, at() + 1).slice(-1);
    if (found === undefined) throw new Error(name);
    return found;
  }

  /** Stops the machine for good and closes its images. */
  async end(): Promise<void> {
    this.machine.stop();
    this.#ended = true;
    await this.machine.close();
  }

  /** Of memory. */
  hash(): string {
    return ramDigest(this.machine.memory);
  }

  #show(text: string): void {
    this.#output += text;
    this.log += text;
    this.onOutput(text);
  }

  /** Called from inside the guest's write: what is typed here comes at the same instruction in each run. */
  onOutput: (text: string) => void = () => {};

  #loop(): void {
    if (this.#ended) return;
    // Virtual time that nobody waits for would pass as fast as the host can.
    if (this.#deterministic && this.#waiting === 0) {
      setTimeout(() => this.#loop(), POLL_MS);
      return;
    }
    try {
      const { idleMs } = this.machine.run(this.#sliceMs);
      if (idleMs > 0) setTimeout(() => this.#loop(), Math.min(idleMs, MAX_SLEEP_MS));
      else setImmediate(() => this.#loop());
    } catch (error) {
      this.#fault = error;
    }
  }
}

/** The shell shows the line that was typed, broken where it thinks that the terminal ends. */
function withoutEcho(command: string, text: string): string {
  let at = 0;
  for (const character of command) {
    while (text[at] === '\n' && character !== '\n') at++;
    if (text[at++] !== character) return text;
  }
  return text[at] === '\n' ? text.slice(at + 1) : text;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** The guest for `replay`. */
export function guestTarget(guest: HeadlessGuest): ReplayTarget {
  return {
    execute: (line) => guest.hmp(line),
    takeEvents: () => guest.takeEvents().map(({ event, data }) => JSON.stringify({ event, data })),
    boot: () => guest.boot(),
    settle: () => guest.settle(),
    guest: (command) => guest.run(command),
  };
}
