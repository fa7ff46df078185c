import type { UnpackOrder } from './protocol.ts';
import { sendParts } from './snapshot-parts.ts';

/** Runs beside the emulator's worker while a snapshot arrives, because unpacking takes most of that time. */
self.onmessage = async ({ data: { port, ...share } }: MessageEvent<UnpackOrder>) => {
  await sendParts(share, (message, transfer) => port.postMessage(message, transfer));
  self.close();
};
