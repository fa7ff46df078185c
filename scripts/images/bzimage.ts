/** The kernel proper out of a bzImage. Spec: the Linux/x86 boot protocol, section "The Real-Mode Kernel Header". */
import { gunzipSync } from 'node:zlib';

const SETUP_SECTS = 0x1f1;
const HEADER_MAGIC = 0x202;
const HDRS = 0x53726448;
const VERSION = 0x206;
const VERSION_WITH_PAYLOAD = 0x208;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR_BYTES = 512;

const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const GZIP_MAGIC = [0x1f, 0x8b];

/** The compressed kernel inside a bzImage; throws RangeError when the file is not one. */
export function payloadOf(bzImage: Buffer): Buffer {
  if (bzImage.length < 0x260 || bzImage.readUInt32LE(HEADER_MAGIC) !== HDRS) {
    throw new RangeError('not a Linux bzImage');
  }
  if (bzImage.readUInt16LE(VERSION) < VERSION_WITH_PAYLOAD) throw new RangeError('boot protocol before 2.08');
  const setupSectors = bzImage.readUInt8(SETUP_SECTS) || 4;
  const start = (setupSectors + 1) * SECTOR_BYTES + bzImage.readUInt32LE(PAYLOAD_OFFSET);
  return bzImage.subarray(start, start + bzImage.readUInt32LE(PAYLOAD_LENGTH));
}

/** The uncompressed ELF kernel; `unxz` decompresses the first XZ stream of its input. */
export function extractVmlinux(bzImage: Buffer, unxz: (bytes: Buffer) => Buffer): Buffer {
  const payload = payloadOf(bzImage);
  if (XZ_MAGIC.every((byte, i) => payload[i] === byte)) return unxz(payload);
  if (GZIP_MAGIC.every((byte, i) => payload[i] === byte)) return gunzipSync(payload);
  throw new RangeError(`unknown kernel compression ${payload.subarray(0, 6).toString('hex')}`);
}
