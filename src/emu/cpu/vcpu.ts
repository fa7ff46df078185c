/**
 * A virtual CPU without its execution engine: state, TLB, MMU, mode. All code is bound to this one object and its arrays, so it is a
 * stage on which the vCPUs of a machine take turns (processor.ts).
 */
import { assert } from '../core/assert.ts';
import type { Trace } from '../core/trace.ts';
import type { RamOffset } from '../memory/addresses.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Cpu, CpuApic, CpuHost, CpuTopology, CpuWatcher } from './cpu.ts';
import { Debugger } from './debugger.ts';
import { JUMP_WORDS } from './interp/jump-cache.ts';
import { Mmu } from './mmu/mmu.ts';
import { tlbPart, tlbWords } from './mmu/tlb.ts';
import { Translations } from './mmu/translations.ts';
import { type CpuIdentity, QEMU64 } from './models/cpu-identity.ts';
import { Processor, type ProcessorPlace, type Stage } from './processor.ts';
import {
  BUDGET,
  BUDGET_HELD,
  EVENT_INIT,
  EVENT_MCE,
  EVENT_NMI,
  EVENT_NMI_BLOCKED,
  EVENT_SIPI,
  EVENT_SIPI_VECTOR_SHIFT,
  EVENTS,
  FAULT,
  FAULT_ERROR,
  FAULT_HAS_ERROR,
  FAULT_PRESENT,
  JUMP_BASE,
  STATE_WORDS,
  TLB_BASE,
  TLB_SYSTEM,
  TLB_USER,
} from './state.ts';
import { readFlags, writeFlags } from './system/flags.ts';
import { updateMode } from './system/mode.ts';
import { initState, startupState } from './system/reset.ts';

const PAGE_SHIFT = 12;
export const SINGLE_PROCESSOR: CpuTopology = { apicId: 0, sockets: 1, cores: 1, threads: 1 };

