/** A snapshot's parts: unpacked in several workers at once, put together in order by the one that runs the machine. */
import { decompress } from 'fzstd';
import { downloadFile, type LoaderEnvironment, loadManifest } from './guest-image-loader.ts';
import type { GuestFile } from './guest-manifest.ts';
import { errorText, UserError } from './user-error.ts';
import { isZstd, zstdContentBytes } from './zstd-frame.ts';

/** From a worker that unpacks to the one that runs the machine. */
export type PartMessage =
  | { readonly type: 'progress'; readonly bytes: number }
  | { readonly type: 'part'; readonly index: number; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly text: string; readonly detail?: string | undefined };

/** Which of several workers this is. A part goes to the worker that has least to do up to then. */
export interface PartShare {
  /** Folder of the guest image, with a slash at its end. */
  readonly guestUrl: string;
  /** From 0 on. */
  readonly worker: number;
  readonly workers: number;
}

/** Downloads and unpacks a share, a part ahead of what is unpacked. Never rejects: a failure is a message too. */
export async function sendParts(
  { guestUrl, worker, workers }: PartShare,
  send: (message: PartMessage, transfer: Transferable[]) => void,
  environment?: LoaderEnvironment,
): Promise<void> {
  try {
    const { snapshot } = await loadManifest(guestUrl, environment);
    const share = shareOf(snapshot?.parts ?? [], worker, workers);
    const count = (bytes: number): void => send({ type: 'progress', bytes }, []);
    const load = (at: number): Promise<Uint8Array> | undefined => {
      const part = share[at]?.part;
      const loading = part && downloadFile(`${guestUrl}${part.file}`, part, count, environment);
      // The failure is handled where the part is awaited; until then it must not count as unhandled.
      loading?.catch(() => {});
      return loading;
    };
    let next = load(0);
    for (const [at, { part, index }] of share.entries()) {
      const packed = await next;
      next = load(at + 1);
      if (packed === undefined) break;
      const bytes = unpack(packed, part);
      send({ type: 'part', index, bytes }, [bytes.buffer as ArrayBuffer]);
    }
  } catch (error) {
    const { message, detail } = error instanceof UserError ? error : unpackError(error);
    send({ type: 'failed', text: message, detail }, []);
  }
}

/** Takes the parts from all `ports` and hands them on in order. Rejects with a UserError, or what `take` threw. */
export function receiveParts(
  ports: readonly MessagePort[],
  count: number,
  take: (bytes: Uint8Array) => void,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const waiting = new Map<number, Uint8Array>();
  let taken = 0;
  return new Promise<void>((resolve, reject) => {
    const receive = (message: PartMessage): void => {
      if (message.type === 'failed') throw new UserError(message.text, message.detail);
      if (message.type === 'progress') {
        onProgress(message.bytes);
        return;
      }
      waiting.set(message.index, message.bytes);
      for (let part = waiting.get(taken); part !== undefined; part = waiting.get(taken)) {
        waiting.delete(taken);
        taken++;
        take(part);
      }
      if (taken === count) resolve();
    };
    for (const port of ports) {
      port.onmessage = ({ data }: MessageEvent<PartMessage>) => {
        try {
          receive(data);
        } catch (error) {
          reject(error);
        }
      };
    }
  }).finally(() => {
    for (const port of ports) port.close();
  });
}

/** Every worker computes the same distribution, so that no message has to say it. */
function shareOf(
  parts: readonly GuestFile[],
  worker: number,
  workers: number,
): { readonly part: GuestFile; readonly index: number }[] {
  const costs = new Array<number>(workers).fill(0);
  return [...parts.entries()].flatMap(([index, part]) => {
    const least = costs.indexOf(Math.min(...costs));
    costs[least] = (costs[least] ?? 0) + part.compressedBytes + part.rawBytes / 4;
    return least === worker ? [{ part, index }] : [];
  });
}

/** Some servers call a .zst file zstd-encoded, and then the browser has unpacked it already: the bytes tell. */
function unpack(bytes: Uint8Array, { rawBytes }: GuestFile): Uint8Array {
  if (!isZstd(bytes)) return bytes;
  // Before it is unpacked: some kilobytes can hold a gigabyte of zeros.
  if (zstdContentBytes(bytes) !== rawBytes) throw new Error('a part has another size than its manifest says');
  return decompress(bytes);
}

function unpackError(error: unknown): UserError {
  return new UserError(`The saved machine is damaged: ${errorText(error)}.`);
}
