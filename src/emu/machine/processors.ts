/** The processors of a machine: which are there, and their turns on the engine. */
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { Device } from '../core/device.ts';
import type { Trace } from '../core/trace.ts';
import { ApicBusHub } from '../cpu/apic/apic-bus.ts';
import { LocalApic } from '../cpu/apic/local-apic.ts';
import type { CpuHost } from '../cpu/cpu.ts';
import type { Engine, Exit } from '../cpu/engine.ts';
import type { Processor } from '../cpu/processor.ts';
import { apicIdOf, type CpuPlace, cpuTopologyOf, placeOfApicId, type SmpConfig } from './cpu-topology.ts';

/** Instructions of a turn: about half a millisecond, so that no processor waits long for another's answer. */
const TURN = 50_000;

export interface MachineProcessor {
  /** Its number among the possible ones. */
  readonly index: number;
  readonly cpu: Processor;
  readonly apic: LocalApic;
}

/** Whose turn it is, for a snapshot. */
export type TurnSnapshot = {
  readonly index: number;
  /** Instructions that are left of it; 0: it is over, also because another processor was woken up or waited for. */
  readonly left: number;
};

/** What the processors do for a debugger when the machine next runs. */
export interface ResumePlan {
  /** Numbers of those that run; the others stand still. Undefined: all run. */
  readonly only: ReadonlySet<number> | undefined;
  /** Numbers of those that run one instruction. The first that has done so ends the plan. */
  readonly steps: ReadonlySet<number>;
  /** No interrupt comes in the place of a step. */
  readonly noInterrupts: boolean;
  /** Timers wait while a step can be made. */
  readonly noTimers: boolean;
}

export interface ProcessorsWiring {
  readonly smp: SmpConfig;
  readonly engine: Pick<Engine, 'cpu' | 'retired' | 'run' | 'step'>;
  readonly host: CpuHost;
  readonly clock: Clock;
  readonly trace: Trace;
}

/** Processors as monitors see them. */
export type ShownProcessors = Pick<Processors, 'at' | 'present' | 'archId'>;

/** Those of the machine `none`. */
export const NO_PROCESSORS: ShownProcessors = { at: () => undefined, present: [], archId: (index) => index };

export class Processors {
  /** The wire between their APICs. */
  readonly hub: ApicBusHub;
  readonly smp: SmpConfig;
  /** Set by a debugger before the machine runs; taken back when it stops. */
  plan: ResumePlan | undefined = undefined;
  /** Number of the one that executes instructions now; QEMU: -1 when none does. */
  executing = -1;
  readonly #wiring: ProcessorsWiring;
  /** By number, the oldest first. */
  readonly #present = new Map<number, MachineProcessor>();
  /** Present ones in the order of their numbers, which is that of their turns. */
  #ring: readonly MachineProcessor[] = [];
  #current: MachineProcessor;
  #left = TURN;
  /** It was taken out in its own turn. */
  #leaving: MachineProcessor | undefined;

  /** The bootstrap processor is there; the others are added. */
  constructor(wiring: ProcessorsWiring) {
    this.smp = wiring.smp;
    this.#wiring = wiring;
    this.hub = new ApicBusHub(wiring.trace);
    this.#current = this.#insert(0, wiring.engine.cpu.processor);
  }

  get boot(): MachineProcessor {
    return this.#ring[0];
  }

  /** Whose turn it is, or was. */
  get current(): MachineProcessor {
    return this.#current;
  }

