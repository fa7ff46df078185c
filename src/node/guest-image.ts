/** What the guest is made of: files that the user names, or a guest image of `npm run images`. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BootFiles,
  type CommandLine,
  isBiosSize,
  NONE_MACHINE,
  PACKED_INITRD_BELOW,
  StartError,
  startError,
  wantsFlash,
} from '../emu/index.ts';
import { gunzip } from './gunzip.ts';
import { HOST_ERRORS, hostErrorText } from './host-errors.ts';

const IMAGES = join(import.meta.dirname, '../../public/images');
const DEFAULT_GUEST = 'debian-amd64';
const MIB = 1024 * 1024;
/** QEMU: memory of a machine that is not told. */
const DEFAULT_MEMORY = 128 * MIB;

/** What the machine starts. */
export interface GuestFiles {
  /** A firmware that runs in the place of the one that is built in. */
  readonly bios?: Uint8Array | undefined;
  /** The firmware is in flash. */
  readonly hasFlash?: boolean | undefined;
  readonly kernel: Uint8Array | undefined;
  readonly initrd: Uint8Array | undefined;
  readonly append: string;
  readonly memoryBytes: number;
  /** Kernel and initrd of a guest image take half a second to unpack: only a machine that starts has them. Throws StartError. */
  readonly unpack?: () => BootFiles;
  /** Nobody has named the guest image. */
  readonly isDefault?: boolean;
}

type Wanted = Pick<
  CommandLine,
  | 'bios'
  | 'kernel'
  | 'initrd'
  | 'append'
  | 'guest'
  | 'memoryBytes'
  | 'blockdevs'
  | 'drives'
  | 'flashNodes'
  | 'machineType'
  | 'accel'
  | 'qtest'
>;

/** Reads the files. Throws StartError with QEMU's words for what cannot be read. */
export function readGuest(wanted: Wanted): GuestFiles {
  const namesDisk =
    wanted.blockdevs.length > 0 || wanted.drives.some(({ options }) => options.get('file') !== undefined);
  const isTest = wanted.qtest !== undefined || runsNoGuest(wanted);
  const hasFlash = wantsFlash(wanted);
  const namesCode = hasFlash || wanted.kernel !== undefined || wanted.bios !== undefined;
  const hasDefault = !namesCode && !namesDisk && !isTest;
  const guest = wanted.guest ?? (hasDefault ? DEFAULT_GUEST : undefined);
  if (wanted.machineType === NONE_MACHINE && (wanted.kernel ?? guest) !== undefined) {
    throw startError("The -kernel parameter is not supported (use the generic 'loader' device instead).");
  }
  // QEMU: beside flash it is not even looked for.
  const bios = wanted.machineType === NONE_MACHINE || hasFlash ? undefined : readBios(wanted.bios);
  // Not modelled: a firmware is not given the kernel, which it would have to load.
  if ((bios !== undefined || hasFlash) && (wanted.kernel ?? guest) !== undefined) {
    const option = hasFlash ? 'flash' : '-bios';
    throw startError(
      `${option} is for a machine without -kernel and -guest: the firmware starts what it finds`,
    );
  }
  if (guest !== undefined) return { ...readImage(guest, wanted), isDefault: wanted.guest === undefined };
  if (wanted.kernel === undefined) checkNoKernel(wanted);
  const kernel = wanted.kernel === undefined ? undefined : readKernel(wanted.kernel);
  return {
    bios,
    hasFlash,
    kernel,
    initrd: wanted.initrd === undefined ? undefined : readInitrd(wanted.initrd),
    append: wanted.append ?? '',
    memoryBytes: wanted.memoryBytes ?? (wanted.machineType === NONE_MACHINE ? 0 : DEFAULT_MEMORY),
  };
}

/** No vCPU runs: nothing has to be there for it. */
export function runsNoGuest({ machineType, accel }: Pick<CommandLine, 'machineType' | 'accel'>): boolean {
  return machineType === NONE_MACHINE || accel === 'qtest';
}

