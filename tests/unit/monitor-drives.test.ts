import { describe, expect, it } from 'vitest';
import { type BlockBackend, BlockError } from '../../src/emu/block/block-backend.ts';
import { BlockNode, PLAIN_SETTINGS } from '../../src/emu/block/block-node.ts';
import { Drives } from '../../src/emu/block/drives.ts';
import { MemoryBackend } from '../../src/emu/block/memory-store.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { Options } from '../../src/emu/qdev/option-string.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const ADD = 'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1';
const PLUG = 'device_add virtio-blk-pci,drive=disk1,id=blk1';

/** A disk whose requests wait, and whose close may fail. */
class SlowDisk extends MemoryBackend {
  readonly waiting: (() => void)[] = [];
  closes = 0;
  failClose = false;

  override async read(offset: number, target: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    await super.read(offset, target);
  }

  override async close(): Promise<void> {
    this.closes++;
    if (this.failClose) throw new BlockError('ENOSPC');
    await super.close();
  }
}

function drivesWith(disk: BlockBackend, warnings: string[] = []): Drives {
  return new Drives({
    images: { open: async () => disk },
    clock: new EventQueue(() => 0),
    warn: (text) => warnings.push(text),
  });
}

const options = (id: string): Options =>
  new Options(
    [
      ['if', 'none'],
      ['file', '/tmp/x.img'],
      ['format', 'raw'],
    ],
    id,
  );

