/** Disks and discs on the PIIX3's controller and on an AHCI one, and diskettes, driven by Linux's own drivers: ata_piix, ahci, sd, sr and floppy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause, waitFor } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const KIB = 1 << 10;
const MIB = 1 << 20;
const ARGUMENTS = [
  ...['-nodefaults', '-display', 'none'],
  ...['-drive', 'if=ide,index=0,format=raw,file=/tmp/hd.img', '-drive', 'if=ide,index=2,media=cdrom,id=cd0'],
  ...['-drive', 'if=none,id=d,format=raw,file=/tmp/sd.img', '-device', 'ich9-ahci,id=sata'],
  ...['-device', 'ide-hd,drive=d,bus=sata.0,id=hd1', '-device', 'ide-cd,bus=sata.1,id=cd1'],
  ...['-drive', 'if=floppy,index=0', '-drive', 'if=floppy,index=1'],
];
const READY = waitFor('[ -b /dev/sda -a -b /dev/sdb -a -b /dev/sr0 -a -b /dev/sr1 ]');
/** The disk of each driver, by the controller's name. */
const NAMES = [
  'P=$(basename /sys/bus/pci/drivers/ata_piix/*/ata*/host*/target*/*/block/sd*)',
  'A=$(basename /sys/bus/pci/drivers/ahci/*/ata*/host*/target*/*/block/sd*)',
  'R=$(basename /sys/bus/pci/drivers/ata_piix/*/ata*/host*/target*/*/block/sr*)',
].join('; ');
/** Writes to a disk, and compares what it holds, until it is told to end. */
const work = (disk: string): string =>
  `( while [ ! -e /tmp/end ]; do dd if=/tmp/data of=/dev/${disk} bs=64k conv=fsync; ` +
  `dd if=/dev/${disk} bs=64k count=16 iflag=direct | cmp - /tmp/data || echo ${disk} >> /tmp/wrong; done; echo > /tmp/ended.${disk} ) 2> /dev/null & disown -a`;

let guest: HeadlessGuest;
const images = memoryImages();
const config = { icountShift: 3 };

/** A disc whose blocks say which one it is. */
async function makeDisc(path: string, byte: number): Promise<void> {
  await images.createEmpty(path, MIB);
  const disc = await images.open(path);
  await disc.write(0, new Uint8Array(MIB).fill(byte));
  await disc.close();
}

async function makeDiskette(path: string, kib: number, byte: number): Promise<void> {
  await images.createEmpty(path, kib * KIB);
  const image = await images.open(path);
  await image.write(0, new Uint8Array(kib * KIB).fill(byte));
  await image.close();
}

beforeAll(async () => {
  for (const name of ['hd', 'sd']) await images.createEmpty(`/tmp/${name}.img`, 32 * MIB);
  await makeDisc('/tmp/one.iso', 0x31);
  await makeDisc('/tmp/two.iso', 0x32);
  guest = await HeadlessGuest.ofCommandLine(ARGUMENTS, { images, config });
  await guest.boot();
  await guest.run(`${READY}; ${NAMES}; head -c 1048576 /dev/urandom > /tmp/data`);
}, 8 * MINUTES);

afterAll(() => guest.end());