export class Vcpu implements Cpu, Stage {
  readonly S: Int32Array;
  readonly SU8: Uint8Array;
  readonly SF32: Float32Array;
  readonly SF64: Float64Array;
  readonly tlb: Int32Array;
  readonly memory: GuestMemory;
  readonly host: CpuHost;
  readonly trace: Trace;
  readonly identity: CpuIdentity;
  readonly mmu: Mmu;
  watcher: CpuWatcher | undefined = undefined;
  /** What a debugger outside of the guest has set, on all vCPUs. */
  readonly debugger = new Debugger(() => {
    for (const processor of this.#processors) processor.flushTlb(true);
  });
  /** How many vCPUs can be at once. */
  readonly slots: number;
  #processor: Processor;
  readonly #processors: Processor[] = [];
  #turnIsOver = false;
  /** The places that were never used or are free again. */
  readonly #places: ProcessorPlace[];

  /** @param topology of the vCPU that is there from the start, on the stage */
  constructor(
    memory: GuestMemory,
    host: CpuHost,
    trace: Trace,
    topology: CpuTopology = SINGLE_PROCESSOR,
    slots = 1,
    identity: CpuIdentity = QEMU64,
  ) {
    this.memory = memory;
    this.host = host;
    this.trace = trace;
    this.slots = slots;
    this.identity = identity;
    this.tlb = new Int32Array(tlbWords(slots));
    this.#places = Array.from({ length: slots }, (_, slot) => placeOf(slot, this.tlb));
    const buffer = new ArrayBuffer(STATE_WORDS * 4);
    this.S = new Int32Array(buffer);
    this.SU8 = new Uint8Array(buffer);
    this.SF32 = new Float32Array(buffer);
    this.SF64 = new Float64Array(buffer);
    const raise = (vector: number, error?: number) => this.raise(vector, error);
    const [first] = this.#places;
    this.mmu = new Mmu(this.S, this.tlb, first.translations, memory, host, raise, this.debugger);
    this.#processor = new Processor(this, topology, first);
    this.#places.shift();
    this.#processors.push(this.#processor);
    this.S.set(first.words);
    this.#processor.reset();
    memory.listen({
      chunkMapped: () => {
        for (const { place } of this.#processors) place.translations.tlb.dropZeros();
      },
      unmapped: () => {
        for (const processor of this.#processors) processor.flushTlb(true);
      },
    });
  }

  /** The vCPU on the stage. */
  get processor(): Processor {
    return this.#processor;
  }

  get topology(): CpuTopology {
    return this.#processor.topology;
  }

  get apic(): CpuApic | undefined {
    return this.#processor.apic;
  }

  /** A vCPU more, as after RESET. There must be a free slot. */
  addProcessor(topology: CpuTopology): Processor {
    const place = this.#places.shift();
    assert(place !== undefined, 'no slot is free for a vCPU');
    const processor = new Processor(this, topology, place);
    this.#processors.push(processor);
    processor.reset();
    return processor;
  }

  /** Takes a vCPU out, which must not be on the stage. */
  removeProcessor(processor: Processor): void {
    assert(processor !== this.#processor, 'a vCPU is taken out in its turn');
    this.#processors.splice(this.#processors.indexOf(processor), 1);
    this.#places.unshift(processor.place);
  }

  /** Lets `processor` onto the stage. Only between two runs of the engine. */
  enter(processor: Processor): void {
    if (processor === this.#processor) return;
    const { S } = this;
    this.#processor.place.words.set(S);
    S.set(processor.place.words);
    this.#processor = processor;
    this.mmu.translations = processor.place.translations;
  }

  /** Forgets the translations of all vCPUs, entries that others wrote included. */
  clearTranslations(): void {
    for (const { place } of this.#processors) place.translations.tlb.clear();
  }

  /** Page number `page` of the arena now holds decoded code: the next write to it, by whichever vCPU, must take the slow way. */
  dropWriteTags(page: number): void {
    const offset = ((page << PAGE_SHIFT) | 0) as RamOffset;
    for (const { place } of this.#processors) place.translations.tlb.dropWriteTags(offset);
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

  /** The bank for implicit accesses. QEMU: at CPL 0 to 2, EFLAGS.AC lets them reach user pages as it does explicit ones. */
  #systemBank(): number {
    const now = this.S[TLB_BASE];
    const system = this.S[TLB_SYSTEM];
    return now === system + TLB_USER ? system : now;
  }

  loadSystem8(lo: number, hi: number): number {
    return this.mmu.load8(lo, hi, this.#systemBank());
  }

  loadSystem16(lo: number, hi: number): number {
    return this.mmu.load16(lo, hi, this.#systemBank());
  }

  loadSystem32(lo: number, hi: number): number {
    return this.mmu.load32(lo, hi, this.#systemBank());
  }

  loadSystem64(lo: number, hi: number): number {
    return this.mmu.load64(lo, hi, this.#systemBank());
  }

  storeSystem16(lo: number, hi: number, value: number): void {
    this.mmu.store16(lo, hi, value, this.#systemBank());
  }

  storeSystem32(lo: number, hi: number, value: number): void {
    this.mmu.store32(lo, hi, value, this.#systemBank());
  }

  storeSystem64(lo: number, hi: number, valueLo: number, valueHi: number): void {
    this.mmu.store64(lo, hi, valueLo, valueHi, this.#systemBank());
  }

  raise(vector: number, error?: number): void {
    const S = this.S;
    if (S[FAULT] !== 0) return;
    S[FAULT] = vector | FAULT_PRESENT | (error === undefined ? 0 : FAULT_HAS_ERROR);
    S[FAULT_ERROR] = error ?? 0;
  }

  /** For a debugger, between two runs: what is accessed stops nobody, and a fault is none of the guest's. */
  withoutFaults(use: () => void): void {
    const { S } = this;
    const fault = S[FAULT];
    const { hit } = this.debugger;
    S[FAULT] = 0;
    this.debugger.isStepping = true;
    use();
    this.debugger.isStepping = false;
    this.debugger.hit = hit;
    S[FAULT] = fault;
  }

  readFlags(): number {
    return readFlags(this.S);
  }

  writeFlags(value: number): void {
    writeFlags(this.S, value);
  }

  updateMode(): void {
    updateMode(this.S);
  }

  flushTlb(global: boolean): void {
    this.mmu.flushTlb(global);
  }

  invalidatePage(lo: number, hi: number): void {
    this.mmu.invalidatePage(lo, hi);
  }

  pause(): void {
    if (this.#processors.length === 1) return;
    const others = this.#processors.some((other) => other !== this.#processor && other.isReady);
    if (others) this.requestTurn();
  }

  requestTurn(): void {
    this.#turnIsOver = true;
    this.requestExit();
  }

  /** A turn for another vCPU was asked for since `takeTurnIsOver`. */
  get turnIsOver(): boolean {
    return this.#turnIsOver;
  }

  /** Was a turn for another vCPU asked for since the last question? */
  takeTurnIsOver(): boolean {
    const is = this.#turnIsOver;
    this.#turnIsOver = false;
    return is;
  }

  requestExit(): void {
    const S = this.S;
    if (S[BUDGET] < 0) return;
    S[BUDGET_HELD] += S[BUDGET] + 1;
    S[BUDGET] = -1;
  }

  /** At an instruction boundary: does what INIT and startup IPI ask for. */
  serviceEvents(): void {
    const S = this.S;
    const events = S[EVENTS];
    if ((events & (EVENT_INIT | EVENT_SIPI)) === 0) return;
    if ((events & EVENT_INIT) !== 0) {
      this.watcher?.resetting(S, this.topology.apicId);
      initState(S, this.topology.apicId === 0, this.identity.signature);
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

  /** The same for a machine check. */
  takeMachineCheck(): boolean {
    const S = this.S;
    if ((S[EVENTS] & EVENT_MCE) === 0) return false;
    S[EVENTS] &= ~EVENT_MCE;
    return true;
  }
}

/** A place as no vCPU has used it yet. */
function placeOf(slot: number, tlb: Int32Array): ProcessorPlace {
  const words = new Int32Array(STATE_WORDS);
  words[TLB_SYSTEM] = tlbPart(slot);
  words[JUMP_BASE] = slot * JUMP_WORDS;
  return { slot, words, translations: new Translations(tlb, words[TLB_SYSTEM]) };
}
