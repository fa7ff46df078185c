/**
 * The guest's requests for pages of the web, made by the browser's `fetch`. The browser lets a page read only what a site lets everybody
 * read (CORS); of a site that does not, the guest gets a page that says so.
 *
 * A request carries neither cookies nor the address of this page, and goes nowhere where the reader's browser is at home: not to this
 * page's own host, not to this computer, not to its network. Redirections are not followed: they could lead there.
 */
import { parseIpv4 } from '../../emu/index.ts';
import { isOutsideName } from './host-names.ts';
import type { HttpRequest } from './http-request.ts';

export interface WebAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: ReadableStream<Uint8Array> | Uint8Array | undefined;
}

export interface WebClientWorld {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Of this page, with a slash at its end. */
  readonly ownUrl: URL;
}

/** Spec: Fetch, CORS-safelisted request headers: others make the browser ask the site first. */
const SENT = ['accept', 'accept-language', 'content-language', 'content-type', 'range'];
const RECEIVED = ['content-type', 'content-language', 'cache-control', 'expires', 'last-modified', 'etag'];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const WITHOUT_BODY = new Set(['GET', 'HEAD']);

/** Addresses that are not of the outside: their first bits. Spec: IANA's registry of special addresses. */
const INSIDE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24'],
  ...['203.0.113.0/24', '224.0.0.0/3'],
].map((text) => {
  const [address = '', bits = ''] = text.split('/');
  return { network: parseIpv4(address) ?? 0, size: 2 ** (32 - Number(bits)) };
});

function isOutsideAddress(address: number): boolean {
  return !INSIDE.some(({ network, size }) => address >= network && address < network + size);
}

/** @param site the name or address that the guest connected to, where its request names none */
export async function askWeb(
  request: HttpRequest,
  site: string,
  { fetch, ownUrl }: WebClientWorld,
  signal: AbortSignal,
): Promise<WebAnswer> {
  const { method, target, headers, body } = request;
  if (!METHODS.has(method)) return page(501, 'Not Implemented', 'A page cannot send such a request.');
  const host = (headers.get('host') ?? site).toLowerCase().replace(/:80$/, '');
  const url = urlOf(host, target);
  if (url === undefined) return page(400, 'Bad Request', 'The request names no host that there is outside.');
  if (url.hostname === ownUrl.hostname) return forbidden('the host of the page that this PC runs in');
  const address = parseIpv4(url.hostname);
  const isOutside = address === undefined ? isOutsideName(url.hostname) : isOutsideAddress(address);
  if (!isOutside) return forbidden('a host that is not of the outside');
  const init: RequestInit = {
    ...{ method, signal, mode: 'cors', credentials: 'omit', referrerPolicy: 'no-referrer' },
    ...{ redirect: 'error', cache: 'no-store' },
    headers: SENT.flatMap((name): [string, string][] => {
      const value = headers.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
    ...(WITHOUT_BODY.has(method) ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  };
  // A page that came by https may ask for nothing that does not; other sites mostly send a browser there.
  const schemes = ownUrl.protocol === 'https:' ? ['https:'] : ['http:', 'https:'];
  for (const scheme of WITHOUT_BODY.has(method) ? schemes : schemes.slice(-1)) {
    url.protocol = scheme;
    const response = await fetch(url.href, init).catch(() => undefined);
    if (response !== undefined) return answerOf(response, method);
    if (signal.aborted) break;
  }
  return page(
    502,
    'Not readable for a page (CORS), redirected, or not reachable',
    `The browser gave nothing of ${url.host}. It gives a page only what the site lets every page read (CORS), and no redirection; or the site cannot be reached.`,
  );
}

function urlOf(host: string, target: string): URL | undefined {
  if (!/^[a-z\d_.-]+$/.test(host)) return undefined;
  try {
    return new URL(`http://${host}${target}`);
  } catch {
    return undefined;
  }
}

function answerOf({ status, statusText, headers, body }: Response, method: string): WebAnswer {
  const kept = RECEIVED.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return {
    status,
    reason: statusText,
    headers: kept,
    body: method === 'HEAD' ? undefined : (body ?? undefined),
  };
}

function forbidden(what: string): WebAnswer {
  return page(403, 'Forbidden', `The guest does not reach ${what}.`);
}

/** A small page of ours. @param text without characters that HTML has a use for */
export function page(status: number, reason: string, text: string): WebAnswer {
  const html = `<!doctype html><meta charset="utf-8"><title>${reason}</title><h1>${reason}</h1><p>${text}</p>\n`;
  const headers = [['content-type', 'text/html; charset=utf-8'] as const];
  return { status, reason, headers, body: new TextEncoder().encode(html) };
}
