/**
 * A transfer of an xHCI: its TRBs as a packet for a device, and what is told to the driver when it is over. Spec: xHCI 1.1 §4.10, §4.11.
 * QEMU: hw/usb/hcd-xhci.c of 7.2.
 */
import type { DmaPort } from '../memory/dma-port.ts';
import { CONTROL_BYTES_MAX, type UsbDevice } from './usb-device.ts';
import { PID_IN, PID_OUT, UsbPacket, type UsbStatus } from './usb-packet.ts';
import type { UsbRequest } from './usb-request.ts';
import type { XhciEvent } from './xhci-interrupters.ts';
import {
  CC_BABBLE_DETECTED,
  CC_SHORT_PACKET,
  CC_STALL_ERROR,
  CC_SUCCESS,
  CC_USB_TRANSACTION_ERROR,
  ER_TRANSFER,
  TR_DATA,
  TR_EVENT_DATA,
  TR_ISOCH,
  TR_NORMAL,
  TR_SETUP,
  TR_STATUS,
  TRB_COMPLETION,
  TRB_IMMEDIATE,
  TRB_INTERRUPTER_MASK,
  TRB_INTERRUPTER_SHIFT,
  TRB_LENGTH_MASK,
  TRB_SHORT_PACKET,
  type Trb,
  trbAddress,
  typeOf,
} from './xhci-trb.ts';

const SETUP_BYTES = 8;
const IMMEDIATE_BYTES = 8;
const DATA_DIRECTION_IN = 1 << 16;
const REQUEST_IN = 0x80;
const EVENT_DATA = 1 << 2;
const EVENT_LENGTH_MASK = 0xff_ffff;

const lengthOf = ({ status }: Trb): number => status & TRB_LENGTH_MASK;

function isData(trb: Trb): boolean {
  const type = typeOf(trb);
  return type === TR_DATA || type === TR_NORMAL || type === TR_ISOCH;
}

/** Bytes that the TRBs have room for, or bring. */
export function transferBytes(trbs: readonly Trb[]): number {
  let bytes = 0;
  for (const trb of trbs) if (isData(trb)) bytes += lengthOf(trb);
  return bytes;
}

/** QEMU: with data that go the wrong way, or are in the TRB itself and cannot be, the controller stops. */
export function isSound(trbs: readonly Trb[], isIn: boolean): boolean {
  return trbs.every((trb) => {
    if (!isData(trb)) return true;
    if (typeOf(trb) === TR_DATA && ((trb.control & DATA_DIRECTION_IN) !== 0) !== isIn) return false;
    return (trb.control & TRB_IMMEDIATE) === 0 || (!isIn && lengthOf(trb) <= IMMEDIATE_BYTES);
  });
}

/** What the driver sends. */
function gather(dma: DmaPort, trbs: readonly Trb[], length: number): Uint8Array {
  const data = new Uint8Array(length);
  let at = 0;
  for (const trb of trbs) {
    if (!isData(trb)) continue;
    const piece = data.subarray(at, at + lengthOf(trb));
    dma.read((trb.control & TRB_IMMEDIATE) === 0 ? trbAddress(trb) : trb.address, piece);
    at += piece.length;
  }
  return data;
}

/** What the device gave goes to where the driver wants it. */
export function scatter(dma: DmaPort, trbs: readonly Trb[], data: Uint8Array): void {
  let at = 0;
  for (const trb of trbs) {
    if (!isData(trb) || at >= data.length) continue;
    const piece = data.subarray(at, at + lengthOf(trb));
    dma.write(trbAddress(trb), piece);
    at += piece.length;
  }
}

/** @param length of its data */
export function packetOf(
  dma: DmaPort,
  trbs: readonly Trb[],
  length: number,
  isIn: boolean,
  endpoint: number,
  stream: number,
): UsbPacket {
  const data = isIn ? new Uint8Array(length) : gather(dma, trbs, length);
  const packet = new UsbPacket(isIn ? PID_IN : PID_OUT, endpoint, data);
  packet.stream = stream;
  return packet;
}

