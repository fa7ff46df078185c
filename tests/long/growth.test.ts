/** What a process grows by while a disk comes and goes a thousand times under Linux, and while nothing happens at all. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { liveObjects } from '../support/live-objects.ts';
import { BOOT_MS, PROMPT, type Run } from '../support/program.ts';
import { programRuns } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
/** Meanwhile the guest's drivers are compiled, and the heap gets the size that it needs. */
const WARM_CYCLES = 200;
const CYCLES = 1000;
const SAMPLE_EVERY = 20;

const { at, start } = programRuns('-display', 'none', '-nodefaults', '-guest', 'debian-amd64');

function residentBytes({ process }: Run): number {
  const [, kib = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** A disk comes, Linux reads it, and it goes. */
async function cycle(run: Run, client: QmpClient): Promise<void> {
  const line = 'drive_add 0 if=none,file=disk,format=raw,id=d';
  expect(await client.ask('human-monitor-command', { 'command-line': line })).toBe('OK\r\n');
  await client.ask('device_add', { driver: 'virtio-blk-pci', id: 'v', drive: 'd' });
  run.type(
    'until [ -b /dev/vda ]; do usleep 10000; done; dd if=/dev/vda bs=512 count=1 2> /dev/null | wc -c\n',
  );
  expect(await run.until(PROMPT, 60_000)).toMatch(/\b512\r?\n/);
  await client.ask('device_del', { id: 'v' });
  await client.event('DEVICE_DELETED');
  await client.event('DEVICE_DELETED');
  client.messages.length = 0;
}

/** The least that was resident between two garbage collections. */
async function cycles(count: number, run: Run, client: QmpClient): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= count; n++) {
    await cycle(run, client);
    if (n % SAMPLE_EVERY === 0) least = Math.min(least, residentBytes(run));
  }
  return least;
}

it('a thousand plugs and unplugs grow the process by less than 20 MB', {
  timeout: 60 * MINUTES,
}, async () => {
  writeFileSync(at('disk'), '');
  truncateSync(at('disk'), MIB);
  const run = start('-serial', 'stdio', '-qmp', 'unix:qmp,server=on,wait=off');
  const client = await QmpClient.connect(at('qmp'));
  await client.greeting();
  await client.ask('qmp_capabilities');
  await run.until(PROMPT, BOOT_MS);
  run.type('echo 1 > /proc/sys/kernel/printk\n');
  await run.until(PROMPT);
  await cycles(WARM_CYCLES, run, client);
  const before = await cycles(WARM_CYCLES, run, client);
  await cycles(CYCLES - 3 * WARM_CYCLES, run, client);
  const after = await cycles(WARM_CYCLES, run, client);
  process.stdout.write(`${Math.round(before / MIB)} MiB, then ${Math.round(after / MIB)} MiB\n`);
  expect(after - before).toBeLessThan(20e6);
  expect(await client.ask('query-block')).toEqual([]);
});

describe('half an hour in which nothing happens', () => {
  // With icountShift idle time passes at once: half an hour of the guest's timers and ticks, not of the host's.
  it('changes neither memory nor what monitors answer', { timeout: 30 * MINUTES }, async () => {
    const guest = new HeadlessGuest({ images: memoryImages(), config: { icountShift: 3 } });
    await guest.boot();
    await guest.settle();
    await guest.run('sleep 300', 600);
    const answers = async (): Promise<readonly string[]> => {
      const lines = [
        'info qtree',
        'info pci',
        'info block',
        'info chardev',
        'info cpus',
        'info status',
        'info mtree',
      ];
      const told: string[] = [];
      for (const line of lines) told.push(await guest.hmp(line));
      return told;
    };
    const before = { told: await answers(), live: await liveObjects() };
    const started = Number(await guest.ask('cut -d. -f1 /proc/uptime'));
    await guest.run('sleep 1800', 1800);
    expect(Number(await guest.ask('cut -d. -f1 /proc/uptime')) - started).toBeGreaterThanOrEqual(1800);
    const live = await liveObjects();
    expect(await answers()).toEqual(before.told);
    expect(live.count - before.live.count).toBeLessThan(1000);
    expect(live.bytes - before.live.bytes).toBeLessThan(2 * MIB);
    await guest.end();
  });
});
