/** A process that is stopped for seconds, as the guest sees it. `tests/long/stall.test.ts` stops it for longer. */
import { BOOT_MS } from '../support/program.ts';
import { itSurvivesStalls } from '../support/stalled-boot.ts';

itSurvivesStalls({ bootMs: 1_500, unpackMs: 2_000, idleMs: 3_000, busyMs: 4_000 }, 2 * BOOT_MS);
