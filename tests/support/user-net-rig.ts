/** The user network with a card's end of the wire in the test's hand. */
import type { CharBackend } from '../../src/emu/char/char-backend.ts';
import { CHARDEVS } from '../../src/emu/char/chardevs.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { NetClient } from '../../src/emu/net/net-client.ts';
import { NET_HOST } from '../../src/emu/net/net-host.ts';
import { readNetdev } from '../../src/emu/net/netdev-options.ts';
import { makeUserNet } from '../../src/emu/net/user/make-user-net.ts';
import type { UserNet } from '../../src/emu/net/user/user-net.ts';
import { OBJECT_TREE } from '../../src/emu/qdev/links.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { CLOCK, ENTROPY, Services } from '../../src/emu/qdev/services.ts';
import { TestNetHost } from './test-net-host.ts';

export interface UserNetRig {
  readonly net: UserNet;
  readonly host: TestNetHost;
  readonly services: Services;
  readonly time: { ns: number };
  readonly card: NetClient;
  /** Whether the card takes packets. */
  readonly ready: { on: boolean };
  /** The guest sends a frame; what it gets until there is nothing to do any more. */
  ask(frame: Uint8Array): readonly Uint8Array[];
  /** What the guest got since the last call, after so much time. */
  pass(ns?: number): readonly Uint8Array[];
}

/**
 * @param options what follows `-netdev user,id=u`
 * @param chardevs character devices that are there, by id
 */
export async function userNetRig(
  options = '',
  chardevs: Readonly<Record<string, CharBackend>> = {},
): Promise<UserNetRig> {
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const host = new TestNetHost();
  const services = new Services()
    .provide(CLOCK, clock)
    .provide(NET_HOST, host)
    .provide(OBJECT_TREE, new ObjectTree('test-machine'))
    .provide(ENTROPY, { random: (target) => target.fill(1) });
  const asked = readNetdev(parseOptions(`user,id=u${options}`, 'type', () => {}));
  if (asked.type !== 'user') throw new Error('the options are of a user network');
  for (const [id, backend] of Object.entries(chardevs)) {
    services.get(CHARDEVS).provide(id, { driver: 'test', filename: () => 'test', backend });
  }
  const net = await makeUserNet(asked, services, true);
  const heard: Uint8Array[] = [];
  const ready = { on: true };
  const card = new NetClient(
    { name: 'nic', type: 'nic', info: () => '' },
    {
      get canReceive() {
        return ready.on;
      },
      receive: (packet) => heard.push(packet) > 0,
    },
  );
  card.connect(net.client);
  const pass = (ns = 0): readonly Uint8Array[] => {
    time.ns += ns;
    while (clock.nextDeadlineNs() <= time.ns) clock.runDue();
    return heard.splice(0);
  };
  return {
    ...{ net, host, time, card, ready, pass, services },
    ask(frame) {
      card.send(frame);
      return pass();
    },
  };
}
