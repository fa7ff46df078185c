/** Where a host keeps the snapshots that `savevm` takes: bytes under the tag that the user gave. */
import { SnapshotError } from './snapshot-error.ts';

/** All methods reject with `SnapshotError` for what the host refuses. */
export interface SnapshotStore {
  /** The tags of what is kept, in the order of their names. */
  list(): Promise<readonly string[]>;
  /** The bytes in order, in pieces of any size; who stops early just leaves the loop. */
  read(tag: string): AsyncIterable<Uint8Array>;
  /** Takes the place of what was kept under the tag; when it fails, that is still there. */
  write(tag: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** Without effect when there is none. */
  delete(tag: string): Promise<void>;
}

/** Ending of the file or image that a snapshot is kept in. */
export const SNAPSHOT_ENDING = '.hotslot-snapshot';

/** A file's name may have 255 bytes; what is being written has a longer ending. */
const NAME_MAX = 200;

/** The file's name for a tag, which may have any characters: those that a path gives a meaning are escaped. Throws `SnapshotError`. */
export function snapshotFileName(tag: string): string {
  if (tag === '') throw new SnapshotError('A snapshot needs a tag');
  const name = encodeURIComponent(tag.replaceAll(/\p{Surrogate}/gu, '\ufffd'));
  if (name.length > NAME_MAX)
    throw new SnapshotError(`The tag of a snapshot is too long: ${tag.slice(0, 40)}…`);
  return name + SNAPSHOT_ENDING;
}

/** The tag of a file, which a user may have named; undefined when the name is of something else. */
export function tagOfFileName(fileName: string): string | undefined {
  if (!fileName.endsWith(SNAPSHOT_ENDING)) return undefined;
  const name = fileName.slice(0, -SNAPSHOT_ENDING.length);
  if (name === '') return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function refused(): never {
  throw new SnapshotError('This machine has no place to keep snapshots in');
}

/** A host that keeps none. */
export const NO_SNAPSHOTS: SnapshotStore = {
  list: async () => [],
  // biome-ignore lint/correctness/useYield: it has nothing to give.
  async *read() {
    refused();
  },
  write: async () => refused(),
  delete: async () => {},
};
