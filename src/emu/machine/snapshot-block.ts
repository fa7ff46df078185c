/** Drives, nodes and limits of drives: how they are told to a snapshot, and made again of it. */

import type { BlockNode } from '../block/block-node.ts';
import { BLOCKDEV_OPTIONS, type BlockdevOptions } from '../block/blockdev-options.ts';
import { THROTTLE_KEYS } from '../block/drive-throttle-options.ts';
import type { Drive, Drives } from '../block/drives.ts';
import { THROTTLE_STATE, type ThrottleGroup, type ThrottleState } from '../block/throttle-groups.ts';
import {
  LIMIT_NAMES,
  type Limit,
  limitsError,
  limitsOf,
  type ThrottleLimits,
} from '../block/throttle-limits.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import {
  finite,
  integer,
  list,
  nullable,
  record,
  type StateFields,
  type StateKind,
  text,
  tuple,
} from '../core/state-fields.ts';
import { checkedAs } from '../qapi/check.ts';
import { parseJson } from '../qapi/json-reader.ts';
import { isJsonObject, type JsonObject } from '../qapi/json-value.ts';
import { writeJson } from '../qapi/json-writer.ts';
import { OPTIONS, type SavedOptions, toTextOptions } from './saved-options.ts';

type SavedImage = { readonly path: string; readonly sizeBytes: number };

export type DriveSnapshot = {
  readonly options: SavedOptions;
  /** Null: an empty drive. */
  readonly medium: (SavedImage & { readonly names: readonly string[] }) | null;
};

/** A node that a monitor made. */
export type NodeSnapshot = {
  /** As JSON. */
  readonly options: string;
  /** Of it and of those that were made for it. */
  readonly names: readonly string[];
  readonly image: SavedImage;
};

/** A drive, or a node of a monitor's: the other is null. In the order in which they were made. */
type MadeSnapshot = { readonly drive: DriveSnapshot | null; readonly node: NodeSnapshot | null };

type SavedLimit = readonly [avg: number, max: number, length: number];

export type ThrottleGroupSnapshot = {
  readonly name: string;
  readonly limits: readonly SavedLimit[];
  readonly iopsSize: number;
  readonly state: ThrottleState;
};

export type BlockSnapshot = {
  readonly made: readonly MadeSnapshot[];
  /** The drives in their order, by id or by device. */
  readonly drives: readonly string[];
  readonly nodeCount: number;
  readonly groups: readonly ThrottleGroupSnapshot[];
  /** Drives that have limits, each with its group. Those of a device without a name are told by the device. */
  readonly limited: readonly (readonly [drive: string, group: string])[];
  /** Drives in which there is not what they, or their devices, were made with. Absent: of a time when those could not be saved. */
  readonly changed?: readonly ChangedDrive[];
};

/** A drive's medium; both null: it was taken out. */
type ChangedDrive = {
  readonly drive: string;
  /** The name of a node that a monitor made. */
  readonly node: string | null;
  readonly image: DriveSnapshot | null;
};

const TEXT = text(65_536);
/** More than a user types. */
const MADE_MAX = 4096;
const SIZE = integer(0, Number.MAX_SAFE_INTEGER);
const NAMES = list(TEXT, { max: 64 });
const RATE = finite(-(2 ** 63), 2 ** 64);

const DRIVE = record<DriveSnapshot>({
  options: OPTIONS,
  medium: nullable(record({ path: TEXT, sizeBytes: SIZE, names: NAMES })),
});

const FIELDS: StateFields<Omit<BlockSnapshot, 'changed'>> = {
  made: list(
    record<MadeSnapshot>({
      drive: nullable(DRIVE),
      node: nullable(
        record<NodeSnapshot>({
          options: TEXT,
          names: NAMES,
          image: record<SavedImage>({ path: TEXT, sizeBytes: SIZE }),
        }),
      ),
    }),
    { max: MADE_MAX },
  ),
  drives: list(TEXT, { max: MADE_MAX }),
  nodeCount: integer(0, 0x7fff_ffff),
  groups: list(
    record<ThrottleGroupSnapshot>({
      name: TEXT,
      limits: list(tuple(RATE, RATE, RATE), LIMIT_NAMES.length),
      iopsSize: RATE,
      state: THROTTLE_STATE,
    }),
    { max: MADE_MAX },
  ),
  limited: list(tuple(TEXT, TEXT), { max: MADE_MAX }),
};
const CHANGED = list(record<ChangedDrive>({ drive: TEXT, node: nullable(TEXT), image: nullable(DRIVE) }), {
  max: MADE_MAX,
});
const UNCHANGED = record<Omit<BlockSnapshot, 'changed'>>(FIELDS);
const WITH_CHANGES = record<Required<BlockSnapshot>>({ ...FIELDS, changed: CHANGED });

