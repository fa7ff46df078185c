/** Files that a monitor's user writes. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { OutputError, type OutputFile } from '../emu/index.ts';
import { hostErrorText } from './host-errors.ts';

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
