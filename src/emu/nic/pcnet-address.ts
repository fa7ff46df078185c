/** The PCnet family's PROM with the card's address, and which packets are for the card. Spec: Am79C970A data sheet, "Address PROM Space" and "Address Matching". */
import { reflectedAddressHash } from '../net/ethernet-crc.ts';
import { isBroadcast, isMulticast, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import { CSR15_DRCVBC, CSR15_DRCVPA } from './pcnet-registers.ts';
import type { Match } from './pcnet-rings.ts';

export const PROM_BYTES = 16;
/** What drivers of AMD's look for. */
const HARDWARE_ID = 0x11;
const SIGNATURE = 0x57;

export function promOf(mac: Uint8Array): Uint8Array {
  const prom = new Uint8Array(PROM_BYTES);
  prom.set(mac);
  prom[9] = HARDWARE_ID;
  prom.fill(SIGNATURE, 14);
  const sum = prom.reduce((all, byte) => all + byte, 0);
  prom[12] = sum;
  prom[13] = sum >>> 8;
  return prom;
}

/** @param csr the chip's registers, of which 8 to 11 are a filter and 12 to 14 its address */
export function matchOf(csr: Uint16Array, packet: Packet): Match {
  const to = packet.subarray(0, MAC_BYTES);
  const byteOf = (n: number): number => (csr[12 + (n >> 1)] >> (8 * (n & 1))) & 0xff;
  const isOwn = to.length === MAC_BYTES && to.every((byte, n) => byte === byteOf(n));
  const hasFilter = [8, 9, 10, 11].some((n) => csr[n] !== 0);
  const place = reflectedAddressHash(to) >>> 26;
  return {
    physical: (csr[15] & CSR15_DRCVPA) === 0 && isOwn,
    broadcast: (csr[15] & CSR15_DRCVBC) === 0 && isBroadcast(to),
    group: isMulticast(to) && hasFilter && (csr[8 + (place >> 4)] & (1 << (place & 15))) !== 0,
  };
}
