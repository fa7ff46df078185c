/** Which packets a card of the 8254x family takes, by its registers. Spec: 8254x SDM §3.2.1. */
import type { Trace } from '../core/trace.ts';
import { isBroadcast, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import * as r from './e1000-registers.ts';
import { count } from './e1000-statistics.ts';

const ETHERTYPE_AT = 12;
const VLAN_TAG_AT = 14;
const VLAN_TAG_BYTES = 4;
/** QEMU: longer than any, with and without RCTL's LPE. */
const LONG_PACKET_MAX = 16_384;
const PACKET_MAX = 1522;
const SHORTEST_PACKET = 60;
/** Which bits of an address choose its bit of the table, by RCTL's MO. */
const MULTICAST_SHIFTS = [4, 3, 2, 0] as const;
const HASH_MASK = 0xfff;

/** QEMU: a packet that is too short for the wire is filled up. */
export function padded(packet: Packet): Packet {
  if (packet.length >= SHORTEST_PACKET) return packet;
  const frame = new Uint8Array(SHORTEST_PACKET);
  frame.set(packet);
  return frame;
}

/** A frame without its tag. */
export function withoutTag(frame: Packet): Packet {
  const bare = new Uint8Array(frame.length - VLAN_TAG_BYTES);
  const end = VLAN_TAG_AT - 2;
  bare.set(frame.subarray(0, end));
  bare.set(frame.subarray(end + VLAN_TAG_BYTES), end);
  return bare;
}

export function vlanTagOf(packet: Packet): number {
  return (packet[VLAN_TAG_AT] << 8) | packet[VLAN_TAG_AT + 1];
}

/** @param vlanType the type of a frame that has a tag */
export function hasVlanTag(packet: Packet, vlanType: number, trace: Trace): boolean {
  const type = (packet[ETHERTYPE_AT] << 8) | packet[ETHERTYPE_AT + 1];
  if (trace.on) trace.event('e1000x_vlan_is_vlan_pkt', Number(type === vlanType), type, vlanType);
  return type === vlanType;
}

/** Too long for a driver that did not ask for such; counted. */
export function isOversized(mac: r.MacRegisters, size: number, trace: Trace): boolean {
  const rctl = mac[r.RCTL >> 2];
  const isLong = size > LONG_PACKET_MAX || (size > PACKET_MAX && (rctl & r.RCTL_LPE) === 0);
  if (!isLong || (rctl & r.RCTL_SBP) !== 0) return false;
  if (trace.on) trace.event('e1000x_rx_oversized', size);
  count(mac, r.ROC);
  return true;
}

/** A frame without a tag, or with one that the driver wants. @param vlanType the type of a frame that has a tag */
export function takesVlan(mac: r.MacRegisters, packet: Packet, vlanType: number, trace: Trace): boolean {
  if (!hasVlanTag(packet, vlanType, trace) || (mac[r.RCTL >> 2] & r.RCTL_VFE) === 0) return true;
  const tag = vlanTagOf(packet);
  const word = mac[(r.VFTA >> 2) + ((tag >> 5) & (r.VLAN_WORDS - 1))];
  return (word & (1 << (tag & 31))) !== 0;
}

/** Counts those for many. @param vlanType the type of a frame that has a tag */
export function takesPacket(mac: r.MacRegisters, packet: Packet, vlanType: number, trace: Trace): boolean {
  const rctl = mac[r.RCTL >> 2];
  if (!takesVlan(mac, packet, vlanType, trace)) return false;
  const to = packet.subarray(0, MAC_BYTES);
  const isGroup = (to[0] & 1) !== 0;
  if (!isGroup && (rctl & r.RCTL_UPE) !== 0) return true;
  // QEMU: with all multicast packets come broadcasts too, and count as such.
  if (isGroup && (rctl & r.RCTL_MPE) !== 0) {
    count(mac, r.MPRC);
    return true;
  }
  if ((rctl & r.RCTL_BAM) !== 0 && isBroadcast(to)) {
    count(mac, r.BPRC);
    return true;
  }
  return isOwnAddress(mac, to, trace) || isOfGroup(mac, to, trace);
}

export function isOwnAddress(mac: r.MacRegisters, to: Uint8Array, trace: Trace): boolean {
  const low = (to[0] | (to[1] << 8) | (to[2] << 16) | (to[3] << 24)) >>> 0;
  const high = to[4] | (to[5] << 8);
  for (let n = 0; n < r.RECEIVE_ADDRESSES; n++) {
    const at = (r.RA >> 2) + 2 * n;
    const isValid = (mac[at + 1] & r.RAH_AV) !== 0;
    if (!isValid || mac[at] !== low || (mac[at + 1] & 0xffff) !== high) continue;
    if (trace.on) trace.event('e1000x_rx_flt_ucast_match', n, ...to);
    return true;
  }
  if (trace.on) trace.event('e1000x_rx_flt_ucast_mismatch', ...to);
  return false;
}

/** Its bit of the table is set; counted. */
export function isOfGroup(mac: r.MacRegisters, to: Uint8Array, trace: Trace): boolean {
  const offset = (mac[r.RCTL >> 2] >>> r.RCTL_MO_SHIFT) & 3;
  const shift = MULTICAST_SHIFTS[offset];
  const hash = (((to[5] << 8) | to[4]) >> shift) & HASH_MASK;
  const word = mac[(r.MTA >> 2) + (hash >> 5)];
  const isTaken = (word & (1 << (hash & 31))) !== 0;
  if (isTaken) count(mac, r.MPRC);
  else if (trace.on) trace.event('e1000x_rx_flt_inexact_mismatch', ...to, offset, hash >> 5, word);
  return isTaken;
}
