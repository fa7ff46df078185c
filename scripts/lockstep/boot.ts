/**
 * Boots a kernel on QEMU, follows every instruction with our vCPU and reports the first one after which they differ.
 * Usage: npx tsx scripts/lockstep/boot.ts [options] [-- QEMU's options]; see docs/conformance.md.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { ARENA_MAX } from '../../src/emu/memory/arena.ts';
import { BootLockstep, type Divergence, ripText } from './boot-lockstep.ts';
import { disassemble } from './disassemble.ts';
import { Replica } from './replica.ts';
import { TraceParser } from './trace-parser.ts';
import { GPR_NAMES } from './trace-state.ts';
import { TracedQemu } from './traced-qemu.ts';
import { deviceFields } from './vm-state.ts';

const IMAGE = join(import.meta.dirname, '../../public/images/debian-amd64');
const MEMORY_FILES = '/dev/shm';
const MIB = 2 ** 20;
/** RAM is compared as a whole: ours is in one arena, and QEMU's file is an image of all addresses as long as it lies below 4 GiB. */
const MEMORY_MAX_MIB = ARENA_MAX / MIB - 1;
const PROGRESS_MS = 10_000;
/** How long a loop keeps the process from looking at signals. */
const BUSY_MS = 200;
/** Spec: xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY. */
const PHYS32_ENTRY = 18;
const PT_NOTE = 4;
/** QEMU: the trace's line for each block of code. */
const EXECUTED = Buffer.from('\nTrace ');
const TAKEN_BACK = [Buffer.from('\nStopped execution'), Buffer.from('\ncpu_io_recompile')];

interface Options {
  readonly instructions: number;
  readonly from: number;
  readonly at: bigint | undefined;
  readonly seconds: number;
  readonly memoryEvery: number;
  readonly memoryMiB: number;
  readonly icountShift: number;
  readonly strictFlags: boolean;
  readonly args: readonly string[];
}

interface Manifest {
  readonly append: string;
  readonly files: Readonly<Record<'kernel' | 'initrd', { readonly file: string }>>;
}

/** Ctrl-C ends the run early, but not without a summary. */
let cancelled = false;
let looked = 0;

async function lookAtSignals(): Promise<void> {
  if (Date.now() - looked < BUSY_MS) return;
  looked = Date.now();
  await new Promise((resolve) => setImmediate(resolve));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The physical address at which QEMU enters a 64-bit ELF kernel. */
function pvhEntry(elf: Buffer): bigint {
  const headers = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  for (let n = 0; n < elf.readUInt16LE(56); n++) {
    const header = headers + n * size;
    if (elf.readUInt32LE(header) !== PT_NOTE) continue;
    let at = Number(elf.readBigUInt64LE(header + 8));
    const end = at + Number(elf.readBigUInt64LE(header + 32));
    while (at < end) {
      const name = (elf.readUInt32LE(at) + 3) & ~3;
      const content = (elf.readUInt32LE(at + 4) + 3) & ~3;
      if (elf.readUInt32LE(at + 8) === PHYS32_ENTRY) return BigInt(elf.readUInt32LE(at + 12 + name));
      at += 12 + name + content;
    }
  }
  throw new Error('the kernel has no PVH entry');
}

/** Unpacks the project's image: QEMU's options, and the address of its first instruction. */
function defaultKernel(folder: string, append: string | undefined): { args: string[]; entry: bigint } {
  if (!existsSync(join(IMAGE, 'manifest.json'))) throw new Error('no guest image: npm run images');
  const manifest: Manifest = JSON.parse(readFileSync(join(IMAGE, 'manifest.json'), 'utf8'));
  const kernel = gunzipSync(readFileSync(join(IMAGE, manifest.files.kernel.file)));
  writeFileSync(join(folder, 'kernel'), kernel);
  writeFileSync(join(folder, 'initrd'), gunzipSync(readFileSync(join(IMAGE, manifest.files.initrd.file))));
  const files = ['-kernel', join(folder, 'kernel'), '-initrd', join(folder, 'initrd')];
  return { args: [...files, '-append', append ?? manifest.append], entry: pvhEntry(kernel) };
}

function occurrences(data: Buffer, what: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(what); at >= 0; at = data.indexOf(what, at + 1)) count++;
  return count;
}

