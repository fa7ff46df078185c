/**
 * QEMU's gdb server for one connection at a time: bytes in, bytes out. Spec: Debugging with GDB, appendix "GDB Remote Serial Protocol".
 *
 * QEMU: while the machine runs any byte stops it, and is lost. A client sends Ctrl-C (0x03) for that.
 */
import type { WatchKind } from '../cpu/debugger.ts';
import type { Machine } from '../machine/machine.ts';
import type { ResumePlan } from '../machine/processors.ts';
import type { RunState } from '../machine/run-state.ts';
import { GdbTarget, INVALID, OK, UNKNOWN } from './gdb-target.ts';
import {
  escaped,
  framed,
  fromHex,
  hexByte,
  hexNumber,
  latin1,
  MAX_PACKET,
  PacketReader,
  toHex,
} from './packet-reader.ts';
import { parseVCont, planOf, SSTEP_ALL } from './resume.ts';
import { DESCRIPTIONS } from './target-description.ts';
import { PROCESS, parseThreadId, threadIdText } from './threads.ts';

export interface GdbEnvironment {
  readonly machine: Pick<Machine, 'access' | 'cont' | 'debug' | 'events' | 'quit' | 'runState' | 'stop'>;
  /** Runs a line of the human monitor and gives its output. */
  readonly monitor: (line: string) => Promise<string>;
  /** What QEMU's process prints, without the program's name. */
  readonly stderr: (message: string) => void;
}

/** The answer; undefined: there is none, or it comes later. */
type Answer = string | undefined;

const NO_SUCH_ANNEX = 'E00';
const ODD_LENGTH = 'E01';
/** QEMU: the longest output of the monitor, and the longest part of a description, in one packet. */
const MAX_OUTPUT = MAX_PACKET / 2 - 1;
const MAX_PART = (MAX_PACKET - 5) >> 1;
/** Bytes of a client that wait while a command of the monitor runs. */
const MAX_WAITING = 1 << 16;
const SSTEP_BITS = 'ENABLE=1,NOIRQ=2,NOTIMER=4';

const ACK = '+'.charCodeAt(0);
const NAK = '-'.charCodeAt(0);
const DOLLAR = '$'.charCodeAt(0);

/** GDB's numbers of signals, which say why the machine stands. QEMU: SIGXCPU for all else. */
const SIGNALS: Partial<Record<RunState, number>> = {
  debug: 5,
  paused: 2,
  shutdown: 3,
  'io-error': 17,
  'internal-error': 6,
};
const SIGTRAP = 5;
const SIGXCPU = 24;
const WATCH_PREFIX: Readonly<Record<WatchKind, string>> = { write: '', read: 'r', access: 'a' };

export class GdbStub {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #environment: GdbEnvironment;
  readonly #target: GdbTarget;
  readonly #reader = new PacketReader();
  readonly #unlisten: () => void;
  #isOpen = false;
  /** `D` lets go of the machine, and `vAttach` takes it again. */
  #isAttached = false;
  /** The client knows processes. */
  #multiprocess = false;
  #acknowledges = true;
  #hasDescription = false;
  #sstep = SSTEP_ALL;
  /** Threads that `qsThreadInfo` has still to tell. */
  #threads: readonly number[] = [];
  #unacknowledged: Uint8Array | undefined;
  /** A command of the monitor runs. */
  #busy = false;
  #waiting: number[] = [];

