/** Devices that are no disks of their own, of virtio and on USB, and SCSI adapters, driven by Linux's own drivers while it runs. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { TestNetHost } from '../support/test-net-host.ts';

const MINUTES = 60_000;
/** What udev would call /dev/virtio-ports/org.test.0. */
const PORT = '/dev/$(ls /sys/class/virtio-ports)';
const NAMES = 'cat /sys/class/virtio-ports/*/name 2> /dev/null';

let guest: HeadlessGuest;
const images = memoryImages();
const web = new TestNetHost();

beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt({ images, network: web, config: { icountShift: 3 } });
}, 4 * MINUTES);

afterAll(() => guest.end());

async function until(command: string, wanted: string | RegExp): Promise<void> {
  let said = '';
  for (let tries = 0; tries < 100; tries++) {
    said = await guest.ask(command);
    if (typeof wanted === 'string' ? said === wanted : wanted.test(said)) return;
    await guest.run(pause(0.05));
  }
  throw new Error(`${command}: ${said}; ${await guest.ask('dmesg | tail -n 5')}`);
}

async function remove(id: string): Promise<void> {
  guest.takeEvents();
  expect(await guest.hmp(`device_del ${id}`)).toBe('');
  while ((await leaves()) !== id);
}

/** The next device of which DEVICE_DELETED says that it is gone; undefined for one without an id. */
async function leaves(): Promise<string | undefined> {
  const event = await guest.event('DEVICE_DELETED');
  return event.event === 'DEVICE_DELETED' ? event.data.device : undefined;
}

describe('virtio-rng-pci', () => {
  it('gives Linux bytes, and leaves while they are read', { timeout: 4 * MINUTES }, async () => {
    expect(await guest.hmp('object_add rng-random,id=rng0,filename=/dev/urandom')).toBe('');
    expect(await guest.hmp('device_add virtio-rng-pci,rng=rng0,id=r0')).toBe('');
    await until('cat /sys/class/misc/hw_random/rng_current', /^virtio_rng\.\d+$/);
    const read = () => guest.ask('head -c 64 /dev/hwrng | od -An -tx1 | tr -d " \\n"');
    const [one, other] = [await read(), await read()];
    expect(one).toMatch(/^[0-9a-f]{128}$/);
    expect(other).not.toBe(one);
    await guest.run('(dd if=/dev/hwrng of=/dev/null bs=1k 2> /dev/null; echo $? > /tmp/ended) &');
    await remove('r0');
    await until('cat /sys/class/misc/hw_random/rng_current', 'none');
    await until('cat /tmp/ended', /^\d+$/);
    expect(await guest.hmp('object_del rng0')).toBe('');
    // And again, with the other back end and a quota.
    expect(await guest.hmp('object_add rng-builtin,id=rng0')).toBe('');
    expect(await guest.hmp('device_add virtio-rng-pci,rng=rng0,id=r0,max-bytes=1024,period=10')).toBe('');
    await until('cat /sys/class/misc/hw_random/rng_current', /^virtio_rng\.\d+$/);
    expect(await guest.ask('head -c 8192 /dev/hwrng | wc -c')).toBe('8192');
    await remove('r0');
    await guest.hmp('object_del rng0');
  });
});

