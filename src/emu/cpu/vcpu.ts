/** One virtual CPU without its execution engine: state, TLB, MMU, mode. The engine extends it. */
import type { Device } from '../core/device.ts';
import { record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Cpu, CpuApic, CpuHost, CpuTopology } from './cpu.ts';
import { Mmu } from './mmu/mmu.ts';
import {
  ATTENTION,
  BUDGET,
  BUDGET_HELD,
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  CPL,
  EVENT_INIT,
  EVENT_NMI,
  EVENT_NMI_BLOCKED,
  EVENT_SIPI,
  EVENT_SIPI_VECTOR_SHIFT,
  EVENTS,
  FAULT,
  FAULT_ERROR,
  FAULT_HAS_ERROR,
  FAULT_PRESENT,
  HALTED,
  HALTED_WAIT_SIPI,
  MODE,
  STATE_WORDS,
  TLB_BASE,
  TLB_WORDS,
} from './state.ts';
import { readFlags, writeFlags } from './system/flags.ts';
import { computeMode, currentPrivilege } from './system/mode.ts';
import { initState, resetState, startupState } from './system/reset.ts';
import { clearOwnWords, VCPU_WORDS } from './vcpu-state.ts';

export const SINGLE_PROCESSOR: CpuTopology = { apicId: 0, sockets: 1, cores: 1, threads: 1 };

export type VcpuState = { readonly words: Int32Array };

const VCPU_STATE = record<VcpuState>({ words: VCPU_WORDS });

export class Vcpu implements Cpu, Device<VcpuState> {
  readonly vmstate = { name: 'cpu', version: 12, fields: VCPU_STATE, stage: 'processor' } as const;
  readonly S: Int32Array;
  readonly SU8: Uint8Array;
  readonly SF32: Float32Array;
  readonly SF64: Float64Array;
  readonly tlb = new Int32Array(3 * TLB_WORDS);
  readonly memory: GuestMemory;
  readonly host: CpuHost;
  readonly trace: Trace;
  readonly topology: CpuTopology;
  readonly mmu: Mmu;
  /** Set once by the machine, before the CPU runs. */
  apic: CpuApic | undefined = undefined;

  /** @param topology the vCPU with APIC id 0 is the bootstrap processor */
  constructor(memory: GuestMemory, host: CpuHost, trace: Trace, topology: CpuTopology = SINGLE_PROCESSOR) {
    this.memory = memory;
    this.host = host;
    this.trace = trace;
    this.topology = topology;
    const buffer = new ArrayBuffer(STATE_WORDS * 4);
    this.S = new Int32Array(buffer);
    this.SU8 = new Uint8Array(buffer);
    this.SF32 = new Float32Array(buffer);
    this.SF64 = new Float64Array(buffer);
    const raise = (vector: number, error?: number) => this.raise(vector, error);
    this.mmu = new Mmu(this.S, this.tlb, memory, host, raise);
    this.reset();
  }

  load8(lo: number, hi: number): number {
    return this.mmu.load8(lo, hi, this.S[TLB_BASE]);
  }

  load16(lo: number, hi: number): number {
    return this.mmu.load16(lo, hi, this.S[TLB_BASE]);
  }

  load32(lo: number, hi: number): number {
    return this.mmu.load32(lo, hi, this.S[TLB_BASE]);
  }

  load64(lo: number, hi: number): number {
    return this.mmu.load64(lo, hi, this.S[TLB_BASE]);
  }

  store8(lo: number, hi: number, value: number): void {
    this.mmu.store8(lo, hi, value, this.S[TLB_BASE]);
  }

  store16(lo: number, hi: number, value: number): void {
    this.mmu.store16(lo, hi, value, this.S[TLB_BASE]);
  }

  store32(lo: number, hi: number, value: number): void {
    this.mmu.store32(lo, hi, value, this.S[TLB_BASE]);
  }

  store64(lo: number, hi: number, valueLo: number, valueHi: number): void {
    this.mmu.store64(lo, hi, valueLo, valueHi, this.S[TLB_BASE]);
  }

  /** Faults as a read of `size` bytes would, and reads nothing. */
  probeRead(lo: number, hi: number, size: number): void {
    this.mmu.probeRead(lo, hi, size, this.S[TLB_BASE]);
  }

  probeWrite(lo: number, hi: number, size: number): void {
    this.mmu.probeWrite(lo, hi, size, this.S[TLB_BASE]);
  }

  loadSystem8(lo: number, hi: number): number {
    return this.mmu.load8(lo, hi, 0);
  }

