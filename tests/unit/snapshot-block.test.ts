/** Only this level catches what a snapshot forgets of nodes, of drives on them, and of limits. */
import { describe, expect, it } from 'vitest';
import {
  Machine,
  type MachineHost,
  Monitor,
  machineForSnapshot,
  restoreMachine,
  saveMachine,
} from '../../src/emu/index.ts';
import { QmpCaller } from '../../src/emu/monitor/qmp/caller.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 1 << 20;
const ICOUNT = { icountShift: 3, rtcBaseMs: 1_700_000_000_000 };
const LINES = [
  'drive_add -n 0 driver=file,node-name=f1,filename=/tmp/a.img',
  'drive_add 0 if=none,id=empty',
  'drive_add -n 0 driver=raw,node-name=r1,file=f1,discard=unmap',
  'drive_add 0 if=none,file=/tmp/b.img,format=raw,id=b,node-name=own,iops=100,group=g',
  'drive_add -n 0 driver=raw,node-name=ro,read-only=on,file.driver=file,file.filename=/tmp/c.img',
  'drive_add -n 0 driver=null-co,node-name=nothing',
  'device_add virtio-blk-pci,drive=r1,id=v1',
  'device_add virtio-blk-pci,drive=ro,id=v2',
  'device_add virtio-blk-pci,drive=b,id=v3',
  'block_set_io_throttle /machine/peripheral/v1/virtio-backend 1000 0 0 0 2 3',
];
const ASKED = ['info block -v', 'info block -n -v', 'info blockstats', 'info qtree'];

async function rig(lines = LINES) {
  const images = memoryImages();
  for (const name of ['a', 'b', 'c']) await images.createEmpty(`/tmp/${name}.img`, MIB);
  let now = 0;
  const host: MachineHost = {
    monotonicNs: () => {
      now += 1000;
      return now;
    },
    wallClockMs: () => ICOUNT.rtcBaseMs,
    after() {},
    random: (bytes) => void bytes.fill(0),
    images,
  };
  const machine = new Machine({ memoryBytes: 16 * MIB, ...ICOUNT }, host);
  machine.devices.machineReady();
  const hmp = asker(machine);
  for (const line of lines) expect(await hmp(line), line).toMatch(/^(OK\n)?$/);
  return { images, host, machine, hmp };
}

function asker(machine: Machine): (line: string) => Promise<string> {
  const monitor = new Monitor({ machine, stderr: () => {} });
  return (line) => monitor.execute(line);
}

describe('media that users have changed', () => {
  const CARD = ['device_add virtio-scsi-pci,id=s', 'drive_add -n 0 driver=null-co,node-name=n,read-only=on'];
  const cases: readonly (readonly [name: string, lines: readonly string[], packets: readonly string[]])[] = [
    ["by the device's id", ['device_add scsi-cd,bus=s.0,id=cd'], ['blockdev-change-medium c.img']],
    ['and taken out again', ['device_add scsi-cd,bus=s.0,id=cd,drive=ro'], ['eject', 'blockdev-close-tray']],
    ['for a node', ['device_add scsi-cd,bus=s.0,id=cd'], ['blockdev-open-tray', 'blockdev-insert-medium n']],
    [
      'for a node, in a drive of its own',
      [
        'drive_add 0 if=none,file=/tmp/b.img,format=raw,media=cdrom,id=disc',
        'device_add scsi-cd,bus=s.0,id=cd,drive=disc',
      ],
      ['eject', 'blockdev-insert-medium n', 'blockdev-close-tray'],
    ],
  ];

  it.each(cases)('%s', async (_, lines, packets) => {
    const { machine, hmp, host } = await rig([
      ...CARD,
      'drive_add -n 0 driver=file,node-name=ro,filename=/tmp/a.img,read-only=on',
      ...lines,
    ]);
    const caller = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    for (const packet of packets) {
      const [execute, what = ''] = packet.split(' ');
      const filename =
        what === 'c.img' ? { filename: '/tmp/c.img', format: 'raw', 'read-only-mode': 'read-only' } : {};
      const node = what === 'n' ? { 'node-name': 'n' } : {};
      const text = JSON.stringify({ execute, arguments: { id: 'cd', ...filename, ...node } });
      expect(await caller.call(text), packet).toBe('{"return": {}}');
    }
    const texts = await Promise.all(ASKED.map(hmp));
    const bytes = await snapshotBytes(machine);
    const expected = await everything(machine);
    await machine.close();
    const restored = await machineOf(bytes, host, ICOUNT);
    expect(await Promise.all(ASKED.map(asker(restored)))).toEqual(texts);
    expect(await everything(restored)).toEqual(expected);
    await restored.close();
  });
});

