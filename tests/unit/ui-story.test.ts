/** The commands of the story, for machines in which something is plugged or not. */
import { describe, expect, it } from 'vitest';
import {
  diskSteps,
  memorySteps,
  networkSteps,
  processorSteps,
  type Step,
  scsiSteps,
  storyDisks,
  usbSteps,
} from '../../src/ui/story-texts.ts';
import type { DriveRow, ImageRow, MachineHardware } from '../../src/workers/protocol.ts';

const EMPTY: MachineHardware = {
  processors: 1,
  processorsMax: 4,
  memoryBytes: 2 ** 28,
  nextProcessor: { device: 'x-cpu,id=cpu1,socket-id=0', id: 'cpu1', index: 1 },
  lastProcessor: undefined,
  nextMemory: { dimm: 'dimm1', backend: 'mem1' },
  memorySlots: 4,
  freeMemorySlots: 4,
  lastDimm: undefined,
  unusedBackend: undefined,
};

const texts = (steps: readonly Step[]): readonly string[] =>
  steps.map((step) => ('command' in step ? `${step.to} ${step.command}` : `${step.to} ${step.text}`));

describe('processor', () => {
  it('is plugged into the next place, used and taken out', () => {
    expect(texts(processorSteps(EMPTY))).toEqual([
      'monitor info hotpluggable-cpus',
      'monitor device_add x-cpu,id=cpu1,socket-id=0',
      'guest echo 1 > /sys/devices/system/cpu/cpu1/online',
      'guest nproc',
      'monitor device_del cpu1',
    ]);
  });

  it('that was plugged in last is the one to use and to take out; the next one has another name', () => {
    const last = { device: '', id: 'cpu2', index: 2 };
    const next = { device: 'x-cpu,id=cpu3', id: 'cpu3', index: 3 };
    expect(texts(processorSteps({ ...EMPTY, lastProcessor: last, nextProcessor: next })).slice(1)).toEqual([
      'monitor device_add x-cpu,id=cpu3',
      'guest echo 1 > /sys/devices/system/cpu/cpu2/online',
      'guest nproc',
      'monitor device_del cpu2',
    ]);
  });

  it('cannot be plugged in where every place is taken', () => {
    const lastProcessor = { device: '', id: 'a', index: 3 };
    const full = texts(processorSteps({ ...EMPTY, nextProcessor: undefined, lastProcessor }));
    expect(full[1]).toBe('nobody Every place for a processor is taken');
    expect(full.at(-1)).toBe('monitor device_del a');
    expect(texts(processorSteps({ ...EMPTY, nextProcessor: undefined }))).toHaveLength(2);
  });
});

describe('memory', () => {
  it('is made, plugged in, used, taken out and given back', () => {
    expect(texts(memorySteps(EMPTY))).toEqual([
      'monitor object_add memory-backend-ram,id=mem1,size=256M',
      'monitor device_add pc-dimm,id=dimm1,memdev=mem1',
      'guest chmem -e -z Movable 256M',
      'guest free -m; lsmem',
      'monitor device_del dimm1',
      'monitor object_del mem1',
    ]);
  });

  it('a back end that no device has is plugged in next, or given back', () => {
    const made = { ...EMPTY, nextMemory: { dimm: 'dimm1', backend: 'mem2' }, unusedBackend: 'mem1' };
    expect(texts(memorySteps(made)).filter((text) => text.includes('mem'))).toEqual([
      'monitor object_add memory-backend-ram,id=mem2,size=256M',
      'monitor device_add pc-dimm,id=dimm1,memdev=mem1',
      'guest chmem -e -z Movable 256M',
      'guest free -m; lsmem',
      'monitor object_del mem1',
    ]);
  });

  it('that is plugged in is taken out under its names, and the next has others', () => {
    const plugged = {
      ...EMPTY,
      nextMemory: { dimm: 'dimm2', backend: 'mem2' },
      lastDimm: { dimm: 'dimm1', backend: 'mem1' },
    };
    const steps = texts(memorySteps(plugged));
    expect(steps[0]).toContain('id=mem2');
    expect(steps[1]).toContain('id=dimm2,memdev=mem2');
    expect(steps.slice(-2)).toEqual(['monitor device_del dimm1', 'monitor object_del mem1']);
  });
});