describe('Linux', () => {
  it('finds them, writes, flushes and reads', { timeout: 4 * MINUTES }, async () => {
    expect(
      await guest.ask('cat /sys/block/$P/size /sys/block/$A/size; cat /sys/block/$A/device/queue_depth'),
    ).toBe(`${64 * 1024}\n${64 * 1024}\n32`);
    const said = await guest.ask(
      'for d in $P $A; do mkfs.ext2 -q /dev/$d && mount /dev/$d /mnt && cp /tmp/data /mnt/f && sync && umount /mnt; ' +
        'mount /dev/$d /mnt; cmp /mnt/f /tmp/data && echo same; umount /mnt; done',
    );
    expect(said).toBe('same\nsame');
    const statistics = await guest.hmp('info blockstats');
    expect(statistics).toMatch(/ide0-hd0.* flush_operations=[1-9]/);
    expect(statistics).toMatch(/\bd: .* flush_operations=[1-9]/);
  });

  it('sees discs that come, are locked while they are used, and change', {
    timeout: 4 * MINUTES,
  }, async () => {
    // QEMU: a drive tells in two steps that its disc is another, each of which is an error to who reads.
    const read = `${waitFor('dd if=/dev/$R of=/tmp/disc bs=2048 2> /dev/null')}; head -c 4 /tmp/disc; echo; wc -c < /tmp/disc`;
    expect(await guest.hmp('change cd0 /tmp/one.iso raw')).toBe('');
    expect(await guest.ask(read)).toBe(`1111\n${MIB}`);
    await guest.run('exec 5< /dev/$R');
    expect(await guest.hmp('eject cd0')).toContain("Device 'cd0' is locked");
    await guest.run('exec 5<&-');
    expect(await guest.hmp('change cd0 /tmp/two.iso raw')).toBe('');
    expect(await guest.ask(read)).toBe(`2222\n${MIB}`);
    guest.takeEvents();
    expect(await guest.hmp('eject cd0')).toBe('');
    expect(guest.takeEvents().map(({ event }) => event)).toEqual(['DEVICE_TRAY_MOVED']);
  });

  it('goes on from a snapshot in the middle of its transfers', { timeout: 6 * MINUTES }, async () => {
    await guest.run(`rm -f /tmp/end /tmp/wrong; ${work('$P')}; ${work('$A')}`);
    await guest.run(pause(0.3));
    guest.machine.stop();
    await guest.machine.drives.drained();
    const bytes = await snapshotBytes(guest.machine);
    await guest.end();
    guest = await HeadlessGuest.restored(bytes, { images, config });
    const ended = `${pause(0.5)}; touch /tmp/end; ${waitFor('[ -e /tmp/ended.$P -a -e /tmp/ended.$A ]')}`;
    expect(
      await guest.ask(
        `${ended}; cat /tmp/wrong 2> /dev/null; cmp -n 1048576 /dev/$P /tmp/data && cmp -n 1048576 /dev/$A /tmp/data && echo same`,
      ),
    ).toBe('same');
  });

  it('loses the AHCI controller while it is used, and gets another', { timeout: 4 * MINUTES }, async () => {
    await guest.run(`rm -f /tmp/end /tmp/ended.*; ${work('$A')}`);
    guest.takeEvents();
    expect(await guest.hmp('device_del hd1')).toContain("Bus 'sata.0' does not support hotplugging");
    expect(await guest.hmp('device_del sata')).toBe('');
    const left: unknown[] = [];
    while (left.at(-1) !== 'sata') {
      const { data } = await guest.event('DEVICE_DELETED');
      left.push((data as { device?: string }).device);
    }
    expect(left.sort()).toEqual(['cd1', 'hd1', 'sata']);
    expect(
      await guest.ask(
        'touch /tmp/end; ls -d /sys/block/$A 2> /dev/null; ls /sys/bus/pci/drivers/ahci | grep -c :',
      ),
    ).toBe('0');
    expect(await guest.hmp('info block')).not.toContain('sd.img');
    expect(await guest.hmp('device_add ahci,id=again')).toBe('');
    await guest.settle();
    expect(
      await guest.ask(
        'ls /sys/bus/pci/drivers/ahci | grep -c :; ls -d /sys/bus/pci/drivers/ahci/*/ata* | wc -l',
      ),
    ).toBe('1\n6');
    expect(await guest.hmp('device_add ide-cd,bus=again.0')).toContain(
      "Bus 'again.0' does not support hotplugging",
    );
    expect(await guest.hmp('device_del again')).toBe('');
    await guest.event('DEVICE_DELETED');
  });
});

/** They come with the board only, so that they share its boot. */
describe('floppy drives', () => {
  beforeAll(async () => {
    await makeDiskette('/tmp/a.img', 1440, 0x41);
    await makeDiskette('/tmp/b.img', 720, 0x42);
    await makeDiskette('/tmp/c.img', 1440, 0x43);
    expect(await guest.hmp('change floppy0 /tmp/a.img raw')).toBe('');
    await guest.run(`modprobe floppy; ${waitFor('[ -b /dev/fd0 -a -b /dev/fd1 ]')}`);
  }, 4 * MINUTES);

  it('reads a diskette, makes a file system on it, and goes on from a snapshot while it writes', {
    timeout: 6 * MINUTES,
  }, async () => {
    expect(
      await guest.ask('head -c 4 /dev/fd0; echo; cat /sys/block/fd0/size; grep -o floppy /proc/dma'),
    ).toBe('AAAA\n2880\nfloppy');
    await guest.run(
      'head -c 40000 /dev/urandom > /tmp/file; mkfs.ext2 -q /dev/fd0 && mount /dev/fd0 /mnt; ' +
        '( cp /tmp/file /mnt/f; umount /mnt; echo > /tmp/ended ) & disown -a; ' +
        pause(0.3),
    );
    guest.machine.stop();
    await guest.machine.drives.drained();
    const bytes = await snapshotBytes(guest.machine);
    await guest.end();
    guest = await HeadlessGuest.restored(bytes, { images, config });
    expect(
      await guest.ask(
        `${waitFor('[ -e /tmp/ended ]')}; echo 3 > /proc/sys/vm/drop_caches; ` +
          'mount -r /dev/fd0 /mnt && cmp /mnt/f /tmp/file && echo same; umount /mnt',
      ),
    ).toBe('same');
  });

  it('notices that a diskette has been changed, or taken out', { timeout: 4 * MINUTES }, async () => {
    // Guest: 6.1 floppy.c, `checkfreq`: for some seconds Linux takes it for granted that a diskette is the one of before.
    const look = `${pause(4)}; dd if=/dev/fd1 bs=1k 2> /dev/null | wc -c; head -c 4 /dev/fd1; echo`;
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
