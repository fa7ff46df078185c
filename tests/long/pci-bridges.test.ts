/** Linux's own shpchp drives the hotplug controller of a bridge: it does so only without ACPI, as on QEMU. And a hostile driver, for longer. */
import { expect, it } from 'vitest';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { Machine, Monitor } from '../../src/emu/index.ts';
import { replayOn, startedWith } from '../support/bridge-guest.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { guestFiles, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const NO_ACPI_BEHIND = {
  driver: 'PIIX4_PM',
  property: 'acpi-pci-hotplug-with-bridge-support',
  value: false,
} as const;

it(
  'bridge_shpc: what QEMU 7.2 and its guest answered, from our machine and the same guest',
  async () => {
    const devices = ['pci-bridge,id=br1,chassis_nr=1', 'virtio-rng-pci,id=r3,bus=br1,addr=3'];
    const append = `${guestFiles().append} acpi=off`;
    const guest = await startedWith(devices, { append, globals: [NO_ACPI_BEHIND] });
    await replayOn(guest, 'bridge_shpc');
    expect(guest.warnings).toEqual([]);
    await guest.end();
  },
  4 * MINUTES,
);

it(
  'three million accesses to bridges: nothing throws, hangs or grows',
  async () => {
    const random = seededRandom(11);
    const host = {
      monotonicNs: () => 0,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    };
    const machine = new Machine({ memoryBytes: 64 * 2 ** 20, coldPlug: true }, host);
    const monitor = new Monitor({ machine });
    machine.completeNuma();
    for (const bridge of ['pci-bridge,id=b1,chassis_nr=1,addr=4', 'i82801b11-bridge,id=b2,addr=5'])
      expect(await monitor.execute(`device_add ${bridge}`)).toBe('');
    machine.devices.machineReady();
    for (const line of ['pci-bridge,id=h,chassis_nr=3,addr=6', 'virtio-rng-pci,id=r,bus=h,addr=1'])
      expect(await monitor.execute(`device_add ${line}`)).toBe('');
    const { ports, physical } = machine.board;
    const sizes: readonly AccessSize[] = [1, 2, 4];
    const set = (slot: number, register: number, value: number): void => {
      ports.write(0xcf8, 4, 0x8000_0000 + slot * 0x800 + register);
      ports.write(0xcfc, 4, value);
    };
    const controller = (slot: number): number => 0xfe00_0000 + slot * 0x1000;
    for (let count = 0; count < 3_000_000; count++) {
      const size = sizes[random(3)] ?? 1;
      if (count % 50 === 0) {
        for (const slot of [4, 6]) {
          set(slot, 0x10, controller(slot));
          set(slot, 0x04, 6);
        }
      }
      if (random(2) === 0) {
        const bdf = (random(4) << 8) | ((random(3) === 0 ? 1 : 4 + random(3)) << 3);
        ports.write(0xcf8, 4, 0x8000_0000 + bdf * 0x100 + (random(64) << 2));
        ports.write(0xcfc + random(4), size, random(2 ** 32));
      } else {
        const at = controller(random(2) === 0 ? 4 : 6) + random(0x100);
        if (random(3) === 0) physical.read(at, size);
        else physical.write(at, size, random(2 ** 32));
      }
    }
    expect(machine.board.physical.list().length).toBeLessThan(50);
    expect(machine.memory.arena.used, 'bytes of RAM that somebody wrote').toBeLessThan(2 ** 22);
    await monitor.execute('info pci');
    await machine.close();
  },
  MINUTES,
);
