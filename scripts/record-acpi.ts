/**
 * Records from a real QEMU what tests/golden/acpi compares with: the ACPI tables that SeaBIOS leaves in memory,
 * and the answers and traces of the hotplug registers. With names of machines or sessions, only those are recorded again.
 * Needs qemu-system-x86_64 7.2 and SeaBIOS.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FW_CFG_NUMA } from '../src/emu/chipset/fw-cfg.ts';
import { type GoldenMachine, MACHINES, NUMA_BYTES, TABLES_BELOW_TOP } from '../tests/golden/acpi/machines.ts';
import {
  SESSIONS,
  type Session,
  type SessionRecord,
  type Step,
  TRACED,
} from '../tests/golden/acpi/register-sessions.ts';
import { connected } from './unix-socket.ts';

const GOLDEN = new URL('../tests/golden/acpi/', import.meta.url);
const SEABIOS_MS = 6000;
const ROM_BASE = 0xe0000;
const ROM_SIZE = 0x20000;
const FW_CFG_PORT = 0x510;

/** A running QEMU with its QMP and qtest lines. */
class Qemu {
  readonly #process: ChildProcess;
  readonly #qtest: AsyncIterator<string>;
  #qmp: { send(line: string): void; lines: AsyncIterator<string> } | undefined;
  readonly #socketPath: string;

  constructor(folder: string, args: readonly string[]) {
    this.#socketPath = join(folder, 'qmp');
    const qmp = ['-qmp', `unix:${this.#socketPath},server=on,wait=off`, '-qtest', 'stdio'];
    this.#process = spawn('qemu-system-x86_64', ['-machine', 'pc', '-display', 'none', ...qmp, ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('no qtest');
    this.#qtest = lines(createInterface(stdout));
  }

