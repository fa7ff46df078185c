/** Records from a real QEMU 7.2 what tests/golden/usb compares with: `npx tsx scripts/record-usb.ts [NAME…]`. */
import { SESSIONS } from '../tests/golden/usb/sessions.ts';
import { recordLines } from './record-lines.ts';

await recordLines(new URL('../tests/golden/usb/answers.json', import.meta.url), SESSIONS);
