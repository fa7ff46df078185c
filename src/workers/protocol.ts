/** What the page and the worker say to each other. Plain data only: both sides compile it under their own globals. */

/** QEMU's run states, and before a machine exists: it is being loaded, or it cannot be made. */
export type PageState =
  | 'loading'
  | 'failed'
  | 'prelaunch'
  | 'running'
  | 'paused'
  | 'debug'
  | 'suspended'
  | 'shutdown'
  | 'io-error'
  | 'internal-error'
  | 'guest-panicked'
  | 'watchdog';

export interface MachineStatus {
  readonly state: PageState;
  /** Millions of guest instructions per second, over the last second of running. */
  readonly mips: number;
  /** Guest instructions since the machine was made. */
  readonly instructions: number;
  /** The page's policy forbids compiled code: everything runs in the interpreter. */
  readonly interpreterOnly: boolean;
  /** Memory that the host holds for the guest, in bytes: what the guest has written to, less what it gave back. */
  readonly heldMemoryBytes: number;
}

/** Before there is a machine. */
export function statusWithoutMachine(state: 'loading' | 'failed'): MachineStatus {
  return { state, mips: 0, instructions: 0, interpreterOnly: false, heldMemoryBytes: 0 };
}

export type BootStep = 'download' | 'unpack' | 'check' | 'start';

