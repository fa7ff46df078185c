/** The guest programs that are measured, and the archive that brings them into the guest. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNewc } from '../images/newc.ts';
import { Rootfs } from '../images/rootfs.ts';
import type { GuestName } from './guests.ts';

const SOURCES = 'scripts/bench/kernels';

export interface Kernel {
  readonly name: string;
  /** Runs in a bench that has no time. */
  readonly quick: boolean;
  /** A program of the guest's image, which the host does not have; or needs /dev/vda. */
  readonly guestOnly: boolean;
  /** Bytes moved, for a figure in MB/s. */
  readonly bytes?: number;
  /** Requests made, for a figure per second. */
  readonly requests?: number;
}

/** kernels/system.c, REQUEST × REQUESTS, and SYNCS. */
const DISK_BYTES = 48 << 20;
const SYNCS = 400;

function cpu(name: string, quick: boolean): Kernel {
  return { name, quick, guestOnly: false };
}

function guest(name: string, quick: boolean, bytes?: number): Kernel {
  return { name, quick, guestOnly: true, ...(bytes === undefined ? {} : { bytes }) };
}

export const KERNELS: readonly Kernel[] = [
  cpu('crc32', true),
  cpu('sieve', true),
  cpu('sha256', true),
  cpu('md5', false),
  cpu('qsort', true),
  cpu('fib', true),
  cpu('chase', false),
  cpu('div64', true),
  cpu('matrix', false),
  cpu('bytecode', true),
  cpu('memsmall', false),
  cpu('memlarge', true),
  cpu('strings', true),
  cpu('printf', false),
  cpu('nbody_sse2', true),
  cpu('nbody_x87', false),
  cpu('mandel_sse2', false),
  cpu('mandel_x87', true),
  cpu('getpid', true),
  cpu('forkexec', true),
  cpu('pipe', false),
  cpu('pagefault', true),
  guest('gzip', true),
  guest('sort', false),
  guest('awk', false),
  guest('shell', true),
  guest('blkwrite', true, DISK_BYTES),
  guest('blkread', true, DISK_BYTES),
  { ...guest('blksync', true), requests: SYNCS },
];

/** A kernel that needs nothing compiled. */
export function ofGuest({ name, guestOnly }: Kernel): boolean {
  return guestOnly && !needsDrive(name);
}

/** A kernel that wants a drive. */
export function needsDrive(name: string): boolean {
  return name.startsWith('blk');
}

/** Names for one guest. v86 has no virtio disk: the 32-bit guest goes without. */
export function kernelsOf(guest: GuestName): readonly Kernel[] {
  if (guest === 'indexeddb') return KERNELS.filter(({ name }) => needsDrive(name));
  return KERNELS.filter(({ name }) => guest === 'amd64' || !needsDrive(name));
}

/** A second archive for the kernel to unpack over the guest's own: /bench. */
export function kernelArchive(program: string | undefined): Buffer {
  const root = new Rootfs();
  if (program !== undefined) root.file('bench/bench', readFileSync(program), 0o755);
  root.file('bench/run', readFileSync(join(SOURCES, 'run.sh')), 0o755);
  root.file('bench/shell.sh', readFileSync(join(SOURCES, 'shell.sh')));
  return writeNewc(root.entries());
}
