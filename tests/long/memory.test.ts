/** Only many rounds show memory that is lost one piece at a time. */
import { expect, it } from 'vitest';
import { useDimms } from '../support/dimm-rounds.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { useBoth } from '../support/virtio-memory-rounds.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, dimms: { slots: 4, maxBytes: 1024 * MIB } };

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
