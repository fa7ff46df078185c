/** Files of Debian packages that the bench needs and the host need not have: unpacked in the bench's cache, no root. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { PrivateApt } from '../images/apt.ts';
import { run } from '../images/failure.ts';
import { CACHE } from './cache.ts';

/** The tree of unpacked packages, fetched when they are first asked for. Throws when they cannot be had. */
export function debianFiles(packages: readonly string[]): string {
  const tree = resolve(CACHE, 'debian', packages.join('+'));
  if (existsSync(tree)) return tree;
  const apt = new PrivateApt(resolve('.cache/images/amd64'), 'amd64');
  apt.update(packages[0] ?? '');
  const fresh = `${tree}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    for (const { file } of apt.download(packages.map((name) => apt.package(name)))) {
      run('dpkg-deb', ['-x', file, fresh]);
    }
    // Links into packages that are not here; tools that walk the project's folders stumble over them.
    run('find', [fresh, '-xtype', 'l', '-delete']);
    if (!existsSync(tree)) renameSync(fresh, tree);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return tree;
}
