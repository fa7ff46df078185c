/** Flash of QEMU's command line: where the guest finds it, what becomes of its image, and of it in a snapshot. */
import { afterEach, describe, expect, it } from 'vitest';
import { attachDevices } from '../../src/emu/command-line/attach-devices.ts';
import { machineOfCommandLine } from '../../src/emu/command-line/make-machine.ts';
import { readCommandLine } from '../../src/emu/command-line/options.ts';
import { ImageSnapshots, type ImageStore, type Machine, Monitor } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 1 << 20;
const FOUR_GIB = 2 ** 32;
const BLOB_BYTES = 65_536;
const SMALL_BYTES = 12_288;

const made: Machine[] = [];
afterEach(async () => {
  for (const machine of made.splice(0)) await machine.close();
});

/** As QEMU's own test of firmware fills it. */
const blob = Uint8Array.from({ length: BLOB_BYTES }, (_, at) => at & 0xff);

async function imagesWith(files: Readonly<Record<string, Uint8Array>>): Promise<ImageStore> {
  const images = memoryImages();
  for (const [path, bytes] of Object.entries(files)) {
    await images.createEmpty(path, bytes.length);
    const image = await images.open(path);
    await image.write(0, bytes);
    await image.close();
  }
  return images;
}

async function machineWith(images: ImageStore, ...line: readonly string[]): Promise<Machine> {
  const commandLine = readCommandLine(['-nodefaults', '-display', 'none', '-S', ...line], () => {});
  if ('text' in commandLine) throw new Error(commandLine.text);
  const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes: 16 * MIB };
  let nowNs = 0;
  const host = {
    ...{ monotonicNs: () => (nowNs += 1000), wallClockMs: () => 0, after() {}, random() {} },
    ...{ images, snapshots: new ImageSnapshots(images) },
  };
  const machine = machineOfCommandLine(commandLine, parts, host);
  made.push(machine);
  await attachDevices(machine, commandLine, () => {});
  machine.devices.machineReady();
  return machine;
}

function bytesAt({ access }: Machine, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  access.readPhysical(BigInt(address), bytes);
  return bytes;
}

const writeAt = ({ access }: Machine, address: number, ...values: readonly number[]): void => {
  for (const value of values) access.writeBus(BigInt(address), Uint8Array.of(value));
};

const ask = (machine: Machine, line: string): Promise<string> => new Monitor({ machine }).execute(line);

async function stored(images: ImageStore, path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of images.download(path)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const SECOND = 'if=pflash,file=/f1,format=raw';
const TWO = ['-pflash', '/f0', '-drive', SECOND];
const twoFiles = () => imagesWith({ '/f0': blob, '/f1': new Uint8Array(SMALL_BYTES).fill(0x77) });

describe('flash', () => {
  it('ends at 4 GiB, and its end is found below 1 MiB too', async () => {
    const machine = await machineWith(await imagesWith({ '/f0': blob }), '-pflash', '/f0');
    for (const end of [FOUR_GIB, MIB]) {
      expect(Buffer.compare(bytesAt(machine, end - BLOB_BYTES, BLOB_BYTES), blob)).toBe(0);
    }
  });

  it.each([
    ['drives', TWO],
    [
      'a node and a drive',
      ['-blockdev', 'file,filename=/f0,node-name=n', '-M', 'pflash0=n', '-drive', `${SECOND},unit=1`],
    ],
  ])('has a second one below: %s', async (_, line) => {
    const machine = await machineWith(await twoFiles(), ...line);
    const base = FOUR_GIB - BLOB_BYTES - SMALL_BYTES;
    expect([...bytesAt(machine, base - 1, 2)]).toEqual([0, 0x77]);
    expect(bytesAt(machine, base + SMALL_BYTES, 2)).toEqual(blob.subarray(0, 2));
    expect(await ask(machine, 'info mtree')).toMatch(
      /00000000fffed000-00000000fffeffff \(prio 0, romd\): system.flash1\n *00000000ffff0000-00000000ffffffff \(prio 0, romd\): system.flash0\n/,
    );
    expect(await ask(machine, 'info block')).toMatch(
      /^pflash1 .*\n {4}Attached to: {6}\/machine\/system.flash1$/m,
    );
    // QEMU: newest first, and flash is older than what comes after it in the board's list.
    expect((await ask(machine, 'info qtree')).match(/^ {2}dev: (fw_cfg_io|cfi.pflash01).*$/gm)).toEqual([
      '  dev: fw_cfg_io, id ""',
      ...Array(2).fill('  dev: cfi.pflash01, id ""'),
    ]);
  });

  it('is changed by commands on the bus, answers while one is under way, and is stored', async () => {
    const images = await twoFiles();
    const machine = await machineWith(images, ...TWO);
    const at = FOUR_GIB - BLOB_BYTES;
    writeAt(machine, at + 0x1234, 0x40, 0x99);
    // QEMU: an access of two bytes has the status once.
    expect([...bytesAt(machine, at, 2)]).toEqual([0x80, 0]);
    expect(await ask(machine, 'info mtree')).toContain('(prio 0, i/o): system.flash0');
    writeAt(machine, at, 0xff);
    expect([...bytesAt(machine, at + 0x1233, 3)]).toEqual([0x33, 0x99, 0x35]);
    // Below 1 MiB is a copy.
    expect(bytesAt(machine, MIB - BLOB_BYTES + 0x1234, 1)[0]).toBe(0x34);
    writeAt(machine, at - SMALL_BYTES, 0x20, 0xd0, 0xff);
    await machine.close();
    expect((await stored(images, '/f0'))[0x1234]).toBe(0x99);
    expect([...(await stored(images, '/f1')).subarray(0xfff, 0x1001)]).toEqual([0xff, 0x77]);
  });

  it('has the code with which the processor starts', async () => {
    // At the reset vector: mov $0x20, %al; out %al, $0x80; hlt
    const code = Uint8Array.from(blob);
    code.set([0xb0, 0x20, 0xe6, 0x80, 0xf4], BLOB_BYTES - 16);
    const machine = await machineWith(await imagesWith({ '/f0': code }), '-pflash', '/f0');
    machine.cont();
    machine.run(1);
    machine.stop();
    expect(await ask(machine, 'info registers')).toMatch(/^EAX=00000020 [\s\S]*EIP=0000fff5 .* HLT=1$/m);
  });

  it('goes back to what a snapshot has', async () => {
    const machine = await machineWith(await twoFiles(), ...TWO);
    const at = FOUR_GIB - BLOB_BYTES;
    writeAt(machine, at, 0x40, 0x55);
    expect(await ask(machine, 'savevm one')).toBe('');
    writeAt(machine, at, 0x20, 0xd0, 0xff);
    expect([...bytesAt(machine, at, 2)]).toEqual([0xff, 0xff]);
    expect(await ask(machine, 'loadvm one')).toBe('');
    expect(bytesAt(machine, at, 1)[0]).toBe(0x80);
    writeAt(machine, at, 0xff);
    expect([...bytesAt(machine, at, 2)]).toEqual([0x55, 1]);
    const disk = new Uint8Array(2);
    await machine.drives.find('pflash0')?.medium?.backend.read(0, disk);
    expect([...disk]).toEqual([0x55, 1]);
  });
});
