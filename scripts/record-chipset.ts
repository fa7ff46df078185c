/** Records what the chips of a real QEMU answer to the sessions of tests/golden/chipset. Needs qemu-system-x86_64 7.2. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLASH_BYTES, flashContents, flashSession } from '../tests/golden/chipset/flash-session.ts';
import { PIC_READS, picSession } from '../tests/golden/chipset/pic-session.ts';
import { QtestLine } from './qtest-line.ts';

const GOLDEN = new URL('../tests/golden/chipset/', import.meta.url);
/** QEMU's paths of master and slave. */
const PICS = ['/machine/unattached/device[6]', '/machine/unattached/device[7]'];
const LINES = 8;

async function recordPics(): Promise<void> {
  const qemu = new QtestLine(['-serial', 'none']);
  const answers: string[] = [];
  for (const step of picSession()) {
    if ('line' in step) {
      const [chip, line] = [Math.floor(step.line / LINES), step.line % LINES];
      await qemu.ask(`set_irq_in ${PICS[chip]} unnamed-gpio-in ${line} ${step.level ? 1 : 0}`);
    } else await qemu.ask(`outb ${step.port} ${step.value}`);
    const read: string[] = [];
    for (const { port, command } of PIC_READS) {
      await qemu.ask(`outb ${port} ${command}`);
      read.push((await qemu.number(`inb ${port}`)).toString(16).padStart(2, '0'));
    }
    answers.push(read.join(' '));
  }
  await qemu.end();
  writeFileSync(new URL('i8259.txt', GOLDEN), `${answers.join('\n')}\n`);
}

const SUFFIXES = { 1: 'b', 2: 'w', 4: 'l' } as const;

/** Answers, then a digest of the array, and of the image when all is stored. */
async function recordFlash(name: string, isReadOnly: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flash-'));
  const image = join(folder, 'flash');
  writeFileSync(image, flashContents());
  const drive = `if=pflash,format=raw,file=${image},readonly=${isReadOnly ? 'on' : 'off'}`;
  const qemu = new QtestLine(['-serial', 'none', '-drive', drive]);
  const base = 2 ** 32 - FLASH_BYTES;
  const answers: string[] = [];
  for (const { offset, size, value } of flashSession()) {
    const where = `${SUFFIXES[size]} ${base + offset}`;
    if (value === undefined) answers.push((await qemu.number(`read${where}`)).toString(16));
    else await qemu.ask(`write${where} ${value}`);
  }
  const array = Buffer.from((await qemu.ask(`read ${base} ${FLASH_BYTES}`)).slice(2), 'hex');
  await qemu.end();
  for (const bytes of [array, readFileSync(image)])
    answers.push(createHash('sha256').update(bytes).digest('hex'));
  rmSync(folder, { recursive: true });
  writeFileSync(new URL(name, GOLDEN), `${answers.join('\n')}\n`);
}

await recordPics();
await recordFlash('flash.txt', false);
await recordFlash('flash-read-only.txt', true);
