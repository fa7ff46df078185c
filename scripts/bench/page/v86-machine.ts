/** v86 with a guest in it; the same in Node and in a web worker. */

import type { Job } from '../runners/session.ts';
import { LineBuffer } from './line-buffer.ts';

/** The parts of v86's interface that are used here: the declarations of its package name much more. */
interface V86 {
  add_listener(event: 'serial0-output-byte', listener: (byte: number) => void): void;
  serial0_send(text: string): void;
  get_instruction_counter(): number;
  run(): Promise<void>;
  stop(): Promise<void>;
}

interface V86Module {
  readonly V86: new (options: Readonly<Record<string, unknown>>) => V86;
}

/** Where v86 and what it needs are: paths or addresses. */
export interface V86Files {
  readonly module: string;
  readonly binary: string;
  readonly bios: string;
  readonly vgaBios: string;
  readonly kernel: string;
  readonly initrd: string;
}

export interface V86Machine {
  send(text: string): void;
  instructions(): number;
  stop(): void;
}

/** Starts it. `console` gets the serial port's text in lines, and prompts. */
export async function startV86(
  files: V86Files,
  read: (path: string) => Promise<ArrayBuffer>,
  job: Job,
  console: (text: string) => void,
): Promise<V86Machine> {
  const module: V86Module = await import(/* @vite-ignore */ files.module);
  const file = async (path: string) => ({ buffer: await read(path) });
  const v86 = new module.V86({
    wasm_path: files.binary,
    bios: await file(files.bios),
    vga_bios: await file(files.vgaBios),
    bzimage: await file(files.kernel),
    initrd: await file(files.initrd),
    cmdline: job.append,
    memory_size: job.memoryBytes,
    autostart: true,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  const lines = new LineBuffer(console);
  v86.add_listener('serial0-output-byte', (byte) => lines.feed(String.fromCharCode(byte)));
  return {
    send: (text) => v86.serial0_send(text),
    instructions: () => v86.get_instruction_counter(),
    stop: () => void v86.stop(),
  };
}
