/** A gzip file unpacked at once. */
import { gunzipSync } from 'node:zlib';

/** A file says how long it was before, modulo 4 GiB, and may lie: no more is set aside for what it says. */
const MOST_PIECE = 1 << 30;
/** Behind the last byte, so that there is room when the end is found. */
const SLACK = 64;

/**
 * What `packed`, one member of gzip, held. Throws where it is damaged.
 * Spec: RFC 1952 §2.3.1, ISIZE.
 */
export function gunzip(packed: Buffer): Buffer {
  // One piece for all of it: many small ones would all be copied once more.
  const size = packed.length < 4 ? 0 : packed.readUInt32LE(packed.length - 4);
  return gunzipSync(packed, { chunkSize: Math.min(size + SLACK, MOST_PIECE) });
}
