/** The contract every emulated device keeps. Nothing here knows a concrete device or the browser. */
import type { Plain } from './plain.ts';
import type { StateKind } from './state-fields.ts';

export type AccessSize = 1 | 2 | 4;

/** Answers accesses to a range of ports or of guest-physical addresses. Values are unsigned 32-bit. Never throws. */
export interface IoHandler {
  /** An access may begin anywhere. Absent: one that is not at a multiple of its size reaches nothing. QEMU: MemoryRegionOps `valid.unaligned`. */
  readonly unaligned?: boolean;
  /** A larger access reaches nothing. QEMU: `valid.max_access_size`; absent: 4. */
  readonly maxSize?: AccessSize;
  /** `offset` is in the range; the access may go beyond its end. */
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

/** A state section: QEMU's name and version of it, and what is in it, e.g. { name: 'gpe', version: 1, fields: GPE_STATE }. */
export interface VmState<S extends Plain = Plain> {
  readonly name: string;
  readonly version: number;
  /** `restore` is only called with a state of this kind. */
  readonly fields: StateKind<S>;
  /** Absent: `device`. */
  readonly stage?: RestoreStage;
}

/**
 * When a snapshot restores the section. Devices drive their wires when they are restored. What the wires lead to comes after
 * them, so that it remembers no edge of that.
 */
export const RESTORE_STAGES = ['device', 'interrupt-controller', 'processor'] as const;
export type RestoreStage = (typeof RESTORE_STAGES)[number];

/**
 * A device: fixed wiring (constructor), runtime glue, and volatile state, which `save` returns as one plain object.
 * `restore` of what `save` returned, into a freshly built device with the same wiring, goes on as if nothing had happened;
 * it re-arms its timers and drives its IRQ lines to the restored levels.
 */
export interface Device<S extends Plain = Plain> {
  readonly vmstate: VmState<S>;
  reset(): void;
  save(): S;
  restore(state: S): void;
}
