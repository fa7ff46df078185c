/** Only two equal runs show that nothing in them is left to chance. */
import { expect, it } from 'vitest';
import { counted } from '../support/cpu-rounds.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { addCpu, addDimm, MOVABLE, online } from '../support/hot-added.ts';
import { SteppedGuest } from '../support/stepped-guest.ts';

const MINUTES = 60_000;
const ROUNDS = 50;
const CONFIG = { icountShift: 3, rtcBaseMs: 1_700_000_000_000 };
const COUNT = 50;

/** A processor and a DIMM come, work and go: what the guest then is. */
async function run(sliceMs: number): Promise<readonly [log: string, instructions: number, memory: string]> {
  const guest = await SteppedGuest.atPrompt({ images: memoryImages(), config: CONFIG, sliceMs });
  const { devices } = guest.machine;
  const gone = (id: string) => guest.advanceUntil(() => !devices.removable().includes(id));
  await guest.shell(`${MOVABLE}; mkdir /t; dmesg -n 1`);
  const total = await guest.shell('grep MemTotal /proc/meminfo');
  for (let round = 0; round < ROUNDS; round++) {
    await guest.hmp([addCpu(1), ...addDimm(1)]);
    await guest.shell(`until [ -e ${online(1)} ]; do :; done; echo 1 > ${online(1)}`);
    expect(await guest.shell(counted(2, COUNT)), `round ${round}`).toContain(` 2 ${COUNT}`);
    expect(
      await guest.shell(
        'mount -t tmpfs -o size=250m t /t; dd if=/dev/zero of=/t/x bs=1M count=150 2> /dev/null; wc -c < /t/x; umount /t',
      ),
    ).toContain(String(150 << 20));
    await guest.hmp(['device_del dimm1', 'device_del cpu1']);
    await gone('dimm1');
    await gone('cpu1');
    await guest.hmp(['object_del mem1']);
    expect(await guest.shell('nproc; grep MemTotal /proc/meminfo'), `round ${round}`).toBe(`1\n${total}`);
  }
  const { log } = guest.driven;
  const result = [log, guest.machine.retiredInstructions, guest.driven.hash()] as const;
  await guest.end();
  return result;
}

it('fifty rounds twice, of a processor and a DIMM that come and go: the same memory', {
  timeout: 150 * MINUTES,
}, async () => {
  const [first, second] = [await run(3), await run(40)];
  expect(second[0]).toBe(first[0]);
  expect(second.slice(1)).toEqual(first.slice(1));
});
