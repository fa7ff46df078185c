/**
 * The control queue of a network card. Spec: virtio 1.2 §5.1.6.5.
 *
 * | a request | bytes |
 * |---|---|
 * | the device reads | class u8, command u8, what the command asks for |
 * | the device writes | VIRTIO_NET_OK or VIRTIO_NET_ERR u8 |
 */
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import { MAC_TABLE_ENTRIES, MAX_VLAN, type MacList, type NetFilter, RX_MODES } from './virtio-net-filter.ts';

export const VIRTIO_NET_OK = 0;
export const VIRTIO_NET_ERR = 1;
export const CONTROL_HEADER = 2;

const CLASS_RX = 0;
const CLASS_MAC = 1;
const CLASS_VLAN = 2;
const CLASS_ANNOUNCE = 3;
const CLASS_MQ = 4;
const CLASS_GUEST_OFFLOADS = 5;

const MAC_TABLE_SET = 0;
const MAC_ADDR_SET = 1;
const VLAN_ADD = 0;
const VLAN_DEL = 1;
const ANNOUNCE_ACK = 0;
const MQ_VQ_PAIRS_SET = 0;
const GUEST_OFFLOADS_SET = 0;
const COUNT_BYTES = 4;

/** What commands change. */
export interface ControlledNic {
  readonly filter: NetFilter;
  setMac(mac: Uint8Array): void;
  /** False: nobody asked the driver to announce the card. */
  announced(): boolean;
  /** VIRTIO_NET_F_CTRL_GUEST_OFFLOADS was negotiated. */
  readonly hasGuestOffloads: boolean;
  /** VIRTIO_NET_F_MQ was negotiated. */
  readonly hasPairs: boolean;
}

/** What the command asks for, behind its header. */
class Request {
  readonly #memory: DmaPort;
  readonly #segments: readonly Segment[];
  readonly length: number;

  constructor(memory: DmaPort, segments: readonly Segment[]) {
    this.#memory = memory;
    this.#segments = segments;
    this.length = segmentsLength(segments);
  }

  bytes(offset: number, length: number): Uint8Array {
    const target = new Uint8Array(length);
    gather(this.#memory, sliceSegments(this.#segments, offset, length), target);
    return target;
  }

  /** Little-endian. */
  number(offset: number, length: number): number {
    return this.bytes(offset, length).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }
}

/** Does what a request of at least `CONTROL_HEADER` bytes asks for; the answer. */
export function control(nic: ControlledNic, memory: DmaPort, segments: readonly Segment[]): number {
  const whole = new Request(memory, segments);
  const [kind, command] = whole.bytes(0, CONTROL_HEADER);
  const left = whole.length - CONTROL_HEADER;
  const request = new Request(memory, sliceSegments(segments, CONTROL_HEADER, left));
  return doCommand(nic, kind, command, request) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

function doCommand(nic: ControlledNic, kind: number, command: number, request: Request): boolean {
  switch (kind) {
    case CLASS_RX:
      return setMode(nic, command, request);
    case CLASS_MAC:
      if (command === MAC_ADDR_SET) return setMac(nic, request);
      return command === MAC_TABLE_SET && setMacTable(nic, request);
    case CLASS_VLAN:
      return setVlan(nic, command, request);
    case CLASS_ANNOUNCE:
      return command === ANNOUNCE_ACK && nic.announced();
    case CLASS_MQ:
      // The card has one pair of queues.
      return command === MQ_VQ_PAIRS_SET && nic.hasPairs && request.length >= 2 && request.number(0, 2) === 1;
    case CLASS_GUEST_OFFLOADS:
      // None can be switched on: the back ends that there are hand over complete packets only.
      return (
        command === GUEST_OFFLOADS_SET &&
        nic.hasGuestOffloads &&
        request.length >= 8 &&
        request.number(0, 8) === 0
      );
    default:
      return false;
  }
}

function setMode({ filter }: ControlledNic, command: number, request: Request): boolean {
  const mode = RX_MODES[command];
  if (mode === undefined || request.length < 1) return false;
  filter.setMode(mode, request.number(0, 1) !== 0);
  return true;
}

function setMac(nic: ControlledNic, request: Request): boolean {
  if (request.length !== MAC_BYTES) return false;
  nic.setMac(request.bytes(0, MAC_BYTES));
  return true;
}

function setVlan({ filter }: ControlledNic, command: number, request: Request): boolean {
  if (request.length < 2) return false;
  const vlan = request.number(0, 2);
  if (vlan >= MAX_VLAN || (command !== VLAN_ADD && command !== VLAN_DEL)) return false;
  filter.setVlan(vlan, command === VLAN_ADD);
  return true;
}

/** Two lists, each with its count before it. */
function setMacTable({ filter }: ControlledNic, request: Request): boolean {
  const unicast = macList(request, 0);
  if (unicast === undefined) return false;
  const multicast = macList(request, unicast.end);
  if (multicast === undefined || multicast.end !== request.length) return false;
  filter.setMacs(unicast.macs, multicast.macs);
  return true;
}

function macList(request: Request, at: number): { readonly macs: MacList; readonly end: number } | undefined {
  if (at + COUNT_BYTES > request.length) return undefined;
  const count = request.number(at, COUNT_BYTES);
  const start = at + COUNT_BYTES;
  const end = start + count * MAC_BYTES;
  if (end > request.length) return undefined;
  const macs = count > MAC_TABLE_ENTRIES ? undefined : request.bytes(start, count * MAC_BYTES);
  return { macs, end };
}
