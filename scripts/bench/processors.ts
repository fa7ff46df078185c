/**
 * What several processors cost, as ratios of one run: `npx tsx scripts/bench/processors.ts [rounds]`. Needs the guest image.
 * The figures are CPU time of this process, or what the guest itself measured.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MachineConfig } from '../../src/emu/index.ts';
import { HeadlessGuest, memoryImages } from '../../tests/support/headless-guest.ts';

const LITMUS = join(import.meta.dirname, '../../tests/oracle/linux/litmus.elf');
const ROUNDS = Number(process.argv[2] ?? 3);
const IDLE_S = 10;
const WORK = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done';
const US_PER_S = 1e6;

function smp(cpus: number, maxCpus = cpus): Pick<MachineConfig, 'smp'> {
  return { smp: { cpus, maxCpus, sockets: maxCpus, dies: 1, cores: 1, threads: 1 } };
}

async function booted(cpus: number, maxCpus = cpus): Promise<HeadlessGuest> {
  const images = memoryImages();
  await images.upload('litmus', bytesOf(readFileSync(LITMUS)));
  const guest = new HeadlessGuest({ images, config: smp(cpus, maxCpus) });
  await guest.boot();
  return guest;
}

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** CPU seconds that `work` costs. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / US_PER_S;
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(2);
  return `${at(0.5)} (${at(0)}–${at(1)})`;
}

const figures = new Map<string, number[]>();
function note(name: string, value: number): void {
  figures.set(name, [...(figures.get(name) ?? []), value]);
}

async function busy(guest: HeadlessGuest): Promise<void> {
  // The first time heats it.
  await guest.ask(`( ${WORK} )`);
  const one = await cost(() => guest.ask(`taskset 1 bash -c '${WORK}'`));
  const all = [1, 2, 4, 8].map((mask) => `taskset ${mask} bash -c '${WORK}' &`).join(' ');
  const four = await cost(() => guest.ask(`( ${all} wait )`));
  note('4 busy vCPUs: throughput over that of one (wanted: 0.9)', (4 * one) / four);
}

async function pingPong(guest: HeadlessGuest): Promise<void> {
  const micros = async (cpus: number): Promise<number> =>
    Number(/pingpong \d+ us (\d+)/.exec(await guest.ask(`/tmp/litmus 2 40000 ${cpus}`))?.[1]);
  note(
    'futex ping-pong on 2 vCPUs: speed over that on one (wanted: 0.3)',
    (await micros(1)) / (await micros(2)),
  );
}

async function online(guest: HeadlessGuest, round: number): Promise<void> {
  const add = `device_add qemu64-x86_64-cpu,id=c${round},socket-id=4,core-id=0,thread-id=0`;
  await guest.hmp(add);
  await guest.event('ACPI_DEVICE_OST');
  const file = '/sys/devices/system/cpu/cpu4/online';
  const answer = await guest.ask(
    `until [ -e ${file} ]; do sleep 0.1; done; a=$(cut -d' ' -f1 /proc/uptime); echo 1 > ${file}; echo $a $(cut -d' ' -f1 /proc/uptime)`,
  );
  const [from = 0, to = 0] = answer.split(' ').map(Number);
  note('a hot-added vCPU is on line after s of the guest (wanted: 0.3)', to - from);
  await guest.hmp(`device_del c${round}`);
  await guest.event('DEVICE_DELETED');
}

for (let round = 0; round < ROUNDS; round++) {
  let one: HeadlessGuest | undefined;
  let four: HeadlessGuest | undefined;
  const alone = await cost(async () => {
    one = await booted(1);
  });
  await one?.end();
  const together = await cost(async () => {
    four = await booted(4, 5);
  });
  note('-smp 4 boots: CPU time over that of -smp 1 (wanted: 1.35 at most)', together / alone);
  if (four === undefined) break;
  await four.settle();
  await four.hmp('drive_add 0 if=none,file=litmus,format=raw,readonly=on,id=litmus');
  await four.hmp('device_add virtio-blk-pci,drive=litmus,id=litmus');
  await four.ask(
    'until [ -e /dev/vda ]; do sleep 0.1; done; cat /dev/vda > /tmp/litmus; chmod +x /tmp/litmus',
  );
  await busy(four);
  await pingPong(four);
  await online(four, round);
  await four.end();
}
const sixteen = await booted(16);
await sixteen.settle();
// What loads drivers beside the prompt ends first.
await sixteen.ask('sleep 5');
const share = (await cost(() => sixteen.ask(`sleep ${IDLE_S}`))) / IDLE_S;
note('16 idle vCPUs: share of a core (wanted: 0.03 at most)', share);
await sixteen.end();
for (const [name, values] of figures) process.stdout.write(`${name}: ${spread(values)}\n`);
