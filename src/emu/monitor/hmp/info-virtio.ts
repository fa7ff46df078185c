/** `info virtio` and the topics about one virtio device. */
import { MonitorError } from '../../core/monitor-error.ts';
import { type ArgumentSpec, integer, maybe, string } from '../argument-specs.ts';
import type { Command, CommandContext } from '../command.ts';
import {
  queryVhostQueueStatus,
  queryVirtio,
  queryVirtioQueueElement,
  queryVirtioStatus,
  queryVirtQueueStatus,
  type VirtioQueueElement,
  type VirtioStatus,
  type VirtQueueStatus,
} from '../qapi/virtio.ts';

type Machine = CommandContext['machine'];
type Features = VirtioStatus['host-features'];

const hex64 = (value: number | bigint): string => `0x${BigInt(value).toString(16).padStart(16, '0')}`;

/** Lines with a name and a value, the values under each other. */
function rows(width: number, entries: Readonly<Record<string, unknown>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `  ${`${name}:`.padEnd(width)}${value}\n`)
    .join('');
}

/** QEMU: an empty line where there is none. */
function namesText(names: readonly string[]): string {
  return `${names.map((name) => `\t${name}`).join(',\n')}\n`;
}

function featuresText(title: string, features: Features): string {
  const { transports, 'dev-features': names = [], 'unknown-dev-features': unknown } = features;
  const rest = unknown === undefined ? '' : `  unknown-features(${hex64(unknown)})\n`;
  return `  ${title} features:\n${namesText(transports)}${names.length === 0 ? '' : namesText(names)}${rest}`;
}

function statusText(path: string, told: VirtioStatus): string {
  const { statuses, 'unknown-statuses': unknown } = told.status;
  return [
    `${path}:\n`,
    rows(25, {
      // QEMU: a space follows the name.
      ...{ device_name: `${told.name} `, device_id: told['device-id'] },
      ...{ vhost_started: told['vhost-started'], bus_name: told['bus-name'] || '(null)' },
      ...{ broken: told.broken, disabled: told.disabled },
      ...{ disable_legacy_check: told['disable-legacy-check'], started: told.started },
      ...{ use_started: told['use-started'], start_on_kick: told['start-on-kick'] },
      ...{ use_guest_notifier_mask: told['use-guest-notifier-mask'], vm_running: told['vm-running'] },
      ...{ num_vqs: told['num-vqs'], queue_sel: told['queue-sel'], isr: told.isr },
      endianness: told['device-endian'],
    }),
    `  status:\n${namesText(statuses)}`,
    unknown === undefined ? '' : `  unknown-statuses(${hex64(unknown)})\n`,
    featuresText('Guest', told['guest-features']),
    featuresText('Host', told['host-features']),
    featuresText('Backend', told['backend-features']),
  ].join('');
}

function queueText(path: string, told: VirtQueueStatus): string {
  const status = rows(22, {
    ...{ device_name: told.name, queue_index: told['queue-index'], inuse: told.inuse },
    ...{ used_idx: told['used-idx'], signalled_used: told['signalled-used'] },
    ...{ signalled_used_valid: told['signalled-used-valid'], last_avail_idx: told['last-avail-idx'] },
    shadow_avail_idx: told['shadow-avail-idx'],
  });
  const ring = rows(14, {
    ...{ num: told['vring-num'], num_default: told['vring-num-default'], align: told['vring-align'] },
    ...{
      desc: hex64(told['vring-desc']),
      avail: hex64(told['vring-avail']),
      used: hex64(told['vring-used']),
    },
  });
  return `${path}:\n${status}  VRing:\n${ring.replaceAll(/^/gm, '  ').trimEnd()}\n`;
}

function elementText(path: string, { name, index, descs, avail, used }: VirtioQueueElement): string {
  const entries = descs.map(({ addr, len, flags }) => {
    const set = flags.length === 0 ? '' : ` (${flags.join(', ')})`;
    // QEMU: the length has a sign here.
    return `        addr 0x${addr.toString(16)} len ${len | 0}${set}`;
  });
  return [
    `${path}:\n  device_name: ${name}\n  index:   ${index}\n  desc:\n    descs:\n${entries.join(',\n')}\n`,
    `  avail:\n    flags: ${avail.flags}\n    idx:   ${avail.idx}\n    ring:  ${avail.ring}\n`,
    `  used:\n    flags: ${used.flags}\n    idx:   ${used.idx}\n`,
  ].join('');
}

/** QEMU: a number is cut to 16 bits, as the schema has it. */
const uint16 = (value: unknown): number => Number(BigInt.asUintN(16, BigInt(value as number | bigint)));

interface Asked {
  readonly path: string;
  readonly queue: number;
  readonly index: number | undefined;
}

interface Topic {
  readonly name: string;
  readonly params: string;
  readonly help: string;
  readonly args: readonly ArgumentSpec[];
  readonly tell: (machine: Machine, asked: Asked) => string;
}

const PATH = string('path');
const QUEUE = integer('queue');

const TOPICS: readonly Topic[] = [
  {
    name: 'virtio-queue-element',
    params: 'path queue [index]',
    help: 'an entry of a virtqueue',
    args: [PATH, QUEUE, maybe(integer('index'))],
    tell(machine, { path, queue, index }) {
      let wrong = '';
      const element = queryVirtioQueueElement(machine, path, queue, index, (text) => {
        wrong += `${text}\n`;
      });
      return wrong + elementText(path, element);
    },
  },
  {
    name: 'virtio-queue-status',
    params: 'path queue',
    help: 'a virtqueue',
    args: [PATH, QUEUE],
    tell: (machine, { path, queue }) => queueText(path, queryVirtQueueStatus(machine, path, queue)),
  },
  {
    name: 'virtio-status',
    params: 'path',
    help: 'a virtio device',
    args: [PATH],
    tell: (machine, { path }) => statusText(path, queryVirtioStatus(machine, path)),
  },
  {
    name: 'virtio-vhost-queue-status',
    params: 'path queue',
    help: 'a virtqueue that the host serves',
    args: [PATH, QUEUE],
    tell: (machine, { path }) => queryVhostQueueStatus(machine, path),
  },
];

/** What is told, or the error. */
function answer(tell: () => string): string {
  try {
    return tell();
  } catch (error) {
    if (error instanceof MonitorError) return `Error: ${error.message}\n`;
    throw error;
  }
}

function listText({ machine }: CommandContext): string {
  const devices = queryVirtio(machine);
  if (devices.length === 0) return 'No VirtIO devices\n';
  return devices.map(({ path, name }) => `${path} [${name}]\n`).join('');
}

export const VIRTIO_TOPICS: readonly Command[] = [
  { name: 'virtio', args: [], params: '', help: 'virtio devices', run: listText },
  ...TOPICS.map(
    ({ tell, ...topic }): Command => ({
      ...topic,
      complete: ({ machine }) => queryVirtio(machine).map(({ path }) => path),
      run: ({ machine }, values) =>
        answer(() =>
          tell(machine, {
            path: String(values.get('path')),
            queue: uint16(values.get('queue') ?? 0),
            index: values.has('index') ? uint16(values.get('index')) : undefined,
          }),
        ),
    }),
  ),
];
