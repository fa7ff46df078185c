/** PCI devices of no family: an NVMe controller and serial ports that come and go, driven by Linux's own drivers; and the image's tools for them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryChunkDatabase } from '../../src/emu/index.ts';
import { pause } from '../support/guest-waits.ts';
import { copyOfImages, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const CONFIG = { icountShift: 3 };
const DISK = '/tmp/nvme.img';
const DISKS = 'echo $(ls /sys/block | grep nvme)';
const SUMS = 'sha256sum < /mnt/f | cmp - /tmp/sum && echo same';

const database = new MemoryChunkDatabase();
let guest: HeadlessGuest;

beforeAll(async () => {
  const images = memoryImages(database);
  await images.createEmpty(DISK, 64 << 20);
  guest = await HeadlessGuest.atPrompt({ images, config: CONFIG });
}, 4 * MINUTES);

afterAll(() => guest.end());

/** Asks until the answer is the wanted one, in one line of the shell. */
async function until(command: string, wanted: string): Promise<void> {
  const loop = `for n in $(seq 100); do [ "$(${command})" = "${wanted}" ] && break; ${pause(0.02)}; done; ${command}`;
  expect(await guest.ask(loop)).toBe(wanted);
}

async function plug(): Promise<void> {
  expect(await guest.hmp(`drive_add 0 if=none,file=${DISK},format=raw,id=disk1`)).toBe('OK\n');
  expect(await guest.hmp('device_add nvme,drive=disk1,serial=HOTSLOT,id=nv1')).toBe('');
  await until(DISKS, 'nvme0n1');
}

async function unplug(): Promise<void> {
  guest.takeEvents();
  expect(await guest.hmp('device_del nv1')).toBe('');
  expect(await guest.event('DEVICE_DELETED')).toMatchObject({ data: { device: 'nv1' } });
  await until(DISKS, '');
}

describe('nvme', () => {
  it('comes, is written and read, and given back by a restored guest', { timeout: 4 * MINUTES }, async () => {
    await plug();
    const facts = 'cd /sys/block/nvme0n1; echo $(cat size device/model device/serial queue/write_cache)';
    expect(await guest.ask(`(${facts})`)).toBe('131072 QEMU NVMe Ctrl HOTSLOT write back');
    expect(
      await guest.ask(
        'mkfs.ext2 -q /dev/nvme0n1 && mount /dev/nvme0n1 /mnt && head -c 500000 /dev/urandom > /mnt/f && sync && sha256sum < /mnt/f > /tmp/sum; echo $?',
      ),
    ).toBe('0');
    const bytes = await snapshotBytes(guest.machine);
    const images = memoryImages(await copyOfImages(database));
    await guest.end();
    guest = await HeadlessGuest.restored(bytes, { images, config: CONFIG });
    expect(await guest.ask(`umount /mnt && mount /dev/nvme0n1 /mnt && ${SUMS}; umount /mnt`)).toBe('same');
    await unplug();
  });

  it('leaves while it is read, and comes back with its data', { timeout: 4 * MINUTES }, async () => {
    await plug();
    await guest.run(
      '((while dd if=/dev/nvme0n1 of=/dev/null bs=64k; do :; done 2> /dev/null; echo over > /tmp/over) &)',
    );
    await unplug();
    await until('cat /tmp/over', 'over');
    await plug();
    expect(await guest.ask(`mount /dev/nvme0n1 /mnt && ${SUMS}; umount /mnt`)).toBe('same');
    await unplug();
  });
});

describe('pci-serial', () => {
  it('comes as one more serial port, and leaves', { timeout: 4 * MINUTES }, async () => {
    const port = 'echo $(ls /sys/bus/pci/devices/*/tty 2> /dev/null | grep ttyS)';
    expect(await guest.hmp('chardev-add ringbuf,id=ring')).toBe('');
    expect(await guest.hmp('device_add pci-serial,chardev=ring,id=s1')).toBe('');
    await until(port, 'ttyS2');
    await guest.run('stty -F /dev/ttyS2 raw && echo over the wire > /dev/ttyS2');
    expect((await guest.hmp('ringbuf_read ring 100')).trimEnd()).toBe('over the wire');
    guest.takeEvents();
    expect(await guest.hmp('device_del s1')).toBe('');
    expect(await guest.event('DEVICE_DELETED')).toMatchObject({ data: { device: 's1' } });
    await until(port, '');
  });
});

describe('the image', () => {
  it('has tools for disks, inputs and networks, and drivers', { timeout: 4 * MINUTES }, async () => {
    const tools = 'lsscsi sfdisk e2fsck fsck.ext4 evtest udhcpc wget';
    const drivers = 'am53c974 megaraid_sas i6300esb ib700wdt parport_pc lp floppy nvme';
    const missing = `for t in ${tools}; do command -v $t > /dev/null || echo $t; done; for m in ${drivers}; do modinfo -n $m > /dev/null || echo $m; done`;
    expect(await guest.ask(missing)).toBe('');
  });
});
