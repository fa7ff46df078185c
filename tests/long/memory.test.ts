/** Only many rounds show memory that is lost one piece at a time; only two equal runs, that nothing in them is left to chance. */
import { expect, it } from 'vitest';
import { useDimms } from '../support/dimm-rounds.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { useBoth } from '../support/virtio-memory-rounds.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, rtcBaseMs: 1_700_000_000_000, dimms: { slots: 4, maxBytes: 1024 * MIB } };
const PROMPT = 'guest# ';

it('a DIMM comes and goes fifty times under Linux', { timeout: 20 * MINUTES }, async () => {
  const guest = new HeadlessGuest({ images: memoryImages(), config: CONFIG });
  await guest.boot();
  await useDimms(guest, 50);
  await guest.end();
});

it('memory comes and goes fifty times by virtio under Linux', { timeout: 30 * MINUTES }, async () => {
  const guest = new HeadlessGuest({ images: memoryImages(), config: { ...CONFIG, memoryBytes: 512 * MIB } });
  await guest.boot();
  for (const line of [
    'object_add memory-backend-ram,id=vm0,size=256M',
    'device_add virtio-mem-pci,id=vmem0,memdev=vm0',
    'device_add virtio-balloon-pci,id=b',
  ]) {
    expect(await guest.hmp(line)).toBe('');
  }
  await guest.settle();
  await useBoth(guest, 'vmem0', 50);
  await guest.end();
});

interface Step {
  readonly hmp: readonly string[];
  readonly shell: string;
}

const ROUND: readonly Step[] = [
  {
    hmp: ['object_add memory-backend-ram,id=m,size=128M', 'device_add pc-dimm,id=d,memdev=m'],
    shell: 'sleep 1; dd if=/dev/urandom of=/t/x bs=1M count=40; md5sum /t/x; rm /t/x',
  },
  { hmp: ['device_del d'], shell: 'sleep 1; grep MemTotal /proc/meminfo' },
  { hmp: ['object_del m'], shell: 'uptime' },
];
const STEPS: readonly Step[] = [
  {
    hmp: [],
    shell:
      'echo online_movable > /sys/devices/system/memory/auto_online_blocks; mkdir -p /t; mount -t tmpfs -o size=250m t /t',
  },
  ...ROUND,
  ...ROUND,
  ...ROUND,
];

/** At each prompt the machine stops, so that what is asked of it comes at the same instruction in each run. */
async function run(sliceMs: number): Promise<readonly [log: string, instructions: number, memory: string]> {
  const guest = new HeadlessGuest({ images: memoryImages(), sliceMs, config: CONFIG });
  const { machine } = guest;
  const steps = [...STEPS];
  let shown = '';
  let done = false;
  const take = async (step: Step): Promise<void> => {
    for (const line of step.hmp) expect(await guest.hmp(line)).toBe('');
    guest.type(`${step.shell}\n`);
    machine.cont();
  };
  guest.onOutput = (text) => {
    shown += text;
    if (!shown.includes(PROMPT)) return;
    shown = '';
    machine.stop();
    const step = steps.shift();
    if (step === undefined) done = true;
    else void take(step);
  };
  machine.cont();
  await guest.poll(() => done, 600);
  const result = [guest.log, machine.retiredInstructions, guest.hash()] as const;
  await guest.end();
  return result;
}

it('the same run twice, with a DIMM that comes and goes: the same memory', {
  timeout: 20 * MINUTES,
}, async () => {
  const [first, second] = [await run(3), await run(40)];
  expect(second[0]).toBe(first[0]);
  expect(second.slice(1)).toEqual(first.slice(1));
  expect(first[0].match(/MemTotal/g)).toHaveLength(6);
});
