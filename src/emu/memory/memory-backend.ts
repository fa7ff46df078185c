/** `memory-backend-ram`: memory that the user sets aside, for a device to put before the guest. */
import { MonitorError } from '../core/monitor-error.ts';
import { link } from '../qdev/links.ts';
import {
  BOOL,
  HOST_MEM_POLICY,
  off,
  on,
  type PropertyKind,
  type PropertySpec,
  SIZE,
  STR,
  UINT32,
  withDefaults,
} from '../qdev/properties.ts';
import { type ObjectType, UserObject } from '../qdev/user-objects.ts';
import type { Values } from '../qdev/values.ts';
import { RAM_MAX } from './pc-ram.ts';

/** QEMU's abstract type of all of them. */
export const MEMORY_BACKEND = 'memory-backend';

/** What `info memdev` tells beside the size. Not modelled: any of it; how memory is had is the host's affair. */
export interface MemoryBackendSettings {
  readonly merge: boolean;
  readonly dump: boolean;
  readonly prealloc: boolean;
  readonly share: boolean;
  readonly reserve: boolean;
}

const DEFAULT_SETTINGS: MemoryBackendSettings = {
  merge: true,
  dump: true,
  prealloc: false,
  share: false,
  reserve: true,
};

/**
 * Takes no memory by itself: the guest's writes do, as far as a device shows it to the guest. What was written goes with the device.
 * QEMU keeps it for the next one.
 */
export class MemoryBackend extends UserObject {
  /** As the user asked for it, at least 1. */
  readonly sizeBytes: number;
  readonly settings: MemoryBackendSettings;
  /** A device has it. */
  isMapped = false;

  constructor(type: ObjectType, sizeBytes: number, settings: MemoryBackendSettings = DEFAULT_SETTINGS) {
    super(type);
    this.sizeBytes = sizeBytes;
    this.settings = settings;
  }

  override get inUse(): boolean {
    return this.isMapped;
  }

  /** Not modelled: QEMU lets some be changed, which then do what is not modelled either. */
  protected override changeError(property: string, type: string): MonitorError {
    return new MonitorError(
      property === 'size' ? `cannot change property size of ${type} ` : 'cannot change property value',
    );
  }
}

export function memdevMissingError(): MonitorError {
  return new MonitorError("'memdev' property must be set");
}

/** QEMU's error when the host has not so much. */
export function noMemoryError(id: string): MonitorError {
  return new MonitorError(`cannot set up guest memory '${id}': Cannot allocate memory`);
}

/** Not modelled: nodes of the host. QEMU: text cannot say a list. */
const HOST_NODES: PropertyKind = {
  ...STR,
  typeName: 'int',
  parse(_text, { name }) {
    throw new MonitorError(`Invalid parameter type for '${name}', expected: array`);
  },
  toJson: () => [],
};

const PROPERTIES: readonly PropertySpec[] = [
  on('dump', "'off' keeps it out of core dumps"),
  { name: 'host-nodes', kind: HOST_NODES, help: 'NUMA nodes of the host' },
  on('merge', 'equal pages may be shared'),
  { name: 'policy', kind: HOST_MEM_POLICY, default: 'default', help: 'how NUMA nodes of the host are used' },
  off('prealloc', 'take all of it from the host at once'),
  { name: 'prealloc-context', kind: link('thread-context'), help: 'where threads for prealloc are made' },
  { name: 'prealloc-threads', kind: UINT32, default: 1, help: 'threads for prealloc' },
  on('reserve', 'reserve swap space'),
  off('share', 'other processes may see it'),
  { name: 'size', kind: SIZE, required: true, help: 'how much, as in 256M' },
  { name: 'x-use-canonical-path-for-ramblock-id', kind: BOOL, default: false },
];

export const MEMORY_BACKEND_RAM: ObjectType = {
  name: 'memory-backend-ram',
  parents: [MEMORY_BACKEND],
  properties: PROPERTIES,
  create: (values, _services, id) => createBackend(values, id),
};

function createBackend(values: Values, id: string): MemoryBackend {
  const sizeBytes = values.number('size');
  for (const name of ['size', 'prealloc-threads']) {
    if (values.number(name) === 0) {
      throw new MonitorError(`property '${name}' of ${MEMORY_BACKEND_RAM.name} doesn't take value '0'`);
    }
  }
  const policy = values.text('policy');
  if (policy !== 'default') throw new MonitorError(`host-nodes must be set for policy ${policy}`);
  const [merge, dump, prealloc, share, reserve] = [
    values.is('merge'),
    values.is('dump'),
    values.is('prealloc'),
    values.is('share'),
    values.is('reserve'),
  ];
  if (prealloc && !reserve) throw new MonitorError("'prealloc=on' and 'reserve=off' are incompatible");
  if (sizeBytes > RAM_MAX) throw noMemoryError(id);
  return new MemoryBackend(MEMORY_BACKEND_RAM, sizeBytes, { merge, dump, prealloc, share, reserve });
}

/** The memory that the machine has from the start. */
export function boardMemory(sizeBytes: number): MemoryBackend {
  const backend = new MemoryBackend(MEMORY_BACKEND_RAM, sizeBytes);
  backend.isMapped = true;
  backend.values = withDefaults(PROPERTIES, new Map([['size', sizeBytes]]));
  return backend;
}

export const MEMORY_BACKEND_TYPES: readonly ObjectType[] = [MEMORY_BACKEND_RAM];
