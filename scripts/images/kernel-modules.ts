/** Which modules of the kernel package go into the image, and the indexes that kmod reads. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ElfFile } from './elf.ts';
import { ImageError } from './failure.ts';
import type { PackageTree } from './package-tree.ts';
import type { Rootfs } from './rootfs.ts';

const MODULE_FILE = /\.ko(\.xz)?$/;

/** Indexes of depmod that libkmod opens, and the texts that people read. */
const INDEXES = [
  'modules.alias.bin',
  'modules.builtin',
  'modules.builtin.alias.bin',
  'modules.builtin.bin',
  'modules.dep',
  'modules.dep.bin',
  'modules.devname',
  'modules.softdep',
  'modules.symbols.bin',
];

/** Values of every key in a module's `.modinfo` section. */
export function parseModinfo(section: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  for (const record of Buffer.from(section).toString('utf8').split('\0')) {
    const equals = record.indexOf('=');
    if (equals < 0) continue;
    const key = record.slice(0, equals);
    const values = fields.get(key) ?? [];
    values.push(record.slice(equals + 1));
    fields.set(key, values);
  }
  return fields;
}

/** The kernel's name of a module: `-` and `_` are the same letter. */
export function moduleName(fileOrName: string): string {
  return basename(fileOrName).replace(MODULE_FILE, '').replaceAll('-', '_');
}

/** Names of the modules wanted and of all they depend on, sorted; `dependsOf` is undefined for built-in ones. */
export function moduleClosure(
  wanted: readonly string[],
  dependsOf: (name: string) => readonly string[] | undefined,
): string[] {
  const chosen = new Set<string>();
  const visit = (name: string): void => {
    if (chosen.has(name)) return;
    const depends = dependsOf(name);
    if (depends === undefined) return;
    chosen.add(name);
    for (const dependency of depends) visit(moduleName(dependency));
  };
  for (const name of wanted) visit(moduleName(name));
  return [...chosen].sort();
}

/** Copies the wanted modules, what they depend on, and their indexes into the image; gives the file count. */
export function installModules(
  packages: PackageTree,
  release: string,
  wanted: readonly string[],
  rootfs: Rootfs,
  stage: string,
): number {
  const base = `lib/modules/${release}`;
  const root = packages.find(base) ?? packages.find(`usr/${base}`);
  if (root === undefined)
    throw new ImageError(`The kernel package has no ${base}: delete .cache/images and try again.`);
  const files = new Map(
    readdirSync(join(root, 'kernel'), { recursive: true, encoding: 'utf8' })
      .filter((file) => MODULE_FILE.test(file))
      .map((file) => [moduleName(file), join('kernel', file)]),
  );
  const builtin = new Set(readFileSync(join(root, 'modules.builtin'), 'utf8').split('\n').map(moduleName));
  const contents = new Map<string, Buffer>();
  const chosen = moduleClosure(wanted, (name) => {
    const file = files.get(name);
    if (file === undefined) {
      if (builtin.has(name)) return undefined;
      throw new ImageError(
        `Kernel ${release} has no module ${name}: correct the list in scripts/images/image-spec.ts.`,
      );
    }
    const raw = readFileSync(join(root, file));
    const data = file.endsWith('.xz') ? packages.run('xz', ['-dc'], raw) : raw;
    contents.set(name, data);
    const modinfo = parseModinfo(new ElfFile(data).section('.modinfo') ?? new Uint8Array(0));
    return (modinfo.get('depends')?.[0] ?? '').split(',').filter((dependency) => dependency !== '');
  });
  const stageBase = join(stage, base);
  for (const name of chosen) {
    const file = (files.get(name) ?? name).replace(/\.xz$/, '');
    const data = contents.get(name) ?? Buffer.alloc(0);
    mkdirSync(dirname(join(stageBase, file)), { recursive: true });
    writeFileSync(join(stageBase, file), data);
    rootfs.file(`${base}/${file}`, data);
  }
  for (const list of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    writeFileSync(join(stageBase, list), readFileSync(join(root, list)));
  }
  packages.run('kmod', ['-b', stage, release], undefined, 'depmod');
  for (const index of INDEXES) rootfs.file(`${base}/${index}`, readFileSync(join(stageBase, index)));
  rmSync(stage, { recursive: true });
  return chosen.length;
}
