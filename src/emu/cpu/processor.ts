/**
 * One vCPU of a machine. There is one stage, the `Vcpu` that all code is bound to: a processor's words are there while it has its
 * turn, and here meanwhile. Its translations stay where they are.
 */
import type { Device } from '../core/device.ts';
import { record } from '../core/state-fields.ts';
import type { CpuApic, CpuTopology, CpuWatcher } from './cpu.ts';
import type { Translations } from './mmu/translations.ts';
import type { CpuIdentity } from './models/cpu-identity.ts';
import {
  ATTENTION,
  EFLAGS,
  EVENT_INIT,
  EVENT_MCE,
  EVENT_NMI,
  EVENT_NMI_BLOCKED,
  EVENT_SIPI,
  EVENT_SIPI_VECTOR_SHIFT,
  EVENTS,
  FLAG_IF,
  HALTED,
  HALTED_WAIT_SIPI,
} from './state.ts';
import { updateMode } from './system/mode.ts';
import { resetState } from './system/reset.ts';
import { clearOwnWords, clearPlace, keepingPlace, VCPU_WORDS } from './vcpu-state.ts';

/** Where a processor gets interrupts from. */
export interface InterruptSource {
  /** Something is deliverable now (EFLAGS.IF is not considered here). */
  pending(): boolean;
  /** Takes it: the vector, or -1 when it went away. */
  acknowledge(): number;
}

const NO_INTERRUPTS: InterruptSource = { pending: () => false, acknowledge: () => -1 };

/** The stage, as a processor sees it. */
export interface Stage {
  readonly S: Int32Array;
  readonly identity: CpuIdentity;
  /** Who is on it. */
  readonly processor: Processor;
  readonly watcher: CpuWatcher | undefined;
  requestExit(): void;
  /** As `requestExit`, and another processor has the next turn. */
  requestTurn(): void;
}

/** What a processor has of the engine's arrays. */
export interface ProcessorPlace {
  readonly slot: number;
  /** Its words while it is not on the stage. */
  readonly words: Int32Array;
  readonly translations: Translations;
}

export type VcpuState = { readonly words: Int32Array };

const VCPU_STATE = record<VcpuState>({ words: VCPU_WORDS });

export class Processor implements Device<VcpuState> {
  readonly vmstate = { name: 'cpu', version: 12, fields: VCPU_STATE, stage: 'processor' } as const;
  /** The one with APIC id 0 is the bootstrap processor. */
  readonly topology: CpuTopology;
  readonly place: ProcessorPlace;
  /** Set by the machine, before the processor runs. */
  apic: CpuApic | undefined = undefined;
  interrupts: InterruptSource = NO_INTERRUPTS;
  readonly #stage: Stage;

  constructor(stage: Stage, topology: CpuTopology, place: ProcessorPlace) {
    this.#stage = stage;
    this.topology = topology;
    this.place = place;
  }

  /** Its words, wherever they are: not to be kept. */
  get S(): Int32Array {
    return this.#isOnStage ? this.#stage.S : this.place.words;
  }

  get identity(): CpuIdentity {
    return this.#stage.identity;
  }

  get #isOnStage(): boolean {
    return this.#stage.processor === this;
  }

  get isHalted(): boolean {
    return this.S[HALTED] !== 0;
  }

  /** It has something to do: it is not halted, or there is something to wake up for. */
  get isReady(): boolean {
    const { S } = this;
    if (S[HALTED] === 0) return true;
    if (S[ATTENTION] === 0) return false;
    const events = S[EVENTS];
    if ((events & (EVENT_INIT | EVENT_SIPI | EVENT_MCE)) !== 0) return true;
    if ((events & (EVENT_NMI | EVENT_NMI_BLOCKED)) === EVENT_NMI) return true;
    return (S[EFLAGS] & FLAG_IF) !== 0 && this.interrupts.pending();
  }

  /** Something has come that it must look at. The turn of another ends only if this one slept. */
  requestExit(): void {
    if (this.#isOnStage) this.#stage.requestExit();
    else if (this.isHalted) this.#stage.requestTurn();
  }

  reset(): void {
    const { S } = this;
    this.#stage.watcher?.resetting(S, this.topology.apicId);
    resetState(S, this.topology.apicId === 0, this.identity.signature);
    this.place.translations.tlb.clear();
    this.flushTlb(true);
    updateMode(S);
  }

  /** Drops its translations: of all pages, or of all but global ones. */
  flushTlb(global: boolean): void {
    this.place.translations.flush(this.S, global);
  }

  /** The INIT signal. */
  init(): void {
    this.#signal(EVENT_INIT);
  }

  /** A startup IPI; ignored unless the processor waits for one. */
  startup(vector: number): void {
    const { S } = this;
    const waits = S[HALTED] === HALTED_WAIT_SIPI || (S[EVENTS] & EVENT_INIT) !== 0;
    if (!waits || (S[EVENTS] & EVENT_SIPI) !== 0) return;
    this.#signal(EVENT_SIPI | ((vector & 0xff) << EVENT_SIPI_VECTOR_SHIFT));
  }

  /** The NMI signal. */
  nmi(): void {
    this.#signal(EVENT_NMI);
  }

  /** A machine check, whose banks are filled. */
  machineCheck(): void {
    this.#signal(EVENT_MCE);
  }

  save(): VcpuState {
    const words = this.S.slice();
    clearPlace(words);
    return { words };
  }

  restore(state: VcpuState): void {
    const { S } = this;
    keepingPlace(S, () => {
      S.set(state.words);
      clearOwnWords(S);
    });
    this.place.translations.tlb.clear();
    this.flushTlb(true);
    updateMode(S);
  }

  #signal(bits: number): void {
    const { S } = this;
    S[EVENTS] |= bits;
    S[ATTENTION] = 1;
    this.requestExit();
  }
}
