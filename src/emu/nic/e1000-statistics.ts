/** What the 8254x family counts of packets. A counter stays at its greatest value. Spec: 8254x SDM §13.7. */
import { isBroadcast, isMulticast } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import * as r from './e1000-registers.ts';

export const FCS_BYTES = 4;
const MAX = 0xffff_ffff;
/** Sizes at which the next of six counters begins. */
const SIZE_CLASSES = [65, 128, 256, 512, 1024] as const;
const SMALLEST = 64;

export function count(mac: r.MacRegisters, register: number): void {
  if (mac[register >> 2] !== MAX) mac[register >> 2]++;
}

/** Adds to a counter of two words. */
function grow(mac: r.MacRegisters, low: number, size: number): void {
  const at = low >> 2;
  const sum = mac[at] + size;
  mac[at] = sum;
  if (sum <= MAX) return;
  if (mac[at + 1] === MAX) mac[at] = MAX;
  else mac[at + 1]++;
}

/** @param size with the frame's checksum */
function countSize(mac: r.MacRegisters, first: number, size: number): void {
  if (size < SMALLEST) return;
  const sizeClass = SIZE_CLASSES.filter((least) => size >= least).length;
  count(mac, first + 4 * sizeClass);
}

/** @param total with the checksum, where the card takes it */
export function countReceived(mac: r.MacRegisters, size: number, total: number): void {
  countSize(mac, r.PRC64, total);
  count(mac, r.TPR);
  mac[r.GPRC >> 2] = mac[r.TPR >> 2];
  grow(mac, r.TORL, size + FCS_BYTES);
  mac[r.GORCL >> 2] = mac[r.TORL >> 2];
  mac[r.GORCH >> 2] = mac[r.TORH >> 2];
}

/** One that leaves, as it is on the wire. */
export function countSent(mac: r.MacRegisters, packet: Packet): void {
  countSentSize(mac, packet, packet.length + FCS_BYTES);
}

/** @param total bytes that are counted for it */
export function countSentSize(mac: r.MacRegisters, packet: Packet, total: number): void {
  if (isBroadcast(packet.subarray(0, 6))) count(mac, r.BPTC);
  else if (isMulticast(packet)) count(mac, r.MPTC);
  countSize(mac, r.PTC64, total);
}

/**
 * @param size of what was sent, without its VLAN tag
 * @param more bytes that are counted with it
 */
export function countTotalSent(mac: r.MacRegisters, size: number, more = FCS_BYTES): void {
  count(mac, r.TPT);
  grow(mac, r.TOTL, size + more);
  mac[r.GPTC >> 2] = mac[r.TPT >> 2];
  mac[r.GOTCL >> 2] = mac[r.TOTL >> 2];
  mac[r.GOTCH >> 2] = mac[r.TOTH >> 2];
}
