/** Nodes that are shared: who may use them beside whom, whose lock is on the image, and that nothing that was stored is lost with them. */
import { describe, expect, it } from 'vitest';
import { type BlockBackend, BlockError } from '../../src/emu/block/block-backend.ts';
import { BlockFilter } from '../../src/emu/block/block-filter.ts';
import { MemoryChunkDatabase } from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { Drives } from '../../src/emu/block/drives.ts';
import { LocalLocks } from '../../src/emu/block/image-locks.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const PATH = '/tmp/a.img';
const SIZE = 1 << 20;
const FILE = { driver: 'file', filename: PATH, 'node-name': 'f' } as const;
const RAW = { driver: 'raw', file: 'f', 'node-name': 'r' } as const;
const DEVICE = '/machine/peripheral/v/virtio-backend';

/** @param spoil changes the images that are opened */
async function nodesRig(spoil: (image: BlockBackend) => BlockBackend = (image) => image) {
  const store = new ChunkImageStore({
    database: new MemoryChunkDatabase(),
    locks: new LocalLocks(),
    newId: () => 'id',
  });
  await store.createEmpty(PATH, SIZE);
  const warnings: string[] = [];
  const drives = new Drives({
    images: { open: async (path, options) => spoil(await store.open(path, options)) },
    clock: new EventQueue(() => 0),
    warn: (text) => warnings.push(text),
  });
  const add = async (...all: readonly Parameters<Drives['addNode']>[0][]): Promise<void> => {
    for (const options of all) await drives.addNode(options);
  };
  /** Another user of the image, as QEMU's lock sees it. */
  const other = async (mode: 'read' | 'write'): Promise<string> => {
    const image = await store.open(PATH, { readOnly: mode === 'read' });
    const said = await image.lock(mode).then(
      () => 'locked',
      (error: unknown) => String(error),
    );
    await image.close();
    return said;
  };
  const inUse = async (): Promise<boolean> => (await store.stat(PATH)).inUse;
  return { drives, store, warnings, add, other, inUse };
}

const bytes = (value: number): Uint8Array => new Uint8Array(512).fill(value);

describe('the lock on an image', () => {
  it('is taken with the device, not with the node, and given back with the device', async () => {
    const { drives, add, other, inUse } = await nodesRig();
    await add(FILE, RAW);
    expect(await other('write')).toBe('locked');
    const drive = await drives.attach('r', DEVICE);
    expect(await other('read')).toContain('Failed to get shared "write" lock');
    drives.deviceGone(drive);
    await drives.settled();
    expect(await other('write')).toBe('locked');
    expect(drives.list()).toEqual([]);
    await drives.deleteNode('r');
    await drives.deleteNode('f');
    expect(await inUse()).toBe(false);
  });

  it('is shared by readers of one node, and the last one gives it back', async () => {
    const { drives, add, other } = await nodesRig();
    await add({ ...FILE, 'read-only': true }, { ...RAW, 'read-only': true });
    const [one, two] = [await drives.attach('r', DEVICE), await drives.attach('r', `${DEVICE}2`)];
    drives.deviceGone(one);
    await drives.settled();
    expect(await other('write')).toContain('Failed to get "write" lock');
    expect(await other('read')).toBe('locked');
    drives.deviceGone(two);
    await drives.settled();
    expect(await other('write')).toBe('locked');
  });

  it('is kept by nobody when a device cannot have the node', async () => {
    const { drives, add, other, store } = await nodesRig();
    await add(FILE, RAW);
    const first = await store.open(PATH);
    await first.lock('write');
    await expect(drives.attach('r', DEVICE)).rejects.toThrow('Failed to get "write" lock');
    await first.close();
    expect(drives.list()).toEqual([]);
    expect(drives.nodes.find('r')?.users).toEqual([]);
    expect(drives.nodes.find('f')?.users).toEqual([]);
    await drives.detach(await drives.attach('r', DEVICE));
    expect(await other('write')).toBe('locked');
    await drives.deleteNode('r');
  });

  it('is not taken where others may share', async () => {
    const { drives, add, other } = await nodesRig();
    await add({ ...FILE, 'read-only': true, 'force-share': true });
    await drives.attach('f', DEVICE);
    expect(await other('write')).toBe('locked');
  });

  it('is there for a resize only, where no device has the image', async () => {
    const { drives, add, other, store } = await nodesRig();
    await add(FILE, RAW);
    const node = drives.nodes.find('r');
    if (node === undefined) throw new Error('there is no node');
    await drives.resize(node, 2 * SIZE);
    expect((await store.stat(PATH)).sizeBytes).toBe(2 * SIZE);
    expect(await other('write')).toBe('locked');
    const reader = await store.open(PATH, { readOnly: true });
    await reader.lock('read');
    await expect(drives.resize(node, SIZE)).rejects.toThrow('Failed to get "write" lock');
    expect(node.disk.sizeBytes).toBe(2 * SIZE);
  });
});

