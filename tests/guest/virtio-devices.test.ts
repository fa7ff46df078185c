/** Virtio devices that are no disks, driven by Linux's own drivers while it runs. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { TestNetHost } from '../support/test-net-host.ts';

const MINUTES = 60_000;
/** What udev would call /dev/virtio-ports/org.test.0. */
const PORT = '/dev/$(ls /sys/class/virtio-ports)';
const NAMES = 'cat /sys/class/virtio-ports/*/name 2> /dev/null';

let guest: HeadlessGuest;
const web = new TestNetHost();

beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt({ images: memoryImages(), network: web, config: { icountShift: 3 } });
}, 4 * MINUTES);

afterAll(() => guest.end());

async function until(command: string, wanted: string | RegExp): Promise<void> {
  let said = '';
  for (let tries = 0; tries < 100; tries++) {
    said = await guest.ask(command);
    if (typeof wanted === 'string' ? said === wanted : wanted.test(said)) return;
    await guest.run('usleep 20000');
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
    await guest.run('seq 1 20000 > /dev/hvc0');
    // QEMU: `ringbuf_read` writes a control character as \u and its number.
    const lines = (await guest.hmp('ringbuf_read ring 1048576')).split('\\u000D\n');
    expect(lines.slice(0, 20_000)).toEqual(Array.from({ length: 20_000 }, (_, n) => String(n + 1)));
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
