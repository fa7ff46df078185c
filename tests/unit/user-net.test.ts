/** The user network as a guest sees it: connections, datagrams, forwarded ports. */
import { describe, expect, it } from 'vitest';
import { CharPipe } from '../../src/emu/char/char-backend.ts';
import { CHARDEVS } from '../../src/emu/char/chardevs.ts';
import { arp, dhcp, echo, ipv4, tcp, text, udp } from '../support/guest-frames.ts';
import { seeded } from '../support/pci-rig.ts';
import { type UserNetRig, userNetRig } from '../support/user-net-rig.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
const GATEWAY = '10.0.2.2';
const LOOPBACK = 0x7f00_0001;
const GUEST_ADDRESS = 0x0a00_020f;
/** The host's first sequence number: its entropy is all ones here. */
const FIRST = 0x0101_0101;
const SECOND = 1e9;

interface Heard {
  readonly from: string;
  readonly protocol: number;
  readonly ports: readonly [number, number];
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly payload: string;
}

/** What a datagram says, read without the code that is under test. */
function read(frame: Uint8Array): Heard {
  const ip = frame.subarray(14);
  const view = new DataView(ip.buffer, ip.byteOffset, ip.byteLength);
  const protocol = view.getUint8(9);
  const segment = new DataView(ip.buffer, ip.byteOffset + 20, view.getUint16(2) - 20);
  const isTcp = protocol === 6;
  const start = isTcp ? (segment.getUint8(12) >> 4) * 4 : 8;
  return {
    from: ip.subarray(12, 16).join('.'),
    protocol,
    ports: [segment.getUint16(0), segment.getUint16(2)],
    seq: isTcp ? segment.getUint32(4) : 0,
    ack: isTcp ? segment.getUint32(8) : 0,
    flags: isTcp ? segment.getUint8(13) : 0,
    window: isTcp ? segment.getUint16(14) : 0,
    payload: new TextDecoder().decode(
      new Uint8Array(ip.buffer, ip.byteOffset + 20 + start, segment.byteLength - start),
    ),
  };
}

const flagsOf = (frames: readonly Uint8Array[]): readonly number[] =>
  frames.map((frame) => read(frame).flags);

/** A guest's end of one connection. */
function client(rig: UserNetRig, port = 1000, to = GATEWAY, toPort = 80) {
  const send = (options: Parameters<typeof tcp>[1]) =>
    rig.ask(tcp([port, toPort], options, { to })).map(read);
  return {
    send,
    syn: (window?: number) =>
      send({ seq: 100, flags: SYN, mss: 1460, ...(window === undefined ? {} : { window }) }),
    ack: (seq: number, ack: number, more: { window?: number; payload?: Uint8Array; flags?: number } = {}) =>
      send({ seq, ack, flags: ACK, ...more }),
  };
}

/** Connected, with the guest's next number 101 and the host's FIRST + 1. */
async function connected(options = '', window?: number) {
  const rig = await userNetRig(options);
  rig.ask(arp(1, '10.0.2.15', GATEWAY));
  const guest = client(rig);
  guest.syn(window);
  const [socket] = rig.host.tcp;
  if (socket === undefined) throw new Error('the host was not asked for a connection');
  socket.events.connected();
  rig.pass();
  guest.ack(101, FIRST + 1, window === undefined ? {} : { window });
  return { ...rig, guest, socket };
}

