import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PARTS } from '../../scripts/testing/parts.ts';
import { projectFiles } from '../support/project.ts';
import { LAYERS } from './layer-table.ts';

const files = projectFiles();
const documents = files.filter((file) => file.endsWith('.md'));
/** What a build makes: not in the repository. */
const MADE = /^(dist|public\/images|\.cache|test-results|src\/emu\/cpu\/interp\/generated)(\/|$)/;
/** npm's own names for scripts. */
const OWN = ['start', 'test'];

function matches(document: string, pattern: RegExp): readonly string[] {
  return [...readFileSync(document, 'utf8').matchAll(pattern)].map(([, text = '']) => text);
}

function isThere(path: string): boolean {
  if (MADE.test(path)) return true;
  if (!path.includes('*')) return files.some((file) => file === path || file.startsWith(`${path}/`));
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
  return files.some((file) => pattern.test(file));
}

describe.each(documents)('%s', (document) => {
  it('names npm scripts that exist', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync('package.json', 'utf8'));
    const named = [
      ...matches(document, /\bnpm run ([\w:-]+)/g),
      ...matches(document, /\bnpm (start|test)\b/g),
    ];
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names parts of npm test that exist', () => {
    const known = PARTS.map(({ name }) => name);
    const named = matches(document, /\bnpm test -- ((?:[a-z0-9]+ ?)+)/g).flatMap((names) =>
      names.trim().split(' '),
    );
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('names files that exist', () => {
    const named = matches(document, /`((?:src|tests|scripts|docs|public|bin|\.ci)\/[\w./*-]+)`/g);
    const run = matches(document, /\bnpx tsx ([\w./-]+)/g);
    const paths = [...named, ...run].map((path) => path.replace(/\/$/, ''));
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });

  it('links to pages that exist', () => {
    const links = matches(document, /\]\(([^)\s]+)\)/g).filter((link) => !/^(https?:|#)/.test(link));
    const targets = links.map((link) => posix.join(posix.dirname(document), link.replace(/#.*/, '')));
    expect(targets.filter((target) => !existsSync(target))).toEqual([]);
  });
});

describe('what the README promises', () => {
  it('is there: licence, changes, the two commands', () => {
    for (const file of ['LICENSE', 'CHANGELOG.md', '.ci/run']) expect(files).toContain(file);
    const readme = readFileSync('README.md', 'utf8');
    for (const name of OWN) expect(readme).toContain(`npm ${name}`);
    expect(readFileSync('.ci/run', 'utf8')).toContain('npm test');
  });

  it('leads to every guide', () => {
    const linked = [
      ...matches('README.md', /\]\(([^)]+)\)/g),
      ...matches('docs/architecture.md', /\]\(([^)]+)\)/g),
    ];
    const guides = documents
      .filter((file) => /^docs\/[^/]+\.md$/.test(file))
      .map((file) => file.slice('docs/'.length));
    expect(guides.filter((guide) => !linked.some((link) => link.split('#')[0]?.endsWith(guide)))).toEqual([]);
  });
});

it('docs/architecture.md shows the layers that are tested', () => {
  const rows = [
    ...readFileSync('docs/architecture.md', 'utf8').matchAll(/^\| `([\w./-]+)` \|.*\| ([^|]+) \|$/gm),
  ]
    .map(([, folder = '', list = '']): readonly [string, readonly string[]] => [
      folder,
      list.trim() === '–' ? [] : list.trim().split(', '),
    ])
    .filter(([folder]) => !folder.startsWith('src/'));
  const short = (layer: string): string => layer.replace(/^emu\/(?!index)/, '');
  const expected = Object.entries(LAYERS).map(([folder, list]) => [folder, list.map(short).sort()]);
  expect(Object.fromEntries(rows.map(([folder, list]) => [folder, [...list].sort()]))).toEqual(
    Object.fromEntries(expected),
  );
});
