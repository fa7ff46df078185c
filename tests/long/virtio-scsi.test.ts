/** The hostile driver of tests/unit/virtio-scsi.test.ts, for longer: more than a million accesses. */
import { expect, it } from 'vitest';
import { hostileDriver } from '../support/scsi-guest.ts';

it.each([11, 12, 13, 14])(
  'a hostile driver cannot break virtio-scsi (seed %i)',
  { timeout: 1_800_000 },
  async (seed) => {
    const before = process.memoryUsage().heapUsed;
    await hostileDriver(seed, 300_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 << 20);
  },
);
