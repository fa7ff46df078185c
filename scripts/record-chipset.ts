/** Records what the chips of a real QEMU answer to the sessions of tests/golden/chipset. Needs qemu-system-x86_64 7.2. */
import { writeFileSync } from 'node:fs';
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

await recordPics();
