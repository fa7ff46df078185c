/**
 * Sessions in which a test drives a machine in the place of its processor, over qtest, while a client of QMP watches and acts. They are played
 * to a QEMU (`scripts/record-driven.ts`) and to ours (`driven.test.ts`). A step is a line:
 *
 * | line | what is done | what is recorded |
 * |---|---|---|
 * | `qtest LINE` | a command of the qtest protocol | its answer, where it has one |
 * | `until LINE = ANSWER` | the command is repeated until its answer is that | nothing |
 * | `qmp JSON` | a packet of QMP | the answer, and the events that came since the last one |
 */

export interface DrivenSession {
  readonly name: string;
  readonly steps: readonly string[];
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;
type Size = keyof typeof SUFFIX;

export const out = (port: number, size: Size, value: number): string =>
  `qtest out${SUFFIX[size]} ${hex(port)} ${hex(value)}`;
export const into = (port: number, size: Size): string => `qtest in${SUFFIX[size]} ${hex(port)}`;
export const poke = (gpa: number, size: Size, value: number): string =>
  `qtest write${SUFFIX[size]} ${hex(gpa)} ${hex(value)}`;
export const peek = (gpa: number, size: Size): string => `qtest read${SUFFIX[size]} ${hex(gpa)}`;
export const write = (gpa: number, bytes: readonly number[]): string =>
  `qtest write ${hex(gpa)} ${hex(bytes.length)} 0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
export const read = (gpa: number, length: number): string => `qtest read ${hex(gpa)} ${hex(length)}`;
/** @param test a step of `into` or `peek` */
export const until = (test: string, value: string): string => `${test.replace('qtest', 'until')} = ${value}`;

export const qmp = (execute: string, args?: object): string =>
  `qmp ${JSON.stringify(args === undefined ? { execute } : { execute, arguments: args })}`;
export const hmp = (line: string): string => qmp('human-monitor-command', { 'command-line': line });

/** Little-endian bytes. */
export function words(...all: readonly (readonly [size: 1 | 2 | 4 | 8, value: number])[]): number[] {
  return all.flatMap(([size, value]) => {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, BigInt(value), true);
    return [...new Uint8Array(bytes.buffer, 0, size)];
  });
}

const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
/** Writes a dword into the configuration space of the function in a slot of bus 0. */
export function setConfig(slot: number, offset: number, value: number): readonly string[] {
  return [out(CONFIG_ADDRESS, 4, 0x8000_0000 + (slot << 11) + offset), out(CONFIG_DATA, 4, value)];
}
/** Reads one. */
export function config(slot: number, offset: number): readonly string[] {
  return [out(CONFIG_ADDRESS, 4, 0x8000_0000 + (slot << 11) + offset), into(CONFIG_DATA, 4)];
}