  loadSystem16(lo: number, hi: number): number {
    return this.mmu.load16(lo, hi, 0);
  }

  loadSystem32(lo: number, hi: number): number {
    return this.mmu.load32(lo, hi, 0);
  }

  loadSystem64(lo: number, hi: number): number {
    return this.mmu.load64(lo, hi, 0);
  }

  storeSystem16(lo: number, hi: number, value: number): void {
    this.mmu.store16(lo, hi, value, 0);
  }

  storeSystem32(lo: number, hi: number, value: number): void {
    this.mmu.store32(lo, hi, value, 0);
  }

  storeSystem64(lo: number, hi: number, valueLo: number, valueHi: number): void {
    this.mmu.store64(lo, hi, valueLo, valueHi, 0);
  }

  raise(vector: number, error?: number): void {
    const S = this.S;
    if (S[FAULT] !== 0) return;
    S[FAULT] = vector | FAULT_PRESENT | (error === undefined ? 0 : FAULT_HAS_ERROR);
    S[FAULT_ERROR] = error ?? 0;
  }

  readFlags(): number {
    return readFlags(this.S);
  }

  writeFlags(value: number): void {
    writeFlags(this.S, value);
  }

  updateMode(): void {
    const S = this.S;
    S[CPL] = currentPrivilege(S);
    S[TLB_BASE] = S[CPL] === 3 ? TLB_WORDS : 0;
    S[MODE] = computeMode(S);
  }

  flushTlb(global: boolean): void {
    this.mmu.flushTlb(global);
  }

  invalidatePage(lo: number, hi: number): void {
    this.mmu.invalidatePage(lo, hi);
  }

  requestExit(): void {
    const S = this.S;
    if (S[BUDGET] < 0) return;
    S[BUDGET_HELD] += S[BUDGET] + 1;
    S[BUDGET] = -1;
  }

  reset(): void {
    resetState(this.S, this.topology.apicId === 0);
    this.mmu.tlb.clear();
    this.mmu.flushTlb(true);
    this.updateMode();
  }

  /** The INIT signal: taken by `serviceEvents`. */
  init(): void {
    this.#signal(EVENT_INIT);
  }

  /** A startup IPI: taken by `serviceEvents`; ignored unless the processor waits for one. */
  startup(vector: number): void {
    const S = this.S;
    const waits = S[HALTED] === HALTED_WAIT_SIPI || (S[EVENTS] & EVENT_INIT) !== 0;
    if (!waits || (S[EVENTS] & EVENT_SIPI) !== 0) return;
    this.#signal(EVENT_SIPI | ((vector & 0xff) << EVENT_SIPI_VECTOR_SHIFT));
  }

  /** The NMI signal: waits for `takeNmi`. */
  nmi(): void {
    this.#signal(EVENT_NMI);
  }

  /** At an instruction boundary: does what INIT and startup IPI ask for. */
  serviceEvents(): void {
    const S = this.S;
    const events = S[EVENTS];
    if ((events & (EVENT_INIT | EVENT_SIPI)) === 0) return;
    if ((events & EVENT_INIT) !== 0) {
      initState(S, this.topology.apicId === 0);
      this.mmu.flushTlb(true);
    }
    S[EVENTS] &= EVENT_NMI | EVENT_NMI_BLOCKED;
    if ((events & EVENT_SIPI) !== 0) startupState(S, events >> EVENT_SIPI_VECTOR_SHIFT);
    this.updateMode();
  }

  /** At an instruction boundary: true when an NMI must be delivered now (it is no longer pending then). */
  takeNmi(): boolean {
    const S = this.S;
    if ((S[EVENTS] & (EVENT_NMI | EVENT_NMI_BLOCKED)) !== EVENT_NMI) return false;
    S[EVENTS] &= ~EVENT_NMI;
    return true;
  }

  #signal(bits: number): void {
    this.S[EVENTS] |= bits;
    this.S[ATTENTION] = 1;
    this.requestExit();
  }

  save(): VcpuState {
    return { words: this.S.slice() };
  }

  restore(state: VcpuState): void {
    const { S } = this;
    // Addresses of code that are cached are of this run's generations, which go on.
    const [generation, generationGlobal] = [S[CODE_GENERATION], S[CODE_GENERATION_GLOBAL]];
    S.set(state.words);
    clearOwnWords(S);
    S[CODE_GENERATION] = generation;
    S[CODE_GENERATION_GLOBAL] = generationGlobal;
    this.mmu.tlb.clear();
    this.mmu.flushTlb(true);
    this.updateMode();
  }
}
