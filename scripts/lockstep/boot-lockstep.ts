/** Follows QEMU's trace with our vCPU, instruction by instruction. */
import type { CodeSize } from './disassemble.ts';
import { classify, type InstructionClass } from './instruction-class.ts';
import type { Difference, Replica } from './replica.ts';
import type { TraceListener } from './trace-parser.ts';
import { AT_CR0, AT_FLAGS, AT_LONG, AT_RCX, AT_RIP, TRACE_WORDS } from './trace-state.ts';

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const ALL_REGISTERS = Array.from({ length: 16 }, (_, n) => n);
/** Registers that are QEMU's after these instructions. */
const MACHINE_RESULTS: Readonly<Record<InstructionClass['kind'], readonly number[]>> = {
  plain: [],
  repeat: [],
  rdtsc: [RAX, RDX],
  rdtscp: [RAX, RCX, RDX],
  cpuid: [RAX, RCX, RDX, RBX],
  rdmsr: [RAX, RDX],
};
const HISTORY = 12;
/** Iterations seen, and left, before a repeated instruction is run without the trace. */
const LONG_REPEAT = 512;
const FLAG_IF = 0x200;
const VEC_PF = 14;
const PF_WRITE = 2;

export interface Divergence {
  /** Of the instruction after which we differ. */
  readonly number: number;
  readonly what: string;
  readonly code: Uint8Array;
  readonly codeSize: CodeSize;
  readonly differences: readonly Difference[];
  /** QEMU's registers before the instruction, and after. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** Addresses of the instructions before it, oldest first. */
  readonly history: readonly string[];
}

/** What was taken over from QEMU: how often each rule applied. */
export type Tally = Map<string, number>;

function sameRip(a: Int32Array, b: Int32Array): boolean {
  return a[AT_RIP] === b[AT_RIP] && a[AT_RIP + 1] === b[AT_RIP + 1];
}

export function ripText(state: Int32Array): string {
  const lo = ((state[AT_RIP] as number) >>> 0).toString(16).padStart(8, '0');
  const hi = (state[AT_RIP + 1] as number) >>> 0;
  return hi === 0 ? lo : hi.toString(16) + lo;
}

export class BootLockstep implements TraceListener {
  readonly #replica: Replica;
  readonly #strictFlags: boolean;
  /** The instruction that runs: its registers before; those of the trace's last block. */
  readonly #before = new Int32Array(TRACE_WORDS);
  readonly #last = new Int32Array(TRACE_WORDS);
  /** Registers when an interrupt was accepted. */
  readonly #atInterrupt = new Int32Array(TRACE_WORDS);
  /** Registers when QEMU met an exception. */
  readonly #atException = new Int32Array(TRACE_WORDS);
  readonly #history: string[] = [];
  #class: InstructionClass = classify(new Uint8Array(0), false);
  #code: Uint8Array = new Uint8Array(0);
  /** There is an instruction in `#before` whose effect was not compared yet. */
  #open = false;
  /** It does not run: only an interrupt comes. */
  #rewound = false;
  /** Ours has run it (before a comparison of memory), an interrupt after it was entered too. */
  #ran = false;
  #accepting = false;
  #vector = -1;
  /** Exceptions of the running instruction on QEMU, and the last one. */
  #exceptions = 0;
  #exceptionVector = 0;
  #exceptionError = 0;
  #iterations = 0;
  /** Instructions run, the iterations of a repeated one together. */
  instructions = 0;
  interrupts = 0;
  /** Page faults and other exceptions, INT n too. */
  faults = 0;
  readonly tally: Tally = new Map();
  divergence: Divergence | undefined;

  constructor(replica: Replica, strictFlags: boolean) {
    this.#replica = replica;
    this.#strictFlags = strictFlags;
  }

