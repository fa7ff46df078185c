/** Records from a real QEMU 7.2 what tests/golden/usb compares with: `npx tsx scripts/record-usb.ts [NAME…]`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { SESSIONS, type UsbRecord } from '../tests/golden/usb/sessions.ts';
import { playLines } from './qtest-lines.ts';

const OUTPUT = new URL('../tests/golden/usb/answers.json', import.meta.url);

const wanted = process.argv.slice(2);
const records: Record<string, UsbRecord> = existsSync(OUTPUT)
  ? (JSON.parse(readFileSync(OUTPUT, 'utf8')) as Record<string, UsbRecord>)
  : {};
for (const { name, lines } of SESSIONS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  records[name] = await playLines(lines);
  process.stdout.write(`${name}\n`);
}
writeFileSync(OUTPUT, `${JSON.stringify(records, undefined, 1)}\n`);
