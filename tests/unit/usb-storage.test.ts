/** Sticks, SCSI adapters and serial ports on a USB, packet by packet: what their recorded sessions (tests/golden/usb) do not show. */
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import type { CharBackend, CharFrontend } from '../../src/emu/char/char-backend.ts';
import type { Plain } from '../../src/emu/core/plain.ts';
import { Qdev } from '../../src/emu/qdev/tree.ts';
import { ScsiUnitHardware } from '../../src/emu/scsi/scsi-bus.ts';
import { ScsiDisk } from '../../src/emu/scsi/scsi-disk.ts';
import { SCSI_DISK_TYPES } from '../../src/emu/scsi/scsi-disk-types.ts';
import { SCSI_DISK_DEFAULTS } from '../../src/emu/scsi/scsi-facts.ts';
import type { UsbDevice } from '../../src/emu/usb/usb-device.ts';
import { UsbSerial } from '../../src/emu/usb/usb-serial.ts';
import { UsbStorage } from '../../src/emu/usb/usb-storage.ts';
import { UsbUas, type UsbUasState } from '../../src/emu/usb/usb-uas.ts';
import { ManualClock, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import {
  disturbControl,
  given,
  inPort,
  type OfferedPacket,
  offer,
  USB_SETTINGS,
  usbRequest,
} from '../support/usb-rig.ts';
import { settle, TestDisk } from '../support/virtio-driver.ts';

const DISK_BYTES = 1 << 20;
const BLOCK = 512;
/** More than a disk hands out at a time. */
const MANY = 300;
const IN = 1;
const OUT = 2;
const LIMITS = { channel: 0, target: 0, lun: 15 };

const read10 = (lba: number, blocks: number): number[] => [
  ...[0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, blocks >> 8, blocks & 0xff, 0],
];
const write10 = (lba: number, blocks: number): number[] => [0x2a, ...read10(lba, blocks).slice(1)];

/** Each byte is the number of its block. */
function newDisk(sync: boolean): TestDisk {
  const disk = new TestDisk(DISK_BYTES, { sync });
  for (let at = 0; at < DISK_BYTES; at += BLOCK) disk.bytes.fill((at / BLOCK) & 0xff, at, at + BLOCK);
  return disk;
}

/** A unit of the device's bus. */
function plugDisk(device: UsbStorage | UsbUas, disk: TestDisk, lun = 0): Qdev {
  const drive = { medium: { backend: disk }, gate: new DriveGate(new ManualClock()) };
  const unit = new ScsiDisk({ ...SCSI_DISK_DEFAULTS, removable: true }, drive);
  const [type] = SCSI_DISK_TYPES;
  if (type === undefined) throw new Error('no type');
  const values = new Map([
    ['channel', 0],
    ['scsi-id', 0],
    ['lun', lun],
  ]);
  const qdev = new Qdev({ type, hardware: new ScsiUnitHardware(unit, () => {}), values });
  device.scsi.plug(qdev);
  // The condition that power came on is told before.
  unit.restore({ ...unit.save(), attention: null });
  return qdev;
}

function stickWith(disk: TestDisk) {
  const stick = inPort(new UsbStorage({ limits: LIMITS, attachesItself: true }, USB_SETTINGS));
  return { stick, qdev: plugDisk(stick, disk) };
}

interface Wrapper {
  readonly cdb: readonly number[];
  readonly length?: number;
  readonly out?: boolean;
  readonly tag?: number;
  readonly lun?: number;
}

function wrapper({ cdb, length = 0, out = false, tag = 7, lun = 0 }: Wrapper): Uint8Array {
  const bytes = new Uint8Array(31);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x4342_5355, true);
  view.setUint32(4, tag, true);
  view.setUint32(8, length, true);
  bytes.set([out ? 0 : 0x80, lun, cdb.length], 12);
  bytes.set(cdb.slice(0, 16), 15);
  return bytes;
}

/** Offers a packet until it is taken, as a controller does. */
async function carried(
  device: UsbDevice,
  endpoint: number,
  data: number | Uint8Array,
): Promise<OfferedPacket> {
  for (let tries = 0; tries < 1000; tries++) {
    const offered = offer(device, endpoint, data);
    while (offered.status === 'async') await settle();
    if (offered.status !== 'nak') return offered;
    await settle();
  }
  throw new Error('a packet was never taken');
}

