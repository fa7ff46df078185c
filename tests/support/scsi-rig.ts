/** A virtio-scsi card with disks that a user has plugged in, and a guest driver for it. */

import type { BlockBackend } from '../../src/emu/block/block-backend.ts';
import { BLOCK_ERRORS } from '../../src/emu/block/block-errors.ts';
import { DRIVES, Drives } from '../../src/emu/block/drives.ts';
import type { ImageOpener } from '../../src/emu/block/image-store.ts';
import { assert } from '../../src/emu/core/assert.ts';
import type { Clock } from '../../src/emu/core/clock.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import { QUIET, type Trace } from '../../src/emu/core/trace.ts';
import { DeviceRegistry, type DeviceType } from '../../src/emu/qdev/device-type.ts';
import { hardwareOf } from '../../src/emu/qdev/hardware.ts';
import { OBJECT_TREE } from '../../src/emu/qdev/links.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { DeviceManager } from '../../src/emu/qdev/plug.ts';
import { CLOCK, EVENTS, Services, TRACE } from '../../src/emu/qdev/services.ts';
import { DeviceTree } from '../../src/emu/qdev/tree.ts';
import { type ScsiBus, scsiBusOf } from '../../src/emu/scsi/scsi-bus.ts';
import { SCSI_DISK_TYPES } from '../../src/emu/scsi/scsi-disk-types.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import {
  VIRTIO_SCSI_DEFAULTS,
  VirtioScsi,
  type VirtioScsiProperties,
} from '../../src/emu/virtio/virtio-scsi.ts';
import { queueRig, RINGS } from './virtio-queues.ts';

const REQUEST = 0x2_0000;
const RESPONSE = 0x2_1000;
const DATA = 0x20_0000;
const EVENTS_AT = 0x2_8000;
const RINGS_OF_QUEUE = 0x4000;
/** Of each request. */
const DESCRIPTORS = 4;
const REQUEST_BYTES = 51;
const RESPONSE_BYTES = 108;
const EVENT_BYTES = 16;
export const CONTROL = 0;
export const EVENT = 1;
export const COMMANDS = 2;
/** What a driver of today takes: VERSION_1, hotplug and change events. */
export const SCSI_FEATURES = 0x1_0000_0006n;

const HOST_TYPE: DeviceType = {
  ...{ name: 'host', category: 'Storage', userCreatable: false, hotpluggable: false, properties: [] },
};

/** A bus of which a user plugs disks in and takes them out. */
export function scsiPlugs(bus: ScsiBus, clock: Clock, images: ImageOpener, trace: Trace = QUIET) {
  const events: MachineEvent[] = [];
  const machineEvents = new MachineEvents(() => {});
  machineEvents.listen((event) => events.push(event));
  const drives = new Drives({ images, clock });
  const objects = new ObjectTree('test-machine');
  const errors: string[] = [];
  const services = new Services()
    .provide(CLOCK, clock)
    .provide(TRACE, trace)
    .provide(EVENTS, machineEvents)
    .provide(OBJECT_TREE, objects)
    .provide(DRIVES, drives)
    .provide(BLOCK_ERRORS, ({ gate }) => (operation, error) => {
      errors.push(`${operation} ${error.code}`);
      return gate.errors.actionOn(operation, error);
    });
  const tree = new DeviceTree(objects);
  const devices = new DeviceManager(new DeviceRegistry(SCSI_DISK_TYPES), tree, services);
  tree.insert(objects.container('/machine/unattached'), 'host', {
    ...{ type: HOST_TYPE, bus: tree.systemBus },
    hardware: hardwareOf({ buses: [scsiBusOf(bus, { id: 's0' })] }),
  });
  const say = (): void => {};
  return {
    ...{ drives, devices, events, errors },
    add: (text: string) => devices.add(parseOptions(text, 'driver', say)),
    drive: (text: string) => drives.add(parseOptions(text, undefined, say)),
    remove: (id: string) => devices.delete(id),
  };
}

