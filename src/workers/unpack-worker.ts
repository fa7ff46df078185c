import type { UnpackOrder } from './protocol.ts';
import { sendParts } from './snapshot-parts.ts';

/** Beside the emulator's worker while a snapshot arrives: unpacking takes longer than all else. */
self.onmessage = async ({ data: { port, ...share } }: MessageEvent<UnpackOrder>) => {
  await sendParts(share, (message, transfer) => port.postMessage(message, transfer));
  self.close();
};
