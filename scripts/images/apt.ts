/** Debian's packages through apt, in a private directory: no root, nothing of the system is changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImageError, run } from './failure.ts';

/** One package of the archive as apt's lists describe it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  /** Names in Pre-Depends and Depends, first alternative only. */
  readonly depends: readonly string[];
}

/** A package file on disk, checked against the archive's hash. */
export interface PackageFile extends Package {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Fields of each stanza of a Debian control file, continuation lines joined. */
export function parseStanzas(text: string): ReadonlyMap<string, string>[] {
  return text
    .split(/\n\s*\n/)
    .map((stanza) => {
      const fields = new Map<string, string>();
      for (const [, name = '', value = ''] of stanza.matchAll(/^([^\s:#]+):[ \t]*(.*(?:\n[ \t].*)*)/gm)) {
        fields.set(name, value.trim());
      }
      return fields;
    })
    .filter((fields) => fields.size > 0);
}

/** Package names of a dependency field: the first alternative of each, no versions, no architectures. */
export function dependencyNames(field: string): string[] {
  return field
    .split(',')
    .map((clause) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(clause)?.[1] ?? '')
    .filter((name) => name !== '');
}

/** What one stanza of `apt-cache show` says; the source is `name version`. */
export function packageOf(fields: ReadonlyMap<string, string>): Package {
  const name = fields.get('Package') ?? '';
  const version = fields.get('Version') ?? '';
  const [, source = name, sourceVersion = version] =
    /^(\S+)(?:\s+\((.*)\))?/.exec(fields.get('Source') ?? '') ?? [];
  const depends = dependencyNames(`${fields.get('Pre-Depends') ?? ''},${fields.get('Depends') ?? ''}`);
  return { name, version, source: `${source} ${sourceVersion}`, depends };
}

/** Lines of `apt-get --print-uris download`: file name, bytes and SHA-256 of each package. */
export function parseUris(text: string): { file: string; sizeBytes: number; sha256: string }[] {
  return [...text.matchAll(/^'[^']*' (\S+) (\d+) SHA256:([0-9a-f]{64})$/gm)].map(
    ([, file = '', size = '', sha256 = '']) => ({ file, sizeBytes: Number(size), sha256 }),
  );
}

/** SHA-256 in hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** apt with its lists, cache and packages under one directory. */
export class PrivateApt {
  readonly #configuration: string;
  readonly #debs: string;

  constructor(directory: string, architecture: string) {
    this.#debs = join(directory, 'debs');
    this.#configuration = join(directory, 'apt.conf');
    const lists = join(directory, 'lists');
    const status = join(directory, 'status');
    for (const path of [this.#debs, join(lists, 'partial'), join(directory, 'archives/partial')]) {
      mkdirSync(path, { recursive: true });
    }
    writeFileSync(status, '');
    writeFileSync(
      this.#configuration,
      [
        `APT::Architecture "${architecture}";`,
        `#clear APT::Architectures;`,
        `APT::Architectures { "${architecture}"; };`,
        `Dir::State "${directory}";`,
        `Dir::State::Lists "${lists}";`,
        `Dir::State::status "${status}";`,
        `Dir::Cache "${directory}";`,
        'Dir::Cache::pkgcache "pkgcache.bin";',
        'Dir::Cache::srcpkgcache "";',
        'APT::Sandbox::User "root";',
        'Acquire::Languages "none";',
        'Acquire::Retries "2";',
        'Acquire::http::Timeout "30";',
        '#clear APT::Update::Pre-Invoke;',
        '#clear APT::Update::Post-Invoke;',
        '#clear APT::Update::Post-Invoke-Success;',
        '#clear Acquire::IndexTargets::deb::DEP-11;',
        '',
      ].join('\n'),
    );
  }

  /** Reads the archive's package lists; those of an earlier run serve when the network is away. */
  update(needed: string): void {
    run('apt-get', ['-qq', '-c', this.#configuration, 'update'], { allowFailure: true });
    if (this.#show([needed]).length === 0) {
      throw new ImageError(
        `Debian's archive gave no package ${needed}: connect to the network, check /etc/apt, and run \`npm run images\` again.`,
      );
    }
  }

  /** True: the lists of an earlier run have the package. */
  knows(name: string): boolean {
    return this.#show([name]).length > 0;
  }

  /** The archive's newest version of one package. */
  package(name: string): Package {
    const [found] = this.#show([name]);
    if (found === undefined) {
      throw new ImageError(
        `Debian's archive has no package ${name}: add Debian main to /etc/apt and try again.`,
      );
    }
    return found;
  }

  /** The named packages and all packages they reach through dependencies that `follow` accepts. */
  closure(names: readonly string[], follow: (name: string) => boolean): Package[] {
    const found = new Map<string, Package>();
    const asked = new Set<string>();
    let wave = [...names];
    while (wave.length > 0) {
      for (const name of wave) asked.add(name);
      const answers = this.#show(wave);
      for (const answer of answers) found.set(answer.name, answer);
      wave = [...new Set(answers.flatMap((p) => p.depends))].filter((n) => follow(n) && !asked.has(n));
    }
    const missing = names.find((name) => !found.has(name));
    if (missing !== undefined) this.package(missing);
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Downloads what the cache does not hold intact. */
  download(packages: readonly Package[]): PackageFile[] {
    const base = ['-qq', '-c', this.#configuration];
    const names = packages.map((p) => p.name);
    const uris = parseUris(run('apt-get', [...base, '--print-uris', 'download', ...names]).toString());
    const byName = new Map(uris.map((uri) => [uri.file.slice(0, uri.file.indexOf('_')), uri]));
    const intact = (uri: { file: string; sizeBytes: number; sha256: string }): boolean => {
      const path = join(this.#debs, uri.file);
      if (!existsSync(path) || statSync(path).size !== uri.sizeBytes) return false;
      return sha256Of(readFileSync(path)) === uri.sha256;
    };
    const wanted = packages.map((found) => {
      const uri = byName.get(found.name);
      if (uri === undefined)
        throw new ImageError(`apt cannot download ${found.name}: run \`npm run images\` again.`);
      return { found, uri, have: intact(uri) };
    });
    const absent = wanted.filter(({ have }) => !have);
    if (absent.length > 0) {
      for (const { uri } of absent) rmSync(join(this.#debs, uri.file), { force: true });
      const absentNames = absent.map(({ found }) => found.name);
      run('apt-get', [...base, 'download', ...absentNames], { cwd: this.#debs, allowFailure: true });
      const failed = absent.find(({ uri }) => !intact(uri));
      if (failed !== undefined) {
        throw new ImageError(
          `Debian's package ${failed.found.name} could not be downloaded: check the network and the free disk space and run \`npm run images\` again.`,
        );
      }
    }
    return wanted.map(({ found, uri }) => ({ ...found, ...uri, file: join(this.#debs, uri.file) }));
  }

  #show(names: readonly string[]): Package[] {
    const text = run('apt-cache', ['-c', this.#configuration, 'show', '--no-all-versions', ...names], {
      allowFailure: true,
    }).toString();
    return parseStanzas(text).map(packageOf);
  }
}
