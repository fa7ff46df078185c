import { ExecReader, execLine, execPieces } from './exec-script.ts';
import { PromptWatch } from './prompt-watch.ts';

/** A prompt behind which nothing came for so long is one that waits for somebody. */
const AT_REST_MS = 100;
/** As long again, for what ended in a way that was not asked for. */
const BROKEN_MS = 500;
/** How long the console may be silent after a command ended or was told to end. */
const SILENT_MS = 5000;
/** What a user may type while a command runs. */
const HELD_MAX = 1 << 16;

const INTERRUPT = '\x03';
/**
 * To the end of the line, a letter behind it, and all of it is cut out; the empty line is entered. With the letter there is
 * something to cut in an empty line too, which `PUT_BACK` then pastes, and takes off the letter. The screen is left with the prompt alone.
 */
const PUT_ASIDE = '\x05x\x15\r';
const PUT_BACK = '\x19\x7f';
const ERASE_LINE = '\r\x1b[K';

export interface ExecResult {
  /** Null: the command did not end, or never began. */
  readonly status: number | null;
  /** What it printed, on both streams. */
  readonly output: string;
  readonly timedOut: boolean;
  /** There was more than fits into `output`. */
  readonly truncated: boolean;
}

/**
 * - waiting: the console is somebody else's
 * - clearing: what the user had typed is put aside
 * - running: from the typed line on to the end of the output
 * - closing: the prompt comes back
 * - abandoned: the command did not end when it was told to; the console is the user's, but what comes is still the command's
 * - late: the line was not cleared in time, as by a machine that is paused; when it is, it is put back, unless the user types before
 */
type Phase = 'waiting' | 'clearing' | 'running' | 'closing' | 'abandoned' | 'late';

interface Task {
  readonly id: string;
  readonly command: string;
  readonly timeoutMs: number;
  /** From its turn on. */
  timer: ReturnType<typeof setTimeout> | undefined;
  readonly resolve: (result: ExecResult) => void;
  readonly reject: (error: Error) => void;
}

interface Run {
  readonly task: Task;
  readonly reader: ExecReader;
  readonly pieces: readonly string[];
  sent: number;
  phase: Phase;
  timedOut: boolean;
}

const NOTHING: ExecResult = { status: null, output: '', timedOut: true, truncated: false };

/** The shell at the other end of the console: knows when it waits for a line, and runs commands in it beside the user, one after the other. */
export class GuestShell {
  /** The shell waits for a line, and nobody else's command runs. */
  onPrompt: () => void = () => {};
  readonly #send: (bytes: Uint8Array) => void;
  readonly #show: (text: string) => void;
  readonly #watch = new PromptWatch();
  readonly #queue: Task[] = [];
  #run: Run | undefined;
  #isAtRest = false;
  /** What came while the line is cleared. */
  #hidden = '';
  /** What the user typed meanwhile. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #restTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param send bytes to the guest
   * @param show text on the terminal that came earlier
   */
  constructor(send: (bytes: Uint8Array) => void, show: (text: string) => void) {
    this.#send = send;
    this.#show = show;
  }

  get isAtPrompt(): boolean {
    return this.#isAtRest && (this.#run === undefined || this.#run.phase === 'waiting');
  }

