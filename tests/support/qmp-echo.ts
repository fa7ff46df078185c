/** What QEMU's monitor answers to messages that name no command it has, so that a recording shows how it reads and writes JSON. */
import type { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { JsonReader } from '../../src/emu/qapi/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue, keysOf } from '../../src/emu/qapi/json-value.ts';
import { writeJson } from '../../src/emu/qapi/json-writer.ts';
import { inQdictOrder } from '../../src/emu/qapi/qdict-order.ts';

/** Follows each case: it ends whatever has begun, with an error of its own. */
export const RESET = Uint8Array.of(0x0a, 0xff, 0x0a);

/** A command that returns `value`. */
export function echo(value: string): string {
  return `{"execute":"e","id":${value}}`;
}

/** A reader of JSON with the answers to what it reads, as lines. */
export class QmpEcho {
  readonly lines: string[] = [];
  readonly reader: JsonReader;
  readonly #pretty: boolean;

  constructor(pretty = false) {
    this.#pretty = pretty;
    this.reader = new JsonReader((message) => {
      const answer = 'error' in message ? refused(message.error.message) : answerTo(message.value);
      this.lines.push(...writeJson(answer, this.#pretty).split('\n'));
    });
  }

  take(): readonly string[] {
    return this.lines.splice(0);
  }
}

function refused(desc: string, errorClass: MonitorError['errorClass'] = 'GenericError'): JsonObject {
  return { error: { class: errorClass, desc } };
}

function answerTo(request: JsonValue): JsonObject {
  if (!isJsonObject(request)) return refused('QMP input must be a JSON object');
  const id = request['id'];
  const wrong = wrongMember(request);
  const answer =
    wrong === undefined
      ? refused(`The command ${String(request['execute'])} has not been found`, 'CommandNotFound')
      : refused(`QMP input ${wrong}`);
  return id === undefined ? answer : { ...answer, id };
}

function wrongMember(request: JsonObject): string | undefined {
  for (const key of inQdictOrder(keysOf(request))) {
    const value = request[key];
    if (key === 'execute') {
      if (typeof value !== 'string') return "member 'execute' must be a string";
    } else if (key === 'arguments') {
      if (!isJsonObject(value)) return "member 'arguments' must be an object";
    } else if (key !== 'id') {
      return `member '${key}' is unexpected`;
    }
  }
  return request['execute'] === undefined ? "lacks member 'execute'" : undefined;
}
