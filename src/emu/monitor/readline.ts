/**
 * Line editing with history and completion. The bytes that redraw the line are those of QEMU's monitor, except where wide
 * characters or the length of the line make QEMU's wrong or many.
 */
import { characterWidth, clustersOf, textWidth } from './character-width.ts';

const HISTORY_LINES = 64;
/** QEMU: READLINE_CMD_BUF_SIZE. What is typed beyond it is ignored. */
const MAX_CHARACTERS = 4095;
/** Beyond it only what changed is drawn, or a long line would cost its square in output. */
const WHOLE_REDRAW_COLUMNS = 512;
/** Longer than any key's escape sequence. */
const MAX_ESCAPE = 16;
const SCREEN_COLUMNS = 80;
const MIN_COLUMN_WIDTH = 10;
const ERASE_TO_END = '\x1b[K';
const CLEAR_SCREEN = '\x1b[2J\x1b[1;1H';

/** What Tab found: `typed` is the part of the line that the candidates would replace. */
export interface Completion {
  readonly typed: string;
  readonly candidates: readonly string[];
}

export interface ReadlineOptions {
  readonly prompt: string;
  write(text: string): void;
  /** The user entered a line. */
  onLine(line: string): void;
  complete(beforeCursor: string): Completion;
}

const CSI_ACTIONS: Readonly<Record<string, KeyAction>> = {
  A: 'previous',
  B: 'next',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
};
const TILDE_ACTIONS: Readonly<Record<string, KeyAction>> = {
  '1': 'home',
  '7': 'home',
  '3': 'delete',
  '4': 'end',
  '8': 'end',
};
const CONTROL_ACTIONS: Readonly<Record<string, KeyAction>> = {
  '\x01': 'home',
  '\x02': 'left',
  '\x04': 'delete',
  '\x05': 'end',
  '\x06': 'right',
  '\x08': 'backspace',
  '\x09': 'complete',
  '\x0a': 'enter',
  '\x0b': 'kill',
  '\x0c': 'clear',
  '\x0d': 'enter',
  '\x0e': 'next',
  '\x10': 'previous',
  '\x15': 'killBack',
  '\x17': 'killWord',
  '\x7f': 'backspace',
};

type KeyAction =
  | 'previous'
  | 'next'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'delete'
  | 'backspace'
  | 'kill'
  | 'killBack'
  | 'killWord'
  | 'complete'
  | 'clear'
  | 'enter';

export class Readline {
  readonly #options: ReadlineOptions;
  readonly #history: string[] = [];
  /** The history line shown, or its length for the line being typed. */
  #recalled = 0;
  /** Characters, each with the marks that lie over it. */
  #line: string[] = [];
  #cursor = 0;
  /** Code points of the line. */
  #characters = 0;
  /** What is on the screen. */
  #shown: readonly string[] = [];
  /** Columns of what is on the screen left of the cursor. */
  #shownCursor = 0;
  /** More input waits: the line is drawn after it. */
  #postponed = false;
  /** The line or the cursor is not as it is on the screen. */
  #changed = false;
  /** An escape sequence under way, without ESC. */
  #escape: string | undefined;

  constructor(options: ReadlineOptions) {
    this.#options = options;
  }

  get history(): readonly string[] {
    return this.#history;
  }

  /** A new empty line. */
  start(): void {
    this.#replaceLine('');
    this.#escape = undefined;
    this.#forgetScreen();
    this.#recalled = this.#history.length;
    this.#options.write(this.#options.prompt);
  }

