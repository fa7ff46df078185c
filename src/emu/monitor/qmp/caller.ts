/** QMP for a program that runs beside the machine: each request gets its answer, and events are told apart from them. */
import { MonitorError } from '../../core/monitor-error.ts';
import { parseJson } from '../../qapi/json-reader.ts';
import type { JsonValue } from '../../qapi/json-value.ts';
import { writeJson } from '../../qapi/json-writer.ts';
import { type QmpMessage, type QmpOptions, QmpSession } from './session.ts';

export class QmpCaller {
  readonly #session: QmpSession;
  /** Whom the next answers are for: the session answers in the order of the requests. */
  readonly #asked: ((message: QmpMessage) => void)[] = [];

  /** @param onEvent is told each event as a JSON text */
  constructor(onEvent: (event: string) => void, options: QmpOptions) {
    this.#session = new QmpSession((message) => {
      if (message['event'] !== undefined) onEvent(writeJson(message));
      else if (message['QMP'] === undefined) this.#asked.shift()?.(message);
    }, options);
    this.#session.start();
    void this.#request({ execute: 'qmp_capabilities' });
  }

  /** JSON text in, the whole answer as JSON text out, be it an error; never rejects for a caller's error. */
  async call(request: string): Promise<string> {
    let value: JsonValue;
    try {
      value = parseJson(request);
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      return writeJson({ error: { class: error.errorClass, desc: error.message } });
    }
    return writeJson(await this.#request(value));
  }

  #request(value: JsonValue): Promise<QmpMessage> {
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#session.request(value);
    });
  }
}
