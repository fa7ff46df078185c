/** Only this level catches what Linux makes of the words of other years: that they do what today's words do. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDialect } from '../../src/emu/monitor/dialects/dialects.ts';
import { Monitor } from '../../src/emu/monitor/monitor.ts';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const SECONDS = 60;
const MIB = 2 ** 20;
const DISK = '/tmp/empty.img';
const CPUS = "ls /sys/devices/system/cpu | grep -c '^cpu[0-9]'";

const images = memoryImages();
let guest: HeadlessGuest;
let events: string[];

const monitorOf = (dialect: string): Monitor =>
  new Monitor({ machine: guest.machine, dialect: findDialect(dialect) });
const cpus = (): number => guest.machine.inspect.cpus().length;

/** Asks Linux again until it answers so, or its time is up. */
async function becomes(command: string, answer: string): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; ; ) {
    const said = await guest.ask(command);
    if (said === answer || Date.now() > end) {
      expect(said).toBe(answer);
      return;
    }
  }
}

beforeAll(async () => {
  await images.createEmpty(DISK, 8 * MIB);
  guest = await HeadlessGuest.atPrompt({ images });
  await guest.settle();
  events = [];
  guest.machine.events.listen(({ event }) => events.push(event));
}, 4 * MINUTES);
afterAll(() => guest.end());

it(
  'K3, K4, K5: cpu_set 2 online is the third processor, and offline takes it out again',
  async () => {
    const monitor = monitorOf('qemu-kvm-0.15');
    expect(await monitor.execute('cpu_set 2 online')).toMatch(/^note: .*\n$/);
    await becomes(CPUS, '2');
    // Linux numbers processors as they come.
    expect(await guest.ask('grep -c ^processor /proc/cpuinfo; nproc')).toBe('1\n1');
    expect(
      await guest.ask('echo 1 > /sys/devices/system/cpu/cpu1/online; cat /sys/devices/system/cpu/online'),
    ).toBe('0-1');
    expect(await guest.ask('grep -c ^processor /proc/cpuinfo; nproc')).toBe('2\n2');
    expect(await monitor.execute('info cpus')).toMatch(
      /^\* CPU #0: pc=.*\n {2}CPU #2: pc=0x[0-9a-f]{16}.*\n$/,
    );
    await guest.settle();
    expect(await monitor.execute('cpu_set 2 offline')).toBe('');
    await guest.poll(
      () => cpus() === 1,
      SECONDS,
      () => 'end of the processor',
    );
    await becomes(CPUS, '1');
  },
  4 * MINUTES,
);

it(
  'L4, L6: pci_add brings a disk, and pci_del takes it out by the number that pci_add told',
  async () => {
    const monitor = monitorOf('1.1');
    const answer = await monitor.execute(`pci_add auto storage file=${DISK},format=raw,if=virtio`);
    const slot = /^OK domain 0, bus 0, slot (\d+), function 0\n$/.exec(answer)?.[1];
    expect(slot).toBeDefined();
    await becomes('cat /sys/block/vda/size', String((8 * MIB) / 512));
    await guest.settle();
    expect(await monitor.execute(`pci_del ${slot}`)).toBe('');
    await guest.poll(
      () => guest.machine.drives.list().length === 0,
      SECONDS,
      () => 'end of the disk',
    );
    await becomes('ls /sys/block', '');
  },
  4 * MINUTES,
);

it(
  'K9, K11: the transcript of QMP, with a guest that lets the processor go',
  async () => {
    const told: string[] = [];
    const qmp = new QmpCaller((event) => told.push(event), {
      machine: guest.machine,
      nowMs: () => Date.now(),
      dialect: findDialect('5.1'),
    });
    const call = async (execute: string, args: object): Promise<unknown> =>
      JSON.parse(await qmp.call(JSON.stringify({ execute, arguments: args })));
    const place = { 'socket-id': 0, 'core-id': 1, 'thread-id': 0 };
    expect(await call('device_add', { id: 'cpu-2', driver: 'qemu64-x86_64-cpu', ...place })).toEqual({
      return: {},
    });
    await becomes(CPUS, '2');
    await guest.settle();
    expect(await call('device_del', { id: 'cpu-2' })).toEqual({ return: {} });
    await guest.poll(
      () => cpus() === 1,
      SECONDS,
      () => 'end of the processor',
    );
    expect(told.some((event) => /DEVICE_DELETED.*cpu-2/.test(event))).toBe(true);
  },
  4 * MINUTES,
);
