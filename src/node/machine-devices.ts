/** What the command line asks for beside the board. It takes the way of `object_add`, `chardev-add`, `drive_add` and `device_add`. */
import { BOARD_MEMORY, CharPipe, type Machine, Options } from '../emu/index.ts';
import type { Channel } from './chardev.ts';
import type { NamedChannel } from './chardev-open.ts';
import { atOption, type CommandLine, type OptionGroup } from './options.ts';
import { startError } from './start-error.ts';

function reservedError(): Error {
  return startError(
    `object name '${BOARD_MEMORY}' is reserved for the default RAM backend, it can't be used for any other purposes. ` +
      "Change the object's 'id' to something else",
  );
}

interface MadeDrive {
  readonly name: string;
  readonly at: string;
}

/** Makes all that the command line names. Rejects with StartError. */
export async function attachDevices(
  machine: Machine,
  { objects, chardevs, drives, devices }: Pick<CommandLine, 'objects' | 'chardevs' | 'drives' | 'devices'>,
  named: readonly NamedChannel[],
): Promise<readonly ChannelPipe[]> {
  // QEMU: what is wrong with an object is not said about its option.
  for (const { options } of objects) {
    if (options.id === BOARD_MEMORY) throw reservedError();
    attempt(undefined, () => machine.objects.add(options));
  }
  for (const { options, at } of chardevs) {
    if (!named.some(({ id }) => id === options.id)) attempt(at, () => machine.chardevs.create(options));
  }
  const pipes = named.flatMap((channel) => provide(machine, channel));
  const made: MadeDrive[] = [];
  for (const { options, at } of drives) {
    const { name } = await machine.drives.add(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
    made.push({ name, at });
  }
  for (const { options, at } of [...devices, ...virtioDisks(machine, made)]) {
    await machine.devices.add(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
  }
  checkOrphans(machine, made);
  return pipes;
}

/** The machine's end of a channel that a device may use. */
export interface ChannelPipe {
  readonly channel: Channel;
  readonly pipe: CharPipe;
}

function provide({ chardevs }: Machine, { id, channel, at }: NamedChannel): readonly ChannelPipe[] {
  const filename = (): string => channel.filename;
  if (at === undefined) {
    attempt(at, () => chardevs.provide(id, { backend: null, filename }));
    return [];
  }
  // Whether somebody is there, the channel says when it is connected.
  const pipe = new CharPipe((bytes) => channel.write(bytes), false);
  attempt(at, () => chardevs.provide(id, { backend: pipe, filename }));
  return [{ channel, pipe }];
}

function attempt(at: string | undefined, make: () => unknown): void {
  try {
    make();
  } catch (error) {
    throw atOption(error, at);
  }
}

/** QEMU: if=virtio makes the device too, after those that the user named. */
function virtioDisks(machine: Machine, made: readonly MadeDrive[]): readonly OptionGroup[] {
  return made
    .filter(({ name }) => machine.drives.find(name)?.interface === 'virtio')
    .map(({ name, at }) => ({
      options: new Options([
        ['driver', 'virtio-blk-pci'],
        ['drive', name],
      ]),
      at,
    }));
}

/** Drives that should be on a controller of the board, which has none for them. */
function checkOrphans(machine: Machine, made: readonly MadeDrive[]): void {
  for (const { name, at } of made) {
    const drive = machine.drives.find(name);
    if (drive === undefined || drive.interface === 'none' || drive.attachedTo !== undefined) continue;
    const { interface: type, bus, unit } = drive;
    throw startError(`machine type does not support if=${type},bus=${bus},unit=${unit}`, at);
  }
}
