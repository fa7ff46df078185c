import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { MAX_TOKEN_BYTES } from '../../src/emu/qapi/json-lexer.ts';
import { type JsonMessage, JsonReader, parseJson } from '../../src/emu/qapi/json-reader.ts';
import {
  JsonDouble,
  jsonObject,
  keysOf,
  signedInteger,
  unsignedInteger,
} from '../../src/emu/qapi/json-value.ts';
import { writeJson } from '../../src/emu/qapi/json-writer.ts';
import { inQdictOrder } from '../../src/emu/qapi/qdict-order.ts';
import { inVisitorOrder } from '../../src/emu/qapi/visitor-order.ts';
import { BYTE_CASES, PRETTY_CASES, TEXT_CASES, UNEXPECTED_CASES } from '../golden/qmp/json-cases.ts';
import type { JsonRecording } from '../golden/qmp/json-recording.ts';
import { QmpEcho, RESET } from '../support/qmp-echo.ts';

const RECORDING: JsonRecording = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/qmp/json.json'), 'utf8'),
);
/** Longer cases are cut in two at some of their bytes only. */
const CUTS = 150;

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** The answers to pieces, each fed on its own. */
function answers(pieces: readonly Uint8Array[], pretty = false): readonly string[] {
  const echo = new QmpEcho(pretty);
  for (const piece of pieces) echo.reader.feed(piece);
  return echo.take();
}

/** What comes of bytes, as `value` or the error's text. */
function read(...pieces: readonly Uint8Array[]): readonly unknown[] {
  const seen: JsonMessage[] = [];
  const reader = new JsonReader((message) => seen.push(message));
  for (const piece of pieces) reader.feed(piece);
  reader.flush();
  return seen.map((message) => ('error' in message ? message.error.message : message.value));
}

