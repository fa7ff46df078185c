/** Linux on the page's network: through a wire between sockets, as between two tabs, to names and the web. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Outside } from '../../src/workers/net/outside.ts';
import { PageNetHost } from '../../src/workers/net/page-net-host.ts';
import type { Notice } from '../../src/workers/protocol.ts';
import { pause, waitFor } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { FakeLockManager } from '../support/lock-manager.ts';

const MINUTES = 60_000;
const PORT = 20_000 + (process.pid % 20_000);
const PAGE = 'hello\n'.repeat(50_000);

let guest: HeadlessGuest;
const notices: Notice[] = [];
const outside = new Outside((notice) => notices.push(notice));
const asked: string[] = [];

beforeAll(async () => {
  const network = new PageNetHost({
    async fetch(url) {
      asked.push(url);
      if (!url.startsWith('http://www.example.org/')) throw new TypeError('Failed to fetch');
      return new Response(PAGE, { headers: { 'content-type': 'text/plain' } });
    },
    ownUrl: new URL('http://pc.example/'),
    locks: new FakeLockManager().tab(),
    outside,
    connectRelay: () => {
      throw new Error('no relay');
    },
    nowMs: () => Date.now(),
    wake() {},
  });
  // Not by counted instructions: an idle guest's time would run ahead of what is answered here.
  guest = await HeadlessGuest.atPrompt({ images: memoryImages(), network });
}, 4 * MINUTES);

afterAll(() => guest.end());

it('has an address, a gateway, names and the web, when the reader says so', {
  timeout: 4 * MINUTES,
}, async () => {
  for (const line of [
    'netdev_add user,id=u',
    `netdev_add socket,id=a,listen=:${PORT}`,
    'netdev_add hubport,id=h1,hubid=0,netdev=u',
    'netdev_add hubport,id=h2,hubid=0,netdev=a',
    `netdev_add socket,id=b,connect=localhost:${PORT}`,
    'device_add virtio-net-pci,netdev=b,id=nic0',
  ]) {
    expect(await guest.hmp(line), line).toBe('');
  }
  await guest.ask(waitFor('ip link set eth0 up 2> /dev/null', 0.02));
  expect(await guest.hmp('info network')).toMatch(/a: .*socket: connection from 127\.0\.0\.1:\d+\n/);
  const setUp = 'udhcpc -n -q -i eth0 2>&1 | tail -n 1; ping -c1 10.0.2.2 | grep -c "1 packets received"';
  expect(await guest.ask(setUp)).toMatch(/10\.0\.2\.15.*\n1$/);
  const get = (host: string): string => `wget -q -O - http://${host}/x 2>&1 | md5sum`;
  const sum = createHash('md5').update(PAGE).digest('hex');
  expect(await guest.ask(get('www.example.org'))).not.toContain(sum);
  expect([asked, notices.map(({ action }) => action)]).toEqual([[], ['outside']]);
  outside.set(true);
  expect(await guest.ask(get('www.example.org'))).toContain(sum);
  expect(await guest.ask('wget -q -O - http://other.example.org/ 2>&1')).toContain('502 Not readable');
  expect(asked[0]).toBe('http://www.example.org/x');
  expect(await guest.ask('wget -q -O - http://nobody.local/ 2>&1')).toContain('bad address');
  // Another port is shut, whatever the reader says.
  expect(await guest.ask('wget -q -O - http://www.example.org:8080/ 2>&1')).toContain('refused');
  expect(notices.map(({ key }) => key)).toEqual(['outside', 'outside-tcp']);
});

it('loses the wire while it is in use, and the card too', { timeout: 4 * MINUTES }, async () => {
  await guest.run('(ping -A -q -w 2 10.0.2.2 > /tmp/ping; echo ended >> /tmp/ping) &');
  await guest.run(pause(0.1));
  expect(await guest.hmp('netdev_del b')).toBe('');
  expect(await guest.hmp('device_del nic0')).toBe('');
  while ((await guest.event('DEVICE_DELETED')).event !== 'DEVICE_DELETED');
  await guest.run(waitFor('grep -q ended /tmp/ping'));
  expect(await guest.ask('ls /sys/class/net')).toBe('lo');
  expect(await guest.hmp('info network')).toMatch(/^hub 0\n \\ h2: a: index=0,type=socket,\n/);
});