/** The request of a control transfer; undefined: the TRBs are none. */
export function requestOf(trbs: readonly Trb[]): UsbRequest | undefined {
  const setup = trbs[0];
  const isLastData = trbs.length > 2 && trbs.slice(-1).some((trb) => typeOf(trb) === TR_EVENT_DATA);
  const status = trbs.at(isLastData ? -2 : -1);
  if (setup === undefined || status === undefined) return undefined;
  if (typeOf(setup) !== TR_SETUP || typeOf(status) !== TR_STATUS) return undefined;
  if ((setup.control & TRB_IMMEDIATE) === 0 || lengthOf(setup) !== SETUP_BYTES) return undefined;
  const { low, high } = setup;
  return {
    ...{ type: low & 0xff, request: (low >>> 8) & 0xff, value: low >>> 16 },
    ...{ index: high & 0xffff, length: high >>> 16 },
  };
}

export function isRequestIn({ type }: UsbRequest): boolean {
  return (type & REQUEST_IN) !== 0;
}

export interface Outcome {
  readonly status: UsbStatus;
  readonly actual: number;
}

/** Carries out a control transfer, which no device keeps. */
export function control(dma: DmaPort, trbs: readonly Trb[], device: UsbDevice, request: UsbRequest): Outcome {
  if (request.length > CONTROL_BYTES_MAX) return { status: 'stall', actual: 0 };
  const isIn = isRequestIn(request);
  const room = Math.min(transferBytes(trbs), request.length);
  const answer = device.request(request, isIn ? new Uint8Array() : gather(dma, trbs, room));
  if (!isIn) return { status: answer === 'stall' ? 'stall' : 'success', actual: room };
  if (answer === 'stall') return { status: 'stall', actual: 0 };
  const data = answer.subarray(0, room);
  scatter(dma, trbs, data);
  return { status: 'success', actual: data.length };
}

export function codeOf(status: UsbStatus): number {
  if (status === 'success') return CC_SUCCESS;
  if (status === 'stall') return CC_STALL_ERROR;
  return status === 'babble' ? CC_BABBLE_DETECTED : CC_USB_TRANSACTION_ERROR;
}

/**
 * What the driver is told of a transfer that is over, as the TRBs ask for it.
 * @param event takes what goes to the ring of an interrupter
 */
export function report(
  trbs: readonly Trb[],
  code: number,
  actual: number,
  event: (event: XhciEvent, interrupter: number) => void,
): void {
  let left = actual;
  let moved = 0;
  let isReported = false;
  let isShort = false;
  for (const trb of trbs) {
    const type = typeOf(trb);
    const { status, control, address } = trb;
    let chunk = 0;
    if (type === TR_SETUP) chunk = Math.min(lengthOf(trb), SETUP_BYTES);
    else if (isData(trb)) {
      chunk = Math.min(lengthOf(trb), left);
      if (chunk < lengthOf(trb) && code === CC_SUCCESS) isShort = true;
      left -= chunk;
      moved += chunk;
    } else if (type === TR_STATUS) {
      isReported = false;
      isShort = false;
    }
    const isWanted = (control & TRB_COMPLETION) !== 0 || (isShort && (control & TRB_SHORT_PACKET) !== 0);
    if (!isReported && (isWanted || (code !== CC_SUCCESS && left === 0))) {
      const interrupter = (status >>> TRB_INTERRUPTER_SHIFT) & TRB_INTERRUPTER_MASK;
      const common = { type: ER_TRANSFER, code: code === CC_SUCCESS && isShort ? CC_SHORT_PACKET : code };
      if (type === TR_EVENT_DATA) {
        const length = moved & EVENT_LENGTH_MASK;
        event({ ...common, data: trb, length, flags: EVENT_DATA }, interrupter);
        moved = 0;
      } else event({ ...common, address, length: lengthOf(trb) - chunk }, interrupter);
      isReported = true;
      if (code !== CC_SUCCESS) return;
    }
    if (type === TR_SETUP) {
      isReported = false;
      isShort = false;
    }
  }
}
