/** A machine of a command line that a client of qtest drives, with images for its disks. */
import { attachDevices } from '../../src/emu/command-line/attach-devices.ts';
import { machineOfCommandLine } from '../../src/emu/command-line/make-machine.ts';
import { MemoryChunkDatabase, Monitor, readCommandLine } from '../../src/emu/index.ts';
import { memoryImages } from './headless-guest.ts';
import { drivenByQtest, qtestHost } from './qtest-rig.ts';

const OWN = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '16', '-accel', 'qtest'];

/**
 * @param args of the command line; `@0` is the path of the first image
 * @param images what is in each of them
 */
export async function ideRig(
  args: readonly string[],
  images: readonly { readonly sizeBytes: number; readonly bytes: Uint8Array }[],
) {
  const store = memoryImages(new MemoryChunkDatabase());
  for (const [n, { sizeBytes, bytes }] of images.entries()) {
    await store.createEmpty(pathOf(n), sizeBytes);
    const image = await store.open(pathOf(n), { readOnly: false });
    await image.write(0, bytes);
    await image.close();
  }
  const own = args.map((arg) => arg.replace(/@(\d)/g, (_, n) => pathOf(Number(n))));
  const commandLine = readCommandLine([...OWN, ...own], () => {});
  if ('text' in commandLine) throw new Error(commandLine.text);
  const machine = machineOfCommandLine(
    commandLine,
    { memoryBytes: 16 << 20, serialPorts: [] },
    qtestHost(store),
  );
  await attachDevices(machine, commandLine, () => {});
  machine.devices.machineReady();
  return { ...drivenByQtest(machine), monitor: new Monitor({ machine }), store };
}

function pathOf(n: number): string {
  return `/tmp/ide${n}.img`;
}