describe('virtio-serial-pci', () => {
  afterEach(async () => {
    await guest.unplugAll();
    await guest.hmp('chardev-remove ring');
  });

  it('has ports that come and go while Linux runs', { timeout: 4 * MINUTES }, async () => {
    expect(await guest.hmp('device_add virtio-serial-pci,id=vs')).toBe('');
    expect(await guest.hmp('chardev-add ringbuf,id=ring,size=65536')).toBe('');
    expect(await guest.hmp('device_add virtserialport,bus=vs.0,id=p0,name=org.test.0,chardev=ring')).toBe('');
    await until(NAMES, 'org.test.0');
    await guest.run(`echo hello > ${PORT}`);
    expect(await guest.hmp('ringbuf_read ring 100')).toContain('hello');
    // The port leaves while it is open.
    await guest.run(`exec 5<> ${PORT}`);
    guest.takeEvents();
    expect(await guest.hmp('device_del p0')).toBe('');
    expect(await leaves()).toBe('p0');
    await until(NAMES, '');
    await guest.run('exec 5>&-');
    // Another takes its place, then the controller leaves with it: the port first.
    expect(await guest.hmp('device_add virtserialport,bus=vs.0,id=p1,name=org.test.0')).toBe('');
    await until(NAMES, 'org.test.0');
    guest.takeEvents();
    expect(await guest.hmp('device_del vs')).toBe('');
    const left: (string | undefined)[] = [];
    while (left.at(-1) !== 'vs') left.push(await leaves());
    expect(left.filter((id) => id !== undefined)).toEqual(['p1', 'vs']);
    await until('ls /sys/bus/virtio/devices', '');
  });

  it('has a console that Linux takes for a terminal', { timeout: 4 * MINUTES }, async () => {
    expect(await guest.hmp('device_add virtio-serial-pci,id=vs')).toBe('');
    expect(await guest.hmp('chardev-add ringbuf,id=ring,size=1048576')).toBe('');
    expect(await guest.hmp('device_add virtconsole,bus=vs.0,id=c0,chardev=ring')).toBe('');
    await until('test -e /dev/hvc0 && echo there', 'there');
    expect(await guest.ask('stty -F /dev/hvc0 speed > /dev/null && echo a terminal')).toBe('a terminal');
    await guest.run('seq 1 4000 > /dev/hvc0');
    // QEMU: `ringbuf_read` writes a control character as \u and its number.
    const lines = (await guest.hmp('ringbuf_read ring 1048576')).split('\\u000D\n');
    expect(lines.slice(0, 4000)).toEqual(Array.from({ length: 4000 }, (_, n) => String(n + 1)));
  });
});

describe('virtio-scsi-pci', () => {
  const SIZE = 64 << 20;
  const drive = (n: number) => `drive_add 0 if=none,file=/tmp/scsi${n}.img,format=raw,id=disk${n}`;
  const disks = 'ls -d /sys/block/s[dr]* 2> /dev/null | sed s:.*/:: | tr "\\n" " "';
  /** Virtual seconds until the command says what is wanted. */
  async function seconds(command: string, wanted: string): Promise<number> {
    const before = guest.machine.clock.nowNs();
    await until(command, wanted);
    return (guest.machine.clock.nowNs() - before) / 1e9;
  }

  it('gives Linux disks that come, are written and go', { timeout: 4 * MINUTES }, async () => {
    for (const n of [1, 2]) await images.createEmpty(`/tmp/scsi${n}.img`, SIZE);
    expect(await guest.hmp('device_add virtio-scsi-pci,id=s0')).toBe('');
    await until('ls /sys/bus/virtio/drivers/virtio_scsi | grep -c virtio', '1');
    expect(await guest.hmp(drive(1))).toBe('OK\n');
    expect(await guest.hmp('device_add scsi-hd,bus=s0.0,drive=disk1,id=sd1,serial=HOTSLOT')).toBe('');
    expect(await seconds(disks, 'sda')).toBeLessThan(2);
    expect(await guest.ask('cat /sys/block/sda/size /sys/block/sda/device/model')).toBe(
      `${SIZE / 512}\nQEMU HARDDISK`,
    );
    expect(await guest.ask('mkfs.ext2 -q /dev/sda && mount /dev/sda /mnt && echo ok')).toBe('ok');
    expect(
      await guest.ask(
        'head -c 500000 /dev/urandom > /mnt/f; sync; sha256sum < /mnt/f > /tmp/sum; umount /mnt; echo $?',
      ),
    ).toBe('0');
    await remove('sd1');
    await until(disks, '');
    expect(await guest.hmp(drive(1))).toBe('OK\n');
    expect(await guest.hmp('device_add scsi-hd,bus=s0.0,drive=disk1,id=sd1,scsi-id=5,lun=3')).toBe('');
    expect(await seconds(disks, 'sda')).toBeLessThan(2);
    expect(await guest.ask('ls /sys/block/sda/device/scsi_disk')).toMatch(/:0:5:3$/);
    expect(
      await guest.ask('mount /dev/sda /mnt && sha256sum < /mnt/f | cmp - /tmp/sum && echo same; umount /mnt'),
    ).toBe('same');
  });

  it('tells Linux of another size, and of a disc that changes', { timeout: 4 * MINUTES }, async () => {
    expect(await guest.hmp('block_resize disk1 32M')).toBe('');
    await until('cat /sys/block/sda/size', '65536');
    expect(await guest.hmp('drive_add 0 if=none,file=/tmp/scsi2.img,format=raw,media=cdrom,id=disc')).toBe(
      'OK\n',
    );
    expect(await guest.hmp('device_add scsi-cd,bus=s0.0,drive=disc,id=cd1')).toBe('');
    await until(disks, 'sda sr0');
    expect(await guest.ask('head -c 4096 /dev/sr0 | tr -d "\\0" | wc -c')).toBe('0');
    expect(await guest.hmp('eject disc')).toBe('');
    expect(await guest.ask('head -c 1 /dev/sr0 2>&1 | grep -c medium')).toBe('1');
    expect(await guest.hmp('change disc /tmp/scsi2.img raw')).toBe('');
    await until('head -c 4096 /dev/sr0 2> /dev/null | wc -c', '4096');
    await remove('cd1');
    await until(disks, 'sda');
  });

  it('leaves with all that is on it while a disk is read', { timeout: 4 * MINUTES }, async () => {
    await guest.run('(dd if=/dev/sda of=/dev/null bs=64k iflag=direct 2> /dev/null; echo $? > /tmp/ended) &');
    await guest.hmp('device_del s0');
    expect(await leaves()).toBe('sd1');
    while ((await leaves()) !== 's0');
    await until('cat /tmp/ended', /^\d+$/);
    await until(disks, '');
    expect(await guest.ask('dmesg | grep -c "hung task\\|BUG\\|Call Trace"')).toBe('0');
  });
});

