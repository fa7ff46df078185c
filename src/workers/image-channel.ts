/** Tells the other tabs of this origin that the list of images has changed, and hears it from them. */
export interface ImageChannel {
  tell(): void;
}

const NAME = 'hotslot-images';

/** A sandboxed page has no other tabs: there nobody is told and nothing is heard. */
export function openImageChannel(onChange: () => void): ImageChannel {
  try {
    const channel = new BroadcastChannel(NAME);
    channel.onmessage = onChange;
    return { tell: () => channel.postMessage(0) };
  } catch {
    return { tell() {} };
  }
}
