/** USB attached SCSI, packet by packet. */
import { describe, expect, it } from 'vitest';
import { UsbUas, type UsbUasState } from '../../src/emu/usb/usb-uas.ts';
import { ManualClock } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { given, inPort, offer, USB_SETTINGS } from '../support/usb-rig.ts';
import {
  BLOCK,
  COMMAND,
  carried,
  command,
  DATA_IN,
  DATA_OUT,
  disturbWith,
  driveClock,
  HIGH,
  harass,
  MANY,
  newDisk,
  pattern,
  plugDisk,
  read10,
  SAVED_COMMAND,
  STATUS,
  SUPER,
  uasWith,
  unit,
  write10,
} from '../support/usb-storage-rig.ts';
import { settle } from '../support/virtio-driver.ts';

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
    for (let n = 0; n < 8; n++) {
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
      driveClock.step(1);
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

describe('a hostile driver', () => {
  it.each([HIGH, SUPER])('of an adapter for attached SCSI at speed %i', async (speeds) => {
    const { device } = await harass((disk) => uasWith(disk, speeds), 4, 12_000);
    device.busReset();
    expect(offer(device, COMMAND, command(2, [0x12, 0, 0, 0, 36, 0])).status).toBe('success');
    const { tasks, answers } = device.save() as UsbUasState;
    expect(tasks.length + answers.length).toBeGreaterThan(0);
  });
});
