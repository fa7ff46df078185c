/**
 * Reads what `qemu-system-x86_64 -d cpu,exec,int,nochain,trace:memory_region_ops_read -singlestep` writes: each instruction's
 * registers before it, and what happened to it.
 * QEMU: 7.2; the texts are cpu_dump's, those of the execution loop and those of the interrupt helper.
 */
import * as at from './trace-state.ts';

/** Who is told of each event, in the order of the trace. */
export interface TraceListener {
  /** An instruction is about to run. The array is reused. */
  instruction(state: Int32Array): void;
  /** It did not run after all; the next one may be the same. */
  rewound(): void;
  /** The running instruction read `size` bytes from a device. */
  deviceRead(value: bigint, size: number): void;
  /** Between instructions: an interrupt from outside is accepted. `exception` follows. */
  interrupt(): void;
  /** A handler is being entered; the registers are those before. The array is reused. */
  exception(vector: number, error: number, state: Int32Array): void;
}

const NEWLINE = 10;
const SPACE = 32;
const EQUALS = 61;
const LETTER_R = 82;
const LETTER_T = 84;
const PARTIAL_MAX = 1 << 16;

function key(text: string): number {
  let packed = 0;
  for (let i = 0; i < text.length; i++) packed = ((packed << 8) | text.charCodeAt(i)) & 0xffffff;
  return packed;
}

/** Where a 64-bit or a 32-bit value goes, by the last three characters of its name. */
const WIDE = new Map<number, number>([[key('RIP'), at.AT_RIP]]);
const NARROW = new Map<number, number>([
  [key('EFL'), at.AT_FLAGS],
  [key('RFL'), at.AT_FLAGS],
  [key('II'), at.AT_SHADOW],
  [key('HLT'), at.AT_HALTED],
  [key('CPL'), at.AT_CPL],
  [key('CR0'), at.AT_CR0],
  [key('CR4'), at.AT_CR4],
]);
WIDE.set(key('EIP'), at.AT_RIP).set(key('CR2'), at.AT_CR2).set(key('CR3'), at.AT_CR3);
at.GPR_NAMES.forEach((name, n) => {
  WIDE.set(key(name.toUpperCase()), 2 * n);
  if (n < 8) WIDE.set(key(`E${name.slice(1).toUpperCase()}`), 2 * n);
});
const SEGMENTS = new Map<number, number>(
  ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'].map((name, n) => [
    key(name),
    at.AT_SEGMENTS + at.SEGMENT_WORDS * n,
  ]),
);
const TABLES = new Map<number, number>([
  [key('GDT'), at.AT_GDTR],
  [key('IDT'), at.AT_IDTR],
]);
const EFER = key('FER');
const TRACE_PREFIX = 'Trace ';
const READ_PREFIX = 'memory_region_ops_read cpu ';
const READ = /^memory_region_ops_read cpu (-?\d+) .* value 0x([0-9a-f]+) size (\d+)/;
const EXCEPTION = /^ *\d+: v=([0-9a-f]+) e=([0-9a-f]+)/;
const MAX_TEXT = 200;

export class TraceParser {
  readonly #listener: TraceListener;
  readonly #state = new Int32Array(at.TRACE_WORDS);
  #partial: Buffer = Buffer.alloc(0);
  #block: 'none' | 'instruction' | 'exception' = 'none';
  #vector = 0;
  #error = 0;
  /** Cursor, and the value that `#hex` read last. */
  #at = 0;
  #lo = 0;
  #hi = 0;

  constructor(listener: TraceListener) {
    this.#listener = listener;
  }

  /** Takes the next bytes of the trace, cut anywhere. */
  push(bytes: Buffer): void {
    const data = this.#partial.length === 0 ? bytes : Buffer.concat([this.#partial, bytes]);
    let start = 0;
    for (;;) {
      const end = data.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#line(data, start, end);
      start = end + 1;
    }
    if (data.length - start > PARTIAL_MAX) throw new Error('the trace has a line without an end');
    this.#partial = Buffer.from(data.subarray(start));
  }

