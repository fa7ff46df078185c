/**
 * The expansion ROM of a network card. Spec: PCI Local Bus 3.0 §6.3.1.
 *
 * | at | what |
 * |---|---|
 * | 0 | 0x55 0xaa |
 * | 2 | length in units of 512 bytes |
 * | 3 | where a firmware calls it: a return |
 * | 24 | offset of the structure that names the card |
 *
 * Not modelled: the program in QEMU's, which starts a machine from the network.
 */
import type { PciIdentity } from '../pci/pci-device.ts';

/** QEMU: of its ROMs for network cards. */
export const ROM_BYTES = 0x4_0000;
const UNIT_BYTES = 512;
const RETURN_FAR = 0xcb;
const POINTER_AT = 0x18;
const STRUCTURE_AT = 0x1c;
const STRUCTURE_BYTES = 0x18;
const LAST_IMAGE = 0x80;

export function expansionRom({ vendorId, deviceId, classCode }: PciIdentity): Uint8Array {
  const image = new Uint8Array(UNIT_BYTES);
  const view = new DataView(image.buffer);
  image.set([0x55, 0xaa, 1, RETURN_FAR]);
  view.setUint16(POINTER_AT, STRUCTURE_AT, true);
  image.set(new TextEncoder().encode('PCIR'), STRUCTURE_AT);
  view.setUint16(STRUCTURE_AT + 4, vendorId, true);
  view.setUint16(STRUCTURE_AT + 6, deviceId, true);
  view.setUint16(STRUCTURE_AT + 10, STRUCTURE_BYTES, true);
  for (let n = 0; n < 3; n++) image[STRUCTURE_AT + 13 + n] = classCode >>> (8 * n);
  view.setUint16(STRUCTURE_AT + 16, 1, true);
  image[STRUCTURE_AT + 21] = LAST_IMAGE;
  // A firmware takes an image only if its bytes add up to nothing.
  image[UNIT_BYTES - 1] = -image.reduce((sum, byte) => sum + byte, 0);
  return image;
}
