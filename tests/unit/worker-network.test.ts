/** The page's network: who is there for the guest, and who is not. */
import { afterEach, describe, expect, it } from 'vitest';
import type { TcpEvents, TcpSocket } from '../../src/emu/index.ts';
import { HostNames, isOutsideName } from '../../src/workers/net/host-names.ts';
import { HttpRequestReader } from '../../src/workers/net/http-request.ts';
import { answerName } from '../../src/workers/net/name-server.ts';
import { Outside } from '../../src/workers/net/outside.ts';
import { PageNetHost, type PageNetWorld } from '../../src/workers/net/page-net-host.ts';
import { answerTime } from '../../src/workers/net/time-server.ts';
import type { RelaySocket } from '../../src/workers/net/web-socket-relay.ts';
import type { Notice } from '../../src/workers/protocol.ts';
import { FakeLockManager } from '../support/lock-manager.ts';
import { seededRandom } from '../support/seeded-random.ts';

const OUTSIDE = 0x5db8_d822;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a connection told, in words. */
function listener() {
  const log: string[] = [];
  let received = '';
  const events: TcpEvents = {
    connected: () => void log.push('connected'),
    data(bytes) {
      received += new TextDecoder().decode(bytes);
    },
    end: () => void log.push('end'),
    drain() {},
    closed: (failure) => void log.push(`closed ${failure ?? ''}`),
  };
  return { log, events, text: () => received };
}

interface Fetched {
  readonly url: string;
  readonly init: RequestInit;
}

function page(parts: Partial<PageNetWorld> & { readonly site?: (url: string) => Response | undefined } = {}) {
  const notices: Notice[] = [];
  const outside = new Outside((notice) => notices.push(notice));
  const fetched: Fetched[] = [];
  const { site = () => new Response('hello'), ...others } = parts;
  const host = new PageNetHost({
    fetch: async (url, init) => {
      fetched.push({ url, init });
      const response = site(url);
      if (response === undefined) throw new TypeError('Failed to fetch');
      return response;
    },
    ownUrl: new URL('http://pc.example/guest/'),
    locks: undefined,
    outside,
    connectRelay: () => {
      throw new Error('no relay');
    },
    nowMs: () => 0,
    wake() {},
    ...others,
  });
  return { host, outside, notices, fetched };
}

/** Sends a request, and waits for all that is answered. */
async function ask({ host, outside }: ReturnType<typeof page>, request: string): Promise<string> {
  outside.set(true);
  const { log, events, text } = listener();
  const socket = host.connectTcp({ address: OUTSIDE, port: 80 }, events);
  await expect.poll(() => log).toContain('connected');
  socket?.write(bytesOf(request));
  await expect.poll(() => log).toContain('end');
  return text();
}

const get = (host: string, path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

describe('names', () => {
  it('of the outside have an address each, and others none', () => {
    const names = new HostNames();
    const one = names.addressOf('Example.org');
    expect([names.addressOf('example.org'), names.nameOf(one ?? 0)]).toEqual([one, 'example.org']);
    expect(names.addressOf('www.example.org')).not.toBe(one);
    expect(names.addressOf('localhost')).toBe(0x7f00_0001);
    const none = ['router', 'router.local', 'a.localhost', 'nas.home.arpa', '10.0.0.1', 'a..b', '-a.org', ''];
    expect(none.map((name) => [name, isOutsideName(name)])).toEqual(none.map((name) => [name, false]));
  });
  it('have a bound: the oldest gives its address to the newest', () => {
    const names = new HostNames();
    const first = names.addressOf('n0.example.org') ?? 0;
    for (let n = 1; n <= 4096; n++) names.addressOf(`n${n}.example.org`);
    expect(names.nameOf(first)).toBe('n4096.example.org');
  });
});

/** A question for a name. */
function question(name: string, type = 1, flags = 0x0100): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...bytesOf(label)]);
  const head = [0x12, 0x34, flags >> 8, flags & 0xff, 0, 1, 0, 0, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...labels, 0, 0, type, 0, 1]);
}