describe.each([
  ['lsi53c895a', 'sym53c8xx'],
  ['am53c974', 'am53c974'],
  ['dc390', 'am53c974'],
])('%s', (adapter, driver) => {
  const look = 'for h in /sys/class/scsi_host/host*; do echo "- - -" > $h/scan; done';

  it('gives Linux a disk when it looks for it, which is written and goes', {
    timeout: 4 * MINUTES,
  }, async () => {
    const path = `/tmp/${adapter}.img`;
    await images.createEmpty(path, 16 << 20);
    expect(await guest.hmp(`device_add ${adapter},id=a0`)).toBe('');
    await until(`ls -d /sys/bus/pci/drivers/${driver}/0000:*/host* 2> /dev/null | wc -l`, '1');
    expect(await guest.hmp(`drive_add 0 if=none,file=${path},format=raw,id=adisk`)).toBe('OK\n');
    expect(await guest.hmp('device_add scsi-hd,bus=a0.0,drive=adisk,id=ad')).toBe('');
    await guest.run(look);
    await until('cat /sys/block/sda/size 2> /dev/null', `${(16 << 20) / 512}`);
    const written =
      'dd if=/dev/urandom bs=1k count=500 2> /dev/null | tee /dev/sda | sha256sum > /tmp/sum; sync; echo $?';
    expect(await guest.ask(written)).toBe('0');
    await guest.run('echo 3 > /proc/sys/vm/drop_caches');
    expect(await guest.ask('head -c 512000 /dev/sda | sha256sum | cmp - /tmp/sum && echo same')).toBe('same');
    await remove('a0');
    await until('ls /sys/block', '');
    expect(await guest.hmp('info block')).toBe('');
  });
});

