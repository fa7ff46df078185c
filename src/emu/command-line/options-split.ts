/** First pass over the command line: which options there are. */
import { readConfig } from './options-config.ts';
import { findOption } from './options-table.ts';
import { startError } from './start-error.ts';

/** One option of the command line; a disk image without option has the name `''`. */
export interface GivenOption {
  readonly name: string;
  /** Empty when the option takes none. */
  readonly value: string;
  /** As the user wrote it, or a colon and where: `:FILE:LINE`. */
  readonly at: string;
}

/** The text of a file, or the reason in the C library's words. */
export type TextReader = (path: string) => { readonly text: string } | string;

const IS_FOLDER = 'Is a directory';
const NO_FILES: TextReader = () => 'Operation not supported';

/** Throws StartError for an unknown option, for a value that is not there, and for what is wrong with a file of options. @param read absent: there are no files */
export function splitArguments(args: readonly string[], read: TextReader = NO_FILES): readonly GivenOption[] {
  const given: GivenOption[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    if (!word.startsWith('-')) {
      given.push({ name: '', value: word, at: word });
      continue;
    }
    const option = findOption(word.replace(/^--?/, ''));
    if (option === undefined) throw startError('invalid option', word);
    if (option.value === undefined) {
      given.push({ name: option.name, value: '', at: word });
      continue;
    }
    index++;
    const value = args[index];
    if (value === undefined) throw startError('requires an argument', word);
    const at = `${word} ${value}`;
    if (option.name === 'readconfig') given.push(...optionsOfFile(value, at, read));
    else given.push({ name: option.name, value, at });
  }
  return given;
}

function optionsOfFile(path: string, at: string, read: TextReader): readonly GivenOption[] {
  const found = read(path);
  if (typeof found !== 'string') return readConfig(found.text, path);
  if (found === IS_FOLDER) throw startError(`Cannot read config file: ${found}`, at);
  throw startError(`Could not open '${path}': ${found}`, at);
}
