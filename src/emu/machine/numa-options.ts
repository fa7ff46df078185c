/** What the user says of NUMA nodes, with `-numa` or `set-numa-node`. Spec: QEMU qapi/machine.json. */
import {
  enumeration,
  INT,
  type Infer,
  list,
  optional,
  SIZE,
  STR,
  struct,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  union,
} from '../qapi/schema.ts';

export const CPU_INSTANCE_PROPERTIES = struct({
  ...{ 'node-id': optional(INT), 'socket-id': optional(INT), 'die-id': optional(INT) },
  ...{ 'cluster-id': optional(INT), 'core-id': optional(INT), 'thread-id': optional(INT) },
});

const NODE = struct({
  ...{ nodeid: optional(UINT16), cpus: optional(list(UINT16)), mem: optional(SIZE) },
  ...{ memdev: optional(STR), initiator: optional(UINT16) },
});
const DIST = struct({ src: UINT16, dst: UINT16, val: UINT8 });
/** In the order of their numbers in the table. Spec: ACPI 6.5 §5.2.28.4. */
export const HMAT_HIERARCHIES = ['memory', 'first-level', 'second-level', 'third-level'] as const;
export const HMAT_DATA_TYPES = [
  ...(['access-latency', 'read-latency', 'write-latency'] as const),
  ...(['access-bandwidth', 'read-bandwidth', 'write-bandwidth'] as const),
] as const;
/** In the order of their numbers in the table. Spec: ACPI 6.5 §5.2.28.5. */
export const HMAT_ASSOCIATIVITIES = ['none', 'direct', 'complex'] as const;
export const HMAT_WRITE_POLICIES = ['none', 'write-back', 'write-through'] as const;

const HMAT_LB = struct({
  ...{ initiator: UINT16, target: UINT16 },
  hierarchy: enumeration('HmatLBMemoryHierarchy', HMAT_HIERARCHIES),
  'data-type': enumeration('HmatLBDataType', HMAT_DATA_TYPES),
  ...{ latency: optional(UINT64), bandwidth: optional(SIZE) },
});
const HMAT_CACHE = struct({
  ...{ 'node-id': UINT32, size: SIZE, level: UINT8 },
  associativity: enumeration('HmatCacheAssociativity', HMAT_ASSOCIATIVITIES),
  policy: enumeration('HmatCacheWritePolicy', HMAT_WRITE_POLICIES),
  line: UINT16,
});

const NUMA_OPTIONS_TYPE = enumeration('NumaOptionsType', ['node', 'dist', 'cpu', 'hmat-lb', 'hmat-cache']);

export const NUMA_OPTIONS = union({ type: NUMA_OPTIONS_TYPE }, 'type', {
  ...{ node: NODE, dist: DIST, cpu: CPU_INSTANCE_PROPERTIES },
  ...{ 'hmat-lb': HMAT_LB, 'hmat-cache': HMAT_CACHE },
});

export type NumaOptions = Infer<typeof NUMA_OPTIONS>;
export type NumaNodeOptions = Infer<typeof NODE>;
export type NumaDistOptions = Infer<typeof DIST>;
export type NumaCpuOptions = Infer<typeof CPU_INSTANCE_PROPERTIES>;
export type HmatLbOptions = Infer<typeof HMAT_LB>;
export type HmatCacheOptions = Infer<typeof HMAT_CACHE>;
