/** `memory-backend-ram`: memory that the user sets aside, for a device to put before the guest. */
import { MonitorError } from '../core/monitor-error.ts';
import { checkPolicy, HOST_NODES, nodesFromJson, nodesOf, withNodes } from '../qdev/host-nodes.ts';
import { link } from '../qdev/links.ts';
import {
  BOOL,
  HOST_MEM_POLICY,
  off,
  on,
  type PropertyKind,
  type PropertySpec,
  type PropertyValue,
  SIZE,
  UINT32,
  withDefaults,
} from '../qdev/properties.ts';
import type { GivenValue } from '../qdev/qom-value.ts';
import { type ObjectType, UserObject } from '../qdev/user-objects.ts';
import type { Values } from '../qdev/values.ts';
import { RAM_MAX } from './pc-ram.ts';

/** QEMU's abstract type of all of them. */
export const MEMORY_BACKEND = 'memory-backend';

type HostMemPolicy = 'default' | 'preferred' | 'bind' | 'interleave';

/** What `info memdev` tells beside the size. Not modelled: any of it; how memory is had is the host's affair. */
export interface MemoryBackendSettings {
  readonly merge: boolean;
  readonly dump: boolean;
  readonly prealloc: boolean;
  readonly share: boolean;
  readonly reserve: boolean;
  readonly policy: HostMemPolicy;
  /** In ascending order. */
  readonly hostNodes: readonly number[];
}

const DEFAULT_SETTINGS: MemoryBackendSettings = {
  merge: true,
  dump: true,
  prealloc: false,
  share: false,
  reserve: true,
  policy: 'default',
  hostNodes: [],
};

/** What may be turned on and off again later. */
const SWITCHES = ['merge', 'dump', 'x-use-canonical-path-for-ramblock-id'];

/**
 * Takes no memory by itself: the guest's writes do, as far as a device shows it to the guest. What was written goes with the device.
 * QEMU keeps it for the next one.
 */
export class MemoryBackend extends UserObject {
  /** As the user asked for it, at least 1. */
  readonly sizeBytes: number;
  #settings: MemoryBackendSettings;
  /** A device has it. */
  isMapped = false;

  constructor(type: ObjectType, sizeBytes: number, settings: MemoryBackendSettings = DEFAULT_SETTINGS) {
    super(type);
    this.sizeBytes = sizeBytes;
    this.#settings = settings;
  }

  get settings(): MemoryBackendSettings {
    return this.#settings;
  }

  override get inUse(): boolean {
    return this.isMapped;
  }

  /** QEMU: what can be set is set, and nothing becomes of it: the memory has been had. A snapshot does not have it. */
  protected override change(property: PropertySpec, given: GivenValue, type: string): void {
    const { name } = property;
    if (name === 'size') throw new MonitorError(`cannot change property size of ${type} `);
    if (SWITCHES.includes(name)) this.#set(name, given.boolean());
    else if (name === 'prealloc') this.#preallocate(given.boolean());
    else if (name === 'prealloc-threads') this.#setThreads(given.unsigned());
    else if (name === 'policy') this.#set(name, given.asNew(property, type));
    else if (name === 'host-nodes') this.#setNodes(given.numbers(nodesFromJson));
    else throw new MonitorError('cannot change property value');
  }

  /** QEMU: there is no way back. */
  #preallocate(on: boolean): void {
    if (!on) return;
    if (!this.#settings.reserve) throw preallocError();
    this.#set('prealloc', true);
  }

  #setThreads(count: bigint): void {
    if (count > 0xffff_ffffn) throw new MonitorError("Parameter 'prealloc-threads' expects uint32_t");
    if (count === 0n) throw zeroError('prealloc-threads');
    this.#set('prealloc-threads', Number(count));
  }

  #setNodes(given: readonly bigint[]): void {
    const hostNodes = withNodes(this.#settings.hostNodes, given);
    this.#settings = { ...this.#settings, hostNodes };
    this.#set('host-nodes', hostNodes.join());
  }

  #set(name: string, value: PropertyValue): void {
    this.values = new Map([...(this.values ?? withDefaults(PROPERTIES, new Map())), [name, value]]);
    if (name in this.#settings) this.#settings = { ...this.#settings, [name]: value };
  }
}

function zeroError(name: string): MonitorError {
  return new MonitorError(`property '${name}' of ${MEMORY_BACKEND_RAM.name} doesn't take value '0'`);
}

function preallocError(): MonitorError {
  return new MonitorError("'prealloc=on' and 'reserve=off' are incompatible");
}

export function memdevMissingError(): MonitorError {
  return new MonitorError("'memdev' property must be set");
}

/** QEMU's error when the host has not so much. */
export function noMemoryError(id: string): MonitorError {
  return new MonitorError(`cannot set up guest memory '${id}': Cannot allocate memory`);
}

/** QEMU calls it by another name than numbers of other objects. */
const THREADS: PropertyKind = { ...UINT32, typeName: 'int' };

const PROPERTIES: readonly PropertySpec[] = [
  on('dump', "'off' keeps it out of core dumps"),
  { name: 'host-nodes', kind: HOST_NODES, help: 'NUMA nodes of the host' },
  on('merge', 'equal pages may be shared'),
  { name: 'policy', kind: HOST_MEM_POLICY, default: 'default', help: 'how NUMA nodes of the host are used' },
  off('prealloc', 'take all of it from the host at once'),
  { name: 'prealloc-context', kind: link('thread-context'), help: 'where threads for prealloc are made' },
  { name: 'prealloc-threads', kind: THREADS, default: 1, help: 'threads for prealloc' },
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
  const hostNodes = nodesOf(values.text('host-nodes'));
  for (const name of ['size', 'prealloc-threads']) {
    if (values.number(name) === 0) throw zeroError(name);
  }
  const [merge, dump, prealloc, share, reserve] = [
    values.is('merge'),
    values.is('dump'),
    values.is('prealloc'),
    values.is('share'),
    values.is('reserve'),
  ];
  if (prealloc && !reserve) throw preallocError();
  if (sizeBytes > RAM_MAX) throw noMemoryError(id);
  const policy = values.text('policy') as HostMemPolicy;
  checkPolicy(policy, hostNodes);
  const settings = { merge, dump, prealloc, share, reserve, policy, hostNodes };
  return new MemoryBackend(MEMORY_BACKEND_RAM, sizeBytes, settings);
}

/** The memory that the machine has from the start. */
export function boardMemory(sizeBytes: number): MemoryBackend {
  const backend = new MemoryBackend(MEMORY_BACKEND_RAM, sizeBytes);
  backend.isMapped = true;
  backend.values = withDefaults(PROPERTIES, new Map([['size', sizeBytes]]));
  return backend;
}

export const MEMORY_BACKEND_TYPES: readonly ObjectType[] = [MEMORY_BACKEND_RAM];
