/** Records from a real QEMU 7.2 what tests/golden/ide compares with: `npx tsx scripts/record-ide.ts [NAME…]`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SECTOR } from '../tests/golden/ide/ide-driver.ts';
import { type IdeRecord, imageBytes, SESSIONS } from '../tests/golden/ide/sessions.ts';
import { playLines } from './qtest-lines.ts';

const OUTPUT = new URL('../tests/golden/ide/answers.json', import.meta.url);

const wanted = process.argv.slice(2);
const records: Record<string, IdeRecord> = existsSync(OUTPUT)
  ? (JSON.parse(readFileSync(OUTPUT, 'utf8')) as Record<string, IdeRecord>)
  : {};
for (const { name, arguments: args, images, lines } of SESSIONS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const folder = mkdtempSync(join(tmpdir(), 'ide-'));
  const path = (n: number): string => join(folder, `ide${n}.img`);
  for (const [n, sectors] of images.entries()) {
    writeFileSync(path(n), imageBytes(sectors));
    truncateSync(path(n), sectors * SECTOR);
  }
  const own = (text: string): string => text.replace(/@(\d)/g, (_, n) => path(Number(n)));
  const said = await playLines(lines.map(own), { more: args.map(own) });
  // Where the images were is no matter.
  records[name] = said.map((text) => text.replaceAll(`${folder}/`, '/tmp/').replace(/#block\d+/g, '#block'));
  rmSync(folder, { recursive: true });
  writeFileSync(OUTPUT, `${JSON.stringify(records, undefined, 1)}\n`);
  process.stdout.write(`${name}\n`);
}
