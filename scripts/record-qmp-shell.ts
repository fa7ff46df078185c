/**
 * Records what QEMU's own qmp-shell prints with -p -v on QEMU: `npx tsx scripts/record-qmp-shell.ts` writes tests/golden/qmp/shell.txt.
 * Needs qemu-system-x86_64 7.2 (Debian 12) and what scripts/qmp-shell.sh needs.
 *
 * Format: `>>> ` a line as JSON's text, then what came up to the next prompt.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const OUTPUT = join(import.meta.dirname, '../tests/golden/qmp/shell.txt');
const PROMPT = '(QEMU) ';
const LINES = [
  'query-status',
  '  query-name  ',
  'device_add driver=virtio-rng-pci id=x',
  'device_add driver=virtio-rng-pci id=x',
  'nosuch a=1',
  'device_del',
  'device_del id',
  'device_del id=',
  'qom-list path=/objects',
  'qom-get path=/objects property=type',
  'balloon value=1.5',
  'balloon value=true',
  'balloon value=False',
  'balloon value=-5',
  'balloon value=12a',
  'balloon value={"a":1,\'b\':[1,2,{}],"c":[]}',
  'balloon value=[1,2]',
  "balloon value={'a':True,'b':None}",
  'object-add qom-type=memory-backend-ram id=m size=1048576 share=true',
  'query-memdev',
  'object-del id=m',
  'device_del id=ä',
  'query-name x',
  'human-monitor-command command-line=nope',
  'ringbuf-read device=nope size=1 size=2',
] as const;

class Shell {
  readonly #process: ChildProcess;
  #text = '';

  constructor(socket: string) {
    this.#process = spawn('sh', [join(import.meta.dirname, 'qmp-shell.sh'), socket], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const take = (data: Buffer): void => {
      this.#text += data.toString('utf8');
    };
    this.#process.stdout?.on('data', take);
    this.#process.stderr?.on('data', take);
  }

  async prompt(): Promise<string> {
    while (!this.#text.endsWith(PROMPT)) await sleep(20);
    // What goes to standard error may come behind the prompt.
    await sleep(200);
    const text = this.#text.replace(PROMPT, '');
    this.#text = '';
    return text;
  }

  enter(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  end(): void {
    this.#process.kill();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'qmp-shell-'));
const socket = join(directory, 'qmp');
const qemu = spawn(
  'qemu-system-x86_64',
  ['-display', 'none', '-S', '-m', '64', '-nodefaults', '-qmp', `unix:${socket},server=on,wait=off`],
  { stdio: 'inherit' },
);
try {
  while (!existsSync(socket)) await sleep(50);
  const shell = new Shell(socket);
  let record = `# qmp-shell -p -v\n${await shell.prompt()}`;
  for (const line of LINES) {
    shell.enter(line);
    record += `>>> ${JSON.stringify(line)}\n${await shell.prompt()}`;
  }
  shell.end();
  writeFileSync(OUTPUT, record);
} finally {
  qemu.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