describe('the name server', () => {
  const names = new HostNames();
  const hexOf = (query: Uint8Array): string => Buffer.from(answerName(query, names) ?? []).toString('hex');
  it('answers for addresses, for names, and that there is none', () => {
    const asked = Buffer.from(question('a.example')).subarray(12).toString('hex');
    expect(hexOf(question('a.example'))).toBe(
      `123481800001000100000000${asked}c00c000100010000003c0004c6120001`,
    );
    // It has no address of IPv6, but it is there.
    expect(hexOf(question('a.example', 28)).slice(0, 24)).toBe('123481800001000000000000');
    expect(hexOf(question('router')).slice(0, 24)).toBe('123481830001000000000000');
    const back = Buffer.from('\u0001a\u0007example\0').toString('hex');
    expect(hexOf(question('1.0.18.198.in-addr.arpa', 12))).toContain(`000c00010000003c000b${back}`);
    expect(hexOf(question('9.0.18.198.in-addr.arpa', 12)).slice(4, 8)).toBe('8183');
    expect(hexOf(question('a.example', 1, 0x2800)).slice(4, 8)).toBe('8084');
  });
  it('says nothing to what is no question, and takes anything', () => {
    expect(answerName(question('a.example', 1, 0x8000), names)).toBeUndefined();
    expect(answerName(new Uint8Array(11), names)).toBeUndefined();
    const random = seededRandom(3);
    let least = 12;
    for (let n = 0; n < 10_000; n++) {
      const query = question('a.example');
      for (let change = 0; change < 3; change++) query[random(query.length)] = random(256);
      const answer = answerName(query.subarray(0, random(query.length + 1)), names);
      least = Math.min(least, answer?.length ?? least);
    }
    expect(least).toBe(12);
  });
});

it('the time server gives the browser’s time', () => {
  const query = new Uint8Array(48);
  query[0] = 0x23;
  query.fill(7, 40);
  const answer = Buffer.from(answerTime(query, 1_700_000_000_250) ?? []);
  expect([answer[0], answer[1], answer.readUInt32BE(40), answer.readUInt32BE(44)]).toEqual([
    ...[0x24, 2, 1_700_000_000 + 2_208_988_800, 0x4000_0000],
  ]);
  expect(answer.subarray(24, 32)).toEqual(Buffer.alloc(8, 7));
  expect(answerTime(answer, 0)).toBeUndefined();
});

describe('requests', () => {
  const read = (text: string, size = text.length) => {
    const reader = new HttpRequestReader();
    for (let at = 0; at < text.length; at += size) {
      const made = reader.take(bytesOf(text.slice(at, at + size)));
      if (made !== undefined) return made;
    }
    return undefined;
  };
  it('come in pieces, with a body', () => {
    const text = 'POST /a?b HTTP/1.0\r\nHost: x.org\r\nContent-Length: 5\r\n\r\nhello and more';
    for (const size of [1, 7, 1000]) {
      const made = read(text, size);
      expect(made).toMatchObject({ method: 'POST', target: '/a?b' });
      expect(made !== undefined && 'body' in made && new TextDecoder().decode(made.body)).toBe('hello');
    }
  });
  it.each([
    ['GET http://x.org/ HTTP/1.1\r\n\r\n', 400],
    ['GET /\u0001 HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/2\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nfoo\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n', 413],
    ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 411],
    [`GET / HTTP/1.1\r\n${'a'.repeat(40_000)}`, 431],
  ])('that are none: %j', (text, status) => {
    expect(read(text)).toMatchObject({ status });
  });
});

