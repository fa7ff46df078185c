/** The back end `socket`: frames in TCP, UDP and messages of a relay. */
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { NetClient, type Packet } from '../../src/emu/net/net-client.ts';
import { NET_HOST } from '../../src/emu/net/net-host.ts';
import { readNetdev } from '../../src/emu/net/netdev-options.ts';
import { Network } from '../../src/emu/net/network.ts';
import { FRAME_MAX, FrameReader, frameBytes } from '../../src/emu/net/socket/frame-stream.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { CLOCK, ENTROPY, Services } from '../../src/emu/qdev/services.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { TestNetHost, TestTcpSocket } from '../support/test-net-host.ts';

const LOOPBACK = 0x7f00_0001;

async function wireRig(options: string) {
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const host = new TestNetHost();
  const services = new Services()
    .provide(CLOCK, clock)
    .provide(NET_HOST, host)
    .provide(ENTROPY, { random: (target) => target.fill(1) });
  const network = new Network(services);
  const add = (text: string) => network.addNetdev(readNetdev(parseOptions(text, 'type', () => {})));
  const client = await add(`socket,id=s,${options}`);
  const heard: Packet[] = [];
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
  network.addNic({ client: card, path: '/machine/card' }, client);
  const pass = (ns = 0): readonly Packet[] => {
    time.ns += ns;
    while (clock.nextDeadlineNs() <= time.ns) clock.runDue();
    return heard.splice(0);
  };
  /** Somebody connects to the port. */
  const call = (port: number) => {
    const socket = new TestTcpSocket({ address: LOOPBACK, port }, NOBODY);
    const events = host.listening.get(1234)?.(socket, { address: LOOPBACK, port });
    return { socket, events };
  };
  return { network, host, client, card, ready, pass, call, add };
}

const NOBODY = { connected() {}, data() {}, end() {}, drain() {}, closed() {} };
const packet = (first: number, length = 60): Packet => new Uint8Array(length).fill(first);

describe('frames in a stream', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    const random = seededRandom(7);
    const frames = Array.from({ length: 200 }, (_, n) => packet(n & 0xff, random(2000)));
    const stream = Buffer.concat(frames.map(frameBytes));
    const reader = new FrameReader();
    const out: Packet[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + random(3000);
      out.push(...(reader.take(stream.subarray(at, end)) ?? []));
      at = end;
    }
    const hex = (packets: readonly Packet[]) => packets.map((one) => Buffer.from(one).toString('hex'));
    expect(hex(out)).toEqual(hex(frames));
  });
  it('have a bound', () => {
    const longest = frameBytes(packet(1, FRAME_MAX));
    expect(new FrameReader().take(longest)?.length).toBe(1);
    expect(new FrameReader().take(frameBytes(packet(1, FRAME_MAX + 1)))).toBeUndefined();
  });
});

