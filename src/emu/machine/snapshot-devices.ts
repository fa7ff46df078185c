/** What the user made, character devices, objects, drives and devices: how they are told to a snapshot, and made again of it without a word to the guest. */

import type { UserChardev } from '../char/chardevs.ts';
import { RingBuffer } from '../char/ring-buffer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import {
  absentOr,
  BOOLEAN,
  finite,
  integer,
  kind,
  list,
  nullable,
  oneOf,
  record,
  type StateFields,
  type StateKind,
  text,
  tuple,
} from '../core/state-fields.ts';
import { NET_CLIENT_TYPES } from '../net/net-client.ts';
import { NETDEV } from '../net/netdev-options.ts';
import type { GonePeer } from '../net/network.ts';
import { checkedAs } from '../qapi/check.ts';
import { parseJson } from '../qapi/json-reader.ts';
import { isJsonObject } from '../qapi/json-value.ts';
import { writeJson } from '../qapi/json-writer.ts';
import { UNATTACHED } from '../qdev/objects.ts';
import { Options } from '../qdev/option-string.ts';
import type { PropertyValue } from '../qdev/properties.ts';
import type { DeviceTree, Qdev } from '../qdev/tree.ts';
import type { Machine } from './machine.ts';
import type { Numa } from './numa.ts';
import { NUMA_OPTIONS } from './numa-options.ts';
import { OPTIONS, type SavedOptions, saveOptions, toOptions, toTextOptions } from './saved-options.ts';
import {
  BLOCK,
  type BlockSnapshot,
  restoreBlock,
  restoreLimits,
  restoreMedia,
  saveBlock,
} from './snapshot-block.ts';

export type ChardevSnapshot = {
  readonly options: SavedOptions;
  /** What a ring buffer holds; null: the kind has no ring. */
  readonly bytes: Uint8Array | null;
};

/** A back end of the network: how the user asked for it, as a text of JSON. Its connections are not saved. */
export type NetdevSnapshot = { readonly options: string; readonly isNetdev: boolean };

type SavedValues = readonly (readonly [name: string, value: PropertyValue])[];

export type DeviceSnapshot = {
  readonly options: SavedOptions;
  /** The bus that it is on; null: none. */
  readonly bus: string | null;
  /** What the bus chose. */
  readonly places: SavedValues;
  readonly path: string;
  readonly hotplugged: boolean;
  /** Virtual milliseconds. */
  readonly unplugRequestedMs: number | null;
};

export type PeripheralsSnapshot = {
  /** What `chardev-add` made, oldest first. */
  readonly chardevs: readonly ChardevSnapshot[];
  readonly block: BlockSnapshot;
  /** What `netdev_add` and the like made, oldest first; absent: none, as in snapshots from before there was a network. */
  readonly netdevs?: readonly NetdevSnapshot[];
  /** What cards have at the other end that was taken away; absent as before. */
  readonly gonePeers?: readonly GonePeer[] | undefined;
  /** What `object_add` made, oldest first. */
  readonly objects: readonly SavedOptions[];
  /** What the user said of NUMA nodes, each as a text of JSON. */
  readonly numa: readonly string[];
  /** Oldest first: each after the one that it is plugged into. */
  readonly devices: readonly DeviceSnapshot[];
  readonly anonymousDevices: number;
};

/** All ring buffers together: they are in one record of a snapshot, with all other state. */
const MAX_RING_BYTES = 8 << 20;
const TEXT_MAX = 65_536;
const COUNT = integer(0, 0x7fff_ffff);
const TEXT = text(TEXT_MAX);

export const PROPERTY_VALUE: StateKind<PropertyValue> = kind(
  (value) => ['undefined', 'string', 'boolean'].includes(typeof value) || Number.isFinite(value),
  'the value of a property',
);

const DEVICE = record<DeviceSnapshot>({
  options: OPTIONS,
  bus: nullable(TEXT),
  places: list(tuple(TEXT, PROPERTY_VALUE), { max: 16 }),
  path: TEXT,
  hotplugged: BOOLEAN,
  unplugRequestedMs: nullable(finite(0, Number.MAX_SAFE_INTEGER)),
});

