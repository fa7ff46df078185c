/** What the qtest protocol needs of a machine. */
import type { AccessSize } from '../core/device.ts';
import type { QomObject } from '../machine/machine-api.ts';

/** Memory and ports as an access of a vCPU reaches them. */
export interface QtestBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
  /** Fills `target`; with zeros where nothing is. */
  readPhysical(address: bigint, target: Uint8Array): void;
  writeBus(address: bigint, bytes: Uint8Array): void;
}

/** Virtual time of a machine in which no vCPU moves it. */
export interface QtestTime {
  readonly nowNs: number;
  /** Of the next timer; Infinity: none is armed. */
  readonly nextDeadlineNs: number;
  /** Moves on to a time, not back, and runs each timer on the way at its moment, if the machine runs. */
  stepTo(ns: number): void;
}

export interface QtestMachine {
  readonly access: QtestBus;
  readonly qom: { find(path: string): readonly QomObject[] };
  /** Undefined: vCPUs move the time, and the protocol cannot. */
  readonly steppedTime: QtestTime | undefined;
}
