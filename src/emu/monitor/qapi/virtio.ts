/** Virtio devices and their inside. Spec: QEMU qapi/virtio.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { type VirtioDeviceInfo, virtioDevices } from '../../machine/virtio-devices.ts';
import {
  BOOL,
  INT,
  type Infer,
  list,
  optional,
  STR,
  struct,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
} from '../../qapi/schema.ts';
import { command } from './context.ts';
import { descriptorFlagNames, featureNames, statusNames } from './virtio-names.ts';

const VIRTIO_INFO = struct({ path: STR, name: STR });
const VIRTIO_DEVICE_FEATURES = struct({
  ...{ transports: list(STR), 'dev-features': optional(list(STR)) },
  'unknown-dev-features': optional(UINT64),
});
const VIRTIO_DEVICE_STATUS = struct({ statuses: list(STR), 'unknown-statuses': optional(UINT8) });
const VHOST_DEVICE_PROTOCOLS = struct({ protocols: list(STR), 'unknown-protocols': optional(UINT64) });
const VHOST_STATUS = struct({
  ...{ 'n-mem-sections': INT, 'n-tmp-sections': INT, nvqs: UINT32, 'vq-index': INT },
  ...{ features: VIRTIO_DEVICE_FEATURES, 'acked-features': VIRTIO_DEVICE_FEATURES },
  ...{ 'backend-features': VIRTIO_DEVICE_FEATURES, 'protocol-features': VHOST_DEVICE_PROTOCOLS },
  ...{ 'max-queues': UINT64, 'backend-cap': UINT64, 'log-enabled': BOOL, 'log-size': UINT64 },
});
const VIRTIO_STATUS = struct({
  ...{ name: STR, 'device-id': UINT16, 'vhost-started': BOOL, 'device-endian': STR },
  ...{ 'guest-features': VIRTIO_DEVICE_FEATURES, 'host-features': VIRTIO_DEVICE_FEATURES },
  ...{ 'backend-features': VIRTIO_DEVICE_FEATURES, 'num-vqs': INT, status: VIRTIO_DEVICE_STATUS },
  ...{ isr: UINT8, 'queue-sel': UINT16, 'vm-running': BOOL, broken: BOOL, disabled: BOOL },
  ...{ 'use-started': BOOL, started: BOOL, 'start-on-kick': BOOL, 'disable-legacy-check': BOOL },
  ...{ 'bus-name': STR, 'use-guest-notifier-mask': BOOL, 'vhost-dev': optional(VHOST_STATUS) },
});
const VIRT_QUEUE_STATUS = struct({
  ...{ name: STR, 'queue-index': UINT16, inuse: UINT32, 'vring-num': UINT32 },
  ...{ 'vring-num-default': UINT32, 'vring-align': UINT32, 'vring-desc': UINT64 },
  ...{ 'vring-avail': UINT64, 'vring-used': UINT64, 'last-avail-idx': optional(UINT16) },
  ...{ 'shadow-avail-idx': optional(UINT16), 'used-idx': UINT16, 'signalled-used': UINT16 },
  'signalled-used-valid': BOOL,
});
const VHOST_QUEUE_STATUS = struct({
  ...{ name: STR, kick: INT, call: INT, desc: UINT64, avail: UINT64, used: UINT64, num: INT },
  ...{ 'desc-phys': UINT64, 'desc-size': UINT32, 'avail-phys': UINT64, 'avail-size': UINT32 },
  ...{ 'used-phys': UINT64, 'used-size': UINT32 },
});
const QUEUE_ELEMENT = struct({
  ...{ name: STR, index: UINT32 },
  descs: list(struct({ addr: UINT64, len: UINT32, flags: list(STR) })),
  avail: struct({ flags: UINT16, idx: UINT16, ring: UINT16 }),
  used: struct({ flags: UINT16, idx: UINT16 }),
});
export type VirtioStatus = Infer<typeof VIRTIO_STATUS>;
export type VirtQueueStatus = Infer<typeof VIRT_QUEUE_STATUS>;
export type VirtioQueueElement = Infer<typeof QUEUE_ELEMENT>;
type Features = Infer<typeof VIRTIO_DEVICE_FEATURES>;

/** QEMU: legacy rings are aligned to this. */
const VRING_ALIGN = 4096;

/** The newest first. */
export function queryVirtio({ devices }: MachineApi): readonly Infer<typeof VIRTIO_INFO>[] {
  return virtioDevices(devices.tree).map(({ path, name }) => ({ path, name }));
}

/** Throws QEMU's error, which calls a virtio device as the command does. */
function deviceAt({ devices }: MachineApi, path: string, kind = 'VirtIODevice'): VirtioDeviceInfo {
  const found = virtioDevices(devices.tree).find((device) => device.path === path);
  if (found === undefined) throw new MonitorError(`Path ${path} is not a ${kind}`);
  return found;
}

function featuresOf(deviceId: number, features: bigint): Features {
  const { transports, device } = featureNames(deviceId, features);
  return { transports, 'dev-features': device.names, 'unknown-dev-features': device.unknown };
}