function checkNoKernel({ initrd, append }: Wanted): void {
  if (append !== undefined) throw startError('-append only allowed with -kernel option');
  if (initrd !== undefined) throw startError('-initrd only allowed with -kernel option');
}

/** Why a machine without kernel cannot be started. */
export function noKernelError(): StartError {
  return startError(
    'this machine has no BIOS that could start a disk: name a kernel with -kernel,\n' +
      `or add -guest ${DEFAULT_GUEST} to start the guest image beside the disk`,
  );
}

interface Manifest {
  readonly append: string;
  readonly memoryMiB: number;
  readonly files: Readonly<Record<'kernel' | 'initrd', { readonly file: string }>>;
}

function readImage(name: string, wanted: Wanted): GuestFiles {
  const folder = join(IMAGES, name);
  const { append, memoryMiB, files } = readManifest(name, folder);
  const memoryBytes = wanted.memoryBytes ?? memoryMiB * MIB;
  const unpacked = (file: string): Uint8Array => unpackFile(join(folder, file));
  const initrd = (): Uint8Array =>
    memoryBytes < PACKED_INITRD_BELOW
      ? readFileSync(join(folder, files.initrd.file))
      : unpacked(files.initrd.file);
  const common = { append: wanted.append ?? append, memoryBytes };
  const kernel = wanted.kernel === undefined ? undefined : readKernel(wanted.kernel);
  const ramDisk = wanted.initrd === undefined ? undefined : readInitrd(wanted.initrd);
  if (kernel !== undefined) return { ...common, kernel, initrd: ramDisk ?? initrd() };
  const unpack = (): BootFiles => ({
    ...common,
    kernel: unpacked(files.kernel.file),
    initrd: ramDisk ?? initrd(),
  });
  return { ...common, kernel, initrd: ramDisk, unpack };
}

function readManifest(name: string, folder: string): Manifest {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) {
    const there = existsSync(IMAGES) ? readdirSync(IMAGES).join(', ') : '';
    const hint = there === '' ? 'npm run images builds it' : `there is: ${there}`;
    throw startError(`could not open guest image '${name}': No such file or directory\n${hint}`);
  }
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw startError(`guest image '${name}' is damaged: npm run images -- --rebuild builds it again`);
  }
}

function unpackFile(path: string): Uint8Array {
  try {
    return gunzip(readFileSync(path));
  } catch {
    throw startError(`'${path}' is damaged: npm run images -- --rebuild builds it again`);
  }
}

/** QEMU: whole units of 64 KiB, so that it ends where the processor starts. */
function readBios(path: string | undefined): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const refused = new StartError(`qemu: could not load PC BIOS '${path}'`);
  let bytes: Uint8Array;
  try {
    if (!statSync(path).isFile()) throw refused;
    bytes = readFileSync(path);
  } catch {
    throw refused;
  }
  if (!isBiosSize(bytes.length)) throw refused;
  return bytes;
}

/** For -fw_cfg: the bytes, or QEMU's words for what is wrong with the file. */
export function readFirmwareFile(path: string): Uint8Array | string {
  try {
    return readFileSync(path);
  } catch (error) {
    const text = hostErrorText(error);
    return text === HOST_ERRORS.EISDIR
      ? `Error reading file “${path}”: ${text}`
      : `Failed to open file “${path}”: ${text}`;
  }
}

function readKernel(path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const text = hostErrorText(error);
    const what = text === HOST_ERRORS.EISDIR ? 'load kernel' : 'open kernel file';
    throw new StartError(`qemu: could not ${what} '${path}': ${text}`);
  }
  // QEMU: an empty file is told with whatever error was the last one.
  if (bytes.length === 0)
    throw new StartError(`qemu: could not load kernel '${path}': ${HOST_ERRORS.ENOENT}`);
  return bytes;
}

function readInitrd(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const text = hostErrorText(error);
    const how = `Failed to open file “${path}”: open() failed: ${text}`;
    throw new StartError(`qemu: error reading initrd ${path}: ${how}`);
  }
}