/** The tag, what was not moved, and the status. */
async function statusOf(device: UsbDevice): Promise<readonly number[]> {
  const bytes = given(await carried(device, IN, 13));
  const view = new DataView(bytes.buffer);
  expect(view.getUint32(0, true)).toBe(0x5342_5355);
  return [view.getUint32(4, true), view.getUint32(8, true), view.getUint8(12)];
}

const pattern = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, at) => (at * 31) >> 4);

describe.each([true, false])('usb-storage, back end at once: %s', (sync) => {
  it.each([64, 512, 1000, 65_536, 131_172])('reads and writes in packets of %i bytes', async (size) => {
    const disk = newDisk(sync);
    const { stick } = stickWith(disk);
    const bytes = pattern(MANY * BLOCK);
    const length = bytes.length;
    expect(offer(stick, OUT, wrapper({ cdb: write10(3, MANY), length, out: true })).status).toBe('success');
    for (let at = 0; at < length; at += size) await carried(stick, OUT, bytes.slice(at, at + size));
    expect(await statusOf(stick)).toEqual([7, 0, 0]);
    expect(Buffer.compare(disk.bytes.subarray(3 * BLOCK, 3 * BLOCK + length), bytes)).toBe(0);
    offer(stick, OUT, wrapper({ cdb: read10(3, MANY), length, tag: 8 }));
    const pieces: number[] = [];
    while (pieces.length < length) {
      const room = Math.min(size, length - pieces.length);
      for (const byte of given(await carried(stick, IN, room))) pieces.push(byte);
    }
    expect(Buffer.compare(Uint8Array.from(pieces), bytes)).toBe(0);
    expect(await statusOf(stick)).toEqual([8, 0, 0]);
  });

  it.each([false, true])('goes on where it was saved, write: %s', async (isOut) => {
    const random = seededRandom(5);
    for (let round = 0; round < 8; round++) {
      const disk = newDisk(sync);
      let { stick } = stickWith(disk);
      const bytes = isOut ? pattern(MANY * BLOCK) : new Uint8Array(MANY * BLOCK);
      const cdb = isOut ? write10(9, MANY) : read10(9, MANY);
      offer(stick, OUT, wrapper({ cdb, length: bytes.length, out: isOut }));
      const size = 1 + random(50_000);
      const moment = random(bytes.length);
      for (let at = 0; at < bytes.length; at += size) {
        const end = Math.min(at + size, bytes.length);
        const again = () => offer(stick, isOut ? OUT : IN, isOut ? bytes.slice(at, end) : end - at);
        let offered = again();
        if (at <= moment && moment < end) {
          // A packet that waits is offered again by its controller.
          if (random(3) > 0) await settle();
          const saved = structuredClone(stick.save());
          const wasDone = offered.status === 'success';
          expect(stick.vmstate.fields.misfit(saved)).toBeUndefined();
          ({ stick } = stickWith(disk));
          stick.restore(saved);
          expect(stick.save()).toEqual(saved);
          await settle();
          if (!wasDone) offered = again();
        }
        while (offered.status === 'async') await settle();
        expect(offered.status).toBe('success');
        if (!isOut) bytes.set(given(offered), at);
      }
      expect(await statusOf(stick)).toEqual([7, 0, 0]);
      const there = disk.bytes.subarray(9 * BLOCK, 9 * BLOCK + bytes.length);
      expect(Buffer.compare(there, bytes), `packets of ${size}, saved at ${moment}`).toBe(0);
    }
  });
});

