/** Clients, hubs and links, and what a snapshot has of them. */
import { describe, expect, it } from 'vitest';
import { NetClient, type Packet } from '../../src/emu/net/net-client.ts';
import { readNetdev } from '../../src/emu/net/netdev-options.ts';
import { Network } from '../../src/emu/net/network.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { CLOCK, ENTROPY, Services } from '../../src/emu/qdev/services.ts';
import { ManualClock } from '../support/chip-rig.ts';

function network(): Network {
  return new Network(
    new Services().provide(CLOCK, new ManualClock()).provide(ENTROPY, { random: (target) => target.fill(7) }),
  );
}

const netdev = (text: string) => readNetdev(parseOptions(text, 'type', () => {}));

function end(name: string) {
  const got: Packet[] = [];
  const state = { ready: true, takes: true, links: 0, resumed: 0 };
  const client = new NetClient(
    { name, type: 'nic', model: 'test', info: () => '' },
    {
      get canReceive() {
        return state.ready;
      },
      receive: (packet) => state.takes && got.push(packet) > 0,
      linkChanged: () => void state.links++,
      resume: () => void state.resumed++,
    },
  );
  return { client, got, state };
}

const packet = (first: number, length = 60): Packet => new Uint8Array(length).fill(first);

describe('a wire', () => {
  it('keeps what an end has no room for, in order', () => {
    const [one, other] = [end('a'), end('b')];
    one.client.connect(other.client);
    other.state.takes = false;
    expect([one.client.send(packet(1)), one.client.send(packet(2)), one.client.isPeerReady]).toEqual([
      ...[false, false, false],
    ]);
    other.state.takes = true;
    expect(one.client.send(packet(3))).toBe(false);
    other.client.flush();
    expect(other.got.map(([first]) => first)).toEqual([1, 2, 3]);
    expect(one.state.resumed).toBe(1);
  });
  it('has bounds, in packets and in bytes', () => {
    const [one, other] = [end('a'), end('b')];
    one.client.connect(other.client);
    other.state.ready = false;
    for (let n = 0; n < 20; n++) one.client.send(packet(n, 60_000));
    expect([other.client.heldPackets, other.client.dropped]).toEqual([17, 3]);
    other.client.purge();
    for (let n = 0; n < 1030; n++) one.client.send(packet(n));
    expect([other.client.heldPackets, other.client.dropped]).toEqual([1024, 26]);
  });
  it('that leads nowhere or is cut loses all', () => {
    const [one, other] = [end('a'), end('b')];
    expect([one.client.send(packet(1)), one.client.dropped]).toEqual([true, 1]);
    one.client.connect(other.client);
    other.client.setLink(false);
    expect([one.client.send(packet(1)), one.client.dropped, other.got.length]).toEqual([true, 2, 0]);
  });
});

describe('a hub', () => {
  it('passes on to all others; joined in a ring it does so once', async () => {
    const net = network();
    const names = ['a1', 'a2', 'a3'].map((id) => `hubport,hubid=0,id=${id}`);
    for (const text of names) await net.addNetdev(netdev(text));
    for (const id of ['b1', 'b2']) await net.addNetdev(netdev(`hubport,hubid=1,id=${id},netdev=a${id[1]}`));
    const card = end('nic');
    net.addNic({ client: card.client, path: '/card' }, net.findBackend('a3'));
    const far = end('far');
    await net.addNetdev(netdev('hubport,hubid=1,id=b3'));
    net.addNic({ client: far.client, path: '/far' }, net.findBackend('b3'));
    card.client.send(packet(1));
    // Two ways lead to the other hub.
    expect([far.got.length, card.got.length]).toEqual([2, 0]);
    far.client.send(packet(2));
    expect(card.got.length).toBe(2);
  });
  it('that no port of takes packets makes a sender wait, and go on', async () => {
    const net = network();
    for (const id of ['a', 'b']) await net.addNetdev(netdev(`hubport,hubid=0,id=${id}`));
    const [one, other] = [end('one'), end('other')];
    net.addNic({ client: one.client, path: '/one' }, net.findBackend('a'));
    net.addNic({ client: other.client, path: '/other' }, net.findBackend('b'));
    other.state.ready = false;
    expect(one.client.send(packet(1))).toBe(false);
    other.state.ready = true;
    other.client.flush();
    expect([other.got.length, one.state.resumed]).toEqual([1, 1]);
  });
});

