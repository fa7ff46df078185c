import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles } from '../support/project.ts';

const TEXT = /\.(ts|js|json|md|sh|css|html|svg|c|S|txt)$|^\.ci\//;
const files = projectFiles().filter((file) => TEXT.test(file));

/** `file:line` of each match. */
function places(where: RegExp, pattern: RegExp): readonly string[] {
  return files
    .filter((file) => where.test(file))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));
}

// The words themselves are put together here, or this file would be found.
const LEFT_STANDING = new RegExp(
  `\\b(${['TO', 'FIX', 'XX', 'HA'].map((a, n) => a + ['DO', 'ME', 'X', 'CK'][n]).join('|')})\\b`,
);
const PRIVATE = new RegExp(`(^|[^.\\w])(${['', 'work', ''].join('/')}|${['..', 'shared', ''].join('/')})`);
const WASM = new RegExp(`\\b${'Web'}${'Assembly'}\\b`);

describe('what must not be in the project', () => {
  it('work left standing', () => {
    expect(places(/^(src|tests|scripts|docs|README)/, LEFT_STANDING)).toEqual([]);
  });

  it('paths that only its authors have', () => {
    expect(places(/./, PRIVATE)).toEqual([]);
  });

  it('binary code for the browser', () => {
    expect(places(/^(src|scripts|public|index\.html|vite)/, WASM)).toEqual([]);
    expect(projectFiles().filter((file) => /\.(wasm|wat)$/.test(file))).toEqual([]);
  });

  it('a dependency that ships such code', () => {
    const { dependencies = {} }: { dependencies?: Record<string, string> } = JSON.parse(
      readFileSync('package.json', 'utf8'),
    );
    for (const name of Object.keys(dependencies)) {
      const shipped = filesBelow(join('node_modules', name));
      expect(shipped.filter((file) => file.endsWith('.wasm'))).toEqual([]);
      const code = shipped.filter((file) => /\.[cm]?js$/.test(file));
      expect(code.filter((file) => WASM.test(readFileSync(file, 'utf8')))).toEqual([]);
    }
  });

  it('large files', () => {
    expect(projectFiles().filter((file) => readFileSync(file).length > 1 << 20)).toEqual([]);
  });

  it('addresses of packages in the lock file: they would be those of one registry', () => {
    expect(readFileSync('package-lock.json', 'utf8')).not.toMatch(/"resolved": "http/);
  });
});

it('the lock file names every optional package, or `npm ci` refuses it: a registry without some writes it so', () => {
  type Packages = Record<string, { readonly optionalDependencies?: Record<string, string> }>;
  const { packages }: { packages: Packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});