describe('what QEMU 7.2 answered', () => {
  const shown = ({ input }: { readonly input: string }): string =>
    JSON.stringify(Buffer.from(input, 'base64').toString('latin1').slice(0, 60));

  it('was recorded with these cases', () => {
    const inputs = (cases: readonly Uint8Array[]) =>
      cases.map((bytes) => Buffer.from(bytes).toString('base64'));
    expect(RECORDING.bytes.map(({ input }) => input)).toEqual(inputs(BYTE_CASES));
    expect(RECORDING.pretty.map(({ input }) => input)).toEqual(inputs(PRETTY_CASES));
    expect(RECORDING.texts.map(({ text }) => text)).toEqual(TEXT_CASES);
    expect(RECORDING.unexpected.map(({ keys }) => keys)).toEqual(UNEXPECTED_CASES);
  });

  it.each(RECORDING.bytes.map((record) => [shown(record), record] as const))('%s', (_, record) => {
    const bytes = Buffer.concat([Buffer.from(record.input, 'base64'), RESET]);
    expect(answers([bytes])).toEqual(record.answers);
    expect(answers(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(record.answers);
    const step = Math.ceil(bytes.length / CUTS);
    for (let cut = 1; cut < bytes.length; cut += step) {
      expect(answers([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(record.answers);
    }
  });

  it.each(RECORDING.pretty.map((record) => [shown(record), record] as const))('prettily: %s', (_, record) => {
    expect(answers([Buffer.from(record.input, 'base64'), RESET], true)).toEqual(record.answers);
  });

  it.each(RECORDING.texts)('a whole text: $text', ({ text, error }) => {
    if (error === null) expect(() => parseJson(text)).not.toThrow();
    else expect(() => parseJson(text)).toThrow(new MonitorError(error));
  });

  it.each(RECORDING.unexpected)('the first unexpected of $keys.length members', ({ keys, first }) => {
    expect(inVisitorOrder(keys).find((key) => key !== 'id')).toBe(first);
  });

  it('all messages in one piece are the same messages', () => {
    const all = RECORDING.bytes.flatMap(({ input }) => [Buffer.from(input, 'base64'), RESET]);
    expect(answers([Buffer.concat(all)])).toEqual(RECORDING.bytes.flatMap((record) => record.answers));
  });
});

describe('values', () => {
  it('whole numbers of 64 bits are told apart from other numbers', () => {
    expect(parseJson('[0, -0, 9007199254740991, 9007199254740992, -9223372036854775808]')).toEqual([
      0,
      0,
      Number.MAX_SAFE_INTEGER,
      2n ** 53n,
      -(2n ** 63n),
    ]);
    expect(parseJson('[1.0, 1e2, 18446744073709551616, -9223372036854775809]')).toEqual([
      new JsonDouble(1),
      new JsonDouble(100),
      new JsonDouble(2 ** 64),
      new JsonDouble(-(2 ** 63)),
    ]);
  });

  it('a number is an integer if it is one for QEMU', () => {
    const cases: [string, bigint | undefined, bigint | undefined][] = [
      ['5', 5n, 5n],
      ['-1', -1n, 2n ** 64n - 1n],
      ['9223372036854775808', undefined, 2n ** 63n],
      ['5.0', undefined, undefined],
      ['"5"', undefined, undefined],
      ['true', undefined, undefined],
    ];
    for (const [text, signed, unsigned] of cases) {
      expect(signedInteger(parseJson(text)), text).toBe(signed);
      expect(unsignedInteger(parseJson(text)), text).toBe(unsigned);
    }
  });

  it('every key is a key', () => {
    const value = parseJson('{"__proto__": {"a": 1}, "constructor": 2}') as object;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  });

  it('keys keep their order', () => {
    expect(keysOf(parseJson('{"b": 1, "10": 2, "2": 3, "a": 4}') as object)).toEqual(['b', '10', '2', 'a']);
    expect(keysOf(jsonObject(new Map([['x', 1]])))).toEqual(['x']);
  });

  it('a text may be empty of values', () => {
    for (const text of ['', ' \n']) expect(() => parseJson(text)).toThrow('Expecting a JSON value');
  });

  it('a zero in a text is a character of it', () => {
    expect(parseJson('"a\0b"')).toBe('a\0b');
  });
});

describe('the end of the bytes', () => {
  it('ends a number or a word, which nothing else does', () => {
    expect(read(bytesOf('12'))).toEqual([12]);
    expect(read(bytesOf('tr'), bytesOf('ue'))).toEqual([true]);
  });

  it('is an error in a message, and another one may follow', () => {
    const seen: JsonMessage[] = [];
    const reader = new JsonReader((message) => seen.push(message));
    for (const text of ['[1', '"a', '\\', '7']) {
      reader.feed(bytesOf(text));
      reader.flush();
    }
    expect(seen.map((message) => ('error' in message ? message.error.message : message.value))).toEqual([
      'JSON parse error, premature EOI',
      "JSON parse error, stray '\"a'",
      "JSON parse error, stray '\\'",
      7,
    ]);
  });
});

describe('writing', () => {
  it('leaves out members that are undefined', () => {
    expect(writeJson({ a: 1, b: undefined })).toBe('{"a": 1}');
    expect(writeJson({ a: undefined }, true)).toBe('{\n}');
  });

  it('numbers of ours', () => {
    expect(writeJson([2 ** 60, -1, 0.5, new JsonDouble(1), 2n ** 64n - 1n])).toBe(
      '[1152921504606846976, -1, 0.5, 1, 18446744073709551615]',
    );
    expect(writeJson([Number.NaN, Number.NEGATIVE_INFINITY])).toBe('[nan, -inf]');
  });

  it('what is no character', () => {
    expect(writeJson('\ud83d|\ude00|\uffff|\u{1f600}')).toBe('"\\uFFFD|\\uFFFD|\\uFFFD|\\uD83D\\uDE00"');
  });

  it('values again as they were read', () => {
    const text =
      '{"b": [1, -9223372036854775808, 18446744073709551615, 2.5, "\\u00E9\\n"], "a": {"c": null}}';
    expect(writeJson(parseJson(writeJson(parseJson(text))))).toBe(writeJson(parseJson(text)));
  });
});

describe('the order of members', () => {
  it('does not follow that of the keys, but within one list: there the newest is first', () => {
    const keys = Array.from({ length: 400 }, (_, number) => `k${number}`);
    const forward = inQdictOrder(keys);
    const backward = inQdictOrder([...keys].reverse());
    expect([...forward].sort()).toEqual([...keys].sort());
    const moved = forward.filter((key, at) => key !== backward[at]);
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThan(keys.length);
  });
});

describe('bounds', { timeout: 120_000 }, () => {
  const MiB = 1 << 20;
  const LIMIT = 'JSON token size limit exceeded';
  const quoted = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length).fill(0x61);
    bytes[0] = 0x22;
    bytes[length - 1] = 0x22;
    return bytes;
  };

  it('a token of 64 MiB less a byte is the longest', () => {
    expect(read(quoted(MAX_TOKEN_BYTES))).toEqual([LIMIT]);
    const [text] = read(quoted(MAX_TOKEN_BYTES - 1));
    expect((text as string).length).toBe(MAX_TOKEN_BYTES - 3);
  });

  it('a longer token is given up in the middle, and its rest read as something else', () => {
    expect(read(quoted(MAX_TOKEN_BYTES + 3), bytesOf('\n\n5'))).toEqual([
      LIMIT,
      "JSON parse error, invalid keyword 'a'",
      "JSON parse error, stray '\"\n'",
      5,
    ]);
  });

  it('the tokens of one message together too', () => {
    const half = MAX_TOKEN_BYTES / 2;
    const list = (second: number) =>
      read(bytesOf('['), quoted(half), bytesOf(','), quoted(second), bytesOf(']'));
    const [texts] = list(half - 4);
    expect((texts as string[]).map(({ length }) => length)).toEqual([half - 2, half - 6]);
    expect(list(half - 3)).toEqual([LIMIT]);
  });

  it('a message has at most 2 Mi tokens', () => {
    const list = (tokens: number): Uint8Array => {
      const bytes = Buffer.alloc(tokens, '1,');
      bytes[0] = 0x5b;
      for (let at = 1; at < tokens; at++) bytes[at] = at % 2 === 1 ? 0x31 : 0x2c;
      bytes[tokens - 1] = 0x5d;
      return bytes;
    };
    expect(read(list(2 * MiB - 1))[0]).toHaveLength(MiB - 1);
    expect(read(list(2 * MiB + 1))).toEqual(['JSON token count limit exceeded']);
  });

  it('10,000 levels are refused every 1024 levels', () => {
    const deep = read(bytesOf('['.repeat(10_000)));
    expect(deep).toEqual([
      ...Array(9).fill('JSON nesting depth limit exceeded'),
      'JSON parse error, premature EOI',
    ]);
  });

  const small = 128 * 1024;
  const FACTOR = 8;
  it.each([
    ['a string', (bytes: number) => `"${'a'.repeat(bytes)}"`],
    ['a string of escapes', (bytes: number) => `"${'\\u00e9'.repeat(bytes / 6)}"`],
    ['a list', (bytes: number) => `[${'1,'.repeat(bytes / 8)}1]`],
    [
      'an object',
      (bytes: number) => `{${Array.from({ length: bytes / 16 }, (_, at) => `"k${at}":1`).join()}}`,
    ],
    ['many messages', (bytes: number) => '{"a":[1]} '.repeat(bytes / 10)],
    ['what is stray', (bytes: number) => '\\'.repeat(bytes)],
    ['a number', (bytes: number) => '9'.repeat(bytes)],
  ])('the time is in proportion to the bytes: %s', (_, make) => {
    // Of the processor, which has other work beside this.
    const durationMs = (bytes: number): number => {
      const input = bytesOf(make(bytes));
      const start = process.cpuUsage();
      // As a socket gives it.
      const reader = new JsonReader(() => {});
      for (let at = 0; at < input.length; at += 4096) reader.feed(input.subarray(at, at + 4096));
      reader.flush();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    durationMs(small);
    const least = Math.min(...Array.from({ length: 5 }, () => durationMs(small)));
    // With time in proportion to the square it would be 64. One of five without a collection in between is enough.
    let ratio = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 5 && ratio >= FACTOR * 5; tries++) {
      ratio = durationMs(FACTOR * small) / (least + 1);
    }
    expect(ratio).toBeLessThan(FACTOR * 5);
  });
});
