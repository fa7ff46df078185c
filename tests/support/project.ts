/** What belongs to the project, seen from its top folder, where tests run. */
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['.ci', 'docs', 'scripts', 'src', 'tests'];

/** Paths of all files in the repository and of new ones that git does not ignore, or of what lies in its folders where there is no git. */
export function projectFiles(): readonly string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // A link, as to the images of another worktree, is no file of the project's.
    return listed
      .split('\n')
      .filter((file) => file !== '' && lstatSync(file, { throwIfNoEntry: false })?.isFile() === true);
  } catch {
    return FOLDERS.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    ).concat(['README.md', 'CHANGELOG.md']);
  }
}
