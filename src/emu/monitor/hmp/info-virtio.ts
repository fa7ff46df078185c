/** `info virtio` and the topics about one virtio device. */
import { type ArgumentSpec, integer, maybe, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import { queryVirtio } from '../qapi/virtio.ts';

const PATH = string('path');
const QUEUE = integer('queue');

/** Name, arguments as help shows them, description, arguments, and how QEMU says that the object is another. */
type Topic = readonly [string, string, string, readonly ArgumentSpec[], string];

const TOPICS: readonly Topic[] = [
  [
    'virtio-queue-element',
    'path queue [index]',
    'an entry of a virtqueue',
    [PATH, QUEUE, maybe(integer('index'))],
    'VirtIO device',
  ],
  ['virtio-queue-status', 'path queue', 'a virtqueue', [PATH, QUEUE], 'VirtIODevice'],
  ['virtio-status', 'path', 'a virtio device', [PATH], 'VirtIODevice'],
  [
    'virtio-vhost-queue-status',
    'path queue',
    'a virtqueue that the host serves',
    [PATH, QUEUE],
    'VirtIODevice',
  ],
];

function aboutDevice({ machine }: CommandContext, path: string, kind: string): string {
  const isThere = queryVirtio(machine).some((device) => device.path === path);
  return isThere
    ? 'Hotslot does not show the inside of virtio devices\n'
    : `Error: Path ${path} is not a ${kind}\n`;
}

function listText({ machine }: CommandContext): string {
  const devices = queryVirtio(machine);
  if (devices.length === 0) return 'No VirtIO devices\n';
  return devices.map(({ path, name }) => `${path} [${name}]\n`).join('');
}

export const VIRTIO_TOPICS: readonly Command[] = [
  { name: 'virtio', args: [], params: '', help: 'virtio devices', run: listText },
  ...TOPICS.map(
    ([name, params, help, args, kind]): Command => ({
      name,
      args,
      params,
      help,
      complete: ({ machine }) => queryVirtio(machine).map(({ path }) => path),
      run: (context, values) => aboutDevice(context, String(values.get('path')), kind),
    }),
  ),
];
