/**
 * Boots firmware on our vCPU and on QEMU in lockstep and reports the first instruction after which they differ.
 * Usage: npx tsx scripts/lockstep/main.ts [--steps N] [--strict-flags] [-- QEMU's options]
 *
 * Ours has no devices: results of port and MMIO reads are QEMU's, and so is what fw_cfg writes by DMA. No interrupt is taken on
 * either side, so the run ends at the first HLT at the latest. Arithmetic flags are taken over from QEMU where they alone differ
 * (many are undefined), unless --strict-flags.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CodeSize, disassemble } from './disassemble.ts';
import { GdbClient } from './gdb-client.ts';
import { Mirror } from './mirror.ts';
import { differing, type GuestRegisters } from './registers.ts';

const MEMORY_MIB = 16;
const VGA_WINDOW = 0xa0000;
const FIRMWARE_START = 0xc0000;
const LOW_MEMORY_END = 0x100000;
const HIGH_ROM = 0xfffc0000n;
const HISTORY = 12;
const ARITHMETIC_FLAGS = 0x8d5n;
/** RDTSC, RDTSCP, CPUID: the answers belong to the machine. */
const MACHINE_OPCODES = ['0f31', '0f01f9', '0fa2'];
const STRING_OPCODE =
  /^((26|2e|36|3e|64|65|66|67|4.)*(f2|f3)(26|2e|36|3e|64|65|66|67|4.)*)(6[c-f]|a[4-7]|a[a-f])/;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function waitFor(path: string, child: ChildProcess): Promise<void> {
  while (!existsSync(path)) {
    if (child.exitCode !== null) throw new Error(`qemu-system-x86_64 ended with status ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Where the next instruction is, as a linear address. */
function linearAddress(registers: GuestRegisters): bigint {
  if ((registers.efer & 0x400n) !== 0n || (registers.cr0 & 1n) !== 0n) return registers.rip;
  return (registers.cs << 4n) + registers.rip;
}

function codeSize(registers: GuestRegisters): CodeSize {
  if ((registers.efer & 0x400n) !== 0n) return 64;
  return (registers.cr0 & 1n) !== 0n ? 32 : 16;
}

interface Options {
  readonly steps: number;
  readonly strictFlags: boolean;
}

class Lockstep {
  readonly #qemu: GdbClient;
  readonly #mirror = new Mirror(MEMORY_MIB * 2 ** 20);
  readonly #options: Options;
  readonly #history: string[] = [];
  #adopted = 0;

  constructor(qemu: GdbClient, options: Options) {
    this.#qemu = qemu;
    this.#options = options;
  }

  async run(): Promise<boolean> {
    await this.#qemu.physicalMemory(true);
    await this.#copy(FIRMWARE_START, LOW_MEMORY_END - FIRMWARE_START);
    await this.#qemu.stepWithoutInterrupts();
    let before = await this.#qemu.registers();
    for (let step = 1; step <= this.#options.steps; step++) {
      if (before.rip >= HIGH_ROM) {
        before = await this.#runRom(before);
        continue;
      }
      const hex = this.#code(before);
      const after = await this.#both(before, hex);
      const where = `${before.cs.toString(16)}:${before.rip.toString(16)}`;
      this.#history.push(`${where.padEnd(24)} ${hex}`);
      if (this.#history.length > HISTORY) this.#history.shift();
      if (!this.#agrees(after, hex)) {
        this.#report(step, before, after, hex);
        return false;
      }
      if (this.#mirror.halted) {
        print(`HLT after ${step} instructions, ${this.#adopted} results taken over: no difference`);
        return true;
      }
      before = after;
    }
    print(`${this.#options.steps} instructions, ${this.#adopted} results taken over: no difference`);
    return true;
  }

  /** The copy of the firmware below 4 GiB runs on QEMU alone: the mirror has no memory there. */
  async #runRom(start: GuestRegisters): Promise<GuestRegisters> {
    let registers = start;
    while (registers.rip >= HIGH_ROM) {
      await this.#qemu.step();
      registers = await this.#qemu.registers();
    }
    await this.#copy(0, VGA_WINDOW);
    await this.#copy(FIRMWARE_START, LOW_MEMORY_END - FIRMWARE_START);
    this.#mirror.adopt(registers);
    return registers;
  }

  async #copy(address: number, length: number): Promise<void> {
    this.#mirror.memory.write(address, await this.#qemu.readMemory(BigInt(address), length));
  }

  /** The next 15 bytes, from our memory. */
  #code(registers: GuestRegisters): string {
    const at = Number(linearAddress(registers));
    const bytes = Buffer.alloc(15);
    this.#mirror.memory.read(at, bytes);
    return bytes.toString('hex');
  }

  async #both(before: GuestRegisters, hex: string): Promise<GuestRegisters> {
    const repeats = STRING_OPCODE.test(hex);
    this.#mirror.step(repeats);
    let after: GuestRegisters;
    do {
      await this.#qemu.step();
      after = await this.#qemu.registers();
    } while (repeats && after.rip === before.rip);
    for (const { address, length } of this.#mirror.dma.splice(0)) await this.#copy(address, length);
    if (repeats && this.#mirror.touchedDevice) await this.#copyInput(before, after);
    return after;
  }

  /** What INS read from QEMU's device. */
  async #copyInput(before: GuestRegisters, after: GuestRegisters): Promise<void> {
    const base = (before.cr0 & 1n) === 0n ? before.es << 4n : 0n;
    const [from, to] = before.rdi < after.rdi ? [before.rdi, after.rdi] : [after.rdi, before.rdi];
    await this.#copy(Number(base + from), Number(to - from));
  }

  #agrees(after: GuestRegisters, hex: string): boolean {
    const mirror = this.#mirror;
    const names = differing(mirror.registers(), after);
    if (names.length === 0) return true;
    const machineOpcode = MACHINE_OPCODES.some((opcode) => hex.startsWith(opcode));
    const ours = mirror.registers();
    const onlyFlags =
      names.length === 1 &&
      names[0] === 'eflags' &&
      ((ours.eflags ^ after.eflags) & ~ARITHMETIC_FLAGS) === 0n;
    if (!mirror.touchedDevice && !machineOpcode && (!onlyFlags || this.#options.strictFlags)) return false;
    mirror.adopt(after);
    this.#adopted++;
    return differing(mirror.registers(), after).length === 0;
  }

  #report(step: number, before: GuestRegisters, after: GuestRegisters, hex: string): void {
    print(`instruction ${step} differs (${this.#adopted} results taken over before):`);
    for (const line of this.#history.slice(0, -1)) print(`  ${line}`);
    print(
      `> ${before.cs.toString(16)}:${before.rip.toString(16)}  ${disassemble(Buffer.from(hex, 'hex'), codeSize(before))}`,
    );
    const ours = this.#mirror.registers();
    for (const name of differing(ours, after)) {
      print(
        `  ${name}: ${ours[name].toString(16)}, QEMU ${after[name].toString(16)} (before: ${before[name].toString(16)})`,
      );
    }
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      steps: { type: 'string', default: '100000' },
      'strict-flags': { type: 'boolean', default: false },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
  const path = join(folder, 'gdb');
  const machine = ['-machine', 'pc', '-m', String(MEMORY_MIB), '-nodefaults', '-display', 'none'];
  const args = [...machine, '-S', '-gdb', `unix:${path},server=on,wait=off`, ...positionals];
  const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await waitFor(path, child);
    const client = await GdbClient.connect(path);
    const options = { steps: Number(values.steps), strictFlags: values['strict-flags'] };
    const same = await new Lockstep(client, options).run();
    client.close();
    process.exitCode = same ? 0 : 1;
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