describe('piix3-usb-uhci', () => {
  afterEach(() => guest.unplugAll());

  it('comes with a mouse, a hub and a keyboard that Linux reads, and leaves with them', {
    timeout: 4 * MINUTES,
  }, async () => {
    expect(await guest.hmp('device_add piix3-usb-uhci,id=u')).toBe('');
    await until('lsusb', /^Bus 001 Device 001: ID 1d6b:0001 Linux Foundation 1.1 root hub$/);
    expect(await guest.hmp('device_add usb-mouse,id=m')).toBe('');
    await until('ls /dev/hidraw* 2> /dev/null', '/dev/hidraw0');
    // The last free port gets a hub, so that there are more.
    expect(await guest.hmp('device_add usb-kbd,id=k')).toBe('');
    await until('ls /dev/hidraw*', /hidraw1/);
    expect(await guest.hmp('info usb')).toBe(
      '  Device 0.2, Port 1, Speed 12 Mb/s, Product QEMU USB Mouse, ID: m\n' +
        '  Device 0.3, Port 2, Speed 12 Mb/s, Product QEMU USB Hub\n' +
        '  Device 0.4, Port 2.1, Speed 12 Mb/s, Product QEMU USB Keyboard, ID: k\n',
    );
    expect(await guest.ask('cat /sys/bus/usb/devices/1-2.1/serial')).toMatch(/^68284-0000:00:0\d\.0-2\.1$/);
    expect(await guest.ask('lsusb -t')).toMatch(
      /Driver=uhci_hcd\/2p, 12M[\s\S]*Driver=usbhid[\s\S]*Driver=hub\/8p/,
    );
    const read = (device: string, bytes: number): string =>
      `(head -c ${bytes} /dev/${device} | od -An -v -tx1 | tr -d "\\n" > /tmp/${device}) &`;
    await guest.run(read('hidraw0', 4));
    await guest.run(read('hidraw1', 16));
    await guest.run('sleep 1');
    await guest.hmp('mouse_move 5 -3');
    await guest.hmp('sendkey shift-a');
    await until('cat /tmp/hidraw0', ' 00 05 fd 00');
    await until('cat /tmp/hidraw1', ' 02 00 00 00 00 00 00 00 02 00 04 00 00 00 00 00');
    expect(await guest.hmp('device_del m')).toBe('');
    await until('ls /dev/hidraw*', '/dev/hidraw1');
    guest.takeEvents();
    expect(await guest.hmp('device_del u')).toBe('');
    const left: (string | undefined)[] = [];
    while (left.at(-1) !== 'u') left.push(await leaves());
    expect(left).toEqual(['k', undefined, 'u']);
    await until('lsusb', '');
    expect(await guest.hmp('info usb')).toBe('Error: USB support not enabled\n');
  });
});

describe('virtio-net-pci', () => {
  it('has an address, a gateway that answers, and the web; and leaves', {
    timeout: 4 * MINUTES,
  }, async () => {
    web.onConnect = (socket) => {
      setTimeout(() => socket.events.connected(), 0);
      socket.onWrite = () => {
        if (!socket.text.endsWith('\r\n\r\n')) return;
        const body = `hello ${socket.text.split(' ')[1]}\n`.repeat(20_000);
        const head = `HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
        setTimeout(() => {
          socket.events.data(new TextEncoder().encode(head + body));
          socket.events.end();
        }, 0);
      };
    };
    expect(await guest.hmp('netdev_add user,id=n1,hostname=pc')).toBe('');
    expect(await guest.hmp('device_add virtio-net-pci,netdev=n1,id=nic0')).toBe('');
    await until('ls /sys/class/net', /eth0/);
    expect(await guest.ask('ip link set eth0 up; udhcpc -n -q -i eth0 2>&1 | tail -n 1')).toMatch(
      /10\.0\.2\.15/,
    );
    expect(await guest.ask('ip -4 addr show eth0')).toContain('inet 10.0.2.15/24');
    expect(await guest.ask('ping -c1 10.0.2.2')).toContain('1 packets received');
    expect(await guest.ask('ping -c1 -s 3000 10.0.2.2')).toContain('1 packets received');
    const page = 'hello /x\n'.repeat(20_000);
    const sum = createHash('md5').update(page).digest('hex');
    expect(await guest.ask('wget -q -O - http://10.0.2.2:8080/x | md5sum')).toContain(sum);
    expect(await guest.hmp('info network')).toContain('macaddr=52:54:00:12:34:56');
    await remove('nic0');
    await guest.hmp('netdev_del n1');
    expect(await guest.hmp('info network')).toBe('');
  });
});
