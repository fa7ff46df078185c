/** Only this level catches what `savevm` and `loadvm` do to a machine that goes on: to its devices, its disks, its clock and its monitors. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tagOfFileName } from '../../src/emu/core/snapshot-store.ts';
import {
  BlockError,
  type ImageStore,
  type Machine,
  type MachineConfig,
  Monitor,
  QmpCaller,
} from '../../src/emu/index.ts';
import { type SnapshotRig as Rig, snapshotRig as rig } from '../support/snapshot-rig.ts';
import { everything } from '../support/snapshots.ts';

const MIB = 1 << 20;
const DISK = '/tmp/disk1.img';
const PLUG = [
  'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1',
  'device_add virtio-blk-pci,drive=disk1,id=v1',
];
const MISMATCH =
  'Make sure that your current VM setup matches your saved VM setup, including any hotplugged devices\n' +
  'Error: Error -22 while loading VM state\n';

async function plugged(config: Partial<MachineConfig> = {}): Promise<Rig> {
  const made = rig(config);
  await made.images.createEmpty(DISK, MIB);
  advance(made.machine, 1000);
  for (const line of PLUG) await made.hmp(line);
  return made;
}

/** Lets exactly `count` instructions pass, or what is left of them when the guest halts. */
function advance(machine: Machine, count: number): void {
  const timer = machine.clock.timer(() => machine.stop());
  timer.arm(machine.clock.nowNs() + count * 8);
  machine.cont();
  while (machine.runState === 'running') machine.run(1);
}

function diskOf({
  machine,
}: Rig): NonNullable<ReturnType<Machine['drives']['list']>[number]['medium']>['backend'] {
  const backend = machine.drives.find('disk1')?.medium?.backend;
  if (backend === undefined) throw new Error('no disk');
  return backend;
}

/** A digest of all that the disk holds. */
async function contents(rig: Rig): Promise<string> {
  const bytes = new Uint8Array(diskOf(rig).sizeBytes);
  await diskOf(rig).read(0, bytes);
  return createHash('sha256').update(bytes).digest('hex');
}