describe('a stick that is taken out', () => {
  it('ends the packet that waits, and its command', async () => {
    const disk = newDisk(false);
    disk.held = [];
    const { stick } = stickWith(disk);
    offer(stick, OUT, wrapper({ cdb: read10(0, 1), length: 512 }));
    const waiting = offer(stick, IN, 512);
    // The other pipe has to wait for it.
    expect(offer(stick, OUT, new Uint8Array(31)).status).toBe('nak');
    stick.port?.bus.detach(stick);
    expect(waiting.status).toBe('no-device');
    disk.release();
    await settle();
    expect(stick.save().request).not.toBeNull();
    stick.busReset();
    expect(stick.save()).toMatchObject({ request: null, stage: 'command' });
  });

  it('has stored what it has said is flushed, and tells of errors', async () => {
    const disk = newDisk(false);
    const { stick, qdev } = stickWith(disk);
    offer(stick, OUT, wrapper({ cdb: write10(1, 1), length: 512, out: true }));
    await carried(stick, OUT, pattern(512));
    expect(await statusOf(stick)).toEqual([7, 0, 0]);
    disk.held = [];
    offer(stick, OUT, wrapper({ cdb: [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0] }));
    const flushed = offer(stick, IN, 13);
    await settle();
    expect([flushed.status, disk.log.at(-1)]).toEqual(['async', 'flush']);
    disk.release();
    disk.held = undefined;
    await settle();
    expect(flushed.status).toBe('success');
    disk.failure = new BlockError('EIO');
    offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 }));
    expect(given(await carried(stick, IN, 512))).toEqual(new Uint8Array(512));
    expect(await statusOf(stick)).toEqual([7, 512, 1]);
    disk.failure = undefined;
    // The unit goes while it reads.
    disk.held = [];
    offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 }));
    const waiting = offer(stick, IN, 512);
    stick.scsi.unplug(qdev);
    disk.release();
    await settle();
    expect([waiting.status, stick.save().request]).toEqual(['async', null]);
    expect(offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 })).status).toBe('nak');
    stick.busReset();
    expect(waiting.status).toBe('stall');
    expect(offer(stick, OUT, wrapper({ cdb: read10(1, 1), length: 512 })).status).toBe('stall');
  });
});

const SAVED_COMMAND = {
  ...{ tag: 9, lun: 0, cdb: Uint8Array.from([...read10(0, 2), 0, 0, 0, 0, 0, 0]), pending: false },
  ...{ piece: new Uint8Array(600), moved: 88, done: 0 },
};

/** As no driver brings a device, but a snapshot may: all of its own fields differ. */
function disturbWith<S extends Plain & object>(device: UsbDevice<S>, own: Partial<S>): void {
  if (!device.attached) device.port?.bus.attach(device);
  disturbControl(device);
  device.restore({ ...device.save(), ...own });
}

deviceContract(
  'usb-storage',
  () => {
    const stick = new UsbStorage({ limits: LIMITS, attachesItself: false }, USB_SETTINGS);
    inPort(stick, { attached: false });
    plugDisk(stick, newDisk(false));
    return stick;
  },
  (stick) =>
    disturbWith(stick, {
      ...{ stage: 'data-in', dataLeft: 1024, csw: new Uint8Array(13).fill(3), needsReset: true },
      ...{ request: SAVED_COMMAND, taken: 3 },
    }),
  (stick) => [offer(stick, IN, 13).status, offer(stick, OUT, new Uint8Array(31)).status, stick.address],
  ['attached'],
);

/** A back end whose other end is the test. */
class TestEnd implements CharBackend {
  open = true;
  frontend: CharFrontend | undefined;
  readonly sent: number[] = [];
  room = Number.POSITIVE_INFINITY;

  write(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, Math.min(this.room, bytes.length));
    this.sent.push(...taken);
    this.room -= taken.length;
    return taken.length;
  }
  connect(frontend: CharFrontend | undefined): void {
    this.frontend = frontend;
  }
  acceptInput(): void {}
}

function serialPort(alwaysPlugged = false) {
  const backend = new TestEnd();
  const serial = inPort(new UsbSerial({ backend, alwaysPlugged }, USB_SETTINGS));
  backend.connect(serial);
  return { backend, serial };
}

deviceContract(
  'usb-serial',
  () =>
    inPort(new UsbSerial({ backend: new TestEnd(), alwaysPlugged: false }, USB_SETTINGS), {
      attached: false,
    }),
  (serial) =>
    disturbWith(serial, {
      ...{ received: new Uint8Array(496).fill(65), receiveAt: 490, receivedBytes: 12, eventCharacter: 1 },
      ...{ errorCharacter: 2, breakCame: true, flowControl: 4, xon: 17, xoff: 19, latency: 16, taken: 5 },
    }),
  (serial) => [1, 2, 3].map(() => [...given(offer(serial, IN, 16))]),
  ['attached'],
);

