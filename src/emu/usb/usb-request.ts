/** A request of a control transfer, and what it comes to. Spec: USB 2.0 §9.3. */

/** The eight bytes of a SETUP packet. */
export interface UsbRequest {
  /** Direction, kind and recipient. */
  readonly type: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
  readonly length: number;
}

/** What a request came to: the bytes for the host, or that it is refused. */
export type UsbAnswer = Uint8Array | 'stall';

export const NO_BYTES = new Uint8Array(0);
