/** Commands that only say what this machine has not, as rows of tables. */
import type { ArgumentSpec, ArgumentValues } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';

/** A text with the values of arguments in place of their names in braces. */
type Text = string;

/** The answer depends on the word that was given for an argument; no word is the empty one. */
export interface ByWord {
  readonly by: string;
  readonly texts: Readonly<Record<string, Answer>>;
  /** The word is another; absent: QEMU's error for a word that is none of a list. */
  readonly other?: Answer;
}

/** A number has to be in a range, or not given; else the answer is another. */
export interface ByRange {
  readonly inRange: string;
  readonly least: number;
  readonly most: number;
  readonly outside: Answer;
  readonly inside: Answer;
}

/** The answer depends on which arguments are given. */
export interface ByGiven {
  readonly given: readonly string[];
  readonly all: Answer;
  readonly otherwise: Answer;
}

/** The answer depends on whether there is such a drive. */
export interface ByDrive {
  readonly drive: string;
  readonly none: Text;
  readonly there: Text;
}

/** The answer depends on whether vCPUs are executed. */
export interface ByAccel {
  readonly tcg: Text;
  readonly qtest: Text;
}

/** The answer depends on whether there is a board. */
export interface ByBoard {
  readonly pc: Text;
  readonly noBoard: Text;
}

export type Answer = Text | ByWord | ByRange | ByGiven | ByDrive | ByAccel | ByBoard;

/** Name, arguments as help shows them, description, arguments, answer. */
export type AbsentRow = readonly [
  name: string,
  params: string,
  help: string,
  args: readonly ArgumentSpec[],
  answer: Answer,
];

/** The same answer to each of some words. */
export function sameForAll(words: string, answer: Answer): Readonly<Record<string, Answer>> {
  return Object.fromEntries(words.split(' ').map((word) => [word, answer]));
}

function wordOf(args: ArgumentValues, name: string): string {
  return String(args.get(name) ?? '');
}

function textOf(answer: Answer, args: ArgumentValues, context: CommandContext): Text {
  const { machine } = context;
  if (typeof answer === 'string') return answer;
  if ('tcg' in answer) return answer[machine.inspect.accel];
  if ('pc' in answer) return machine.inspect.hasBoard ? answer.pc : answer.noBoard;
  if ('drive' in answer) {
    return machine.drives.find(wordOf(args, answer.drive)) === undefined ? answer.none : answer.there;
  }
  if ('inRange' in answer) {
    const value = args.get(answer.inRange);
    const isInside = value === undefined || (Number(value) >= answer.least && Number(value) <= answer.most);
    return textOf(isInside ? answer.inside : answer.outside, args, context);
  }
  if ('given' in answer) {
    const isGiven = answer.given.every((name) => args.has(name) && args.get(name) !== false);
    return textOf(isGiven ? answer.all : answer.otherwise, args, context);
  }
  const { by, texts, other = `Error: invalid parameter value: {${by}}` } = answer;
  const word = wordOf(args, by);
  return textOf((Object.hasOwn(texts, word) ? texts[word] : undefined) ?? other, args, context);
}

function absentCommand([name, params, help, args, answer]: AbsentRow): Command {
  return {
    name,
    args,
    params,
    help,
    run(context, values) {
      const text = textOf(answer, values, context).replaceAll(/\{([\w-]+)\}/g, (_, arg: string) =>
        wordOf(values, arg),
      );
      return text === '' ? '' : `${text}\n`;
    },
  };
}

export function absentCommands(rows: readonly AbsentRow[]): readonly Command[] {
  return rows.map(absentCommand);
}
