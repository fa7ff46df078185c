/** How much a Zstandard file unpacks to, told without unpacking. Spec: RFC 8878. */

/** Spec: §3.1.1. */
const MAGIC = 0xfd2fb528;
const DESCRIPTOR_AT = 4;
const SINGLE_SEGMENT = 1 << 5;
const CHECKSUM = 1 << 2;
/** Spec: §3.1.1.1.1.6: bytes of the dictionary's number, by the flag. */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CHECKSUM_BYTES = 4;
/** Spec: §3.1.1.2: last block, type, size. */
const BLOCK_HEADER_BYTES = 3;
const BLOCK_LAST = 1;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/** The bytes begin as a Zstandard frame does. */
export function isZstd(bytes: Uint8Array): boolean {
  return bytes.length > DESCRIPTOR_AT && viewOf(bytes).getUint32(0, true) === MAGIC;
}

/**
 * Bytes that the file unpacks to; undefined unless it is one whole frame that says so in its header.
 * Who unpacks then needs no more memory than that: fzstd makes room for what the header says, and for nothing else.
 */
export function zstdContentBytes(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  const descriptor = bytes[DESCRIPTOR_AT] ?? 0;
  const isSingle = (descriptor & SINGLE_SEGMENT) !== 0;
  const windowBytes = isSingle ? 0 : 1;
  const sizeAt = DESCRIPTOR_AT + 1 + windowBytes + (DICTIONARY_BYTES[descriptor & 3] ?? 0);
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 && !isSingle ? 0 : 1 << sizeFlag;
  if (sizeBytes === 0 || sizeAt + sizeBytes > bytes.length) return undefined;
  const checksumBytes = (descriptor & CHECKSUM) === 0 ? 0 : CHECKSUM_BYTES;
  if (endOfBlocks(view, sizeAt + sizeBytes) + checksumBytes !== bytes.length) return undefined;
  return contentSize(view, sizeAt, sizeBytes);
}

/** Spec: §3.1.1.1.4: a size in two bytes is less by 256. */
function contentSize(view: DataView, at: number, sizeBytes: number): number {
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** Where the last block ends; NaN when that is not inside the file. */
function endOfBlocks(view: DataView, first: number): number {
  for (let at = first; at + BLOCK_HEADER_BYTES <= view.byteLength; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >>> 1) & 3;
    if (type === BLOCK_RESERVED) return Number.NaN;
    at += BLOCK_HEADER_BYTES + (type === BLOCK_RLE ? 1 : header >>> 3);
    if ((header & BLOCK_LAST) !== 0) return at;
  }
  return Number.NaN;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
