import type { BlockBackend, ImageLockMode } from './block-backend.ts';

/**
 * A layer that changes how requests are done, not what is stored: it passes all of them on.
 * A subclass says once, in `request`, what it does with every request that is not done at once. QEMU: a filter driver.
 */
export abstract class BlockFilter implements BlockBackend {
  protected readonly disk: BlockBackend;

  constructor(disk: BlockBackend) {
    this.disk = disk;
  }

  /** Does one request; `kind` says whether it changes the image, or what a crash leaves of it. */
  protected abstract request(kind: 'read' | 'write' | 'control', act: () => Promise<void>): Promise<void>;

  get sizeBytes(): number {
    return this.disk.sizeBytes;
  }

  get allocatedBytes(): number {
    return this.disk.allocatedBytes;
  }

  get readOnly(): boolean {
    return this.disk.readOnly;
  }

  readSync(offset: number, target: Uint8Array): boolean {
    return this.disk.readSync(offset, target);
  }

  writeSync(offset: number, source: Uint8Array): boolean {
    return this.disk.writeSync(offset, source);
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.request('read', () => this.disk.read(offset, target));
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    return this.request('write', () => this.disk.write(offset, source));
  }

  flush(): Promise<void> {
    return this.request('write', () => this.disk.flush());
  }

  discard(offset: number, length: number): Promise<void> {
    return this.request('write', () => this.disk.discard(offset, length));
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.request('write', () => this.disk.writeZeroes(offset, length));
  }

  resize(sizeBytes: number): Promise<void> {
    return this.request('write', () => this.disk.resize(sizeBytes));
  }

  lock(mode: ImageLockMode): Promise<void> {
    return this.request('control', () => this.disk.lock(mode));
  }

  unlock(): Promise<void> {
    return this.request('control', () => this.disk.unlock());
  }

  close(): Promise<void> {
    return this.request('control', () => this.disk.close());
  }
}
