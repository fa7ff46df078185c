/** Topics of `info` that are a line or two: what the machine is, and what of the host it has. */
import type { Command } from '../command.ts';
import { queryKvm, queryUuid } from '../qapi/machine.ts';
import { queryIothreads } from '../qapi/misc.ts';

export const HOST_TOPICS: readonly Command[] = [
  {
    name: 'iothreads',
    args: [],
    params: '',
    help: 'threads that serve disks',
    run: () =>
      queryIothreads()
        .map((thread) => `${thread.id}:\n  thread_id=${thread['thread-id']}\n`)
        .join(''),
  },
  {
    name: 'kvm',
    args: [],
    params: '',
    help: 'whether the host runs the guest by itself',
    run() {
      const { present, enabled } = queryKvm();
      return `kvm support: ${present ? (enabled ? 'enabled' : 'disabled') : 'not compiled'}\n`;
    },
  },
  {
    name: 'qdm',
    args: [],
    params: '',
    help: 'all types of devices',
    run: ({ machine, dialect }) => dialect.layouts.devices(machine.devices.registry.all()),
  },
  {
    name: 'uuid',
    args: [],
    params: '',
    help: 'the UUID of the machine',
    run: ({ machine }) => `${queryUuid(machine).UUID}\n`,
  },
];