  instruction(state: Int32Array): void {
    if (this.divergence !== undefined) return;
    if (this.#open) {
      if (this.#repeats(state)) {
        this.#last.set(state);
        this.#iterations++;
        this.#rewound = false;
        return;
      }
      this.#finish(state);
    } else this.#start(state);
    if (this.divergence !== undefined) return;
    this.#begin(state);
  }

  rewound(): void {
    this.#rewound = true;
  }

  deviceRead(value: bigint, size: number): void {
    this.#replica.expectRead(value, size);
    this.#count('device reads answered');
  }

  interrupt(): void {
    this.#accepting = true;
  }

  exception(vector: number, error: number, state: Int32Array): void {
    if (!this.#accepting) {
      this.#exceptions++;
      this.#exceptionVector = vector;
      this.#exceptionError = error;
      this.#atException.set(state);
      this.faults++;
      return;
    }
    this.#accepting = false;
    this.#vector = vector;
    this.#atInterrupt.set(state);
    this.interrupts++;
  }

  /** Runs what the trace has so far, so that memory can be compared; false: not at this place. */
  catchUp(): boolean {
    if (this.divergence !== undefined || !this.#open || this.#class.kind === 'repeat') return false;
    if (!this.#ran) this.#run();
    this.#ran = true;
    return true;
  }

  /** A repeated instruction has many iterations left, and no interrupt can come between them. */
  get inLongRepeat(): boolean {
    if (this.#iterations < LONG_REPEAT || this.#ran) return false;
    if (((this.#last[AT_FLAGS] as number) & FLAG_IF) !== 0 || this.#exceptions > 0) return false;
    return (this.#last[AT_RCX] as number) >>> 0 > LONG_REPEAT;
  }

  /** Runs all of the repeated instruction: the address after it; undefined: it raises an exception on the way. */
  runLongRepeat(): bigint | undefined {
    const replica = this.#replica;
    replica.stepRepeat();
    this.instructions++;
    this.#ran = true;
    return replica.exceptions > 0 ? undefined : replica.rip;
  }

  /** For a difference that only the caller sees. */
  report(what: string): void {
    this.#diverge(what, this.#last);
  }

  /** The first block of the trace; an interrupt may come before it when QEMU was halted. */
  #start(state: Int32Array): void {
    if (this.#vector >= 0) this.#replica.interrupt(this.#vector);
    if (!this.#replica.agrees(state)) this.#diverge('registers differ at the start', state);
  }

  #begin(state: Int32Array): void {
    this.#before.set(state);
    this.#last.set(state);
    this.#code = this.#replica.code();
    this.#class = classify(this.#code, this.#replica.code64);
    this.#open = true;
    this.#rewound = false;
    this.#ran = false;
    this.#vector = -1;
    this.#exceptions = 0;
    this.#iterations = 0;
  }

  /** The block is the next iteration of the running instruction. */
  #repeats(state: Int32Array): boolean {
    if (this.#class.kind !== 'repeat' || this.#vector >= 0 || this.#exceptions > 0) return false;
    return sameRip(state, this.#before);
  }

  #finish(after: Int32Array): void {
    if (!this.#ran) this.#run();
    const neverRan = this.#rewound && this.#class.kind !== 'repeat';
    if (!neverRan) {
      this.#takeOver(after);
      this.#remember();
    }
    const unread = this.#replica.dropReads();
    if (unread > 0) this.#count('device reads that only QEMU did', unread);
    if (!this.#replica.agrees(after)) this.#diverge('registers differ', after);
  }

  /** The instruction unless it was rewound, then the interrupt. */
  #run(): void {
    const replica = this.#replica;
    const repeat = this.#class.kind === 'repeat';
    const interrupted = this.#vector >= 0;
    if (repeat && interrupted && sameRip(this.#atInterrupt, this.#before)) {
      replica.stepRepeatTo(this.#atInterrupt[AT_RCX] as number, this.#atInterrupt[AT_RCX + 1] as number);
    } else if (repeat) replica.stepRepeat();
    else if (!this.#rewound) replica.step();
    if (!this.#rewound) this.instructions++;
    // The next instruction cannot be fetched: QEMU then has no block for it.
    if (this.#exceptions > 0 && replica.exceptions === 0 && replica.isAt(this.#atException)) replica.step();
    if (replica.exceptions > 0) this.#compareException();
    if (!interrupted) return;
    this.#takeOver(this.#atInterrupt);
    if (!replica.agrees(this.#atInterrupt))
      this.#diverge('registers differ before an interrupt', this.#atInterrupt);
    else if (!replica.interrupt(this.#vector)) this.#diverge('ours would not take the interrupt', this.#last);
  }

  #compareException(): void {
    const { vector, error } = this.#replica;
    if (this.#exceptions === 0) return;
    const same = vector === this.#exceptionVector;
    if (same && error === this.#exceptionError) return;
    // QEMU: an instruction that reads and then writes memory faults as a read; on a processor it faults as a write.
    if (same && vector === VEC_PF && error === (this.#exceptionError | PF_WRITE)) {
      this.#replica.replaceError(this.#exceptionError);
      this.#count('page faults of reads that write afterwards');
      return;
    }
    const text = (v: number, e: number): string => `${v.toString(16)} (error ${e.toString(16)})`;
    const theirs = text(this.#exceptionVector, this.#exceptionError);
    this.#diverge(`exception ${text(vector, error)}, QEMU's ${theirs}`, this.#last);
  }

  /** Results that are the machine's, and flags that are nobody's. */
  #takeOver(after: Int32Array): void {
    const replica = this.#replica;
    const { kind, undefinedFlags, name } = this.#class;
    const registers = MACHINE_RESULTS[kind];
    if (registers.length > 0 && !this.#rewound && this.#exceptions === 0) {
      this.#machineResult(after, registers);
    }
    if (replica.unknownRead) {
      replica.unknownRead = false;
      this.#count('device reads that the trace does not say');
      replica.adopt(after, ALL_REGISTERS);
    }
    const flags = replica.differingFlags(after);
    if (flags === 0 || this.#strictFlags) return;
    if ((flags & ~undefinedFlags) !== 0) return;
    this.#count(`undefined flags ${flags.toString(16)} of ${name}`);
    replica.adoptFlags(after, flags);
  }

  #machineResult(after: Int32Array, registers: readonly number[]): void {
    const { kind } = this.#class;
    const ours = this.#replica.engine.cpu.S;
    const differs = registers.some((n) => ours[2 * n] !== after[2 * n]);
    if (differs && (kind === 'cpuid' || kind === 'rdmsr')) {
      const index = (n: number): string => ((this.#before[2 * n] as number) >>> 0).toString(16);
      const low = (n: number): string =>
        `${((ours[2 * n] as number) >>> 0).toString(16)}/${((after[2 * n] as number) >>> 0).toString(16)}`;
      const leaf = kind === 'cpuid' ? index(RAX) : index(RCX);
      this.#count(`${kind} ${leaf} differs: ${registers.map(low).join(' ')} (ours/QEMU)`);
    } else this.#count(`${kind}${differs ? '' : ' with the same answer'}`);
    this.#replica.adopt(after, registers);
  }

  #remember(): void {
    this.#history.push(`${ripText(this.#before)}  ${Buffer.from(this.#code).toString('hex')}`);
    if (this.#history.length > HISTORY) this.#history.shift();
  }

  #count(what: string, by = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + by);
  }

  #diverge(what: string, after: Int32Array): void {
    const protectedMode = ((this.#before[AT_CR0] as number) & 1) !== 0;
    this.divergence ??= {
      number: this.instructions,
      what,
      code: this.#code.slice(),
      codeSize: this.#before[AT_LONG] !== 0 ? 64 : protectedMode ? 32 : 16,
      differences: this.#replica.differences(after),
      before: this.#before.slice(),
      after: after.slice(),
      history: [...this.#history],
    };
  }
}
