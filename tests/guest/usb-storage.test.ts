/** Sticks and serial ports on a USB, driven by Linux's own drivers: only this level catches what a user sees who plugs one in and pulls it out. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MemoryChunkDatabase } from '../../src/emu/index.ts';
import { UsbStorage } from '../../src/emu/usb/usb-storage.ts';
import { waitFor } from '../support/guest-waits.ts';
import { copyOfImages, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const MIB = 1 << 20;
const STICK = '/tmp/stick.img';
const BLOCK = 4096;

const database = new MemoryChunkDatabase();
const images = memoryImages(database);
let guest: HeadlessGuest;

beforeAll(async () => {
  await images.createEmpty(STICK, 16 * MIB);
  guest = await HeadlessGuest.atPrompt({ images, config: { icountShift: 3 } });
  expect(await guest.hmp('device_add piix3-usb-uhci,id=u')).toBe('');
}, 4 * MINUTES);

afterAll(() => guest.end());

async function plugStick(): Promise<void> {
  expect(await guest.hmp(`drive_add 0 if=none,id=d,file=${STICK},format=raw`)).toBe('OK\n');
  expect(await guest.hmp('device_add usb-storage,id=s,drive=d')).toBe('');
  const size = await guest.ask(`${waitFor('[ -e /sys/block/sda/size ]')}; cat /sys/block/sda/size`, 120);
  expect(size).toBe(String((16 * MIB) / 512));
}

/** What the image has at a block. */
async function stored(block: number): Promise<string> {
  const image = await images.open(STICK, { readOnly: true });
  const bytes = new Uint8Array(BLOCK);
  await image.read(block * BLOCK, bytes);
  await image.close();
  return new TextDecoder().decode(bytes);
}

describe('usb-storage', () => {
  it('is sda, with file systems; what was flushed is stored when it is pulled out', {
    timeout: 4 * MINUTES,
  }, async () => {
    await plugStick();
    expect(await guest.hmp('info usb')).toBe(
      '  Device 0.2, Port 1, Speed 12 Mb/s, Product QEMU USB MSD, ID: s\n',
    );
    expect(await guest.ask('lsusb; cat /sys/bus/usb/devices/1-1/serial')).toMatch(
      /Device 002: ID 46f4:0001 QEMU[\s\S]*\n1-0000:00:0\d\.0-1$/,
    );
    const use = (make: string): string =>
      `${make} && mount /dev/sda /mnt && head -c 100000 /dev/urandom > /mnt/f && md5sum < /mnt/f > /tmp/sum && umount /mnt && ` +
      'mount /dev/sda /mnt && md5sum -c /tmp/sum < /mnt/f; umount /mnt';
    const both = `${use('mkfs.ext4 -q -O ^has_journal -N 64 /dev/sda 4096')}; ${use('mkfs.vfat /dev/sda 4096 > /dev/null')}`;
    expect(await guest.ask(both, 120)).toMatch(/^-: OK\n[\s\S]*-: OK$/);
    const blocks = `i=100; while printf "%-${BLOCK - 1}d\\n" $i | dd of=/dev/sda bs=${BLOCK} seek=$i conv=fsync,notrunc 2> /dev/null; do echo $i > /tmp/i; i=$((i+1)); done`;
    // In a shell of its own: the one that is asked would tell of jobs that are done.
    await guest.run(`((${blocks}; echo over > /tmp/over) > /dev/null 2>&1 &)`);
    await guest.ask(waitFor('read -r i < /tmp/i && [ $i -gt 104 ]'), 120);
    expect(await guest.hmp('device_del s')).toBe('');
    const over = `${waitFor('[ -e /tmp/over ]')}; cat /tmp/i; ls /sys/block; lsusb | grep -c 46f4`;
    const [last, ...rest] = (await guest.ask(over, 120)).split('\n');
    expect(rest).toEqual(['0']);
    await guest.machine.drives.settled();
    expect(Number(last)).toBeGreaterThan(104);
    for (let block = 100; block <= Number(last); block++)
      expect((await stored(block)).trim()).toBe(String(block));
    expect(await guest.hmp('info block')).toBe('');
  });

  it('goes on in a machine that is restored in the middle of a transfer', {
    timeout: 4 * MINUTES,
  }, async () => {
    await plugStick();
    const read = 'dd if=/dev/sda bs=64k count=8 iflag=direct 2> /dev/null | md5sum > /tmp/read';
    const write =
      'dd if=/tmp/w of=/dev/sda bs=64k seek=100 oflag=direct 2> /dev/null; echo $? > /tmp/written';
    await guest.run(`head -c 327680 /dev/urandom > /tmp/w; ((${read}) & (${write}) &)`);
    const stick = guest.machine.devices.tree.find('s')?.hardware.sections[0];
    if (!(stick instanceof UsbStorage)) throw new Error('no stick');
    // In the middle of a command.
    await guest.poll(() => stick.save().request !== null, 10);
    const bytes = await snapshotBytes(guest.machine);
    const copy = await copyOfImages(database);
    const restored = await HeadlessGuest.restored(bytes, {
      images: memoryImages(copy),
      config: { icountShift: 3 },
    });
    guest.machine.cont();
    const ends = (on: HeadlessGuest): Promise<string> =>
      on.ask(
        `${waitFor('[ -s /tmp/written -a -s /tmp/read ]')}; cat /tmp/written /tmp/read; ` +
          'dd if=/dev/sda bs=64k skip=100 count=5 iflag=direct 2> /dev/null | cmp - /tmp/w && echo same',
        120,
      );
    const [one, other] = [await ends(guest), await ends(restored)];
    expect(one).toMatch(/^0\n[0-9a-f]{32} {2}-\nsame$/);
    expect(other).toBe(one);
    await restored.end();
  });

  afterEach(async () => {
    if ((await guest.hmp('info usb')).includes('MSD')) await guest.hmp('device_del s');
    await guest.ask(waitFor('[ ! -e /sys/block/sda ]'), 120);
  });
});

describe('usb-serial', () => {
  it('is ttyUSB0, and carries what is written', { timeout: 4 * MINUTES }, async () => {
    expect(await guest.hmp('chardev-add ringbuf,id=r,size=4096')).toBe('');
    expect(await guest.hmp('device_add usb-serial,id=t,chardev=r')).toBe('');
    await guest.ask(waitFor('[ -c /dev/ttyUSB0 ]'), 120);
    await guest.run('stty -F /dev/ttyUSB0 raw 115200; echo over a USB > /dev/ttyUSB0');
    expect(await guest.hmp('ringbuf_read r 100')).toContain('over a USB');
    expect(await guest.hmp('device_del t')).toBe('');
    await guest.ask(waitFor('[ ! -e /dev/ttyUSB0 ]'), 120);
    expect(await guest.hmp('chardev-remove r')).toBe('');
  });
});
