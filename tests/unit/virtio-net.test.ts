/** virtio-net-pci as its driver sees it. What is expected of registers was read from QEMU 7.2 through qtest. */
import { describe, expect, it } from 'vitest';
import { MachineEvents } from '../../src/emu/core/machine-events.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { NetClient } from '../../src/emu/net/net-client.ts';
import {
  CONTROL_QUEUE,
  RX_QUEUE,
  TX_QUEUE,
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_VLAN,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_STATUS,
  VirtioNet,
} from '../../src/emu/virtio/virtio-net.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { LEGACY, MODERN, queueRig, RINGS, VERSION_1 } from '../support/virtio-queues.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const DATA = 0x20000;
const CONFIG = MODERN + 0x2000;
const MERGEABLE = VERSION_1 | VIRTIO_NET_F_MRG_RXBUF;
const CONTROLLED = MERGEABLE | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR;
const ALL =
  VIRTIO_NET_F_MAC |
  VIRTIO_NET_F_MRG_RXBUF |
  VIRTIO_NET_F_STATUS |
  VIRTIO_NET_F_CTRL_VQ |
  VIRTIO_NET_F_CTRL_RX |
  VIRTIO_NET_F_CTRL_VLAN |
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
  VIRTIO_NET_F_GUEST_ANNOUNCE |
  VIRTIO_NET_F_CTRL_MAC_ADDR;

interface Settings {
  readonly features?: bigint;
  readonly mtu?: number;
  readonly speed?: number;
  readonly duplex?: 'half' | 'full';
}

function rig({ features = ALL, mtu = 0, speed, duplex }: Settings = {}) {
  const told: string[] = [];
  const events = new MachineEvents(() => {});
  events.listen(({ event, data }) => told.push(`${event} ${JSON.stringify(data)}`));
  const sent: Uint8Array[] = [];
  const wire = { ready: true, resumed: 0 };
  const properties = { features, mac: MAC, rxQueueSize: 256, txQueueSize: 256, mtu, speed, duplex };
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-net-pci', transitionalDeviceId: 0x1000, classCode: 0x020000 },
        new VirtioNet(properties, {
          ...{ memory, trace: QUIET, clock, events, id: 'nic0', path: '/nic0' },
          connect: (card) => new NetClient({ name: 'nic0', type: 'nic', info: () => '' }, card),
        }),
        { disableLegacy: false, disableModern: false, vectors: 4 },
        memory,
      ),
  );
  const far = new NetClient(
    { name: 'far', type: 'user', info: () => '' },
    {
      get canReceive() {
        return wire.ready;
      },
      receive: (packet) => sent.push(packet) > 0,
      resume: () => void wire.resumed++,
    },
  );
  const net = made.card.device;
  far.connect(net.client);
  /** The answer to a request of the control queue. */
  const control = (kind: number, command: number, bytes: readonly number[]): number | undefined => {
    made.memory.write(DATA + 0x8000, Uint8Array.of(kind, command, ...bytes));
    made.post(CONTROL_QUEUE, [
      { gpa: DATA + 0x8000, length: 2 + bytes.length, write: false },
      { gpa: DATA + 0x9000, length: 1, write: true },
    ]);
    made.kick(CONTROL_QUEUE);
    return made.used(CONTROL_QUEUE).length === 1 ? made.bytes(DATA + 0x9000, 1)[0] : undefined;
  };
  const transmit = (packet: Uint8Array, header = 12): void => {
    made.postOut(TX_QUEUE, DATA, Uint8Array.from([...new Uint8Array(header), ...packet]));
    made.kick(TX_QUEUE);
  };
  return { ...made, net, far, sent, wire, told, control, transmit };
}

const packet = (length = 64, to: readonly number[] = [...MAC]): Uint8Array => {
  const bytes = Uint8Array.from({ length }, (_, n) => n & 0xff);
  bytes.set(to);
  return bytes;
};

