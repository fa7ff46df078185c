/** Snapshots as files of this computer's. */
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SnapshotError, type SnapshotStore, snapshotFileName, tagOfFileName } from '../emu/index.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';

/** Behind the name of one that is being written. */
const UNFINISHED = '.part';

/** Keeps each as a file in `folder`. */
export function snapshotFiles(folder: string): SnapshotStore {
  const fileOf = async (tag: string): Promise<string> => {
    const named = (await names(folder)).find((name) => tagOfFileName(name) === tag);
    return join(folder, named ?? snapshotFileName(tag));
  };
  return {
    list: async () => (await names(folder)).flatMap((name) => tagOfFileName(name) ?? []),
    async *read(tag) {
      try {
        yield* createReadStream(await fileOf(tag), { highWaterMark: 1 << 20 });
      } catch (error) {
        refuse(error);
      }
    },
    async write(tag, pieces) {
      const path = await fileOf(tag);
      const unfinished = path + UNFINISHED;
      try {
        await writeFile(unfinished, pieces);
        await rename(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        refuse(error);
      }
    },
    delete: async (tag) => rm(await fileOf(tag), { force: true }).catch(refuse),
  };
}

async function names(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(refuse)).sort();
}

async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'w');
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
function refuse(error: unknown): never {
  if (hostErrorCode(error) === '') throw error;
  throw new SnapshotError(`Could not keep the snapshot: ${hostErrorText(error)}`);
}
