/** Sticks and adapters on a USB, with disks, and a driver for them that gives them packets. */
import { expect } from 'vitest';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import type { Plain } from '../../src/emu/core/plain.ts';
import { Qdev } from '../../src/emu/qdev/tree.ts';
import { ScsiUnitHardware } from '../../src/emu/scsi/scsi-bus.ts';
import { ScsiDisk } from '../../src/emu/scsi/scsi-disk.ts';
import { SCSI_DISK_TYPES } from '../../src/emu/scsi/scsi-disk-types.ts';
import { SCSI_DISK_DEFAULTS } from '../../src/emu/scsi/scsi-facts.ts';
import type { UsbDevice } from '../../src/emu/usb/usb-device.ts';
import { UsbStorage } from '../../src/emu/usb/usb-storage.ts';
import { UsbUas } from '../../src/emu/usb/usb-uas.ts';
import { ManualClock, seededRandom } from './chip-rig.ts';
import { disturbControl, given, inPort, type OfferedPacket, offer, USB_SETTINGS } from './usb-rig.ts';
import { settle, TestDisk } from './virtio-driver.ts';

const DISK_BYTES = 1 << 20;
export const BLOCK = 512;
/** More than a disk hands out at a time. */
export const MANY = 300;
export const IN = 1;
export const OUT = 2;
export const STICK_LIMITS = { channel: 0, target: 0, lun: 15 };

export const read10 = (lba: number, blocks: number): number[] => [
  ...[0x28, 0, 0, 0, lba >> 8, lba & 0xff, 0, blocks >> 8, blocks & 0xff, 0],
];
export const write10 = (lba: number, blocks: number): number[] => [0x2a, ...read10(lba, blocks).slice(1)];

/** Each byte is the number of its block. */
export function newDisk(sync: boolean): TestDisk {
  const disk = new TestDisk(DISK_BYTES, { sync });
  for (let at = 0; at < DISK_BYTES; at += BLOCK) disk.bytes.fill((at / BLOCK) & 0xff, at, at + BLOCK);
  return disk;
}

/** That of all drives: a request of a restored machine goes on when it moves. */
export const driveClock = new ManualClock();

/** A unit of the device's bus. */
export function plugDisk(device: UsbStorage | UsbUas, disk: TestDisk, lun = 0): Qdev {
  const drive = { medium: { backend: disk }, gate: new DriveGate(driveClock) };
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

export function stickWith(disk: TestDisk) {
  const stick = inPort(new UsbStorage({ limits: STICK_LIMITS, attachesItself: true }, USB_SETTINGS));
  return { stick, qdev: plugDisk(stick, disk) };
}

interface Wrapper {
  readonly cdb: readonly number[];
  readonly length?: number;
  readonly out?: boolean;
  readonly tag?: number;
  readonly lun?: number;
}

export function wrapper({ cdb, length = 0, out = false, tag = 7, lun = 0 }: Wrapper): Uint8Array {
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
export async function carried(
  device: UsbDevice,
  endpoint: number,
  data: number | Uint8Array,
): Promise<OfferedPacket> {
  for (let tries = 0; tries < 1000; tries++) {
    const offered = offer(device, endpoint, data);
    while (offered.status === 'async') {
      driveClock.step(1);
      await settle();
    }
    if (offered.status !== 'nak') return offered;
    driveClock.step(1);
    await settle();
  }
  throw new Error('a packet was never taken');
}

/** The tag, what was not moved, and the status. */
export async function statusOf(device: UsbDevice): Promise<readonly number[]> {
  const bytes = given(await carried(device, IN, 13));
  const view = new DataView(bytes.buffer);
  expect(view.getUint32(0, true)).toBe(0x5342_5355);
  return [view.getUint32(4, true), view.getUint32(8, true), view.getUint8(12)];
}

export const pattern = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => (at * 31) >> 4);

export const SAVED_COMMAND = {
  ...{ tag: 9, lun: 0, cdb: Uint8Array.from([...read10(0, 2), 0, 0, 0, 0, 0, 0]), pending: false },
  ...{ piece: new Uint8Array(600), moved: 88, done: 0 },
};

/** As no driver brings a device, but a snapshot may: all of its own fields differ. */
export function disturbWith<S extends Plain & object>(device: UsbDevice<S>, own: Partial<S>): void {
  if (!device.attached) device.port?.bus.attach(device);
  disturbControl(device);
  device.restore({ ...device.save(), ...own });
}

export const COMMAND = 1;
export const STATUS = 2;
export const DATA_IN = 3;
export const DATA_OUT = 4;
export const HIGH = 4;
export const SUPER = 8;

export function uasWith(disk: TestDisk, speeds = HIGH) {
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

export function unit(
  id: number,
  tag: number,
  rest: readonly number[],
  cdb: readonly number[] = [],
): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set([id, 0, tag >> 8, tag & 0xff, ...rest]);
  bytes.set(cdb, 16);
  return bytes;
}
export const command = (tag: number, cdb: readonly number[], lun = 0): Uint8Array =>
  unit(1, tag, [0, 0, 0, 0, 0, lun], cdb);

/** Packets of all kinds and sizes, in any order, while disks come and go and the bus is reset. */
export async function harass(
  make: (disk: TestDisk) => { readonly device: UsbStorage | UsbUas },
  seed: number,
  steps: number,
) {
  const random = seededRandom(seed);
  const disk = newDisk(false);
  const { device } = make(disk);
  const waiting: OfferedPacket[] = [];
  const opcodes = [0x28, 0x2a, 0x12, 0x03, 0x25, 0x35, 0x15, 0x41, 0x42, 0x00, 0x1a, 0xa0, 0xff];
  for (let step = 0; step < steps; step++) {
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
