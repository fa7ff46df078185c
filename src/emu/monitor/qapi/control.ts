/** The monitor itself. Spec: QEMU qapi/control.json. */
import { INT, type Infer, STR, struct } from '../../qapi/schema.ts';
import { QEMU_VERSION } from '../version.ts';
import { command } from './context.ts';

const VERSION_TRIPLE = struct({ major: INT, minor: INT, micro: INT });
export const VERSION_INFO = struct({ qemu: VERSION_TRIPLE, package: STR });

const [MAJOR = 0, MINOR = 0, MICRO = 0] = QEMU_VERSION.split('.').map(Number);

export function queryVersion(): Infer<typeof VERSION_INFO> {
  return { qemu: { major: MAJOR, minor: MINOR, micro: MICRO }, package: 'Hotslot' };
}

export const CONTROL_COMMANDS = [
  command('query-version', { returns: VERSION_INFO, allowPreconfig: true, run: queryVersion }),
  command('quit', { allowPreconfig: true, run: ({ machine }) => machine.quit() }),
];
