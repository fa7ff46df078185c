import type { Remote } from 'comlink';
import type { DownloadReader, EmulatorApi } from '../workers/protocol.ts';

/** Larger images go straight to a file where the browser can do that, smaller ones the usual way of downloads. */
const DIRECT_BYTES = 512 * 2 ** 20;

interface FileSink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

declare global {
  interface Window {
    /** Chromium only. */
    showSaveFilePicker?(options: { suggestedName: string }): Promise<{ createWritable(): Promise<FileSink> }>;
  }
}

/** Gives the user the image as a file, byte for byte. Rejects with a sentence; resolves to false when the user changed their mind. */
export function downloadImage(
  api: Remote<EmulatorApi>,
  path: string,
  sizeBytes: number,
  onProgress: (doneBytes: number) => void,
): Promise<boolean> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return download(() => api.downloadImage(path), name, sizeBytes, onProgress);
}

/** The same for a file of the FAT file system in an image; the names lead to it from the root. */
export function downloadFile(
  api: Remote<EmulatorApi>,
  path: string,
  names: readonly string[],
  sizeBytes: number,
): Promise<boolean> {
  return download(
    () => api.downloadFile(path, names),
    names.at(-1) ?? '',
    sizeBytes,
    () => {},
  );
}

async function download(
  open: () => Promise<DownloadReader>,
  name: string,
  sizeBytes: number,
  onProgress: (doneBytes: number) => void,
): Promise<boolean> {
  const sink = sizeBytes > DIRECT_BYTES ? await chooseFile(name) : blobSink(name);
  if (sink === undefined) return false;
  const reader = await open();
  let doneBytes = 0;
  try {
    for (;;) {
      const bytes = await reader.read();
      if (bytes === undefined) break;
      await sink.write(new Uint8Array(bytes));
      doneBytes += bytes.length;
      onProgress(doneBytes);
    }
    await sink.close();
  } catch (error) {
    await sink.abort().catch(() => {});
    throw error;
  } finally {
    reader.cancel().catch(() => {});
  }
  return true;
}

/** Undefined when the user closes the picker. */
async function chooseFile(suggestedName: string): Promise<FileSink | undefined> {
  if (window.showSaveFilePicker === undefined) return blobSink(suggestedName);
  try {
    return await (await window.showSaveFilePicker({ suggestedName })).createWritable();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    // A frame of another origin may not ask for a file.
    if (error instanceof DOMException && error.name === 'SecurityError') return blobSink(suggestedName);
    throw error;
  }
}

/** The browser keeps large blobs on its disk. */
function blobSink(name: string): FileSink {
  let parts: Blob[] = [];
  let batch: Uint8Array<ArrayBuffer>[] = [];
  let batchBytes = 0;
  const seal = () => {
    parts.push(new Blob(batch));
    batch = [];
    batchBytes = 0;
  };
  return {
    async write(bytes) {
      batch.push(bytes);
      batchBytes += bytes.length;
      if (batchBytes >= 16 << 20) seal();
    },
    async close() {
      seal();
      const url = URL.createObjectURL(new Blob(parts, { type: 'application/octet-stream' }));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    async abort() {
      parts = [];
      batch = [];
    },
  };
}