describe('a resize', () => {
  it('waits for the requests under way, and others wait for it', async () => {
    const order: string[] = [];
    const reads: (() => void)[] = [];
    class SlowDisk extends BlockFilter {
      override readSync(): boolean {
        return false;
      }

      protected async request(kind: string, act: () => Promise<void>): Promise<void> {
        if (kind === 'read') await new Promise<void>((resolve) => reads.push(resolve));
        await act();
      }
    }
    const { drives, add } = await nodesRig((image) => new SlowDisk(image));
    await add(FILE, RAW);
    const { medium } = await drives.attach('r', DEVICE);
    const read = (name: string): Promise<unknown> | undefined =>
      medium?.backend.read(0, new Uint8Array(512)).then(() => order.push(name));
    const first = read('first');
    if (medium === undefined) throw new Error('the drive is empty');
    const resized = drives.resize(medium.node, 2 * SIZE).then(() => order.push('resized'));
    const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
    await later();
    const second = read('second');
    await later();
    expect([order, reads.length]).toEqual([[], 1]);
    reads[0]?.();
    await Promise.all([first, resized]);
    await later();
    reads[1]?.();
    await second;
    expect(order).toEqual(['first', 'resized', 'second']);
  });
});

describe('what the guest has stored', () => {
  it('is there after the device and its nodes have gone', async () => {
    const { drives, add, store } = await nodesRig();
    await add(FILE, RAW);
    const drive = await drives.attach('r', DEVICE);
    await drive.medium?.backend.write(0, bytes(7));
    await drive.medium?.backend.flush();
    drives.deviceGone(drive);
    await drives.deleteNode('r');
    await drives.deleteNode('f');
    const read = new Uint8Array(512);
    await (await store.open(PATH, { readOnly: true })).read(0, read);
    expect(read).toEqual(bytes(7));
  });

  it('stays with its node, and its lock with it, when it cannot be stored at the end', async () => {
    let isFull = false;
    class FullDisk extends BlockFilter {
      protected async request(_kind: string, act: () => Promise<void>): Promise<void> {
        if (isFull) throw new BlockError('ENOSPC');
        await act();
      }
    }
    const { drives, add, other, warnings } = await nodesRig((image) => new FullDisk(image));
    await add(FILE, RAW);
    const drive = await drives.attach('r', DEVICE);
    isFull = true;
    drives.deviceGone(drive);
    await drives.settled();
    expect(warnings).toEqual(["node 'r' could not be closed: No space left on device"]);
    expect(await other('write')).toContain('Failed to get "write" lock');
    await drives.deleteNode('r');
    await expect(drives.deleteNode('f')).rejects.toThrow('No space left on device');
    expect(drives.nodes.find('f')).toBeDefined();
    isFull = false;
    await drives.deleteNode('f');
    expect(await other('write')).toBe('locked');
  });
});