  constructor(write: (bytes: Uint8Array) => void, environment: GdbEnvironment) {
    this.#write = write;
    this.#environment = environment;
    this.#target = new GdbTarget(environment.machine);
    this.#unlisten = environment.machine.events.listen(({ event }) => {
      if (event === 'STOP' && this.#isAttached) this.#send(this.#stopReply());
    });
  }

  /** A client is there. The machine stops for it. */
  opened(): void {
    this.#isOpen = true;
    this.#isAttached = true;
    this.#multiprocess = false;
    this.#acknowledges = true;
    this.#hasDescription = false;
    this.#unacknowledged = undefined;
    this.#waiting = [];
    this.#reader.reset();
    this.#target.reset();
    this.#environment.machine.stop();
  }

  /** The client has gone. QEMU: what it set is still there, and the machine runs or stands as it did. */
  closed(): void {
    this.#isOpen = false;
    this.#isAttached = false;
  }

  /** The server is gone. */
  dispose(): void {
    this.closed();
    this.#unlisten();
  }

  /** The machine ends. */
  exited(): void {
    this.#send('W00');
  }

  /** Input waits for a command of the monitor: no more should be read. */
  get isBusy(): boolean {
    return this.#busy;
  }

  input(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#busy) this.#take(byte);
      else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(byte);
    }
  }

  #take(byte: number): void {
    if (this.#unacknowledged !== undefined) {
      if (byte === NAK) this.#write(this.#unacknowledged);
      else if (byte === ACK || byte === DOLLAR) this.#unacknowledged = undefined;
      if (byte !== DOLLAR) return;
    }
    if (this.#environment.machine.runState === 'running') {
      this.#environment.machine.stop();
      return;
    }
    const received = this.#reader.take(byte);
    if (received === undefined) return;
    if (this.#acknowledges) this.#write(latin1(received.kind === 'packet' ? '+' : '-'));
    if (received.kind !== 'packet') return;
    const answer = this.#answer(received.text);
    if (answer !== undefined) this.#send(answer);
  }

  #send(text: string): void {
    if (!this.#isOpen) return;
    const bytes = framed(text);
    if (this.#acknowledges) this.#unacknowledged = bytes;
    this.#write(bytes);
  }

  #answer(text: string): Answer {
    const rest = text.slice(1);
    const target = this.#target;
    switch (text[0]) {
      case '!':
        return OK;
      case '?':
        return this.#haltReason();
      case 'c':
      case 's':
        return this.#go(text.startsWith('s'), rest);
      case 'C':
      case 'S':
        return this.#go(text.startsWith('S'), rest.split(';')[1] ?? '');
      case 'D':
        return this.#detach(rest);
      case 'g':
        return target.readAll();
      case 'G':
        return target.writeAll(rest);
      case 'H':
        return target.chooseThread(rest);
      case 'k':
        return this.#kill();
      case 'm':
        return target.readMemory(rest);
      case 'M':
      case 'X':
        return target.writeMemory(rest, text.startsWith('M'));
      case 'p':
        return this.#hasDescription ? target.readOne(rest) : UNKNOWN;
      case 'P':
        return this.#hasDescription ? target.writeOne(rest) : UNKNOWN;
      case 'Q':
      case 'q':
        return this.#query(text);
      case 'T':
        return target.cpuOf(rest) === undefined ? INVALID : OK;
      case 'v':
        return this.#verbose(rest);
      case 'Z':
      case 'z':
        return target.changePoint(text.startsWith('Z'), rest);
      default:
        return UNKNOWN;
    }
  }

  #threadText(index: number): string {
    return threadIdText(index, this.#multiprocess);
  }

  /** QEMU: who asks is new here, so that what another client left is taken away. */
  #haltReason(): string {
    this.#environment.machine.debug.points.removeAll();
    return `T${hexByte(SIGTRAP)}thread:${this.#threadText(this.#target.control)};`;
  }

  #stopReply(): string {
    const { debug, runState } = this.#environment.machine;
    const signal = SIGNALS[runState] ?? SIGXCPU;
    if (runState === 'debug') {
      this.#target.control = debug.currentIndex;
      this.#target.general = debug.currentIndex;
    }
    const { hit } = debug.points;
    const watch =
      runState !== 'debug' || hit === undefined
        ? ''
        : `${WATCH_PREFIX[hit.kind]}watch:${hit.address.toString(16).padStart(16, '0')};`;
    return `T${hexByte(signal)}thread:${this.#threadText(this.#target.control)};${watch}`;
  }

  /** `c`, `s` and what becomes of them with a signal, which means nothing here. QEMU: all run when one steps. */
  #go(isStep: boolean, address: string): Answer {
    const target = this.#target;
    const at = hexNumber(address);
    if (at !== undefined) target.setProgramCounter(at);
    return this.#resume(planOf(isStep ? [target.control] : [], this.#sstep));
  }

  /** QEMU: where the machine must be reset first, nothing runs and nothing is said. */
  #resume(plan: ResumePlan): undefined {
    const { machine } = this.#environment;
    machine.cont();
    if (machine.runState === 'running') machine.debug.plan(plan);
    return undefined;
  }

  #detach(text: string): Answer {
    const pid = text === '' ? BigInt(PROCESS) : text.startsWith(';') ? hexNumber(text.slice(1)) : undefined;
    if (pid === undefined) return UNKNOWN;
    if (pid !== BigInt(PROCESS)) return INVALID;
    this.#environment.machine.debug.points.removeAll();
    this.#isAttached = false;
    this.#send(OK);
    return this.#resume(planOf([], this.#sstep));
  }

  #kill(): undefined {
    this.#environment.stderr('QEMU: Terminated via GDBstub');
    this.#environment.machine.quit();
    return undefined;
  }

  #verbose(text: string): Answer {
    if (text === 'Cont?') return 'vCont;c;C;s;S';
    if (text.startsWith('Cont')) return this.#continue(text.slice('Cont'.length));
    if (text.startsWith('Attach;')) return this.#attach(text.slice('Attach;'.length));
    if (!text.startsWith('Kill;')) return UNKNOWN;
    this.#send(OK);
    return this.#kill();
  }

  #continue(text: string): Answer {
    // QEMU: without anything behind it there is no answer.
    if (text === '') return undefined;
    const plan = parseVCont(text, this.#target.indexes, this.#sstep);
    if (plan === 'unknown') return UNKNOWN;
    return plan === 'invalid' ? INVALID : this.#resume(plan);
  }

  #attach(text: string): Answer {
    const pid = hexNumber(text);
    if (pid === undefined) return UNKNOWN;
    if (pid !== BigInt(PROCESS)) return INVALID;
    this.#isAttached = true;
    this.#target.reset();
    return `T${hexByte(SIGTRAP)}thread:${this.#threadText(this.#target.control)};`;
  }

  #query(text: string): Answer {
    const [, name = '', rest = ''] = /^([Qq][\w.]*)(.*)$/s.exec(text) ?? [];
    switch (name) {
      case 'qSupported':
        return this.#supported(rest);
      case 'qAttached':
        return '1';
      case 'qC':
        return `QC${this.#threadText(this.#target.indexes[0] ?? 0)}`;
      case 'qfThreadInfo':
        this.#threads = this.#target.indexes;
        return this.#nextThread();
      case 'qsThreadInfo':
        return this.#nextThread();
      case 'qThreadExtraInfo':
        return this.#threadInfo(rest.slice(1));
      case 'qXfer':
        return this.#transfer(rest);
      case 'qRcmd':
        return rest.startsWith(',') ? this.#command(rest.slice(1)) : UNKNOWN;
      case 'QStartNoAckMode':
        // QEMU: 7.2 has it not, and no client asks that was not told of it.
        this.#acknowledges = false;
        return OK;
      default:
        return this.#qemuQuery(name, rest);
    }
  }

  #qemuQuery(name: string, rest: string): string {
    const value = hexNumber(rest.slice(1));
    switch (name) {
      case 'qqemu.sstepbits':
        return SSTEP_BITS;
      case 'qqemu.sstep':
        return `0x${this.#sstep.toString(16)}`;
      case 'Qqemu.sstep':
        if (value === undefined) return UNKNOWN;
        if (value > BigInt(SSTEP_ALL)) return INVALID;
        this.#sstep = Number(value);
        return OK;
      case 'qqemu.PhyMemMode':
        return this.#target.physicalMemory ? '1' : '0';
      case 'Qqemu.PhyMemMode':
        if (value === undefined) return UNKNOWN;
        this.#target.physicalMemory = value !== 0n;
        return OK;
      default:
        return UNKNOWN;
    }
  }

  #supported(features: string): string {
    if (features.includes('multiprocess+')) this.#multiprocess = true;
    const size = MAX_PACKET.toString(16);
    return `PacketSize=${size};qXfer:features:read+;vContSupported+;multiprocess+`;
  }

  #nextThread(): string {
    const [index, ...left] = this.#threads;
    if (index === undefined) return 'l';
    this.#threads = left;
    return `m${this.#threadText(index)}`;
  }

  /** QEMU: nothing is said of a thread that there is not. */
  #threadInfo(text: string): Answer {
    if (parseThreadId(text) === undefined) return INVALID;
    const cpu = this.#target.cpuOf(text);
    if (cpu === undefined) return undefined;
    return toHex(latin1(`CPU#${cpu.index} [${cpu.isHalted ? 'halted ' : 'running'}]`));
  }

  /** A part of a description: annex, offset and length. */
  #transfer(text: string): string {
    const [, annex = '', from = '', length = ''] = /^:features:read:([^:]*):([^,]*),(.*)$/.exec(text) ?? [];
    const start = hexNumber(from);
    const count = hexNumber(length);
    if (start === undefined || count === undefined) return UNKNOWN;
    this.#hasDescription = true;
    const whole = Object.hasOwn(DESCRIPTIONS, annex) ? DESCRIPTIONS[annex] : undefined;
    if (whole === undefined || start > BigInt(whole.length)) return NO_SUCH_ANNEX;
    const at = Number(start);
    const end = at + Math.min(MAX_PART, Number(count));
    return `${end < whole.length ? 'm' : 'l'}${escaped(whole.slice(at, end))}`;
  }

  #command(hex: string): Answer {
    if (hex === '') return INVALID;
    if (hex.length % 2 !== 0) return ODD_LENGTH;
    const line = String.fromCharCode(...fromHex(hex)).split('\0')[0] ?? '';
    this.#busy = true;
    void this.#run(line).finally(() => this.#ready());
    return undefined;
  }

  /** QEMU: each line of the output is a packet. */
  async #run(line: string): Promise<void> {
    const output = await this.#environment.monitor(line);
    for (const part of output.replaceAll('\n', '\r\n').match(/[^\n]*\n|[^\n]+$/g) ?? []) {
      const bytes = new TextEncoder().encode(part);
      for (let at = 0; at < bytes.length; at += MAX_OUTPUT) {
        this.#send(`O${toHex(bytes.subarray(at, at + MAX_OUTPUT))}`);
      }
    }
    this.#send(OK);
  }

  #ready(): void {
    this.#busy = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.input(Uint8Array.from(waiting));
  }
}
