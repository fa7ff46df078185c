import { expect, it } from 'vitest';
import { FailingImages } from '../support/failing-images.ts';
import { HeadlessGuest, memoryImages, promptSnapshot } from '../support/headless-guest.ts';
import { visibleWords } from '../support/visible-words.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;
const RTC_BASE_MS = Date.UTC(2024, 0, 1);
const PROMPT = 'guest# ';
const WORK = [
  'until [ -b /dev/vda ]; do sleep 0.1; done',
  'dd if=/dev/urandom of=/dev/vda bs=4k count=40 conv=fsync 2> /dev/null',
  'md5sum < /dev/vda; date; cat /proc/uptime',
];

interface Run {
  readonly instructions: number;
  readonly memory: string;
  readonly words: readonly string[];
  readonly log: string;
}

/** Plugs a disk in, types `WORK` each time at the same instruction, and stops at the prompt after it. */
async function run(sliceMs: number, delayMs: number | undefined): Promise<Run> {
  const store = memoryImages();
  await store.createEmpty('/tmp/disk1.img', MIB);
  const images = new FailingImages(store);
  images.delayMs = delayMs;
  const config = { icountShift: 3, rtcBaseMs: RTC_BASE_MS };
  // The boot is compared in jit-boot.test.ts.
  const { bytes, seed } = promptSnapshot();
  const guest = await HeadlessGuest.restored(bytes, { images, sliceMs, config });
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
  await guest.poll(() => done && guest.machine.runState === 'paused', 200);
  const result = {
    instructions: guest.machine.retiredInstructions,
    memory: guest.hash(),
    words: visibleWords(guest.machine.engine),
    log: guest.log,
  };
  await guest.end();
  return result;
}

it(
  'the same run twice: any slices, a disk of any speed, the same instructions and the same memory',
  async () => {
    const first = await run(3, undefined);
    const second = await run(40, 3);
    expect(second.log).toBe(first.log);
    expect(second.instructions).toBe(first.instructions);
    expect(second.words).toEqual(first.words);
    expect(second.memory).toBe(first.memory);
    expect(first.log).toMatch(/^[0-9a-f]{32} {2}-$/m);
  },
  7 * MINUTES,
);