/** More than can be said of all nodes. */
const NUMA_MAX = 100_000;
/** More than a machine has room for. */
const DEVICES_MAX = 16_384;

const RING: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= MAX_RING_BYTES,
  `at most ${MAX_RING_BYTES} bytes`,
);

const FIELDS: StateFields<Omit<PeripheralsSnapshot, 'netdevs' | 'gonePeers'>> = {
  chardevs: list(record<ChardevSnapshot>({ options: OPTIONS, bytes: nullable(RING) }), { max: 4096 }),
  block: BLOCK,
  objects: list(OPTIONS, { max: 4096 }),
  numa: list(text(Number.POSITIVE_INFINITY), { max: NUMA_MAX }),
  devices: list(DEVICE, { max: DEVICES_MAX }),
  anonymousDevices: COUNT,
};
const NETDEVS = list(record<NetdevSnapshot>({ options: TEXT, isNetdev: BOOLEAN }), { max: 4096 });

const GONE_PEERS = list(
  record<GonePeer>({ path: TEXT, name: TEXT, type: oneOf(...NET_CLIENT_TYPES), info: TEXT }),
  { max: 4096 },
);

const WITHOUT_NETWORK = record<Omit<PeripheralsSnapshot, 'netdevs' | 'gonePeers'>>(FIELDS);
const WITH_NETWORK = record<Required<PeripheralsSnapshot>>({
  ...FIELDS,
  netdevs: NETDEVS,
  gonePeers: absentOr(GONE_PEERS),
});

export const PERIPHERALS: StateKind<PeripheralsSnapshot> = {
  misfit(value) {
    const hasNetwork = typeof value === 'object' && value !== null && 'netdevs' in value;
    return (hasNetwork ? WITH_NETWORK : WITHOUT_NETWORK).misfit(value);
  },
};

const ANONYMOUS = /^\/machine\/peripheral-anon\/device\[(\d{1,9})\]$/;

/** Throws `SnapshotError` where a device could not be made again. */
export function savePeripherals(machine: Machine): PeripheralsSnapshot {
  const { chardevs, drives, network, objects, numa, devices } = machine;
  return {
    chardevs: saveChardevs(chardevs.madeByUser()),
    block: saveBlock(drives),
    netdevs: network.requests.map(({ options, isNetdev }) => ({ options: writeJson(options), isNetdev })),
    objects: objects.requests().map((options) => saveOptions(options)),
    numa: saveNuma(numa),
    ...(network.gonePeers.length === 0 ? {} : { gonePeers: network.gonePeers }),
    devices: saveDevices(devices.tree, new Set(network.gonePeers.map(({ path }) => path))),
    anonymousDevices: devices.anonymousDevices,
  };
}

/** Rejects with `SnapshotError`. The machine is one that was just made to be restored. */
export async function restorePeripherals(machine: Machine, state: PeripheralsSnapshot): Promise<void> {
  const { drives, objects, devices } = machine;
  for (const chardev of state.chardevs) restoreChardev(machine, chardev);
  for (const object of state.objects) made('an object', () => objects.add(toOptions(object)));
  restoreNuma(machine, state.numa);
  await restoreBlock(drives, state.block);
  for (const netdev of state.netdevs ?? []) await restoreNetdev(machine, netdev);
  for (const device of state.devices) await restoreDevice(machine, device);
  for (const peer of state.gonePeers ?? []) machine.network.restoreGonePeer(peer);
  await restoreMedia(drives, state.block);
  restoreLimits(drives, state.block);
  devices.anonymousDevices = state.anonymousDevices;
  devices.machineReady();
}

