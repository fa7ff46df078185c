/** The kernels in C as one static program per guest. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { workDirectory } from './cache.ts';
import { debianFiles } from './debian-files.ts';
import type { GuestName } from './guests.ts';

const SOURCES = 'scripts/bench/kernels';

interface Target {
  readonly compile: readonly string[];
  /** float.c is compiled twice. */
  readonly sse2: readonly string[];
  readonly x87: readonly string[];
  readonly link: readonly string[];
}

function targetOf(guest: GuestName): Target {
  if (guest !== 'i386') return { compile: [], sse2: [], x87: ['-mfpmath=387'], link: [] };
  const search = libraries32().flatMap((directory) => [`-B${directory}/`, `-L${directory}`]);
  return {
    compile: ['-m32', '-march=i686', ...includes32()],
    sse2: ['-msse2', '-mfpmath=sse'],
    x87: [],
    link: ['-m32', ...search],
  };
}

/** Path of the static program. Throws when there is no gcc with a static C library for the guest. */
export function buildProgram(guest: GuestName): string {
  const target = targetOf(guest);
  const build = join(workDirectory(), `program-${guest}`);
  mkdirSync(build, { recursive: true });
  const objects: string[] = [];
  const compile = (source: string, object: string, flags: readonly string[] = []): void => {
    const output = join(build, object);
    const all = ['-O2', '-Wall', '-Werror', ...target.compile, ...flags];
    execFileSync('gcc', [...all, '-c', join(SOURCES, source), '-o', output]);
    objects.push(output);
  };
  for (const file of readdirSync(SOURCES).sort()) {
    if (file.endsWith('.c') && file !== 'float.c') compile(file, `${basename(file, '.c')}.o`);
  }
  compile('float.c', 'float-sse2.o', ['-DSUFFIX=sse2', ...target.sse2]);
  compile('float.c', 'float-x87.o', ['-DSUFFIX=x87', ...target.x87]);
  const program = join(build, 'bench');
  execFileSync('gcc', ['-static', ...target.link, '-o', program, ...objects, '-lm']);
  return program;
}

/** gcc's own version picks the package of its 32-bit half. */
function tree32(): { tree: string; version: string } {
  const version = execFileSync('gcc', ['-dumpversion'], { encoding: 'utf8' }).trim();
  return { tree: debianFiles(['libc6-dev-i386', `lib32gcc-${version}-dev`]), version };
}

function libraries32(): string[] {
  const { tree, version } = tree32();
  return [join(tree, 'usr/lib/gcc/x86_64-linux-gnu', version, '32'), join(tree, 'usr/lib32')];
}

/** Debian keeps one set of headers for both sizes; the package adds what differs. */
function includes32(): string[] {
  const { tree } = tree32();
  return ['-isystem', join(tree, 'usr/include'), '-idirafter', '/usr/include/x86_64-linux-gnu'];
}
