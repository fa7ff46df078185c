/** Records from a real QEMU 7.2 what its SCSI disks answer, through virtio-scsi and qtest: `npx tsx scripts/record-scsi.ts [case…]`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SCSI_CASES } from '../tests/golden/scsi/cases.ts';
import {
  answerOf,
  fromHex,
  imageBytes,
  RESPONSE_BYTES,
  requestBytes,
  type ScsiAnswer,
  type ScsiCase,
  type ScsiCommand,
  toHex,
} from '../tests/golden/scsi/driver.ts';

const OUTPUT = new URL('../tests/golden/scsi/answers.json', import.meta.url);
const IMAGE_BYTES = 1 << 20;
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
const DEVFN = 0x10;
const MODERN = 0x1_0000_0000;
const NOTIFY = MODERN + 0x3000;
const RINGS = 0x10_0000;
const QUEUES = 3;
const COMMANDS = 2;
const REQUEST = 0x20_0000;
const RESPONSE = 0x20_1000;
const DATA = 0x21_0000;

class Qtest {
  readonly #process;
  readonly #lines;
  #used = 0;

  constructor(args: readonly string[]) {
    const own = [
      '-machine',
      'pc',
      '-nodefaults',
      '-display',
      'none',
      '-m',
      '64',
      '-qtest',
      'stdio',
      '-qtest-log',
      '/dev/null',
    ];
    this.#process = spawn('qemu-system-x86_64', [...own, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await this.#lines.next();
      if (value.startsWith('OK')) return value.slice(3);
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
    }
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
  }

  async #config(offset: number, value: number): Promise<void> {
    await this.ask(`outl 0xcf8 ${0x8000_0000 + (DEVFN << 8) + offset}`);
    await this.ask(`outl 0xcfc ${value}`);
  }

  async write(gpa: number, bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.ask(`write ${gpa} ${bytes.length} 0x${toHex(bytes)}`);
  }

  async read(gpa: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array();
    return fromHex((await this.ask(`read ${gpa} ${length}`)).replace(/^0x/, ''));
  }

  async start(): Promise<void> {
    await this.#config(0x20, 0);
    await this.#config(0x24, 1);
    await this.#config(0x04, 7);
    const common = (at: number, size: 'b' | 'w' | 'l', value: number) =>
      this.ask(`write${size} ${MODERN + at} ${value}`);
    await common(0x14, 'b', 0);
    await common(0x14, 'b', 3);
    await common(8, 'l', 0);
    await common(0xc, 'l', 0);
    await common(8, 'l', 1);
    await common(0xc, 'l', 1);
    await common(0x14, 'b', 0xb);
    for (let queue = 0; queue < QUEUES; queue++) {
      const rings = RINGS + 0x4000 * queue;
      await common(0x16, 'w', queue);
      await common(0x20, 'l', rings);
      await common(0x28, 'l', rings + 0x1000);
      await common(0x30, 'l', rings + 0x2000);
      await common(0x1c, 'w', 1);
    }
    await common(0x14, 'b', 0xf);
  }

  async command(command: ScsiCommand): Promise<ScsiAnswer> {
    const out = fromHex(command.out ?? '');
    const room = command.in ?? 0;
    const request = requestBytes(command, this.#used + 1);
    await this.write(REQUEST, request);
    await this.write(RESPONSE, new Uint8Array(RESPONSE_BYTES));
    await this.write(DATA, out.length > 0 ? out : new Uint8Array(room).fill(0xee));
    const buffers = [
      [REQUEST, request.length, 0],
      ...(out.length > 0 ? [[DATA, out.length, 0]] : []),
      [RESPONSE, RESPONSE_BYTES, 2],
      ...(room > 0 ? [[DATA, room, 2]] : []),
    ];
    const rings = RINGS + 0x4000 * COMMANDS;
    for (const [n, [gpa = 0, length = 0, flags = 0]] of buffers.entries()) {
      const descriptor = new Uint8Array(16);
      const view = new DataView(descriptor.buffer);
      view.setUint32(0, gpa, true);
      view.setUint32(8, length, true);
      view.setUint16(12, flags | (n < buffers.length - 1 ? 1 : 0), true);
      view.setUint16(14, n + 1, true);
      await this.write(rings + 16 * n, descriptor);
    }
    await this.ask(`writew ${rings + 0x1000 + 4 + 2 * (this.#used % 256)} 0`);
    await this.ask(`writew ${rings + 0x1000 + 2} ${this.#used + 1}`);
    await this.ask(`writew ${NOTIFY + 4 * COMMANDS} ${COMMANDS}`);
    const entry = rings + 0x2000 + 4 + 8 * (this.#used % 256);
    this.#used++;
    for (let tries = 0; Number(await this.ask(`readw ${rings + 0x2002}`)) !== this.#used; tries++) {
      if (tries > 20_000) throw new Error(`no answer to ${command.name}`);
    }
    const written = Number(await this.ask(`readl ${entry + 4}`));
    return answerOf(await this.read(RESPONSE, RESPONSE_BYTES), await this.read(DATA, room), written);
  }
}

async function record({ devices, commands }: ScsiCase): Promise<ScsiAnswer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'scsi-'));
  // The machine runs, else QEMU serves no requests; its processor sleeps from its first instruction.
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const args = ['-bios', bios, '-device', 'virtio-scsi-pci,id=s0,addr=2'];
  for (const [n, { drive, device, bytes = IMAGE_BYTES }] of devices.entries()) {
    const path = join(folder, `disk${n}`);
    writeFileSync(path, imageBytes(bytes, n));
    const image = bytes === 0 ? '' : `,format=raw,file=${path}`;
    if (drive !== undefined) {
      args.push('-drive', `if=none,id=d${n}${image}${drive === '' ? '' : `,${drive}`}`);
    }
    args.push('-device', `${device},bus=s0.0${drive === undefined ? '' : `,drive=d${n}`}`);
  }
  const qemu = new Qtest(args);
  try {
    await qemu.start();
    const answers: ScsiAnswer[] = [];
    for (const command of commands) answers.push(await qemu.command(command));
    return answers;
  } finally {
    await qemu.end();
    rmSync(folder, { recursive: true });
  }
}

const wanted = process.argv.slice(2);
const answers = ((): Record<string, ScsiAnswer[]> => {
  try {
    return wanted.length === 0 ? {} : JSON.parse(readFileSync(OUTPUT, 'utf8'));
  } catch {
    return {};
  }
})();
for (const one of SCSI_CASES) {
  if (wanted.length > 0 && !wanted.includes(one.name)) continue;
  answers[one.name] = await record(one);
  process.stdout.write(`${one.name}: recorded\n`);
}
writeFileSync(OUTPUT, `${JSON.stringify(answers, undefined, 1)}\n`);
