/** Records from a real QEMU 7.2 what tests/golden/nic compares with: `npx tsx scripts/record-nic.ts [NAME…]`. */
import { packed } from '../tests/golden/nic/packed.ts';
import { NIC_SESSIONS } from '../tests/golden/nic/sessions.ts';
import { recordLines } from './record-lines.ts';

await recordLines(new URL('../tests/golden/nic/answers.json', import.meta.url), NIC_SESSIONS, {
  withNetwork: true,
  pack: packed,
});
