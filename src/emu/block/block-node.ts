/** One node of the block layer: a driver over a file, or over another node. Drives and nodes use nodes; nobody owns one alone. QEMU: BlockDriverState. */
import { MonitorError } from '../core/monitor-error.ts';
import { type JsonObject, keysOf } from '../qapi/json-value.ts';
import { writeJson } from '../qapi/json-writer.ts';
import { type BlockBackend, BlockError, type ImageLockMode } from './block-backend.ts';
import type { BlockdevOptions } from './blockdev-options.ts';

export const DETECT_ZEROES = ['off', 'on', 'unmap'] as const;

/** QEMU's error for settings that contradict each other. */
export function detectZeroesError(): MonitorError {
  return new MonitorError(
    'setting detect-zeroes to unmap is not allowed without setting discard operation to unmap',
  );
}

/** What every driver has; `blockdev-reopen` changes it. */
export interface NodeSettings {
  readonly readOnly: boolean;
  /** cache.direct: shown only. */
  readonly direct: boolean;
  /** cache.no-flush: a flush does nothing here, where no other node is below. */
  readonly noFlush: boolean;
  /** discard=unmap; else a discard does nothing here. */
  readonly unmap: boolean;
  /** Nobody is kept away from the image. QEMU: of read-only images only. */
  readonly forceShare: boolean;
  /** Shown only: stores keep zeros as holes anyway. */
  readonly detectZeroes: (typeof DETECT_ZEROES)[number];
}

export const PLAIN_SETTINGS: NodeSettings = {
  readOnly: false,
  direct: false,
  noFlush: false,
  unmap: false,
  forceShare: false,
  detectZeroes: 'off',
};

/** What a node calls the one below it. */
export type NodeChild = 'file' | 'image';

/** A device or a node that uses a node. */
export interface NodeUser {
  /** As QEMU calls it in errors: `block device 'disk1'`, `node 'raw0'`. */
  readonly title: string;
  readonly role: 'root' | NodeChild;
  /** It may write, and nobody else may use the node meanwhile. Others only read, beside others that read. */
  readonly writes: boolean;
  /** A number that grows with time: since when it is connected to the node. */
  readonly age: number;
}

/** The node's bytes, by its settings. */
class NodeDisk implements BlockBackend {
  image: BlockBackend;
  settings: NodeSettings;
  /** Where the furthest write was to end. */
  highestOffset = 0;
  readonly discards = { ok: 0, failed: 0, bytes: 0 };
  /** The first write that goes beyond so many bytes is told; 0: none is. */
  threshold: number | bigint = 0;
  #thresholdBytes = Number.POSITIVE_INFINITY;
  #onThreshold: (end: number) => void = () => {};
  readonly #isAbove: boolean;

  /** @param isAbove it stands on another node */
  constructor(image: BlockBackend, settings: NodeSettings, isAbove: boolean) {
    this.image = image;
    this.settings = settings;
    this.#isAbove = isAbove;
  }

  get sizeBytes(): number {
    return this.image.sizeBytes;
  }

  get allocatedBytes(): number {
    return this.image.allocatedBytes;
  }

  get readOnly(): boolean {
    return this.settings.readOnly || this.image.readOnly;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.image.readSync(offset, target);
  }

  /** A new threshold, in bytes; 0 is none. */
  watchWrites(threshold: number | bigint, onThreshold: (end: number) => void): void {
    this.threshold = threshold;
    this.#thresholdBytes = threshold === 0 ? Number.POSITIVE_INFINITY : Number(threshold);
    this.#onThreshold = onThreshold;
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    if (this.readOnly) return false;
    this.#writing(offset + source.length);
    if (!this.image.writeSync(offset, source)) return false;
    this.#written(offset + source.length);
    return true;
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.image.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    this.#checkWritable();
    this.#writing(offset + source.length);
    // QEMU: a write that fails counts, too.
    this.#written(offset + source.length);
    await this.image.write(offset, source);
  }

  flush(): Promise<void> {
    // QEMU: a node above another one leaves it to that one whether it flushes.
    return this.settings.noFlush && !this.#isAbove ? Promise.resolve() : this.image.flush();
  }

  async discard(offset: number, length: number): Promise<void> {
    if (!this.settings.unmap) return;
    try {
      await this.image.discard(offset, length);
    } catch (error) {
      this.discards.failed++;
      throw error;
    }
    this.discards.ok++;
    this.discards.bytes += length;
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkWritable();
    this.#writing(offset + length);
    this.#written(offset + length);
    await this.image.writeZeroes(offset, length);
  }

  async resize(sizeBytes: number): Promise<void> {
    this.#checkWritable();
    await this.image.resize(sizeBytes);
  }