/** Lets QEMU run about `count` instructions: how many it were. */
async function skip(qemu: TracedQemu, count: number): Promise<number> {
  let done = 0;
  let tail = Buffer.alloc(0);
  const take = (bytes: Buffer): void => {
    const end = bytes.lastIndexOf(10);
    const data = Buffer.concat([tail, bytes.subarray(0, Math.max(end, 0))]);
    tail = Buffer.from(bytes.subarray(Math.max(end, 0)));
    done += occurrences(data, EXECUTED);
    for (const text of TAKEN_BACK) done -= occurrences(data, text);
  };
  await qemu.trace('count');
  await qemu.continue();
  while (done < count && !cancelled) {
    qemu.read(take);
    await lookAtSignals();
  }
  await qemu.stop(take);
  return done;
}

function registersText(state: Int32Array): string[] {
  const value = (n: number): string => {
    const lo = ((state[n] as number) >>> 0).toString(16).padStart(8, '0');
    return ((state[n + 1] as number) >>> 0).toString(16).padStart(8, '0') + lo;
  };
  const lines: string[] = [];
  for (let n = 0; n < GPR_NAMES.length; n += 4) {
    lines.push(
      GPR_NAMES.slice(n, n + 4)
        .map((name, i) => `${name.padEnd(3)} ${value(2 * (n + i))}`)
        .join('  '),
    );
  }
  return lines;
}

function report(found: Divergence): void {
  print(`after ${found.number} instructions: ${found.what}`);
  for (const line of found.history.slice(0, -1)) print(`  ${line}`);
  print(`> ${ripText(found.before)}  ${disassemble(found.code, found.codeSize)}`);
  for (const { name, ours, qemu } of found.differences) {
    print(`  ${name}: ${ours.toString(16)}, QEMU ${qemu.toString(16)}`);
  }
  print('QEMU before:');
  for (const line of registersText(found.before)) print(`  ${line}`);
  print(`QEMU after, at ${ripText(found.after)}:`);
  for (const line of registersText(found.after)) print(`  ${line}`);
}

class Run {
  readonly #qemu: TracedQemu;
  readonly #options: Options;
  readonly #replica: Replica;
  readonly #lockstep: BootLockstep;
  readonly #parser: TraceParser;
  readonly #theirs: Buffer;
  readonly #take = (bytes: Buffer): void => this.#parser.push(bytes);
  #comparisons = 0;

  constructor(qemu: TracedQemu, options: Options) {
    this.#qemu = qemu;
    this.#options = options;
    this.#replica = new Replica(options.memoryMiB * MIB);
    this.#lockstep = new BootLockstep(this.#replica, options.strictFlags);
    this.#parser = new TraceParser(this.#lockstep);
    this.#theirs = Buffer.alloc(options.memoryMiB * MIB);
  }

