/**
 * Names in directories of a FAT file system.
 * Spec: Microsoft FAT specification (FAT: General Overview of On-Disk Format, 1.03), "Long Directory Entries".
 */

export const ENTRY_BYTES = 32;
/** Of an entry that is a part of a long name. */
export const LONG_NAME = 0x0f;
const LAST_PART = 0x40;
/** Where the characters of a part are, in its entry. */
export const PART_CHARACTERS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;
const NAME_MAX = 255;
/** Half a character, which a text can have and UTF-8 cannot. */
export const LONE_SURROGATE = /\p{Cs}/gu;
const SHORT_NAME = 8;
const SHORT_EXTENSION = 3;

const FORBIDDEN = /["*/:<>?\\|\p{Cc}]/gu;
/** A name that needs no long one. */
const IS_SHORT = /^[A-Z0-9!#$%&'()@^_`{}~-]{1,8}(\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?$/;
const NOT_SHORT = /[^A-Z0-9!#$%&'()@^_`{}~-]/g;

/** The name under which a file of any name is stored: characters that FAT does not have are replaced. */
export function allowedName(name: string): string {
  const clean = name
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(FORBIDDEN, '_')
    .replace(/[ .]+$/, '')
    .trimStart();
  return clean === '' ? '_' : clean.slice(0, NAME_MAX).replace(LONE_SURROGATE, '\ufffd');
}

/** `name`, or one with a number that nobody in `taken` has; FAT does not tell small from capital letters. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let free = name;
  for (let count = 2; taken.has(free.toUpperCase()); count++) {
    const suffix = ` (${count})${extension.slice(0, NAME_MAX / 2)}`;
    free = `${stem.slice(0, NAME_MAX - suffix.length).replace(LONE_SURROGATE, '\ufffd')}${suffix}`;
  }
  return free;
}

/** The short name beside a long one, eleven characters: unlike all in `taken`, to which it is added. */
export function shortName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ''];
  const plain = (text: string): string =>
    text.toUpperCase().replaceAll(/[ .]/g, '').replaceAll(NOT_SHORT, '_');
  const end = plain(extension).slice(0, SHORT_EXTENSION).padEnd(SHORT_EXTENSION);
  let short = `${plain(stem).slice(0, SHORT_NAME).padEnd(SHORT_NAME)}${end}`;
  for (let count = 1; taken.has(short) || (count === 1 && !isShort(name)); count++) {
    const tail = `~${count}`;
    short = `${(plain(stem).slice(0, SHORT_NAME - tail.length) + tail).padEnd(SHORT_NAME)}${end}`;
  }
  taken.add(short);
  return short;
}

export function isShort(name: string): boolean {
  return IS_SHORT.test(name);
}

/** The entries of a long name, in the order in which they lie before the entry of the short one. */
export function longNameEntries(name: string, short: string): Uint8Array {
  const parts = Math.ceil(name.length / PART_CHARACTERS.length);
  const bytes = new Uint8Array(parts * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  const checksum = shortNameChecksum(short);
  for (let part = 0; part < parts; part++) {
    const at = (parts - 1 - part) * ENTRY_BYTES;
    bytes[at] = part + 1 + (part === parts - 1 ? LAST_PART : 0);
    bytes[at + 11] = LONG_NAME;
    bytes[at + 13] = checksum;
    for (const [index, offset] of PART_CHARACTERS.entries()) {
      const place = part * PART_CHARACTERS.length + index;
      // Behind the name stands one zero, then ones.
      const unit = place < name.length ? name.charCodeAt(place) : place === name.length ? 0 : 0xffff;
      view.setUint16(at + offset, unit, true);
    }
  }
  return bytes;
}

/** Ties the parts of a long name to its short one. */
export function shortNameChecksum(short: string): number {
  let sum = 0;
  for (let at = 0; at < short.length; at++)
    sum = (((sum & 1) << 7) + (sum >> 1) + short.charCodeAt(at)) & 0xff;
  return sum;
}