describe('nodes', () => {
  it('go with the last that uses them, unless a monitor made them', async () => {
    const { drives, add, inUse } = await nodesRig();
    await add({ driver: 'raw', 'node-name': 'r', file: { driver: 'file', filename: PATH } });
    expect(drives.nodes.list()).toHaveLength(2);
    await drives.deleteNode('r');
    expect(drives.nodes.list()).toEqual([]);
    expect(await inUse()).toBe(false);
  });

  it('leave nothing behind when they cannot be made', async () => {
    const { drives, add, inUse } = await nodesRig();
    await add({ driver: 'null-co', 'node-name': 'n' });
    await expect(
      add({ driver: 'raw', 'node-name': 'n', file: { driver: 'file', filename: PATH } }),
    ).rejects.toThrow("Duplicate nodes with node-name='n'");
    expect(drives.nodes.list().map(({ name }) => name)).toEqual(['n']);
    expect(await inUse()).toBe(false);
  });

  it('two monitors cannot give one name twice', async () => {
    const { drives } = await nodesRig();
    const results = await Promise.allSettled([drives.addNode(FILE), drives.addNode(FILE)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('may be deleted by one monitor while another waits for them', async () => {
    const { drives, add } = await nodesRig();
    await add(FILE, { driver: 'null-co', 'node-name': 'n' });
    const drive = await drives.attach('f', DEVICE);
    drives.deviceGone(drive);
    // It waits for the image that is being given up.
    const attached = drives.attach('n', DEVICE);
    const deleted = drives.nodes.delete('n');
    await expect(attached).rejects.toThrow("Cannot find device='' nor node-name='n'");
    await deleted;
  });

  it('get another mode while a reader has them', async () => {
    const { drives, add, other } = await nodesRig();
    await add({ ...FILE, 'read-only': true }, { ...RAW, 'read-only': true });
    const drive = await drives.attach('r', DEVICE);
    await drives.reopen([FILE]);
    expect(await other('write')).toContain('Failed to get "write" lock');
    expect(await other('read')).toBe('locked');
    drives.deviceGone(drive);
    await drives.settled();
    await drives.reopen([RAW]);
    const writer = await drives.attach('r', DEVICE);
    await writer.medium?.backend.write(0, bytes(1));
    await writer.medium?.backend.flush();
    await expect(drives.reopen([{ ...FILE, 'read-only': true }])).rejects.toThrow(
      "Read-only block node 'f' cannot support read-write users",
    );
  });

  it('keep everything when one of several cannot be reopened', async () => {
    const { drives, add, other } = await nodesRig();
    await add({ ...FILE, 'read-only': true }, { ...RAW, 'read-only': true });
    await drives.attach('r', DEVICE);
    const node = drives.nodes.find('f');
    await expect(drives.reopen([FILE, { ...RAW, file: 'nosuch' }])).rejects.toThrow("nor node-name='nosuch'");
    expect(node?.settings.readOnly).toBe(true);
    expect(await other('read')).toBe('locked');
    expect(await other('write')).toContain('Failed to get "write" lock');
  });
});

describe('a device on a node', () => {
  it('goes without the node, which then can have another', async () => {
    const rig = await monitorRig();
    rig.boot();
    await rig.execute('cont');
    await rig.execute('drive_add -n 0 driver=raw,node-name=n,file.driver=file,file.filename=/tmp/disk1.img');
    for (let round = 0; round < 3; round++) {
      expect(await rig.execute('device_add virtio-blk-pci,drive=n,id=v')).toBe('');
      expect(await rig.execute('info block')).toContain(
        `n: /tmp/disk1.img (raw)\n    Attached to:      ${DEVICE}\n`,
      );
      expect(await rig.execute('drive_del n')).toBe('Node n is in use\n');
      await rig.execute('device_del v');
      await rig.settle();
      expect(await rig.execute('info block')).toBe('');
    }
    expect(await rig.execute('drive_del n')).toBe('');
    expect(await rig.execute('info block -n')).toBe('');
  });
});