  async connect(): Promise<void> {
    const socket = await connected(this.#socketPath);
    this.#qmp = { send: (line) => socket.write(`${line}\n`), lines: lines(createInterface(socket)) };
    await this.#qmp.lines.next();
    await this.execute('qmp_capabilities');
  }

  async execute(command: string, args: object = {}): Promise<void> {
    if (this.#qmp === undefined) throw new Error('not connected');
    this.#qmp.send(JSON.stringify({ execute: command, arguments: args }));
    for (;;) {
      const { value } = await this.#qmp.lines.next();
      const answer: { error?: { desc: string }; return?: unknown } = JSON.parse(value);
      if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`);
      if (answer.return !== undefined) return;
    }
  }

  async qtest(line: string): Promise<string> {
    this.#process.stdin?.write(`${line}\n`);
    for (;;) {
      const { value } = await this.#qtest.next();
      if (value.startsWith('OK')) return value.slice(3);
      if (value.startsWith('ERR') || value.startsWith('FAIL')) throw new Error(`${line}: ${value}`);
    }
  }

  async quit(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    await this.execute('quit');
    await ended;
  }
}

function lines(reader: Interface): AsyncIterator<string> {
  return reader[Symbol.asyncIterator]();
}

/** The tables by signature, as hexadecimal, each with its address in memory. */
async function recordTables(machine: GoldenMachine): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'acpi-'));
  const qemu = new Qemu(folder, machine.arguments);
  await qemu.connect();
  await sleep(SEABIOS_MS);
  const start = machine.config.ram.below4g - TABLES_BELOW_TOP;
  const rom = join(folder, 'rom');
  const top = join(folder, 'top');
  await qemu.execute('pmemsave', { val: ROM_BASE, size: ROM_SIZE, filename: rom });
  await qemu.execute('pmemsave', { val: start, size: TABLES_BELOW_TOP, filename: top });
  await qemu.quit();
  const low = readFileSync(rom);
  const memory = readFileSync(top);
  rmSync(folder, { recursive: true });
  const rsdp = low.subarray(low.indexOf('RSD PTR '));
  const tables: Record<string, string> = { RSDP: rsdp.subarray(0, 20).toString('hex') };
  const keep = (address: number): Buffer => {
    const at = address - start;
    const table = memory.subarray(at, at + memory.readUInt32LE(at + 4));
    tables[table.toString('latin1', 0, 4)] = table.toString('hex');
    return table;
  };
  const rsdt = keep(rsdp.readUInt32LE(16));
  for (let at = 36; at < rsdt.length; at += 4) {
    const table = keep(rsdt.readUInt32LE(at));
    if (table.toString('latin1', 0, 4) !== 'FACP') continue;
    keep(table.readUInt32LE(36));
    keep(table.readUInt32LE(40));
  }
  return tables;
}

/** What fw_cfg tells of the NUMA nodes, as hexadecimal. */
async function recordNuma(machine: GoldenMachine): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'acpi-'));
  const qemu = new Qemu(folder, ['-S', ...machine.arguments]);
  await qemu.connect();
  await qemu.qtest(`outw ${FW_CFG_PORT} ${FW_CFG_NUMA}`);
  let bytes = '';
  for (let at = 0; at < NUMA_BYTES; at++) {
    bytes += Number(await qemu.qtest(`inb ${FW_CFG_PORT + 1}`))
      .toString(16)
      .padStart(2, '0');
  }
  await qemu.quit();
  rmSync(folder, { recursive: true });
  return bytes;
}

async function recordSession(session: Session): Promise<SessionRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'acpi-'));
  const log = join(folder, 'trace');
  const traces = TRACED.flatMap((name) => ['-trace', name]);
  const qemu = new Qemu(folder, ['-nodefaults', '-S', '-D', log, ...traces, ...session.arguments]);
  await qemu.connect();
  const values: number[] = [];
  for (const step of session.steps) await play(qemu, session.kind, step, values);
  await qemu.quit();
  const trace = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  rmSync(folder, { recursive: true });
  return { values, trace };
}

const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;

async function play(qemu: Qemu, kind: Session['kind'], step: Step, values: number[]): Promise<void> {
  switch (step[0]) {
    case 'in':
      values.push(Number(await qemu.qtest(`in${SUFFIX[step[2]]} ${step[1]}`)));
      break;
    case 'out':
      await qemu.qtest(`out${SUFFIX[step[2]]} ${step[1]} ${step[3]}`);
      break;
    case 'plug':
      await plug(qemu, kind, step[1]);
      break;
    case 'unplug':
      await qemu.execute('device_del', { id: `d${step[1]}` });
      break;
    case 'reset':
      await qemu.execute('system_reset');
      await sleep(500);
      break;
  }
}

async function plug(qemu: Qemu, kind: Session['kind'], number: number): Promise<void> {
  const id = `d${number}`;
  if (kind === 'pci') {
    await qemu.execute('device_add', { driver: 'virtio-rng-pci', id, addr: `${number.toString(16)}` });
  } else if (kind === 'cpu') {
    const place = { 'socket-id': 0, 'core-id': number, 'thread-id': 0 };
    await qemu.execute('device_add', { driver: 'qemu64-x86_64-cpu', id, ...place });
  } else {
    await qemu.execute('object-add', { 'qom-type': 'memory-backend-ram', id: `m${number}`, size: 2 ** 27 });
    await qemu.execute('device_add', { driver: 'pc-dimm', id, memdev: `m${number}`, slot: number });
  }
}

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

/** What was recorded before, unless all is recorded again. */
function kept<T>(file: string): Record<string, T> {
  return wanted.length === 0 ? {} : JSON.parse(readFileSync(new URL(file, GOLDEN), 'utf8'));
}

const tables = kept<Record<string, string>>('tables.json');
for (const machine of MACHINES) {
  if (isWanted(machine.name)) tables[machine.name] = await recordTables(machine);
}
writeFileSync(new URL('tables.json', GOLDEN), `${JSON.stringify(tables, null, 1)}\n`);

const numa = kept<string>('fw-cfg-numa.json');
for (const machine of MACHINES) {
  if (isWanted(machine.name) && machine.config.numa !== undefined)
    numa[machine.name] = await recordNuma(machine);
}
writeFileSync(new URL('fw-cfg-numa.json', GOLDEN), `${JSON.stringify(numa, null, 2)}\n`);

const sessions = kept<SessionRecord>('registers.json');
for (const session of SESSIONS) {
  if (isWanted(session.name)) sessions[session.name] = await recordSession(session);
}
writeFileSync(new URL('registers.json', GOLDEN), `${JSON.stringify(sessions)}\n`);
