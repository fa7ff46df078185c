/**
 * A guest that does anything to bridges, their windows, numbers and hotplug controllers, while the user plugs cards and whole bridges in and
 * takes them out: nothing throws, what is in the tree is what is on the buses, and a snapshot brings the same machine back.
 */
import { describe, expect, it } from 'vitest';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { Machine, Monitor } from '../../src/emu/index.ts';
import type { PciBus } from '../../src/emu/pci/pci-bus.ts';
import { PciHardware } from '../../src/emu/pci/pci-hardware.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 2 ** 20;
const SEEDS = Array.from({ length: 4 }, (_, at) => at + 1);
const STEPS = 2500;
const SIZES: readonly AccessSize[] = [1, 2, 4];
const COLD = [
  'pci-bridge,id=b1,chassis_nr=1,addr=4',
  'pci-bridge,id=b2,chassis_nr=2,addr=1,bus=b1',
  'i82801b11-bridge,id=b3,addr=5,multifunction=on',
  'pci-bridge,id=b4,chassis_nr=4,addr=6,shpc=off',
];
const BUSES = ['pci.0', 'b1', 'b2', 'b3', 'b4', 'h0', 'h1', 'h2'];
const CONTROLLERS = 0xfe00_0000;
const HOTPLUG = 0xae00;
/** Registers of a header that matter here. */
const HEADER = [0x04, 0x10, 0x18, 0x19, 0x1a, 0x1c, 0x20, 0x22, 0x24, 0x28, 0x2c, 0x3e, 0x42, 0x4e, 0x50];

type Random = (below: number) => number;

function hostOf() {
  return { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() };
}

function lineOf(random: Random): string {
  const n = random(4);
  const bus = BUSES[random(BUSES.length)];
  const lines = [
    `device_add virtio-rng-pci,id=r${n},bus=${bus},addr=${1 + random(5)}`,
    `device_add virtio-rng-pci,id=r${n},bus=${bus},addr=${1 + random(3)}.${random(3)},multifunction=on`,
    `device_add pci-bridge,id=h${n},chassis_nr=${n + 5},bus=${bus},addr=${6 + random(3)}`,
    `device_add i82801b11-bridge,id=h${n},bus=${bus},addr=${6 + random(3)}`,
    `device_del r${n}`,
    `device_del h${n}`,
    `device_del b${n}`,
    'info pci',
    'system_reset',
  ];
  return lines[random(lines.length)] ?? '';
}

function valueFor(random: Random): number {
  const choices = [0, 1, 2, 7, 0x0f, 0x40, 0xff, 0xfb00_fb00, 0xffff_ffff, CONTROLLERS, random(2 ** 30)];
  return choices[random(choices.length)] ?? 0;
}

/** Anything that a driver may do. */
function access({ board }: Machine, random: Random): void {
  const { ports, physical } = board;
  const size = SIZES[random(SIZES.length)] ?? 1;
  const what = random(4);
  if (what === 0) {
    const bdf = (random(5) << 8) | (random(9) << 3) | (random(8) === 0 ? random(3) : 0);
    const register = random(4) === 0 ? random(256) : (HEADER[random(HEADER.length)] ?? 0);
    ports.write(0xcf8, 4, 0x8000_0000 + bdf * 0x100 + (register & 0xfc));
    ports.write(0xcfc + (register & 3), size, valueFor(random));
  } else if (what === 1) {
    const address = CONTROLLERS + random(0x100);
    if (random(2) === 0) physical.write(address, size, valueFor(random));
    else physical.write(CONTROLLERS + 0x14, 2, ((1 + random(8)) << 8) | random(64));
  } else if (what === 2) {
    ports.write(HOTPLUG + 0x10, 4, random(6));
    ports.write(HOTPLUG + 4 * random(6), 4, 2 ** random(9));
  } else {
    const value = physical.read(random(2) === 0 ? 0xfb00_0000 + random(0x1000) : random(2 ** 32), size);
    expect(Number.isInteger(value) && value >= 0 && value < 256 ** size).toBe(true);
  }
}

function functionsOn(bus: PciBus): number {
  return bus.devices().reduce((sum, { bridge }) => sum + 1 + (bridge ? functionsOn(bridge.secondary) : 0), 0);
}

describe('a guest that does anything to PCI', () => {
  it.each(SEEDS)('seed %i', async (seed) => {
    const random = seededRandom(seed);
    const machine = new Machine({ memoryBytes: 64 * MIB, coldPlug: true }, hostOf());
    const monitor = new Monitor({ machine });
    machine.completeNuma();
    for (const device of COLD) expect(await monitor.execute(`device_add ${device}`)).toBe('');
    machine.devices.machineReady();
    let deleted = 0;
    machine.events.listen(({ event }) => {
      if (event === 'DEVICE_DELETED') deleted++;
    });
    for (let step = 0; step < STEPS; step++) {
      if (random(6) === 0) await monitor.execute(lineOf(random));
      else access(machine, random);
      if (step % 100 !== 0) continue;
      const inTree = machine.devices.tree.devices().filter(({ hardware }) => hardware instanceof PciHardware);
      expect(functionsOn(machine.board.pciBus)).toBe(inTree.length);
    }
    expect(deleted, 'hardly anything left').toBeGreaterThan(5);
    const restored = await machineOf(await snapshotBytes(machine), hostOf());
    const again = new Monitor({ machine: restored });
    for (const line of ['info pci', 'info qtree', 'info mtree']) {
      expect(await again.execute(line), line).toBe(await monitor.execute(line));
    }
    await restored.close();
    await machine.close();
  });
});
