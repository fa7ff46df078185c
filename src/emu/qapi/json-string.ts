/** What a string token of JSON says. */
import { decodeCText, isCharacter, TextBuilder, Utf8Cursor } from './utf8.ts';

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const HEX_DIGITS = 4;
/** `\uXXXX` */
const UNICODE_ESCAPE_BYTES = 6;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The text, or what QEMU says is wrong. */
export type StringContent = { readonly text: string } | { readonly error: string };

/** @param token with its quotes */
export function readString(token: Uint8Array): StringContent {
  const text = new TextBuilder(token.length);
  const cursor = new Utf8Cursor(token, 1, token.length - 1);
  while (!cursor.atEnd) {
    cursor.takeAscii(text, BACKSLASH);
    if (cursor.atEnd) break;
    const at = cursor.at;
    const character = cursor.next();
    if (character === undefined) return { error: 'invalid UTF-8 sequence in string' };
    if (character !== BACKSLASH) {
      text.add(character);
      continue;
    }
    const escaped = readEscape(token, at);
    if ('error' in escaped) return escaped;
    text.add(escaped.codePoint);
    cursor.at = escaped.end;
  }
  return { text: text.take() };
}

type Escape = { readonly codePoint: number; readonly end: number } | { readonly error: string };

function readEscape(token: Uint8Array, at: number): Escape {
  const letter = token[at + 1] ?? 0;
  if (letter === LETTER_U) return readUnicode(token, at);
  const meant = ESCAPES[String.fromCharCode(letter)];
  if (meant === undefined) return { error: 'invalid escape sequence in string' };
  return { codePoint: meant.charCodeAt(0), end: at + 2 };
}

function readUnicode(token: Uint8Array, at: number): Escape {
  let codePoint = readHex(token, at);
  let end = at + UNICODE_ESCAPE_BYTES;
  if (codePoint !== undefined && codePoint >> 10 === 0xd800 >> 10) {
    const low = token[end] === BACKSLASH && token[end + 1] === LETTER_U ? readHex(token, end) : undefined;
    if (low !== undefined && low >> 10 === 0xdc00 >> 10) {
      codePoint = 0x1_0000 + ((codePoint & 0x3ff) << 10) + (low & 0x3ff);
      end += UNICODE_ESCAPE_BYTES;
    }
  }
  if (codePoint !== undefined && isCharacter(codePoint)) return { codePoint, end };
  // QEMU: so many bytes are shown, whether they are digits or not, and the closing quote too.
  return { error: `${decodeCText(token.subarray(at, end))} is not a valid Unicode character` };
}

/** The digits of the `\uXXXX` at `at`. */
function readHex(token: Uint8Array, at: number): number | undefined {
  const from = at + UNICODE_ESCAPE_BYTES - HEX_DIGITS;
  const digits = String.fromCharCode(...token.subarray(from, from + HEX_DIGITS));
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
