/** Floppy drives, driven by Linux's own driver through the DMA channel. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const KIB = 1024;
const ARGUMENTS = [
  ...['-nodefaults', '-display', 'none'],
  ...['-drive', 'if=floppy,index=0,format=raw,file=/tmp/a.img', '-drive', 'if=floppy,index=1'],
];

let guest: HeadlessGuest;
const images = memoryImages();
const config = { icountShift: 3 };

async function makeDiskette(path: string, kib: number, byte: number): Promise<void> {
  await images.createEmpty(path, kib * KIB);
  const image = await images.open(path);
  await image.write(0, new Uint8Array(kib * KIB).fill(byte));
  await image.close();
}

beforeAll(async () => {
  await makeDiskette('/tmp/a.img', 1440, 0x41);
  await makeDiskette('/tmp/b.img', 720, 0x42);
  await makeDiskette('/tmp/c.img', 1440, 0x43);
  guest = await HeadlessGuest.ofCommandLine(ARGUMENTS, { images, config });
  await guest.boot();
  await guest.run('modprobe floppy; until [ -b /dev/fd0 -a -b /dev/fd1 ]; do usleep 100000; done');
}, 8 * MINUTES);

afterAll(() => guest.end());

describe('Linux', () => {
  it('reads a diskette, makes a file system on it, and goes on from a snapshot while it writes', {
    timeout: 6 * MINUTES,
  }, async () => {
    expect(
      await guest.ask('head -c 4 /dev/fd0; echo; cat /sys/block/fd0/size; grep -o floppy /proc/dma'),
    ).toBe('AAAA\n2880\nfloppy');
    await guest.run(
      'head -c 40000 /dev/urandom > /tmp/data; mkfs.ext2 -q /dev/fd0 && mount /dev/fd0 /mnt; ' +
        '( cp /tmp/data /mnt/f; umount /mnt; echo > /tmp/ended ) & disown -a; usleep 300000',
    );
    guest.machine.stop();
    await guest.machine.drives.drained();
    const bytes = await snapshotBytes(guest.machine);
    await guest.end();
    guest = await HeadlessGuest.restored(bytes, { images, config });
    expect(
      await guest.ask(
        'until [ -e /tmp/ended ]; do usleep 50000; done; echo 3 > /proc/sys/vm/drop_caches; ' +
          'mount -r /dev/fd0 /mnt && cmp /mnt/f /tmp/data && echo same; umount /mnt',
      ),
    ).toBe('same');
  });

  it('notices that a diskette has been changed, or taken out', { timeout: 4 * MINUTES }, async () => {
    const look = 'dd if=/dev/fd1 bs=1k 2> /dev/null | wc -c; head -c 4 /dev/fd1; echo';
    expect(await guest.hmp('change floppy1 /tmp/b.img raw read-only')).toBe('');
    expect(await guest.ask(`${look}; echo > /dev/fd1`)).toMatch(
      /^737280\nBBBB\n.*\/dev\/fd1: Read-only file system$/,
    );
    expect(await guest.hmp('change floppy1 /tmp/c.img raw read-write')).toBe('');
    expect(await guest.ask(`${look}; printf Z > /dev/fd1; sync; head -c 4 /dev/fd1`)).toBe(
      '1474560\nCCCC\nZCCC',
    );
    guest.takeEvents();
    expect(await guest.hmp('eject floppy1')).toBe('');
    // QEMU: a floppy drive has no tray.
    expect(guest.takeEvents()).toEqual([]);
    expect(await guest.ask('head -c 4 /dev/fd1')).toMatch(/\/dev\/fd1: No such device or address$/);
  });
});
