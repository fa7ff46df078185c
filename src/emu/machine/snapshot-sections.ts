/** What a snapshot saves of each device: sections by the device's path in the tree and the name of the state in it. */
import type { Device, RestoreStage } from '../core/device.ts';
import { RESTORE_STAGES } from '../core/device.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import type { DeviceTree } from '../qdev/tree.ts';

export type Section = {
  readonly path: string;
  readonly name: string;
  readonly version: number;
  readonly state: Plain;
};

interface Part {
  readonly path: string;
  readonly device: Device;
}

/** In order of creation: a device comes after the one that it is plugged into. */
export function saveSections(tree: DeviceTree): readonly Section[] {
  return parts(tree).map(({ path, device }) => {
    const { name, version } = device.vmstate;
    return { path, name, version, state: device.save() };
  });
}

/** Every part of the machine must have its section, and every section its part. Throws `SnapshotError`. */
export function restoreSections(tree: DeviceTree, sections: readonly Section[]): void {
  const known = parts(tree);
  for (const section of sections) checkSection(known, section);
  for (const part of known) {
    if (!sections.some((section) => isOf(section, part))) {
      throw new SnapshotError(`The snapshot has no ${part.device.vmstate.name} of ${part.path}.`);
    }
  }
  for (const stage of RESTORE_STAGES) restoreStage(stage, known, sections);
}

function restoreStage(stage: RestoreStage, known: readonly Part[], sections: readonly Section[]): void {
  for (const section of sections) {
    const part = known.find((one) => isOf(section, one));
    if ((part?.device.vmstate.stage ?? 'device') === stage) part?.device.restore(section.state);
  }
}

function checkSection(known: readonly Part[], section: Section): void {
  const { path, name, version } = section;
  const part = known.find((one) => isOf(section, one));
  if (part === undefined) {
    throw new SnapshotError(`The snapshot has a device ${name} at ${path} that this machine does not have.`);
  }
  const has = part.device.vmstate.version;
  if (has !== version) {
    throw new SnapshotError(
      `The snapshot has ${name} in version ${version}, this machine has version ${has}.`,
    );
  }
}

function isOf({ path, name }: Section, part: Part): boolean {
  return part.path === path && part.device.vmstate.name === name;
}

function parts(tree: DeviceTree): readonly Part[] {
  return tree
    .devices()
    .flatMap(({ path, hardware }) => hardware.sections.map((device) => ({ path, device })));
}
