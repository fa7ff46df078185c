/** Only this level catches what a whole Linux, its drivers and a disk under work need of a snapshot. */
import { afterAll, describe, expect, it } from 'vitest';
import { Machine, type MachineHost, MemoryChunkDatabase } from '../../src/emu/index.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { copyOfImages, guestFiles, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { advance, everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;
const DISK = '/tmp/disk1.img';
const CONFIG = { icountShift: 3, rtcBaseMs: 1_700_000_000_000 };
const random = seededRandom(0x5eed);

const host = (images: MachineHost['images']): MachineHost => ({
  monotonicNs: () => performance.now() * 1e6,
  wallClockMs: () => Date.now(),
  after: (delayMs, callback) => void setTimeout(callback, delayMs),
  random: (bytes) => void bytes.fill(0),
  images,
});

/** Both run for so long, and must then be equal to the last bit. */
async function compareFor(instructions: number, one: Machine, other: Machine): Promise<void> {
  await advance(one, instructions);
  await advance(other, instructions);
  const where = `${one.retiredInstructions}, ${instructions} later`;
  expect(await everything(other), where).toEqual(await everything(one));
}

describe('Linux, saved and restored', () => {
  it(
    'goes on as the one that was not, from anywhere in its boot',
    async () => {
      const images = memoryImages();
      const machine = new Machine({ ...guestFiles(), ...CONFIG }, host(images));
      for (let round = 0; round < 5; round++) {
        await advance(machine, random(100_000_000));
        const restored = await machineOf(await snapshotBytes(machine), host(images), CONFIG);
        for (const most of [1000, 100_000, 8_000_000]) {
          await compareFor(random(most), machine, restored);
        }
      }
    },
    5 * MINUTES,
  );
});

describe("the page's snapshot", () => {
  const DAY_MS = 86_400_000;

  it.each([3.5, 400])(
    'has the time of day at its prompt, %d days after it was made',
    async (days) => {
      const laterMs = days * DAY_MS;
      const guest = await HeadlessGuest.atPrompt({ images: memoryImages(), laterMs });
      const seconds = Number(await guest.ask('date +%s'));
      // A guest on a busy host is some seconds late while it works.
      expect(Math.abs(seconds - (Date.now() + laterMs) / 1000)).toBeLessThan(30);
      // On a busy host it may still be at it.
      await guest.run('for n in $(seq 50); do pidof hwclock > /dev/null || break; sleep 0.1; done');
      expect(await guest.ask('jobs; pidof hwclock; ls /etc/adjtime 2> /dev/null')).toBe('');
      await guest.end();
    },
    MINUTES,
  );
});

describe('a hot-plugged disk under work', () => {
  const database = new MemoryChunkDatabase();
  const images = memoryImages(database);
  let guest: HeadlessGuest;
  let machine: Machine;

  afterAll(() => guest.end());

  async function twin(): Promise<Machine> {
    const bytes = await snapshotBytes(machine);
    return machineOf(bytes, host(memoryImages(await copyOfImages(database))), CONFIG);
  }

  it(
    'works on in the restored machine as in the one that was saved',
    async () => {
      await images.createEmpty(DISK, 16 * MIB);
      guest = await HeadlessGuest.atPrompt({ images, config: CONFIG });
      ({ machine } = guest);
      await guest.hmp(`drive_add 0 if=none,file=${DISK},format=raw,id=disk1`);
      await guest.hmp('device_add virtio-blk-pci,drive=disk1,id=disk1');
      await guest.settle();
      await guest.run('dd if=/dev/urandom of=/tmp/data bs=64k count=16 2> /dev/null');
      guest.type(
        'while :; do dd if=/tmp/data of=/dev/vda bs=4k conv=fsync; cmp -n 1048576 /tmp/data /dev/vda || break; done 2> /dev/null\n',
      );
      for (let round = 0; round < 4; round++) {
        await advance(machine, 500_000 + random(8_000_000));
        const restored = await twin();
        await compareFor(random(200_000), machine, restored);
        await compareFor(random(5_000_000), machine, restored);
        await restored.close();
      }
    },
    5 * MINUTES,
  );

  it(
    'is unplugged in the restored machine as in the one that was saved',
    async () => {
      const restored = await twin();
      const told = [machine, restored].map((one) => {
        const events: string[] = [];
        one.events.listen(({ event }) => events.push(event));
        return events;
      });
      for (const one of [machine, restored]) {
        expect(one.devices.removable()).toEqual(['disk1']);
        one.devices.delete('disk1');
      }
      await compareFor(50_000, machine, restored);
      while (!told[0]?.includes('DEVICE_DELETED')) await advance(machine, 1_000_000);
      while (!told[1]?.includes('DEVICE_DELETED')) await advance(restored, 1_000_000);
      await compareFor(1_000_000, machine, restored);
      expect(restored.board.pciBus.devices().map(({ devfn }) => devfn)).toEqual([0, 8, 9, 11]);
      await restored.close();
    },
    3 * MINUTES,
  );
});
