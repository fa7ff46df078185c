/** -fw_cfg: items of the user's, which firmware and guest read by name. Texts are QEMU's. */
import type { FirmwareFile } from '../machine/boot-config.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { checkKeys, type OptionGroup } from './options-memory.ts';
import { report, startError } from './start-error.ts';

/** An item that the user wants; it has a text, or the path of a file. */
export interface FirmwareItem {
  readonly name: string;
  readonly text: string | undefined;
  readonly path: string;
  readonly at: string;
}

/** The bytes of a file, or why there are none, in QEMU's words. */
export type BytesReader = (path: string) => Uint8Array | string;

const KEYS = ['name', 'file', 'string', 'gen_id'];
const NAME_MAX = 55;
/** Names that QEMU's board has taken by then. */
const OF_BOARD = ['etc/boot-fail-wait', 'etc/e820', 'etc/system-states'];
/** QEMU ends by a failed assertion when its 32 slots are full, of which the board and devices need some. */
const ITEMS_MAX = 20;

/** The same, once it has no other keys. Throws StartError. */
export function firmwareGroups(groups: readonly OptionGroup[]): readonly OptionGroup[] {
  for (const group of groups) checkKeys(group, KEYS);
  return groups;
}

/**
 * What -fw_cfg says, in its order, whose keys are known. Throws StartError.
 * @param objects those of the command line, of which none makes such an item
 * @param hasBoard false for the machine `none`
 */
export function readFirmwareItems(
  groups: readonly OptionGroup[],
  objects: readonly OptionGroup<JsonValue>[],
  hasBoard: boolean,
  warn: (text: string) => void,
): readonly FirmwareItem[] {
  return groups.map((group) => {
    const { at } = group;
    if (!hasBoard) throw startError('fw_cfg device not available', at);
    const item = readItem(group, objects);
    if (!item.name.startsWith('opt/')) {
      warn(report('warning: externally provided fw_cfg item names should be prefixed with "opt/"', at));
    }
    return item;
  });
}

function readItem({ options, at }: OptionGroup, objects: readonly OptionGroup<JsonValue>[]): FirmwareItem {
  // QEMU: what is empty is not there.
  const [name, path, text, generator] = KEYS.map((key) => options.get(key) || undefined);
  const contents = [path, text, generator].filter((one) => one !== undefined);
  if (name === undefined || contents.length !== 1) {
    throw startError('name, plus exactly one of file, string and gen_id, are needed', at);
  }
  if (new TextEncoder().encode(name).length > NAME_MAX) {
    throw startError(`name too long (max. ${NAME_MAX} char)`, at);
  }
  if (generator !== undefined) {
    // Not modelled: `tls-cipher-suites`, QEMU's only object that makes one.
    const isThere = objects.some(({ options: { id } }) => id === generator);
    throw startError(
      isThere
        ? `Object ID '${generator}' is not a 'fw_cfg-data-generator' subclass`
        : `Cannot find object ID '${generator}'`,
      at,
    );
  }
  return { name, text, path: path ?? '', at };
}

/** What the board gives the guest. Throws StartError for a file that cannot be read, and for a name that is taken. */
export function firmwareFiles(
  items: readonly FirmwareItem[],
  readBytes: BytesReader,
): readonly FirmwareFile[] {
  const names = new Set(OF_BOARD);
  return items.map(({ name, text, path, at }, index) => {
    const bytes = text === undefined ? readBytes(path) : new TextEncoder().encode(text);
    if (typeof bytes === 'string') throw startError(`can't load ${path}: ${bytes}`, at);
    if (names.has(name)) throw startError(`duplicate fw_cfg file name: ${name}`, at);
    if (index >= ITEMS_MAX) throw startError(`this machine takes ${ITEMS_MAX} of them`, at);
    names.add(name);
    return { name, bytes };
  });
}
