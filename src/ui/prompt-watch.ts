/** A message of the kernel's, which comes in the middle of any line. */
export const KERNEL_MESSAGE = /\[ *\d+\.\d{6}\] [^\n]*\n/g;

/** Spec: ECMA-48: control sequences, control strings, other escape sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters
const CONTROLS = /[\0-\x1f\x7f]/g;
/** At the start of a line, with what is typed behind it; or behind output without a line feed, and nothing typed yet. */
const PROMPT = /^\S*[#$] |\S[#$] $/;
/** Of a line that does not end only its start and its end are looked at. */
const LINE_MAX = 8192;
const KEPT = 1024;

/** Reads a console's text for whether a shell's prompt stands on its last line, as a user does. */
export class PromptWatch {
  #line = '';
  #lines = 0;

  push(text: string): void {
    const lines = (this.#line + text).replaceAll(KERNEL_MESSAGE, '').split('\n');
    const last = lines.at(-1) ?? '';
    this.#lines += lines.length - 1;
    this.#line = last.length > LINE_MAX ? last.slice(0, KEPT) + last.slice(-KEPT) : last;
  }

  /** Forgets what stands on the line and how many there were. */
  restart(): void {
    this.#line = '';
    this.#lines = 0;
  }

  /** Lines that ended since `restart`, without those of the kernel. */
  get lines(): number {
    return this.#lines;
  }

  get isAtPrompt(): boolean {
    return PROMPT.test(this.#line.replaceAll(ESCAPES, '').replaceAll(CONTROLS, ''));
  }
}