function saveChardevs(chardevs: readonly UserChardev[]): readonly ChardevSnapshot[] {
  const held = chardevs.map(({ backend }) => (backend instanceof RingBuffer ? backend.usedBytes : 0));
  if (held.reduce((sum, bytes) => sum + bytes, 0) > MAX_RING_BYTES) {
    throw new SnapshotError(
      `The ring buffers of the machine's character devices hold more than ${MAX_RING_BYTES >> 20} MB: read them with ringbuf_read, then save again.`,
    );
  }
  return chardevs.map(({ options, backend }) => ({
    options: saveOptions(options),
    bytes: backend instanceof RingBuffer ? backend.save() : null,
  }));
}

function restoreChardev({ chardevs }: Machine, { options, bytes }: ChardevSnapshot): void {
  const asked = toTextOptions(options);
  made('a character device', () => chardevs.create(asked));
  if (bytes === null) return;
  const ring = made('a character device', () => chardevs.ringBuffer(asked.id ?? ''));
  if (bytes.length > ring.sizeBytes) {
    throw new SnapshotError(`The snapshot has more bytes in the ring buffer ${asked.id} than fit into it.`);
  }
  ring.write(bytes);
}

async function restoreNetdev({ network }: Machine, { options, isNetdev }: NetdevSnapshot): Promise<void> {
  const asked = made('a network back end', () => {
    const given = parseJson(options);
    if (!isJsonObject(given)) throw new MonitorError(`${options} is no object`);
    return checkedAs(NETDEV, given);
  });
  await network.restore({ options: asked, isNetdev }).catch((error: unknown) => {
    made('a network back end', () => {
      throw error;
    });
  });
}

/** What the user said of NUMA nodes. */
export function saveNuma({ said }: Numa): readonly string[] {
  return said.map((options) => writeJson(options));
}

/** What NUMA nodes have as memory was made before. */
function restoreNuma(machine: Machine, said: readonly string[]): void {
  made('a NUMA node', () => {
    for (const text of said) {
      const options = parseJson(text);
      if (!isJsonObject(options)) throw new MonitorError(`${text} is no object`);
      machine.numa.set(checkedAs(NUMA_OPTIONS, options), () => {});
    }
    machine.completeNuma();
  });
}

/** What the user could make and this machine cannot is told in a sentence. */
function made<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw new SnapshotError(`The snapshot has ${what} that cannot be made: ${error.message}`);
  }
}

/**
 * What the user plugged, oldest first.
 * @param alone paths of cards whose back end was taken away
 */
export function saveDevices(tree: DeviceTree, alone: ReadonlySet<string>): readonly DeviceSnapshot[] {
  return tree.devices().flatMap((device) => saveDevice(device, alone.has(device.path)));
}

function saveDevice(device: Qdev, isAlone: boolean): readonly DeviceSnapshot[] {
  const { request, bus, path, hotplugged, unplugRequestedMs } = device;
  if (request === undefined) return [];
  return [
    {
      // Said by `bus` below, whether the user did or not. Of a back end that is gone the name may be another's by now.
      options: saveOptions(request.options, ...(isAlone ? ['bus', 'netdev'] : ['bus'])),
      bus: bus?.name ?? null,
      places: [...request.places],
      path,
      hotplugged,
      unplugRequestedMs: unplugRequestedMs ?? null,
    },
  ];
}

async function restoreDevice({ devices }: Machine, state: DeviceSnapshot): Promise<void> {
  // A bus has made it again for a device that came before.
  if (state.path.startsWith(UNATTACHED) && devices.tree.find(state.path) !== undefined) return;
  const number = ANONYMOUS.exec(state.path)?.[1];
  if (number !== undefined) devices.anonymousDevices = Number(number);
  const options = made('a device', () => toOptions(state.options));
  const { entries } = options;
  const onBus: typeof entries = state.bus === null ? entries : [...entries, ['bus', state.bus]];
  const restored = {
    hotplugged: state.hotplugged,
    places: new Map(state.places),
    unplugRequestedMs: state.unplugRequestedMs ?? undefined,
    path: state.path,
  };
  await devices.restore(new Options(onBus, options.id, options.json), restored).catch((error: unknown) => {
    if (!(error instanceof MonitorError)) throw error;
    throw new SnapshotError(`The snapshot has a device that cannot be made: ${error.message}`);
  });
}
