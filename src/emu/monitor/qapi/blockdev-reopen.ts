/** What `blockdev-reopen` is given. QEMU: drivers that it knows, and this machine has not, are refused only after all that is looked at before. */
import { BLOCKDEV_OPTIONS, type BlockdevOptions, type NODE_DRIVERS } from '../../block/blockdev-options.ts';
import { checkedAs } from '../../qapi/check.ts';
import { isJsonObject, type JsonObject, type JsonValue, keysOf } from '../../qapi/json-value.ts';
import { list, struct } from '../../qapi/schema.ts';

export const REOPEN_ARGS = struct({ options: list(BLOCKDEV_OPTIONS) });

/** Drivers of QEMU's that have a node below, and those that have a file, by the one here that has the same. */
const LIKE_OURS: ReadonlyMap<string, (typeof NODE_DRIVERS)[number]> = new Map([
  ...['bochs', 'cloop', 'dmg', 'luks', 'parallels', 'qcow', 'qcow2'].map((name) => [name, 'raw'] as const),
  ...['qed', 'vdi', 'vhdx', 'vmdk', 'vpc'].map((name) => [name, 'raw'] as const),
  ...['host_cdrom', 'host_device'].map((name) => [name, 'file'] as const),
]);
/** Not modelled: members that only another driver has are not looked at. */
const KEPT = new Set([
  ...BLOCKDEV_OPTIONS.node.members.map(({ name }) => name),
  ...['file', 'filename', 'aio', 'locking'],
]);

function asOurs(options: JsonValue): JsonValue {
  if (!isJsonObject(options)) return options;
  const driver = LIKE_OURS.get(String(options['driver']));
  if (driver === undefined) return options;
  const kept = keysOf(options).filter((name) => KEPT.has(name));
  return { ...Object.fromEntries(kept.map((name) => [name, options[name] ?? null])), driver };
}

/** Throws QEMU's error. */
export function reopenOptions(args: JsonObject): readonly BlockdevOptions[] {
  const { options: given } = args;
  const patched = Array.isArray(given) ? { ...args, options: given.map(asOurs) } : args;
  const { options } = checkedAs(REOPEN_ARGS, patched);
  return options.map((one, at) => {
    const asked: JsonValue = Array.isArray(given) ? given[at] : null;
    const named = isJsonObject(asked) ? asked['driver'] : one.driver;
    // A driver that no node has is never that of the node.
    return { ...one, driver: named as BlockdevOptions['driver'] };
  });
}