describe('a connection of the guest', () => {
  it('is made when the host has made it: to its loopback, where the guest says gateway', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    expect(client(rig).syn()).toEqual([]);
    expect(rig.host.tcp.map(({ to }) => to)).toEqual([{ address: LOOPBACK, port: 80 }]);
    rig.host.tcp[0]?.events.connected();
    const [answer] = rig.pass().map(read);
    expect(answer).toMatchObject({
      from: GATEWAY,
      ports: [80, 1000],
      seq: FIRST,
      ack: 101,
      flags: SYN | ACK,
    });
    // The guest has not heard it, and asks again.
    expect(client(rig).syn()[0]).toMatchObject({ seq: FIRST, ack: 101, flags: SYN | ACK });
  });
  it('refused by the host', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    client(rig).syn();
    rig.host.tcp[0]?.events.closed('refused');
    expect(rig.pass().map(read)[0]).toMatchObject({ flags: RST | ACK, ack: 101 });
    expect(rig.net.tcp.connections).toEqual([]);
  });
  it('to a place that is not reached: ICMP says so', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    client(rig, 1000, '9.9.9.9').syn();
    rig.host.tcp[0]?.events.closed('unreachable');
    const [frame] = rig.pass();
    expect([...(frame ?? []).subarray(14 + 20, 14 + 22)]).toEqual([3, 0]);
  });
  it('to nobody in its own network', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    expect(client(rig, 1000, '10.0.2.77').syn()[0]).toMatchObject({ flags: RST | ACK, ack: 101 });
    expect(rig.host.tcp).toEqual([]);
  });
  it('that nobody knows is reset, and a reset is not', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    expect(client(rig).ack(100, 500)[0]).toMatchObject({ flags: RST, seq: 500 });
    expect(client(rig).send({ seq: 100, flags: PSH, payload: text('abc') })[0]).toMatchObject({
      flags: RST | ACK,
      ack: 103,
    });
    expect(client(rig).send({ seq: 100, flags: RST })).toEqual([]);
  });
  it('restricted: nothing is answered, and the host is not asked', async () => {
    const rig = await userNetRig(',restrict=on');
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    expect(client(rig).syn()).toEqual([]);
    expect(rig.ask(udp([1000, 53], text('q'), { to: '10.0.2.3' }))).toEqual([]);
    expect(rig.host.tcp.length + rig.host.udp.length).toBe(0);
    expect(rig.ask(ipv4(1, echo(text('x')), { to: GATEWAY })).length).toBe(1);
  });
});

describe('data', () => {
  it('to the host is confirmed, in order only, and once', async () => {
    const { guest, socket } = await connected();
    expect(guest.ack(101, FIRST + 1, { payload: text('hello') })[0]).toMatchObject({ ack: 106, flags: ACK });
    expect(guest.ack(110, FIRST + 1, { payload: text('later') })[0]).toMatchObject({ ack: 106 });
    expect(guest.ack(103, FIRST + 1, { payload: text('llo, you') })[0]).toMatchObject({ ack: 111 });
    expect(guest.ack(101, FIRST + 1, { payload: text('hello') })[0]).toMatchObject({ ack: 111 });
    expect(socket.text).toBe('hello, you');
  });
  it('to the host waits while that has no room, and the guest is told when it has', async () => {
    const { guest, socket, pass } = await connected();
    socket.queuedBytes = 65_530;
    expect(guest.ack(101, FIRST + 1, { payload: text('hello you') })[0]).toMatchObject({
      ack: 106,
      window: 5,
    });
    expect(socket.text).toBe('hello');
    socket.queuedBytes = 0;
    socket.events.drain();
    expect(pass().map(read)[0]).toMatchObject({ ack: 106, window: 65_535, flags: ACK });
  });
  it('to the guest comes in segments, as far as its window is', async () => {
    const { guest, socket, pass } = await connected('', 3000);
    socket.events.data(new Uint8Array(5000));
    const first = pass().map(read);
    expect(first.map(({ seq, payload }) => [seq - FIRST - 1, payload.length])).toEqual([
      [0, 1460],
      [1460, 1460],
    ]);
    const rest = guest.ack(101, FIRST + 1 + 2920, { window: 3000 });
    expect(rest.map(({ payload }) => payload.length)).toEqual([1460, 620]);
  });
  it('to the guest is sent again when it is not confirmed, ever more slowly, then given up', async () => {
    const { net, socket, pass } = await connected();
    socket.events.data(text('hello'));
    expect(pass().map(read)[0]).toMatchObject({ seq: FIRST + 1, payload: 'hello', flags: ACK | PSH });
    expect(pass(0.9 * SECOND)).toEqual([]);
    expect(pass(0.1 * SECOND).map(read)[0]).toMatchObject({ seq: FIRST + 1, payload: 'hello' });
    expect(pass(1.9 * SECOND)).toEqual([]);
    expect(pass(0.1 * SECOND).length).toBe(1);
    for (let n = 0; n < 8; n++) pass(60 * SECOND);
    expect(net.tcp.connections).toEqual([]);
    expect(socket.log).toContain('destroy');
  });
  it('to the guest waits for a card without buffers, and for the host beyond a bound', async () => {
    const { card, ready, socket, pass, net } = await connected();
    ready.on = false;
    for (let n = 0; n < 4; n++) socket.events.data(new Uint8Array(40_000));
    expect(pass()).toEqual([]);
    expect(socket.log).toEqual(['pause']);
    expect(pass(3000 * SECOND)).toEqual([]);
    ready.on = true;
    card.flush();
    expect(pass().length).toBeGreaterThan(20);
    expect(net.tcp.connections.length).toBe(1);
  });
  it('to a closed window: one byte asks, and a guest that answers keeps its connection', async () => {
    const { guest, socket, pass, net } = await connected('', 0);
    socket.events.data(text('hello'));
    expect(pass()).toEqual([]);
    for (let n = 0; n < 12; n++) {
      const [probe] = pass(60 * SECOND).map(read);
      expect(probe?.payload).toBe('h');
      guest.ack(101, FIRST + 1, { window: 0 });
    }
    expect(net.tcp.connections.length).toBe(1);
    expect(guest.ack(101, FIRST + 1, { window: 1000 })[0]?.payload).toBe('hello');
  });
});

