/** True when every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  let at = 0;
  if (bytes.byteOffset % 4 === 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
    at = words.length * 4;
  }
  for (; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
