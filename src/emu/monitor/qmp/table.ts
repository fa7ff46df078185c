/** All commands of QMP, and those of a dialect. */
import type { QapiCommand } from '../../qapi/command.ts';
import { type Dialect, spoken } from '../dialects/dialect.ts';
import { QAPI_COMMANDS } from '../qapi/commands.ts';
import { OWN_COMMANDS, type QmpContext } from './own-commands.ts';
import { TEXT_COMMANDS } from './text-commands.ts';

export const QMP_COMMANDS: readonly QapiCommand<QmpContext>[] = [
  ...OWN_COMMANDS,
  ...QAPI_COMMANDS,
  ...TEXT_COMMANDS,
];

const tables = new WeakMap<Dialect, ReadonlyMap<string, QapiCommand<QmpContext>>>();

/** By name, in the order of the schema. */
export function qmpCommands(dialect: Dialect): ReadonlyMap<string, QapiCommand<QmpContext>> {
  const known = tables.get(dialect);
  if (known !== undefined) return known;
  const commands = new Map(spoken(QMP_COMMANDS, dialect.qmp).map((one) => [one.name, one]));
  tables.set(dialect, commands);
  return commands;
}