  /** Shows whole lines where the prompt is; prompt and line come below them. */
  above(lines: string): void {
    const columns = textWidth(clustersOf(this.#options.prompt)) + this.#shownCursor;
    this.#options.write(`${moveBy(-columns)}${ERASE_TO_END}${lines}${this.#options.prompt}`);
    this.#forgetScreen();
    this.#changed = true;
    this.#redraw();
  }

  /**
   * One character from the keyboard.
   * @param more other characters wait, so that the line need not be drawn now
   */
  input(character: string, more = false): void {
    this.#postponed = more;
    this.#take(character);
  }

  #take(character: string): void {
    if (this.#escape !== undefined) this.#escapeInput(character);
    else if (character === '\x1b') this.#escape = '';
    else {
      const action = CONTROL_ACTIONS[character];
      if (action !== undefined) this.#do(action);
      else if (character >= ' ') this.#insert(character);
    }
    if (!this.#postponed) this.#redraw();
  }

  #escapeInput(character: string): void {
    const sequence = `${this.#escape}${character}`;
    this.#escape = undefined;
    if (
      sequence === '[' ||
      sequence === 'O' ||
      (/^[[O][\d;]+$/.test(sequence) && sequence.length < MAX_ESCAPE)
    ) {
      this.#escape = sequence;
      return;
    }
    const [, parameter = '', final = ''] = /^[[O]([\d;]*)(.)$/.exec(sequence) ?? [];
    const action = final === '~' ? TILDE_ACTIONS[parameter] : CSI_ACTIONS[final];
    if (action !== undefined) this.#do(action);
  }

  #do(action: KeyAction): void {
    this.#changed = true;
    switch (action) {
      case 'enter':
        this.#enter();
        return;
      case 'clear':
        this.#options.write(`${CLEAR_SCREEN}${this.#options.prompt}`);
        this.#forgetScreen();
        break;
      case 'complete':
        this.#complete();
        break;
      case 'previous':
      case 'next':
        this.#recall(action === 'previous' ? -1 : 1);
        break;
      default:
        this.#edit(action);
        this.#count();
    }
  }

  #edit(action: Exclude<KeyAction, 'enter' | 'clear' | 'complete' | 'previous' | 'next'>): void {
    switch (action) {
      case 'left':
        this.#cursor = Math.max(0, this.#cursor - 1);
        break;
      case 'right':
        this.#cursor = Math.min(this.#line.length, this.#cursor + 1);
        break;
      case 'home':
        this.#cursor = 0;
        break;
      case 'end':
        this.#cursor = this.#line.length;
        break;
      case 'delete':
        this.#line.splice(this.#cursor, 1);
        break;
      case 'backspace':
        if (this.#cursor > 0) this.#erase(this.#cursor - 1);
        break;
      case 'kill':
        this.#line.length = this.#cursor;
        break;
      case 'killBack':
        this.#erase(0);
        break;
      case 'killWord':
        this.#erase(this.#wordStart());
        break;
    }
  }

  #wordStart(): number {
    let at = this.#cursor;
    while (at > 0 && this.#line[at - 1] === ' ') at--;
    while (at > 0 && this.#line[at - 1] !== ' ') at--;
    return at;
  }

  /** Removes what lies between `from` and the cursor. */
  #erase(from: number): void {
    this.#line.splice(from, this.#cursor - from);
    this.#cursor = from;
  }

  #replaceLine(text: string): void {
    this.#line = clustersOf(text);
    this.#cursor = this.#line.length;
    this.#count();
  }

  #count(): void {
    this.#characters = this.#line.reduce((sum, cluster) => sum + [...cluster].length, 0);
  }

  #insert(text: string): void {
    for (const character of text) {
      if (this.#characters >= MAX_CHARACTERS) return;
      this.#characters++;
      this.#changed = true;
      if (this.#cursor > 0 && characterWidth(character) === 0) this.#line[this.#cursor - 1] += character;
      else this.#line.splice(this.#cursor++, 0, character);
    }
  }

  #enter(): void {
    this.#redraw();
    const line = this.#line.join('');
    this.#options.write('\r\n');
    if (line !== '') this.#remember(line);
    this.#replaceLine('');
    this.#forgetScreen();
    this.#options.onLine(line);
  }

  /** QEMU: a line that was there before moves to the end. */
  #remember(line: string): void {
    const before = this.#history.indexOf(line);
    if (before >= 0) this.#history.splice(before, 1);
    else if (this.#history.length === HISTORY_LINES) this.#history.shift();
    this.#history.push(line);
  }

  #recall(step: number): void {
    const wanted = this.#recalled + step;
    if (wanted < 0 || wanted > this.#history.length) return;
    this.#recalled = wanted;
    this.#replaceLine(this.#history[wanted] ?? '');
  }

  #complete(): void {
    const { typed, candidates } = this.#options.complete(this.#line.slice(0, this.#cursor).join(''));
    const [first = '', ...others] = [...candidates].sort();
    if (first === '') return;
    if (others.length === 0) {
      this.#insert(`${first.slice(typed.length)}${/[/=]$/.test(first) ? '' : ' '}`);
      return;
    }
    this.#redraw();
    let common = first;
    for (const other of others) while (!other.startsWith(common)) common = common.slice(0, -1);
    if (common.length > typed.length) this.#insert(common.slice(typed.length));
    this.#options.write(`\r\n${columns([first, ...others])}${this.#options.prompt}`);
    this.#forgetScreen();
    this.#changed = true;
  }

  #forgetScreen(): void {
    this.#shown = [];
    this.#shownCursor = 0;
  }

  /** QEMU: back to the start, the whole line, erase the rest, back to the cursor. */
  #redraw(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const line = this.#line;
    const shown = this.#shown;
    let output = '';
    let at = this.#shownCursor;
    let same = 0;
    while (same < line.length && line[same] === shown[same]) same++;
    if (same < line.length || same < shown.length) {
      const columns = textWidth(line);
      if (columns <= WHOLE_REDRAW_COLUMNS) same = 0;
      output += `${moveBy(textWidth(line.slice(0, same)) - at)}${line.slice(same).join('')}${ERASE_TO_END}`;
      at = columns;
      this.#shown = [...line];
    }
    const cursor = textWidth(line.slice(0, this.#cursor));
    output += moveBy(cursor - at);
    this.#shownCursor = cursor;
    if (output !== '') this.#options.write(output);
  }
}

function moveBy(columnsRight: number): string {
  return columnsRight < 0 ? '\x1b[D'.repeat(-columnsRight) : '\x1b[C'.repeat(columnsRight);
}

/** QEMU's list of candidates: as many equal columns as fit. */
function columns(words: readonly string[]): string {
  const longest = Math.max(...words.map((word) => textWidth(word)));
  const width = Math.min(Math.max(longest + 2, MIN_COLUMN_WIDTH), SCREEN_COLUMNS);
  const perLine = Math.max(1, Math.floor((SCREEN_COLUMNS - 1) / width));
  return words
    .map((word, n) => {
      const last = n === words.length - 1 || n % perLine === perLine - 1;
      return `${word}${' '.repeat(Math.max(0, width - textWidth(word)))}${last ? '\r\n' : ''}`;
    })
    .join('');
}
