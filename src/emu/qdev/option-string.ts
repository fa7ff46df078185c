/** Option strings, `key=value,key=value`, as on the command line and in the monitor. Spec: QEMU docs, "-device help". */
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonValue } from '../qapi/json-value.ts';

/** Options in the order given; a key given twice is there twice and the last one counts. Values are text, or JSON from QMP. */
export class Options<V extends JsonValue = string> {
  readonly entries: readonly (readonly [key: string, value: V])[];
  readonly id: string | undefined;
  /** The values are JSON: their types count. */
  readonly json: boolean;

  constructor(entries: readonly (readonly [key: string, value: V])[], id?: string, json = false) {
    this.entries = entries;
    this.id = id;
    this.json = json;
  }

  get(key: string): V | undefined {
    return this.entries.findLast(([name]) => name === key)?.[1];
  }

  /** Keys with the value that counts, in the order of their first mention. */
  effective(): Map<string, V> {
    return new Map(this.entries);
  }
}

const ID_PATTERN = /^[A-Za-z][A-Za-z0-9\-._]*$/;

/** QEMU's rule for `id=`. */
export function isWellFormedId(id: string): boolean {
  return ID_PATTERN.test(id);
}

/** QEMU's error for an `id=` that breaks the rule. */
export function badIdError(): MonitorError {
  return new MonitorError(
    "Parameter 'id' expects an identifier",
    'GenericError',
    "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.",
  );
}

/** Where one option ends; `,,` is a comma of the value. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } {
  let value = '';
  let at = start;
  for (; at < text.length; at++) {
    if (text[at] === ',') {
      if (text[at + 1] !== ',') break;
      at++;
    }
    value += text[at];
  }
  return { value, end: at };
}

interface ParsedOption {
  readonly key: string;
  readonly value: string;
  readonly end: number;
  /** The user wrote no value. */
  readonly flag?: string;
}

function readOption(text: string, at: number, implied: string | undefined): ParsedOption {
  const name = /^[^=,]*/.exec(text.slice(at))?.[0] ?? '';
  const afterName = at + name.length;
  if (text[afterName] === '=') return { key: name, ...readValue(text, afterName + 1) };
  if (at === 0 && implied !== undefined) return { key: implied, ...readValue(text, 0) };
  const negated = name.startsWith('no');
  const key = negated ? name.slice(2) : name;
  return { key, value: negated ? 'off' : 'on', end: afterName, flag: name };
}

function readOptions(text: string, implied: string | undefined): readonly ParsedOption[] {
  const parsed: ParsedOption[] = [];
  for (let at = 0; at < text.length; ) {
    const option = readOption(text, at, implied);
    parsed.push(option);
    at = option.end + 1;
  }
  return parsed;
}

const isHelpFlag = ({ flag }: ParsedOption): boolean => flag === 'help' || flag === '?';

function optionsOf(parsed: readonly ParsedOption[], id: string | undefined): Options {
  return new Options(
    parsed.filter(({ key }) => key !== 'id').map(({ key, value }) => [key, value] as const),
    id,
  );
}

/**
 * Splits an option string of QEMU's other syntax, that of objects: every option but help has a value, the last `id` counts, and who uses
 * the options looks at it. Throws `MonitorError`.
 */
export function parseKeyValues(text: string, implied: string): Options {
  const parsed = readOptions(text, implied);
  for (const option of parsed) {
    if (option.key === '' || text.startsWith(',')) throw new MonitorError("Invalid parameter ''");
    if (option.flag !== undefined && !isHelpFlag(option)) {
      throw new MonitorError(`Expected '=' after parameter '${option.flag}'`);
    }
  }
  return optionsOf(parsed, parsed.findLast(({ key }) => key === 'id')?.value);
}

/** Options that follow the short form of something else, whose id is known: an `id` among them says nothing. */
export function parseMoreOptions(text: string, implied: string | undefined): Options['entries'] {
  return optionsOf(readOptions(text, implied), undefined).entries;
}

/**
 * Splits an option string. Throws `MonitorError` for a bad `id`.
 * @param implied the key of a first option without `=`
 * @param warn told QEMU's warning about an option without value
 */
export function parseOptions(
  text: string,
  implied: string | undefined,
  warn: (message: string) => void,
): Options {
  const parsed = readOptions(text, implied);
  // QEMU: the first `id` names the options, before any warning is given.
  const id = parsed.find(({ key }) => key === 'id')?.value;
  if (id !== undefined && !isWellFormedId(id)) throw badIdError();
  for (const option of parsed) {
    const { key, value, flag } = option;
    if (flag === undefined || isHelpFlag(option)) continue;
    warn(`warning: short-form boolean option '${flag}' deprecated\nPlease use ${key}=${value} instead`);
  }
  return optionsOf(parsed, id);
}