  #line(data: Buffer, start: number, end: number): void {
    // `TR =` begins like `Trace 0:`.
    const header = data[start] === LETTER_T && data[start + 1] !== LETTER_R;
    if (this.#block !== 'none' && !header && this.#registers(data, start, end)) return;
    this.#text(data.toString('latin1', start, Math.min(end, start + MAX_TEXT)));
  }

  #text(line: string): void {
    if (line.startsWith(TRACE_PREFIX)) this.#block = 'instruction';
    else if (line.startsWith(READ_PREFIX)) {
      const read = READ.exec(line);
      if (read !== null && Number(read[1]) >= 0) {
        this.#listener.deviceRead(BigInt(`0x${read[2]}`), Number(read[3]));
      }
    } else if (line.startsWith('Stopped execution') || line.startsWith('cpu_io_recompile')) {
      this.#listener.rewound();
    } else if (line.startsWith('Servicing hardware INT')) this.#listener.interrupt();
    else {
      const exception = EXCEPTION.exec(line);
      if (exception === null) return;
      this.#vector = Number.parseInt(exception[1] as string, 16);
      this.#error = Number.parseInt(exception[2] as string, 16);
      this.#block = 'exception';
    }
  }

  /** A line of `NAME=value` pairs; false: it is something else. */
  #registers(data: Buffer, start: number, end: number): boolean {
    let name = 0;
    let any = false;
    this.#at = start;
    while (this.#at < end) {
      const c = data[this.#at++] as number;
      if (c !== EQUALS) {
        if (c !== SPACE) name = ((name << 8) | c) & 0xffffff;
        continue;
      }
      if (!this.#value(data, name, end)) return any;
      any = true;
      name = 0;
    }
    return any;
  }

  /** The value after a name; false: nothing more in this line is looked at. */
  #value(data: Buffer, name: number, end: number): boolean {
    const state = this.#state;
    const wide = WIDE.get(name);
    if (wide !== undefined) {
      const digits = this.#hex(data, end);
      state[wide] = this.#lo;
      state[wide + 1] = this.#hi;
      if (wide === at.AT_RIP) state[at.AT_LONG] = digits > 8 ? 1 : 0;
      return true;
    }
    const narrow = NARROW.get(name);
    if (narrow !== undefined) {
      this.#hex(data, end);
      state[narrow] = this.#lo;
      // The flags follow as letters in brackets.
      if (narrow === at.AT_FLAGS) this.#at = data.indexOf(']', this.#at) + 1;
      return true;
    }
    if (name === EFER) {
      this.#hex(data, end);
      state[at.AT_EFER] = this.#lo;
      this.#endBlock();
      return false;
    }
    return this.#descriptor(data, name, end);
  }

  #descriptor(data: Buffer, name: number, end: number): boolean {
    const state = this.#state;
    const segment = SEGMENTS.get(name);
    if (segment !== undefined) {
      this.#hex(data, end);
      state[segment] = this.#lo;
      this.#hex(data, end);
      state[segment + 1] = this.#lo;
      state[segment + 2] = this.#hi;
      this.#hex(data, end);
      state[segment + 3] = this.#lo;
      this.#hex(data, end);
      state[segment + 4] = this.#lo;
      this.#at = end;
      return true;
    }
    const table = TABLES.get(name);
    if (table !== undefined) {
      this.#hex(data, end);
      state[table] = this.#lo;
      state[table + 1] = this.#hi;
      this.#hex(data, end);
      state[table + 2] = this.#lo;
    }
    return true;
  }

  #endBlock(): void {
    const block = this.#block;
    this.#block = 'none';
    if (block === 'instruction') this.#listener.instruction(this.#state);
    else if (block === 'exception') this.#listener.exception(this.#vector, this.#error, this.#state);
  }

  /** Skips spaces and reads a hexadecimal number: the number of its digits. */
  #hex(data: Buffer, end: number): number {
    let lo = 0;
    let hi = 0;
    let i = this.#at;
    while (i < end && data[i] === SPACE) i++;
    const first = i;
    for (; i < end; i++) {
      const c = data[i] as number;
      const digit = c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
      if (digit < 0) break;
      hi = (hi << 4) | (lo >>> 28);
      lo = (lo << 4) | digit;
    }
    this.#at = i;
    this.#lo = lo;
    this.#hi = hi;
    return i - first;
  }
}
