/** A file of this computer that is read as text: one on a disk, or a pipe, whose writer may come later. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { BlockError, TEXT_MAX_BYTES } from '../emu/index.ts';

/** A pipe without a writer is opened at once. A thread of Node's that waited for the writer would be missing elsewhere. */
const PATIENT = constants.O_NONBLOCK ?? 0;

/** As much as `TEXT_MAX_BYTES` of the file. Rejects with `BlockError`. */
export async function readPipedText(path: string): Promise<string> {
  try {
    const fd = openSync(path, constants.O_RDONLY | PATIENT);
    const bytes = fstatSync(fd).isFIFO() ? await pipeContents(fd) : fileContents(fd);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    throw asLinuxError(error);
  }
}

function fileContents(fd: number): Uint8Array {
  try {
    const bytes = new Uint8Array(TEXT_MAX_BYTES);
    let done = 0;
    for (;;) {
      const count = readSync(fd, bytes, done, bytes.length - done, null);
      done += count;
      if (count === 0) return bytes.subarray(0, done);
    }
  } finally {
    closeSync(fd);
  }
}

/** Until the last writer closes the pipe. */
function pipeContents(fd: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on('data', (piece: Uint8Array) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= TEXT_MAX_BYTES) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(pieces).subarray(0, TEXT_MAX_BYTES)));
  });
}

function asLinuxError(error: unknown): BlockError {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  // A name with a zero byte in it has no number.
  return typeof errno === 'number' ? BlockError.ofLinux(-errno) : new BlockError('ENOENT');
}
