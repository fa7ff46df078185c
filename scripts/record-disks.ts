/** Records from a real QEMU 7.2 what tests/golden/ide and tests/golden/floppy compare with: `npx tsx scripts/record-disks.ts [FOLDER|NAME…]`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLOPPY_SESSIONS } from '../tests/golden/floppy/sessions.ts';
import { SECTOR } from '../tests/golden/ide/ide-driver.ts';
import { type DiskSession, type IdeRecord, imageBytes, SESSIONS } from '../tests/golden/ide/sessions.ts';
import { playLines } from './qtest-lines.ts';

const wanted = process.argv.slice(2);

async function recordAll(folder: string, sessions: readonly DiskSession[]): Promise<void> {
  const output = new URL(`../tests/golden/${folder}/answers.json`, import.meta.url);
  const records: Record<string, IdeRecord> = existsSync(output)
    ? (JSON.parse(readFileSync(output, 'utf8')) as Record<string, IdeRecord>)
    : {};
  for (const session of sessions) {
    if (wanted.length > 0 && !wanted.includes(session.name) && !wanted.includes(folder)) continue;
    records[session.name] = await recordOf(session);
    writeFileSync(output, `${JSON.stringify(records, undefined, 1)}\n`);
    process.stdout.write(`${session.name}\n`);
  }
}

async function recordOf({ arguments: args, images, lines }: DiskSession): Promise<IdeRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'ide-'));
  const path = (n: number): string => join(folder, `ide${n}.img`);
  for (const [n, sectors] of images.entries()) {
    writeFileSync(path(n), imageBytes(sectors));
    truncateSync(path(n), sectors * SECTOR);
  }
  const own = (text: string): string => text.replace(/@(\d)/g, (_, n) => path(Number(n)));
  const said = await playLines(lines.map(own), { more: args.map(own) });
  rmSync(folder, { recursive: true });
  // Where the images were is no matter.
  return said.map((text) => text.replaceAll(`${folder}/`, '/tmp/').replace(/#block\d+/g, '#block'));
}

await recordAll('ide', SESSIONS);
await recordAll('floppy', FLOPPY_SESSIONS);
