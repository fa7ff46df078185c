/** The machine, as far as the worker uses it. */
import type { ImageOpener, MachineEvent, NetHost, SnapshotStore, TerminalSize } from '../emu/index.ts';
import type { DriveRow, EndpointName, MachineDrives, MachineHardware, PageState } from './protocol.ts';

export interface SliceResult {
  /** Milliseconds that the caller may sleep; 0 asks to be called again at once, Infinity to be woken by input only. */
  readonly idleMs: number;
}

/** What the page exchanges text with, under a name. */
export interface MachineEndpoint {
  /** False when it is too far behind, and this is lost. */
  input(text: string): boolean;
  /** The page has room for its output again. */
  goOn(): void;
}

export type MachineEndpoints = Readonly<Record<EndpointName, MachineEndpoint>>;

export interface WorkerMachine {
  readonly runState: Exclude<PageState, 'loading' | 'failed'>;
  /** Guest instructions since the machine was made. */
  readonly retiredInstructions: number;
  /** Compiled code is not allowed here. */
  readonly interpreterOnly: boolean;
  /** Memory that the host holds for the guest. */
  readonly heldMemoryBytes: number;
  /** The monitor's quit: only a new machine can go on. */
  readonly hasQuit: boolean;
  /** All drives, in the order of their creation. */
  drives(): readonly DriveRow[];
  machineDrives(): MachineDrives;
  hardware(): MachineHardware;
  /** Why the machine is in state `internal-error`. */
  readonly internalError: Error | undefined;
  /** The last messages of devices and vCPU, oldest first. */
  traceTail(): readonly string[];
  run(sliceMs: number): SliceResult;
  /** False when the guest is too far behind, and this is lost. */
  serialInput(bytes: Uint8Array): boolean;
  /** The size of the terminal that shows the console; a guest that asks for it is told. */
  terminalSize(size: TerminalSize): void;
  readonly endpoints: MachineEndpoints;
  /** Runs a line on a human monitor of its own; lines of the answer end in `\n`. */
  hmp(line: string): Promise<string>;
  /** Asks QMP; both sides as JSON. */
  qmp(request: string): Promise<string>;
  start(): void;
  pause(): void;
  reset(): void;
  powerButton(): void;
  /** A restored machine was reset and stands still until it has its kernel. */
  readonly waitsForBootFiles: boolean;
  setBootFiles(files: GuestFiles): void;
  /** Flushes and gives up all images. */
  close(): Promise<void>;
}

export interface GuestFiles {
  /** Where the command line does not say how much. */
  readonly memoryBytes: number;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly append: string;
  /** By port, whether it is there; the console's is the first, and on the second the guest asks for its terminal's size. */
  readonly serialPorts: readonly boolean[];
}

export interface MachineEnvironment {
  readonly images: ImageOpener;
  /** What the guest's network reaches. */
  readonly network: NetHost;
  /** Where `savevm` keeps the machine. */
  readonly snapshots: SnapshotStore;
  /** Something happened outside of `run`: a disk request is done. */
  onWake(): void;
  onSerialOutput(bytes: Uint8Array): void;
  onOutput(from: EndpointName, text: string): void;
  /** The page has not shown what this endpoint printed before. */
  isFull(from: EndpointName): boolean;
  /** The same event as `onEvent`, as QMP's JSON. */
  onQmpEvent(event: string): void;
  /** The machine's events, as QEMU's monitor protocol has them. */
  onEvent(event: MachineEvent): void;
  /** A drive was made, lost, attached or detached. */
  onDrivesChange(): void;
  /** A device or an object of the user came or went. */
  onHardwareChange(): void;
  /** The guest asked for the terminal's size: it follows. */
  onTerminalSizeAsked(): void;
  /** The host has less memory than the guest was promised. What is wrong with disks, or stops the machine, is told by events. */
  onMemoryNotice(text: string): void;
  /** The guest is off, or the monitor's user quit. */
  onPowerOff(): void;
}
