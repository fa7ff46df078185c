/** Snapshots as files of this computer's. */
import { createReadStream, rmSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SnapshotError, type SnapshotStore, snapshotFileName, tagOfFileName } from '../emu/index.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';

/** Files that are being written; what a process that ends has not finished is of no use to anybody. */
const unfinishedFiles = new Set<string>();
let count = 0;

process.on('exit', () => {
  for (const path of unfinishedFiles) rmSync(path, { force: true });
});

/** Where the bytes are until they are whole: no other program writes there. */
function unfinishedFor(path: string): string {
  return `${path}.${process.pid}-${count++}.part`;
}

/** Keeps each as a file in `folder`. */
export function snapshotFiles(folder: string): SnapshotStore {
  const existing = async (tag: string): Promise<string | undefined> => {
    const name = (await names(folder)).find((one) => tagOfFileName(one) === tag);
    return name === undefined ? undefined : join(folder, name);
  };
  const fileOf = async (tag: string): Promise<string> =>
    (await existing(tag)) ?? join(folder, snapshotFileName(tag));
  return {
    list: async () => (await names(folder)).flatMap((name) => tagOfFileName(name) ?? []),
    async *read(tag) {
      try {
        yield* createReadStream(await fileOf(tag), { highWaterMark: 1 << 20 });
      } catch (error) {
        refuse(error, 'read');
      }
    },
    async write(tag, pieces) {
      const path = await fileOf(tag);
      const unfinished = unfinishedFor(path);
      unfinishedFiles.add(unfinished);
      try {
        await writeFile(unfinished, pieces);
        await rename(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        refuse(error);
      } finally {
        unfinishedFiles.delete(unfinished);
      }
    },
    async delete(tag) {
      const path = await existing(tag);
      if (path !== undefined) await rm(path, { force: true }).catch((error) => refuse(error, 'delete'));
    },
  };
}

/** Of what may be a snapshot. To open a pipe would wait for somebody to write into it. */
async function names(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of (await readdir(folder).catch((error) => refuse(error, 'read'))).sort()) {
    if (tagOfFileName(name) === undefined) continue;
    const about = await stat(join(folder, name)).catch(() => undefined);
    if (about?.isFile() === true) found.push(name);
  }
  return found;
}

async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const piece of pieces) {
      for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What the system refuses is told in its words; the rest is somebody else's error. */
function refuse(error: unknown, what: 'keep' | 'read' | 'delete' = 'keep'): never {
  if (hostErrorCode(error) === '') throw error;
  throw new SnapshotError(`Could not ${what} the snapshot: ${hostErrorText(error)}`);
}
