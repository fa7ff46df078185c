/**
 * How a command gets into a guest's bash over its console, and its output out of it.
 *
 * A line is typed that the shell's history does not keep. It switches echo off and asks for the command in pieces, each a line of
 * base64, shorter than a terminal's line may be. The command runs in a subshell; what it prints goes into a file without a
 * name and comes back as base64 in one go. So nothing that it prints can be taken for something else, and the
 * kernel's messages, which come in the middle of it, can: no line of base64 has brackets.
 *
 *     guest: RS id <             the next piece, please
 *     page:  base64 LF           a piece; an empty line behind the last one
 *     guest: RS id =             the command has ended; its output
 *     guest: base64 in lines
 *     guest: RS id > status RS
 */
import { KERNEL_MESSAGE } from './prompt-watch.ts';

/** What is given of a command's output; what is more is cut off. */
export const OUTPUT_MAX = 1 << 20;
/** Guest: Linux's n_tty takes 4095 characters of a line that is not read in raw mode. */
const PIECE = 3072;
/** Text before the output in which a sign of the guest's may be. */
const SIGN_MAX = 1 << 16;
/** Of `base64`. */
const LINE = 76;
const RECORD = '\x1e';

/** The line to type. It leaves no variable, no file, no echo switched off, and no entry in the history, not even where a user let it keep lines with a space before them. */
export function execLine(id: string): string {
  const file = `/tmp/.hotslot-${id}`;
  const sign = `\\036${id}`;
  const read = `while printf '${sign}<';read -r||exit;[ "$REPLY" ];do set -- "$1$REPLY";done`;
  const run = `(eval "set --;unset REPLY;$(base64 -d<<<"$1")")</dev/null >&8 2>&1 8>&- 9<&-`;
  const tell = `printf '${sign}=';head -c ${OUTPUT_MAX + 1} <&9|base64;printf '${sign}>%d\\036' "$1"`;
  return [
    ` (trap "stty $(stty -g)" EXIT;trap : INT;stty -echo;set --;${read}`,
    `exec 8<>${file} 9<${file};\\rm -f ${file};${run};set -- "$?";${tell})`,
    `case $(history 1) in *${id}*)history -d -1;;esac`,
  ].join(';');
}

/** The lines by which the command is sent, each when it is asked for. */
export function execPieces(command: string): readonly string[] {
  const text = toBase64(new TextEncoder().encode(command));
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += PIECE) pieces.push(`${text.slice(at, at + PIECE)}\n`);
  return [...pieces, '\n'];
}

export interface ExecOutput {
  readonly status: number;
  readonly output: string;
  readonly truncated: boolean;
}

/** Reads what the guest says from the typed line on. */
export class ExecReader {
  readonly #sign: string;
  #text = '';
  #wanted = 0;
  /** What the output came in; undefined before it. */
  #data: string[] | undefined;
  #result: ExecOutput | 'damaged' | undefined;
  #rest = '';

  constructor(id: string) {
    this.#sign = RECORD + id;
  }

  /** Pieces that were asked for. */
  get wanted(): number {
    return this.#wanted;
  }

  /** The command has ended; its output comes. */
  get hasEnded(): boolean {
    return this.#data !== undefined;
  }

  /** Damaged: something else was printed in between. */
  get result(): ExecOutput | 'damaged' | undefined {
    return this.#result;
  }

  /** What came behind the end. */
  get rest(): string {
    return this.#rest;
  }

  /** Gives what is for people: messages of the kernel. */
  push(text: string): string {
    if (this.#result !== undefined) {
      this.#rest += text;
      return '';
    }
    return this.#data === undefined ? this.#readSigns(text) : this.#readData(this.#data, text);
  }

  #readSigns(text: string): string {
    this.#text += text;
    const visible = this.#takeMessages();
    const asks = `${this.#sign}<`;
    for (let at = this.#text.indexOf(asks); at >= 0; at = this.#text.indexOf(asks)) {
      this.#wanted++;
      this.#text = this.#text.slice(at + asks.length);
    }
    const answers = this.#text.indexOf(`${this.#sign}=`);
    if (answers >= 0) {
      const data = this.#text.slice(answers + this.#sign.length + 1);
      this.#text = '';
      this.#data = [];
      return visible + this.#readData(this.#data, data);
    }
    this.#text = this.#text.slice(-SIGN_MAX);
    return visible;
  }

  /** The only RS behind the output is that of its end, which a message of the kernel may split. */
  #readData(data: string[], text: string): string {
    const end = this.#text === '' ? text.indexOf(RECORD) : 0;
    if (end < 0) {
      data.push(text);
      return '';
    }
    data.push(text.slice(0, this.#text === '' ? end : 0));
    this.#text += text.slice(end);
    let visible = this.#takeMessages();
    const ends = `${this.#sign}>`;
    const [status = '', ...rest] = this.#text.slice(ends.length).split(RECORD);
    if (!this.#text.startsWith(ends) || rest.length === 0) return visible;
    this.#rest = rest.join(RECORD);
    this.#text = data.join('');
    visible = this.#takeMessages() + visible;
    this.#result = outputOf(this.#text, Number(status));
    return visible;
  }

  #takeMessages(): string {
    const messages = this.#text.match(KERNEL_MESSAGE) ?? [];
    if (messages.length > 0) this.#text = this.#text.replaceAll(KERNEL_MESSAGE, '');
    return messages.join('');
  }
}

/** Lines that are no lines of `base64` are somebody else's. */
function outputOf(text: string, status: number): ExecOutput | 'damaged' {
  const lines = text.split(/\r?\n/);
  if (lines.pop() !== '') return 'damaged';
  const last = lines.at(-1) ?? '';
  const whole = lines.slice(0, -1).every((line) => line.length === LINE);
  const base64 = lines.join('');
  if (!whole || last.length > LINE || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    return 'damaged';
  }
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const truncated = bytes.length > OUTPUT_MAX;
  const output = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, OUTPUT_MAX));
  return { status, output, truncated };
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  // A call takes so many arguments in every browser.
  for (let at = 0; at < bytes.length; at += 8192) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  }
  return btoa(parts.join(''));
}
