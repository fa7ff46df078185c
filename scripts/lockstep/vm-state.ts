/**
 * The vCPU in a migration stream of QEMU, read by the description that ends the stream.
 * QEMU: docs/devel/migration.rst, "VMState" and "Stream structure"; numbers are big-endian.
 */

interface FieldDescription {
  readonly name: string;
  readonly size: number;
  readonly array_len?: number;
  readonly struct?: { readonly fields?: readonly FieldDescription[] };
}

interface Description {
  readonly devices: readonly { readonly name: string; readonly fields: readonly FieldDescription[] }[];
}

const SECTION_FULL = 4;
const DESCRIPTION = Buffer.from('{"page_size"');

/** Bytes of each field, by name; those of an array follow each other. */
export type VmFields = ReadonlyMap<string, Buffer>;

function fieldBytes(field: FieldDescription): number {
  return field.size * (field.array_len ?? 1);
}

/** The fields of the device `name`. Throws when the stream does not have it. */
export function deviceFields(stream: Buffer, name: string): VmFields {
  const start = stream.indexOf(DESCRIPTION);
  const end = stream.lastIndexOf('}');
  if (start < 0 || end < start) throw new Error('the migration stream has no description');
  const description: Description = JSON.parse(stream.toString('latin1', start, end + 1));
  const device = description.devices.find((candidate) => candidate.name === name);
  if (device === undefined) throw new Error(`the migration stream has no device "${name}"`);
  let at = sectionStart(stream, name);
  const fields = new Map<string, Buffer>();
  for (const field of device.fields) {
    fields.set(field.name, stream.subarray(at, at + fieldBytes(field)));
    at += fieldBytes(field);
  }
  return fields;
}

/** After a section's header: type, section number, name with its length, instance, version. */
function sectionStart(stream: Buffer, name: string): number {
  const id = Buffer.from(`${String.fromCharCode(name.length)}${name}`, 'latin1');
  for (let at = stream.indexOf(id); at >= 0; at = stream.indexOf(id, at + 1)) {
    if (stream[at - 5] === SECTION_FULL) return at + id.length + 8;
  }
  throw new Error(`the migration stream has no section "${name}"`);
}