/** `x-query-virtio-status`. Throws QEMU's error. */
export function queryVirtioStatus(machine: MachineApi, path: string): VirtioStatus {
  const { name, busName = '', view } = deviceAt(machine, path);
  const status = view.status();
  const { deviceId, guestFeatures, hostFeatures } = status;
  const { names, unknown } = statusNames(status.status);
  return {
    ...{ name, 'device-id': deviceId, 'vhost-started': false, 'device-endian': 'little' },
    'guest-features': featuresOf(deviceId, guestFeatures),
    'host-features': featuresOf(deviceId, hostFeatures),
    'backend-features': featuresOf(deviceId, 0n),
    'num-vqs': status.queues,
    status: { statuses: names, 'unknown-statuses': unknown === undefined ? undefined : Number(unknown) },
    ...{ isr: status.isr, 'queue-sel': status.queueSelect, 'vm-running': machine.runState === 'running' },
    ...{
      broken: status.isBroken,
      disabled: status.isDisabled,
      'use-started': true,
      started: status.isStarted,
    },
    ...{ 'start-on-kick': status.startsOnKick, 'disable-legacy-check': false },
    ...{ 'bus-name': busName, 'use-guest-notifier-mask': true },
  };
}

function noQueue(queue: number): MonitorError {
  return new MonitorError(`Invalid virtqueue number ${queue}`);
}

/** `x-query-virtio-queue-status`. Throws QEMU's error. */
export function queryVirtQueueStatus(machine: MachineApi, path: string, index: number): VirtQueueStatus {
  const { name, view } = deviceAt(machine, path);
  const queue = view.queue(index);
  if (queue === undefined) throw noQueue(index);
  return {
    ...{ name, 'queue-index': index, inuse: queue.inUse, 'vring-num': queue.size },
    ...{ 'vring-num-default': queue.defaultSize, 'vring-align': VRING_ALIGN },
    ...{ 'vring-desc': queue.desc, 'vring-avail': queue.avail, 'vring-used': queue.used },
    ...{ 'last-avail-idx': queue.lastAvail, 'shadow-avail-idx': queue.seenAvail },
    ...{ 'used-idx': queue.usedIndex, 'signalled-used': queue.signalledUsed },
    'signalled-used-valid': queue.signalledUsedValid,
  };
}

/** `x-query-virtio-queue-element`. Throws QEMU's error. @param tell told where the chain goes wrong */
export function queryVirtioQueueElement(
  machine: MachineApi,
  path: string,
  queue: number,
  index: number | undefined,
  tell: (text: string) => void,
): VirtioQueueElement {
  const { name, view } = deviceAt(machine, path, 'VirtIO device');
  if (view.queue(queue) === undefined) throw noQueue(queue);
  const element = view.element(queue, index);
  if (element === undefined) throw new MonitorError('Region caches not initialized');
  if (typeof element === 'string') throw new MonitorError(element);
  if (element.wrongNext !== undefined) tell(`Desc next is ${element.wrongNext}`);
  const { head, descriptors, availFlags, availIndex, usedFlags, usedIndex } = element;
  return {
    ...{ name, index: head },
    // QEMU: the last one first.
    descs: descriptors
      .map(({ gpa, length, flags }) => ({ addr: gpa, len: length, flags: descriptorFlagNames(flags) }))
      .toReversed(),
    avail: { flags: availFlags, idx: availIndex, ring: head },
    used: { flags: usedFlags, idx: usedIndex },
  };
}

/** `x-query-virtio-vhost-queue-status`: no device here is served by the host's kernel. Throws QEMU's error. */
export function queryVhostQueueStatus(machine: MachineApi, path: string): never {
  deviceAt(machine, path);
  throw new MonitorError('Error: vhost device has not started yet');
}

const WHICH = struct({ path: STR, queue: UINT16 });
const UNSTABLE = { features: ['unstable'] } as const;

export const VIRTIO_COMMANDS = [
  command('x-query-virtio', {
    ...UNSTABLE,
    returns: list(VIRTIO_INFO),
    run: ({ machine }) => queryVirtio(machine),
  }),
  command('x-query-virtio-status', {
    ...UNSTABLE,
    args: struct({ path: STR }),
    returns: VIRTIO_STATUS,
    run: ({ machine }, { path }) => queryVirtioStatus(machine, path),
  }),
  command('x-query-virtio-queue-status', {
    ...UNSTABLE,
    args: WHICH,
    returns: VIRT_QUEUE_STATUS,
    run: ({ machine }, { path, queue }) => queryVirtQueueStatus(machine, path, queue),
  }),
  command('x-query-virtio-vhost-queue-status', {
    ...UNSTABLE,
    args: WHICH,
    returns: VHOST_QUEUE_STATUS,
    run: ({ machine }, { path }) => queryVhostQueueStatus(machine, path),
  }),
  command('x-query-virtio-queue-element', {
    ...UNSTABLE,
    args: struct({ path: STR, queue: UINT16, index: optional(UINT16) }),
    returns: QUEUE_ELEMENT,
    run: ({ machine, warn }, { path, queue, index }) =>
      queryVirtioQueueElement(machine, path, queue, index, warn),
  }),
];
