/** The page's own time server: the browser's clock by NTP. Spec: RFC 5905 §7.3. */

const BYTES = 48;
const MODE_MASK = 7;
const CLIENT = 3;
const SERVER = 4;
const VERSION_MASK = 0x38;
/** Its clock is another's, which is somebody's who is not known. */
const STRATUM = 2;
/** A sixteenth of a second, as a power of two. */
const PRECISION = -10;
/** Seconds from 1900, where NTP's time begins, to 1970. */
const UNIX_EPOCH_S = 2_208_988_800;
/** "LOCL": the clock of the host. */
const REFERENCE_ID = 0x4c4f_434c;

/** Undefined: the datagram is no question. @param nowMs since 1970 */
export function answerTime(query: Uint8Array, nowMs: number): Uint8Array | undefined {
  if (query.length < BYTES || (query[0] ?? 0) % (MODE_MASK + 1) !== CLIENT) return undefined;
  const answer = new Uint8Array(BYTES);
  const view = new DataView(answer.buffer);
  const seconds = Math.floor(nowMs / 1000);
  const fraction = Math.floor(((nowMs - seconds * 1000) / 1000) * 2 ** 32);
  const stamp = (at: number): void => {
    view.setUint32(at, (seconds + UNIX_EPOCH_S) % 2 ** 32);
    view.setUint32(at + 4, fraction);
  };
  answer[0] = ((query[0] ?? 0) & VERSION_MASK) | SERVER;
  answer[1] = STRATUM;
  answer[2] = query[2] ?? 0;
  view.setInt8(3, PRECISION);
  view.setUint32(12, REFERENCE_ID);
  stamp(16);
  // The client's own time, by which it finds its question again.
  answer.set(query.subarray(40, 48), 24);
  stamp(32);
  stamp(40);
  return answer;
}
