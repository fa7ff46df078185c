/** Who speaks on standard error. */
export const PROGRAM = 'hotslot-system-x86_64';

/** The machine cannot be started: `message` goes to standard error as it is, the process ends with status 1. */
export class StartError extends Error {
  /** The option with its value that has to be changed, as the user wrote it, or its place; undefined where it is not known. */
  about: string | undefined;

  constructor(message: string, about?: string) {
    super(message);
    this.name = 'StartError';
    this.about = about;
  }
}

/** The user asked for this text, not for a machine: it goes to standard output, the process ends with status 0. */
export class StartHelp extends StartError {}

/** What `read` gives. QEMU does not say of all errors which option they are about; `about` says so for those. */
export function readingOption<T>(about: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StartError) error.about ??= about;
    throw error;
  }
}

/**
 * A message as QEMU prints it.
 * @param at the option with its value, or a colon and a place in a file, when the message is about one
 */
export function report(message: string, at?: string): string {
  if (at === undefined) return `${PROGRAM}: ${message}`;
  if (!at.startsWith(':')) return `${PROGRAM}: ${at}: ${message}`;
  // QEMU: no hints for what is in a file.
  return `${PROGRAM}${at}: ${message.replace(/\n.*/s, '')}`;
}

/** A message without the program's name, for those who see where it comes from. */
export function withoutProgram(message: string): string {
  return message.replaceAll(`${PROGRAM}: `, '');
}

/** The error of one option, or of the command line as a whole. */
export function startError(message: string, at?: string): StartError {
  return new StartError(report(message, at), at);
}
