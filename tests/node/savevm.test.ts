/** Only this level catches where the program keeps snapshots, and that another run of it finds them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, Run } from '../support/program.ts';

const MS = 120_000;
const MACHINE = ['-S', '-m', '32', '-display', 'none', '-serial', 'null', '-monitor', 'stdio'];
const DISK = ['-drive', 'file=disk.img,format=raw,if=none,id=d', '-device', 'virtio-blk-pci,drive=d'];
/** What QEMU says, with a disk that may keep snapshots where there is a board. */
const REFUSED = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/snapshots/loadvm.json'), 'utf8'),
) as readonly {
  readonly args: readonly string[];
  readonly status: number;
  readonly stderr: string;
}[];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotslot-savevm-'));
  writeFileSync(join(folder, 'disk.img'), 'before');
  truncateSync(join(folder, 'disk.img'), 1 << 20);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Gives the lines to a new run of the program; all that it said. */
async function monitor(lines: readonly string[]): Promise<string> {
  const run = new Run([...MACHINE, ...DISK], folder);
  let said = await run.until('(qemu) ', MS);
  for (const line of lines) {
    run.type(`${line}\n`);
    said += await run.until('(qemu) ', MS);
  }
  run.type('quit\n');
  expect(await run.ended).toBe(0);
  return said;
}

it(
  'keeps them in the folder that it runs in, for the next run',
  async () => {
    await monitor(['savevm here']);
    expect(readdirSync(folder).sort()).toEqual(['disk.img', 'here.hotslot-snapshot']);
    writeFileSync(join(folder, 'disk.img'), Buffer.alloc(1 << 20, 'x'));
    const said = await monitor(['info snapshots', 'loadvm here', 'delvm here', 'info snapshots']);
    expect(said).toMatch(/\n-- {8}here {13}/);
    expect(said).not.toContain('Error');
    expect(said).toContain('There is no snapshot available.');
    expect(readdirSync(folder)).toEqual(['disk.img']);
    const bytes = readFileSync(join(folder, 'disk.img'));
    expect(bytes.toString('latin1', 0, 6)).toBe('before');
    expect(bytes.subarray(6).every((byte) => byte === 0)).toBe(true);
  },
  2 * MS,
);

it(
  'are where -loadvm begins, with what the disks held then, but for one that is not there',
  async () => {
    await monitor(['savevm start']);
    const held = readFileSync(join(folder, 'disk.img'));
    writeFileSync(join(folder, 'disk.img'), Buffer.alloc(1 << 20, 'x'));
    const run = new Run(['-loadvm', 'start', ...MACHINE, ...DISK], folder);
    await run.until('(qemu) ', MS);
    expect(readFileSync(join(folder, 'disk.img')).equals(held)).toBe(true);
    run.type('info status\nquit\n');
    expect(await run.until('prelaunch', MS)).toContain('VM status: paused (');
    expect(await run.ended).toBe(0);
    for (const { args, status, stderr } of REFUSED) {
      const refused = new Run(['-display', 'none', '-nodefaults', ...args], folder);
      expect(await refused.ended).toBe(status);
      expect(refused.stderr).toBe(stderr.replaceAll('qemu-system-x86_64', 'hotslot-system-x86_64'));
    }
    rmSync(join(folder, 'start.hotslot-snapshot'));
  },
  2 * MS,
);

it(
  'leaves nothing unfinished where it is ended meanwhile',
  async () => {
    // Large enough that the end comes in the middle.
    writeFileSync(join(folder, 'large.img'), Buffer.alloc(256 << 20, 'x'));
    const before = readdirSync(folder);
    const large = DISK.map((word) => word.replace('disk.img', 'large.img'));
    const run = new Run([...MACHINE, ...large], folder);
    await run.until('(qemu) ', MS);
    run.type('savevm cut\n');
    await eventually(
      () => readdirSync(folder).length > before.length,
      MS,
      () => 'the beginning of a snapshot',
    );
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  },
  2 * MS,
);
