import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Drives } from '../../src/emu/block/drives.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { ChunkImageStore, LocalLocks, MemoryChunkDatabase } from '../../src/emu/index.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { type BlockIoError, DiskErrors } from '../../src/workers/disk-errors.ts';
import { driveRows, freeIds } from '../../src/workers/machine-ids.ts';
import type { DriveRow, Notice } from '../../src/workers/protocol.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const PATH = '/tmp/a.img';

async function drivesRig() {
  const store = new ChunkImageStore({
    database: new MemoryChunkDatabase(),
    locks: new LocalLocks(),
    newId: () => 'id',
  });
  await store.createEmpty(PATH, 4096);
  const onChange = vi.fn();
  const drives = new Drives({ images: store, clock: new EventQueue(() => 0), onChange });
  const add = () => drives.add(parseOptions(`if=none,file=${PATH},format=raw,id=d`, 'file', () => {}));
  /** How often it was told of since the last time. */
  const changes = (): number => onChange.mock.calls.splice(0).length;
  return { drives, add, changes };
}

describe('drives tell of what happens to them', () => {
  it('made, attached, detached, deleted', async () => {
    const { drives, add, changes } = await drivesRig();
    await add();
    expect(changes()).toBe(1);
    const drive = await drives.attach('d', '/machine/peripheral/x/virtio-backend');
    expect(changes()).toBe(1);
    await drives.detach(drive);
    expect(changes()).toBe(1);
    await drives.remove('d');
    expect(changes()).toBe(1);
    await expect(drives.remove('d')).rejects.toThrow("Device 'd' not found");
    expect(changes()).toBe(0);
  });

  it('a drive in use loses its medium, and goes with its device', async () => {
    const { drives, add, changes } = await drivesRig();
    await add();
    const drive = await drives.attach('d', '/machine/peripheral/x/virtio-backend');
    changes();
    await drives.remove('d');
    expect(changes()).toBe(1);
    drives.deviceGone(drive);
    expect(changes()).toBe(1);
    expect(drives.list()).toEqual([]);
  });
});

describe('names', () => {
  it('proposes what neither a drive nor a device has, reserved ids too', async () => {
    const { machine, execute, settle, boot } = await monitorRig();
    boot();
    await execute('cont');
    expect(freeIds(machine)).toEqual({ drive: 'disk1', device: 'myvirtio1' });
    await execute('drive_add 0 if=none,id=disk2');
    await execute('drive_add 0 if=none,file=disk1.img,format=raw,id=disk1');
    expect(freeIds(machine)).toEqual({ drive: 'disk3', device: 'myvirtio1' });
    await execute('device_add virtio-blk-pci,drive=disk1,id=disk3');
    expect(freeIds(machine).drive).toBe('disk4');
    expect(driveRows(machine)).toMatchObject([
      { id: 'disk2', path: undefined, attached: false, deviceId: undefined },
      { id: 'disk1', path: '/tmp/disk1.img', attached: true, readOnly: false, deviceId: 'disk3' },
    ]);
    await execute('drive_del disk1');
    expect(await execute('drive_add 0 if=none,id=disk1')).toContain("Duplicate ID 'disk1' for drive");
    expect(freeIds(machine).drive).toBe('disk4');
    await settle();
    await execute('device_del disk3');
    await settle();
    expect(freeIds(machine).drive).toBe('disk1');
  });
});

describe('I/O errors of disks', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  const drive: DriveRow = {
    id: 'disk1',
    path: PATH,
    nodeName: '#block117',
    readOnly: false,
    attached: true,
    deviceId: 'x',
  };
  const error = (change: Partial<BlockIoError> = {}): BlockIoError => ({
    device: 'disk1',
    'node-name': '#block117',
    operation: 'write',
    action: 'report',
    nospace: false,
    reason: 'Operation not permitted',
    ...change,
  });

  it('the first is said at once, a thousand more in one notice with their number', () => {
    const notices: Notice[] = [];
    const errors = new DiskErrors((notice) => notices.push(notice));
    errors.add(error(), [drive]);
    expect(notices).toMatchObject([
      {
        level: 'error',
        text: 'A write to disk disk1 (/tmp/a.img) failed: Operation not permitted.',
        detail: expect.stringContaining('format=raw'),
        count: 1,
      },
    ]);
    for (let n = 0; n < 1000; n++) errors.add(error(), [drive]);
    expect(notices).toHaveLength(1);
    vi.advanceTimersByTime(10_000);
    expect(notices.map(({ count }) => count)).toEqual([1, 1001]);
    expect(new Set(notices.map(({ key }) => key)).size).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(notices).toHaveLength(2);
  });

  it('each disk, operation and reason has its own', () => {
    const notices: Notice[] = [];
    const errors = new DiskErrors((notice) => notices.push(notice));
    errors.add(error(), [drive]);
    errors.add(error({ operation: 'read', reason: 'Input/output error' }), [drive]);
    errors.add(error({ nospace: true, reason: 'No space left on device' }), [drive]);
    const { 'node-name': _, ...gone } = error({ device: '', reason: 'Input/output error' });
    errors.add(gone, [{ ...drive, path: undefined, nodeName: undefined }]);
    expect(notices.map(({ text }) => text)).toEqual([
      'A write to disk disk1 (/tmp/a.img) failed: Operation not permitted.',
      'A read from disk disk1 (/tmp/a.img) failed: Input/output error.',
      'A write to disk disk1 (/tmp/a.img) failed: No space left on device.',
      'A write to a disk that drive_del took away failed: Input/output error.',
    ]);
  });

  it('a new machine begins anew', () => {
    const notices: Notice[] = [];
    const errors = new DiskErrors((notice) => notices.push(notice));
    for (let n = 0; n < 5; n++) errors.add(error(), [drive]);
    errors.clear();
    vi.advanceTimersByTime(60_000);
    errors.add(error(), [drive]);
    expect(notices.map(({ count }) => count)).toEqual([1, 1]);
  });
});
