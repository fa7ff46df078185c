/**
 * Records what QEMU answers over QMP: `npx tsx scripts/record-qmp.ts [flow…]` writes tests/golden/qmp/<flow>.txt, and
 * tests/golden/qmp/schema.json, QEMU's answer to query-qmp-schema. Needs qemu-system-x86_64 7.2 (Debian 12).
 *
 * Format: `#` comments, the first ones name the flow and QEMU's arguments · `>>> ` a packet that was sent, as JSON's text · `<<< ` a line of the answer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QMP_FLOWS, type QmpFlow } from './record-qmp-flows.ts';
import { probeFlows } from './record-qmp-probe.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/qmp');
/** So long nothing has come: the answer is whole. */
const QUIET_MS = 80;
/** So long nothing has come at all: there is no answer. */
const SILENCE_MS = 1000;

class Qemu {
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #text = '';
  #lastMs = Date.now();

  private constructor(process: ChildProcess, socket: Socket) {
    this.#process = process;
    this.#socket = socket;
    socket.on('data', (data: Buffer) => {
      this.#text += data.toString('utf8');
      this.#lastMs = Date.now();
    });
    socket.on('error', () => {});
  }

  static async start(args: readonly string[], directory: string): Promise<Qemu> {
    const path = join(directory, 'qmp');
    for (const name of ['qmp', 'hmp']) rmSync(join(directory, name), { force: true });
    const unix = (name: string): string => `unix:${join(directory, name)},server=on,wait=off`;
    const monitors = ['-monitor', unix('hmp'), '-qmp', unix('qmp'), '-serial', 'null'];
    const all = ['-display', 'none', '-S', '-m', '64', '-nodefaults', ...monitors, ...args];
    const child = spawn('qemu-system-x86_64', all, { stdio: 'inherit' });
    for (let tries = 0; ; tries++) {
      try {
        const socket = await new Promise<Socket>((resolve, reject) => {
          const made = connect(path, () => resolve(made));
          made.on('error', reject);
        });
        // So that the other monitor has its client, too.
        connect(join(directory, 'hmp')).on('error', () => {});
        return new Qemu(child, socket);
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(50);
      }
    }
  }

  send(text: string): void {
    this.#socket.write(`${text}\n`);
  }

  /** What came until nothing did for a while. */
  async answer(): Promise<string> {
    const start = Date.now();
    this.#lastMs = start;
    while (this.#text === '' && Date.now() - start < SILENCE_MS) await sleep(QUIET_MS / 4);
    while (Date.now() - this.#lastMs < QUIET_MS) await sleep(QUIET_MS / 4);
    const text = this.#text;
    this.#text = '';
    return text;
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

async function record({ name, args, sent }: QmpFlow, directory: string): Promise<void> {
  const qemu = await Qemu.start(args, directory);
  const lines = [`# flow: ${name}`, `# qemu-system-x86_64 ${args.join(' ')}`];
  const note = (text: string): void => {
    for (const line of text.split('\r\n')) if (line !== '') lines.push(`<<< ${line}`);
  };
  note(await qemu.answer());
  for (const packet of sent) {
    qemu.send(packet);
    lines.push(`>>> ${JSON.stringify(packet)}`);
    note(await qemu.answer());
  }
  qemu.end();
  writeFileSync(join(OUTPUT, `${name}.txt`), `${lines.join('\n').replaceAll(directory, '/tmp')}\n`);
  process.stdout.write(`${name}: recorded\n`);
}

async function recordSchema(directory: string): Promise<void> {
  const qemu = await Qemu.start([], directory);
  qemu.send('{"execute":"qmp_capabilities"}');
  await qemu.answer();
  qemu.send('{"execute":"query-qmp-schema"}');
  const { return: schema } = JSON.parse(await qemu.answer()) as { return: readonly object[] };
  qemu.end();
  const rows = schema.map((row) => JSON.stringify(row)).join(',\n');
  writeFileSync(join(OUTPUT, 'schema.json'), `[\n${rows}\n]\n`);
  process.stdout.write('schema: recorded\n');
}

interface SchemaRow {
  readonly name: string;
  readonly 'meta-type': string;
}

/** Names of QEMU's commands, from the recorded schema. */
function commandNames(): readonly string[] {
  const rows = JSON.parse(readFileSync(join(OUTPUT, 'schema.json'), 'utf8')) as readonly SchemaRow[];
  return rows.filter((row) => row['meta-type'] === 'command').map(({ name }) => name);
}

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
const directory = mkdtempSync(join(tmpdir(), 'qmp-'));
mkdirSync(OUTPUT, { recursive: true });
try {
  if (isWanted('schema')) await recordSchema(directory);
  for (const flow of [...QMP_FLOWS, ...probeFlows(commandNames())]) {
    if (isWanted(flow.name)) await record(flow, directory);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
