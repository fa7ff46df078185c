/** Network cards on PCI, each driven by Linux's own driver: hot-added, used, saved and restored, and unplugged while they work. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pause } from '../support/guest-waits.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { snapshotBytes } from '../support/snapshots.ts';
import { TestNetHost, type TestTcpSocket } from '../support/test-net-host.ts';

const MINUTES = 60_000;

interface Card {
  readonly model: string;
  readonly driver: string;
  /** Its driver looks whether the cable is there. */
  readonly hasCarrier: boolean;
}

const CARDS: readonly Card[] = [
  { model: 'e1000', driver: 'e1000', hasCarrier: true },
  // With messages its driver is told of the cable once, by QEMU 7.2 as well: reading ICR clears nothing then.
  { model: 'e1000e', driver: 'e1000e', hasCarrier: false },
  { model: 'rtl8139', driver: '8139cp', hasCarrier: true },
  { model: 'ne2k_pci', driver: 'ne2k-pci', hasCarrier: false },
  { model: 'pcnet', driver: 'pcnet32', hasCarrier: true },
];
/** Its own network for each, so that a route leads to the card that is meant. */
const gateway = (n: number): string => `10.0.${10 + n}.2`;
const PAGE = 'hello /x\n'.repeat(10_000);
const SUM = createHash('md5').update(PAGE).digest('hex');

let guest: HeadlessGuest;
const web = new TestNetHost();
const options = { images: memoryImages(), network: web, config: { icountShift: 3 } };

function serve(socket: TestTcpSocket): void {
  setTimeout(() => socket.events.connected(), 0);
  socket.onWrite = () => {
    if (!socket.text.endsWith('\r\n\r\n')) return;
    // A page that has no end is asked for where a card is to leave in the middle.
    const isEndless = socket.text.startsWith('GET /endless');
    const length = isEndless ? 2 ** 30 : PAGE.length;
    const head = `HTTP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
    setTimeout(() => {
      socket.events.data(new TextEncoder().encode(head + PAGE));
      if (!isEndless) socket.events.end();
    }, 0);
  };
}

beforeAll(async () => {
  web.onConnect = serve;
  guest = await HeadlessGuest.atPrompt(options);
}, 4 * MINUTES);

afterAll(() => guest.end());

/** The guest looks until it is so: one program for each look, and none for the test's own loop. */
const once = (condition: string): string =>
  `n=0; until ${condition} || [ $n -ge 60 ]; do ${pause(0.2)}; n=$((n+1)); done`;

const uses = (n: number): string =>
  `ping -c1 -s 3000 ${gateway(n)} | grep received; wget -q -O - http://${gateway(n)}:8080/x | md5sum`;
const USED = `1 packets transmitted, 1 packets received, 0% packet loss\n${SUM}  -`;

it.each(CARDS.map((card, n) => [card.model, card, n] as const))(
  '%s has an address, a gateway that answers, and the web',
  async (model, { driver, hasCarrier }, n) => {
    expect(await guest.hmp(`netdev_add user,id=n${n},net=10.0.${10 + n}.0/24`)).toBe('');
    expect(await guest.hmp(`device_add ${model},netdev=n${n},id=nic${n}`)).toBe('');
    const dhcp = `${once(`[ -e /sys/class/net/eth${n} ]`)}; ip link set eth${n} up; udhcpc -n -q -i eth${n} 2>&1 | grep -c "lease of 10.0.${10 + n}.15 obtained"`;
    expect(await guest.ask(`${dhcp}; ${uses(n)}; ethtool -i eth${n} | head -n 1`)).toBe(
      `1\n${USED}\ndriver: ${driver}`,
    );
    if (!hasCarrier) return;
    const carrier = `/sys/class/net/eth${n}/carrier`;
    for (const [word, level] of [
      ['off', '0'],
      ['on', '1'],
    ] as const) {
      expect(await guest.hmp(`set_link nic${n} ${word}`)).toBe('');
      expect(await guest.ask(`${once(`read c < ${carrier} && [ $c = ${level} ]`)}; echo $c`)).toBe(level);
    }
  },
  4 * MINUTES,
);

it('all of them work on after a restore', { timeout: 4 * MINUTES }, async () => {
  const bytes = await snapshotBytes(guest.machine);
  await guest.end();
  guest = await HeadlessGuest.restored(bytes, options);
  const all = CARDS.map((_, n) => uses(n)).join('; ');
  expect(await guest.ask(all)).toBe(CARDS.map(() => USED).join('\n'));
});

it('each leaves while something comes through it', { timeout: 4 * MINUTES }, async () => {
  for (const [n] of CARDS.entries()) {
    await guest.run(`(wget -q -O /dev/null http://${gateway(n)}:8080/endless &) 2> /dev/null`);
    guest.takeEvents();
    expect(await guest.hmp(`device_del nic${n}`)).toBe('');
    const left = await guest.event('DEVICE_DELETED');
    expect(left.event === 'DEVICE_DELETED' && left.data.device).toBe(`nic${n}`);
    await guest.hmp(`netdev_del n${n}`);
  }
  expect(await guest.hmp('info network')).toBe('');
  expect(await guest.ask('ls /sys/class/net; dmesg | grep -c "BUG\\|Call Trace\\|hung task"')).toBe('lo\n0');
});
