/** virtio-serial-pci and its ports as their driver sees them. What is expected was read from QEMU 7.2 through qtest. */
import { beforeEach, describe, expect, it } from 'vitest';
import { PORTION } from '../../src/emu/core/bottom-half.ts';
import type { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { checkMaxPorts } from '../../src/emu/virtio/virtio-serial.ts';
import type { VirtioSerialPort } from '../../src/emu/virtio/virtio-serial-port.ts';
import { deviceContract } from '../support/device-contract.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { LEGACY, MODERN, RINGS, VERSION_1 } from '../support/virtio-queues.ts';
import { serialRig, TestChar } from '../support/virtio-serial-rig.ts';

/** A device that has done a portion does the next one after so long. */
const PERIOD_NS = 250_000;
const DATA = 0x30000;
const DEVICE_READY = 0;
const PORT_READY = 3;
const PORT_OPEN = 6;
const text = (value: string) => new TextEncoder().encode(value);

describe('registers', () => {
  it('config space', () => {
    const { card } = serialRig();
    card.reset();
    expect(configRows(card.config.bytes).filter((row) => /^(00|20|90)/.test(row))).toEqual([
      '00: f4 1a 03 10 00 00 10 00 00 00 80 07 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 03 00',
      '90: 00 00 00 00 00 00 00 00 11 84 01 00 01 00 00 00',
    ]);
  });
  it.each([
    [{}, 0x79000006, '000000001f00000000000000ffffffff', 64],
    [{ maxPorts: 1 }, 0x79000004, '000000000100000000000000ffffffff', 4],
    [{ maxPorts: 2, emergencyWrite: false }, 0x79000002, '0000000002000000ffffffffffffffff', 6],
  ])('features, configuration and queues with %o', (properties, features, bytes, queues) => {
    const { io, mmio } = serialRig(properties);
    expect(io.read(LEGACY, 4)).toBe(features);
    const config = Array.from({ length: 16 }, (_, i) => mmio.read(MODERN + 0x2000 + i, 1));
    expect(Buffer.from(config).toString('hex')).toBe(bytes);
    expect(mmio.read(MODERN + 0x12, 2)).toBe(queues);
  });
  it('128 entries for data, 32 for control messages', () => {
    const { common, mmio } = serialRig();
    const sizes = [0, 1, 2, 3, 4, 5, 63, 64].map((queue) => {
      common(0x16, 2, queue);
      return mmio.read(MODERN + 0x18, 2);
    });
    expect(sizes).toEqual([128, 128, 32, 32, 128, 128, 128, 0]);
  });
});

describe('control messages', () => {
  it('tell the driver of ports that are plugged in, and of what they are when it asks', () => {
    const { begin, plug, control, tell, mmio } = serialRig();
    begin();
    expect(tell(0, DEVICE_READY, 1)).toEqual([]);
    plug(new TestChar(), { name: 'org.t' });
    expect(control()).toEqual(['0100000006000100', '0100000001000100']);
    expect([mmio.read(MODERN + 0x15, 1), mmio.read(MODERN + 0x1000, 1)]).toEqual([1, 3]);
    plug(new TestChar(false));
    expect(control()).toEqual(['0200000001000100']);
    plug(new TestChar(), { isConsole: true });
    expect(control()).toEqual(['0000000006000100', '0000000001000100']);
    expect(tell(9, DEVICE_READY, 1)).toEqual(['0100000001000100', '0200000001000100', '0000000001000100']);
    expect(tell(0, DEVICE_READY, 0)).toEqual([]);
    expect(tell(1, PORT_READY, 1)).toEqual(['01000000070001006f72672e7400', '0100000006000100']);
    expect(tell(2, PORT_READY, 1)).toEqual([]);
    expect(tell(0, PORT_READY, 1)).toEqual(['0000000004000100', '0000000006000100']);
    expect(tell(9, PORT_READY, 1)).toEqual([]);
    expect(tell(1, PORT_READY, 0)).toEqual([]);
  });
  it('tell the host that the guest opens and closes a port, in any value but 0', () => {
    const { begin, plug, tell, events, common } = serialRig();
    plug(new TestChar(false));
    begin();
    for (const value of [1, 0, 2]) expect(tell(1, PORT_OPEN, value)).toEqual([]);
    common(0x14, 1, 0);
    common(0x14, 1, 0);
    expect(events).toEqual(['1 true', '1 false', '1 true', '1 false']);
  });
  it('are lost when the driver has no buffer, and cut to the buffer that it has', () => {
    const { start, plug, postIn, used, bytes } = serialRig();
    start([0, 1, 2, 3], VERSION_1 | 2n);
    plug(undefined, {});
    postIn(2, DATA, 4);
    plug(undefined, {});
    expect(used(2)).toEqual([{ head: 0, written: 8 }]);
    expect(bytes(DATA, 5)).toEqual(Uint8Array.of(2, 0, 0, 0, 0));
  });
  it('a port that goes', () => {
    const { begin, plug, control, controller, postOut, kick, used } = serialRig();
    const backend = new TestChar();
    const port = plug(backend, {});
    begin();
    controller.unplug(port);
    expect([control(), backend.frontend]).toEqual([['0100000002000100'], undefined]);
    postOut(5, DATA, text('late'));
    kick(5);
    expect([used(5), backend.text]).toEqual([[{ head: 0, written: 0 }], '']);
  });
});

describe('numbers and names', () => {
  const refusal = (act: () => unknown) => {
    try {
      return act();
    } catch (error) {
      return (error as MonitorError).message;
    }
  };
  it('as QEMU gives and refuses them', () => {
    const { plug } = serialRig();
    const add = (options: Parameters<typeof plug>[1]) => refusal(() => plug(undefined, options).nr ?? 0);
    expect(add({ name: 'n1' })).toBe(1);
    expect(add({ nr: 1, name: 'n1' })).toBe('virtio-serial-bus: A port already exists at id 1');
    expect(add({ nr: 0, name: 'n1' })).toBe('virtio-serial-bus: A port already exists by name n1');
    expect(add({ nr: 0 })).toBe(
      'Port number 0 on virtio-serial devices reserved for virtconsole devices for backward compatibility.',
    );
    expect(add({ nr: 31 })).toBe('virtio-serial-bus: Out-of-range port id specified, max. allowed: 30');
    expect([add({ isConsole: true }), add({ isConsole: true }), add({})]).toEqual([0, 2, 3]);
    expect(add({ isConsole: true, nr: 0 })).toBe('virtio-serial-bus: A port already exists at id 0');
  });
  it('a full controller', () => {
    const full = (maxPorts: number) => {
      const { plug } = serialRig({ maxPorts });
      for (let n = 1; n < maxPorts; n++) plug(undefined);
      return refusal(() => plug(undefined));
    };
    expect(full(1)).toBe('virtio-serial-bus: Out-of-range port id specified, max. allowed: 0');
    expect(full(32)).toBe('virtio-serial-bus: Maximum port limit for this device reached');
  });
  it('a number of ports that no controller has', () => {
    expect([0, 1, 511, 512].map((n) => checkMaxPorts(n)?.message)).toEqual([
      'Maximum number of serial ports not specified',
      undefined,
      undefined,
      'maximum ports supported: 511',
    ]);
  });
});

describe('from the guest', () => {
  it('goes to the back end, whether or not the guest has said that the port is open', () => {
    const { begin, plug, postOut, kick, used, messages } = serialRig();
    const [port, console] = [new TestChar(), new TestChar()];
    plug(port);
    plug(console, { isConsole: true });
    begin();
    postOut(5, DATA, text('hello world'));
    kick(5);
    postOut(1, DATA + 0x100, text('console'));
    kick(1);
    expect([used(5), port.text, used(1), console.text]).toEqual([
      [{ head: 0, written: 0 }],
      'hello world',
      [{ head: 0, written: 0 }],
      'console',
    ]);
    expect(messages.at(-1)).toEqual([0xfee00000, 0x41]);
  });
  it('is dropped where nobody listens: a closed back end, none, no port', () => {
    const { begin, plug, postOut, kick, used } = serialRig();
    const closed = new TestChar(false);
    plug(closed);
    plug(undefined);
    begin();
    for (const queue of [5, 7, 9]) {
      postOut(queue, DATA, text('hello'));
      kick(queue);
      expect(used(queue)).toEqual([{ head: 0, written: 0 }]);
    }
    expect(closed.text).toBe('');
  });
  it('waits for a back end without room, and goes on where it stopped', () => {
    const { begin, plug, post, postOut, kick, used, memory } = serialRig();
    const backend = new TestChar();
    plug(backend);
    begin();
    backend.room = 3;
    memory.write(DATA, text('abcdefgh'));
    post(5, [
      { gpa: DATA, length: 2, write: false },
      { gpa: DATA + 2, length: 6, write: false },
    ]);
    kick(5);
    expect([used(5), backend.text]).toEqual([[], 'abc']);
    kick(5);
    expect([used(5), backend.text]).toEqual([[], '']);
    backend.makeRoom(4);
    expect([used(5), backend.text]).toEqual([[], 'defg']);
    backend.makeRoom(100);
    expect([used(5), backend.text]).toEqual([[{ head: 0, written: 0 }], 'h']);
    postOut(5, DATA, text('next'));
    kick(5);
    expect(backend.text).toBe('next');
  });
  it('a console does not wait: what its back end does not take is lost', () => {
    const { begin, plug, postOut, kick, used } = serialRig();
    const backend = new TestChar();
    plug(backend, { isConsole: true });
    begin();
    backend.room = 3;
    postOut(1, DATA, text('abcdef'));
    kick(1);
    expect([used(1), backend.text]).toEqual([[{ head: 0, written: 0 }], 'abc']);
  });
  it('a megabyte in pieces of any size arrives whole', () => {
    const { begin, plug, postOut, kick, used } = serialRig();
    const backend = new TestChar();
    plug(backend);
    begin();
    const random = seeded(7);
    const sent = Uint8Array.from({ length: 1 << 20 }, () => random() & 0xff);
    let done = 0;
    for (let at = 0, n = 0; at < sent.length; n++) {
      const piece = sent.subarray(at, at + 1 + (random() & 0xffff));
      postOut(5, 0x200000, piece);
      backend.room = random() & 0x3fff;
      kick(5);
      while (backend.received.length < at + piece.length) backend.makeRoom(random() & 0x7fff);
      at += piece.length;
      done += used(5).length;
      expect(done).toBe(n + 1);
    }
    expect(Buffer.from(backend.received).equals(Buffer.from(sent))).toBe(true);
  });
  it('a back end that closes drops what waits and gives every buffer back', () => {
    const { begin, plug, postOut, kick, used, control } = serialRig();
    const backend = new TestChar();
    plug(backend);
    begin();
    backend.room = 2;
    for (let n = 0; n < 5; n++) postOut(5, DATA, text('abcdef'));
    kick(5);
    backend.set(false);
    expect([used(5).length, control()]).toEqual([5, ['0100000006000000']]);
    backend.room = 100;
    backend.set(true);
    expect(control()).toEqual(['0100000006000100']);
    postOut(5, DATA, text('new'));
    kick(5);
    expect(backend.text).toBe('abnew');
  });
});

describe('to the guest', () => {
  it('waits until the guest has opened the port and has buffers', () => {
    const { begin, plug, tell, postIn, kick, used, bytes } = serialRig();
    const backend = new TestChar();
    plug(backend);
    begin();
    for (let n = 0; n < 3; n++) postIn(4, DATA + 0x100 * n, 10);
    kick(4);
    backend.send('abcdefghijklmnopqrstuvwxyz0123456789ABCDEF');
    expect(used(4)).toEqual([]);
    expect(tell(1, PORT_OPEN, 1)).toEqual([]);
    expect(used(4).map(({ written }) => written)).toEqual([10, 10, 10]);
    expect(bytes(DATA + 0x200, 10)).toEqual(text('uvwxyz0123'));
    postIn(4, DATA, 100);
    kick(4);
    expect([used(4), bytes(DATA, 12)]).toEqual([[{ head: 3, written: 12 }], text('456789ABCDEF')]);
  });
  it('a driver without MULTIPORT has port 0 open while it runs', () => {
    const { start, plug, postIn, kick, used, common } = serialRig();
    const backend = new TestChar();
    const port = plug(backend, { isConsole: true });
    backend.send('early');
    start([0, 1]);
    postIn(0, DATA, 16);
    kick(0);
    expect(used(0)).toEqual([{ head: 0, written: 5 }]);
    common(0x14, 1, 0);
    expect([port.guestConnected, port.canReceive()]).toEqual([false, 0]);
  });
});

describe('emergency write', () => {
  it('sends the low byte of what is written to the first console, before any driver runs', () => {
    const { plug, mmio } = serialRig();
    const [backend, other] = [new TestChar(), new TestChar()];
    mmio.write(MODERN + 0x2008, 4, 0x40);
    plug(undefined, { isConsole: true });
    plug(backend, { isConsole: true });
    plug(other);
    mmio.write(MODERN + 0x2008, 4, 0x41);
    mmio.write(MODERN + 0x2000, 2, 5);
    mmio.write(MODERN + 0x2008, 1, 0x42);
    mmio.write(MODERN + 0x2009, 1, 1);
    expect([backend.text, other.text, mmio.read(MODERN + 0x2008, 4)]).toEqual(['AB\0', '', 0]);
  });
  it('is not there with emergency-write=off', () => {
    const { plug, mmio } = serialRig({ emergencyWrite: false });
    const backend = new TestChar();
    plug(backend, { isConsole: true });
    mmio.write(MODERN + 0x2008, 4, 0x41);
    expect(backend.text).toBe('');
  });
});

describe('a request that waits for its back end', () => {
  const late = (end: (r: ReturnType<typeof serialRig>) => void) => {
    const r = serialRig();
    const backend = new TestChar();
    r.plug(backend);
    r.begin();
    backend.room = 1;
    r.postOut(5, DATA, text('abc'));
    r.kick(5);
    end(r);
    backend.makeRoom(100);
    expect([backend.text, r.used(5)]).toEqual(['a', []]);
  };
  it('is forgotten by a device reset', () => late((r) => r.common(0x14, 1, 0)));
  it('is forgotten by a machine reset', () => late((r) => r.card.reset()));
  it('is forgotten by an unplug', () => late((r) => r.bus.remove(r.card)));
  it('is forgotten by a reset of its queue', () =>
    late((r) => {
      r.common(0x16, 2, 5);
      r.common(0x3a, 2, 1);
    }));
  it('goes on after a snapshot, as do open ports', () => {
    const make = () => {
      const r = serialRig();
      const backend = new TestChar();
      return { ...r, backend, port: r.plug(backend) };
    };
    const first = make();
    first.begin();
    first.tell(1, PORT_OPEN, 1);
    first.backend.room = 2;
    first.postOut(5, DATA, text('abcdef'));
    first.kick(5);
    const saved = structuredClone([first.card.save(), first.port.save()] as const);
    const second = make();
    second.backend.room = 0;
    second.continueAs(first);
    second.card.restore(saved[0]);
    second.port.restore(saved[1]);
    expect([second.card.save(), second.port.save()]).toEqual(saved);
    second.backend.makeRoom(100);
    expect([second.backend.text, second.used(5)]).toEqual(['cdef', [{ head: 0, written: 0 }]]);
    second.postIn(4, DATA, 10);
    second.backend.send('in');
    second.kick(4);
    expect(second.used(4)).toEqual([{ head: 0, written: 2 }]);
  });
  it.each([
    [true, false, '0100000006000000'],
    [false, true, '0100000006000100'],
  ])('a host end that was open: %s, and is: %s, is told after a snapshot', (was, is, message) => {
    const first = serialRig();
    const saved = first.plug(new TestChar(was)).save();
    const second = serialRig();
    const port = second.plug(new TestChar(is));
    second.begin();
    port.restore(saved);
    expect(second.control()).toEqual([message]);
  });
});

it.each([true, false])('the driver is ready: queues are looked at with ioeventfd alone, %s', (ioeventfd) => {
  const r = serialRig({}, ioeventfd);
  r.begin();
  // An empty control queue that is looked at interrupts.
  expect(r.controller.takeIsr()).toBe(ioeventfd ? 1 : 0);
});

describe('a hostile guest', () => {
  it('that refills its queue for ever gets a turn at a time', () => {
    const r = serialRig();
    const backend = new TestChar();
    r.plug(backend);
    r.begin();
    // The queues are looked at when the driver is ready, which is part of its turn.
    r.pass(PERIOD_NS);
    let pieces = 0;
    backend.write = (bytes) => {
      pieces++;
      r.postOut(5, DATA, text('x'));
      return bytes.length;
    };
    r.postOut(5, DATA, text('x'));
    r.kick(5);
    expect(pieces).toBe(PORTION.requests);
    r.kick(5);
    r.pass(0);
    expect(pieces).toBe(2 * PORTION.requests);
  });
  it('that announces itself in every message is told of 511 ports, and then has to wait', () => {
    const r = serialRig({ maxPorts: 511 });
    for (let nr = 1; nr < 511; nr++) r.plug(new TestChar(false));
    r.begin();
    let told = 0;
    r.controller.sendControl = new Proxy(r.controller.sendControl, {
      apply(send, self, [port, event, value]) {
        told++;
        Reflect.apply(send, self, [port, event, value]);
      },
    });
    const ready = new DataView(new ArrayBuffer(8));
    ready.setUint16(6, 1, true);
    for (let n = 0; n < 16; n++) r.postOut(3, DATA, new Uint8Array(ready.buffer));
    for (let n = 0; n < 100; n++) r.kick(3);
    expect(told).toBe(510);
    for (let n = 0; n < 16; n++) r.pass(0);
    expect(told).toBe(16 * 510);
    expect(r.used(3)).toHaveLength(16);
  });
  it('that sends gigabytes in one request gets a turn at a time, and the rest later', () => {
    const r = serialRig();
    const backend = new TestChar();
    let bytes = 0;
    backend.write = (piece) => {
      bytes += piece.length;
      return piece.length;
    };
    r.plug(backend);
    r.begin();
    const big = { gpa: 0x200000, length: 0x180000, write: false };
    r.post(5, new Array(100).fill(big));
    r.kick(5);
    expect([bytes, r.used(5)]).toEqual([1 << 20, []]);
    for (let n = 0; n < 149; n++) r.pass(0);
    expect([bytes, r.used(5)]).toEqual([100 * big.length, [{ head: 0, written: 0 }]]);
  });
  it('that asks for input byte by byte gets all of it', () => {
    const r = serialRig();
    const backend = new TestChar();
    r.plug(backend);
    r.start([0, 1, 2, 3, 5], VERSION_1 | 2n);
    r.common(0x16, 2, 4);
    r.common(0x18, 2, 256);
    r.setUp(4);
    r.tell(1, PORT_OPEN, 1);
    for (let n = 0; n < 256; n++) r.postIn(4, DATA + n, 1);
    backend.send('0123456789abcdef'.repeat(16));
    expect([r.used(4).length, r.bytes(DATA, 256)]).toEqual([256, text('0123456789abcdef'.repeat(16))]);
  });
  it.each([1, 2, 3])('cannot break it through registers, rings and messages (seed %i)', (seed) => {
    const r = serialRig({ maxPorts: 4 });
    const random = seeded(seed);
    const backends = [new TestChar(), new TestChar(), new TestChar()];
    let reached = 0;
    for (const [nr, backend] of backends.entries()) {
      const write = backend.write.bind(backend);
      backend.write = (bytes) => {
        reached++;
        backend.received.length = 0;
        return write(bytes);
      };
      r.plug(backend, { isConsole: nr === 0 });
    }
    const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
    const any = () => backends[random() % 3] ?? new TestChar();
    const queue = () => random() % 10;
    const actions = [
      () => r.io.write(LEGACY + (random() & 0x3f), size(), random()),
      () => r.io.read(LEGACY + (random() & 0x3f), size()),
      () => r.mmio.write(MODERN + (random() & 0x303f), size(), random() & 0xff),
      () => r.configWrite(r.devfn, 0x40 + (random() & 0x7f), size(), random()),
      () => r.memory.writeU32(RINGS + (random() % 0x27ffc), random() & 0x3ff03ff),
      () => r.postIn(queue(), DATA + (random() & 0xfff), 1 + (random() & 0xfff)),
      () =>
        r.postOut(queue(), DATA + (random() & 0xfff), new Uint8Array(1 + (random() & 0xff)).fill(random())),
      () => r.postOut(3, DATA, Uint8Array.of(random() & 3, 0, 0, 0, random() & 7, 0, random() & 1, 0)),
      () => r.kick(queue()),
      () => any().send('input'),
      () => any().set((random() & 1) === 0),
      () => any().makeRoom(random() & 0xfff),
      () => r.pass(random() & 0xfff),
    ];
    for (let i = 0; i < 10_000; i++) {
      if (i % 60 === 0) {
        r.map();
        r.begin();
      }
      actions[random() % actions.length]?.();
    }
    expect(reached, 'the back ends were reached').toBeGreaterThan(50);
    const all = () => [r.card.save(), ...r.controller.ports.map((port) => port.save())];
    expect(structuredClone(all())).toEqual(all());
    r.card.reset();
    r.map();
    r.begin();
    const backend = backends[1] ?? new TestChar();
    backend.set(true);
    backend.room = 1000;
    r.postOut(5, DATA, text('alive'));
    r.kick(5);
    expect(backend.text).toBe('alive');
  });
});

virtioPciContract('virtio-serial-pci', () => serialRig().card);

describe('a port, the host being the same for the device and the restored one', () => {
  let host = new TestChar(false);
  const disturbances = new Map<VirtioSerialPort, () => void>();
  beforeEach(() => {
    host = new TestChar(false);
    host.room = 2;
  });
  deviceContract(
    'virtserialport',
    () => {
      const r = serialRig();
      const port = r.plug(host);
      r.begin();
      r.postOut(5, DATA, text('abc'));
      disturbances.set(port, () => {
        host.set(true);
        r.tell(1, PORT_OPEN, 1);
        r.kick(5);
      });
      return port;
    },
    (port) => disturbances.get(port)?.(),
    (port) => [port.guestConnected, port.hostConnected],
    ['hostConnected'],
  );
});
