import { fetchGuestFile } from './guest-fetch.ts';
import { type GuestFile, type GuestManifest, missingImageError, parseManifest } from './guest-manifest.ts';
import type { BootProgress } from './protocol.ts';
import { errorText, UserError } from './user-error.ts';

export interface LoadedGuest {
  readonly manifest: GuestManifest;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

export interface LoaderEnvironment {
  fetch(url: string): Promise<Response>;
  /** Undefined where the page is not in a secure context: then only sizes are checked. */
  readonly subtle: Pick<SubtleCrypto, 'digest'> | undefined;
}

const RETRY = 'Check the network connection, then load the page again.';
const STALE = 'Load the page again; if it stays, run `npm run images` where this page is built.';

/**
 * Downloads, unpacks and checks the guest.
 * @param baseUrl folder of manifest.json, with a slash at its end
 * @throws UserError
 */
export async function loadGuest(
  baseUrl: string,
  onProgress: (progress: BootProgress) => void,
  onManifest: (manifest: GuestManifest) => void = () => {},
  environment: LoaderEnvironment = browserEnvironment(),
): Promise<LoadedGuest> {
  const manifest = await loadManifest(baseUrl, environment);
  onManifest(manifest);
  const load = async (what: string, file: GuestFile): Promise<Uint8Array> => {
    const bytes = await download(environment, baseUrl, what, file, onProgress);
    await check(environment, what, file, bytes, onProgress);
    return bytes;
  };
  // One after the other: both want the same line, and the progress reads in order.
  const kernel = await load('Linux kernel', manifest.kernel);
  const initrd = await load('root file system', manifest.initrd);
  return { manifest, kernel, initrd };
}

/** @throws UserError */
export async function loadManifest(
  baseUrl: string,
  environment: LoaderEnvironment = browserEnvironment(),
): Promise<GuestManifest> {
  return parseManifest(await (await open(environment, `${baseUrl}manifest.json`)).text());
}

/**
 * The file as the server has it: packed, unless the browser unpacked it on the way.
 * @param onBytes hears how many more there are
 * @throws UserError
 */
export async function downloadFile(
  url: string,
  { compressedBytes, rawBytes }: GuestFile,
  onBytes: (bytes: number) => void,
  environment: LoaderEnvironment = browserEnvironment(),
): Promise<Uint8Array> {
  const { body } = await open(environment, url);
  if (body === null) throw new UserError(`The server sent nothing for ${url}.`, RETRY);
  const pieces: Uint8Array[] = [];
  const reader = body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw brokeOff(url, error);
    });
    if (done) return joinPieces(pieces, length);
    length += value.length;
    if (length > Math.max(compressedBytes, rawBytes)) throw longerError();
    pieces.push(value);
    onBytes(value.length);
  }
}

function joinPieces(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function browserEnvironment(): LoaderEnvironment {
  return { fetch: (url) => fetchGuestFile(url), subtle: crypto.subtle };
}

async function open(environment: LoaderEnvironment, url: string): Promise<Response> {
  let response: Response;
  try {
    response = await environment.fetch(url);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Could not download ${url}: ${errorText(error)}.`, RETRY);
  }
  if (response.status === 404) throw missingImageError(url);
  if (!response.ok) throw new UserError(`The server refused ${url}: HTTP status ${response.status}.`, RETRY);
  return response;
}

async function download(
  environment: LoaderEnvironment,
  baseUrl: string,
  what: string,
  file: GuestFile,
  onProgress: (progress: BootProgress) => void,
): Promise<Uint8Array> {
  const url = `${baseUrl}${file.file}`;
  const { stream } = await openStream(environment, url, file, what, onProgress);
  try {
    const unpacked = await collect(stream, file.rawBytes);
    onProgress({ step: 'unpack', what, doneBytes: unpacked.length, totalBytes: file.rawBytes });
    return unpacked;
  } catch (error) {
    throw brokeOff(url, error);
  }
}

type Packing = 'gzip' | 'none';

/** The file as it arrives, unpacked if the browser can. */
async function openStream(
  environment: LoaderEnvironment,
  url: string,
  file: GuestFile,
  what: string,
  onProgress: (progress: BootProgress) => void,
): Promise<{ stream: ReadableStream<Uint8Array>; packing: Packing }> {
  const response = await open(environment, url);
  if (response.body === null) throw new UserError(`The server sent nothing for ${url}.`, RETRY);
  const { stream, packing } = await sniff(response.body).catch((error: unknown) => {
    throw brokeOff(url, error);
  });
  const report = (doneBytes: number) => {
    const totalBytes = packing === 'none' ? file.rawBytes : file.compressedBytes;
    onProgress({ step: 'download', what, doneBytes, totalBytes });
  };
  const counted = stream.pipeThrough(counter(report));
  const unpacked = packing === 'gzip' ? counted.pipeThrough(new DecompressionStream('gzip')) : counted;
  return { stream: unpacked, packing };
}

function longerError(): UserError {
  return new UserError('The guest image is longer than its manifest says.', STALE);
}

function brokeOff(url: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError(`The download of ${url} broke off: ${errorText(error)}.`, RETRY);
}

/**
 * Some servers call a .gz file gzip-encoded, and then the browser has unpacked it already: the bytes tell.
 * Spec: RFC 1952 2.3.1.
 */
async function sniff(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<{ stream: ReadableStream<Uint8Array<ArrayBuffer>>; packing: Packing }> {
  const reader = body.getReader();
  const first = await reader.read();
  const head = first.value ?? new Uint8Array(0);
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      if (head.length > 0) controller.enqueue(head);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  return { stream, packing: gzip ? 'gzip' : 'none' };
}

function counter(
  report: (doneBytes: number) => void,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let doneBytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      doneBytes += chunk.length;
      report(doneBytes);
      controller.enqueue(chunk);
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  const reader = stream.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > sizeBytes) throw longerError();
    bytes.set(value, at);
    at += value.length;
  }
  if (at !== sizeBytes) throw new UserError('The guest image is shorter than its manifest says.', STALE);
  return bytes;
}

async function check(
  environment: LoaderEnvironment,
  what: string,
  file: GuestFile,
  bytes: Uint8Array,
  onProgress: (progress: BootProgress) => void,
): Promise<void> {
  if (environment.subtle === undefined) return;
  onProgress({ step: 'check', what, doneBytes: bytes.length, totalBytes: bytes.length });
  const digest = new Uint8Array(await environment.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== file.rawSha256) {
    throw new UserError(`The ${what} of the guest is damaged: its SHA-256 is not the manifest's.`, STALE);
  }
}
