/** First pass over the command line: which options there are. */
import { findOption } from './options-table.ts';
import { startError } from './start-error.ts';

/** One option of the command line; a disk image without option has the name `''`. */
export interface GivenOption {
  readonly name: string;
  /** Empty when the option takes none. */
  readonly value: string;
  /** As the user wrote it. */
  readonly at: string;
}

/** Throws StartError for an unknown option and for a value that is not there. */
export function splitArguments(args: readonly string[]): readonly GivenOption[] {
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
    given.push({ name: option.name, value, at: `${word} ${value}` });
  }
  return given;
}