it('memory cannot be plugged without slots, or when all are taken', () => {
  const [none, ...more] = memorySteps({ ...EMPTY, memorySlots: 0, freeMemorySlots: 0 });
  expect(none).toMatchObject({ to: 'nobody', text: expect.stringContaining('no slots') });
  expect(more).toEqual([]);
  expect(memorySteps({ ...EMPTY, freeMemorySlots: 0 })[1]).toMatchObject({ to: 'nobody' });
});

describe('disks', () => {
  const image = (path: string, inUse = false): ImageRow => ({
    path,
    sizeBytes: 1,
    storedBytes: 0,
    inUse,
    snapshotTag: undefined,
  });
  const drive = (id: string, path: string, deviceId?: string): DriveRow => ({
    id,
    path,
    nodeName: undefined,
    readOnly: false,
    attached: deviceId !== undefined,
    deviceId,
  });
  const freeIds = { drive: 'disk9', device: 'myvirtio9' };
  const disksOf = (images: readonly ImageRow[], drives: readonly DriveRow[]) =>
    storyDisks(images, { drives, freeIds });

  it('without a drive name an image that nobody uses, and free ids', () => {
    const fresh = { path: '/tmp/b', drive: 'disk9' };
    expect(disksOf([image('/tmp/a', true), image('/tmp/b')], [])).toEqual({
      disk: { ...fresh, device: 'myvirtio9' },
      stick: { ...fresh, device: 'stick1' },
      scsi: { ...fresh, device: 'sd1' },
    });
  });

  it('name a drive that waits for a device, the same in each', () => {
    const { disk, stick, scsi } = disksOf([image('/tmp/a', true)], [drive('d', '/tmp/a')]);
    for (const names of [disk, stick, scsi]) expect(names).toMatchObject({ path: '/tmp/a', drive: 'd' });
  });

  it('keep what is plugged in, and leave it to its own story', () => {
    const images = [image('/tmp/a', true), image('/tmp/b', true), image('/tmp/c')];
    const drives = [drive('d1', '/tmp/a', 'stick1'), drive('d2', '/tmp/b', 'myvirtio1')];
    expect(disksOf(images, drives)).toEqual({
      disk: { path: '/tmp/b', drive: 'd2', device: 'myvirtio1' },
      stick: { path: '/tmp/a', drive: 'd1', device: 'stick1' },
      scsi: { path: '/tmp/c', drive: 'disk9', device: 'sd1' },
    });
  });
});

it('a stick, a SCSI disk and a network card come with what they are plugged into, and both leave', () => {
  const names = { path: '/tmp/a', drive: 'd' };
  expect(texts(usbSteps({ ...names, device: 'stick1' })).slice(1)).toEqual([
    'monitor device_add qemu-xhci,id=usb1',
    'monitor drive_add 0 if=none,file=/tmp/a,format=raw,id=d',
    'monitor device_add usb-storage,bus=usb1.0,drive=d,id=stick1',
    'monitor info usb',
    'guest lsusb -t; lsblk',
    'monitor device_del stick1',
    'monitor device_del usb1',
  ]);
  expect(texts(scsiSteps({ ...names, device: 'sd1' })).slice(1)).toEqual([
    'monitor device_add virtio-scsi-pci,id=scsi1',
    'monitor drive_add 0 if=none,file=/tmp/a,format=raw,id=d',
    'monitor device_add scsi-hd,bus=scsi1.0,drive=d,id=sd1',
    'guest lsscsi; lsblk',
    'monitor device_del sd1',
    'monitor device_del scsi1',
  ]);
  expect(texts(networkSteps())).toContain('guest ip addr show eth0; ping -c 1 10.0.2.2');
});

it('a path with a comma is one value', () => {
  expect(texts(diskSteps({ path: '/tmp/a,b', drive: 'd', device: 'v' }))[1]).toContain(
    'file=/tmp/a,,b,format',
  );
});