describe('registers', () => {
  it('config space', () => {
    const { card } = rig();
    card.reset();
    expect(configRows(card.config.bytes).filter((row) => /^(00|20)/.test(row))).toEqual([
      '00: f4 1a 00 10 00 00 10 00 00 00 00 02 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 01 00',
    ]);
  });
  it('features and configuration of a card that the monitor makes', async () => {
    const { machine, functions } = await monitorRig({ devices: ['virtio-net-pci,id=nic0'] });
    const card = functions().find((one) => one instanceof VirtioPci);
    if (!(card instanceof VirtioPci)) throw new Error('no card');
    card.configWrite(4, 2, 7);
    const legacy = card.bars.find(({ index }) => index === 0)?.handler;
    expect(legacy?.read(0, 4)).toBe(0x79bf_8064);
    expect([0, 1, 2, 3].map((queue) => (legacy?.write(14, 2, queue), legacy?.read(12, 2)))).toEqual([
      256, 256, 64, 0,
    ]);
    expect([...card.device.readConfig()]).toEqual([...MAC, 1, 0]);
    await machine.devices.machineReady();
  });
  it('mtu, speed and duplex are there with their features', () => {
    const more = VIRTIO_NET_F_MTU | VIRTIO_NET_F_SPEED_DUPLEX | VIRTIO_NET_F_MQ;
    const { net } = rig({ features: ALL | more, mtu: 1400, speed: 1000, duplex: 'full' });
    expect([...net.readConfig()].slice(6)).toEqual([1, 0, 1, 0, 0x78, 5, 0xe8, 3, 0, 0, 1]);
    expect([...rig({ features: VIRTIO_NET_F_SPEED_DUPLEX }).net.readConfig()].slice(12)).toEqual([
      ...[0xff, 0xff, 0xff, 0xff, 0xff],
    ]);
  });
  it('only an old driver writes the address; a reset brings it back', () => {
    const { io, net, start, mmio, common } = rig();
    io.write(LEGACY + 20 + 5, 1, 0x99);
    expect(net.mac[5]).toBe(0x99);
    common(0x14, 1, 0);
    expect(net.mac[5]).toBe(0x56);
    start([RX_QUEUE]);
    mmio.write(CONFIG + 5, 1, 0x99);
    expect(net.mac[5]).toBe(0x56);
  });
});

describe('packets from the guest', () => {
  it('go out without their header, which has 10 bytes for an old driver', () => {
    const { start, transmit, sent, used, common } = rig();
    start([RX_QUEUE, TX_QUEUE]);
    transmit(packet(100));
    expect(sent).toEqual([packet(100)]);
    expect(used(TX_QUEUE)).toEqual([{ head: 0, written: 0 }]);
    common(0x14, 1, 0);
    start([RX_QUEUE, TX_QUEUE], 0n);
    transmit(packet(60), 10);
    expect(sent[1]).toEqual(packet(60));
  });
  it('wait while the wire has no room', () => {
    const { start, transmit, sent, used, wire, net } = rig();
    start([RX_QUEUE, TX_QUEUE]);
    wire.ready = false;
    transmit(packet());
    expect([sent.length, used(TX_QUEUE)]).toEqual([0, []]);
    wire.ready = true;
    net.client.resume();
    expect([sent.length, used(TX_QUEUE).length]).toEqual([1, 1]);
  });
  it('longer than any network takes are dropped, whether the wire has room or not', () => {
    const { start, post, kick, sent, used, wire, net } = rig();
    start([RX_QUEUE, TX_QUEUE]);
    wire.ready = false;
    const length = 0x8000;
    post(
      TX_QUEUE,
      [DATA, DATA, DATA].map((gpa) => ({ gpa, length, write: false })),
    );
    kick(TX_QUEUE);
    expect([sent.length, used(TX_QUEUE).length, net.client.dropped]).toEqual([0, 1, 1]);
  });
  it('with a pulled cable are lost, and counted', () => {
    const { start, transmit, sent, net } = rig();
    start([RX_QUEUE, TX_QUEUE]);
    net.client.setLink(false);
    transmit(packet());
    expect([sent.length, net.client.dropped]).toEqual([0, 1]);
  });
  it('shorter than their header: the device stops', () => {
    const { start, transmit, net } = rig();
    start([RX_QUEUE, TX_QUEUE]);
    transmit(new Uint8Array(0), 11);
    expect(net.status & 0x40).toBe(0x40);
  });
});