  close(): Promise<void> {
    return this.image.close();
  }

  lock(mode: ImageLockMode): Promise<void> {
    return this.image.lock(mode);
  }

  unlock(): Promise<void> {
    return this.image.unlock();
  }

  #checkWritable(): void {
    if (this.readOnly) throw new BlockError('EROFS');
  }

  /** QEMU: what is told once is told before it is written. */
  #writing(end: number): void {
    if (end <= this.#thresholdBytes) return;
    this.#thresholdBytes = Number.POSITIVE_INFINITY;
    this.threshold = 0;
    this.#onThreshold(end);
  }

  #written(end: number): void {
    if (end > this.highestOffset) this.highestOffset = end;
  }
}

export interface NodeParts {
  readonly name: string;
  /** As of a user: it is connected to the node below since it was made. */
  readonly age: number;
  readonly driver: string;
  /** Options of the driver's own that say what it works on. */
  readonly source: JsonObject;
  readonly image: BlockBackend;
  readonly settings: NodeSettings;
  /** What was asked for. */
  readonly given: BlockdevOptions;
  /** The node below. */
  readonly file: BlockNode | undefined;
  /** The node below was made together with this one, and is reopened with it. */
  readonly ownsFile: boolean;
}

export class BlockNode {
  readonly name: string;
  readonly age: number;
  readonly driver: string;
  source: JsonObject;
  readonly #disk: NodeDisk;
  /** As when it was made, or was reopened last. */
  given: BlockdevOptions;
  file: BlockNode | undefined;
  ownsFile: boolean;
  /** Drives that have it, and nodes above it. */
  references = 0;
  /** What `blockdev-add` was asked for; undefined: no monitor made it, it goes with the last that uses it. */
  options: BlockdevOptions | undefined;
  /** It is on its way out: nobody finds it any more. */
  isClosing = false;
  readonly users: NodeUser[] = [];

  constructor({ name, age, driver, source, image, settings, given, file, ownsFile }: NodeParts) {
    this.name = name;
    this.age = age;
    this.driver = driver;
    this.source = source;
    this.given = given;
    this.file = file;
    this.ownsFile = ownsFile;
    this.#disk = new NodeDisk(image, settings, file !== undefined);
  }

  /** What `info block` shows of it: a file, or where none would lead to this node QEMU's words for its options. */
  get path(): string {
    return this.#exactName() ?? `json:${writeJson(this.#fullOptions())}`;
  }

  get disk(): BlockBackend {
    return this.#disk;
  }

  get settings(): NodeSettings {
    return this.#disk.settings;
  }

  set settings(settings: NodeSettings) {
    this.#disk.settings = settings;
  }

  get childName(): NodeChild {
    return this.driver === 'blkdebug' ? 'image' : 'file';
  }

  /** Its image is locked while somebody uses it. */
  get takesLock(): boolean {
    return !this.settings.forceShare && this.given.locking !== 'off';
  }

  /** It is a part of the node below. */
  get isPart(): boolean {
    return this.driver === 'raw' && keysOf(this.source).length > 0;
  }

  /** The image that the driver works on. */
  get image(): BlockBackend {
    return this.#disk.image;
  }

  /** The same image, opened otherwise. */
  set image(image: BlockBackend) {
    this.#disk.image = image;
  }

  /** Bytes; 0: there is none. */
  get writeThreshold(): number | bigint {
    return this.#disk.threshold;
  }

  /** Tells once of a write that goes beyond the threshold: how far it goes. 0: of none. */
  watchWrites(threshold: number | bigint, tell: (exceeded: number) => void): void {
    this.#disk.watchWrites(threshold, (end) => tell(end - Number(threshold)));
  }

  /** Where the furthest write has ended, in bytes. */
  get highestOffset(): number {
    return this.#disk.highestOffset;
  }

  /** Discards that the node has passed on. */
  get discards(): { readonly ok: number; readonly failed: number; readonly bytes: number } {
    return this.#disk.discards;
  }

  #exactName(): string | undefined {
    const { filename, config = '', ...more } = this.source;
    if (typeof filename === 'string') return filename;
    if (keysOf(more).length > 0) return undefined;
    if (this.file === undefined) return `${this.driver}://`;
    const below = this.file.#exactName();
    if (this.driver === 'blkdebug') return below === undefined ? undefined : `blkdebug:${config}:${below}`;
    // QEMU: that of a protocol, not of another format.
    return this.file.driver === 'raw' ? undefined : below;
  }

  #fullOptions(): JsonObject {
    const below = this.file === undefined ? {} : { [this.childName]: this.file.#fullOptions() };
    return { driver: this.driver, ...this.source, ...below };
  }
}
