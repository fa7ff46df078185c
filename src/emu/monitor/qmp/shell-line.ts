/**
 * Lines of QEMU's qmp-shell: a command, and arguments as `key=value`, where a dot in a key leads into an object and a value is a number, a truth value, an
 * object or a list in the notation of JSON or of Python, or else text. Spec: qmp-shell(1).
 * Ours: quotes around a value keep its spaces together and are no part of it; a line that is an object of JSON is a request as it is.
 */
import { MonitorError } from '../../core/monitor-error.ts';
import { parseJson } from '../../qapi/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../qapi/json-value.ts';

/** Words between spaces; what is in quotes is one, and so is what is in brackets. Throws `MonitorError`. */
export function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (const character of line) {
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
    word += character;
  }
  if (quote !== '') throw new MonitorError('No closing quotation');
  return word === '' ? words : [...words, word];
}

/** Python's words for what JSON calls otherwise, where they are no part of a text. */
function asJson(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\b(?:True|False|None)\b/g, (word, inQuotes) =>
    inQuotes !== undefined ? word : { True: 'true', False: 'false', None: 'null' }[word as 'True'],
  );
}

function readValue(text: string): JsonValue {
  const [, , quoted] = /^(["'])(.*)\1$/.exec(text) ?? [];
  if (quoted !== undefined) return quoted;
  if (/^[+-]?\d+$/.test(text)) return parseJson(text.replace(/^(-?)\+?0*(?=\d)/, '$1'));
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (/^[{[]/.test(text)) return parseJson(asJson(text));
  return text;
}

/** Puts the value where `key` leads. Throws `MonitorError`. */
function put(target: Record<string, JsonValue>, key: string, value: JsonValue): void {
  const path = key.split('.');
  const last = path.pop() ?? '';
  let object = target;
  for (const [depth, name] of path.entries()) {
    const there = object[name] ?? Object.create(null);
    if (!isJsonObject(there)) {
      throw new MonitorError(
        `Cannot use "${path.slice(0, depth + 1).join('.')}" as both leaf and non-leaf key`,
      );
    }
    object[name] = there;
    object = there as Record<string, JsonValue>;
  }
  if (object[last] !== undefined) throw new MonitorError(`Cannot set "${key}" multiple times`);
  object[last] = value;
}

/** The request that a line is; undefined for an empty one. Throws `MonitorError`. */
export function readShellLine(line: string): JsonObject | undefined {
  if (line.trimStart().startsWith('{')) {
    const request = parseJson(line);
    if (isJsonObject(request)) return request;
  }
  const [command, ...words] = shellWords(line);
  if (command === undefined) return undefined;
  const args: Record<string, JsonValue> = Object.create(null);
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 0) throw new MonitorError(`Expected a key=value pair, got '${word}'`);
    put(args, word.slice(0, at), readValue(word.slice(at + 1)));
  }
  return { execute: command, arguments: args };
}
