/** Files that a user of the monitor or the command line writes and reads. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { OutputError, type OutputFile } from '../emu/index.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';

/** Makes a file, or empties the one that is there; else what is against it. */
export function createFile(path: string): OutputFile | string {
  try {
    const file = openSync(path, 'w');
    return {
      write(bytes) {
        try {
          for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
        } catch (error) {
          throw new OutputError(hostErrorText(error));
        }
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    return hostErrorText(error);
  }
}

/** The text of a file, or what is against it. QEMU: a folder is a file without text. */
export function readTextFile(path: string): { readonly text: string } | string {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return hostErrorCode(error) === 'EISDIR' ? { text: '' } : hostErrorText(error);
  }
}