  /** Runs a command when those before it have ended and the shell waits for a line. Rejects when the shell or the machine is gone. */
  exec(command: string, timeoutMs: number): Promise<ExecResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ id: newId(), command, timeoutMs, timer: undefined, resolve, reject });
      this.#next();
    });
  }

  /** Text of the console; gives what the terminal shows of it. */
  output(text: string): string {
    this.#watch.push(text);
    const visible = this.#run === undefined ? text : this.#runOutput(this.#run, text);
    this.#lookForPrompt();
    return visible;
  }

  /** What the user typed. It waits while a command runs, which Ctrl-C ends. */
  input(bytes: Uint8Array): void {
    if (this.#run?.phase === 'late') {
      this.#run = undefined;
      this.#next();
    }
    const phase = this.#run?.phase ?? 'waiting';
    if (phase === 'waiting' || phase === 'abandoned') {
      if (bytes.some((byte) => byte === 10 || byte === 13)) this.#lineEntered();
      this.#send(bytes);
    } else if (bytes.includes(INTERRUPT.charCodeAt(0)) && phase === 'running') {
      this.#forgetHeld();
      this.#type(INTERRUPT);
    } else if (this.#heldBytes + bytes.length <= HELD_MAX) {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
    }
  }

  /** The guest that was there is gone: what it ran has no end. */
  reset(reason: string): void {
    const all = [...(this.#run === undefined ? [] : [this.#run.task]), ...this.#queue.splice(0)];
    this.#run = undefined;
    clearTimeout(this.#silenceTimer);
    for (const { timer } of all) clearTimeout(timer);
    this.#forgetHeld();
    this.#showHidden();
    this.#lineEntered();
    for (const { reject } of all) reject(new Error(reason));
  }

  #type(text: string): void {
    this.#send(new TextEncoder().encode(text));
  }

  /** Until the next prompt somebody else has the console. */
  #lineEntered(): void {
    this.#watch.restart();
    this.#isAtRest = false;
    clearTimeout(this.#restTimer);
  }

  #lookForPrompt(): void {
    clearTimeout(this.#restTimer);
    this.#isAtRest = false;
    if (!this.#watch.isAtPrompt) return;
    const phase = this.#run?.phase;
    const isRunning = phase === 'running' || phase === 'abandoned';
    this.#restTimer = setTimeout(() => this.#rest(), isRunning ? BROKEN_MS : AT_REST_MS);
  }

  #rest(): void {
    const run = this.#run;
    this.#isAtRest = true;
    // The shell is back without a word about the command, or it is a new shell.
    if (run?.phase === 'running' || run?.phase === 'abandoned') this.#broken(run);
    if (!this.isAtPrompt) return;
    this.onPrompt();
    if (this.#run?.phase === 'waiting') this.#clear(this.#run);
  }

  #next(): void {
    const phase = this.#run?.phase;
    const [task] = this.#queue;
    // One that was given up still has the shell, but keeps nobody from running out of time.
    if (task === undefined || (phase !== undefined && phase !== 'abandoned' && phase !== 'late')) return;
    task.timer ??= setTimeout(() => this.#timeout(task), task.timeoutMs);
    if (phase !== undefined) return;
    this.#queue.shift();
    const run: Run = {
      task,
      reader: new ExecReader(task.id),
      pieces: execPieces(task.command),
      sent: 0,
      phase: 'waiting',
      timedOut: false,
    };
    this.#run = run;
    if (this.#isAtRest) this.#clear(run);
  }

  #clear(run: Run): void {
    run.phase = 'clearing';
    this.#lineEntered();
    this.#type(PUT_ASIDE);
  }

  #runOutput(run: Run, text: string): string {
    switch (run.phase) {
      case 'waiting':
        return text;
      case 'clearing':
        this.#hidden += text;
        return this.#isCleared ? this.#begin(run) : '';
      case 'late':
        if (this.#isCleared) this.#end(run);
        return text;
      case 'running':
      case 'abandoned':
        return this.#read(run, text);
      case 'closing':
        return this.#close(run, text);
    }
  }

  /** The shell has taken the empty line, and waits for another one. */
  get #isCleared(): boolean {
    return this.#watch.lines > 0 && this.#watch.isAtPrompt;
  }

  /** The line is empty. What the shell drew to make it so is shown, but not the new line that it is on. */
  #begin(run: Run): string {
    const drawn = this.#hidden;
    this.#hidden = '';
    run.phase = 'running';
    this.#lineEntered();
    this.#type(`${execLine(run.task.id)}\r`);
    return drawn.slice(0, drawn.lastIndexOf('\n')).replace(/\r$/, '');
  }

  #read(run: Run, text: string): string {
    const { reader, pieces } = run;
    let visible = reader.push(text);
    for (; run.sent < reader.wanted && run.sent < pieces.length; run.sent++) {
      this.#type(pieces[run.sent] ?? '');
    }
    if (reader.hasEnded) clearTimeout(run.task.timer);
    if (reader.hasEnded || run.timedOut) this.#awaitEnd(run);
    if (reader.result === undefined) return visible;
    if (run.phase === 'running') run.phase = 'closing';
    this.#watch.restart();
    this.#watch.push(reader.rest);
    visible += ERASE_LINE;
    return visible + this.#close(run, reader.rest);
  }

  /** The end, or Ctrl-C, is answered soon; time runs anew with all that comes. */
  #awaitEnd(run: Run): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#giveUp(run), SILENT_MS);
  }

  #close(run: Run, text: string): string {
    if (!this.#watch.isAtPrompt) return text;
    const { result } = run.reader;
    this.#end(run);
    if (result === 'damaged') {
      run.task.reject(new Error('Something else was printed in the middle of what the command printed.'));
    } else if (result !== undefined) run.task.resolve({ ...result, timedOut: run.timedOut });
    return text;
  }

  /** The shell waits for a line: the user's. */
  #end(run: Run): void {
    const held = this.#held;
    const hadConsole = run.phase !== 'abandoned';
    this.#run = undefined;
    clearTimeout(run.task.timer);
    clearTimeout(this.#silenceTimer);
    this.#forgetHeld();
    this.#type(PUT_BACK);
    if (hadConsole) for (const bytes of held) this.input(bytes);
    // After the prompt has been looked at.
    queueMicrotask(() => this.#next());
  }

  #timeout(task: Task): void {
    const run = this.#run;
    if (run?.task !== task) {
      this.#queue.splice(this.#queue.indexOf(task), 1);
      task.resolve(NOTHING);
      this.#next();
      return;
    }
    run.timedOut = true;
    switch (run.phase) {
      case 'waiting':
      case 'clearing':
        this.#giveUp(run);
        break;
      case 'running':
        this.#type(INTERRUPT);
        this.#awaitEnd(run);
        break;
      case 'closing':
      case 'abandoned':
      case 'late':
        break;
    }
  }

  /** Nothing that is known would end it. */
  #giveUp(run: Run): void {
    run.task.resolve(NOTHING);
    const held = this.#held;
    this.#forgetHeld();
    if (run.phase === 'running') run.phase = 'abandoned';
    else if (run.phase === 'clearing') run.phase = 'late';
    else this.#run = undefined;
    this.#showHidden();
    for (const bytes of held) this.input(bytes);
    this.#next();
  }

  #broken(run: Run): void {
    const { resolve, reject } = run.task;
    if (run.timedOut) resolve(NOTHING);
    else
      reject(
        new Error('The shell came back without the end of the command: it was interrupted, or is no bash.'),
      );
    this.#show(ERASE_LINE);
    // The shell's prompt is not on the screen: it draws it anew for an empty line, which comes before the user's.
    this.#lineEntered();
    this.#type('\r');
    this.#end(run);
  }

  #showHidden(): void {
    if (this.#hidden !== '') this.#show(this.#hidden);
    this.#hidden = '';
  }

  #forgetHeld(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}

/** Not in any command, and in no line of the shell's history. */
function newId(): string {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
  return `${a.toString(36)}${b.toString(36)}`;
}
