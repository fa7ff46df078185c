/** Objects and their properties. Spec: QEMU qapi/qom.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { isType, listTypes, typeNamed } from '../../machine/type-queries.ts';
import type { JsonObject, JsonValue } from '../../qapi/json-value.ts';
import {
  ANY,
  asJson,
  BOOL,
  deprecated,
  enumeration,
  type Infer,
  list,
  optional,
  SIZE,
  STR,
  struct,
  UINT16,
  UINT32,
  union,
} from '../../qapi/schema.ts';
import { allProperties } from '../../qdev/device-type.ts';
import { Options } from '../../qdev/option-string.ts';
import { objectPropertyType } from '../../qdev/user-objects.ts';
import { command } from './context.ts';
import { HOST_MEM_POLICY } from './machine.ts';

export const OBJECT_PROPERTY_INFO = struct({
  ...{ name: STR, type: STR },
  ...{ description: optional(STR), 'default-value': optional(ANY) },
});

const OBJECT_TYPE_INFO = struct({ name: STR, abstract: optional(BOOL), parent: optional(STR) });

/** What each object has. */
const OF_ALL = [{ name: 'type', type: 'string' }];
/** What each device has beside its own. */
const OF_DEVICES = [
  ...[{ name: 'parent_bus', type: 'link<bus>' }],
  ...['realized', 'hotplugged', 'hotpluggable'].map((name) => ({ name, type: 'bool' })),
];

/** What objects of a type have. QEMU: defaults are told of devices only. Throws QEMU's error. */
function qomListProperties(
  { devices, objects }: MachineApi,
  typename: string,
): readonly Infer<typeof OBJECT_PROPERTY_INFO>[] {
  if (typeNamed(typename) === undefined)
    throw new MonitorError(`Class '${typename}' not found`, 'DeviceNotFound');
  const device = devices.registry.find(typename);
  const object = objects.types().find(({ name }) => name === typename);
  const properties = device === undefined ? (object?.properties ?? []) : allProperties(device);
  const own = properties.map((property) => ({
    name: property.name,
    type: device === undefined ? objectPropertyType(property) : property.kind.typeName,
    description: property.help === '' ? undefined : property.help,
  }));
  return [...OF_ALL, ...(isType(typename, 'device') ? OF_DEVICES : []), ...own];
}

const NET_FILTER_DIRECTION = enumeration('NetFilterDirection', ['all', 'rx', 'tx']);
const NETFILTER_INSERT = enumeration('NetfilterInsert', ['before', 'behind']);
const RNG_PROPERTIES = { opened: deprecated(optional(BOOL)) };
/** Not modelled: `prealloc-context`, which threads of the host fill the memory. */
const MEMORY_BACKEND_PROPERTIES = struct({
  ...{ dump: optional(BOOL), 'host-nodes': optional(list(UINT16)), merge: optional(BOOL) },
  ...{ policy: optional(HOST_MEM_POLICY), prealloc: optional(BOOL) },
  ...{ 'prealloc-threads': optional(UINT32), share: optional(BOOL), reserve: optional(BOOL) },
  ...{ size: SIZE, 'x-use-canonical-path-for-ramblock-id': optional(BOOL) },
});
const FILTER_DUMP_PROPERTIES = struct({
  ...{ netdev: STR, queue: optional(NET_FILTER_DIRECTION), status: optional(STR) },
  ...{ position: optional(STR), insert: optional(NETFILTER_INSERT), file: STR, maxlen: optional(UINT32) },
});
const OBJECT_TYPE = enumeration('ObjectType', [
  'filter-dump',
  'memory-backend-ram',
  'rng-builtin',
  'rng-random',
]);
const OBJECT_OPTIONS = union({ 'qom-type': OBJECT_TYPE, id: STR }, 'qom-type', {
  'filter-dump': FILTER_DUMP_PROPERTIES,
  'memory-backend-ram': MEMORY_BACKEND_PROPERTIES,
  'rng-builtin': struct(RNG_PROPERTIES),
  'rng-random': struct({ ...RNG_PROPERTIES, filename: optional(STR) }),
});

function objectOptions(given: JsonObject): Options<JsonValue> {
  const { id } = given;
  const entries = Object.entries(given).filter(([name]) => name !== 'id');
  return new Options(entries, String(id), true);
}

export const QOM_COMMANDS = [
  command('qom-list', {
    args: struct({ path: STR }),
    returns: list(OBJECT_PROPERTY_INFO),
    allowPreconfig: true,
    run: ({ machine }, { path }) =>
      machine.qom.list(path).map(({ name, typeName }) => ({ name, type: typeName })),
  }),
  command('qom-get', {
    args: struct({ path: STR, property: STR }),
    returns: ANY,
    allowPreconfig: true,
    run: ({ machine }, { path, property }) => machine.qom.get(path, property),
  }),
  command('qom-set', {
    args: struct({ path: STR, property: STR, value: ANY }),
    allowPreconfig: true,
    run: ({ machine }, { path, property, value }) =>
      machine.qom.set(path, property, value as JsonValue, true),
  }),
  command('qom-list-types', {
    args: struct({ implements: optional(STR), abstract: optional(BOOL) }),
    returns: list(OBJECT_TYPE_INFO),
    allowPreconfig: true,
    run: (_context, { implements: wanted, abstract: withAbstract = false }) =>
      listTypes(wanted, withAbstract).map(({ name, isAbstract, parent }) => ({
        ...{ name, parent, abstract: isAbstract ? true : undefined },
      })),
  }),
  command('qom-list-properties', {
    args: struct({ typename: STR }),
    returns: list(OBJECT_PROPERTY_INFO),
    allowPreconfig: true,
    run: ({ machine }, { typename }) => qomListProperties(machine, typename),
  }),
  command('object-add', {
    args: asJson(OBJECT_OPTIONS),
    allowPreconfig: true,
    run({ machine }, given) {
      machine.objects.add(objectOptions(given));
    },
  }),
  command('object-del', {
    args: struct({ id: STR }),
    allowPreconfig: true,
    run: ({ machine }, { id }) => machine.objects.delete(id),
  }),
];
