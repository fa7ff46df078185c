/** How a driver of virtio-scsi lays a request out in memory: shared by the recorder, which drives QEMU, and the test, which drives us. */

/** Spec: virtio 1.2 §5.6.6. */
export const REQUEST_BYTES = 51;
export const RESPONSE_BYTES = 108;
export const SENSE_BYTES = 96;
const CDB_AT = 19;
const SENSE_AT = 12;

/** One command of a case: its name, its descriptor block as hex, what goes with it, and to whom. */
export interface ScsiCommand {
  readonly name: string;
  readonly cdb: string;
  /** Bytes for the device, as hex. */
  readonly out?: string;
  /** Room for what the device answers. */
  readonly in?: number;
  /** Target and logical unit; absent: 0 and 0. */
  readonly to?: readonly [target: number, lun: number];
}

export interface ScsiCase {
  readonly name: string;
  /** Options of the drive besides its image, each for one device. Absent: the device has none. */
  readonly devices: readonly { readonly drive?: string; readonly device: string; readonly bytes?: number }[];
  readonly commands: readonly ScsiCommand[];
}

/** What QEMU answered, in a line of text: response code, status, residual, sense, data. */
export type ScsiAnswer = string;

/** Spec: virtio 1.2 §5.6.6.1: the single-level address of a logical unit. */
export function lunBytes(target: number, lun: number): readonly number[] {
  return [1, target, 0x40 | (lun >> 8), lun & 0xff, 0, 0, 0, 0];
}

export function requestBytes({ cdb, to: [target, lun] = [0, 0] }: ScsiCommand, tag: number): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  bytes.set(lunBytes(target, lun));
  new DataView(bytes.buffer).setUint32(8, tag, true);
  bytes.set(fromHex(cdb), CDB_AT);
  return bytes;
}

/** @param data what is in the room for the answer */
export function answerOf(response: Uint8Array, data: Uint8Array, written: number): ScsiAnswer {
  const view = new DataView(response.buffer, response.byteOffset);
  const [sense, residual] = [0, 4].map((at) => view.getUint32(at, true));
  const [status, code] = [view.getUint8(10), view.getUint8(11)];
  const senseText = toHex(response.subarray(SENSE_AT, SENSE_AT + (sense ?? 0)));
  return [
    `response ${code} status ${status} residual ${residual} used ${written}`,
    senseText === '' ? '' : ` sense ${senseText}`,
    data.length === 0 ? '' : ` data ${packed(data)}`,
  ].join('');
}

/** Hex, with long runs of one byte told by their length. */
function packed(bytes: Uint8Array): string {
  return toHex(bytes).replace(
    /(?:^|(?<=^(?:..)*))(..)\1{15,}/g,
    (run, byte: string) => `[${byte}*${run.length / 2}]`,
  );
}

export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, n) =>
    Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16),
  );
}

/** What is on each disk of a case: its sectors are filled with their number, the first also with the disk's. */
export function imageBytes(length: number, disk: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 512) bytes.fill((at / 512) & 0xff, at, at + 512);
  bytes[0] = 0xd0 + disk;
  return bytes;
}
