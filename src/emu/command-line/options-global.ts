/** -global: another default for a property of a type of devices. */
import { MonitorError } from '../core/monitor-error.ts';
import { DEVICE_TYPES } from '../machine/device-types.ts';
import type { GlobalDefault } from '../machine/machine-config.ts';
import { allProperties } from '../qdev/device-type.ts';
import { checkFixed } from '../qdev/properties.ts';
import { checkKeys, type OptionGroup } from './options-memory.ts';
import type { GivenOption } from './options-split.ts';
import { report, startError } from './start-error.ts';

/** `driver.property=value`, or the three by name. */
const SHORT = /^([^.=]{1,63})\.([^=]{1,63})=(.*)$/s;

/** What -global says, in its order. Throws StartError. */
export function readGlobals(
  all: readonly GivenOption[],
  group: (option: GivenOption) => OptionGroup,
  warn: (text: string) => void,
): readonly GlobalDefault[] {
  return all.flatMap((option) => readGlobal(option, group, (text) => warn(report(text))) ?? []);
}

/**
 * Undefined: no such type, which `warn` was told. Throws StartError.
 * QEMU: a wrong value for a device that is never made goes unnoticed; here it is refused at once.
 */
function readGlobal(
  option: GivenOption,
  group: (option: GivenOption) => OptionGroup,
  warn: (text: string) => void,
): GlobalDefault | undefined {
  const { driver, property, text } = shortForm(option) ?? longForm(group(option));
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

interface Words {
  readonly driver: string;
  readonly property: string;
  readonly text: string;
}

function shortForm({ value }: GivenOption): Words | undefined {
  const [, driver, property, text] = SHORT.exec(value) ?? [];
  if (driver === undefined || property === undefined || text === undefined) return undefined;
  return { driver, property, text };
}

function longForm(group: OptionGroup): Words {
  checkKeys(group, ['driver', 'property', 'value']);
  const { options, at } = group;
  const [driver, property, text] = ['driver', 'property', 'value'].map((key) => options.get(key));
  if (driver === undefined || property === undefined || text === undefined)
    throw startError("options 'driver', 'property', and 'value' are required", at);
  return { driver, property, text };
}
