/** How a version tells what went wrong. */
import type { MonitorError } from '../../core/monitor-error.ts';

/** A text that was another one. Words in braces stand for what differs from case to case: `Bus '{bus}' not found`. */
export interface TextChange {
  readonly now: RegExp;
  readonly before: string;
  /** A line after it, for people. */
  readonly hint?: string | undefined;
}

/** What a user is told. */
export type ErrorText = Pick<MonitorError, 'message' | 'hint'>;

export interface ErrorStyle {
  /** What the human monitor puts before most errors. */
  readonly prefix: string;
  /** After a line that cannot be read it says where to find help. */
  readonly hints: boolean;
  /**
   * How an error about arguments calls the command: by all of its names, by the word that was typed last for it, or by the first word. In the last
   * case topics are an argument of `info`, which lists them all when it does not know one.
   */
  readonly calls: 'all-names' | 'last-word' | 'first-word';
  /** `help` says that it does not know a command; otherwise it says nothing. */
  readonly tellsUnknown: boolean;
  readonly changes: readonly TextChange[];
}

const PLACE = /\{(\w+)\}/g;
const SPECIAL = /[.*+?^$()|[\]\\]/g;

/**
 * @param now as QEMU 7.2 says it
 * @param before as it was, with some of the same words in braces
 */
export function change(now: string, before: string, hint?: string): TextChange {
  const pattern = now.replace(SPECIAL, '\\$&').replace(PLACE, '(?<$1>.*)');
  return { now: new RegExp(`^${pattern}$`), before: before.replace(PLACE, '$<$1>'), hint };
}

function reworded(changes: readonly TextChange[], text: string): string {
  const found = changes.find(({ now }) => now.test(text));
  return found === undefined ? text : text.replace(found.now, found.before);
}

/** What the version said of the same fault. */
export function inWordsOf({ changes }: ErrorStyle, { message, hint }: ErrorText): ErrorText {
  const found = changes.find(({ now }) => now.test(message));
  const told = hint === undefined ? undefined : reworded(changes, hint);
  return { message: reworded(changes, message), hint: found?.hint ?? told };
}
