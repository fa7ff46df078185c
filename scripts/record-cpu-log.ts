/**
 * Records what QEMU logs of programs that firmware starts, as tests/golden/log. Needs QEMU. What firmware does before them is left out.
 *
 * - `<program>.txt`: those of tests/oracle/system with `-d int`; it begins where the first exception comes;
 * - `<program>-code.txt`: their instructions, each once, with `-d in_asm -singlestep`;
 * - `code.txt`: a small program with `-d in_asm,mmu`, block by block.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOAD_ADDRESS, SMALL } from '../tests/golden/log/cases.ts';

const ORACLE = join(import.meta.dirname, '../tests/oracle/system');
const GOLDEN = join(import.meta.dirname, '../tests/golden/log');
const DISK_BYTES = 4 << 20;
const MACHINE = [
  '-cpu',
  'qemu64,-svm',
  '-display',
  'none',
  '-serial',
  'null',
  '-monitor',
  'none',
  '-no-reboot',
];

const directory = mkdtempSync(join(tmpdir(), 'cpu-log-'));
mkdirSync(GOLDEN, { recursive: true });
/** What QEMU logs while it runs `code` from a disk. */
function logOf(code: Uint8Array, items: string, ...more: readonly string[]): string {
  const [disk, log] = [join(directory, 'disk'), join(directory, 'log')];
  const image = Buffer.alloc(DISK_BYTES);
  image.set(code);
  image.writeUInt16LE(0xaa55, 510);
  writeFileSync(disk, image);
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4'];
  const args = [...MACHINE, ...exit, '-drive', `format=raw,file=${disk}`, '-d', items, '-D', log, ...more];
  spawnSync('qemu-system-x86_64', args, { timeout: 20_000, stdio: 'ignore' });
  return readFileSync(log, 'utf8');
}

/** Lines of instructions, those that continue one left with it, each once; from the first one of the program on. */
function instructionsOf(log: string, entry: string): readonly string[] {
  const found = log.matchAll(/^0x[0-9a-f]+: .{26}\S.*\n(?:0x[0-9a-f]+: {2}[0-9a-f ]+\n)?/gm);
  const texts = Array.from(found, ([text]) => text);
  return [...new Set(texts.slice(texts.findLastIndex((text) => text.startsWith(entry))))];
}

for (const program of ['faults32', 'faults64']) {
  const code = readFileSync(join(ORACLE, `${program}.bin`));
  const faults = logOf(code, 'int');
  writeFileSync(join(GOLDEN, `${program}.txt`), faults.slice(faults.indexOf('check_exception')));
  const listing = instructionsOf(logOf(code, 'in_asm', '-singlestep'), '0x00007c40:  31 c0');
  writeFileSync(join(GOLDEN, `${program}-code.txt`), listing.join(''));
}
const small = logOf(SMALL, 'in_asm,mmu,nochain');
const first = small.lastIndexOf(
  `----------------\nIN: \n0x${LOAD_ADDRESS.toString(16).padStart(8, '0')}:  b9 03 00`,
);
const end = small.indexOf('----------------', small.lastIndexOf(':  66                       .byte'));
writeFileSync(join(GOLDEN, 'code.txt'), small.slice(first, end));
rmSync(directory, { recursive: true });
