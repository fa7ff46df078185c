/** Programs, their libraries, and the fixed files of the guest. */
import { posix } from 'node:path';
import { ElfFile, isElf } from './elf.ts';
import { ImageError } from './failure.ts';
import type { ImageSpec } from './image-spec.ts';
import type { PackageTree } from './package-tree.ts';
import type { Rootfs } from './rootfs.ts';

/** Sonames that the given programs and libraries reach, sorted; `neededBy` reads one library. */
export function libraryClosure(
  roots: readonly (readonly string[])[],
  neededBy: (soname: string) => readonly string[],
): string[] {
  const found = new Set<string>();
  const visit = (sonames: readonly string[]): void => {
    for (const soname of sonames) {
      if (found.has(soname)) continue;
      found.add(soname);
      visit(neededBy(soname));
    }
  };
  for (const root of roots) visit(root);
  return [...found].sort();
}

/** Directories, device nodes, busybox with its applets, the real tools, and the library closure of all. */
export function installUserland(
  packages: PackageTree,
  spec: ImageSpec,
  rootfs: Rootfs,
  fixedFiles: string,
): void {
  for (const path of ['bin', 'dev', 'etc', 'lib', 'mnt', 'proc', 'run', 'sys', 'usr']) rootfs.directory(path);
  rootfs.directory('root', 0o700);
  rootfs.directory('tmp', 0o1777);
  rootfs.symlink('sbin', 'bin');
  rootfs.symlink('usr/bin', '../bin');
  rootfs.symlink('usr/sbin', '../bin');
  rootfs.symlink('usr/lib', '../lib');
  rootfs.directory('var/log');
  rootfs.symlink('var/run', '../run');
  rootfs.symlink('init', 'bin/busybox');
  rootfs.character('dev/console', 0o600, 5, 1);
  rootfs.character('dev/null', 0o666, 1, 3);
  rootfs.character('dev/ttyS0', 0o600, 4, 64);

  for (const applet of packages.run('busybox', ['--list']).toString().trim().split('\n')) {
    rootfs.symlink(`bin/${applet}`, 'busybox');
  }
  const programs = ['busybox', ...spec.tools].map((tool) => {
    const data = packages.read(packages.program(tool));
    rootfs.file(`bin/${tool}`, data, 0o755);
    return data;
  });
  for (const [link, target] of Object.entries(spec.links)) rootfs.symlink(link, target);
  installLibraries(packages, `lib/${spec.triplet}`, programs.filter(isElf), rootfs);
  for (const path of spec.dataFiles) rootfs.file(path, packages.read(path));
  rootfs.copyTree(fixedFiles);
}

function installLibraries(
  packages: PackageTree,
  directory: string,
  programs: readonly Buffer[],
  rootfs: Rootfs,
): void {
  const elves = programs.map((program) => new ElfFile(program));
  const loaders = new Set(elves.flatMap((elf) => elf.interpreter() ?? []));
  for (const loader of loaders) rootfs.file(loader.slice(1), packages.read(loader.slice(1)), 0o755);
  const loaderNames = new Set([...loaders].map((loader) => posix.basename(loader)));
  const roots = elves.map((elf) => elf.needed());
  const contents = new Map<string, Buffer>();
  for (const soname of libraryClosure(roots, (name) => {
    const data = readLibrary(packages, name);
    contents.set(name, data);
    return new ElfFile(data).needed();
  })) {
    const data = contents.get(soname);
    if (data !== undefined && !loaderNames.has(soname)) rootfs.file(`${directory}/${soname}`, data, 0o755);
  }
}

function readLibrary(packages: PackageTree, soname: string): Buffer {
  const path = packages.library(soname);
  if (path === undefined) {
    throw new ImageError(
      `No Debian package in the list has ${soname}: add its package to scripts/images/image-spec.ts.`,
    );
  }
  return packages.read(path);
}
