/** What a command of the schema works on, whoever gave it. */
import type { MachineApi } from '../../machine/machine-api.ts';
import { command as anyCommand, type QapiCommandSpec } from '../../qapi/command.ts';
import type { Dialect } from '../dialects/dialect.ts';

export interface QapiContext {
  readonly machine: MachineApi;
  /** Tells what QEMU warns of. */
  warn(text: string): void;
  /** Calls back once, when the client has its answer. */
  afterAnswer(callback: () => void): void;
  /** The words that the monitor speaks which was asked. */
  readonly dialect: Dialect;
}

/** A command on the machine. */
export const command = <A, R>(name: string, spec: QapiCommandSpec<QapiContext, A, R>) =>
  anyCommand<QapiContext, A, R>(name, spec);
