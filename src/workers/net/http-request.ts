/** Requests of HTTP as they come from the guest. Spec: RFC 9112. */

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By names in small letters; the last of each. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** A request that is no good: what is answered. */
export interface BadRequest {
  readonly status: number;
  readonly reason: string;
}

const HEAD_MAX = 32 * 1024;
const BODY_MAX = 4 << 20;
const METHOD = /^[A-Z]{1,20}$/;
const TARGET = /^\/[\x21-\x7e]*$/;
const VERSION = /^HTTP\/1\.[01]$/;
const BAD: BadRequest = { status: 400, reason: 'Bad Request' };
const TOO_LARGE: BadRequest = { status: 413, reason: 'Content Too Large' };

/** Takes the first request of a connection apart; what follows it is not looked at. */
export class HttpRequestReader {
  #bytes = new Uint8Array(0);
  #head: { readonly request: Omit<HttpRequest, 'body'>; readonly bodyAt: number } | undefined;
  #isDone = false;
  /** The client waits for a word before it sends the body. */
  awaitsContinue = false;

  /** Undefined: more is to come, or the request has been given out already. */
  take(more: Uint8Array): HttpRequest | BadRequest | undefined {
    if (this.#isDone) return undefined;
    const bytes = new Uint8Array(this.#bytes.length + more.length);
    bytes.set(this.#bytes);
    bytes.set(more, this.#bytes.length);
    this.#bytes = bytes;
    const made = this.#read();
    this.#isDone = made !== undefined;
    return made;
  }

  #read(): HttpRequest | BadRequest | undefined {
    if (this.#head === undefined) {
      const end = endOfHead(this.#bytes);
      if (end === undefined) return this.#bytes.length > HEAD_MAX ? { ...BAD, status: 431 } : undefined;
      const request = parseHead(new TextDecoder('latin1').decode(this.#bytes.subarray(0, end)));
      if ('status' in request) return request;
      this.#head = { request, bodyAt: end };
      this.awaitsContinue = request.headers.get('expect')?.toLowerCase() === '100-continue';
    }
    const { request, bodyAt } = this.#head;
    if (request.headers.has('transfer-encoding')) return { status: 411, reason: 'Length Required' };
    const given = request.headers.get('content-length') ?? '0';
    if (!/^\d+$/.test(given)) return BAD;
    const length = Number(given);
    if (length > BODY_MAX) return TOO_LARGE;
    if (this.#bytes.length < bodyAt + length) return undefined;
    return { ...request, body: this.#bytes.slice(bodyAt, bodyAt + length) };
  }
}

/** After the empty line. */
function endOfHead(bytes: Uint8Array): number | undefined {
  const newline = 10;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) {
    if (bytes[at + 1] === newline) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === newline) return at + 3;
  }
  return undefined;
}

function parseHead(text: string): Omit<HttpRequest, 'body'> | BadRequest {
  const [first = '', ...lines] = text.split(/\r?\n/);
  const [method = '', target = '', version = ''] = first.split(' ');
  if (!METHOD.test(method) || !TARGET.test(target) || !VERSION.test(version)) return BAD;
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (colon <= 0) return BAD;
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { method, target, headers };
}