describe('the end', () => {
  it('by the guest, then by the host', async () => {
    const { guest, socket, pass, net } = await connected();
    expect(guest.ack(101, FIRST + 1, { flags: FIN | ACK })[0]).toMatchObject({ ack: 102, flags: ACK });
    expect(socket.log).toEqual(['end']);
    socket.events.data(text('bye'));
    socket.events.end();
    expect(flagsOf(pass())).toEqual([ACK | PSH, FIN | ACK]);
    expect(net.tcp.connections[0]?.stateName).toBe('LAST_ACK');
    expect(guest.ack(102, FIRST + 5)).toEqual([]);
    expect(net.tcp.connections).toEqual([]);
  });
  it('by the host, then by the guest', async () => {
    const { guest, socket, pass, net } = await connected();
    socket.events.end();
    expect(pass().map(read)[0]).toMatchObject({ flags: FIN | ACK, seq: FIRST + 1 });
    guest.ack(101, FIRST + 2);
    expect(net.tcp.connections[0]?.stateName).toBe('FIN_WAIT_2');
    expect(guest.ack(101, FIRST + 2, { flags: FIN | ACK, payload: text('x') })[0]).toMatchObject({
      ack: 103,
    });
    expect(socket.text).toBe('x');
    expect(net.tcp.connections).toEqual([]);
  });
  it('by a reset of either side; one with a wrong number is none', async () => {
    const one = await connected();
    one.guest.send({ seq: 90, flags: RST });
    expect(one.net.tcp.connections.length).toBe(1);
    one.guest.send({ seq: 101, flags: RST });
    expect([one.net.tcp.connections, one.socket.log]).toEqual([[], ['destroy']]);
    const other = await connected();
    other.socket.events.closed('reset');
    expect(flagsOf(other.pass())).toEqual([RST | ACK]);
    expect(other.net.tcp.connections).toEqual([]);
  });
  it('when the machine goes to another moment: the host is let go, the guest is told when it speaks', async () => {
    const { guest, socket, net, pass } = await connected();
    net.dropConnections();
    expect(socket.log).toEqual(['destroy']);
    expect(pass(100 * SECOND)).toEqual([]);
    net.client.peer?.peer?.resume();
    expect(guest.ack(101, FIRST + 1)[0]).toMatchObject({ flags: RST });
  });
});

