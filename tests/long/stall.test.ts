/** Stalls longer than the 20 s after which Linux takes a processor for stuck, and than the wrap of the PM timer. */
import { BOOT_MS } from '../support/program.ts';
import { itSurvivesStalls } from '../support/stalled-boot.ts';

itSurvivesStalls({ bootMs: 6_000, unpackMs: 25_000, idleMs: 30_000, busyMs: 45_000 }, 4 * BOOT_MS);
