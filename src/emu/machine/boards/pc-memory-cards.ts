/**
 * Cards on a bus that bring memory, as virtio-mem-pci does. QEMU: the board handles them, and has their bus do its part.
 */
import { assert } from '../../core/assert.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { NewDevice } from '../../qdev/device-type.ts';
import type { HotplugHandler, UnplugAnswer } from '../../qdev/hotplug-handler.ts';
import type { Qdev } from '../../qdev/tree.ts';
import type { PcDeviceMemory } from './pc-device-memory.ts';

export class PcMemoryCards implements HotplugHandler {
  readonly #deviceMemory: PcDeviceMemory;

  constructor(deviceMemory: PcDeviceMemory) {
    this.#deviceMemory = deviceMemory;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const { values } = device;
    const align = Number(values.get('block-size') ?? 0);
    const request = { memdev: values.get('memdev'), addr: values.get('memaddr'), align };
    const gpa = this.#deviceMemory.addressFor(request);
    if (gpa instanceof MonitorError) return gpa;
    device.place('memaddr', String(gpa));
    return busHandler(device).prePlug(device);
  }

  refuse(device: Qdev): MonitorError | undefined {
    return busHandler(device).refuse?.(device);
  }

  plug(device: Qdev): void {
    const number = (name: string): number => Number(device.read(name));
    const backend = this.#deviceMemory.backend(String(device.read('memdev')));
    assert(backend !== undefined, `${device.path} has no back end`);
    this.#deviceMemory.add(device, () => ({
      kind: 'virtio-mem',
      id: device.id,
      addr: number('memaddr'),
      node: number('node'),
      sizeBytes: backend.sizeBytes,
      memdev: backend.path,
      requestedBytes: number('requested-size'),
      pluggedBytes: number('size'),
      blockBytes: number('block-size'),
    }));
    busHandler(device).plug(device);
  }

  unplugRequest(): UnplugAnswer {
    return new MonitorError('virtio based memory devices cannot be unplugged.');
  }

  /** Not asked for by the user, but a guest may eject any slot. */
  unplug(device: Qdev): void {
    busHandler(device).unplug(device);
    this.#deviceMemory.delete(device);
  }
}

function busHandler({ bus }: NewDevice | Qdev): HotplugHandler {
  const handler = bus?.handler;
  assert(handler !== undefined, 'a card is on a bus that takes it');
  return handler;
}