describe('UDP', () => {
  it('asks the host for names, and answers come from where the guest had asked', async () => {
    const { host, ask, pass, net, time } = await userNetRig();
    ask(arp(1, '10.0.2.15', GATEWAY));
    expect(ask(udp([1000, 53], text('who'), { to: '10.0.2.3' }))).toEqual([]);
    expect(host.udp[0]?.sent).toEqual([{ text: 'who', to: { address: 0x0808_0808, port: 53 } }]);
    host.udp[0]?.receive(text('me'), { address: 0x0808_0808, port: 53 });
    expect(pass().map(read)[0]).toMatchObject({ from: '10.0.2.3', ports: [53, 1000], payload: 'me' });
    host.udp[0]?.receive(text('stranger'), { address: 0x0909_0909, port: 7 });
    expect(pass().map(read)[0]).toMatchObject({ from: '9.9.9.9', ports: [7, 1000] });
    expect(net.udp.rows().length).toBe(1);
    time.ns += 11 * SECOND;
    expect([net.udp.rows(), host.udp[0]?.isClosed]).toEqual([[], true]);
  });
  it('to nobody is answered by ICMP: no name server, or nobody in its own network', async () => {
    const { host, ask } = await userNetRig();
    host.nameServer = undefined;
    ask(arp(1, '10.0.2.15', GATEWAY));
    for (const to of ['10.0.2.3', '10.0.2.99']) {
      const [frame] = ask(udp([1000, 53], text('who'), { to }));
      expect([...(frame ?? []).subarray(34, 36)]).toEqual([3, 3]);
    }
  });
  it('large answers come in pieces', async () => {
    const { host, ask, pass } = await userNetRig();
    ask(arp(1, '10.0.2.15', GATEWAY));
    ask(udp([1000, 9], text('x'), { to: GATEWAY }));
    host.udp[0]?.receive(new Uint8Array(4000), { address: LOOPBACK, port: 9 });
    expect(pass().map((frame) => frame.length)).toEqual([1514, 1514, 1082]);
  });
});

describe('ports of the host', () => {
  const socketOf = () => ({
    ...{ queuedBytes: 0, written: [] as string[] },
    write() {},
    end() {},
    destroy() {},
    pause() {},
    resume() {},
  });
  it('lead to the guest, whose address is asked for first', async () => {
    const { host, ask, pass, net } = await userNetRig(',hostfwd=tcp::5555-:22');
    const events = host.listening.get(5555)?.(socketOf(), { address: LOOPBACK, port: 777 });
    const [question] = pass();
    expect([...(question ?? []).subarray(0, 6)]).toEqual([255, 255, 255, 255, 255, 255]);
    const [syn] = ask(arp(2, '10.0.2.15', GATEWAY)).map(read);
    expect(syn).toMatchObject({ from: GATEWAY, ports: [777, 22], flags: SYN, seq: FIRST });
    const answer = { seq: 500, ack: FIRST + 1, flags: SYN | ACK, mss: 1460 };
    expect(ask(tcp([22, 777], answer, { to: GATEWAY })).map(read)[0]).toMatchObject({ flags: ACK, ack: 501 });
    events?.data(text('ssh'));
    expect(pass().map(read)[0]?.payload).toBe('ssh');
    expect(net.forwards.remove('tcp', { address: 0, port: 5555 })).toBe(true);
    expect(host.listening.size).toBe(0);
  });
  it('of UDP: the guest answers who spoke last', async () => {
    const { host, ask, pass } = await userNetRig(',hostfwd=udp::5555-:53');
    ask(arp(1, '10.0.2.15', GATEWAY));
    host.udp[0]?.receive(text('ask'), { address: LOOPBACK, port: 777 });
    expect(pass().map(read)[0]).toMatchObject({ from: GATEWAY, ports: [777, 53], payload: 'ask' });
    ask(udp([53, 777], text('answer'), { to: GATEWAY }));
    expect(host.udp[0]?.sent).toEqual([{ text: 'answer', to: { address: LOOPBACK, port: 777 } }]);
  });
  it('that are taken: nothing is made', async () => {
    await expect(userNetRig(',hostfwd=tcp::5-:22,hostfwd=tcp::5-:23')).rejects.toThrow(
      "Could not set up host forwarding rule 'tcp::5-:23'",
    );
  });
});

