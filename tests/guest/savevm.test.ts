/** Only this level catches what a Linux with files, caches and a mounted disk makes of it that its machine goes back in time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ImageSnapshots } from '../../src/emu/index.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const MIB = 1 << 20;
const DISK = '/tmp/disk1.img';
const images = memoryImages();
let guest: HeadlessGuest;

beforeAll(async () => {
  await images.createEmpty(DISK, 64 * MIB);
  guest = await HeadlessGuest.atPrompt({ images, snapshots: new ImageSnapshots(images) });
  await guest.hmp(`drive_add 0 if=none,file=${DISK},format=raw,id=disk1`);
  await guest.hmp('device_add virtio-blk-pci,drive=disk1,id=disk1');
  await guest.settle();
  await guest.run('mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt');
}, 3 * MINUTES);

afterAll(() => guest.end());

it(
  'files in memory and on a mounted disk are as they were, and the file system is whole',
  async () => {
    await guest.run('echo before > /root/file; echo before > /mnt/file; echo gone > /mnt/gone; sync');
    await guest.run('echo cached > /mnt/cached');
    expect(await guest.hmp('savevm before')).toBe('');
    await guest.run('echo after > /root/file; echo after > /mnt/file; rm /mnt/gone; echo new > /mnt/new');
    await guest.run('dd if=/dev/urandom of=/mnt/data bs=1M count=8 2> /dev/null; sync; umount /mnt');
    expect(await guest.hmp('loadvm before')).toBe('');
    expect(await guest.ask('cat /root/file /mnt/file /mnt/gone /mnt/cached; ls -1 /mnt')).toBe(
      ['before', 'before', 'gone', 'cached', 'cached', 'file', 'gone', 'lost+found'].join('\n'),
    );
    expect(await guest.ask('umount /mnt; mount /dev/vda /mnt; cat /mnt/file /mnt/gone /mnt/cached')).toBe(
      'before\ngone\ncached',
    );
    expect(await guest.ask('dmesg | grep -c "EXT4-fs error"')).toBe('0');
  },
  4 * MINUTES,
);

it(
  'it can be gone back to again and again, and monitors, events and unplug work as before',
  async () => {
    for (let round = 0; round < 3; round++) {
      expect(await guest.hmp('loadvm before')).toBe('');
      expect(await guest.ask('cat /mnt/file')).toBe('before');
      await guest.run(`echo ${round} > /mnt/file; sync`);
    }
    await guest.run('umount /mnt');
    await guest.hmp('device_del disk1');
    await guest.settle();
    expect(await guest.hmp('info block')).not.toContain('disk1');
    expect(await guest.hmp('loadvm before')).toContain(
      "Unknown savevm section or instance '0000:00:02.0/virtio-blk' 0. Make sure that your current VM setup",
    );
    expect(await guest.ask('ls /dev/vda 2>&1')).toContain('No such file');
    await guest.hmp(`drive_add 0 if=none,file=${DISK},format=raw,id=disk1`);
    await guest.hmp('device_add virtio-blk-pci,drive=disk1,id=disk1');
    expect(await guest.hmp('loadvm before')).toBe('');
    expect(await guest.ask('cat /mnt/file')).toBe('before');
  },
  4 * MINUTES,
);
