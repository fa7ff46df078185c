/** What goes over a USB between a controller and a device: one transaction, or several that a controller takes together. Spec: USB 2.0 §8.4. */

export const PID_SETUP = 0x2d;
export const PID_IN = 0x69;
export const PID_OUT = 0xe1;

/**
 * How a packet ended. `nak`: the device has nothing, or no room, now. `async`: the device has kept the packet and will call
 * `UsbPacket.complete`. `no-device`: nobody has that address.
 */
export type UsbStatus = 'success' | 'nak' | 'stall' | 'babble' | 'io-error' | 'no-device' | 'async';

export class UsbPacket {
  readonly pid: number;
  /** Number of the endpoint, without the direction, which `pid` says. */
  readonly endpoint: number;
  /** What the host sends, or the room for what the device gives. */
  readonly data: Uint8Array;
  /** Bytes that the device has taken or given. */
  actual = 0;
  status: UsbStatus = 'success';
  /** The stream of the endpoint, as USB 3 has them; 0: none. */
  stream = 0;
  /** Called once when a device that has kept the packet is done with it. */
  onComplete: (packet: UsbPacket) => void = () => {};

  constructor(pid: number, endpoint: number, data: Uint8Array) {
    this.pid = pid;
    this.endpoint = endpoint;
    this.data = data;
  }

  /** The room that is left, or the bytes that are not taken. */
  get left(): number {
    return this.data.length - this.actual;
  }

  /** The device gives bytes; what has no room is cut off. The number of bytes that were taken. */
  give(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, this.left);
    this.data.set(bytes.subarray(0, length), this.actual);
    this.actual += length;
    return length;
  }

  /** The device takes at most so many of the bytes that the host sent. */
  take(length: number): Uint8Array {
    const bytes = this.data.subarray(this.actual, this.actual + Math.min(length, this.left));
    this.actual += bytes.length;
    return bytes;
  }

  /** The device gives zeros, or takes bytes that it has no use for. */
  skip(length: number): void {
    const end = this.actual + Math.min(length, this.left);
    if (this.pid === PID_IN) this.data.fill(0, this.actual, end);
    this.actual = end;
  }

  /** The device is done with a packet that it had kept. */
  complete(status: UsbStatus): void {
    this.status = status;
    this.onComplete(this);
  }
}
