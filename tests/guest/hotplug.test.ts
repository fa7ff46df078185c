import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { FailingImages } from '../support/failing-images.ts';
import { pause, waitFor } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const DISK = '/tmp/disk1.img';
/** A thousand in tests/long. */
const ROUNDS = 6;

const store = memoryImages();
const images = new FailingImages(store);
let guest: HeadlessGuest;

async function driveAdd(id: string, path: string, options = ''): Promise<void> {
  expect(await guest.hmp(`drive_add 0 if=none,file=${path},format=raw,id=${id}${options}`)).toBe('OK\n');
}

/** Plugs a new disk of `sizeBytes` in and waits until the guest has it. */
async function plug(id: string, path: string, device = ''): Promise<void> {
  await driveAdd(id, path);
  expect(await guest.hmp(`device_add virtio-blk-pci,drive=${id},id=${id}${device}`)).toBe('');
  await appears('vda');
}

async function appears(disk: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await guest.ask(`grep -c '${disk}$' /proc/partitions`)) === '1') return;
    await guest.run(pause(0.05));
  }
  throw new Error(`no ${disk}: ${await guest.ask('dmesg | tail -n 5')}`);
}

async function unplug(id: string): Promise<void> {
  guest.takeEvents();
  expect(await guest.hmp(`device_del ${id}`)).toBe('');
  expect((await guest.event('DEVICE_DELETED')).data).toEqual({
    path: `/machine/peripheral/${id}/virtio-backend`,
  });
  expect((await guest.event('DEVICE_DELETED')).data).toEqual({
    device: id,
    path: `/machine/peripheral/${id}`,
  });
  await guest.machine.drives.settled();
}

async function freshDisk(path: string, sizeBytes: number): Promise<void> {
  if ((await store.list()).some((image) => image.path === path)) await store.delete(path);
  await store.createEmpty(path, sizeBytes);
}