describe('usb-serial', () => {
  it('carries what comes in packets with a header for each 64 bytes', () => {
    const { serial } = serialPort();
    expect(offer(serial, IN, 64).status).toBe('nak');
    expect(serial.canReceive()).toBe(496);
    serial.receive(pattern(496));
    expect(serial.canReceive()).toBe(0);
    const first = given(offer(serial, IN, 128));
    expect([...first.subarray(0, 3), ...first.subarray(64, 67)]).toEqual([
      0xb1,
      0,
      0,
      0xb1,
      0,
      pattern(63)[62],
    ]);
    expect(serial.canReceive()).toBe(124);
    serial.receive(pattern(124));
    let rest = 0;
    for (let packet = offer(serial, IN, 64); packet.status === 'success'; packet = offer(serial, IN, 64)) {
      rest += packet.packet.actual - 2;
    }
    expect(rest).toBe(496);
    serial.event('break');
    expect([...given(offer(serial, IN, 64))]).toEqual([0xb1, 0x10]);
    expect(usbRequest(serial, 0x40, 0, 1, 0, 0, 0, 0, 0)).toBe('success');
  });

  it('waits for its back end, also in a machine that is restored', () => {
    const { serial, backend } = serialPort();
    backend.room = 10;
    const waiting = offer(serial, OUT, pattern(25));
    expect([waiting.status, offer(serial, OUT, pattern(3)).status]).toEqual(['async', 'nak']);
    backend.room = 8;
    serial.outputReady();
    expect(waiting.status).toBe('async');
    const other = serialPort();
    other.serial.restore(serial.save());
    expect(offer(other.serial, OUT, pattern(25)).status).toBe('success');
    expect(Uint8Array.from([...backend.sent, ...other.backend.sent])).toEqual(pattern(25));
    backend.room = 100;
    serial.outputReady();
    expect(waiting.status).toBe('success');
  });

  it('is seen while somebody is at its other end', () => {
    const { serial } = serialPort();
    expect([serial.attached, serial.attachesItself]).toEqual([true, true]);
    serial.event('closed');
    expect([serial.attached, serial.canReceive()]).toEqual([false, 0]);
    serial.event('opened');
    expect(serial.attached).toBe(true);
    const plugged = serialPort(true);
    plugged.serial.event('closed');
    expect(plugged.serial.attached).toBe(true);
  });
});

const COMMAND = 1;
const STATUS = 2;
const DATA_IN = 3;
const DATA_OUT = 4;
const HIGH = 4;
const SUPER = 8;

function uasWith(disk: TestDisk, speeds = HIGH) {
  const clock = new ManualClock();
  const settings = {
    ...USB_SETTINGS,
    description: {
      ...USB_SETTINGS.description,
      ...{ high: USB_SETTINGS.description.full, super: USB_SETTINGS.description.full },
    },
  };
  const device = inPort(new UsbUas({ clock, attachesItself: true }, settings as never), { speeds });
  plugDisk(device, disk);
  return { device, clock };
}

function unit(id: number, tag: number, rest: readonly number[], cdb: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set([id, 0, tag >> 8, tag & 0xff, ...rest]);
  bytes.set(cdb, 16);
  return bytes;
}
const command = (tag: number, cdb: readonly number[], lun = 0): Uint8Array =>
  unit(1, tag, [0, 0, 0, 0, 0, lun], cdb);