export interface BootProgress {
  readonly step: BootStep;
  /** What is being worked on, for a reader. */
  readonly what: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface GuestDescription {
  readonly name: string;
  readonly kernelRelease: string;
  /** The command line of the machine that it has by default. */
  readonly defaultLine: string;
}

/** A sentence for the user; `detail` says what to do about it. */
export interface Notice {
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
  readonly detail?: string | undefined;
  /** A notice takes the place of an earlier one with the same key; by default the text is the key. */
  readonly key?: string | undefined;
  /** How often it happened, when more than once. */
  readonly count?: number | undefined;
  /** What a report of a fault needs, in many lines, to be copied. */
  readonly report?: string | undefined;
  /** The notice has a button with which the reader lets the guest reach the world outside of the page. */
  readonly action?: 'outside' | undefined;
}

/** A drive of this page's machine. */
export interface DriveRow {
  readonly id: string;
  /** Of its image; undefined when it has none. */
  readonly path: string | undefined;
  /** QEMU's generated name of the image's format node. */
  readonly nodeName: string | undefined;
  readonly readOnly: boolean;
  /** A device uses the drive. */
  readonly attached: boolean;
  /** That device's id, when it has one. */
  readonly deviceId: string | undefined;
}

/** Ids that no drive and no device of the machine has. */
export interface FreeIds {
  /** `disk1`, or the next number that is free. */
  readonly drive: string;
  /** `myvirtio1`, or the next number that is free. */
  readonly device: string;
}

/** What the machine is made of, and what its user may plug in or take out next. */
export interface MachineHardware {
  readonly processors: number;
  /** Places for processors. */
  readonly processorsMax: number;
  /** RAM and what was plugged in. */
  readonly memoryBytes: number;
  /** For `device_add`: a place that is empty, and an id that is free; undefined when all places are taken. */
  readonly nextProcessor: ProcessorPlace | undefined;
  /** The processor that the user plugged in last. */
  readonly lastProcessor: ProcessorPlace | undefined;
  readonly nextMemory: MemoryNames;
  /** For DIMMs, and how many are free. */
  readonly memorySlots: number;
  readonly freeMemorySlots: number;
  /** The DIMM that the user plugged in last. */
  readonly lastDimm: MemoryNames | undefined;
  /** The back end that the user made last and that no device has. */
  readonly unusedBackend: string | undefined;
}

export interface ProcessorPlace {
  /** As `device_add` takes it: type, id and place. */
  readonly device: string;
  readonly id: string;
  /** Number of the place, from 0 on. */
  readonly index: number;
}

/** Ids of a DIMM and of its back end. */
export interface MemoryNames {
  readonly dimm: string;
  readonly backend: string;
}

/** What a command line does not start: what is wrong with it, or the text that it asks for. */
export interface LineAnswer {
  readonly kind: 'error' | 'text';
  readonly text: string;
  /** The part of the line that it is about, in UTF-16 units. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
}

/** What a command line comes to. */
export type LineOutcome =
  | { readonly ok: true; readonly isDefault: boolean }
  | ({ readonly ok: false } & LineAnswer);

/** What this page's machine has to do with the images. */
export interface MachineDrives {
  readonly drives: readonly DriveRow[];
  readonly freeIds: FreeIds;
  /** All ids of drives, nodes and devices. */
  readonly takenIds: readonly string[];
  /** Types of the buses on which there is room: `PCI`, `SCSI`, `usb-bus`. */
  readonly busTypes: readonly string[];
}

/** What text goes to and comes from, by name: the machine's human monitor, and QMP as QEMU's qmp-shell speaks it. */
export const ENDPOINTS = ['monitor', 'qmp'] as const;
export type EndpointName = (typeof ENDPOINTS)[number];

/** The versions of QEMU whose words the monitors can speak, as `-compat-monitor` takes them; the first is the default. */
export const MONITOR_DIALECTS = ['7.2', '5.1', '2.0', '1.5', '1.1', 'qemu-kvm-0.15'] as const;

/** One value for each endpoint. */
export function eachEndpoint<T>(make: (name: EndpointName) => T): Readonly<Record<EndpointName, T>> {
  return { monitor: make('monitor'), qmp: make('qmp') };
}

/** Worker to page. */
export type WorkerMessage =
  | { readonly type: 'serial'; readonly bytes: Uint8Array }
  | { readonly type: 'text'; readonly from: EndpointName; readonly text: string }
  /** An event of QMP, as JSON. */
  | { readonly type: 'event'; readonly event: string }
  | { readonly type: 'status'; readonly status: MachineStatus }
  /** `progress` is undefined when all is loaded, or with `failed` when nothing will be. */
  | {
      readonly type: 'boot';
      readonly progress: BootProgress | undefined;
      readonly failed?: true;
    }
  | { readonly type: 'guest'; readonly guest: GuestDescription }
  /** A machine was made of this command line. */
  | { readonly type: 'machine'; readonly line: string; readonly isDefault: boolean }
  | { readonly type: 'hardware'; readonly hardware: MachineHardware }
  | { readonly type: 'notice'; readonly notice: Notice }
  | { readonly type: 'images' }
  /** Whether the guest reaches the world outside of the page. */
  | { readonly type: 'outside'; readonly isAllowed: boolean }
  /** Whether the guest takes on the size of the terminal that shows its console. */
  | { readonly type: 'follows'; readonly follows: boolean }
  /** Whether guest writes would be lost if the page went now: they are in the host's cache, and no flush has stored them. */
  | { readonly type: 'unsaved'; readonly unsaved: boolean };

/** Of the terminal that shows the guest's console. */
export interface ConsoleSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Page to worker. `shown` acknowledges bytes of serial output that the terminal has taken, `text-shown` UTF-16 units of an
 * endpoint's, whether or not its terminal can be seen, and `event-taken` one event.
 */
export type PageMessage =
  | { readonly type: 'serial'; readonly bytes: Uint8Array }
  | { readonly type: 'text'; readonly to: EndpointName; readonly text: string }
  | { readonly type: 'size'; readonly size: ConsoleSize }
  /** The reader pressed the button that lets the guest out, or shuts it in. */
  | { readonly type: 'outside'; readonly isAllowed: boolean }
  | { readonly type: 'shown'; readonly bytes: number }
  | { readonly type: 'text-shown'; readonly from: EndpointName; readonly length: number }
  | { readonly type: 'event-taken' };

export interface ImageRow {
  readonly path: string;
  readonly sizeBytes: number;
  /** Bytes that it takes in the browser's storage. */
  readonly storedBytes: number;
  readonly inUse: boolean;
  /** It is no disk but a machine that `savevm` kept under this tag. */
  readonly snapshotTag: string | undefined;
}

export interface ImageList {
  readonly images: readonly ImageRow[];
  /** False when the images are gone with the page. */
  readonly persistent: boolean;
  readonly usedBytes: number | undefined;
  readonly quotaBytes: number | undefined;
}

/** Why a file is not stored without a word, and what the user can do. */
export interface FileProblem {
  readonly text: string;
  readonly advice: string;
  /** A command line that makes a raw disk image of the file. */
  readonly command: string | undefined;
  /** Unpacking it is one of the choices. */
  readonly mayUnpack: boolean;
}

/** A file that somebody brings, looked at before it is stored. */
export interface ArrivingFile {
  /** The path that it gets as it is, free or not. */
  readonly path: string;
  /** The path that it gets unpacked: without the ending that says how it is packed. */
  readonly unpackedPath: string;
  /** How it is packed, when it can be unpacked on its way in. */
  readonly packing: 'gzip' | 'zstd' | undefined;
  readonly problem: FileProblem | undefined;
}

/** How far an upload is. */
export interface UploadProgress {
  /** Bytes read of the file. */
  readonly readBytes: number;
  /** Bytes stored; more, when the file is unpacked. */
  readonly storedBytes: number;
}

export interface UploadRequest {
  /** Names the upload for `cancelUpload`. */
  readonly id: number;
  readonly path: string;
  readonly unpack: 'gzip' | 'zstd' | undefined;
}

/** Files that become one image, that of a stick. */
export interface FilesRequest {
  /** Names it for `cancelUpload`. */
  readonly id: number;
  readonly path: string;
  readonly files: readonly {
    /** Folders and name, with slashes between. */
    readonly path: string;
    readonly file: Blob;
    readonly modifiedMs: number;
  }[];
}

/** A file or folder in an image. */
export interface FileRow {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Or a sentence that says why there is none. */
export type FolderListing =
  | { readonly ok: true; readonly rows: readonly FileRow[] }
  | { readonly ok: false; readonly message: string };

/** Done, or a sentence that says why not; `exists` when the name is taken. */
export type ImageOutcome =
  | {
      readonly ok: true;
      readonly path: string;
      /** It is stored, but not what the user may think. */
      readonly warning?: string | undefined;
    }
  | { readonly ok: false; readonly reason: 'exists' | 'canceled' | 'error'; readonly message: string };

/** An image on its way out; the page pulls. */
export interface DownloadReader {
  /** The next bytes; undefined at the end. Rejects with a sentence. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/** The page to one of several workers that unpack: its share of the snapshot's parts goes over `port`. */
export interface UnpackOrder {
  /** Folder of the guest image, with a slash at its end. */
  readonly guestUrl: string;
  /** From 0 on. */
  readonly worker: number;
  readonly workers: number;
  readonly port: MessagePort;
}

/** The worker's calls about disk images. */
export interface ImageCallsApi {
  listImages(): Promise<ImageList>;
  /** Looks at a file before it is uploaded. Rejects when it cannot be read. */
  lookAtFile(file: Blob, fileName: string): Promise<ArrivingFile>;
  uploadImage(
    request: UploadRequest,
    file: Blob,
    onProgress: (progress: UploadProgress) => void,
  ): Promise<ImageOutcome>;
  /** An image of a stick with these files. */
  storeFiles(request: FilesRequest, onProgress: (progress: UploadProgress) => void): Promise<ImageOutcome>;
  /** Of `uploadImage` or `storeFiles`. */
  cancelUpload(uploadId: number): void;
  createImage(path: string, sizeBytes: number): Promise<ImageOutcome>;
  renameImage(from: string, to: string): Promise<ImageOutcome>;
  deleteImage(path: string): Promise<ImageOutcome>;
  downloadImage(path: string): DownloadReader;
  /** What is in a folder of the image's FAT file system; the names lead to it from the root. */
  listFiles(path: string, folder: readonly string[]): Promise<FolderListing>;
  downloadFile(path: string, names: readonly string[]): DownloadReader;
  /** Stores what the guest wrote, for a page that is about to go. */
  flushImages(): Promise<void>;
}

/** The worker's calls, reached through comlink. */
export interface EmulatorApi extends ImageCallsApi {
  /**
   * Messages of both kinds go over `port`; loads the guest and starts it in the default machine.
   * @param unpackers the other ends of the ports that those who unpack were given; without them `bootLine` follows
   */
  connect(port: MessagePort, unpackers?: readonly MessagePort[]): void;
  /** Reads a command line; nothing else happens. */
  checkLine(line: string): Promise<LineOutcome>;
  /**
   * Throws the machine away and starts the one of this command line: the default one from its snapshot, any other by a cold boot.
   * What a line that starts no machine comes to is resolved to, and nothing has changed then.
   * @param unpackers as for `connect`, for the default machine
   */
  bootLine(line: string, unpackers: readonly MessagePort[]): Promise<LineAnswer | undefined>;
  /** Starts a paused machine; one that was switched off is reset first. */
  start(): void;
  pause(): void;
  reset(): void;
  /** Switches the same machine on anew, from the first instruction; what was plugged is gone, the images stay. */
  coldBoot(): Promise<void>;
  /** Presses the ACPI power button. */
  powerButton(): void;
  /** Runs a line on a human monitor of its own; gives the text as QEMU prints it. Rejects when there is no machine. */
  hmp(line: string): Promise<string>;
  /** Asks QMP; both sides as JSON, and an error is an answer too. Rejects when there is no machine. */
  qmp(request: string): Promise<string>;
  /** This page's machine: its drives, and ids that it does not have. */
  machineDrives(): MachineDrives;
}