/** Images by path, opened as they are. */
export function imagesOf(disks: Readonly<Record<string, BlockBackend>>): ImageOpener {
  return {
    async open(path) {
      const disk = disks[path];
      assert(disk !== undefined, `there is an image ${path}`);
      return disk;
    },
  };
}

export interface ScsiAsk {
  readonly cdb: Uint8Array;
  readonly out?: Uint8Array;
  readonly room?: number;
  readonly to?: readonly [target: number, lun: number];
  readonly tag?: number;
}

export function lunOf([target, lun]: readonly [number, number]): readonly number[] {
  return [1, target, 0x40 | (lun >> 8), lun & 0xff, 0, 0, 0, 0];
}

export function scsiRig(
  images: ImageOpener,
  properties: Partial<VirtioScsiProperties> = {},
  { vectors, trace = QUIET }: { readonly vectors?: number; readonly trace?: Trace } = {},
) {
  const settings = { ...VIRTIO_SCSI_DEFAULTS, ...properties };
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-scsi-pci', transitionalDeviceId: 0x1004, classCode: 0x010000 },
        new VirtioScsi(settings, { memory, trace, clock }),
        { disableLegacy: false, disableModern: false, vectors: vectors ?? settings.numQueues + 3 },
        memory,
      ),
  );
  const { card, memory, bytes } = made;
  const plugs = scsiPlugs(card.device.bus, made.clock, images, trace);
  let slot = 0;

  /** Offers a command; its answer is where `answer` looks. */
  function send({ cdb, out, room = 0, to = [0, 0], tag = 1 }: ScsiAsk) {
    const at = 0x400 * slot;
    const data = DATA + 0x2_0000 * (slot % 8);
    slot = (slot + 1) % 16;
    const request = new Uint8Array(REQUEST_BYTES);
    request.set(lunOf(to));
    new DataView(request.buffer).setUint32(8, tag, true);
    request.set(cdb, 19);
    memory.write(REQUEST + at, request);
    memory.fill(RESPONSE + at, RESPONSE_BYTES, 0);
    if (out !== undefined) memory.write(data, out);
    else if (room > 0) memory.fill(data, room, 0xee);
    const buffers = [
      { gpa: REQUEST + at, length: request.length, write: false },
      ...(out !== undefined && out.length > 0 ? [{ gpa: data, length: out.length, write: false }] : []),
      { gpa: RESPONSE + at, length: RESPONSE_BYTES, write: true },
      ...(room > 0 ? [{ gpa: data, length: room, write: true }] : []),
    ];
    const head = (at / 0x400) * DESCRIPTORS;
    for (const [n, { gpa, length, write }] of buffers.entries()) {
      const entry = RINGS + COMMANDS * RINGS_OF_QUEUE + 16 * (head + n);
      memory.writeU64(entry, gpa);
      memory.writeU32(entry + 8, length);
      memory.writeU16(entry + 12, (write ? 2 : 0) | (n < buffers.length - 1 ? 1 : 0));
      memory.writeU16(entry + 14, head + n + 1);
    }
    made.offer(COMMANDS, head);
    made.kick(COMMANDS);
    return { head, response: RESPONSE + at, data };
  }

  return {
    ...made,
    ...plugs,
    host: card.device,
    /** A modern driver with all queues. */
    begin: (features = SCSI_FEATURES) => made.start([CONTROL, EVENT, COMMANDS], features),
    send,
    response: (gpa: number) => bytes(gpa, RESPONSE_BYTES),
    /** Gives the device `count` buffers for events. */
    postEvents(count: number): void {
      for (let n = 0; n < count; n++) made.postIn(EVENT, EVENTS_AT + EVENT_BYTES * n, EVENT_BYTES);
      made.kick(EVENT);
    },
    event: (n: number) => bytes(EVENTS_AT + EVENT_BYTES * n, EVENT_BYTES),
  };
}

export type ScsiRig = ReturnType<typeof scsiRig>;
