/** Programs, their libraries, and the fixed files of the guest. */
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
  rootfs.symlink('init', 'bin/busybox');
  rootfs.character('dev/console', 0o600, 5, 1);
  rootfs.character('dev/null', 0o666, 1, 3);
  rootfs.character('dev/ttyS0', 0o600, 4, 64);

  for (const applet of packages.run('busybox', ['--list']).toString().trim().split('\n')) {
    rootfs.symlink(`bin/${applet}`, 'busybox');
  }
  const roots: string[][] = [];
  for (const tool of ['busybox', ...spec.tools]) {
    const data = packages.read(packages.program(tool));
    rootfs.file(`bin/${tool}`, data, 0o755);
    if (isElf(data)) roots.push(neededWithLoader(data, rootfs, packages));
  }
  for (const [link, target] of Object.entries(spec.links)) rootfs.symlink(link, target);

  const libraries = `lib/${spec.triplet}`;
  const contents = new Map<string, Buffer>();
  for (const soname of libraryClosure(roots, (name) => {
    const data = readLibrary(packages, name);
    contents.set(name, data);
    return new ElfFile(data).needed();
  })) {
    rootfs.file(`${libraries}/${soname}`, contents.get(soname) ?? Buffer.alloc(0), 0o755);
  }
  for (const path of spec.dataFiles) rootfs.file(path, packages.read(path));
  rootfs.copyTree(fixedFiles);
}

function neededWithLoader(program: Buffer, rootfs: Rootfs, packages: PackageTree): string[] {
  const elf = new ElfFile(program);
  const loader = elf.interpreter()?.slice(1);
  if (loader !== undefined && !rootfs.has(loader)) rootfs.file(loader, packages.read(loader), 0o755);
  return elf.needed();
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
