/** The command line of the page's machine: QEMU's words, without what a page does not have. */
import {
  type CommandLine,
  checkMemory,
  helpText,
  NONE_MACHINE,
  needsHost,
  readCommandLine,
  readingOption,
  StartError,
  splitArguments,
  splitWords,
  startError,
  type Word,
  withoutProgram,
} from '../emu/index.ts';
import type { LineAnswer } from './protocol.ts';

/** Longer ones are no command lines: anybody may put anything into a link. */
const LINE_MAX = 16_384;
/** What stands before the options where a line is copied from elsewhere. */
const PROGRAMS = /(?:^|\/)(?:qemu|hotslot)-system-x86_64$/;

const NOT_HERE: Readonly<Record<NonNullable<ReturnType<typeof needsHost>>, string>> = {
  file: 'this page has no files of a host; disk images are plugged in with drive_add and device_add',
  // What a kernel starts first can be named on its command line: a link from anybody must not choose it.
  kernel: 'this page starts the kernel of its guest image, with the command line of that',
  terminal: 'this page has the monitor and the serial port in its own terminals',
};

/** A machine, or a text that the line asks for. */
export type MachineLine =
  | { readonly commandLine: CommandLine; readonly warnings: readonly string[] }
  | { readonly text: string };

/**
 * Throws StartError.
 * @param memoryBytes of a machine whose line does not say how much
 */
export function readMachineLine(line: string, memoryBytes: number): MachineLine {
  const args = wordsOf(line).map(({ text }) => text);
  const given = splitArguments(args);
  for (const { name, at } of given) {
    const what = needsHost(name);
    if (what !== undefined) throw startError(NOT_HERE[what], at);
  }
  const warnings: string[] = [];
  const wanted = readCommandLine(args, (text) => warnings.push(withoutProgram(text)));
  if (!('text' in wanted)) {
    const { kernel, initrd, append } = wanted;
    const about = (option: string): string | undefined => given.findLast(({ name }) => name === option)?.at;
    // -machine has them too.
    if ((kernel ?? initrd ?? append) !== undefined) throw startError(NOT_HERE.kernel, about('machine'));
    if (wanted.machineType === NONE_MACHINE || wanted.accel === 'qtest') {
      const option = wanted.accel === 'qtest' && about('accel') !== undefined ? 'accel' : 'machine';
      throw startError(
        'this page starts a guest, which needs a board and a processor that runs',
        about(option),
      );
    }
    readingOption(about('m'), () => checkMemory(wanted.memoryBytes ?? memoryBytes, wanted));
    return { commandLine: wanted, warnings };
  }
  return given.some(({ name }) => name === 'help') ? { text: helpText(false) } : wanted;
}

/** Whether both have the same words. Throws StartError. */
export function isSameLine(one: string, other: string): boolean {
  const words = (line: string): string => JSON.stringify(wordsOf(line).map(({ text }) => text));
  return words(one) === words(other);
}

/** What the user is shown of an error. Anything but a StartError is thrown again. */
export function answerOf(error: unknown, line: string): LineAnswer {
  if (!(error instanceof StartError)) throw error;
  return { kind: 'error', text: withoutProgram(error.message), range: rangeOf(error.about, line) };
}

function wordsOf(line: string): readonly Word[] {
  if (line.length > LINE_MAX) throw startError(`a command line has at most ${LINE_MAX} characters here`);
  const words = splitWords(line);
  return PROGRAMS.test(words[0]?.text ?? '') ? words.slice(1) : words;
}

/** Where an option and its value are in the line; of several that are the same the last one. */
function rangeOf(about: string | undefined, line: string): LineAnswer['range'] {
  if (about === undefined || line.length > LINE_MAX) return undefined;
  try {
    const words = splitWords(line);
    const at = words.findLastIndex(
      ({ text }, index) => text === about || `${text} ${words[index + 1]?.text}` === about,
    );
    const first = words[at];
    if (first === undefined) return undefined;
    const last = first.text === about ? first : words[at + 1];
    return { start: first.start, end: last?.end ?? first.end };
  } catch {
    // The line cannot be split: what is wrong with it goes up to its end.
    return line.endsWith(about) ? { start: line.length - about.length, end: line.length } : undefined;
  }
}
