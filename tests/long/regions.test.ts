/** All vectors inside compiled code, of which `tests/conformance` runs every second one. */
import { env } from 'node:process';

env['HOTSLOT_REGION_STEP'] ??= '1';

await import('../conformance/regions.test.ts');
