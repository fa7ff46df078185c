/** Packages unpacked side by side: finds a file in them, knows whose it is, runs their programs. */
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { PackageFile } from './apt.ts';
import { ElfFile } from './elf.ts';
import { ImageError, run } from './failure.ts';

const PROGRAM_DIRECTORIES = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];

/** Unpacked packages; every file taken out is remembered for the manifest. */
export class PackageTree {
  readonly #directory: string;
  readonly #libraryDirectories: readonly string[];
  readonly #names: string[] = [];
  readonly #used = new Set<string>();

  constructor(directory: string, triplet: string) {
    this.#directory = directory;
    this.#libraryDirectories = [`lib/${triplet}`, `usr/lib/${triplet}`, 'lib64', 'lib', 'usr/lib64'];
  }

  /** Unpacks one package file. */
  add(packageFile: PackageFile): void {
    const target = join(this.#directory, packageFile.name);
    mkdirSync(target, { recursive: true });
    run('dpkg-deb', ['-x', packageFile.file, target]);
    this.#names.push(packageFile.name);
  }

  /** Names of the packages that gave at least one file to the image. */
  get used(): ReadonlySet<string> {
    return this.#used;
  }

  /** Host path of a path of the packages, symbolic links followed inside the package. */
  find(path: string, count = true): string | undefined {
    for (const name of this.#names) {
      const found = this.#resolve(join(this.#directory, name), path);
      if (found !== undefined) {
        if (count) this.#used.add(name);
        return found;
      }
    }
    return undefined;
  }

  /** Contents of a file that the image needs; ImageError when no package has it. */
  read(path: string): Buffer {
    const found = this.find(path);
    if (found === undefined) {
      throw new ImageError(
        `No Debian package in the list has ${path}: add its package to scripts/images/image-spec.ts.`,
      );
    }
    return readFileSync(found);
  }

  /** Path inside the packages of a program of that name; ImageError when there is none. */
  program(name: string): string {
    const path = PROGRAM_DIRECTORIES.map((d) => `${d}/${name}`).find(
      (p) => this.find(p, false) !== undefined,
    );
    if (path === undefined) {
      throw new ImageError(
        `No Debian package in the list has ${name}: add its package to scripts/images/image-spec.ts.`,
      );
    }
    return path;
  }

  /** Path inside the packages of a shared library, undefined when there is none. */
  library(soname: string): string | undefined {
    return this.#libraryDirectories
      .map((d) => `${d}/${soname}`)
      .find((p) => this.find(p, false) !== undefined);
  }

  /** Text of a package's copyright file; its documentation may be a link to another package's. */
  copyright(name: string): string | undefined {
    const documentation = `usr/share/doc/${name}`;
    const full = join(this.#directory, name, documentation);
    const link = lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const path = link ? join(dirname(documentation), readlinkSync(full)) : documentation;
    const found = this.find(`${path}/copyright`, false);
    return found === undefined ? undefined : readFileSync(found, 'utf8');
  }

  /** Runs an unpacked program with the unpacked loader and libraries, so that the host needs neither. */
  run(program: string, args: readonly string[], input?: Uint8Array, calledAs = program): Buffer {
    const path = this.find(this.program(program), false) ?? program;
    const interpreter = new ElfFile(readFileSync(path)).interpreter();
    const loader = interpreter === undefined ? undefined : this.find(interpreter.slice(1), false);
    if (loader === undefined)
      throw new ImageError(`The loader of ${program} is in no package: add libc6 to the list.`);
    const libraries = this.#names.flatMap((name) =>
      this.#libraryDirectories.map((d) => join(this.#directory, name, d)).filter((d) => existsSync(d)),
    );
    const loaderArgs = ['--argv0', calledAs, '--library-path', libraries.join(':'), path];
    return run(loader, [...loaderArgs, ...args], input === undefined ? {} : { input });
  }

  #resolve(root: string, path: string, depth = 0): string | undefined {
    const full = join(root, path);
    const stat = lstatSync(full, { throwIfNoEntry: false });
    if (stat === undefined || depth > 8) return undefined;
    if (!stat.isSymbolicLink()) return full;
    const target = resolve('/', dirname(path), readlinkSync(full));
    return this.#resolve(root, target.slice(1), depth + 1);
  }
}
