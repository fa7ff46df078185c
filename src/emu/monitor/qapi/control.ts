/** The monitor itself. Spec: QEMU qapi/control.json. */
import { INT, type Infer, STR, struct } from '../../qapi/schema.ts';
import { VERSION_PACKAGE } from '../version.ts';
import { command } from './context.ts';

const VERSION_TRIPLE = struct({ major: INT, minor: INT, micro: INT });
export const VERSION_INFO = struct({ qemu: VERSION_TRIPLE, package: STR });

export function queryVersion(version: string): Infer<typeof VERSION_INFO> {
  const [major = 0, minor = 0, micro = 0] = version.split('.').map(Number);
  return { qemu: { major, minor, micro }, package: VERSION_PACKAGE };
}

export const CONTROL_COMMANDS = [
  command('query-version', {
    returns: VERSION_INFO,
    allowPreconfig: true,
    run: ({ dialect }) => queryVersion(dialect.version),
  }),
  command('quit', { allowPreconfig: true, run: ({ machine }) => machine.quit() }),
];
