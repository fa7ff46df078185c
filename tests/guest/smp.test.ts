/** Only this level catches what a whole Linux needs of several processors, and of processors that come and go while it runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineConfig, MachineHost } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { ADD_CPU, counted, cpuRounds, trouble } from '../support/cpu-rounds.ts';
import { waitFor } from '../support/guest-waits.ts';
import { guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, readRecording, replay } from '../support/replay.ts';
import { advance, everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const LITMUS = join(import.meta.dirname, '../oracle/linux/litmus.elf');
const MIB = 2 ** 20;
const ONLINE = '/sys/devices/system/cpu/online';
const NODES = '/sys/devices/system/node';
const FOUR_SOCKETS = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 };
const NOT_OURS = /"(RTC_CHANGE|NIC_RX_FILTER_CHANGED)"/;
/** QEMU 7.2 without KVM never tells that the processor itself is gone. */
const ONLY_OURS = /"DEVICE_DELETED","data":\{"device":"cpu-/;

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A node for each of two sockets. Half of the memory is in the second, which has no processor yet. */
async function makeNodes({ machine }: HeadlessGuest): Promise<void> {
  for (const id of ['ram0', 'ram1']) {
    machine.objects.add(parseOptions(`memory-backend-ram,id=${id},size=128M`, 'qom-type', () => {}));
    machine.numa.set({ type: 'node', memdev: id }, () => {});
  }
  machine.numa.set({ type: 'dist', src: 0, dst: 1, val: 31 }, () => {});
  machine.completeNuma();
  machine.devices.machineReady();
}

describe('Linux on four processors', () => {
  let guest: HeadlessGuest;

  beforeAll(async () => {
    const smp = { cpus: 4, maxCpus: 8, sockets: 2, dies: 1, cores: 2, threads: 2 };
    const config = {
      ...{ smp, cpu: 'IvyBridge-IBRS', machineType: 'pc-i440fx-6.1', memoryBytes: 256 * MIB },
      ...{ dimms: { slots: 1, maxBytes: 512 * MIB }, coldPlug: true },
    };
    const images = memoryImages();
    await images.upload('litmus', pieces(readFileSync(LITMUS)));
    guest = new HeadlessGuest({ images, config });
    await makeNodes(guest);
    await guest.boot();
    // Linux takes no processor off line while a driver looks at its device.
    await guest.settle();
  }, 4 * MINUTES);
  afterAll(() => guest.end());
  /** In MiB. */
  const memoryOf = async (node: number): Promise<number> =>
    Number(await guest.ask(`awk '/MemTotal/ { print $4 }' ${NODES}/node${node}/meminfo`)) / 1024;

  it('knows their model, and what they execute', async () => {
    expect(await guest.ask("grep '^model name' /proc/cpuinfo | sort -u | tr -d '\\t'")).toBe(
      'model name: Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)',
    );
    const flags = (await guest.ask('grep -m1 ^flags /proc/cpuinfo')).split(' ');
    // The second level of the x86-64 psABI, and what the model has beyond it.
    expect(flags).toEqual(
      expect.arrayContaining(['cx16', 'lahf_lm', 'popcnt', 'pni', 'ssse3', 'sse4_1', 'sse4_2', 'fsgsbase']),
    );
    expect(flags).toEqual(expect.arrayContaining(['smep', 'rdrand', 'rdtscp', 'erms']));
    expect(await guest.ask('cat /sys/class/dmi/id/product_version')).toBe('pc-i440fx-6.1');
  });

  it('has all of them, where the board says they are', async () => {
    expect(await guest.ask(`nproc; cat ${ONLINE}; grep ^apicid /proc/cpuinfo | tr -d '\\t'`)).toBe(
      '4\n0-3\napicid: 0\napicid: 1\napicid: 2\napicid: 3',
    );
    expect(await guest.hmp('info cpus')).toBe(
      '* CPU #0: thread_id=1\n  CPU #1: thread_id=2\n  CPU #2: thread_id=3\n  CPU #3: thread_id=4\n',
    );
    expect(await trouble(guest)).toBe('');
  });

  it(
    'works on all of them at once, and moves work from one to another',
    async () => {
      expect(await guest.ask(counted(8, 400))).toBe(' 8 400');
      for (const cpu of [0, 1, 2, 3]) {
        expect(await guest.ask(`taskset ${1 << cpu} sh -c 'cut -d " " -f 39 /proc/self/stat'`)).toBe(
          String(cpu),
        );
      }
      const timers = await guest.ask('grep LOC /proc/interrupts | tr -s " " | cut -d " " -f 2-5');
      expect(timers.split(' ').every((count) => Number(count) > 0)).toBe(true);
      expect(await trouble(guest)).toBe('');
    },
    2 * MINUTES,
  );

  it(
    'ends right what threads on all of them do to one word, one lock and one page',
    async () => {
      expect(await guest.hmp('drive_add 0 if=none,file=litmus,format=raw,readonly=on,id=litmus')).toBe(
        'OK\n',
      );
      expect(await guest.hmp('device_add virtio-blk-pci,drive=litmus,id=litmus')).toBe('');
      await guest.ask(`${waitFor('[ -e /dev/vda ]')}; cat /dev/vda > /tmp/litmus; chmod +x /tmp/litmus`);
      const said = await guest.ask('/tmp/litmus 4 20000');
      expect(said.replaceAll(/ us \d+/g, '').split('\n')).toEqual([
        ...['add 80000', 'spin 80000', 'mutex 80000'],
        ...['pingpong 4000', 'remap 0', 'protect 0'],
      ]);
      expect(await trouble(guest)).toBe('');
    },
    2 * MINUTES,
  );

  it(
    'takes one after the other off line and on line again',
    async () => {
      for (const cpu of [1, 2, 3]) {
        const file = `/sys/devices/system/cpu/cpu${cpu}/online`;
        expect(await guest.ask(`echo 0 > ${file}; nproc; echo 1 > ${file}; nproc`)).toBe('3\n4');
      }
      expect(await guest.ask(counted(4, 200))).toBe(' 4 200');
      expect(await trouble(guest)).toBe('');
    },
    2 * MINUTES,
  );

  it('knows the nodes that they and the memory are in, and how far those are from each other', async () => {
    expect(
      await guest.ask(`cd ${NODES}; cat online has_cpu has_memory; cat node*/distance node*/cpulist; cd /`),
    ).toBe('0-1\n0\n0-1\n10 31\n31 10\n0-3');
    // Less what the kernel itself took of it at its start.
    const memory = await memoryOf(1);
    expect([memory > 112, memory <= 128]).toEqual([true, true]);
    expect(await guest.hmp('info numa')).toBe(
      '2 nodes\nnode 0 cpus: 0 1 2 3\nnode 0 size: 128 MB\nnode 0 plugged: 0 MB\n' +
        'node 1 cpus:\nnode 1 size: 128 MB\nnode 1 plugged: 0 MB\n',
    );
  });

  it('has a DIMM in the node that it is plugged into', async () => {
    const before = await memoryOf(1);
    guest.takeEvents();
    expect(await guest.hmp('object_add memory-backend-ram,id=mem1,size=128M')).toBe('');
    expect(await guest.hmp('device_add pc-dimm,id=dimm1,memdev=mem1,node=1')).toBe('');
    await guest.event('ACPI_DEVICE_OST');
    const block = `${NODES}/node1/memory32`;
    expect(
      await guest.ask(`cat ${block}/state; echo online_movable > ${block}/state; cat ${block}/state`),
    ).toBe('offline\nonline');
    expect(await memoryOf(1)).toBe(before + 128);
    expect(await trouble(guest)).toBe('');
  });

  it(
    'takes another of their model in the second socket, and of no other model',
    async () => {
      const place = 'socket-id=1,core-id=0,thread-id=0';
      expect(await guest.hmp(`device_add qemu64-x86_64-cpu,id=cpu-2,${place}`)).toBe(
        "Error: Invalid CPU type, expected cpu type: 'IvyBridge-IBRS-x86_64-cpu'\n",
      );
      // Nothing but what is said of each processor that is made: that not all of the model is there.
      expect(await guest.hmp(`device_add IvyBridge-IBRS-x86_64-cpu,id=cpu-2,${place}`)).toMatch(
        /^(warning: TCG doesn't support requested feature: .*\n)+$/,
      );
      const file = '/sys/devices/system/cpu/cpu4/online';
      expect(await guest.ask(`${waitFor(`[ -e ${file} ]`)}; echo 1 > ${file}; nproc`)).toBe('5');
      const topology = '/sys/devices/system/cpu/cpu4/topology';
      expect(await guest.ask(`cat ${topology}/physical_package_id; cat ${NODES}/node1/cpulist`)).toBe('1\n4');
      expect(await guest.ask(counted(5, 100))).toBe(' 5 100');
      expect(await guest.hmp('device_del cpu-2')).toBe('');
      expect(await guest.ask(`while [ -e ${file} ]; do sleep 0.1; done; nproc`)).toBe('4');
      expect(await trouble(guest)).toBe('');
    },
    2 * MINUTES,
  );

  it('costs nothing while it has nothing to do', async () => {
    await guest.settle();
    const before = guest.machine.retiredInstructions;
    const start = guest.machine.clock.nowNs();
    await guest.poll(() => guest.machine.clock.nowNs() - start > 2e9, 60);
    const perSecond =
      (guest.machine.retiredInstructions - before) / ((guest.machine.clock.nowNs() - start) / 1e9);
    // A busy processor does some hundred million.
    expect(perSecond).toBeLessThan(3_000_000);
  });
});

describe('processors that come and go, exactly', () => {
  const config: Partial<MachineConfig> = {
    icountShift: 3,
    rtcBaseMs: 1_700_000_000_000,
    smp: FOUR_SOCKETS,
  };
  let guest: HeadlessGuest;
  const host = (): MachineHost => ({
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => Date.now(),
    after: (delayMs, callback) => void setTimeout(callback, delayMs),
    random: (bytes) => void bytes.fill(0),
    images: memoryImages(),
  });

  beforeAll(async () => {
    guest = new HeadlessGuest({ images: memoryImages(), config });
    await guest.boot();
    // Linux refuses processors while a driver looks at its device.
    await guest.settle();
  }, 4 * MINUTES);
  afterAll(() => guest.end());

  it(
    'as QEMU 7.2 and its guest do it',
    async () => {
      guest.takeEvents();
      const target = guestTarget(guest);
      await replay(
        readRecording('cpu_hotplug'),
        { ...target, takeEvents: () => target.takeEvents().filter((event) => !ONLY_OURS.test(event)) },
        {
          rules: normalisations(new Set()),
          events: (event) => !NOT_OURS.test(event),
          guestAnswers: true,
          compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
        },
      );
      expect(await trouble(guest)).toBe('');
    },
    5 * MINUTES,
  );

  it(
    'in a snapshot, in the middle of a turn',
    async () => {
      await guest.unplugAll();
      for (const socket of [1, 3]) {
        expect(await guest.hmp(`${ADD_CPU},socket-id=${socket},id=hot${socket}`)).toBe('');
        await guest.event('ACPI_DEVICE_OST');
      }
      await guest.run('for file in /sys/devices/system/cpu/cpu*/online; do echo 1 > $file; done');
      await guest.run('( while :; do :; done ) & ( while :; do :; done ) & ( while :; do :; done ) &');
      guest.machine.stop();
      const { machine } = guest;
      for (const most of [1234, 77_777, 2_000_000]) {
        const restored = await machineOf(await snapshotBytes(machine), host(), config);
        expect(restored.processors.present.map(({ index }) => index)).toEqual([0, 1, 3]);
        await advance(machine, most);
        await advance(restored, most);
        expect(await everything(restored)).toEqual(await everything(machine));
      }
    },
    5 * MINUTES,
  );

  it(
    'under load, again after it was gone, before the boot, and over a reset',
    async () => {
      guest.machine.cont();
      await guest.ask('echo here');
      guest.takeEvents();
      expect(await guest.hmp('device_del hot1')).toBe('');
      await guest.event('DEVICE_DELETED');
      await guest.event('ACPI_DEVICE_OST');
      await cpuRounds(guest, { rounds: 2, before: 2 });
      expect(await trouble(guest)).toBe('');
      expect(await guest.hmp(`${ADD_CPU},socket-id=2,id=late`)).toBe('');
      expect(await guest.hmp('stop')).toBe('');
      expect(await guest.hmp('system_reset')).toBe('');
      expect(await guest.hmp(`${ADD_CPU},socket-id=1,id=early`)).toBe('');
      await guest.rebooted();
      // They were there when Linux looked first.
      expect(await guest.ask('nproc')).toBe('4');
      expect(await guest.hmp('info cpus')).toBe(
        '* CPU #0: thread_id=1\n  CPU #3: thread_id=4\n  CPU #2: thread_id=3\n  CPU #1: thread_id=2\n',
      );
      expect(await trouble(guest)).toBe('');
    },
    6 * MINUTES,
  );
});