describe('packets to the guest', () => {
  it('fill a buffer, with the number of buffers in the header', () => {
    const { start, postIn, far, used, bytes } = rig();
    start([RX_QUEUE], MERGEABLE);
    postIn(RX_QUEUE, DATA, 2000);
    expect(far.send(packet())).toBe(true);
    expect(used(RX_QUEUE)).toEqual([{ head: 0, written: 76 }]);
    expect([...bytes(DATA, 12)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(bytes(DATA + 12, 64)).toEqual(packet());
  });
  it('fill several where buffers may be merged, and wait for all of them', () => {
    const { start, postIn, kick, far, used, bytes, net } = rig();
    start([RX_QUEUE], MERGEABLE);
    postIn(RX_QUEUE, DATA, 100);
    expect(far.send(packet(150))).toBe(false);
    expect([used(RX_QUEUE), net.client.heldPackets]).toEqual([[], 1]);
    postIn(RX_QUEUE, DATA + 0x1000, 100);
    kick(RX_QUEUE);
    expect(used(RX_QUEUE)).toEqual([
      { head: 0, written: 100 },
      { head: 1, written: 62 },
    ]);
    expect(bytes(DATA + 10, 2)[0]).toBe(2);
    expect([...bytes(DATA + 12, 88), ...bytes(DATA + 0x1000, 62)]).toEqual([...packet(150)]);
  });
  it('that no single buffer holds are lost, and the buffer stays', () => {
    const { start, postIn, far, used, net } = rig();
    start([RX_QUEUE]);
    postIn(RX_QUEUE, DATA, 100);
    far.send(packet(200));
    expect([used(RX_QUEUE), net.client.dropped]).toEqual([[], 1]);
    far.send(packet(60));
    expect(used(RX_QUEUE)).toEqual([{ head: 0, written: 72 }]);
  });
  it('wait for the driver, in a queue with a bound', () => {
    const { start, postIn, kick, far, used, net, wire } = rig();
    for (let n = 0; n < 1100; n++) far.send(packet());
    expect([net.client.heldPackets, net.client.dropped]).toEqual([1024, 76]);
    start([RX_QUEUE], MERGEABLE);
    for (let n = 0; n < 256; n++) postIn(RX_QUEUE, DATA + n * 128, 128);
    kick(RX_QUEUE);
    let got = used(RX_QUEUE).length;
    expect(got).toBeGreaterThan(50);
    expect(got).toBeLessThan(256);
    for (let n = 0; n < 1000; n++) kick(RX_QUEUE);
    got += used(RX_QUEUE).length;
    expect(got).toBeLessThan(256);
    expect(wire.resumed).toBe(0);
  });
});

describe('the control queue', () => {
  const started = () => {
    const made = rig();
    made.start([RX_QUEUE, TX_QUEUE, CONTROL_QUEUE], CONTROLLED | VIRTIO_NET_F_CTRL_VLAN);
    return made;
  };
  const OTHER = [0x52, 0x54, 0, 0, 0, 1];
  const GROUP = [1, 0, 0x5e, 0, 0, 1];
  const BROADCAST = [255, 255, 255, 255, 255, 255];

  it('switches modes: what is taken follows', () => {
    const { control, net } = started();
    const takes = (to: readonly number[]) => net.filter.takes(packet(60, to), net.mac, false);
    expect(takes(OTHER)).toBe(true);
    expect(control(0, 0, [0])).toBe(0);
    expect([MAC, OTHER, GROUP, BROADCAST].map((to) => takes([...to]))).toEqual([true, false, false, true]);
    expect(control(0, 1, [1])).toBe(0);
    expect(takes(GROUP)).toBe(true);
    for (const [command, to] of [
      [2, OTHER],
      [3, GROUP],
      [4, [...MAC]],
      [5, BROADCAST],
    ] as const) {
      control(0, command, [1]);
      expect(takes(to)).toBe(command === 2);
    }
    expect([control(0, 6, [1]), control(0, 0, []), control(9, 0, [1])]).toEqual([1, 1, 1]);
  });
  it('sets addresses, as many as there is room for', () => {
    const { control, net } = started();
    control(0, 0, [0]);
    const takes = (to: readonly number[]) => net.filter.takes(packet(60, to), net.mac, false);
    expect(control(1, 0, [1, 0, 0, 0, ...OTHER, 1, 0, 0, 0, ...GROUP])).toBe(0);
    expect([takes(OTHER), takes(GROUP)]).toEqual([true, true]);
    expect(net.rxFilter).toMatchObject({
      unicastMacs: ['52:54:00:00:00:01'],
      multicastMacs: ['01:00:5e:00:00:01'],
    });
    const many = new Array(65).fill(OTHER).flat();
    expect(control(1, 0, [65, 0, 0, 0, ...many, 0, 0, 0, 0])).toBe(0);
    expect(net.rxFilter).toMatchObject({ unicastOverflow: true, unicastMacs: [], multicastMacs: [] });
    expect(takes([0, 1, 2, 3, 4, 5])).toBe(true);
    for (const wrong of [
      [],
      [1, 0, 0, 0],
      [255, 255, 255, 255],
      [0, 0, 0, 0, 1, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]) {
      expect(control(1, 0, wrong)).toBe(1);
    }
    expect([control(1, 1, OTHER), control(1, 1, [1, 2]), control(1, 2, [])]).toEqual([0, 1, 1]);
    expect([...net.mac]).toEqual(OTHER);
  });
  it('sorts by networks', () => {
    const { control, net } = started();
    control(0, 0, [0]);
    const tagged = packet(60);
    tagged.set([0x81, 0, 0x60, 5], 12);
    const takes = () => net.filter.takes(tagged, net.mac, true);
    expect(takes()).toBe(false);
    expect([control(2, 0, [5, 0]), takes()]).toEqual([0, true]);
    expect(net.rxFilter).toMatchObject({ vlan: 'normal', vlans: [5] });
    expect([
      control(2, 1, [5, 0]),
      takes(),
      control(2, 0, [0, 16]),
      control(2, 0, [1]),
      control(2, 2, [5, 0]),
    ]).toEqual([0, false, 1, 1, 1]);
  });
  it('tells of a change once, until somebody looks', () => {
    const { control, told, net } = started();
    control(0, 0, [0]);
    control(0, 0, [1]);
    expect(told).toEqual(['NIC_RX_FILTER_CHANGED {"name":"nic0","path":"/nic0"}']);
    expect(net.rxFilter.promiscuous).toBe(true);
    control(0, 0, [0]);
    expect(told.length).toBe(2);
  });
  it('offloads, pairs of queues, and an announcement that nobody asked for', () => {
    const { control } = started();
    expect([control(5, 0, [0, 0, 0, 0, 0, 0, 0, 0]), control(4, 0, [1, 0]), control(4, 0, [2, 0])]).toEqual([
      // Without VIRTIO_NET_F_MQ.
      1, 1, 1,
    ]);
    expect(control(3, 0, [])).toBe(1);
  });
  it('without headers: the device stops', () => {
    const { post, kick, net } = started();
    post(CONTROL_QUEUE, [{ gpa: DATA, length: 2, write: false }]);
    kick(CONTROL_QUEUE);
    expect(net.status & 0x40).toBe(0x40);
  });
});

it('a cable and an announcement are told by the configuration', () => {
  const { start, net, messages, mmio, control } = rig();
  start([RX_QUEUE, TX_QUEUE, CONTROL_QUEUE], CONTROLLED | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_GUEST_ANNOUNCE);
  net.client.setLink(false);
  expect([mmio.read(CONFIG + 6, 2), messages.length]).toEqual([0, 1]);
  net.client.setLink(true);
  net.announce();
  expect([mmio.read(CONFIG + 6, 2), messages.length]).toEqual([3, 3]);
  expect([control(3, 0, []), mmio.read(CONFIG + 6, 2)]).toEqual([0, 1]);
});

it('a snapshot keeps address, filter and cable', () => {
  const first = rig();
  first.start([RX_QUEUE, TX_QUEUE, CONTROL_QUEUE], CONTROLLED);
  first.control(0, 0, [0]);
  first.control(1, 1, [2, 0, 0, 0, 0, 9]);
  first.net.client.linkDown = true;
  const saved = structuredClone(first.card.save());
  const second = rig();
  second.continueAs(first);
  second.card.restore(saved);
  expect(second.card.save()).toEqual(saved);
  expect([second.net.client.linkDown, second.net.rxFilter.promiscuous, second.net.mac[5]]).toEqual([
    true,
    false,
    9,
  ]);
});

virtioPciContract('virtio-net-pci', () => rig().card);

it.each([1, 2, 3])('a hostile guest cannot break it through registers and rings (seed %i)', (seed) => {
  const r = rig();
  const random = seeded(seed);
  r.start([RX_QUEUE, TX_QUEUE, CONTROL_QUEUE], seed === 1 ? CONTROLLED : VERSION_1);
  for (let n = 0; n < 3000; n++) {
    r.memory.writeU32(RINGS + (random() % 0xc000), random() % 3 === 0 ? random() : random() % 0x30000);
    if (random() % 4 === 0) r.far.send(packet(6 + (random() % 2000)));
    r.kick(random() % 4);
    if (random() % 100 === 0) r.common(0x14, 1, random() & 0xff);
    if (random() % 200 === 0) r.start([RX_QUEUE, TX_QUEUE, CONTROL_QUEUE], CONTROLLED);
    if (random() % 10 === 0) r.pass(1000);
  }
  expect(r.net.fields.misfit(r.net.save())).toBeUndefined();
});
