/** -readconfig: options in a file, as groups of keys and values. Texts are QEMU's, and so is the reading by C's sscanf. */
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

/** Groups of the file, and the options that say the same. */
const OPTIONS: Readonly<Record<string, string>> = {
  accel: 'accel',
  action: 'action',
  'boot-opts': 'boot',
  chardev: 'chardev',
  device: 'device',
  drive: 'drive',
  fw_cfg: 'fw_cfg',
  global: 'global',
  icount: 'icount',
  machine: 'machine',
  memory: 'm',
  mon: 'mon',
  msg: 'msg',
  name: 'name',
  numa: 'numa',
  object: 'object',
  overcommit: 'overcommit',
  rtc: 'rtc',
  'smp-opts': 'smp',
  trace: 'trace',
};
/** Groups that QEMU has, and that are about what is not here. */
const ABSENT = [
  ...['acpi', 'add-fd', 'fsdev', 'iscsi', 'net', 'netdev', 'nic', 'option-rom'],
  ...['plugin', 'sandbox', 'smbios', 'spice', 'tpmdev', 'virtfs', 'vnc'],
];
/** What QEMU reads at a time; a longer line counts as several. */
const LINE_MAX = 1023;
const WITH_ID = /^\[(\S{1,63})\s+"([^"]{1,63})"/;
const WITHOUT_ID = /^\[([^\]]{1,63})/;
const KEY = /^\s*(\S{1,63})/;
const VALUE = /^\s*\S{1,63}\s*=\s*"([^"]{1,1023})"/;

interface Group {
  readonly name: string;
  readonly entries: (readonly [key: string, value: string])[];
  /** Where its last key is; undefined: it has none. */
  at: string | undefined;
}

/** The options that the file at `path` gives, in its order. Throws StartError. */
export function readConfig(text: string, path: string): readonly GivenOption[] {
  const groups: Group[] = [];
  for (const [index, line] of linesOf(text).entries()) {
    if (line === '\n' || line === '' || line.startsWith('#')) continue;
    const header = WITH_ID.exec(line) ?? WITHOUT_ID.exec(line);
    if (header !== null) {
      const [, name = '', id] = header;
      groups.push({ name, entries: id === undefined ? [] : [['id', id]], at: undefined });
      continue;
    }
    const at = `:${path}:${index + 1}`;
    const group = groups.at(-1);
    if (group === undefined) throw startError('no group defined', at);
    const key = KEY.exec(line)?.[1];
    if (key === undefined) throw startError('parse error', at);
    // QEMU: what is no value in quotes is an empty one.
    group.entries.push([key, VALUE.exec(line)?.[1] ?? '']);
    group.at = at;
  }
  return groups.flatMap(optionOf);
}

/** With their ends. */
function linesOf(text: string): readonly string[] {
  return text.split(/(?<=\n)/).flatMap((line) => line.match(new RegExp(`[^]{1,${LINE_MAX}}`, 'g')) ?? []);
}

function optionOf({ name, entries, at }: Group): readonly GivenOption[] {
  const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  if (option === undefined) {
    if (ABSENT.includes(name)) throw startError(`option group '${name}' is not modelled by this machine`, at);
    throw startError(`There is no option group '${name}'`, at);
  }
  if (at === undefined) return [];
  const strange = entries.find(([key]) => /[=,]/.test(key))?.[0];
  if (strange !== undefined) throw startError(`Invalid parameter '${strange}'`, at);
  const value = entries.map(([key, text]) => `${key}=${text.replaceAll(',', ',,')}`).join();
  return [{ name: option, value, at }];
}
