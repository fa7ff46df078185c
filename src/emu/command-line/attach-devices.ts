/** What the command line asks for beside the board. It takes the way of `object_add`, `chardev-add`, `drive_add` and `device_add`. */
import { BOARD_MEMORY } from '../machine/boards/pc-device-memory.ts';
import type { Machine } from '../machine/machine.ts';
import { useMemoryBackend } from '../machine/memory-backend-option.ts';
import { loadVm } from '../monitor/vm-snapshots.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { Options } from '../qdev/option-string.ts';
import { attachOwnDrives, tellFirmwareOfDisks } from './attach-drives.ts';
import { attachFlashUnits, type MadeDrive } from './attach-flash.ts';
import { attachNetwork, boardCards } from './attach-network.ts';
import { checkCpuNodes } from './cpu-nodes.ts';
import { atOption, type CommandLine, type OptionGroup } from './options.ts';
import { readNuma } from './options-numa.ts';
import { attachUsbDevice } from './options-usb.ts';
import { report, startError } from './start-error.ts';

function reservedError(): Error {
  return startError(
    `object name '${BOARD_MEMORY}' is reserved for the default RAM backend, it can't be used for any other purposes. ` +
      "Change the object's 'id' to something else",
  );
}

/**
 * Makes the objects and character devices that the command line names, and says which NUMA nodes there are: -preconfig waits after them.
 * Throws StartError.
 * @param warn told what QEMU says of what was made
 * @param provideChardevs gives the machine character devices that the host has opened; absent: those that the user named are made here
 */
export function attachBackends(
  machine: Machine,
  commandLine: Pick<CommandLine, 'objects' | 'chardevs' | 'numa' | 'memoryBackend' | 'askedBytes'>,
  warn: (text: string) => void,
  provideChardevs: (() => void) | undefined = undefined,
): void {
  const { objects, chardevs, numa, memoryBackend, askedBytes } = commandLine;
  // QEMU: what is wrong with an object is not said about its option.
  for (const { options } of objects) {
    if (options.id === BOARD_MEMORY && memoryBackend === undefined) throw reservedError();
    if (!machine.objects.isOnNetwork(options)) withOption(undefined, () => machine.objects.add(options));
  }
  if (provideChardevs !== undefined) provideChardevs();
  else makeChardevs(machine, chardevs);
  if (memoryBackend !== undefined) withOption(undefined, () => useMemoryBackend(machine, askedBytes));
  for (const { options, at } of numa) {
    withOption(at, () => machine.numa.set(readNuma(options), (text) => warn(report(`warning: ${text}`, at))));
  }
}

type AttachedOption =
  | 'blockdevs'
  | 'drives'
  | 'devices'
  | 'objects'
  | 'usbDevices'
  | 'network'
  | 'flashNodes'
  | 'machineType'
  | 'memoryBackend';

/**
 * Makes the drives and devices that the command line names, after what they stand on. Rejects with StartError.
 * @param warn told what QEMU says of what was made
 */
export async function attachDevices(
  machine: Machine,
  commandLine: Pick<CommandLine, AttachedOption>,
  warn: (text: string) => void,
): Promise<void> {
  const { blockdevs, drives, devices, usbDevices, network } = commandLine;
  // QEMU: the board is made now, and what it misses is not said about an option.
  if (
    commandLine.memoryBackend !== undefined &&
    machine.numa.nodes.some(({ memdev }) => memdev !== undefined)
  ) {
    throw startError("'-machine memory-backend' and '-numa memdev' properties are mutually exclusive");
  }
  withOption(undefined, () => machine.completeNuma((text) => warn(report(`warning: ${text}`))));
  checkCpuNodes(machine);
  for (const { options, at } of blockdevs) {
    await machine.drives.addNode(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
  }
  const cards = await attachNetwork(machine, network);
  for (const { options } of commandLine.objects) {
    if (machine.objects.isOnNetwork(options)) withOption(undefined, () => machine.objects.add(options));
  }
  const made: MadeDrive[] = [];
  for (const { options, at } of drives) {
    const { name } = await machine.drives.add(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
    made.push({ name, at });
  }
  await attachFlashUnits(machine, commandLine, made, warn);
  await boardCards(machine, cards, warn);
  await attachOwnDrives(machine, warn);
  for (const device of usbDevices) await attachUsbDevice(machine, device);
  const isJson = ({ options }: OptionGroup<JsonValue>): boolean => options.json;
  const inText = devices.filter((device) => !isJson(device));
  for (const { options, at } of [...inText, ...virtioDisks(machine, made), ...devices.filter(isJson)]) {
    const say = (warning: string): void => warn(report(warning, at));
    await machine.devices.add(options, say).catch((error: unknown) => {
      throw atOption(error, at);
    });
  }
  checkOrphans(machine, made);
  tellFirmwareOfDisks(machine);
  for (const text of machine.network.warnings()) warn(report(`warning: ${text}`));
}

/** -loadvm: the machine, which is complete, goes back to a snapshot. Rejects with StartError. */
export async function loadSnapshot(
  machine: Machine,
  { loadvm }: Pick<CommandLine, 'loadvm'>,
  warn: (text: string) => void,
): Promise<void> {
  if (loadvm === undefined) return;
  // QEMU: the error is about no option.
  await loadVm(machine, loadvm, (text) => warn(report(text))).catch((error: unknown) => {
    throw atOption(error);
  });
}

/** Without a terminal there is no monitor of the command line's: what it would be on is nobody's wish. */
function makeChardevs(machine: Machine, chardevs: CommandLine['chardevs']): void {
  for (const { options, at } of chardevs) {
    if (at !== undefined) withOption(at, () => machine.chardevs.create(options));
  }
}

/** Says of a MonitorError which option it is about. */
export function withOption(at: string | undefined, make: () => unknown): void {
  try {
    make();
  } catch (error) {
    throw atOption(error, at);
  }
}

/** QEMU: if=virtio makes the device too, after those that the user named, and before those in JSON. */
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
