/** Devices. Spec: QEMU qapi/qdev.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { typeNamed } from '../../machine/type-queries.ts';
import { JsonDouble, type JsonObject, type JsonValue, keysOf } from '../../qapi/json-value.ts';
import { writeJson } from '../../qapi/json-writer.ts';
import { inQdictOrder } from '../../qapi/qdict-order.ts';
import { asJson, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { allProperties, isListed } from '../../qdev/device-type.ts';
import { badIdError, isWellFormedId, Options } from '../../qdev/option-string.ts';
import { command } from './context.ts';
import { OBJECT_PROPERTY_INFO } from './qom.ts';

/** QEMU: all but these is in the properties of the device. */
const DEVICE_ADD = struct({ driver: STR, bus: optional(STR), id: optional(STR) });

/** QEMU: what is neither text nor a number nor a truth value is passed over. */
function optionText(value: JsonValue): string | undefined {
  if (value instanceof JsonDouble) return writeJson(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? undefined : String(value);
}

/** The options of a device as a client gave them. QEMU: they become text again. Throws QEMU's error. */
function deviceOptions(given: JsonObject): Options {
  const { id } = given;
  if (typeof id === 'string' && !isWellFormedId(id)) throw badIdError();
  const entries: [name: string, text: string][] = [];
  for (const name of inQdictOrder(keysOf(given))) {
    const text = name === 'id' ? undefined : optionText(given[name]);
    if (text !== undefined) entries.push([name, text]);
  }
  // QEMU: an id that is no text is none.
  return new Options(entries, typeof id === 'string' ? id : undefined);
}

export function deviceListProperties(
  { devices }: MachineApi,
  typename: string,
): readonly Infer<typeof OBJECT_PROPERTY_INFO>[] {
  const type = devices.registry.find(typename);
  if (type === undefined && typeNamed(typename) !== undefined) {
    throw new MonitorError("Parameter 'typename' expects a non-abstract device type");
  }
  if (type === undefined) throw new MonitorError(`Device '${typename}' not found`, 'DeviceNotFound');
  return allProperties(type)
    .filter(isListed)
    .map(({ name, kind, help, default: value }) => ({
      name,
      type: kind.typeName,
      description: help === '' ? undefined : help,
      'default-value': value === undefined ? undefined : kind.toJson(value),
    }));
}

export const QDEV_COMMANDS = [
  command('device-list-properties', {
    args: struct({ typename: STR }),
    returns: list(OBJECT_PROPERTY_INFO),
    run: ({ machine }, { typename }) => deviceListProperties(machine, typename),
  }),
  command('device_add', {
    args: asJson(DEVICE_ADD),
    takesAnything: true,
    features: ['json-cli', 'json-cli-hotplug'],
    async run({ machine, warn }, given) {
      await machine.devices.add(deviceOptions(given), warn);
    },
  }),
  command('device_del', {
    args: struct({ id: STR }),
    run: ({ machine }, { id }) => machine.devices.delete(id),
  }),
];
