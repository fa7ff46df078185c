/** -global: another default for a property of a type of devices. */
import { MonitorError } from '../core/monitor-error.ts';
import { DEVICE_TYPES } from '../machine/device-types.ts';
import type { GlobalDefault } from '../machine/machine-config.ts';
import { allProperties } from '../qdev/device-type.ts';
import { checkFixed } from '../qdev/properties.ts';
import { parsePairs } from './options-machine.ts';
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

/** `driver.property=value`, or the three by name. */
const SHORT = /^([^.=]{1,63})\.([^=]{1,63})=(.*)$/s;

/**
 * Undefined: no such type, which `warn` was told. Throws StartError.
 * QEMU: a wrong value for a device that is never made goes unnoticed; here it is refused at once.
 */
export function readGlobal(option: GivenOption, warn: (text: string) => void): GlobalDefault | undefined {
  const { driver, property, text } = wordsOf(option);
  const type = DEVICE_TYPES.find(({ name }) => name === driver);
  if (type === undefined) {
    warn(`warning: global ${driver}.${property} has invalid class name`);
    return undefined;
  }
  const refuse = (why: string) => startError(`can't apply global ${driver}.${property}=${text}: ${why}`);
  const spec = allProperties(type).find(({ name }) => name === property);
  if (spec === undefined) throw refuse(`Property '${driver}.${property}' not found`);
  try {
    const value = spec.kind.parse(text, spec, driver);
    checkFixed(spec, value, driver);
    return { driver, property, value };
  } catch (error) {
    throw error instanceof MonitorError ? refuse(error.message) : error;
  }
}

function wordsOf({ value, at }: GivenOption) {
  const [, driver, property, text] = SHORT.exec(value) ?? [];
  if (driver !== undefined && property !== undefined && text !== undefined) return { driver, property, text };
  const pairs = parsePairs(value, '');
  const wrong = [...pairs.keys()].find((key) => !['driver', 'property', 'value'].includes(key));
  if (wrong !== undefined) throw startError(`Invalid parameter '${wrong === '' ? value : wrong}'`, at);
  const [named, one, given] = ['driver', 'property', 'value'].map((key) => pairs.get(key));
  if (named === undefined || one === undefined || given === undefined)
    throw startError("options 'driver', 'property', and 'value' are required", at);
  return { driver: named, property: one, text: given };
}