describe('the network', () => {
  it('plugs and pulls at both ends', async () => {
    const net = network();
    await net.addNetdev(netdev('user,id=n1'));
    const card = end('nic');
    net.addNic({ client: card.client, path: '/card' }, net.findBackend('n1'));
    net.setLink('n1', false);
    expect([card.client.linkDown, card.state.links]).toEqual([true, 1]);
    net.setLink('nic', true);
    expect([card.client.linkDown, net.find('n1')?.linkDown]).toEqual([false, true]);
    net.removeNetdev('n1');
    expect([card.client.linkDown, card.client.isPeerGone]).toEqual([true, true]);
    net.removeNic(card.client);
    expect(net.clients).toEqual([]);
  });
  it('gives addresses that nobody has, and takes them back', () => {
    const { macs } = network();
    const last = (mac: Uint8Array): number | undefined => mac[5];
    const [one, other] = [macs.take(undefined), macs.take(Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x57))];
    expect([last(one), last(other), last(macs.take(undefined))]).toEqual([0x56, 0x57, 0x58]);
    macs.giveBack(one);
    expect(last(macs.take(new Uint8Array(6)))).toBe(0x56);
    for (let n = 0; n < 200; n++) macs.take(undefined);
    expect([...macs.take(undefined)]).toEqual([255, 255, 255, 255, 255, 255]);
  });
  it('is made again from what was asked for', async () => {
    const net = network();
    await net.addNetdev(netdev('user,id=n1,net=192.168.7.0/24'));
    const unnamed = await net.addUnnamed(netdev('user,id=x'));
    await net.addHubPort(unnamed);
    await net.addHubPort();
    const again = network();
    for (const request of structuredClone(net.requests)) await again.restore(request);
    const told = ({ clients }: Network) =>
      clients.map(({ name, spec, peer }) => [name, spec.info(), peer?.name]);
    expect(told(again)).toEqual(told(net));
    expect(again.requests).toEqual(net.requests);
    expect(() => again.removeNetdev(unnamed.name)).toThrow(`Device '${unnamed.name}' is not a netdev`);
  });
  it('tells where its cards are, so often and so much later each time', () => {
    const clock = new ManualClock();
    const net = new Network(
      new Services().provide(CLOCK, clock).provide(ENTROPY, { random: (target) => target.fill(7) }),
    );
    const hear = (name: string, mac: number) => {
      const [card, far] = [end(name), end('far')];
      let asked = 0;
      net.addNic(
        { client: card.client, path: name, mac: () => new Uint8Array(6).fill(mac), announce: () => asked++ },
        far.client,
      );
      return { far, asked: () => asked };
    };
    const [one, other] = [hear('nic1', 0x11), hear('nic2', 0x22)];
    const start = (rounds: number, id?: string) =>
      net.announcements.start({ initial: 50, step: 100, max: 200, rounds, interfaces: ['nic1', 'zz'], id });
    start(4);
    expect(Buffer.from(one.far.got[0] ?? []).toString('hex')).toBe(
      `ffffffffffff${'11'.repeat(6)}8035000108000604 0003${'11'.repeat(6)}00000000${'11'.repeat(6)}`
        .replace(' ', '')
        .padEnd(120, '0'),
    );
    const times: number[] = [];
    for (let ms = 1; ms <= 1000; ms++) {
      const before = one.far.got.length;
      clock.step(1e6);
      if (one.far.got.length > before) times.push(ms);
    }
    expect([times, one.asked(), other.far.got.length]).toEqual([[50, 200, 400], 4, 0]);
    start(0, 'x');
    start(3, 'x');
    start(3, 'x');
    expect(one.asked()).toBe(6);
    net.close();
    clock.step(1e10);
    expect(one.asked()).toBe(6);
  });
  it('has a bound', async () => {
    const net = network();
    for (let n = 0; n < 1024; n++) await net.addNetdev(netdev(`hubport,hubid=0,id=h${n}`));
    await expect(net.addNetdev(netdev('hubport,hubid=0,id=more'))).rejects.toThrow('no room');
    expect(net.clients.length).toBe(1024);
  });
});
