/** All commands of QMP. */
import type { QapiCommand } from '../../qapi/command.ts';
import { QAPI_COMMANDS } from '../qapi/commands.ts';
import { OWN_COMMANDS, type QmpContext } from './own-commands.ts';
import { TEXT_COMMANDS } from './text-commands.ts';

export const QMP_COMMANDS: readonly QapiCommand<QmpContext>[] = [
  ...OWN_COMMANDS,
  ...QAPI_COMMANDS,
  ...TEXT_COMMANDS,
];
