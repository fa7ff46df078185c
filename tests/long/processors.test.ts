/** Fifty rounds of what tests/guest/smp.test.ts does twice. */
import { expect, it } from 'vitest';
import { ADD_CPU, counted, cpuRounds, trouble } from '../support/cpu-rounds.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';

const MINUTES = 60_000;
const ROUNDS = 50;
const STOPPING_ROUNDS = 20;

it(
  'a processor comes, works and goes fifty times, under load',
  async () => {
    const smp = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 };
    const guest = new HeadlessGuest({ images: memoryImages(), config: { smp } });
    await guest.boot();
    await guest.settle();
    await guest.run('( while :; do cat /proc/stat > /dev/null; done ) & disown -a');
    await cpuRounds(guest, { rounds: ROUNDS, before: 1 });
    expect(await trouble(guest)).toBe('');
    await guest.end();
  },
  30 * MINUTES,
);

it(
  'it goes while Linux stops all processors again and again, to take another off line',
  async () => {
    const smp = { cpus: 2, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 };
    const guest = new HeadlessGuest({ images: memoryImages(), config: { smp } });
    await guest.boot();
    await guest.settle();
    // Messages of processors that go and come would stand in every answer; `trouble` reads them afterwards.
    await guest.run('dmesg -n 1');
    const toggled = '/sys/devices/system/cpu/cpu1/online';
    // Each write of a 0 is a stop_machine.
    await guest.run(
      `( n=0; while [ ! -e /tmp/end ]; do echo 0 > ${toggled}; echo 1 > ${toggled}; n=$((n+1)); echo $n > /tmp/toggles; done ) & disown -a`,
    );
    for (let round = 0; round < STOPPING_ROUNDS; round++) {
      const id = `cpu${round}`;
      expect(await guest.hmp(`${ADD_CPU},socket-id=3,id=${id}`)).toBe('');
      await guest.event('ACPI_DEVICE_OST');
      const file = '/sys/devices/system/cpu/cpu2/online';
      expect(
        await guest.ask(`until [ -e ${file} ]; do :; done; until echo 1 > ${file}; do :; done; cat ${file}`),
        id,
      ).toBe('1');
      expect(await guest.ask(counted(3, 20)), id).toBe(' 3 20');
      expect(await guest.hmp(`device_del ${id}`)).toBe('');
      await guest.event('DEVICE_DELETED');
      await guest.event('ACPI_DEVICE_OST');
      expect(await guest.ask(`[ -e ${file} ] || echo gone`), id).toBe('gone');
    }
    expect(await guest.ask('touch /tmp/end; sleep 3; nproc')).toBe('2');
    // The file is whole now that nobody writes it.
    expect(Number(await guest.ask('cat /tmp/toggles'))).toBeGreaterThan(STOPPING_ROUNDS);
    expect(await trouble(guest)).toBe('');
    await guest.end();
  },
  20 * MINUTES,
);