  /** The oldest first. */
  get present(): readonly MachineProcessor[] {
    return [...this.#present.values()];
  }

  at(index: number): MachineProcessor | undefined {
    return this.#present.get(index);
  }

  archId(index: number): number {
    return apicIdOf(this.smp, index);
  }

  placeOfApicId(apicId: number): CpuPlace {
    return placeOfApicId(this.smp, apicId);
  }

  /** A processor comes in, as after RESET: it waits for INIT and a startup IPI. */
  add(index: number): MachineProcessor {
    assert(!this.#present.has(index), `processor ${index} is there`);
    this.#letLeave();
    const { engine } = this.#wiring;
    return this.#insert(index, engine.cpu.addProcessor(cpuTopologyOf(this.smp, index)));
  }

  remove(index: number): void {
    const processor = this.#present.get(index);
    assert(processor !== undefined && processor !== this.boot, `processor ${index} cannot go`);
    this.#present.delete(index);
    this.#ring = this.#ring.filter((other) => other !== processor);
    processor.apic.detach();
    this.hub.remove(processor.apic);
    const { cpu } = this.#wiring.engine;
    if (processor !== this.#current) {
      cpu.removeProcessor(processor.cpu);
      return;
    }
    // It ejects itself: its turn ends with this instruction, and it has no other.
    this.#leaving = processor;
    cpu.requestTurn();
  }

  /** What of a processor has state. */
  sections({ cpu, apic }: MachineProcessor): readonly Device[] {
    return [cpu, apic];
  }

  /** All sleep, and nothing wakes them. */
  get isIdle(): boolean {
    return !this.#ring.some((processor) => this.#mayRun(processor));
  }

  /** A step can be made, before which no timer is to run. */
  get holdsTimers(): boolean {
    return this.plan?.noTimers === true && this.#stepper !== undefined;
  }

  /** Lets the one have the stage whose turn it is; gives how many of `budget` instructions it may run. */
  takeTurn(budget: number): number {
    const isOver = this.#wiring.engine.cpu.takeTurnIsOver();
    this.#letLeave();
    const stepper = this.plan === undefined ? undefined : this.#stepper;
    if (stepper !== undefined) {
      this.#enter(stepper);
      return 1;
    }
    if (isOver || this.#left <= 0 || !this.#mayRun(this.#current)) this.#next();
    return this.#ring.length > 1 ? Math.min(budget, this.#left) : budget;
  }

  /** Runs the one on the stage for up to `budget` instructions. */
  run(budget: number, exact: boolean): Exit {
    const { engine } = this.#wiring;
    const before = engine.retired;
    const { plan } = this;
    const steps = plan?.steps.has(this.#current.index) === true;
    this.executing = this.#current.index;
    const exit = steps ? engine.step(plan.noInterrupts) : engine.run(budget, exact);
    this.executing = -1;
    this.#left -= engine.retired - before;
    return exit;
  }

  /** Calls `use` while `processor` is on the stage; the turn stays whose it is. Only while the machine stands. */
  onStage<T>(processor: MachineProcessor, use: () => T): T {
    const [current, left] = [this.#current, this.#left];
    this.#enter(processor);
    const result = use();
    this.#enter(current);
    this.#left = left;
    return result;
  }

  /** Calls `change` with each one on the stage, the bootstrap processor last: it has the next turn. */
  eachOnStage(change: () => void): void {
    for (const processor of this.#ring.toReversed()) {
      this.#enter(processor);
      change();
    }
  }

  saveTurn(): TurnSnapshot {
    const { turnIsOver } = this.#wiring.engine.cpu;
    return { index: this.#current.index, left: turnIsOver ? 0 : Math.max(0, this.#left) };
  }

  /** To be called when processors and APICs are restored: one that sleeps with an interrupt pending asks for a turn then, as if it came now. */
  restoreTurn({ index, left }: TurnSnapshot): void {
    this.#enter(this.#present.get(index) ?? this.boot);
    this.#left = left;
    this.#wiring.engine.cpu.takeTurnIsOver();
  }

  /** Between two turns: who was taken out in its own leaves the stage, and its slot is free. */
  #letLeave(): void {
    if (this.#leaving === undefined) return;
    this.#enter(this.boot);
    this.#wiring.engine.cpu.removeProcessor(this.#leaving.cpu);
    this.#leaving = undefined;
  }

  /** Turns go round, past those that sleep. When all do, it stays with who has it. */
  #next(): void {
    const ring = this.#ring;
    const at = ring.indexOf(this.#current);
    for (let step = 1; step <= ring.length; step++) {
      const processor = ring[(at + step) % ring.length];
      if (!this.#mayRun(processor)) continue;
      this.#enter(processor);
      return;
    }
  }

  /** It has something to do, and a debugger lets it. */
  #mayRun({ cpu, index }: MachineProcessor): boolean {
    return cpu.isReady && this.plan?.only?.has(index) !== false;
  }

  /** Who makes a step next. */
  get #stepper(): MachineProcessor | undefined {
    return this.#ring.find(({ cpu, index }) => this.plan?.steps.has(index) === true && cpu.isReady);
  }

  #enter(processor: MachineProcessor): void {
    this.#left = TURN;
    if (processor === this.#current) return;
    this.#current = processor;
    this.#wiring.engine.cpu.enter(processor.cpu);
    this.hub.select(processor.apic);
  }

  #insert(index: number, cpu: Processor): MachineProcessor {
    const { host, clock, trace } = this.#wiring;
    const apic = new LocalApic(cpu, host, this.hub, clock, trace, {
      apicId: this.archId(index),
      onBase: () => this.hub.follow(),
    });
    this.hub.add(apic);
    cpu.apic = apic;
    cpu.interrupts = apic;
    const processor = { index, cpu, apic };
    this.#present.set(index, processor);
    this.#ring = [...this.#present.values()].sort((a, b) => a.index - b.index);
    return processor;
  }
}