/** One of a time before there were changes has none. */
export const BLOCK: StateKind<BlockSnapshot> = {
  misfit(value) {
    const hasChanges = typeof value === 'object' && value !== null && 'changed' in value;
    return (hasChanges ? WITH_CHANGES : UNCHANGED).misfit(value);
  },
};

/** Where a drive is, how its image is read, and what it may move, said anew. */
const SAID_ANEW = new Set(['bus', 'unit', 'index', 'format', 'driver', ...THROTTLE_KEYS]);

/** Throws `SnapshotError` where a drive could not be made again. */
export function saveBlock(drives: Drives): BlockSnapshot {
  const all = drives.list();
  const gone = all.find(({ name, options }) => name === '' && options !== undefined);
  if (gone !== undefined) {
    throw new SnapshotError(
      `Drive ${gone.id} was deleted under its device: take the device out, then save again.`,
    );
  }
  const nodes = drives.nodes.list();
  const made = all.flatMap((drive) => {
    if (drive.options === undefined) return [];
    // A node that was put in comes back when it is there.
    const medium = drive.changed === 'node' ? undefined : drive.medium;
    const at = medium === undefined ? -1 : nodes.indexOf(medium.node);
    return [{ at, drive: saveDrive({ ...drive, medium }), node: null }];
  });
  const added = nodes.flatMap((node, at) => {
    const { options } = node;
    return options === undefined ? [] : [{ at, drive: null, node: saveNode(node, options) }];
  });
  const limited = all.filter(({ gate }) => gate.limits !== undefined);
  return {
    made: [...made, ...added].sort((a, b) => a.at - b.at).map(({ drive, node }) => ({ drive, node })),
    drives: all.map(keyOf),
    nodeCount: drives.nodes.count,
    groups: [...new Set(limited.flatMap(({ gate }) => gate.limits?.group ?? []))].map(saveGroup),
    limited: limited.map((drive) => [keyOf(drive), drive.gate.limits?.group.name ?? '']),
    changed: all.flatMap((drive) => saveChange(drive) ?? []),
  };
}

/** A drive by its id; one without, which its device has made, by that: no id begins so. */
function keyOf({ id, attachedTo = '' }: Drive): string {
  return id || (attachedTo.startsWith('/') ? attachedTo : `@${attachedTo}`);
}

/** What is there before the devices are. Rejects with `SnapshotError`. */
export async function restoreBlock(drives: Drives, state: BlockSnapshot): Promise<void> {
  for (const { drive, node } of state.made) {
    if (drive !== null) await restoreDrive(drives, drive);
    if (node !== null) await restoreNode(drives, node);
  }
  drives.reorder(state.drives, keyOf);
}

/** What users had put into drives of devices, which are there now. Rejects with `SnapshotError`. */
export async function restoreMedia(drives: Drives, { changed = [] }: BlockSnapshot): Promise<void> {
  for (const { drive: key, node, image } of changed) {
    const drive = drives.list().find((one) => keyOf(one) === key);
    if (drive === undefined)
      throw new SnapshotError(`The snapshot has a medium for ${key}, which is no drive.`);
    try {
      await restoreMedium(drives, drive, node, image);
    } catch (error) {
      throw unusable(image?.medium?.path ?? node ?? key, error);
    }
    const medium = image?.medium ?? undefined;
    if (medium !== undefined) checkSize(medium, drive.medium?.node.disk.sizeBytes);
  }
}

async function restoreMedium(
  drives: Drives,
  drive: Drive,
  node: string | null,
  image: DriveSnapshot | null,
): Promise<void> {
  if (drive.medium !== undefined) await drives.eject(drive);
  if (node !== null) {
    if (drives.nodes.find(node) === undefined) throw new SnapshotError(`Node '${node}' not found`);
    await drives.insert(drive, node);
  } else if (image !== null) {
    const given = toTextOptions(image.options).effective();
    const [path = '', format] = [given.get('file'), given.get('format')];
    const readOnly = given.get('read-only') === 'on';
    await drives.change(drive, drive.name, { path, format, readOnly, names: image.medium?.names ?? [] });
  }
}

