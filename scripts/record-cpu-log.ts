/**
 * Records what QEMU logs of the programs of tests/oracle/system with `-d int`, as tests/golden/log/<program>.txt. Needs QEMU. What firmware does before them is
 * left out: it ends where the first exception comes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
for (const program of ['faults32', 'faults64']) {
  const [disk, log] = [join(directory, 'disk'), join(directory, 'log')];
  const image = Buffer.alloc(DISK_BYTES);
  readFileSync(join(ORACLE, `${program}.bin`)).copy(image);
  writeFileSync(disk, image);
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4'];
  const args = [...MACHINE, ...exit, '-drive', `format=raw,file=${disk}`, '-d', 'int', '-D', log];
  spawnSync('qemu-system-x86_64', args, { timeout: 20_000, stdio: 'ignore' });
  const text = readFileSync(log, 'utf8');
  writeFileSync(join(GOLDEN, `${program}.txt`), text.slice(text.indexOf('check_exception')));
}
rmSync(directory, { recursive: true });
