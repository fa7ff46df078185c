import { hasOpaqueOrigin } from './frame.ts';

/**
 * Starts the worker whose script the build has put at `url`.
 *
 * Spec: HTML, 10.2.6.3 "Dedicated workers and the Worker interface": a worker's script must have the origin of its page,
 * and an opaque origin has no address but those of blobs. The blob imports the script, for which a classic worker
 * needs no permission of the server.
 */
export function startWorker(url: string, name: string): Worker {
  const address = new URL(url, document.baseURI).href;
  if (!hasOpaqueOrigin())
    return new Worker(address, { type: import.meta.env.DEV ? 'module' : 'classic', name });
  const script = import.meta.env.DEV
    ? `import ${JSON.stringify(address)}`
    : `importScripts(${JSON.stringify(address)})`;
  const blob = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(blob, { type: import.meta.env.DEV ? 'module' : 'classic', name });
}

/** Why a worker did not start, in words that end a sentence. */
export function workerFailure(message: string | undefined): string {
  if (message !== undefined && message !== '') return message;
  return hasOpaqueOrigin()
    ? 'its script could not be loaded; in a sandbox a content policy must allow workers from blob: addresses'
    : 'its script could not be loaded';
}