describe('nodes in a snapshot', () => {
  it('are there again, with the devices and drives on them, in their order, under their names', async () => {
    const { machine, hmp, host } = await rig();
    const texts = await Promise.all(ASKED.map(hmp));
    const bytes = await snapshotBytes(machine);
    const expected = await everything(machine);
    await machine.close();
    const restored = await machineOf(bytes, host, ICOUNT);
    const again = asker(restored);
    expect(await Promise.all(ASKED.map(again))).toEqual(texts);
    expect(await everything(restored)).toEqual(expected);
    // The next generated name goes on from where the names were.
    await again('drive_add 0 if=none,file=/tmp/nosuch.img,id=x');
    expect(await again('drive_del nothing')).toBe('');
    expect(await again('drive_del r1')).toBe('Node r1 is in use\n');
    await restored.close();
  });

  it('keep their locks, and what was reopened and resized', async () => {
    const { machine, hmp, host, images } = await rig();
    const caller = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    const reopened = { driver: 'raw', 'node-name': 'r1', file: 'f1', cache: { 'no-flush': true } };
    const ask = (execute: string, args: object): Promise<string> =>
      caller.call(JSON.stringify({ execute, arguments: args }));
    expect(await ask('blockdev-reopen', { options: [reopened] })).toBe('{"return": {}}');
    expect(await ask('block_resize', { 'node-name': 'r1', size: 2 * MIB })).toBe('{"return": {}}');
    const text = await hmp('info block -n');
    expect(text).toContain('r1: /tmp/a.img (raw)\n    Cache mode:       writeback, ignore flushes\n');
    const bytes = await snapshotBytes(machine);
    await expect(machineOf(bytes, host, ICOUNT)).rejects.toThrow(/lock/);
    await machine.close();
    const restored = await machineOf(bytes, host, ICOUNT);
    expect(await asker(restored)('info block -n')).toBe(text);
    const other = await images.open('/tmp/a.img');
    await expect(other.lock('write')).rejects.toThrow('Failed to get "write" lock');
    await restored.close();
    await other.lock('write');
    await other.resize(MIB);
    await other.close();
    await expect(machineOf(bytes, host, ICOUNT)).rejects.toThrow(
      'The disk image /tmp/a.img has another size than when the snapshot was taken.',
    );
  });

  it('are held to the schema, and limits to what a monitor would take', async () => {
    const { machine, host } = await rig();
    const { head, state } = await saveMachine(machine);
    await machine.close();
    const spoil = (change: (block: Spoilt) => void): Promise<string> => {
      const crafted = structuredClone(state) as typeof state & { peripherals: { block: Spoilt } };
      change(crafted.peripherals.block);
      const empty = machineForSnapshot(head, host, ICOUNT);
      return restoreMachine(empty, crafted).then(
        () => empty.close().then(() => 'restored'),
        (error: unknown) => String(error),
      );
    };
    const node = (block: Spoilt): { options: string } => {
      const found = block.made.find((made) => made.node !== null)?.node;
      if (found === undefined || found === null) throw new Error('there is no node');
      return found;
    };
    expect(await spoil(() => {})).toBe('restored');
    const withOptions = (options: string): Promise<string> =>
      spoil((block) => {
        node(block).options = options;
      });
    expect(await withOptions('{')).toContain('premature EOI');
    expect(await withOptions('{"driver":"nosuch"}')).toContain(
      "Parameter 'driver' does not accept value 'nosuch'",
    );
    const first = <T>(all: readonly T[]): T => {
      const [one] = all;
      if (one === undefined) throw new Error('there is none');
      return one;
    };
    expect(await spoil((block) => void first(block.groups).limits.fill([-1, 0, 1]))).toContain(
      'The snapshot has limits that cannot be: bps/iops/max',
    );
    expect(await spoil((block) => void first(block.limited).fill('nosuch'))).toContain(
      'no limits for group nosuch',
    );
    expect(await spoil((block) => void first(block.limited).fill('nosuch', 0, 1))).toContain(
      'which is no drive',
    );
  });
});

interface Spoilt {
  readonly made: { readonly node: { options: string } | null }[];
  readonly groups: { readonly limits: number[][] }[];
  readonly limited: string[][];
}
