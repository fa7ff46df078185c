import type { GuestFiles, MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { UserError } from './user-error.ts';

/** @throws UserError */
export function makeMachine(_guest: GuestFiles, _environment: MachineEnvironment): WorkerMachine {
  throw new UserError(
    'The machine is not part of this build yet.',
    'The guest was downloaded and checked, and disk images can be managed; nothing can be started.',
  );
}
