/** The checksum of Ethernet frames. Spec: IEEE 802.3 §3.2.9. */

const REFLECTED = 0xedb8_8320;
const POLYNOMIAL = 0x04c1_1db7;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ REFLECTED;
  return rest;
});

/** Of a frame, as its last four bytes have it, least significant first. */
export function frameChecksum(bytes: Uint8Array): number {
  let rest = 0xffff_ffff;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** Of an address, most significant bit first and not inverted: cards take some of its bits for the place in a filter. */
export function addressHash(address: Uint8Array): number {
  let rest = 0xffff_ffff;
  for (const byte of address) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (rest >>> 31) ^ ((byte >>> bit) & 1);
      rest = carry === 0 ? rest << 1 : (rest << 1) ^ POLYNOMIAL;
    }
  }
  return rest >>> 0;
}

/** The same, least significant bit first. */
export function reflectedAddressHash(address: Uint8Array): number {
  return ~frameChecksum(address) >>> 0;
}
