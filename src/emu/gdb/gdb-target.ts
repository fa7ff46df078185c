/** The machine as a client sees it: threads, registers, memory, break- and watchpoints. Answers are those of packets. */
import type { WatchKind } from '../cpu/debugger.ts';
import type { Machine } from '../machine/machine.ts';
import type { DebuggedCpu, MachineDebug } from '../machine/machine-debug.ts';
import { fromHex, hexNumber, latin1, MAX_PACKET, toHex } from './packet-reader.ts';
import { readRegister, writeRegister } from './registers.ts';
import { REGISTERS } from './target-description.ts';
import { parseThreadId } from './threads.ts';

export const OK = 'OK';
export const UNKNOWN = '';
export const INVALID = 'E22';
const BAD_ADDRESS = 'E14';

/** QEMU: the longest piece of memory in one packet. */
const MAX_MEMORY = MAX_PACKET / 2;
const ADDRESSES = 1n << 64n;
const WATCH_KINDS: Readonly<Record<string, WatchKind>> = { 2: 'write', 3: 'read', 4: 'access' };

interface Numbers {
  readonly first: bigint;
  readonly second: bigint;
  /** What follows behind a colon; undefined: there is none. */
  readonly data: string | undefined;
}

/** `first,second` and `:data`. A text: the answer to what is no such thing. */
function readNumbers(text: string): Numbers | string {
  const colon = text.indexOf(':');
  const head = colon < 0 ? text : text.slice(0, colon);
  const comma = head.indexOf(',');
  const first = hexNumber(comma < 0 ? head : head.slice(0, comma));
  if (first === undefined) return UNKNOWN;
  if (comma < 0) return INVALID;
  const second = hexNumber(head.slice(comma + 1));
  if (second === undefined) return UNKNOWN;
  return { first, second, data: colon < 0 ? undefined : text.slice(colon + 1) };
}

export class GdbTarget {
  /** vCPUs that `Hc` and `Hg` chose: those that steps and registers are about. */
  control = 0;
  general = 0;
  /** Addresses of memory are physical. */
  physicalMemory = false;
  readonly #access: Machine['access'];
  readonly #debug: MachineDebug;

  constructor({ access, debug }: Pick<Machine, 'access' | 'debug'>) {
    this.#access = access;
    this.#debug = debug;
  }

  get indexes(): readonly number[] {
    return this.#debug.cpus.map(({ index }) => index);
  }

  /** A client is there, and has chosen nothing. */
  reset(): void {
    this.control = this.#first.index;
    this.general = this.control;
    this.physicalMemory = false;
  }

  /** The vCPU that a thread id names; undefined: none, or several. */
  cpuOf(text: string): DebuggedCpu | undefined {
    const id = parseThreadId(text);
    if (id === undefined || id === 'all') return undefined;
    return id === 'any' ? this.#first : this.#debug.cpu(id.index);
  }

  /** QEMU: all threads together are a choice that changes nothing. */
  chooseThread(text: string): string {
    if (parseThreadId(text.slice(1)) === 'all') return OK;
    const cpu = this.cpuOf(text.slice(1));
    if (cpu === undefined) return INVALID;
    if (text.startsWith('c')) this.control = cpu.index;
    else if (text.startsWith('g')) this.general = cpu.index;
    else return INVALID;
    return OK;
  }

  readAll(): string {
    const cpu = this.#chosen(this.general);
    return REGISTERS.map((_, number) => toHex(readRegister(cpu, number) ?? new Uint8Array(0))).join('');
  }

  writeAll(text: string): string {
    const bytes = fromHex(text);
    this.#debug.change(this.#chosen(this.general).index, (cpu) => {
      let at = 0;
      for (let number = 0; number < REGISTERS.length && at < bytes.length; number++) {
        at += writeRegister(cpu, number, bytes.subarray(at));
      }
    });
    return OK;
  }

  readOne(text: string): string {
    if (text === '') return BAD_ADDRESS;
    const number = hexNumber(text);
    if (number === undefined) return UNKNOWN;
    const bytes = readRegister(this.#chosen(this.general), Number(number));
    return bytes === undefined ? BAD_ADDRESS : toHex(bytes);
  }

  writeOne(text: string): string {
    const [head = '', value] = text.split('=');
    const number = hexNumber(head);
    if (number === undefined) return UNKNOWN;
    if (value === undefined) return INVALID;
    const { index } = this.#chosen(this.general);
    this.#debug.change(index, (cpu) => writeRegister(cpu, Number(number), fromHex(value)));
    return OK;
  }

  /** The next instruction of the vCPU that steps. */
  setProgramCounter(address: bigint): void {
    const value = toHex(new Uint8Array(new BigUint64Array([address]).buffer));
    const { index } = this.#chosen(this.control);
    const rip = REGISTERS.findIndex(({ name }) => name === 'rip');
    this.#debug.change(index, (cpu) => writeRegister(cpu, rip, fromHex(value)));
  }

  readMemory(text: string): string {
    const numbers = readNumbers(text);
    if (typeof numbers === 'string') return numbers;
    const { first: address, second } = numbers;
    if (second > BigInt(MAX_MEMORY)) return INVALID;
    const bytes = new Uint8Array(Number(second));
    const isRead = this.physicalMemory
      ? this.#access.readPhysical(address, bytes)
      : this.#access.readLinear(this.#chosen(this.general).index, address, bytes);
    return isRead ? toHex(bytes) : BAD_ADDRESS;
  }

  /** `M`, whose data are hexadecimal, and `X`, whose data are the bytes. */
  writeMemory(text: string, isHex: boolean): string {
    const numbers = readNumbers(text);
    if (typeof numbers === 'string') return numbers;
    const { first: address, second, data } = numbers;
    if (data === undefined) return INVALID;
    const bytes = isHex ? fromHex(data) : latin1(data);
    if (second > BigInt(bytes.length)) return INVALID;
    const wanted = bytes.subarray(0, Number(second));
    if (this.physicalMemory) this.#access.writePhysical(address, wanted);
    else if (!this.#access.writeLinear(this.#chosen(this.general).index, address, wanted)) return BAD_ADDRESS;
    return OK;
  }

  /** `Z` and `z`: type, address and kind, which is a length for watchpoints. QEMU: both kinds of breakpoints are the same. */
  changePoint(insert: boolean, text: string): string {
    const comma = text.indexOf(',');
    if (comma < 0) return hexNumber(text) === undefined ? UNKNOWN : INVALID;
    const type = hexNumber(text.slice(0, comma));
    const numbers = readNumbers(text.slice(comma + 1));
    if (type === undefined) return UNKNOWN;
    if (typeof numbers === 'string') return numbers;
    const { first: address, second: length } = numbers;
    const { points } = this.#debug;
    if (type <= 1n) {
      const isDone = insert ? points.addBreakpoint(address) : points.removeBreakpoint(address);
      return isDone ? OK : INVALID;
    }
    const kind = WATCH_KINDS[String(type)];
    if (kind === undefined) return UNKNOWN;
    if (length === 0n || address + length > ADDRESSES) return INVALID;
    const watchpoint = { kind, address, length };
    const isDone = insert ? points.addWatchpoint(watchpoint) : points.removeWatchpoint(watchpoint);
    return isDone ? OK : INVALID;
  }

  get #first(): DebuggedCpu {
    return this.#debug.cpus[0];
  }

  /** It may have been unplugged since it was chosen. */
  #chosen(index: number): DebuggedCpu {
    return this.#debug.cpu(index) ?? this.#first;
  }
}