describe('usb-uas', () => {
  it('says whose data move next, one command for each direction', async () => {
    const disk = newDisk(false);
    const { device, clock } = uasWith(disk);
    const status = offer(device, STATUS, 34);
    expect(offer(device, DATA_IN, 512).status).toBe('stall');
    for (const [tag, cdb] of [
      [1, read10(5, 1)],
      [2, read10(6, 1)],
      [3, write10(7, 1)],
    ] as const) {
      expect(offer(device, COMMAND, command(tag, cdb)).status).toBe('success');
    }
    await settle();
    clock.step(1);
    expect([status.status, ...given(status)]).toEqual(['success', 6, 0, 0, 1]);
    expect([...given(offer(device, STATUS, 34))]).toEqual([7, 0, 0, 3]);
    const data = offer(device, DATA_IN, 512);
    const out = offer(device, DATA_OUT, pattern(512));
    await settle();
    await settle();
    expect([data.status, given(data)[0], out.status]).toEqual(['success', 5, 'success']);
    const told = [1, 2, 3].map(() => [...given(offer(device, STATUS, 34))].slice(0, 8));
    expect(told).toContainEqual([3, 0, 0, 1, 0, 0, 0, 0]);
    expect(told).toContainEqual([3, 0, 0, 3, 0, 0, 0, 0]);
    expect(told).toContainEqual([6, 0, 0, 2]);
    expect(given(await carried(device, DATA_IN, 512))[0]).toBe(6);
    expect([...given(await carried(device, STATUS, 34))].slice(0, 7)).toEqual([3, 0, 0, 2, 0, 0, 0]);
    expect(disk.bytes.subarray(7 * BLOCK, 8 * BLOCK)).toEqual(pattern(512));
    expect(device.save()).toMatchObject({ tasks: [], answers: [] });
  });

  it('moves data of many commands over streams, packets first or last', async () => {
    const { device, clock } = uasWith(newDisk(false), SUPER);
    const early = offer(device, DATA_IN, 512, 4);
    const statuses = [4, 9].map((tag) => offer(device, STATUS, 34, tag));
    offer(device, COMMAND, command(9, read10(1, 2)));
    offer(device, COMMAND, command(4, read10(3, 1)));
    const late = offer(device, DATA_IN, 1024, 9);
    for (let n = 0; n < 4; n++) {
      await settle();
      clock.step(1);
    }
    expect([early, late, ...statuses].map(({ status }) => status)).toEqual(new Array(4).fill('success'));
    expect([given(early)[0], given(late)[0], given(late)[1023]]).toEqual([3, 1, 2]);
    expect(statuses.map((packet) => given(packet)[3])).toEqual([4, 9]);
    expect(offer(device, DATA_IN, 8, 17).status).toBe('stall');
    offer(device, COMMAND, command(17, read10(3, 1)));
    // Without a packet of its stream the answer waits.
    expect(device.save().answers).toHaveLength(1);
  });

  it('refuses in the words of the standard', () => {
    const { device } = uasWith(newDisk(false));
    const answerTo = (bytes: Uint8Array): readonly number[] => {
      expect(offer(device, COMMAND, bytes).status).toBe('success');
      return [...given(offer(device, STATUS, 34))];
    };
    const sense = (bytes: readonly number[]) => [bytes[6], bytes[15], bytes[18], bytes[28], bytes[29]];
    expect(sense(answerTo(unit(1, 5, [0, 0, 4, 0, 0, 0])))).toEqual([2, 18, 5, 0x26, 0]);
    expect(sense(answerTo(unit(1, 5, [0, 0, 0, 0, 1, 0])))).toEqual([2, 18, 5, 0x25, 0]);
    offer(device, COMMAND, command(6, read10(0, 1)));
    expect(sense(answerTo(command(6, read10(0, 1))))).toEqual([2, 18, 0xb, 0x4e, 0]);
    expect(answerTo(unit(5, 6, [1, 0, 0, 6]))).toEqual([4, 0, 0, 6, 0, 0, 0, 0x0a]);
    expect(answerTo(unit(5, 7, [1, 0, 0, 6]))).toEqual([4, 0, 0, 7, 0, 0, 0, 0]);
    expect(device.save().tasks).toEqual([]);
    expect(answerTo(unit(5, 7, [8, 0, 0, 0]))).toEqual([4, 0, 0, 7, 0, 0, 0, 0]);
    expect(answerTo(unit(5, 7, [2, 0, 0, 0]))).toEqual([4, 0, 0, 7, 0, 0, 0, 4]);
    expect(answerTo(unit(5, 7, [1, 0, 0, 0, 9, 0]))).toEqual([4, 0, 0, 7, 0, 0, 0, 9]);
    expect(offer(device, COMMAND, unit(2, 7, [])).status).toBe('stall');
    expect(offer(device, 5, new Uint8Array(4)).status).toBe('stall');
    // Reset by the unit's own condition, told with the answer and once.
    expect(sense(answerTo(command(8, [0, 0, 0, 0, 0, 0])))).toEqual([2, 18, 6, 0x29, 0]);
    expect(sense(answerTo(command(8, [0, 0, 0, 0, 0, 0])))).toEqual([0, 0, undefined, undefined, undefined]);
  });

  it('goes on where it was saved', async () => {
    for (const moment of [0, 1, 2, 3]) {
      const disk = newDisk(false);
      const first = uasWith(disk);
      offer(first.device, COMMAND, command(1, read10(5, MANY)));
      if (moment > 0) await settle();
      if (moment > 1) offer(first.device, DATA_IN, 140_000);
      if (moment > 2) await settle();
      const second = uasWith(disk);
      const saved = structuredClone(first.device.save());
      expect(first.device.vmstate.fields.misfit(saved)).toBeUndefined();
      second.device.restore(saved);
      await settle();
      const { device } = second;
      if (moment < 3) expect([...given(await carried(device, STATUS, 34))]).toEqual([6, 0, 0, 1]);
      const bytes: number[] = moment === 3 ? [...disk.bytes.subarray(5 * BLOCK, 5 * BLOCK + 140_000)] : [];
      while (bytes.length < MANY * BLOCK) {
        for (const byte of given(await carried(device, DATA_IN, 50_000))) bytes.push(byte);
      }
      const there = disk.bytes.subarray(5 * BLOCK, (5 + MANY) * BLOCK);
      expect(Buffer.compare(Uint8Array.from(bytes), there), `saved at ${moment}`).toBe(0);
    }
  });
});

