/** A kernel for all processors of a machine: each adds to one counter, then the first one powers the machine off. */
import { tinyKernel } from './tiny-kernel.ts';

const LOAD_ADDRESS = 0x100000;
const TRAMPOLINE = 0x8000;
export const COUNTER = 0x7000;
/** How many application processors are done. */
export const DONE = 0x7008;

const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
const dword = (value: number): number[] => [...word(value), ...word(value >>> 16)];

export interface SmpProgram {
  readonly processors: number;
  readonly rounds: number;
  /** False: load, add and store are instructions of their own, with a branch between them. */
  readonly locked: boolean;
  /** The first processor waits with PAUSE, as an operating system does. */
  readonly pauses?: boolean;
}

/** Real mode at 0800:0000, as a startup IPI begins it. */
function application({ rounds, locked }: SmpProgram): number[] {
  const add = locked
    ? // lock inc dword [COUNTER]
      [0xf0, 0x66, 0xff, 0x06, ...word(COUNTER)]
    : // mov eax, [COUNTER]; jmp next; inc eax; jmp next; mov [COUNTER], eax
      [0x66, 0xa1, ...word(COUNTER), 0xeb, 0, 0x66, 0x40, 0xeb, 0, 0x66, 0xa3, ...word(COUNTER)];
  return [
    ...[0x66, 0xb9, ...dword(rounds)], // mov ecx, rounds
    ...add,
    ...[0x66, 0x49], // dec ecx
    ...[0x75, -(add.length + 4) & 0xff], // jnz add
    ...[0xf0, 0x66, 0xff, 0x06, ...word(DONE)], // lock inc dword [DONE]
    ...[0xfa, 0xf4, 0xeb, 0xfd], // cli; hlt; jmp hlt
  ];
}

/** Copies the trampoline to where a startup IPI can lead, and sends INIT and startup IPI to all others. */
function startOthers(trampolineBytes: number, source: number): number[] {
  const icr = (value: number): number[] => [0xc7, 0x05, ...dword(0xfee00300), ...dword(value)];
  return [
    ...[0xbe, ...dword(source), 0xbf, ...dword(TRAMPOLINE), 0xb9, ...dword(trampolineBytes), 0xf3, 0xa4],
    ...[0xc7, 0x05, ...dword(0xfee000f0), ...dword(0x1ff)], // the APIC is enabled
    ...icr(0xc4500),
    ...icr(0xc4600 | (TRAMPOLINE >> 12)),
  ];
}

function bootstrap(program: SmpProgram, trampolineBytes: number, source: number): number[] {
  const add = program.locked
    ? [0xf0, 0xff, 0x05, ...dword(COUNTER)]
    : [0xa1, ...dword(COUNTER), 0xeb, 0, 0x40, 0xeb, 0, 0xa3, ...dword(COUNTER)];
  const pause = program.pauses === false ? [] : [0xf3, 0x90];
  return [
    ...startOthers(trampolineBytes, source),
    ...[0xb9, ...dword(program.rounds)],
    ...add,
    0x49,
    ...[0x75, -(add.length + 3) & 0xff],
    ...pause,
    ...[0x83, 0x3d, ...dword(DONE), program.processors - 1], // cmp dword [DONE], n - 1
    ...[0x75, -(pause.length + 9) & 0xff],
    ...[0x66, 0xba, ...word(0x604), 0x66, 0xb8, ...word(0x2000), 0x66, 0xef], // S5
    ...[0xf4, 0xeb, 0xfd],
  ];
}

/**
 * Two processors that count for ever, the first at COUNTER, the second at DONE.
 * @param pauses the first one gives its turn away with a PAUSE after each addition
 */
export function restlessKernel({ pauses = false }: { readonly pauses?: boolean } = {}): Uint8Array {
  // again: inc dword [DONE]; jmp again
  const trampoline = [0x66, 0xff, 0x06, ...word(DONE), 0xeb, 0xf9];
  const pause = pauses ? [0xf3, 0x90] : [];
  const start = (source: number): number[] => [
    ...startOthers(trampoline.length, source),
    // again: inc dword [COUNTER]; pause; jmp again
    ...[0xff, 0x05, ...dword(COUNTER), ...pause, 0xeb, -(pause.length + 8) & 0xff],
  ];
  return tinyKernel([...start(LOAD_ADDRESS + start(0).length), ...trampoline]);
}

export function smpKernel(program: SmpProgram): Uint8Array {
  const trampoline = application(program);
  const { length } = bootstrap(program, trampoline.length, 0);
  return tinyKernel([...bootstrap(program, trampoline.length, LOAD_ADDRESS + length), ...trampoline]);
}
