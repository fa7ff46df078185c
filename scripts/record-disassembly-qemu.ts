/** A real QEMU whose processor is in one of the three sizes of code, with given bytes in its memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tinyKernel } from '../tests/support/tiny-kernel.ts';
import type { CodeSize } from './disassembly-cases.ts';
import { connected } from './unix-socket.ts';

export const QEMU = 'qemu-system-x86_64';
const KERNEL = 0x100000;
const PML4 = 0x10000;
const HALT = [0xf4, 0xeb, 0xfd];
const WAIT_MS = 20;
const BOOT_MS = 30_000;

const dword = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

/** Maps the first GiB to itself, enters 64-bit code and halts. */
function longModeCode(): readonly number[] {
  const store = (address: number, value: number): number[] => [
    0xc7,
    0x05,
    ...dword(address),
    ...dword(value),
  ];
  const PDPT = PML4 + 0x1000;
  const PD = PDPT + 0x1000;
  const before = [
    ...store(PML4, PDPT | 3),
    ...store(PDPT, PD | 3),
    // mov edi, PD; mov eax, 0x83; mov ecx, 512
    ...[0xbf, ...dword(PD), 0xb8, ...dword(0x83), 0xb9, ...dword(512)],
    // next: mov [edi], eax; add edi, 8; add eax, 0x200000; loop next
    ...[0x89, 0x07, 0x83, 0xc7, 0x08, 0x05, ...dword(0x200000), 0xe2, 0xf4],
    // mov eax, 0x20; mov cr4, eax; mov eax, PML4; mov cr3, eax
    ...[0xb8, ...dword(0x20), 0x0f, 0x22, 0xe0, 0xb8, ...dword(PML4), 0x0f, 0x22, 0xd8],
    // mov ecx, EFER; rdmsr; or eax, LME; wrmsr
    ...[0xb9, ...dword(0xc0000080), 0x0f, 0x32, 0x0d, ...dword(0x100), 0x0f, 0x30],
    // mov eax, cr0; or eax, PG; mov cr0, eax
    ...[0x0f, 0x20, 0xc0, 0x0d, ...dword(0x80000000), 0x0f, 0x22, 0xc0],
  ];
  // lgdt [pointer]; jmp 8:halt
  const jumpBytes = 7 + 7;
  const halt = KERNEL + before.length + jumpBytes;
  const pointer = halt + HALT.length;
  const gdt = pointer + 6;
  return [
    ...before,
    ...[0x0f, 0x01, 0x15, ...dword(pointer), 0xea, ...dword(halt), 0x08, 0x00],
    ...HALT,
    ...[0x0f, 0x00, ...dword(gdt)],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0],
  ];
}

/** Undefined: the processor is as after a reset. */
function kernelOf(code: CodeSize): readonly number[] | undefined {
  if (code === 16) return undefined;
  return code === 32 ? HALT : longModeCode();
}

export class DisassemblingQemu {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #heard = '';
  #wake: () => void = () => {};

  private constructor(folder: string, process: ChildProcess, socket: Socket) {
    this.#folder = folder;
    this.#process = process;
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#heard += text;
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  /** With `memory` at the physical address `at`. */
  static async start(code: CodeSize, memory: Uint8Array, at: number): Promise<DisassemblingQemu> {
    const folder = mkdtempSync(join(tmpdir(), 'record-disassembly-'));
    const file = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const kernel = kernelOf(code);
    const args = [
      '-machine',
      'pc',
      '-accel',
      'tcg',
      '-m',
      '256',
      '-display',
      'none',
      '-nodefaults',
      '-serial',
      'null',
    ];
    args.push('-device', `loader,file=${file('memory', memory)},addr=${at},force-raw=on`);
    if (kernel === undefined) args.push('-S');
    else args.push('-kernel', file('kernel', tinyKernel(kernel)));
    const socket = join(folder, 'qmp');
    args.push('-qmp', `unix:${socket},server=on,wait=off`);
    const child = spawn(QEMU, args, { stdio: 'inherit' });
    const qemu = new DisassemblingQemu(folder, child, await connected(socket));
    qemu.#socket.write('{"execute":"qmp_capabilities"}\n');
    if (kernel !== undefined) await qemu.#halted();
    return qemu;
  }

  /** What the human monitor says to each line. */
  async answers(lines: readonly string[]): Promise<readonly string[]> {
    const answers = new Map<number, string>();
    for (const [id, line] of lines.entries()) {
      const request = { execute: 'human-monitor-command', arguments: { 'command-line': line }, id };
      this.#socket.write(`${JSON.stringify(request)}\n`);
      while (!answers.has(id)) await this.#take(answers);
    }
    return lines.map((_, id) => (answers.get(id) ?? '').replaceAll('\r', ''));
  }

  async #take(answers: Map<number, string>): Promise<void> {
    if (this.#socket.destroyed) throw new Error('QEMU is gone');
    if (!this.#heard.includes('\n')) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const lines = this.#heard.split('\n');
    this.#heard = lines.pop() ?? '';
    for (const line of lines) {
      const { id, return: text } = JSON.parse(line) as { id?: number; return?: string };
      if (id !== undefined) answers.set(id, text ?? '');
    }
  }

  async #halted(): Promise<void> {
    for (const end = Date.now() + BOOT_MS; ; await sleep(WAIT_MS)) {
      const [registers = ''] = await this.answers(['info registers']);
      // The firmware halts in code elsewhere.
      if (/HLT=1/.test(registers) && /[ER]IP=0*1[0-9a-f]{5}\b/.test(registers)) return;
      if (Date.now() > end) throw new Error(`the kernel does not halt: ${registers}`);
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#socket.destroy();
    this.#process.kill();
    await ended;
    rmSync(this.#folder, { recursive: true });
  }
}
