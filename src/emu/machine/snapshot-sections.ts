/** What a snapshot saves of each device: sections by the device's path in the tree and the name of the state in it. */
import type { Device } from '../core/device.ts';
import { RESTORE_STAGES } from '../core/device.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { ANYTHING, integer, list, record, type StateKind, text } from '../core/state-fields.ts';
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

const SECTIONS_MAX = 65_536;
const NAME_MAX = 4096;

/** The frame of the sections; what is in a state is its device's to say. */
export const SECTIONS: StateKind<readonly Section[]> = list(
  record<Section>({
    path: text(NAME_MAX),
    name: text(NAME_MAX),
    version: integer(0, 0x7fff_ffff),
    state: ANYTHING as StateKind<Plain>,
  }),
  { max: SECTIONS_MAX },
);

/** In order of creation: a device comes after the one that it is plugged into. */
export function saveSections(tree: DeviceTree): readonly Section[] {
  return parts(tree).map(({ path, device }) => {
    const { name, version } = device.vmstate;
    return { path, name, version, state: device.save() };
  });
}

/**
 * Every part of the machine must have its section, and every section its part, which can hold what is in it. Throws `SnapshotError`;
 * nothing is changed before the function that it gives is called.
 * @param without told of a part that has no section: what is to be done with it instead, or undefined when it must have one
 */
export function checkSections(
  tree: DeviceTree,
  sections: readonly Section[],
  without: (path: string, device: Device) => (() => void) | undefined = () => undefined,
): () => void {
  const known = new Map(parts(tree).map((part) => [keyOf(part.path, part.device.vmstate.name), part.device]));
  const states = new Map<Device, Plain>();
  for (const section of sections) {
    const device = known.get(keyOf(section.path, section.name));
    checkSection(device, section);
    if (states.has(device))
      throw new SnapshotError(`The snapshot has ${section.name} of ${section.path} twice.`);
    states.set(device, section.state);
  }
  const others: (() => void)[] = [];
  for (const { path, device } of parts(tree)) {
    if (states.has(device)) continue;
    const other = without(path, device);
    if (other === undefined)
      throw new SnapshotError(`The snapshot has no ${device.vmstate.name} of ${path}.`);
    others.push(other);
  }
  return () => {
    for (const other of others) other();
    for (const stage of RESTORE_STAGES) {
      for (const [device, state] of states)
        if ((device.vmstate.stage ?? 'device') === stage) device.restore(state);
    }
  };
}

function checkSection(device: Device | undefined, section: Section): asserts device is Device {
  const { path, name, version, state } = section;
  if (device === undefined) {
    throw new SnapshotError(`The snapshot has a device ${name} at ${path} that this machine does not have.`);
  }
  const { vmstate } = device;
  if (vmstate.version !== version) {
    throw new SnapshotError(
      `The snapshot has ${name} in version ${version}, this machine has version ${vmstate.version}.`,
    );
  }
  checkKind(vmstate.fields, state, `${name} of ${path}`);
}

/** Throws a `SnapshotError` that says what is wrong with `value` in the words of a user. */
export function checkKind(kind: StateKind<unknown>, value: unknown, what: string): void {
  const wrong = kind.misfit(value);
  if (wrong === undefined) return;
  const field = wrong.field === '' ? what : `field ${wrong.field} of ${what}`;
  throw new SnapshotError(`The snapshot is damaged: ${field} ${wrong.text}.`);
}

function keyOf(path: string, name: string): string {
  return `${path}\n${name}`;
}

function parts(tree: DeviceTree): readonly Part[] {
  return tree
    .devices()
    .flatMap(({ path, hardware }) => hardware.sections.map((device) => ({ path, device })));
}
