/** v86 and the BIOS that it starts with, fetched into the bench's cache. Nothing of it is part of the project. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CACHE } from './cache.ts';
import { debianFiles } from './debian-files.ts';

/** One version, so that a later run compares with the same. */
export const V86_VERSION = '0.5.462';

export interface V86Package {
  readonly module: string;
  readonly binary: string;
  readonly bios: string;
  readonly vgaBios: string;
}

/** Paths on the host. Throws when npm or Debian's archive cannot be reached and nothing was fetched before. */
export function v86Package(): V86Package {
  const prefix = resolve(CACHE, `v86-${V86_VERSION}`);
  const build = join(prefix, 'node_modules/v86/build');
  if (!existsSync(join(build, 'libv86.mjs'))) {
    mkdirSync(prefix, { recursive: true });
    const options = ['--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', '--prefix', prefix, ...options, `v86@${V86_VERSION}`], { stdio: 'pipe' });
  }
  const seabios = join(debianFiles(['seabios']), 'usr/share/seabios');
  return {
    module: join(build, 'libv86.mjs'),
    binary: join(build, 'v86.wasm'),
    bios: join(seabios, 'bios.bin'),
    vgaBios: join(seabios, 'vgabios-stdvga.bin'),
  };
}
