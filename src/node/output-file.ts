/** Files that a user of the monitor or the command line writes and reads. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { OutputError, type OutputFile } from '../emu/index.ts';
import { HOST_ERRORS, hostErrorText } from './host-errors.ts';

/** Makes a file, or empties the one that is there; else what is against it. */
export function createFile(path: string): OutputFile | string {
  try {
    const isNew = !existsSync(path);
    // It is emptied with the first bytes, so that what was in it is still there if none come.
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT);
    let isEmptied = false;
    const empty = (): void => {
      if (!isEmptied && fstatSync(file).isFile()) ftruncateSync(file);
      isEmptied = true;
    };
    return {
      write(bytes) {
        try {
          empty();
          for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
        } catch (error) {
          throw new OutputError(hostErrorText(error));
        }
      },
      close() {
        empty();
        closeSync(file);
      },
      abandon() {
        closeSync(file);
        if (isNew) unlinkSync(path);
      },
    };
  } catch (error) {
    return hostErrorText(error);
  }
}

/** The text of a file, or what is against it. */
export function readFileText(path: string): { readonly text: string } | string {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return hostErrorText(error);
  }
}

/** The same of a list of events. QEMU: a folder is a file without text. */
export function readTextFile(path: string): { readonly text: string } | string {
  const found = readFileText(path);
  return found === HOST_ERRORS.EISDIR ? { text: '' } : found;
}