describe('a guest that', () => {
  it('opens connections and more: a bound, and the rest refused', async () => {
    const rig = await userNetRig();
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    for (let port = 1; port <= 300; port++) client(rig, port).syn();
    expect(rig.net.tcp.connections.length).toBe(256);
    expect(client(rig, 999).syn()[0]).toMatchObject({ flags: RST | ACK });
    for (let port = 1; port <= 300; port++) rig.ask(udp([port, 9], text('x'), { to: GATEWAY }));
    expect(rig.net.udp.rows().length).toBe(256);
    expect(rig.host.udp.filter(({ isClosed }) => !isClosed).length).toBe(256);
  });
  it('sends pieces backwards is answered; one that never ends them is forgotten', async () => {
    const { ask } = await userNetRig();
    ask(arp(1, '10.0.2.15', GATEWAY));
    const whole = echo(new Uint8Array(2000));
    for (let ident = 0; ident < 100; ident++) {
      expect(ask(ipv4(1, whole.subarray(1480), { to: GATEWAY, ident, fragment: 185 }))).toEqual([]);
    }
    expect(ask(ipv4(1, whole.subarray(0, 1480), { to: GATEWAY, ident: 0, fragment: 0x2000 }))).toEqual([]);
    expect(ask(ipv4(1, whole.subarray(0, 1480), { to: GATEWAY, ident: 99, fragment: 0x2000 })).length).toBe(
      2,
    );
  });
  it('sends anything: nothing throws, and what waits is bounded', async () => {
    const { ask, host, pass, net } = await userNetRig(',hostfwd=tcp::5-:22');
    const random = seeded(11);
    const starts = [
      dhcp({ type: 1 }),
      arp(1, '10.0.2.15', GATEWAY),
      ipv4(1, echo(text('hello')), { to: GATEWAY }),
      udp([1000, 53], text('q'), { to: '10.0.2.3' }),
      tcp([1000, 80], { seq: 100, flags: SYN, mss: 1460 }, { to: GATEWAY }),
      tcp([1000, 80], { seq: 101, ack: FIRST + 1, flags: ACK, payload: text('x') }, { to: GATEWAY }),
    ];
    for (let n = 0; n < 20_000; n++) {
      const frame = (starts[random() % starts.length] ?? new Uint8Array(0)).slice(
        0,
        random() % 4 === 0 ? random() % 80 : 2000,
      );
      for (let change = random() % 3; change > 0; change--) frame[random() % frame.length] = random();
      ask(frame);
      const socket = host.tcp.at(-1);
      if (random() % 50 === 0) socket?.events.connected();
      if (random() % 50 === 0) socket?.events.data(new Uint8Array(random() % 3000));
      if (random() % 100 === 0) pass(SECOND);
    }
    expect(net.tcp.connections.length).toBeLessThanOrEqual(256);
    expect(net.client.peer?.peer).toBe(net.client);
    expect(GUEST_ADDRESS).toBe(net.config.firstGuest);
  });
});