/** What a device may have to be there for. Rejects with `SnapshotError`. */
export function restoreLimits(drives: Drives, state: BlockSnapshot): void {
  drives.nodes.count = state.nodeCount;
  // Some have come with their devices.
  drives.reorder(state.drives, keyOf);
  const unknown = state.limited.find(([, group]) => !state.groups.some(({ name }) => name === group));
  if (unknown !== undefined) throw new SnapshotError(`The snapshot has no limits for group ${unknown[1]}.`);
  for (const { name, limits: saved, iopsSize, state: buckets } of state.groups) {
    const limits = limitsFrom(saved, iopsSize);
    for (const [id, group] of state.limited) {
      if (group !== name) continue;
      const drive = drives.list().find((one) => keyOf(one) === id);
      if (drive === undefined)
        throw new SnapshotError(`The snapshot has limits for ${id}, which is no drive.`);
      drive.gate.limitTo(limits, { group, byDefault: group });
      drive.gate.limits?.group.restore(buckets);
    }
  }
}

function limitsFrom(saved: readonly SavedLimit[], iopsSize: number): ThrottleLimits {
  const limit = (at: number): Limit => {
    const [avg, max, length] = saved[at] ?? [0, 0, 1];
    return { avg, max, length };
  };
  const limits = limitsOf((name) => limit(LIMIT_NAMES.indexOf(name)), iopsSize);
  const error = limitsError(limits);
  if (error !== undefined)
    throw new SnapshotError(`The snapshot has limits that cannot be: ${error.message}`);
  return limits;
}

function saveGroup(group: ThrottleGroup): ThrottleGroupSnapshot {
  const { rates, iopsSize } = group.limits;
  const limits = LIMIT_NAMES.map(
    (name): SavedLimit => [rates[name].avg, rates[name].max, rates[name].length],
  );
  return { name: group.name, limits, iopsSize, state: group.save() };
}

/** Undefined: its options, or those of its device, say all of it. */
function saveChange(drive: Drive): ChangedDrive | undefined {
  const { changed, medium } = drive;
  if (changed === undefined) return undefined;
  const isNode = changed === 'node';
  const image = isNode || changed === 'taken out' ? null : saveDrive({ ...drive, options: changed });
  return { drive: keyOf(drive), node: isNode ? (medium?.node.name ?? null) : null, image };
}

function saveDrive({ bus, unit, medium, options }: Drive): DriveSnapshot {
  const place: [string, string][] = [
    ['bus', String(bus)],
    ['unit', String(unit)],
  ];
  // What the guest wrote into a raw image must not make it one of another format.
  if (medium !== undefined) place.push(['format', medium.node.driver]);
  const entries = options?.entries.filter(([key]) => !SAID_ANEW.has(key)) ?? [];
  return {
    options: { id: options?.id ?? null, json: false, entries: [...entries, ...place] },
    medium:
      medium === undefined
        ? null
        : { path: medium.path, sizeBytes: medium.node.disk.sizeBytes, names: namesOf(medium.node) },
  };
}

function saveNode(node: BlockNode, options: BlockdevOptions): NodeSnapshot {
  return {
    // They came as JSON, or as texts of it.
    options: writeJson(options as unknown as JsonObject),
    names: namesOf(node),
    image: { path: node.path, sizeBytes: node.disk.sizeBytes },
  };
}

function namesOf(node: BlockNode): readonly string[] {
  return node.file === undefined ? [node.name] : [node.name, ...namesOf(node.file)];
}

function unusable(path: string, error: unknown): SnapshotError {
  const why = error instanceof Error ? error.message : String(error);
  return new SnapshotError(`The snapshot needs the disk image ${path}, which cannot be used: ${why}`);
}

function checkSize({ path, sizeBytes }: SavedImage, now: number | undefined): void {
  if (now === sizeBytes) return;
  throw new SnapshotError(`The disk image ${path} has another size than when the snapshot was taken.`);
}

async function restoreDrive(drives: Drives, { options, medium }: DriveSnapshot): Promise<void> {
  const drive = await drives.restore(toTextOptions(options), medium?.names ?? []).catch((error: unknown) => {
    throw medium === null ? error : unusable(medium.path, error);
  });
  if (medium !== null) checkSize(medium, drive.medium?.node.disk.sizeBytes);
}

async function restoreNode(drives: Drives, { options: saved, names, image }: NodeSnapshot): Promise<void> {
  const options = parseJson(saved);
  if (!isJsonObject(options)) throw new SnapshotError('The snapshot has a node that is none.');
  const asked = checkedAs(BLOCKDEV_OPTIONS, options);
  await drives.addNode(asked, names).catch((error: unknown) => {
    throw unusable(image.path, error);
  });
  checkSize(image, drives.nodes.find(asked['node-name'] ?? '')?.disk.sizeBytes);
}
