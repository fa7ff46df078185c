/** The kinds of character devices: from options to what is to be opened. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool, parseSize } from '../qdev/properties.ts';
import { RING_BUFFER_BYTES } from './ring-buffer.ts';
import { type Asker, checkPlace, readSocket, type SocketRequest } from './socket-options.ts';

/** More than this a tab has no room for, nor a program for many of them. */
const MAX_RING_BYTES = 1 << 26;

/** What leads out of the machine, or keeps what comes. */
export type ChardevBackend =
  | { readonly kind: 'null' }
  /** A terminal that is part of the display. */
  | { readonly kind: 'vc' }
  | { readonly kind: 'ringbuf'; readonly sizeBytes: number }
  | { readonly kind: 'stdio'; readonly signals: boolean }
  | { readonly kind: 'file'; readonly path: string; readonly append: boolean }
  | { readonly kind: 'pipe'; readonly path: string }
  | { readonly kind: 'pty' }
  | SocketRequest;

/** A character device that the user wants. */
export interface ChardevRequest {
  readonly id: string;
  /** As the user wrote it. */
  readonly driver: string;
  /** Several users share it. */
  readonly mux: boolean;
  /** A file with all that is sent to the device. */
  readonly log: { readonly path: string; readonly append: boolean } | undefined;
  /** What is to be opened. QEMU opens the log, and takes a device away that is to be replaced, before it finds some errors. Throws `MonitorError`. */
  readonly backend: () => ChardevBackend;
}

/** Throws `MonitorError` for options that are missing, and later for those that cannot be. */
type Reader = (options: Options, asker: Asker) => () => ChardevBackend;

const isOn = (options: Options, name: string, otherwise = false): boolean => {
  const text = options.get(name);
  return text === undefined ? otherwise : parseBool(text) === true;
};

const just = (backend: ChardevBackend) => (): ChardevBackend => backend;

function ringbuf(options: Options): ChardevBackend {
  const sizeBytes = parseSize(options.get('size') ?? '0') ?? 0;
  if (sizeBytes !== 0 && !Number.isInteger(Math.log2(sizeBytes))) {
    throw new MonitorError('size of ringbuf chardev must be power of two');
  }
  if (sizeBytes > MAX_RING_BYTES) throw new MonitorError('Cannot allocate memory');
  return { kind: 'ringbuf', sizeBytes: sizeBytes || RING_BUFFER_BYTES };
}

function pathOf(options: Options, error: string): string {
  const path = options.get('path');
  if (path === undefined) throw new MonitorError(error);
  return path;
}

/** In the order in which QEMU lists its kinds. */
const READERS: Readonly<Record<string, Reader | undefined>> = {
  pty: () => just({ kind: 'pty' }),
  file(options) {
    const path = pathOf(options, 'chardev: file: no filename given');
    return just({ kind: 'file', path, append: isOn(options, 'append') });
  },
  memory: (options) => () => ringbuf(options),
  vc: () => just({ kind: 'vc' }),
  socket(options, asker) {
    checkPlace(options);
    return () => readSocket(options, asker);
  },
  null: () => just({ kind: 'null' }),
  pipe: (options) => just({ kind: 'pipe', path: pathOf(options, 'chardev: pipe: no device path given') }),
  ringbuf: (options) => () => ringbuf(options),
  stdio: (options) => just({ kind: 'stdio', signals: isOn(options, 'signal', true) }),
};

/** Names of kinds that a program can open. */
export const CHARDEV_KINDS = Object.keys(READERS);

/** What `-chardev help` prints. */
export const CHARDEV_HELP = `Available chardev backend types: \n${[...CHARDEV_KINDS]
  .reverse()
  .map((name) => `  ${name}\n`)
  .join('')}`;

/**
 * Reads what a character device is to be. Throws `MonitorError`.
 * @param kinds those that there are; absent: those of a program
 * @param asker whose words the errors of `backend` are in
 */
export function readChardev(
  options: Options,
  kinds: readonly string[] = Object.keys(READERS),
  asker: Asker = 'command line',
): ChardevRequest {
  const { id } = options;
  if (id === undefined) throw new MonitorError('chardev: no id specified');
  const driver = options.get('backend');
  if (driver === undefined) throw new MonitorError(`chardev: "${id}" missing backend`);
  const read = kinds.includes(driver) ? READERS[driver] : undefined;
  if (read === undefined) throw new MonitorError(`'${driver}' is not a valid char driver name`);
  const path = options.get('logfile');
  const log = path === undefined ? undefined : { path, append: isOn(options, 'logappend') };
  return { id, driver, mux: isOn(options, 'mux'), log, backend: read(options, asker) };
}