describe('listen=', () => {
  it('serves one, has others wait, and loses what nobody is there for', async () => {
    const { client, card, pass, call } = await wireRig('listen=:1234');
    expect([client.linkDown, client.spec.info()]).toEqual([true, '']);
    card.send(packet(1));
    const one = call(5001);
    const other = call(5002);
    expect(client.spec.info()).toBe('socket: connection from 127.0.0.1:5001');
    card.send(packet(2));
    expect(one.socket.written).toEqual([0, 0, 0, 60, ...packet(2)]);
    one.events?.data(frameBytes(packet(3)));
    expect(pass()).toEqual([packet(3)]);
    one.events?.end();
    expect([one.socket.log.at(-1), client.spec.info()]).toEqual([
      'destroy',
      'socket: connection from 127.0.0.1:5002',
    ]);
    other.events?.closed('reset');
    expect([client.linkDown, client.spec.info()]).toEqual([true, '']);
  });
  it('turns away whom it has no place for, and whoever does not speak in frames', async () => {
    const { call, client } = await wireRig('listen=:1234');
    const calls = Array.from({ length: 18 }, (_, n) => call(6000 + n));
    expect(calls.map(({ events }) => events !== undefined)).toEqual([...new Array(17).fill(true), false]);
    calls[3]?.events?.closed();
    calls[0]?.events?.data(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    expect(calls[0]?.socket.log.at(-1)).toBe('destroy');
    expect(client.spec.info()).toBe('socket: connection from 127.0.0.1:6001');
  });
  it('holds a sender up while the card takes nothing, and loses no frame', async () => {
    const { call, pass, ready, client } = await wireRig('listen=:1234');
    const { socket, events } = call(5001);
    ready.on = false;
    for (let n = 0; n < 300; n++) events?.data(frameBytes(packet(n & 0xff)));
    expect([pass().length, socket.log]).toEqual([0, ['resume', 'pause']]);
    ready.on = true;
    client.resume();
    expect([pass().length, socket.log]).toEqual([300, ['resume', 'pause', 'resume']]);
  });
  it('takes a port that is free, and gives it back', async () => {
    const { add, host, network } = await wireRig('listen=:1234');
    await expect(add('socket,id=t,listen=127.0.0.1:1234')).rejects.toThrow(
      "can't bind ip=127.0.0.1 to socket: Address already in use",
    );
    network.removeNetdev('s');
    expect([...host.listening.keys()]).toEqual([]);
    await add('socket,id=t,listen=localhost:1234');
  });
});

describe('connect=', () => {
  it('keeps what is sent until it is connected, and waits while too much is on its way', async () => {
    const { host, card, client } = await wireRig('connect=10.1.2.3:99');
    expect(client.spec.info()).toBe('socket: connect to 10.1.2.3:99');
    expect(card.send(packet(1))).toBe(false);
    const [socket] = host.tcp;
    socket?.events.connected();
    expect(socket?.written.length).toBe(64);
    if (socket !== undefined) socket.queuedBytes = 2 << 20;
    expect(card.send(packet(2))).toBe(false);
    if (socket !== undefined) socket.queuedBytes = 0;
    socket?.events.drain();
    expect(socket?.written.length).toBe(128);
  });
  it('is dead when nobody listens', async () => {
    const { host, client, card } = await wireRig('connect=10.1.2.3:99');
    host.tcp[0]?.events.closed('refused');
    expect([client.linkDown, client.spec.info(), card.send(packet(1)), client.heldPackets]).toEqual([
      ...[true, '', true, 0],
    ]);
  });
});

describe('fd=', () => {
  const add = async (fd: string, takesNumbers: boolean) => {
    const { host, network, add: make } = await wireRig('connect=10.1.2.3:99');
    network.takesNumbers = takesNumbers;
    host.open.set(3, new TestTcpSocket({ address: 0, port: 0 }, NOBODY));
    return { host, made: make(`socket,id=f,fd=${fd}`) };
  };

  it('is a connection that the program was started with', async () => {
    const { host, made } = await add('3', true);
    const { spec, linkDown } = await made;
    expect([spec.info(), linkDown]).toEqual(['socket: fd=3', false]);
    expect(host.open.size).toBe(0);
  });

  it.each([
    ['99', "f: Can't use file descriptor 99: Bad file descriptor"],
    ['5', "can't get socket option SO_TYPE"],
    ['6', 'this is no connection that can be taken over'],
    ...['x', '-1', '1x', '', '99999999999'].map((fd) => [fd, `Invalid file descriptor number '${fd}'`]),
  ])('%j is none, as in QEMU', async (fd = '', error = '') => {
    await expect((await add(fd, true)).made).rejects.toThrow(error);
  });

  it('is a name for a monitor', async () => {
    await expect((await add('3', false)).made).rejects.toThrow(
      "File descriptor named '3' has not been found",
    );
  });
});

describe('udp= and mcast=', () => {
  it('a frame is a datagram', async () => {
    const { host, card, pass, client, network } = await wireRig('udp=10.1.2.3:99,localaddr=:1234');
    expect(client.spec.info()).toBe('socket: udp=10.1.2.3:99');
    card.send(packet(0x41, 3));
    const [socket] = host.udp;
    expect(socket?.sent).toEqual([{ text: 'AAA', to: { address: 0x0a01_0203, port: 99 } }]);
    for (let n = 0; n < 600; n++) socket?.receive(packet(n & 0xff), { address: 1, port: 2 });
    socket?.receive(new Uint8Array(0), { address: 1, port: 2 });
    expect(pass().length).toBe(512);
    network.removeNetdev('s');
    expect(socket?.isClosed).toBe(true);
  });
  it('a group is one of the addresses that are', async () => {
    const { add, client } = await wireRig('mcast=230.0.0.1:1234');
    expect(client.spec.info()).toBe('socket: mcast=230.0.0.1:1234');
    await expect(add('socket,id=t,mcast=10.0.0.1:1')).rejects.toThrow(
      'specified mcastaddr 10.0.0.1 (0x0a000001) does not contain a multicast address',
    );
  });
});

describe('a relay', () => {
  it('takes frames as they are, and is opened again when it is lost', async () => {
    const { host, card, pass, client } = await wireRig('connect=wss://relay.example.org/x');
    const [relay] = host.relays;
    expect([relay?.url, client.linkDown]).toEqual(['wss://relay.example.org/x', true]);
    relay?.events.opened();
    card.send(packet(1));
    expect(relay?.sent).toEqual([packet(1)]);
    if (relay !== undefined) relay.queuedBytes = 2 << 20;
    expect([card.send(packet(2)), relay?.sent.length, client.dropped]).toEqual([true, 1, 1]);
    relay?.events.frame(packet(3));
    relay?.events.frame(packet(3, FRAME_MAX + 1));
    expect(pass()).toEqual([packet(3)]);
    relay?.events.closed();
    expect([client.linkDown, host.relays.length]).toEqual([true, 1]);
    pass(5e9);
    expect(host.relays.length).toBe(2);
  });
});
