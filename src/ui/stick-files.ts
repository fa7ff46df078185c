/** The files that somebody drops or picks for a stick, with the folders that they are in. */
import type { FilesRequest } from '../workers/protocol.ts';

type StickFile = FilesRequest['files'][number];

/** More than anybody means to: a home directory dropped by mistake. */
const FILES_MAX = 50_000;

export function stickFile(file: File, path = file.name): StickFile {
  return { path, file, modifiedMs: file.lastModified };
}

/** Call it in the listener of the drop. @param files what the browser tells where it tells no entries */
export async function stickFiles(
  items: readonly DataTransferItem[],
  files: readonly File[],
): Promise<readonly StickFile[]> {
  const entries = items.map((item) => item.webkitGetAsEntry());
  if (entries.length === 0 || entries.some((entry) => entry === null))
    return files.map((file) => stickFile(file));
  const found: StickFile[] = [];
  for (const entry of entries) if (entry !== null) await collect(entry, found);
  return found;
}

async function collect(entry: FileSystemEntry, found: StickFile[]): Promise<void> {
  if (entry instanceof FileSystemFileEntry) {
    if (found.length >= FILES_MAX) throw new Error(`These are more than ${FILES_MAX} files.`);
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push(stickFile(file, entry.fullPath));
  } else if (entry instanceof FileSystemDirectoryEntry) {
    for (const inner of await everythingIn(entry)) await collect(inner, found);
  }
}

async function everythingIn(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A reader gives some hundred at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}
