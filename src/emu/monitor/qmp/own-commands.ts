/** Commands about the monitor that gives them, and about commands. Spec: QEMU qapi/control.json, introspect.json, misc.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { command as anyCommand, type QapiCommandSpec } from '../../qapi/command.ts';
import { enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { Monitor } from '../monitor.ts';
import type { QapiContext } from '../qapi/context.ts';
import { SCHEMA_INFO } from '../qapi/introspect.ts';

/** What one client of QMP knows of itself. */
export interface QmpContext extends QapiContext {
  /** What QEMU's process would print. */
  stderr(text: string): void;
  commandNames(): readonly string[];
  schema(): readonly unknown[];
}

const command = <A, R>(name: string, spec: QapiCommandSpec<QmpContext, A, R>) =>
  anyCommand<QmpContext, A, R>(name, spec);

export const QMP_CAPABILITY = enumeration('QMPCapability', ['oob']);
export const CAPABILITIES_ARGS = struct({ enable: optional(list(QMP_CAPABILITY)) });

/** Runs a line of the human monitor. */
async function humanMonitor(context: QmpContext, line: string, cpu: number | undefined): Promise<string> {
  const { machine, stderr, dialect } = context;
  const monitor = new Monitor({ machine, stderr, dialect });
  if (cpu !== undefined && !monitor.context.cpu.choose(cpu)) {
    throw new MonitorError("Parameter 'cpu-index' expects a CPU number");
  }
  return (await monitor.execute(line)).replaceAll('\n', '\r\n');
}

export const OWN_COMMANDS = [
  command('qmp_capabilities', {
    args: CAPABILITIES_ARGS,
    allowPreconfig: true,
    run() {
      throw new MonitorError(
        'Capabilities negotiation is already complete, command ignored',
        'CommandNotFound',
      );
    },
  }),
  command('query-commands', {
    returns: list(struct({ name: STR })),
    allowPreconfig: true,
    run: (context) => context.commandNames().map((name) => ({ name })),
  }),
  command('query-qmp-schema', {
    returns: list(SCHEMA_INFO),
    allowPreconfig: true,
    run: (context) => context.schema() as readonly Infer<typeof SCHEMA_INFO>[],
  }),
  command('human-monitor-command', {
    args: struct({ 'command-line': STR, 'cpu-index': optional(INT) }),
    returns: STR,
    features: ['savevm-monitor-nodes'],
    run: (context, { 'command-line': line, 'cpu-index': cpu }) =>
      humanMonitor(context, line, cpu === undefined ? undefined : Number(cpu)),
  }),
];