async function bytesOf(images: ImageStore, path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of images.download(path)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe('savevm and loadvm', () => {
  it('go back to the same machine in the same object, to the last bit, and it goes on as it did', async () => {
    const made = await plugged();
    const { machine, hmp } = made;
    await hmp('device_add virtio-serial-pci,id=serial');
    advance(machine, 60_000);
    const before = await everything(machine);
    expect(await hmp('savevm early')).toBe('');
    advance(machine, 40_000);
    const later = await everything(machine);
    expect(later).not.toEqual(before);
    expect(await hmp('loadvm early')).toBe('');
    expect(await everything(machine)).toEqual(before);
    advance(machine, 40_000);
    expect(await everything(machine)).toEqual(later);
  });

  it('take the contents of disks with them, zeros too', async () => {
    const made = await plugged();
    await diskOf(made).write(4096, new Uint8Array(512).fill(1));
    await diskOf(made).write(MIB - 512, new Uint8Array(512).fill(2));
    const before = await contents(made);
    await made.hmp('savevm disks');
    await diskOf(made).write(4096, new Uint8Array(512).fill(3));
    await diskOf(made).write(300_000, new Uint8Array(512).fill(4));
    await diskOf(made).write(MIB - 512, new Uint8Array(512));
    expect(await contents(made)).not.toEqual(before);
    expect(await made.hmp('loadvm disks')).toBe('');
    expect(await contents(made)).toEqual(before);
  });

  it('stop a machine that runs for as long as they take, and let one that stands stand', async () => {
    const { machine, events, hmp } = rig();
    await hmp('savevm new');
    expect([machine.runState, events.splice(0)]).toEqual(['prelaunch', []]);
    machine.cont();
    events.length = 0;
    for (const line of ['savevm running', 'loadvm running']) {
      expect(await hmp(line)).toBe('');
      expect([machine.runState, events.splice(0)]).toEqual(['running', ['STOP', 'RESUME']]);
    }
    machine.stop();
    events.length = 0;
    await hmp('loadvm running');
    expect([machine.runState, events]).toEqual(['paused', []]);
  });

  it('are waited for by other monitors, and by who lets the machine run or resets it', async () => {
    const { machine, events, hmp } = rig();
    const other = new Monitor({ machine });
    const answers: string[] = [];
    const qmp = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    const all = [
      hmp('savevm one').then(() => answers.push('savevm')),
      other.execute('info status').then((text) => answers.push(text)),
      qmp.call('{"execute":"query-status"}').then(() => answers.push('qmp')),
    ];
    await Promise.resolve();
    await Promise.resolve();
    machine.cont();
    expect(machine.runState).toBe('prelaunch');
    machine.reset();
    await Promise.all(all);
    expect(machine.runState).toBe('running');
    expect(answers.sort()).toEqual(['VM status: running\n', 'qmp', 'savevm']);
    expect(events).toEqual(['RESUME', 'RESET']);
  });

  it('forget an unplug that was asked for later, and know one that was on its way', async () => {
    const { machine, hmp } = await plugged();
    await hmp('savevm idle');
    await hmp('device_del v1');
    await hmp('savevm leaving');
    const pending = (): boolean => machine.devices.tree.find('v1')?.unplugRequestedMs !== undefined;
    expect(pending()).toBe(true);
    await hmp('loadvm idle');
    expect(pending()).toBe(false);
    await hmp('loadvm leaving');
    expect(pending()).toBe(true);
  });

  it('let keys that a user has typed ahead come when they would have come', async () => {
    const { machine, hmp } = rig();
    await hmp('savevm early');
    advance(machine, 100_000);
    const keys: string[] = [];
    machine.board.keys.keyboard.key = (key, down) => keys.push(`${key} ${down}`) > 0;
    machine.cont();
    await hmp('sendkey a 1');
    machine.stop();
    expect(keys).toEqual(['a true']);
    await hmp('loadvm early');
    advance(machine, 50_000);
    expect(keys).toEqual(['a true']);
    advance(machine, 100_000);
    expect(keys).toEqual(['a true', 'a false']);
  });

  it('leave what was plugged since then, as after a reset', async () => {
    const { machine, hmp } = rig();
    advance(machine, 1000);
    await hmp('savevm bare');
    await hmp('device_add virtio-rng-pci,id=rng');
    const rng = machine.devices.tree.find('rng')?.hardware.sections[0];
    const fresh = structuredClone(rng?.save());
    machine.board.ports.write(0xcf8, 4, 0x8000_1004);
    machine.board.ports.write(0xcfc, 4, 0x0107);
    expect(rng?.save()).not.toEqual(fresh);
    expect(await hmp('loadvm bare')).toBe('');
    expect(rng?.save()).toEqual(fresh);
  });
});

describe('what cannot be gone back to', () => {
  const unchanged = async ({ machine, hmp }: Rig, line: string): Promise<string> => {
    machine.cont();
    const before = await hmp('info registers');
    const text = await hmp(line);
    expect(machine.runState).toBe('running');
    expect(await hmp('info registers')).toBe(before);
    machine.stop();
    return text;
  };

  it('is a tag that nobody gave', async () => {
    const made = rig();
    expect(await unchanged(made, 'loadvm nope')).toBe(
      "Error: Snapshot 'nope' does not exist in one or more devices\n",
    );
    expect(await made.hmp('delvm nope')).toBe('');
    expect(await made.hmp('loadvm')).toBe(
      'loadvm: string expected\nTry "help loadvm" for more information\n',
    );
  });

  it('is a machine without a device that it had, or with it elsewhere', async () => {
    const made = rig();
    advance(made.machine, 1000);
    await made.hmp('device_add virtio-rng-pci,id=r1');
    await made.hmp('savevm rng');
    const { devices } = made.machine;
    const leave = async (): Promise<void> => {
      await made.hmp('device_del r1');
      made.machine.reset();
      expect(devices.tree.find('r1')).toBeUndefined();
    };
    await leave();
    const slot = "Unknown savevm section or instance '0000:00:02.0/virtio-rng' 0. ";
    expect(await unchanged(made, 'loadvm rng')).toBe(slot + MISMATCH);
    await made.hmp('device_add virtio-rng-pci,id=r1,addr=9');
    expect(await unchanged(made, 'loadvm rng')).toBe(slot + MISMATCH);
    await leave();
    await made.hmp('device_add virtio-rng-pci,id=r1');
    expect(await made.hmp('loadvm rng')).toBe('');
  });

  it('is a machine without a card that it had behind bridges', async () => {
    const made = rig();
    advance(made.machine, 1000);
    await made.hmp('device_add pci-bridge,id=b1,chassis_nr=1,addr=4');
    await made.hmp('device_add pci-bridge,id=b2,chassis_nr=2,bus=b1,addr=6');
    await made.hmp('device_add virtio-rng-pci,id=r1,bus=b2,addr=3');
    await made.hmp('savevm behind');
    // No driver has switched their slots on: nobody has to let go.
    await made.hmp('device_del r1');
    const at = (place: string): string =>
      `Unknown savevm section or instance '0000:00:04.0:06.0${place}' 0. `;
    expect(await unchanged(made, 'loadvm behind')).toBe(at(':03.0/virtio-rng') + MISMATCH);
    await made.hmp('device_del b2');
    expect(await unchanged(made, 'loadvm behind')).toBe(at('/pci_bridge') + MISMATCH);
    await made.hmp('device_add pci-bridge,id=b2,chassis_nr=2,bus=b1,addr=6');
    await made.hmp('device_add virtio-rng-pci,id=r1,bus=b2,addr=3');
    expect(await made.hmp('loadvm behind')).toBe('');
  });

  it('is a machine with other disks, or with one of another image', async () => {
    const made = await plugged();
    await made.hmp('savevm one');
    await made.images.createEmpty('/tmp/disk2.img', MIB);
    await made.hmp('drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=disk2');
    const text = "Error: Snapshot 'one' does not exist in one or more devices\n";
    expect(await unchanged(made, 'loadvm one')).toBe(text);
    await made.hmp('drive_del disk2');
    expect(await made.hmp('loadvm one')).toBe('');
    const other = rig({}, made.images);
    advance(other.machine, 1000);
    await other.hmp('drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=disk1');
    await other.hmp('device_add virtio-blk-pci,drive=disk1,id=v1');
    expect(await unchanged(other, 'loadvm one')).toBe(text);
  });

  it('is a machine of another kind', async () => {
    const { images, hmp } = rig();
    await hmp('savevm here');
    const load = (config: Partial<MachineConfig>): Promise<string> => rig(config, images).hmp('loadvm here');
    const failed = 'Error: Error -22 while loading VM state\n';
    expect(await load({ memoryBytes: 128 * MIB, kernel: undefined })).toBe(
      `Size mismatch: pc.ram: 0x10000000 != 0x8000000: Invalid argument\nerror while loading state for instance 0x0 of device 'ram'\n${failed}`,
    );
    expect(await load({ machineType: 'pc-i440fx-7.1' })).toBe(
      `Machine type received is 'pc-i440fx-7.2' and local is 'pc-i440fx-7.1'\n${failed}`,
    );
    expect(await load({ cpu: 'max' })).toContain(failed);
    expect(await load({ smp: { cpus: 2, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 } })).toContain(
      failed,
    );
    expect(await load({})).toBe('');
  });

  it('is a file that is damaged anywhere, and it changes nothing', async () => {
    const made = await plugged();
    await diskOf(made).write(0, new Uint8Array(4096).fill(7));
    await made.hmp('savevm good');
    const good = await bytesOf(made.images, '/tmp/good.hotslot-snapshot');
    await diskOf(made).write(0, new Uint8Array(4096).fill(8));
    advance(made.machine, 10_000);
    const before = await everything(made.machine);
    const disk = await contents(made);
    const flipped = (at: number): Uint8Array =>
      good.map((byte, index) => (index === at ? byte ^ 0x10 : byte));
    const places = [0, 9, 20, 100, good.length >> 1, good.length - 40, good.length - 1];
    const bad = [
      ...places.map(flipped),
      good.subarray(0, good.length - 5),
      good.subarray(0, 11),
      Buffer.concat([good, good]),
    ];
    for (const [index, bytes] of bad.entries()) {
      await made.images.upload(`/tmp/bad${index}.hotslot-snapshot`, once(bytes));
      expect(await made.hmp(`loadvm bad${index}`), `${index}`).toMatch(
        /^(The snapshot is damaged: .*|This is no snapshot of a machine\.|The snapshot has format .*)\nError: Error -22 while loading VM state\n$/,
      );
    }
    expect(await everything(made.machine)).toEqual(before);
    expect(await contents(made)).toEqual(disk);
    expect(await made.hmp('loadvm good')).toBe('');
  });
});

describe('what the host refuses', () => {
  it('to keep leaves what was kept, and the machine goes on', async () => {
    const { machine, images, hmp } = rig();
    await hmp('savevm one');
    const kept = await bytesOf(images, '/tmp/one.hotslot-snapshot');
    advance(machine, 5000);
    const upload = images.upload.bind(images);
    images.upload = async (path, source, options) => {
      for await (const piece of source) if (piece.length > 0) throw new BlockError('ENOSPC');
      return upload(path, source, options);
    };
    machine.cont();
    expect(await hmp('savevm one')).toBe('Error: Could not keep the snapshot: No space left on device\n');
    expect(machine.runState).toBe('running');
    expect((await images.list()).map(({ path }) => path)).toEqual(['/tmp/one.hotslot-snapshot']);
    expect(Buffer.compare(await bytesOf(images, '/tmp/one.hotslot-snapshot'), kept)).toBe(0);
  });

  it('to write in the middle of a disk leaves a machine that does not run before it is reset, and then goes back', async () => {
    const made = await plugged();
    const { machine, hmp } = made;
    await diskOf(made).write(0, new Uint8Array(512).fill(1));
    const before = await contents(made);
    await hmp('savevm one');
    await diskOf(made).write(0, new Uint8Array(512).fill(2));
    machine.cont();
    const disk = diskOf(made);
    const write = disk.write.bind(disk);
    disk.write = () => Promise.reject(new BlockError('ENOSPC'));
    expect(await hmp('loadvm one')).toBe(
      'No space left on device\nError: Error -22 while loading VM state\n',
    );
    expect(await hmp('cont')).toBe('Error: Resetting the Virtual Machine is required\n');
    disk.write = write;
    machine.reset();
    expect(await hmp('loadvm one')).toBe('');
    expect(await contents(made)).toBe(before);
    expect(await hmp('cont')).toBe('');
  });
});

describe('what is kept', () => {
  it('is listed as QEMU lists it', async () => {
    const made = await plugged();
    expect(await made.hmp('info snapshots')).toBe('There is no snapshot available.\n');
    await made.hmp('savevm');
    await made.hmp('savevm a-tag/with%everything');
    const text = await made.hmp('info snapshots');
    const line = (tag: string): RegExp =>
      new RegExp(
        `^--        ${tag} +\\d+(\\.\\d+)? [KM]iB \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d 00:00:00\\.\\d{3} +\\d+$`,
        'm',
      );
    expect(text).toMatch(
      /^List of snapshots present on all disks:\nID {8}TAG {15}VM SIZE {16}DATE {5}VM CLOCK {5}ICOUNT\n/,
    );
    expect(text).toMatch(line('vm-\\d{14}'));
    expect(text).toMatch(line('a-tag/with%everything'));
    await made.hmp('drive_del disk1');
    await made.hmp('delvm a-tag/with%everything');
    expect(await made.hmp('info snapshots')).toMatch(
      /^List of snapshots present on all disks:\nNone\n\nList of partial \(non-loadable\) snapshots on 'disk1':\nID .*\n1 {9}vm-/,
    );
  });

  it('replaces what had its tag, and is gone when it is deleted', async () => {
    const { machine, images, hmp } = rig();
    await hmp('savevm same');
    advance(machine, 5000);
    const second = await everything(machine);
    await hmp('savevm same');
    expect((await images.list()).map(({ path }) => path)).toEqual(['/tmp/same.hotslot-snapshot']);
    advance(machine, 5000);
    await hmp('loadvm same');
    expect(await everything(machine)).toEqual(second);
    await hmp('delvm same');
    expect(await images.list()).toEqual([]);
  });

  it('has a name that no tag leads out of', () => {
    expect(tagOfFileName('%41.hotslot-snapshot')).toBe('A');
    expect(tagOfFileName('50%.hotslot-snapshot')).toBe('50%');
    expect(tagOfFileName('.hotslot-snapshot')).toBeUndefined();
    expect(tagOfFileName('disk.img')).toBeUndefined();
  });

  it('is not a tag that is too long, nor a disk with more than there is room for', async () => {
    const { hmp, images } = rig();
    expect(await hmp(`savevm ${'x'.repeat(201)}`)).toBe(
      `Error: The tag of a snapshot is too long: ${'x'.repeat(40)}…\n`,
    );
    expect(await hmp('savevm ../up')).toBe('');
    expect((await images.list()).map(({ path }) => path)).toEqual(['/tmp/..%2Fup.hotslot-snapshot']);
    expect(await hmp('loadvm ../up')).toBe('');
  });
});

describe("QEMU's dialogue about qcow2 images", () => {
  const recorded: readonly { readonly line: string; readonly answer: string }[] = JSON.parse(
    readFileSync(new URL('../golden/snapshots/dialogue.json', import.meta.url), 'utf8'),
  );

  /** What a snapshot's size, its moment and its number in an image are is each side's own. */
  const normalised = (text: string): string =>
    text
      .replaceAll(/ +\d+(\.\d+)? [KM]iB \d{4}-\d\d-\d\d \d\d:\d\d:\d\d 00:/g, ' SIZE DATE 00:')
      .replaceAll(/^\d+ (?= +\S)/gm, 'N ');

  it('is the same about raw ones', async () => {
    const { images, hmp } = rig({ memoryBytes: 16 * MIB, kernel: undefined, icountShift: undefined });
    for (const name of ['1', '2']) await images.createEmpty(`/tmp/${name}`, MIB);
    for (const { line, answer } of recorded) {
      const ours = await hmp(line.replace(/FILE(\d)/, 'file=/tmp/$1,format=raw'));
      expect.soft(normalised(ours), line).toBe(normalised(answer));
    }
    expect(recorded.length).toBeGreaterThan(30);
  });
});