deviceContract(
  'usb-uas',
  () => {
    const device = new UsbUas({ clock: new ManualClock(), attachesItself: false }, USB_SETTINGS);
    inPort(device, { attached: false });
    plugDisk(device, newDisk(false));
    return device;
  },
  (device) =>
    disturbWith(device, {
      tasks: [{ request: SAVED_COMMAND, active: true, taken: 2 }],
      answers: [{ stream: 0, bytes: Uint8Array.of(6, 0, 0, 9) }],
    }),
  (device) => [[...given(offer(device, STATUS, 34))], offer(device, STATUS, 34).status, device.address],
  ['attached'],
);

/** Packets of all kinds and sizes, in any order, while disks come and go and the bus is reset. */
async function harass(make: (disk: TestDisk) => { readonly device: UsbStorage | UsbUas }, seed: number) {
  const random = seededRandom(seed);
  const disk = newDisk(false);
  const { device } = make(disk);
  const waiting: OfferedPacket[] = [];
  const opcodes = [0x28, 0x2a, 0x12, 0x03, 0x25, 0x35, 0x15, 0x41, 0x42, 0x00, 0x1a, 0xa0, 0xff];
  for (let step = 0; step < 8_000; step++) {
    const cdb = Array.from({ length: 10 }, () => random(3) && random(256));
    cdb[0] = opcodes[random(opcodes.length)] ?? 0;
    if (random(2) > 0) cdb.splice(2, 6, 0, 0, 0, random(256), 0, random(2));
    const lun = random(6) === 0 ? random(20) : 0;
    const bytes =
      device instanceof UsbStorage
        ? wrapper({ cdb, length: random(3) * random(2000), out: random(2) > 0, tag: random(9), lun })
        : unit(random(9) === 0 ? random(8) : 1, random(20), [random(9), 0, 0, random(9), 0, lun], cdb);
    const kind = random(12);
    const stream = device instanceof UsbUas ? random(3) * random(18) : 0;
    if (kind < 4) waiting.push(offer(device, device instanceof UsbUas ? 1 : 2, bytes, 0));
    else if (kind < 7) waiting.push(offer(device, random(4) + 1, random(1500), stream));
    else if (kind < 9) waiting.push(offer(device, random(5), new Uint8Array(random(1500)), stream));
    else if (kind === 9 && random(4) === 0) device.busReset();
    else if (kind === 10 && random(9) === 0) await settle();
    else if (kind === 11 && waiting.length > 0) {
      const [one] = waiting.splice(random(waiting.length), 1);
      if (one?.status === 'async') device.cancel(one.packet);
    }
    if (random(400) === 0) {
      const saved = device.save();
      expect(device.vmstate.fields.misfit(saved)).toBeUndefined();
      waiting.length = 0;
      device.restore(structuredClone(saved) as never);
      await settle();
    }
  }
  await settle();
  expect(device.vmstate.fields.misfit(device.save())).toBeUndefined();
  return { device, disk };
}

describe('a hostile driver', () => {
  it('of a stick', async () => {
    const { device, disk } = await harass((disk) => ({ device: stickWith(disk).stick }), 3);
    device.busReset();
    disk.failure = undefined;
    device.scsi.units[0]?.reset();
    expect(offer(device, OUT, wrapper({ cdb: [0x12, 0, 0, 0, 36, 0], length: 36 })).status).toBe('success');
    expect(given(await carried(device, IN, 36))).toHaveLength(36);
    expect(await statusOf(device)).toEqual([7, 0, 0]);
  });

  it.each([HIGH, SUPER])('of an adapter for attached SCSI at speed %i', async (speeds) => {
    const { device } = await harass((disk) => uasWith(disk, speeds), 4);
    device.busReset();
    expect(offer(device, COMMAND, command(2, [0x12, 0, 0, 0, 36, 0])).status).toBe('success');
    const { tasks, answers } = device.save() as UsbUasState;
    expect(tasks.length + answers.length).toBe(1);
  });
});
