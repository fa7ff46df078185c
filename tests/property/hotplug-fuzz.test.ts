/**
 * A guest that does anything to the hotplug registers while the user plugs and unplugs processors, DIMMs and cards: nothing throws, the boot
 * processor stays, what monitors list is what the machine has, and a snapshot brings the same machine back.
 */
import { describe, expect, it } from 'vitest';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { Machine, Monitor } from '../../src/emu/index.ts';
import { seededRandom } from '../support/chip-rig.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 2 ** 20;
const SMP = { cpus: 2, maxCpus: 6, sockets: 6, dies: 1, cores: 1, threads: 1 };
const SLOTS = 3;
const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1);
const STEPS = 700;
const SIZES: readonly AccessSize[] = [1, 2, 4];
/** GPE 0, PCI, CPU and memory hotplug: base and length. */
const BLOCKS = [
  [0xafe0, 4],
  [0xae00, 0x18],
  [0xaf00, 0x20],
  [0x0a00, 0x18],
] as const;
const EJECT = 8;
/** What a driver writes, beside anything else. */
const TELLING = [0, 1, 2, 3, 4, 5, 8, 0x10, 0xff, 0x80000000, 0xffffffff];

function hostOf() {
  const images = memoryImages();
  return { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
}

function lineOf(random: (below: number) => number): string {
  const n = random(SMP.maxCpus);
  const dimm = random(SLOTS + 1);
  const lines = [
    `device_add qemu64-x86_64-cpu,id=cpu${n},socket-id=${n},core-id=0,thread-id=0`,
    `device_del cpu${n}`,
    `object_add memory-backend-ram,id=mem${dimm},size=128M`,
    `object_del mem${dimm}`,
    `device_add pc-dimm,id=dimm${dimm},memdev=mem${dimm}`,
    `device_del dimm${dimm}`,
    `device_add virtio-rng-pci,id=rng${n}`,
    `device_del rng${n}`,
    'system_reset',
  ];
  return lines[random(lines.length)] ?? '';
}

/** Present places, as the monitor lists them, and as the machine has them. */
async function processorsOf(machine: Machine, monitor: Monitor): Promise<readonly [number, number]> {
  const listed = (await monitor.execute('info hotpluggable-cpus')).match(/qom_path/g)?.length ?? 0;
  return [listed, machine.processors.present.length];
}

async function sizes(machine: Machine, monitor: Monitor): Promise<readonly [number, number]> {
  const listed = (await monitor.execute('info memory-devices')).match(/size: (\d+)/g) ?? [];
  const inRegions = machine.memory.regions.reduce(
    (sum, { gpa, size }) => sum + (gpa >= 2 ** 32 ? size : 0),
    0,
  );
  return [listed.reduce((sum, line) => sum + Number(line.slice('size: '.length)), 0), inRegions];
}

describe('a guest that writes anything to the hotplug registers', () => {
  it.each(SEEDS)('seed %i', async (seed) => {
    const random = seededRandom(seed);
    const config = { memoryBytes: 64 * MIB, smp: SMP, dimms: { slots: SLOTS, maxBytes: 1024 * MIB } };
    const machine = new Machine(config, hostOf());
    const monitor = new Monitor({ machine });
    const events = new Set<string>();
    machine.events.listen(({ event }) => events.add(event));
    const { ports } = machine.board;
    for (let step = 0; step < STEPS; step++) {
      if (random(8) === 0) {
        await monitor.execute(lineOf(random));
        continue;
      }
      if (random(8) === 0) {
        const [select, flags] = random(2) === 0 ? [0xaf00, 0xaf04] : [0xa00, 0xa14];
        ports.write(select, 4, random(SMP.maxCpus));
        ports.write(flags, 1, EJECT);
        continue;
      }
      const [base, length] = BLOCKS[random(BLOCKS.length)] ?? BLOCKS[0];
      const size = SIZES[random(SIZES.length)] ?? 1;
      const port = base + random(length);
      if (random(3) === 0) ports.read(port, size);
      else
        ports.write(port, size, random(2) === 0 ? (TELLING[random(TELLING.length)] ?? 0) : random(2 ** 30));
      if (step % 50 !== 0) continue;
      const [listed, present] = await processorsOf(machine, monitor);
      expect(listed).toBe(present);
      expect(machine.processors.at(0)).toBeDefined();
      const [told, there] = await sizes(machine, monitor);
      expect(told).toBe(there);
    }
    expect(events.size, 'hardly anything happened').toBeGreaterThanOrEqual(2);
    const restored = await machineOf(await snapshotBytes(machine), hostOf());
    const again = new Monitor({ machine: restored });
    for (const line of ['info hotpluggable-cpus', 'info memory-devices', 'info pci', 'info cpus']) {
      expect(await again.execute(line), line).toBe(await monitor.execute(line));
    }
    await restored.close();
    await machine.close();
  });
});
