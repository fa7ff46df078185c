/** A node as `drive_add -n` asks for it: options in text. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { checkedAs } from '../qapi/check.ts';
import { isJsonObject, type JsonObject, keysOf } from '../qapi/json-value.ts';
import { nestedOptions, typedOptions } from '../qdev/keyval.ts';
import type { Options } from '../qdev/option-string.ts';
import { BLOCKDEV_OPTIONS, type BlockdevOptions, NODE_DRIVERS } from './blockdev-options.ts';

/** Reads them. Throws `MonitorError`. */
export function nodeOptions(options: Options): BlockdevOptions {
  const given = nestedOptions(options.entries);
  if (given['node-name'] === undefined) throw new MonitorError("'node-name' needs to be specified");
  checkDrivers(given);
  return checkedAs(BLOCKDEV_OPTIONS, typedOptions(BLOCKDEV_OPTIONS.node, given));
}

/** What QEMU says of options otherwise here than where there is a schema. */
function checkDrivers(given: JsonObject): void {
  const { driver, file } = given;
  if (driver === undefined) throw new MonitorError('Must specify either driver or file');
  const known = NODE_DRIVERS.find((name) => name === driver);
  if (known === undefined) throw new MonitorError(`Unknown driver '${driver}'`);
  if (known === 'raw' && file === undefined) {
    throw new MonitorError('A block device must be specified for "file"');
  }
  if (isJsonObject(file)) checkDrivers(file);
  const { members, variants } = BLOCKDEV_OPTIONS.node;
  const names = [...members, ...(variants?.get(known)?.members ?? [])].map(({ name }) => name);
  const unknown = keysOf(given).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new MonitorError(
    known === 'raw'
      ? `Block format 'raw' does not support the option '${unknown}'`
      : `Block protocol '${known}' doesn't support the option '${unknown}'`,
  );
}