describe('drives', () => {
  it('a drive goes with its device, and its image can be used again at once', async () => {
    const rig = await monitorRig();
    rig.boot();
    await rig.execute('cont');
    for (let round = 0; round < 3; round++) {
      expect(await rig.execute(ADD)).toBe('OK\n');
      expect(await rig.execute(PLUG)).toBe('');
      await rig.execute('device_del blk1');
      void rig.settle();
      expect(await rig.execute('info block')).toBe('');
    }
  });

  it('a reset carries out an unplug that the guest never answered', async () => {
    const rig = await monitorRig();
    await rig.execute(ADD);
    await rig.execute(PLUG);
    await rig.execute('device_del blk1');
    rig.takeEvents();
    expect(await rig.execute('system_reset')).toBe('');
    expect(rig.takeEvents()).toEqual([
      { event: 'DEVICE_DELETED', data: { path: '/machine/peripheral/blk1/virtio-backend' } },
      { event: 'DEVICE_DELETED', data: { device: 'blk1', path: '/machine/peripheral/blk1' } },
      { event: 'RESET', data: { guest: false, reason: 'host-qmp-system-reset' } },
    ]);
    expect(await rig.execute('device_del blk1')).toBe("Error: Device 'blk1' not found\n");
    expect(await rig.execute('info block')).toBe('');
  });

  it('two monitors plugging at once get two places', async () => {
    const rig = await monitorRig();
    const { devices, drives } = rig.machine;
    const disk = (id: string, file: string): Promise<unknown> =>
      drives.add(
        new Options(
          [
            ['if', 'none'],
            ['file', file],
            ['format', 'raw'],
          ],
          id,
        ),
      );
    await disk('a', '/tmp/disk1.img');
    await disk('b', '/tmp/disk2.img');
    const plug = (drive: string) =>
      devices.add(
        new Options([
          ['driver', 'virtio-blk-pci'],
          ['drive', drive],
        ]),
      );
    const [first, second] = await Promise.all([plug('a'), plug('b')]);
    expect([first, second].map((device) => device.valueNamed('addr'))).toEqual([0x10, 0x18]);
  });

  it('drive_del waits for requests under way and fails later ones', async () => {
    const disk = new SlowDisk(1024 * 1024);
    const drives = drivesWith(disk);
    const drive = await drives.add(options('d'));
    const backend = drive.medium?.backend;
    const running = backend?.read(0, new Uint8Array(512));
    const removal = drives.remove('d');
    await expect(backend?.read(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.closes).toBe(0);
    disk.waiting[0]?.();
    await running;
    await removal;
    expect(disk.closes).toBe(1);
    expect(backend?.sizeBytes).toBe(0);
    expect(drives.list()).toEqual([]);
  });

  it('drive_del, a stop and the end wait for what limits hold back', async () => {
    const { execute: hmp, machine } = await monitorRig();
    await hmp(ADD);
    const drive = machine.drives.find('disk1');
    const backend = drive?.medium?.backend;
    const done: string[] = [];
    const drainTo = (name: string): void => {
      if (drive === undefined) return;
      drive.gate.onDrain = async () => {
        await backend?.write(0, new Uint8Array(512));
        done.push(name);
      };
    };
    drainTo('stop');
    await hmp('stop');
    expect(done).toContain('stop');
    drainTo('drive_del');
    expect(await hmp('drive_del disk1')).toBe('');
    expect(done).toContain('drive_del');
    expect(backend?.sizeBytes).toBe(0);
    await hmp(ADD.replace('id=disk1', 'id=disk2'));
    const other = machine.drives.find('disk2');
    if (other !== undefined) other.gate.onDrain = async () => void done.push('end');
    await machine.drives.closeAll();
    expect(done).toContain('end');
  });

  it('a device may go while drive_del waits', async () => {
    const disk = new SlowDisk(1024 * 1024);
    const drives = drivesWith(disk);
    const drive = await drives.add(options('d'));
    await drives.add(new Options([['if', 'none']], 'other'));
    const attached = await drives.attach('d', '/machine/peripheral/x');
    const running = drive.medium?.backend.read(0, new Uint8Array(512));
    const removal = drives.remove('d');
    drives.deviceGone(attached);
    disk.waiting[0]?.();
    await Promise.all([running, removal, drives.settled()]);
    expect(disk.closes).toBe(1);
    expect(drives.list().map(({ name }) => name)).toEqual(['other']);
  });

  it('two monitors cannot give one name twice', async () => {
    const drives = drivesWith(new MemoryBackend(512));
    const [first, second] = await Promise.allSettled([drives.add(options('d')), drives.add(options('d'))]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
  });

  it('an image that cannot be closed is not lost', async () => {
    const disk = new SlowDisk(1024 * 1024);
    const warnings: string[] = [];
    const drives = drivesWith(disk, warnings);
    await drives.add(options('d'));
    disk.failClose = true;
    await expect(drives.remove('d')).rejects.toThrow('No space left on device');
    expect(drives.find('d')?.medium?.backend.sizeBytes).toBe(1024 * 1024);
    const attached = await drives.attach('d', '/machine/peripheral/x');
    drives.deviceGone(attached);
    await drives.settled();
    expect(warnings).toHaveLength(1);
    expect(drives.find('d')?.attachedTo).toBeUndefined();
    disk.failClose = false;
    await drives.remove('d');
    expect(drives.list()).toEqual([]);
  });

  it('ignores discards unless told to unmap, and flushes of an unsafe cache', async () => {
    const calls: string[] = [];
    const disk = new MemoryBackend(4096);
    const spy: BlockBackend = Object.assign(Object.create(disk), {
      discard: async () => void calls.push('discard'),
      flush: async () => void calls.push('flush'),
    });
    const node = (noFlush: boolean, unmap: boolean): BlockBackend => {
      const settings = { ...PLAIN_SETTINGS, noFlush, unmap };
      return new BlockNode({
        name: 'n',
        age: 0,
        driver: 'raw',
        source: {},
        image: spy,
        settings,
        given: { driver: 'raw' },
        file: undefined,
        ownsFile: false,
      }).disk;
    };
    const [careful, careless] = [node(false, true), node(true, false)];
    for (const backend of [careful, careless]) {
      await backend.discard(0, 512);
      await backend.flush();
    }
    expect(calls).toEqual(['discard', 'flush']);
  });

  it('warns of a guessed format beside the monitor, as QEMU does', async () => {
    const rig = await monitorRig();
    expect(await rig.execute('drive_add 0 if=none,file=/tmp/disk1.img,id=g')).toBe('OK\n');
    expect(rig.stderr.join('\n')).toContain("format was not specified for '/tmp/disk1.img'");
  });

  it('refuses in its own words what QEMU knows and it does not model', async () => {
    const rig = await monitorRig();
    await rig.execute(ADD);
    expect(await rig.execute('drive_add 0 if=none,file=/tmp/disk2.img,snapshot=on,id=s')).toBe(
      "'snapshot=on' is not modelled by this machine\n",
    );
    expect(await rig.execute(`${PLUG},packed=on`)).toBe(
      "Error: Property 'virtio-blk-pci.packed' is fixed at 'off' in this machine\n",
    );
  });

  it('remembers what is in a drive, as a snapshot asks for it again', async () => {
    const rig = await monitorRig();
    const { drives } = rig.machine;
    await rig.execute(ADD);
    expect(await rig.execute('change disk1 /tmp/disk2.img raw read-only')).toBe('');
    const [changed] = drives.list();
    expect([changed?.medium?.path, changed?.medium?.backend.readOnly]).toEqual(['/tmp/disk2.img', true]);
    // The mode stays, where nobody says another one.
    expect(await rig.execute('change disk1 /tmp/odd.img raw')).toBe('');
    const options = drives.list()[0]?.options ?? new Options([]);
    await drives.remove('disk1');
    const again = await drives.restore(options, ['#n', '#f']);
    expect([again.name, again.medium?.node.name, again.medium?.path, again.medium?.backend.readOnly]).toEqual(
      ['disk1', '#n', '/tmp/odd.img', true],
    );
    expect(await rig.execute('eject disk1')).toBe('');
    const empty = drives.list()[0]?.options ?? new Options([]);
    await drives.remove('disk1');
    expect((await drives.restore(empty, [])).medium).toBeUndefined();
  });

  it('keeps the image that is there when another one cannot come in', async () => {
    const rig = await monitorRig();
    await rig.execute(ADD);
    await rig.execute(PLUG);
    expect(await rig.execute('change disk1 /tmp/disk2.img raw')).toBe(
      "Error: Device 'disk1' is not removable\n",
    );
    expect(rig.machine.drives.list().map(({ medium }) => medium?.path)).toEqual(['/tmp/disk1.img']);
    // The other image was closed again.
    expect(await rig.execute('drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=disk2')).toBe('OK\n');
    expect(await rig.execute('device_add virtio-blk-pci,drive=disk2')).toBe('');
  });
});
