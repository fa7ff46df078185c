/** What system, FPU and SSE code sees of the vCPU that it works for. Hot code does not come through here. */
import type { AccessSize } from '../core/device.ts';
import type { Trace } from '../core/trace.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { CpuIdentity } from './models/cpu-identity.ts';

/** The machine as the CPU sees it. */
export interface CpuHost {
  ioRead(port: number, size: AccessSize): number;
  ioWrite(port: number, size: AccessSize, value: number): void;
  /** `gpa` is a guest-physical address as a number; 8-byte accesses come as two of 4. */
  mmioRead(gpa: number, size: AccessSize): number;
  mmioWrite(gpa: number, size: AccessSize, value: number): void;
  /** Virtual time; exact at this instruction in deterministic mode. */
  nowNs(): number;
  /** Fills `bytes` with entropy; the same at the same instruction in deterministic mode. */
  random(bytes: Uint8Array): void;
  /** INTA cycle of the 8259 pair: the vector. */
  acknowledgePic(): number;
  /** A level-triggered interrupt was completed: the IO-APIC may send it again. */
  broadcastEoi(vector: number): void;
}

/** The local APIC as instructions reach it. */
export interface CpuApic {
  /** CR8: bits 4–7 of the task priority register. */
  readCr8(): number;
  writeCr8(priority: number): void;
  /** IA32_APIC_BASE; false: #GP(0), nothing changed. */
  writeBase(lo: number, hi: number): boolean;
}

/** Where this vCPU is among all, for CPUID. */
export interface CpuTopology {
  readonly apicId: number;
  readonly sockets: number;
  /** Dies of a socket; absent: one. */
  readonly dies?: number;
  /** Cores of a die, threads of a core. */
  readonly cores: number;
  readonly threads: number;
}

/**
 * One vCPU. Loads and stores take a linear address as two words. When one faults it has called `raise` and returns 0:
 * the caller tests `S[FAULT]` before it changes anything else.
 */
export interface Cpu {
  /** See state.ts for the layout. All four are views of one buffer. */
  readonly S: Int32Array;
  readonly SU8: Uint8Array;
  readonly SF32: Float32Array;
  readonly SF64: Float64Array;
  readonly tlb: Int32Array;
  readonly memory: GuestMemory;
  readonly host: CpuHost;
  readonly trace: Trace;
  /** What CPUID announces: the machine's, the same for all its vCPUs. */
  readonly identity: CpuIdentity;
  /** Absent: no local APIC (CPUID then does not announce one). */
  readonly apic?: CpuApic | undefined;
  /** Absent: the only processor, APIC id 0. */
  readonly topology?: CpuTopology | undefined;

  /** With the current privilege. Results are zero-extended; `load64` leaves the high word in S[LD_HI]. */
  load8(lo: number, hi: number): number;
  load16(lo: number, hi: number): number;
  load32(lo: number, hi: number): number;
  load64(lo: number, hi: number): number;
  store8(lo: number, hi: number, value: number): void;
  store16(lo: number, hi: number, value: number): void;
  store32(lo: number, hi: number, value: number): void;
  store64(lo: number, hi: number, valueLo: number, valueHi: number): void;
  /** Faults as a write of `size` bytes would, and writes nothing. */
  probeWrite(lo: number, hi: number, size: number): void;

  /** As supervisor, whatever CPL is: descriptor tables, TSS, interrupt stack frames. */
  loadSystem8(lo: number, hi: number): number;
  loadSystem16(lo: number, hi: number): number;
  loadSystem32(lo: number, hi: number): number;
  loadSystem64(lo: number, hi: number): number;
  storeSystem16(lo: number, hi: number, value: number): void;
  storeSystem32(lo: number, hi: number, value: number): void;
  storeSystem64(lo: number, hi: number, valueLo: number, valueHi: number): void;

  /** Starts an exception: sets S[FAULT] (and S[FAULT_ERROR]). The first one wins. */
  raise(vector: number, error?: number): void;
  /** EFLAGS with the lazy flags worked out. */
  readFlags(): number;
  /** Sets all of EFLAGS (already masked by the caller), lazy flags included. */
  writeFlags(value: number): void;
  /** CR0, CR4, EFER, CS, SS, DS, ES or EFLAGS.TF/VM changed: recomputes MODE, CPL's TLB half, and drops what depended on them. */
  updateMode(): void;
  /** Drops translations: of all pages, or of all but global ones. */
  flushTlb(global: boolean): void;
  invalidatePage(lo: number, hi: number): void;
  /** Absent while nobody logs what a processor does. */
  readonly watcher?: CpuWatcher | undefined;

  /** PAUSE: this vCPU waits for another one, which may have its turn. */
  pause(): void;
  /** Makes the running slice end at the next block boundary (interrupt raised, timer re-armed). */
  requestExit(): void;
}

/** What a processor does, for a user who logs it. Told before the state changes; must not change it. */
export interface CpuWatcher {
  /** It is told of each instruction: the interpreter runs them one by one. */
  readonly wantsInstructions: boolean;
  /** An instruction is about to be executed. @param block a number of its decoded form */
  executing(block: number): void;
  /** The handler of an interrupt or exception is about to be entered. */
  entering(entry: CpuEntry): void;
  /** CR0 is about to be written, by MOV or LMSW; reserved bits are as the guest has them. */
  writingCr0(value: number): void;
  /** A fault while a double fault was delivered: the machine is going to be reset. */
  tripleFault(raised: number): void;
  /** By the machine or by the INIT signal. */
  resetting(S: Int32Array, apicId: number): void;
}

export interface CpuEntry {
  readonly vector: number;
  readonly kind: 'fault' | 'trap' | 'software' | 'interrupt';
  readonly errorCode: number | undefined;
  /** The exception that led here, which may be another one than the double fault that is delivered. */
  readonly raised: number;
  /** It was raised while another one was delivered. */
  readonly isNested: boolean;
}

/**
 * A system instruction. S[RIP_*] is its own address, S[NEXT_*] the next one's. Operands: `size` 8, 16, 32 or 64;
 * `reg` the ModRM reg number (0–15); `rm` the register number (0–15), or -1 when the operand is in memory at S[EA_*].
 */
export type SystemOp = (cpu: Cpu, size: number, reg: number, rm: number, imm: number, imm2: number) => void;

export interface SystemOpInfo {
  readonly run: SystemOp;
  /** True: the next instruction must be looked up again (it may change RIP, mode, mappings, interrupt flag). */
  readonly ends: boolean;
}
