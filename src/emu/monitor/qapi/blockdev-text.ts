/** A node as the command line asks for it: `-blockdev` takes what `blockdev-add` takes, as JSON or as options. */
import { BLOCKDEV_OPTIONS, type BlockdevOptions } from '../../block/blockdev-options.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { checkedAs } from '../../qapi/check.ts';
import { parseJson } from '../../qapi/json-reader.ts';
import { isJsonObject, type JsonObject } from '../../qapi/json-value.ts';
import { parseKeyval, typedOptions } from '../../qdev/keyval.ts';

/** Throws `MonitorError`. */
export function readBlockdev(text: string): BlockdevOptions {
  const { node } = BLOCKDEV_OPTIONS;
  if (text.startsWith('{')) return checkedAs(BLOCKDEV_OPTIONS, jsonOf(text));
  return checkedAs(BLOCKDEV_OPTIONS, typedOptions(node, parseKeyval(text, 'driver')), true);
}

function jsonOf(text: string): JsonObject {
  const value = parseJson(text);
  if (!isJsonObject(value)) throw new MonitorError('QMP input must be a JSON object');
  return value;
}