describe('the web', () => {
  it('is shut until the reader opens it, and tells once that it is', () => {
    const { host, outside, notices } = page();
    const { events } = listener();
    const there = { address: OUTSIDE, port: 80 };
    expect([host.connectTcp(there, events), host.connectTcp(there, events)]).toEqual([undefined, undefined]);
    expect(notices.map(({ action }) => action)).toEqual(['outside']);
    outside.set(true);
    expect(host.connectTcp(there, events)).toBeDefined();
    // Anything but the web has no way out at all.
    expect(host.connectTcp({ address: OUTSIDE, port: 22 }, events)).toBeUndefined();
    expect(notices.map(({ key }) => key)).toEqual(['outside', 'outside-tcp']);
    outside.set(false);
    expect(host.connectTcp(there, events)).toBeUndefined();
  });
  it('is asked without cookies and without this page’s address', async () => {
    const web = page({
      site: () => new Response('hello', { headers: { 'content-type': 'text/plain', 'x-other': 'no' } }),
    });
    const answer = await ask(web, 'GET /a?b HTTP/1.1\r\nHost: x.org\r\nCookie: a=b\r\nAccept: */*\r\n\r\n');
    expect(answer).toBe('HTTP/1.1 200 \r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nhello');
    const [{ url, init } = { url: '', init: {} }] = web.fetched;
    expect(url).toBe('http://x.org/a?b');
    expect(init).toMatchObject({ credentials: 'omit', referrerPolicy: 'no-referrer', redirect: 'error' });
    expect(init.headers).toEqual([['accept', '*/*']]);
  });
  it('of a site that does not let it be read, or sends elsewhere, is said so', async () => {
    const web = page({ site: () => undefined });
    expect(await ask(web, get('x.org'))).toMatch(/^HTTP\/1.1 502 Not readable.*CORS[\s\S]*x\.org/);
    expect(web.fetched.map(({ url }) => url)).toEqual(['http://x.org/', 'https://x.org/']);
    // Under https nothing else is asked for.
    const secure = page({ site: () => undefined, ownUrl: new URL('https://pc.example/') });
    await ask(secure, get('x.org'));
    expect(secure.fetched.map(({ url }) => url)).toEqual(['https://x.org/']);
  });
  it.each([
    ...['pc.example', 'localhost', '127.0.0.1', '127.1', '0x7f.1', '2130706433', '192.168.1.1', '10.0.0.1'],
    ...['router', 'router.local', '169.254.169.254', '0.0.0.0', 'example.org.', '198.18.0.1', '224.0.0.1'],
  ])('is not where the reader’s browser is at home: %s', async (name) => {
    const web = page();
    expect(await ask(web, get(name))).toMatch(/^HTTP\/1.1 403 /);
    expect(web.fetched).toEqual([]);
  });
  it.each(['x.org:8080', '[::1]', 'x.org@y.org', 'a b', ''])('is asked by a name: %j', async (name) => {
    const web = page();
    expect(await ask(web, get(name))).toMatch(/^HTTP\/1.1 400 /);
    expect(web.fetched).toEqual([]);
  });
  it('brings a body as fast as the guest takes it, and ends with the connection', async () => {
    let pulled = 0;
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // As from a network: not in the same turn.
        await new Promise((resolve) => setTimeout(resolve, 0));
        controller.enqueue(new Uint8Array(1000).fill(++pulled));
      },
      cancel() {
        isCancelled = true;
      },
    });
    const { host, outside } = page({ site: () => new Response(body) });
    outside.set(true);
    const { log, events, text } = listener();
    const socket = host.connectTcp({ address: OUTSIDE, port: 80 }, events);
    await expect.poll(() => log).toContain('connected');
    socket?.pause();
    socket?.write(bytesOf(get('x.org')));
    await expect.poll(() => text()).toContain('\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([text().length < 200, pulled < 3]).toEqual([true, true]);
    socket?.resume();
    await expect.poll(() => text().length).toBeGreaterThan(5000);
    socket?.destroy();
    await expect.poll(() => isCancelled).toBe(true);
  });
  it('breaks off where the site does', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('gone')),
    });
    const { host, outside } = page({ site: () => new Response(body) });
    outside.set(true);
    const { log, events } = listener();
    const socket = host.connectTcp({ address: OUTSIDE, port: 80 }, events);
    socket?.write(bytesOf(get('x.org')));
    await expect.poll(() => log).toContain('closed reset');
  });
});

describe('datagrams', () => {
  it('are answered inside, where they ask for a name or the time, and else are lost', async () => {
    const { host } = page();
    const heard: string[] = [];
    const socket = host.openUdp((bytes, { address, port }) =>
      heard.push(`${bytes.length} ${address} ${port}`),
    );
    socket.send(question('x.org'), { address: host.nameServer, port: 53 });
    const time = new Uint8Array(48);
    time[0] = 0x23;
    socket.send(time, { address: OUTSIDE, port: 123 });
    socket.send(time, { address: OUTSIDE, port: 124 });
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toEqual([`39 ${host.nameServer} 53`, `48 ${OUTSIDE} 123`]);
    socket.send(time, { address: OUTSIDE, port: 123 });
    socket.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(heard.length).toBe(2);
  });
});

describe('a relay', () => {
  class Wire implements RelaySocket {
    binaryType: BinaryType = 'blob';
    readyState: RelaySocket['readyState'] = 0;
    readonly bufferedAmount = 5;
    readonly sent: unknown[] = [];
    isClosed = false;
    onopen: ((event: Event) => void) | null = null;
    onmessage: ((event: MessageEvent) => void) | null = null;
    onclose: ((event: CloseEvent) => void) | null = null;
    send(data: unknown): void {
      this.sent.push(data);
    }
    close(): void {
      this.isClosed = true;
    }
  }
  it('is connected when the reader says so, and no longer', async () => {
    const wires: Wire[] = [];
    const connectRelay = (): Wire => {
      const wire = new Wire();
      wires.push(wire);
      return wire;
    };
    const { host, outside, notices } = page({ connectRelay });
    const log: string[] = [];
    const relay = host.openRelay('wss://x.org/', {
      opened: () => void log.push('opened'),
      frame: (bytes) => void log.push(`frame ${bytes.join(' ')}`),
      closed: () => void log.push('closed'),
    });
    await expect.poll(() => notices.length).toBe(1);
    expect(wires.length).toBe(0);
    outside.set(true);
    const [wire] = wires;
    relay.send(Uint8Array.of(1));
    Object.assign(wire ?? {}, { readyState: 1 });
    wire?.onopen?.(new Event('open'));
    relay.send(Uint8Array.of(2));
    wire?.onmessage?.(new MessageEvent('message', { data: Uint8Array.of(3, 4).buffer }));
    wire?.onmessage?.(new MessageEvent('message', { data: 'text' }));
    expect([log, wire?.sent, wire?.binaryType]).toEqual([
      ...[['opened', 'frame 3 4'], [Uint8Array.of(2)], 'arraybuffer'],
    ]);
    outside.set(false);
    expect([log.at(-1), wire?.isClosed]).toEqual(['closed', true]);
    wire?.onclose?.(new Event('close') as CloseEvent);
    expect(log.length).toBe(3);
  });
});