  /** True: no difference. */
  async run(): Promise<boolean> {
    const { instructions, memoryEvery } = this.#options;
    const lockstep = this.#lockstep;
    this.#qemu.readRam(this.#theirs);
    this.#replica.fillMemory(this.#theirs);
    this.#replica.load(deviceFields(await this.#qemu.stream(), 'cpu'));
    await this.#qemu.trace('full');
    await this.#qemu.continue();
    const started = Date.now();
    let shown = started;
    let nextMemory = memoryEvery;
    while (lockstep.divergence === undefined && lockstep.instructions < instructions && !cancelled) {
      await lookAtSignals();
      this.#qemu.read(this.#take);
      if (lockstep.inLongRepeat) await this.#runLongRepeat();
      if (lockstep.instructions >= nextMemory) {
        nextMemory = lockstep.instructions + ((await this.#compareMemory()) ? memoryEvery : 1);
      }
      if (Date.now() - shown < PROGRESS_MS) continue;
      shown = Date.now();
      print(
        `${lockstep.instructions} instructions, ${Math.round(lockstep.instructions / (shown - started))} per ms`,
      );
    }
    this.#summary((Date.now() - started) / 1000);
    if (lockstep.divergence === undefined) return true;
    report(lockstep.divergence);
    return false;
  }

  /** Millions of iterations, each with all registers, would take minutes. */
  async #runLongRepeat(): Promise<void> {
    await this.#qemu.stop(this.#take);
    const next = this.#lockstep.inLongRepeat ? this.#lockstep.runLongRepeat() : undefined;
    if (next !== undefined) {
      await this.#qemu.trace('none');
      await this.#qemu.runTo(next);
      await this.#qemu.trace('full');
    }
    await this.#qemu.continue();
  }

  /** Stops both at the same instruction; false: not now, it is a repeated one. */
  async #compareMemory(): Promise<boolean> {
    await this.#qemu.stop(this.#take);
    const ready = this.#lockstep.catchUp();
    if (ready) {
      this.#comparisons++;
      const fpu = this.#replica.differingFpu(await this.#qemu.registers());
      const names = fpu.map(
        ({ name, ours, qemu }) => `${name} ${ours.toString(16)} (QEMU ${qemu.toString(16)})`,
      );
      if (names.length > 0) this.#lockstep.report(`FPU registers differ: ${names.join(', ')}`);
      this.#qemu.readRam(this.#theirs);
      const at = this.#replica.differingMemory(this.#theirs);
      if (at >= 0) {
        const ours = this.#replica.memory.readU64(at).toString(16);
        const qemu = this.#theirs.readBigUInt64LE(at).toString(16);
        this.#lockstep.report(`memory at ${at.toString(16)} is ${ours}, QEMU's ${qemu}`);
      }
    }
    if (this.#lockstep.divergence === undefined) await this.#qemu.continue();
    return ready;
  }

  #summary(seconds: number): void {
    const { instructions, interrupts, faults, tally } = this.#lockstep;
    print(
      `${instructions} instructions in ${seconds.toFixed(1)} s, ${interrupts} interrupts, ${faults} exceptions`,
    );
    print(`all of memory compared ${this.#comparisons} times`);
    for (const [what, count] of [...tally].sort((a, b) => b[1] - a[1])) print(`  ${count} × ${what}`);
  }
}

function options(): Options & { append: string | undefined } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      instructions: { type: 'string', default: '5000000' },
      from: { type: 'string', default: '0' },
      at: { type: 'string' },
      seconds: { type: 'string', default: '0' },
      'memory-every': { type: 'string', default: '250000' },
      memory: { type: 'string', default: '256' },
      'icount-shift': { type: 'string', default: '5' },
      append: { type: 'string' },
      'strict-flags': { type: 'boolean', default: false },
    },
  });
  return {
    instructions: Number(values.instructions),
    from: Number(values.from),
    at: values.at === undefined ? undefined : BigInt(values.at),
    seconds: Number(values.seconds),
    memoryEvery: Number(values['memory-every']),
    memoryMiB: Number(values.memory),
    icountShift: Number(values['icount-shift']),
    strictFlags: values['strict-flags'],
    append: values.append,
    args: positionals,
  };
}

async function main(): Promise<void> {
  const chosen = options();
  if (!(chosen.memoryMiB >= 1 && chosen.memoryMiB <= MEMORY_MAX_MIB)) {
    throw new Error(`--memory takes 1 to ${MEMORY_MAX_MIB} MiB`);
  }
  process.once('SIGINT', () => {
    cancelled = true;
  });
  const folder = mkdtempSync(join(existsSync(MEMORY_FILES) ? MEMORY_FILES : tmpdir(), 'lockstep-'));
  const kernel = defaultKernel(folder, chosen.append);
  const qemu = await TracedQemu.start({
    folder,
    memoryMiB: chosen.memoryMiB,
    icountShift: chosen.icountShift,
    args: [...kernel.args, ...chosen.args],
  });
  try {
    await qemu.runTo(kernel.entry);
    if (chosen.at !== undefined) await qemu.runTo(chosen.at);
    if (chosen.seconds > 0) await qemu.runFor(chosen.seconds);
    if (chosen.from > 0) print(`${await skip(qemu, chosen.from)} instructions skipped`);
    if (!cancelled) process.exitCode = (await new Run(qemu, chosen).run()) ? 0 : 1;
  } finally {
    await qemu.end();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
});