describe('a place in the guest’s network with a device of the host’s', () => {
  async function placeRig(options = '') {
    let written = '';
    const pipe = new CharPipe((bytes) => {
      written += new TextDecoder().decode(bytes);
    });
    const rig = await userNetRig(`${options},guestfwd=tcp:10.0.2.100:7-chardev:c1`, { c1: pipe });
    rig.ask(arp(1, '10.0.2.15', GATEWAY));
    const connected = (port: number) => {
      const guest = client(rig, port, '10.0.2.100', 7);
      expect(guest.send({ seq: 100, flags: SYN }).map(({ flags }) => flags)).toEqual([SYN | ACK]);
      guest.send({ seq: 101, ack: FIRST + 1, flags: ACK });
      return guest;
    };
    const heard = () => rig.pass().map(read);
    return { rig, pipe, connected, heard, written: () => written };
  }
  it('takes what the guest sends, and gives what the device has to who came last', async () => {
    const { pipe, connected, heard, written } = await placeRig(',restrict=on');
    pipe.send(text('early'));
    const one = connected(1000);
    expect(heard().map(({ payload }) => payload)).toEqual([]);
    one.send({ seq: 101, ack: FIRST + 6, flags: ACK | PSH, payload: text('hello') });
    expect([written(), pipe.pending]).toEqual(['hello', 0]);
    connected(1001);
    pipe.send(text('there'));
    expect(heard().map(({ ports, payload }) => [ports[1], payload])).toEqual([[1001, 'there']]);
  });
  it('is there after a connection, and goes with the network', async () => {
    const { rig, pipe, connected, heard } = await placeRig();
    const one = connected(1000);
    const ended = one.send({ seq: 101, ack: FIRST + 1, flags: FIN | ACK });
    expect(ended.map(({ flags, ack }) => [flags, ack])).toEqual([
      [ACK, 102],
      [FIN | ACK, 102],
    ]);
    one.send({ seq: 102, ack: FIRST + 2, flags: ACK });
    expect(rig.net.tcp.connections).toEqual([]);
    connected(1001);
    pipe.send(text('again'));
    expect(heard().map(({ payload }) => payload)).toEqual(['again']);
    rig.net.close();
    expect(rig.services.get(CHARDEVS).ids()).toEqual([]);
  });
  it('starts no commands', async () => {
    await expect(userNetRig(',guestfwd=tcp:10.0.2.9:7-cmd:reboot')).rejects.toThrow('starts no commands');
  });
});

describe('TFTP', () => {
  const ask = (port: number, name: string) =>
    udp([port, 69], text(`\0\u0001${name}\0octet\0`), { to: GATEWAY });
  const turn = () => new Promise(setImmediate);
  it('serves so many clients at once; a silent one makes room', async () => {
    const { ask: send, host, pass } = await userNetRig(',tftp=f');
    send(arp(1, '10.0.2.15', GATEWAY));
    host.files.set('f/a', 'x'.repeat(600));
    for (let n = 0; n < 25; n++) send(ask(2000 + n, 'a'));
    await turn();
    expect(pass().map((frame) => read(frame).ports[1])).toEqual(
      Array.from({ length: 20 }, (_, n) => 2000 + n),
    );
    pass(6e9);
    send(ask(3000, 'a'));
    await turn();
    expect(pass().length).toBe(1);
    expect(host.closedFiles.length).toBe(1);
  });
  it('sends a block again, and none twice for one that was confirmed twice', async () => {
    const { ask: send, host, pass } = await userNetRig(',tftp=f');
    send(arp(1, '10.0.2.15', GATEWAY));
    host.files.set('f/a', `${'x'.repeat(512)}${'y'.repeat(512)}z`);
    const heard: string[] = [];
    const ack = (block: number) => udp([2000, 69], Uint8Array.of(0, 4, 0, block), { to: GATEWAY });
    for (const frame of [ask(2000, 'a'), ack(1), ack(1), ack(0), ack(2), ack(3)]) {
      send(frame);
      await turn();
      heard.push(
        pass()
          .map((one) => read(one).payload.slice(3, 5))
          .join(),
      );
    }
    expect(heard).toEqual(['\u0001x', '\u0002y', '\u0002y', '', '\u0003z', '']);
    expect(host.closedFiles).toEqual(['a']);
  });
});
