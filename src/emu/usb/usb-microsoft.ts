/** Descriptors by which Windows learns that a device may be suspended alone. Spec: Microsoft OS 1.0 Descriptors. */

/** The string in which a driver finds the signature and the request of the vendor for the rest. */
export const MICROSOFT_STRING = 0xee;
export const MICROSOFT_REQUEST = 'Q'.charCodeAt(0);
export const MICROSOFT_SIGNATURE = 'MSFT100Q';
const COMPATIBLE_IDS = 4;
const PROPERTIES = 5;

const PROPERTY_NAME = 'SelectiveSuspendEnabled';
const REG_DWORD = 4;
/** QEMU: the property is told to be longer than it is; the rest is zeros. */
const PROPERTY_BYTES = 0x48;
const HEADER_BYTES = 10;

/** @param index which one; undefined: there is none */
export function microsoftDescriptor(index: number): Uint8Array | undefined {
  if (index === COMPATIBLE_IDS) return compatibleIds();
  return index === PROPERTIES ? properties() : undefined;
}

function compatibleIds(): Uint8Array {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 0x0100, true);
  view.setUint16(6, COMPATIBLE_IDS, true);
  // One function, the first interface; the ids are empty.
  bytes[8] = 1;
  bytes[17] = 1;
  return bytes;
}

function properties(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + PROPERTY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 0x0100, true);
  view.setUint16(6, PROPERTIES, true);
  view.setUint16(8, 1, true);
  view.setUint32(10, PROPERTY_BYTES, true);
  view.setUint32(14, REG_DWORD, true);
  const nameBytes = 2 * (PROPERTY_NAME.length + 1);
  view.setUint16(18, nameBytes, true);
  for (let at = 0; at < PROPERTY_NAME.length; at++) {
    view.setUint16(20 + 2 * at, PROPERTY_NAME.charCodeAt(at), true);
  }
  const value = 20 + nameBytes;
  view.setUint32(value, 4, true);
  view.setUint32(value + 4, 1, true);
  return bytes;
}
