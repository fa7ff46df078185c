/** Virtio devices. Spec: QEMU qapi/virtio.json. */
import type { MachineApi } from '../../machine/machine-api.ts';
import { type Infer, list, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const VIRTIO_INFO = struct({ path: STR, name: STR });
/** The object that is the device itself, inside the card. */
const DEVICE_NAME = 'virtio-backend';

/** QEMU: the newest comes first. */
export function queryVirtio({ qom }: MachineApi): readonly Infer<typeof VIRTIO_INFO>[] {
  return qom
    .find(DEVICE_NAME)
    .toReversed()
    .map(({ path, typeNames }) => ({ path, name: typeNames[0].replace(/-device$/, '') }));
}

export const VIRTIO_COMMANDS = [
  command('x-query-virtio', {
    returns: list(VIRTIO_INFO),
    features: ['unstable'],
    run: ({ machine }) => queryVirtio(machine),
  }),
];
