import { expect, it } from 'vitest';
import { EAGER, USUAL } from '../../src/emu/cpu/jit/hot-lines.ts';
import { FailingImages } from '../support/failing-images.ts';
import { HeadlessGuest, memoryImages, promptSnapshot } from '../support/headless-guest.ts';
import { visibleWords } from '../support/visible-words.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;
const RTC_BASE_MS = Date.UTC(2024, 0, 1);
const PROMPT = 'guest# ';
const REGIONS_MIN = 100;
/** What follows is compiled as usual: the JavaScript engine needs a tenth of a second for each. */
const REGIONS_EAGER = 120;
const WORK = [
  'until [ -b /dev/vda ]; do sleep 0.1; done',
  'dd if=/dev/urandom of=/dev/vda bs=4k count=40 conv=fsync 2> /dev/null',
  'md5sum < /dev/vda; date; cat /proc/uptime',
  "seq 400 | awk '{ s = s * 31 % 65537 + $1; print s / 7, $1 }' | sort -n | gzip | md5sum",
];

interface Run {
  readonly instructions: number;
  readonly regions: number;
  readonly memory: string;
  readonly words: readonly string[];
  readonly log: string;
}

interface Ways {
  readonly sliceMs: number;
  readonly delayMs?: number;
  readonly compiled: 'soon' | 'eagerly' | 'never';
}

/** Plugs a disk in, types `WORK` each time at the same instruction, and stops at the prompt after it. */
async function run({ sliceMs, delayMs, compiled }: Ways): Promise<Run> {
  const store = memoryImages();
  await store.createEmpty('/tmp/disk1.img', MIB);
  const images = new FailingImages(store);
  images.delayMs = delayMs;
  const config = { icountShift: 3, rtcBaseMs: RTC_BASE_MS };
  // The boot is compared in tests/long/jit-boot.test.ts.
  const { bytes, seed } = promptSnapshot();
  const guest = await HeadlessGuest.restored(bytes, { images, sliceMs, config });
  const { compiler } = guest.machine.engine;
  compiler.enabled = compiled !== 'never';
  if (compiled === 'eagerly') compiler.policy = EAGER;
  guest.type(seed);
  await guest.hmp('drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1');
  await guest.hmp('device_add virtio-blk-pci,drive=disk1,id=blk1');
  const lines = [...WORK];
  let shown = '';
  let done = false;
  guest.onOutput = (text) => {
    shown += text;
    if (!shown.includes(PROMPT)) return;
    shown = '';
    const line = lines.shift();
    if (line !== undefined) guest.type(`${line}\n`);
    else {
      done = true;
      guest.machine.stop();
    }
  };
  await guest.poll(() => {
    if (compiler.compiled >= REGIONS_EAGER) compiler.policy = USUAL;
    return done && guest.machine.runState === 'paused';
  }, 200);
  const result = {
    instructions: guest.machine.retiredInstructions,
    regions: compiler.compiled,
    memory: guest.hash(),
    words: visibleWords(guest.machine.engine),
    log: guest.log,
  };
  await guest.end();
  return result;
}

it(
  'the same run: any slices, a disk of any speed, compiled code or none, the same instructions and the same memory',
  async () => {
    const first = await run({ sliceMs: 3, compiled: 'soon' });
    expect(first.log).toMatch(/^[0-9a-f]{32} {2}-$/m);
    const others: readonly Ways[] = [
      { sliceMs: 40, delayMs: 3, compiled: 'eagerly' },
      { sliceMs: 20, compiled: 'never' },
    ];
    for (const ways of others) {
      const other = await run(ways);
      if (ways.compiled === 'never') expect(other.regions).toBe(0);
      else expect(other.regions).toBeGreaterThan(REGIONS_MIN);
      expect(other.log).toBe(first.log);
      expect(other.instructions).toBe(first.instructions);
      expect(other.words).toEqual(first.words);
      expect(other.memory).toBe(first.memory);
    }
  },
  7 * MINUTES,
);