function ioError(action: 'report' | 'stop', reason: string, nospace: boolean): object {
  const nodeName = expect.stringMatching(/^#block\d+$/);
  const data = { device: 'disk1', 'node-name': nodeName, operation: 'write', action, nospace, reason };
  return { event: 'BLOCK_IO_ERROR', data };
}

describe('a disk comes and goes while Linux runs', () => {
  beforeAll(async () => {
    await freshDisk(DISK, 64 * MIB);
    guest = await HeadlessGuest.atPrompt({ images, config: { icountShift: 3 } });
  }, MINUTES);

  afterEach(async () => {
    images.error = undefined;
    images.delayMs = undefined;
    await guest.unplugAll();
    expect(guest.machine.board.pciBus.devices().map(({ devfn }) => devfn)).toEqual([0, 8, 9, 11]);
    await freshDisk(DISK, 64 * MIB);
  }, 2 * MINUTES);

  afterAll(() => guest.end());

  it(
    'the story: plug, format, write, unplug, plug again, the file is there',
    async () => {
      await plug('disk1', DISK);
      expect(await guest.hmp('info block')).toContain(
        'Attached to:      /machine/peripheral/disk1/virtio-back',
      );
      expect(await guest.hmp('info pci')).toContain('id "disk1"');
      expect(await guest.ask('lspci -n -s 2')).toBe('00:02.0 0100: 1af4:1001');
      await guest.run('mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && echo hello > /mnt/f && umount /mnt');
      const interrupts = "grep virtio0-req /proc/interrupts | awk '{print $2, $3}'";
      const [count = '', chip] = (await guest.ask(interrupts)).split(' ');
      expect(chip).toBe('PCI-MSI');
      await guest.run('dd if=/dev/vda of=/dev/null bs=4k count=8 iflag=direct 2> /dev/null');
      const [later = ''] = (await guest.ask(interrupts)).split(' ');
      expect(Number(later)).toBeGreaterThanOrEqual(Number(count) + 8);
      await unplug('disk1');
      expect(await guest.ask('ls /dev/vda')).toContain('No such file');
      await plug('disk1', DISK);
      expect(await guest.ask('mount /dev/vda /mnt && cat /mnt/f && umount /mnt')).toBe('hello');
    },
    2 * MINUTES,
  );

  it(
    'again and again: nothing is left behind',
    async () => {
      await plug('disk1', DISK);
      await unplug('disk1');
      const pci = await guest.hmp('info pci');
      const qtree = await guest.hmp('info qtree');
      for (let round = 0; round < ROUNDS; round++) {
        await plug('disk1', DISK);
        expect(await guest.ask('dd if=/dev/vda bs=512 count=1 2> /dev/null | wc -c')).toBe('512');
        await unplug('disk1');
      }
      expect(await guest.hmp('info pci')).toBe(pci);
      expect(await guest.hmp('info qtree')).toBe(qtree);
      expect(await guest.hmp('info block')).toBe('');
      expect((await store.list()).map(({ inUse }) => inUse)).toEqual([false]);
      expect(await guest.ask('ls /sys/bus/virtio/devices | wc -l; ls /sys/bus/pci/devices | wc -l')).toBe(
        '0\n4',
      );
      // Guest: Linux 6.1 places the next device where the first one was: all windows are free again.
      await plug('disk1', DISK);
      expect(await guest.hmp('info pci')).toContain('BAR0: I/O at 0x1000 [0x107f].');
    },
    3 * MINUTES,
  );

  it(
    'unplugged while dd reads and writes',
    async () => {
      await plug('disk1', DISK);
      const forever = (dd: string): Promise<string> =>
        guest.run(`(while [ -b /dev/vda ] && dd ${dd} 2> /dev/null; do :; done) &`);
      await forever('if=/dev/vda of=/dev/null bs=64k iflag=direct');
      await forever('if=/dev/zero of=/dev/vda bs=64k count=99 oflag=direct');
      // Between two runs of dd there may be none for a moment: the disk's counts of reads and writes tell.
      const busy = "awk '$1 > 20 && $5 > 20 { ok = 1 } END { exit !ok }' /sys/block/vda/stat";
      await guest.run(waitFor(busy, 0.02));
      await unplug('disk1');
      await guest.run(pause(0.2));
      expect(await guest.ask('pidof dd | wc -w; grep -c vda /proc/partitions')).toBe('0\n0');
      // The shell says that its jobs are done; dd may have made a file in the device's place.
      await guest.run('rm -f /dev/vda');
    },
    2 * MINUTES,
  );

  it(
    'stopped and continued in the middle of writing',
    async () => {
      await plug('disk1', DISK);
      images.delayMs = 2;
      await guest.run('dd if=/dev/urandom of=/tmp/data bs=64k count=16 2> /dev/null');
      const written = guest.ask('dd if=/tmp/data of=/dev/vda bs=16k conv=fsync 2> /dev/null; echo done');
      for (let pauses = 0; pauses < 5; pauses++) {
        const before = guest.machine.retiredInstructions;
        await guest.poll(() => guest.machine.retiredInstructions > before + 200_000, 60);
        await guest.hmp('stop');
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await guest.hmp('info status')).toBe('VM status: paused\n');
        await guest.hmp('cont');
      }
      expect(await written).toBe('done');
      images.delayMs = undefined;
      const same =
        'echo 3 > /proc/sys/vm/drop_caches; head -c 1048576 /dev/vda | cmp - /tmp/data && echo same';
      expect(await guest.ask(same)).toBe('same');
      await guest.run('rm /tmp/data');
    },
    2 * MINUTES,
  );

  it(
    'the host answers EIO for a while',
    async () => {
      await plug('disk1', DISK);
      guest.takeEvents();
      guest.notices.length = 0;
      images.error = 'EIO';
      images.fails = 'write';
      const write = 'dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct 2>&1 | head -n 1';
      expect(await guest.ask(write)).toBe("dd: error writing '/dev/vda': Input/output error");
      expect(await guest.event('BLOCK_IO_ERROR')).toEqual(ioError('report', 'Input/output error', false));
      expect(guest.notices).toEqual([`Disk disk1 (${DISK}): write failed: Input/output error`]);
      expect(await guest.hmp('info status')).toBe('VM status: running\n');
      images.error = undefined;
      expect(await guest.ask(write)).toBe('1+0 records in');
    },
    MINUTES,
  );

  it(
    'the host has no room for a while: the machine is paused, and Linux knows nothing of it',
    async () => {
      await plug('disk1', DISK);
      guest.takeEvents();
      guest.notices.length = 0;
      images.error = 'ENOSPC';
      images.fails = 'write';
      const write = 'dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct 2>&1 | head -n 1';
      const written = guest.ask(write);
      const reason = 'No space left on device';
      expect(await guest.event('BLOCK_IO_ERROR')).toEqual(ioError('stop', reason, true));
      expect(await guest.hmp('info status')).toBe('VM status: paused (io-error)\n');
      expect(await guest.hmp('info block disk1')).toContain('I/O status:       nospace\n');
      expect(guest.notices).toEqual([
        `Disk disk1 (${DISK}): write failed: ${reason}. The machine is paused: cont tries again.`,
      ]);
      images.error = undefined;
      expect(await guest.hmp('cont')).toBe('');
      expect(await written).toBe('1+0 records in');
      expect(await guest.hmp('info block disk1')).not.toContain('I/O status');
    },
    MINUTES,
  );

  it(
    'a read-only drive',
    async () => {
      await driveAdd('disk1', DISK, ',readonly=on');
      expect(await guest.hmp('device_add virtio-blk-pci,drive=disk1,id=disk1')).toBe('');
      await appears('vda');
      expect(await guest.ask('lsblk -dno NAME,RO; blockdev --getro /dev/vda')).toBe('vda   1\n1');
      expect(await guest.ask('dd if=/dev/zero of=/dev/vda bs=4k count=1 2>&1 | head -n 1')).toContain(
        'ermitted',
      );
    },
    MINUTES,
  );

  it(
    'a disk on a node gets larger and smaller while Linux has it',
    async () => {
      const qmp = new QmpCaller(() => {}, { machine: guest.machine, nowMs: () => 0 });
      const ask = (execute: string, args: object): Promise<string> =>
        qmp.call(JSON.stringify({ execute, arguments: args }));
      const file = { driver: 'file', filename: DISK };
      expect(await ask('blockdev-add', { driver: 'raw', 'node-name': 'n', file })).toBe('{"return": {}}');
      expect(await guest.hmp('device_add virtio-blk-pci,drive=n,id=grown')).toBe('');
      await appears('vda');
      const bytes = 'blockdev --getsize64 /dev/vda';
      expect(await guest.ask(bytes)).toBe(String(64 * MIB));
      for (const size of [96 * MIB, 32 * MIB]) {
        expect(await ask('block_resize', { 'node-name': 'n', size })).toBe('{"return": {}}');
        expect(await guest.ask(`${waitFor(`[ $(${bytes}) = ${size} ]`, 0.02)}; echo seen`)).toBe('seen');
        const end = `of=/dev/vda bs=512 seek=${size / 512 - 1} count=1 conv=fsync,sync`;
        await guest.run(`echo size-${size} | dd ${end} 2> /dev/null`);
        expect(await guest.ask('tail -c 512 /dev/vda | head -n 1')).toBe(`size-${size}`);
      }
      expect(await guest.ask('dmesg | grep -c "vda.*new size"')).toBe('2');
      await unplug('grown');
      expect(await ask('blockdev-del', { 'node-name': 'n' })).toBe('{"return": {}}');
      expect((await store.stat(DISK)).sizeBytes).toBe(32 * MIB);
    },
    MINUTES,
  );

  it(
    'a disk with limits moves as much in a second as it may, and counts it',
    async () => {
      await plug('disk1', DISK);
      const counts = async (): Promise<readonly number[]> =>
        ['rd_bytes', 'rd_operations'].map((name) =>
          Number(new RegExp(` ${name}=(\\d+)`).exec(blockstats)?.[1]),
        );
      let blockstats = await guest.hmp('info blockstats');
      const [bytes = 0, operations = 0] = await counts();
      /** Seconds that the guest needs for a megabyte, in hundredths. */
      const seconds = async (): Promise<number> => {
        const dd = 'dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct 2> /dev/null';
        const times = await guest.ask(`read a _ < /proc/uptime; ${dd}; read b _ < /proc/uptime; echo $a $b`);
        const [begun, ended] = times.split(' ').map(Number);
        return Number(ended) - Number(begun);
      };
      expect(await seconds()).toBeLessThan(0.2);
      blockstats = await guest.hmp('info blockstats');
      expect(await counts()).toEqual([bytes + MIB, operations + 16]);
      expect(await guest.hmp('block_set_io_throttle disk1 1048576 0 0 0 0 0')).toBe('');
      // The last of 16 requests goes when no more than a tenth of a second is left of the 15 before it.
      const limited = await seconds();
      expect(limited).toBeGreaterThan(15 / 16 - 0.111);
      expect(limited).toBeLessThan(15 / 16);
      expect(await guest.hmp('block_set_io_throttle disk1 0 0 0 20 0 0')).toBe('');
      const rare = await seconds();
      expect(rare).toBeGreaterThan((15 - 2) / 20 - 0.011);
      expect(rare).toBeLessThan(15 / 20);
      expect(await guest.hmp('info block disk1')).toContain(' iops=20 ');
      expect(await guest.hmp('block_set_io_throttle disk1 0 0 0 0 0 0')).toBe('');
      expect(await seconds()).toBeLessThan(0.2);
    },
    2 * MINUTES,
  );

  it(
    'an image of 8 GiB takes the room of what was written, to its last sector',
    async () => {
      await freshDisk('/tmp/big.img', 8 * GIB);
      await plug('big', '/tmp/big.img');
      expect(await guest.ask('blockdev --getsize64 /dev/vda')).toBe(String(8 * GIB));
      const last = 8 * GIB - 512;
      await guest.run(
        `echo at-the-end | dd of=/dev/vda bs=512 seek=${last / 512} conv=fsync,sync 2> /dev/null`,
      );
      await unplug('big');
      await plug('big', '/tmp/big.img');
      expect(await guest.ask(`dd if=/dev/vda bs=512 skip=${last / 512} 2> /dev/null | head -n 1`)).toBe(
        'at-the-end',
      );
      const image = (await store.list()).find(({ path }) => path === '/tmp/big.img');
      expect(image?.storedBytes).toBeLessThan(4 * MIB);
      await unplug('big');
      await store.delete('/tmp/big.img');
    },
    MINUTES,
  );

  it(
    'an image that does not end with a sector',
    async () => {
      await freshDisk('/tmp/odd.img', MIB + 1000);
      await plug('odd', '/tmp/odd.img');
      // QEMU: the last, broken sector is rounded up and reads as zeros.
      expect(await guest.ask('blockdev --getsize64 /dev/vda')).toBe(String(MIB + 1024));
      expect(await guest.ask('dd if=/dev/vda bs=512 2> /dev/null | wc -c')).toBe(String(MIB + 1024));
      await unplug('odd');
      await store.delete('/tmp/odd.img');
    },
    MINUTES,
  );

  it.each([
    ['disable-legacy=on', '1042', '1'],
    ['disable-modern=on', '1001', '0'],
  ])(
    '%s',
    async (option, id, version1) => {
      await plug('disk1', DISK, `,${option}`);
      expect(await guest.ask('lspci -n -s 2')).toContain(`1af4:${id}`);
      expect(await guest.ask('cut -c 33 /sys/bus/virtio/devices/virtio*/features')).toBe(version1);
      const command = 'echo through | dd of=/dev/vda conv=fsync,sync 2> /dev/null; head -n 1 /dev/vda';
      expect(await guest.ask(command)).toBe('through');
    },
    MINUTES,
  );

  it(
    'without MSI-X vectors it interrupts by its pin',
    async () => {
      await plug('disk1', DISK, ',vectors=0');
      expect(await guest.ask('grep virtio /proc/interrupts')).toMatch(/IO-APIC +\d+-fasteoi +virtio/);
      expect(await guest.ask('dd if=/dev/vda bs=4k count=64 iflag=direct 2> /dev/null | wc -c')).toBe(
        '262144',
      );
    },
    MINUTES,
  );

  it(
    'two functions of one slot, plugged with the second, gone together',
    async () => {
      await store.createEmpty('/tmp/disk2.img', MIB);
      await driveAdd('disk1', DISK);
      await driveAdd('disk2', '/tmp/disk2.img');
      expect(await guest.hmp('device_add virtio-blk-pci,drive=disk2,id=f1,addr=0x1d.1')).toBe('');
      await guest.settle();
      expect(await guest.ask('lspci -s 1d')).toBe('');
      const f0 = 'device_add virtio-blk-pci,drive=disk1,id=f0,addr=0x1d,multifunction=on';
      expect(await guest.hmp(f0)).toBe('');
      await appears('vdb');
      expect(await guest.ask('lspci -n -s 1d')).toBe('00:1d.0 0100: 1af4:1001\n00:1d.1 0100: 1af4:1001');
      expect(await guest.ask('cat /sys/block/vda/size /sys/block/vdb/size')).toBe('131072\n2048');
      await guest.hmp('device_del f0');
      await guest.poll(() => guest.machine.devices.removable().length === 0, 60);
      expect(await guest.ask('lspci -s 1d; lsblk')).toBe('');
      await guest.machine.drives.settled();
      await store.delete('/tmp/disk2.img');
    },
    MINUTES,
  );

  it(
    'all slots of the bus',
    async () => {
      const ids = Array.from({ length: 31 }, (_, index) => `d${index}`);
      for (const id of ids) {
        await store.createEmpty(`/tmp/${id}.img`, MIB);
        await driveAdd(id, `/tmp/${id}.img`);
        const answer = await guest.hmp(`device_add virtio-blk-pci,drive=${id},id=${id}`);
        const full = 'Error: PCI: no slot/function available for virtio-blk-pci, all in use or reserved\n';
        expect(answer).toBe(id === 'd30' ? full : '');
      }
      await appears('vdad');
      expect(await guest.ask("lspci -n | grep -c 1af4; grep -c 'vd[a-z]*$' /proc/partitions")).toBe('30\n30');
      await guest.unplugAll();
      expect(await guest.ask("lspci -n | grep -c 1af4; grep -c 'vd[a-z]*$' /proc/partitions")).toBe('0\n0');
      for (const id of ids) await store.delete(`/tmp/${id}.img`);
    },
    3 * MINUTES,
  );

  it(
    'system_reset: it stays plugged, and is found at the next boot; so is one that comes before the kernel looks',
    async () => {
      await plug('disk1', DISK);
      await store.createEmpty('/tmp/disk2.img', 32 * MIB);
      guest.takeEvents();
      guest.forget();
      await guest.hmp('system_reset');
      expect(guest.takeEvents()).toEqual([
        { event: 'RESET', data: { guest: false, reason: 'host-qmp-system-reset' } },
      ]);
      await guest.until('Linux version', 120);
      await driveAdd('disk2', '/tmp/disk2.img');
      expect(await guest.hmp('device_add virtio-blk-pci,drive=disk2,id=early')).toBe('');
      await guest.rebooted();
      await guest.settle();
      expect(await guest.ask('lsblk -dno NAME,SIZE')).toBe('vda   64M\nvdb   32M');
      // The firmware has given it resources, as to every device that is there at start.
      expect(await guest.hmp('info pci')).toContain('BAR0: I/O at 0xc000 [0xc07f].');
      await unplug('disk1');
      await unplug('early');
      expect(await guest.ask('lsblk')).toBe('');
      await store.delete('/tmp/disk2.img');
    },
    3 * MINUTES,
  );
});
