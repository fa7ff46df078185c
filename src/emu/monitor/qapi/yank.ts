/** Connections that hang are ended. Spec: QEMU qapi/yank.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { enumeration, type Infer, list, STR, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';

const YANK_INSTANCE = union(
  { type: enumeration('YankInstanceType', ['block-node', 'chardev', 'migration']) },
  'type',
  { 'block-node': struct({ 'node-name': STR }), chardev: struct({ id: STR }), migration: struct({}) },
);
type YankInstance = Infer<typeof YANK_INSTANCE>;

export const YANK_COMMANDS = [
  command('yank', {
    args: struct({ instances: list(YANK_INSTANCE) }),
    allowOob: true,
    run({ machine }, { instances }) {
      // No image is behind a connection here, and nothing migrates. QEMU: all of them are there, or nothing is done.
      const ends = instances.map((instance) =>
        instance.type === 'chardev' ? machine.chardevs.connections().get(instance.id) : undefined,
      );
      for (const end of ends) {
        if (end === undefined) throw new MonitorError('Instance not found', 'DeviceNotFound');
      }
      for (const end of ends) end?.();
    },
  }),
  command('query-yank', {
    returns: list(YANK_INSTANCE),
    allowOob: true,
    run: ({ machine }): readonly YankInstance[] =>
      [...machine.chardevs.connections().keys()].map((id) => ({ type: 'chardev', id })),
  }),
];
