/** The machine, as far as the worker uses it. */
import type { ImageOpener } from '../emu/index.ts';
import type { PageState } from './protocol.ts';

export interface SliceResult {
  /** Milliseconds that the caller may sleep; 0 asks to be called again at once. */
  readonly idleMs: number;
}

/** Ports of the machine as the worker drives them. */
export interface WorkerMachine {
  readonly runState: Exclude<PageState, 'loading' | 'failed'>;
  /** Guest instructions since the machine was made. */
  readonly retiredInstructions: number;
  readonly serial: ByteChannel;
  readonly monitor: TextChannel;
  run(sliceMs: number): SliceResult;
  start(): void;
  pause(): void;
  reset(): void;
  powerButton(): void;
}

export interface ByteChannel {
  onOutput(listener: (bytes: Uint8Array) => void): void;
  input(bytes: Uint8Array): void;
}

export interface TextChannel {
  onOutput(listener: (text: string) => void): void;
  input(text: string): void;
}

export interface GuestFiles {
  readonly memoryBytes: number;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly append: string;
}

export interface MachineEnvironment {
  readonly images: ImageOpener;
  /** Something happened outside of `run`: a disk request is done, a monitor answered. */
  onWake(): void;
}