describe('tabs of one site', () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  function tabs() {
    const manager = new FakeLockManager();
    const make = () => {
      const locks = manager.tab();
      return { locks, ...page({ locks }) };
    };
    return [make(), make()] as const;
  }
  const port = 40_000 + (process.pid % 20_000);
  const at = { address: 0, port };
  const to = { address: 0x7f00_0001, port };

  it('connect to each other, talk, and end', async () => {
    const [one, other] = tabs();
    const called = listener();
    let accepted: TcpSocket | undefined;
    const made = await one.host.listenTcp(at, (socket) => {
      accepted = socket;
      return called.events;
    });
    if ('close' in made) open.push(made);
    expect(await other.host.listenTcp(at, () => undefined)).toEqual({ failure: 'Address already in use' });
    const caller = listener();
    const socket = other.host.connectTcp(to, caller.events);
    await expect.poll(() => caller.log).toEqual(['connected']);
    socket?.write(bytesOf('hello'));
    expect(socket?.queuedBytes).toBe(5);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(called.text()).toBe('');
    accepted?.resume();
    await expect.poll(() => called.text()).toBe('hello');
    await expect.poll(() => socket?.queuedBytes).toBe(0);
    accepted?.write(bytesOf('hi'));
    accepted?.end();
    await expect.poll(() => [caller.text(), caller.log]).toEqual(['hi', ['connected', 'end']]);
    socket?.end();
    await expect.poll(() => called.log).toEqual(['end', 'closed ']);
    expect(caller.log.at(-1)).toBe('closed ');
  });
  it('are refused where nobody listens, and see each other die', async () => {
    const [one, other] = tabs();
    const caller = listener();
    other.host.connectTcp(to, caller.events);
    await expect.poll(() => caller.log).toEqual(['closed refused']);
    const called = listener();
    const made = await one.host.listenTcp(at, (socket) => {
      socket.resume();
      return called.events;
    });
    if ('close' in made) open.push(made);
    const next = listener();
    other.host.connectTcp(to, next.events);
    await expect.poll(() => next.log).toEqual(['connected']);
    one.locks.kill();
    await expect.poll(() => next.log, { timeout: 3000 }).toEqual(['connected', 'closed reset']);
  });
  it('tell each other that they go', async () => {
    const [one, other] = tabs();
    const made = await one.host.listenTcp(at, (socket) => {
      setTimeout(() => socket.destroy(), 5);
      return listener().events;
    });
    if ('close' in made) open.push(made);
    const caller = listener();
    other.host.connectTcp(to, caller.events);
    await expect.poll(() => caller.log.at(-1)).toMatch(/^closed re/);
  });
  it('send datagrams, to one and to a group', async () => {
    const [one, other] = tabs();
    const heard: string[] = [];
    const bound = await one.host.bindUdp(at, (bytes, from) => {
      heard.push(new TextDecoder().decode(bytes));
      if ('send' in bound) bound.send(bytesOf('back'), from);
    });
    expect(await other.host.bindUdp(at, () => {})).toEqual({ failure: 'Address already in use' });
    const socket = other.host.openUdp((bytes) => heard.push(new TextDecoder().decode(bytes)));
    socket.send(bytesOf('there'), to);
    await expect.poll(() => heard).toEqual(['there', 'back']);
    const group = { address: 0xe600_0001, port: 1234 };
    const [a, b] = [
      await one.host.joinGroup(group, 0, (bytes) => heard.push(`a ${bytes.length}`)),
      await other.host.joinGroup(group, 0, (bytes) => heard.push(`b ${bytes.length}`)),
    ];
    if ('send' in a) a.send(bytesOf('x'), group);
    await expect.poll(() => heard.at(-1)).toBe('b 1');
    for (const one of [bound, socket, a, b]) if ('close' in one) one.close();
  });
});
