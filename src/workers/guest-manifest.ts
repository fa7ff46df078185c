import { UserError } from './user-error.ts';

export interface GuestFile {
  readonly file: string;
  readonly compressedBytes: number;
  readonly rawBytes: number;
  /** Lower-case hex, of the unpacked bytes. */
  readonly rawSha256: string;
}

/** A machine that was saved at the guest's prompt. */
export interface SavedMachine {
  /** One after the other they are the snapshot. */
  readonly parts: readonly GuestFile[];
  /** What the guest had shown by then. */
  readonly console: string;
  /** Bytes of entropy that the guest waits for, as a line of hexadecimal digits. */
  readonly seedBytes: number;
}

/** A serial port where the guest asks for the size of its terminal, and the kernel arguments that make it ask. */
export interface TerminalSizeSetting {
  /** From 0 on. */
  readonly port: number;
  readonly append: string;
}

export interface GuestManifest {
  readonly name: string;
  readonly kernelRelease: string;
  /** The kernel's command line. */
  readonly append: string;
  readonly memoryMiB: number;
  /** The machine of which the snapshot is, and the default one, in the words of QEMU's command line. */
  readonly machine: string;
  /** Absent: the guest does not follow its terminal. */
  readonly terminalSize?: TerminalSizeSetting;
  readonly kernel: GuestFile;
  readonly initrd: GuestFile;
  /** Absent: the guest has to boot. */
  readonly snapshot?: SavedMachine;
}

/** Far above what any guest image of this page has: a damaged manifest must not ask for all of the browser's memory. */
const FILE_BYTES_MAX = 2 ** 30;
const PARTS_MAX = 4096;
const MEMORY_MIB_MAX = 2 ** 20;
const SEED_BYTES_MAX = 1024;

const REBUILD = 'Run `npm run images` where this page is built, then load it again.';

/** @throws UserError where the guest image is not there or not whole */
export function parseManifest(text: string): GuestManifest {
  const root = asRecord(parseJson(text));
  const files = asRecord(field(root, 'files'));
  return {
    name: stringOf(root, 'name'),
    kernelRelease: stringOf(root, 'kernelRelease'),
    append: stringOf(root, 'append'),
    memoryMiB: numberOf(root, 'memoryMiB', 1, MEMORY_MIB_MAX),
    machine: stringOf(root, 'machine'),
    ...(field(root, 'terminalSize') === undefined
      ? {}
      : { terminalSize: terminalSizeOf(field(root, 'terminalSize')) }),
    kernel: fileOf(field(files, 'kernel')),
    initrd: fileOf(field(files, 'initrd')),
    ...(field(root, 'snapshot') === undefined ? {} : { snapshot: snapshotOf(field(root, 'snapshot')) }),
  };
}

/** What a missing file of the guest image is called. */
export function missingImageError(url: string): UserError {
  return new UserError(`The guest image is missing: ${url} is not there.`, REBUILD);
}

function fileOf(value: unknown): GuestFile {
  const file = asRecord(value);
  return {
    file: stringOf(file, 'file'),
    compressedBytes: numberOf(file, 'compressedBytes', 0, FILE_BYTES_MAX),
    rawBytes: numberOf(file, 'rawBytes', 0, FILE_BYTES_MAX),
    rawSha256: stringOf(file, 'rawSha256'),
  };
}

function terminalSizeOf(value: unknown): TerminalSizeSetting {
  const record = asRecord(value);
  const port = numberOf(record, 'port', 0, 3);
  if (port !== 1) throw badManifest();
  return { port, append: stringOf(record, 'append') };
}

function snapshotOf(value: unknown): SavedMachine {
  const record = asRecord(value);
  const parts = field(record, 'parts');
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > PARTS_MAX) throw badManifest();
  return {
    parts: parts.map(fileOf),
    console: stringOf(record, 'console'),
    seedBytes: numberOf(record, 'seedBytes', 0, SEED_BYTES_MAX),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badManifest();
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw badManifest();
  return { ...value };
}

function field(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return record[key];
}

function stringOf(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = field(record, key);
  if (typeof value !== 'string') throw badManifest();
  return value;
}

/** A whole number from `least` to `most`. */
function numberOf(
  record: Readonly<Record<string, unknown>>,
  key: string,
  least: number,
  most: number,
): number {
  const value = field(record, key);
  if (typeof value !== 'number' || !Number.isInteger(value)) throw badManifest();
  if (value < least || value > most) throw badManifest();
  return value;
}

function badManifest(): UserError {
  return new UserError('The guest image is missing or damaged: its manifest.json cannot be read.', REBUILD);
}
