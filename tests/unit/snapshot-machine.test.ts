/** Only this level catches a part of the machine that a snapshot forgets, at any instruction and with any device. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plain } from '../../src/emu/core/plain.ts';
import {
  Machine,
  type MachineConfig,
  type MachineHost,
  Monitor,
  machineForSnapshot,
  restoreMachine,
  SnapshotError,
  saveMachine,
} from '../../src/emu/index.ts';
import { parseJson } from '../../src/emu/qapi/json-reader.ts';
import type { JsonObject, JsonValue } from '../../src/emu/qapi/json-value.ts';
import { Options } from '../../src/emu/qdev/option-string.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const MIB = 1 << 20;
const YEAR_MS = 365 * 86_400_000;
const BASE_MS = 1_700_000_000_000;
const ICOUNT = { icountShift: 3, rtcBaseMs: BASE_MS };
/** Reads and prints every chip: some hundred thousand instructions, most of them I/O. */
const kernel = new Uint8Array(readFileSync(new URL('../oracle/firmware/state.elf', import.meta.url)));
const images = memoryImages();

function hostWith(more: Partial<MachineHost> = {}): MachineHost {
  let now = 0;
  return {
    monotonicNs: () => {
      now += 1000;
      return now;
    },
    wallClockMs: () => BASE_MS,
    after() {},
    random: (bytes) => void bytes.fill(0),
    images,
    ...more,
  };
}

function machineWith(config: Partial<MachineConfig> = ICOUNT, host = hostWith()): Machine {
  return new Machine({ memoryBytes: 256 * MIB, kernel, ...config }, host);
}

/** Lets exactly `count` instructions pass, or what is left of them when the guest halts. */
function advance(machine: Machine, count: number): void {
  const timer = machine.clock.timer(() => machine.stop());
  timer.arm(machine.clock.nowNs() + count * 8);
  machine.cont();
  while (machine.runState === 'running') machine.run(1);
}

const output = (machine: Machine): (() => string) => {
  let text = '';
  machine.onSerial = (bytes) => {
    text += String.fromCharCode(...bytes);
  };
  return () => text;
};

describe('a machine that was saved and restored', () => {
  it('goes on as the one that was not, from any instruction', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(200_000), fc.nat(50_000), async (before, after) => {
        const machine = machineWith();
        advance(machine, before);
        const restored = await machineOf(await snapshotBytes(machine), hostWith(), ICOUNT);
        expect(await everything(restored)).toEqual(await everything(machine));
        const [said, repeated] = [output(machine), output(restored)];
        advance(machine, after);
        advance(restored, after);
        expect(repeated()).toBe(said());
        expect(await everything(restored)).toEqual(await everything(machine));
      }),
      { numRuns: 6, seed: 0x5eed },
    );
  }, 120_000);

  it('is reset only when it has its kernel again', async () => {
    const machine = machineWith();
    advance(machine, 1000);
    const restored = await machineOf(await snapshotBytes(machine), hostWith(), ICOUNT);
    restored.reset();
    restored.cont();
    expect(restored.run(1).idleMs).toBe(Number.POSITIVE_INFINITY);
    const text = output(restored);
    restored.setBootFiles({ kernel });
    while (!text().includes('\nend\n')) restored.run(1);
  });

  it('has the time of day of its new world, and its own time and TSC go on', async () => {
    const machine = machineWith({});
    machine.cont();
    machine.run(1);
    machine.stop();
    const seconds = machine.board.rtc.guestSeconds();
    const nowNs = machine.clock.nowNs();
    const bytes = await snapshotBytes(machine);
    const restored = await machineOf(bytes, hostWith({ wallClockMs: () => BASE_MS + YEAR_MS + 2500 }));
    expect(restored.clock.nowNs()).toBe(nowNs);
    expect(restored.board.rtc.guestSeconds() - seconds).toBeGreaterThanOrEqual(YEAR_MS / 1000 + 2);
    expect(restored.board.rtc.guestSeconds() - seconds).toBeLessThanOrEqual(YEAR_MS / 1000 + 3);
    expect(restored.runState).toBe('paused');
    restored.cont();
    restored.run(1);
    expect(restored.clock.nowNs()).toBeGreaterThan(nowNs);
  });
});

describe('a state that no machine ever saved', () => {
  type Bad = readonly [field: string, value: unknown, sentence: string];

  it('is refused before anything is restored, and the field is named', async () => {
    const machine = machineWith();
    const { state } = await saveMachine(machine);
    const before = JSON.stringify(machine.saveRun());
    const bad: readonly Bad[] = [
      ['run.nowNs', Number.NaN, 'field run.nowNs of the state is NaN, not an integer from 0 to '],
      ['run.nowNs', 2 ** 53 - 1, 'field run.nowNs of the state is 9007199254740991, not an integer'],
      ['run.retired', -1, 'field run.retired of the state is -1, not an integer from 0 to '],
      [
        'run.wallClockMs',
        Number.NEGATIVE_INFINITY,
        'field run.wallClockMs of the state is -Infinity, not a number',
      ],
      ['run.runState', 'lost', 'field run.runState of the state is "lost", not one of prelaunch, running, '],
      ['run.extra', 1, 'field run.extra of the state is not known'],
      [
        'peripherals.block.made',
        {},
        'field peripherals.block.made of the state is a set of fields, not a list of 0 to 4096',
      ],
      ['peripherals.devices', [{}], 'field peripherals.devices[0].options of the state is missing'],
      [
        'peripherals.objects',
        [{ id: null, json: false, entries: [[1, 2]] }],
        'field peripherals.objects[0].entries[0][0]',
      ],
      ['sections', 'none', 'field sections of the state is "none", not a list'],
      ['sections.0.version', 1.5, 'field sections[0].version of the state is 1.5, not an integer'],
      ['sections.0.state', null, 'cpu of /machine/unattached/device[0] is null, not a set of fields'],
      [
        'sections.0.state.words',
        new Int32Array(3),
        'field words of cpu of /machine/unattached/device[0] is 12 bytes of a Int32Array, not ',
      ],
      [
        'sections.1.state.tpr',
        256,
        'field tpr of apic of /machine/unattached/device[0] is 256, not an integer from 0 to 255',
      ],
    ];
    for (const [field, value, sentence] of bad) {
      await expect(restoreMachine(machine, withValue(state, field.split('.'), value)), field).rejects.toThrow(
        `The snapshot is damaged: ${sentence}`,
      );
    }
    for (const nothing of [undefined, null, [], 'state', 7]) {
      await expect(restoreMachine(machine, nothing)).rejects.toThrow(
        'The snapshot is damaged: the state is ',
      );
    }
    expect(JSON.stringify(machine.saveRun())).toBe(before);
  });

  function withValue(state: Plain, path: readonly string[], value: unknown): Plain {
    const copy = structuredClone(state) as Record<string, unknown>;
    const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
    parent[path.at(-1) ?? ''] = value;
    return copy as Plain;
  }
});

describe('what was plugged', () => {
  const path = '/tmp/disk1.img';
  const lines = ['info block', 'info pci', 'info qtree', 'info status'];

  async function plugged(): Promise<{ machine: Machine; hmp: (line: string) => Promise<string> }> {
    if ((await images.list()).length === 0) await images.createEmpty(path, MIB);
    const machine = machineWith();
    const monitor = new Monitor({ machine, stderr: () => {} });
    const hmp = (line: string): Promise<string> => monitor.execute(line);
    advance(machine, 1000);
    expect(await hmp(`drive_add 0 if=none,file=${path},format=raw,id=disk1`)).toBe('OK\n');
    expect(await hmp('device_add virtio-blk-pci,drive=disk1,id=blk1,addr=0x1d,serial=abc')).toBe('');
    return { machine, hmp };
  }

  it('is there again, under its name and at its place, and leaves as before', async () => {
    const { machine, hmp } = await plugged();
    expect(await hmp('drive_add 0 if=none,id=empty')).toBe('OK\n');
    const texts = await Promise.all(lines.map(hmp));
    const bytes = await snapshotBytes(machine);
    const expected = await everything(machine);
    await machine.close();
    const restored = await machineOf(bytes, hostWith(), ICOUNT);
    const events: unknown[] = [];
    restored.events.listen((event) => events.push(event));
    const monitor = new Monitor({ machine: restored, stderr: () => {} });
    expect(await Promise.all(lines.map((line) => monitor.execute(line)))).toEqual(texts);
    expect(await everything(restored)).toEqual(expected);
    expect(restored.devices.removable()).toEqual(['blk1']);
    expect(await monitor.execute('device_del blk1')).toBe('');
    expect(restored.board.ports.read(0xae04, 4)).toBe(1 << 0x1d);
    await restored.close();
  });

  it('SCSI disks are there again, at their addresses, with what was in their drives', async () => {
    const { machine, hmp } = await plugged();
    for (const name of ['a', 'b', 'c']) await images.createEmpty(`/tmp/scsi-${name}.img`, MIB);
    const said = await Promise.all(
      [
        'device_add virtio-scsi-pci,id=s0',
        'device_add virtio-scsi-pci',
        'device_add scsi-cd,bus=s0.0,id=cd0',
        'drive_add 0 if=none,file=/tmp/scsi-a.img,format=raw,id=a',
        'device_add scsi-hd,bus=s0.0,id=sd0,drive=a,scsi-id=3,lun=300,serial=xyz',
        'drive_add 0 if=none,file=/tmp/scsi-b.img,format=raw,id=b,media=cdrom',
        'device_add scsi-cd,bus=s0.0,id=cd1,drive=b',
        'device_add scsi-cd,bus=scsi.0',
        'change b /tmp/scsi-c.img raw',
      ].map(hmp),
    );
    expect(said.join('')).toBe('OK\nOK\n');
    const texts = await Promise.all(lines.map(hmp));
    const bytes = await snapshotBytes(machine);
    const expected = await everything(machine);
    await machine.close();
    const restored = await machineOf(bytes, hostWith(), ICOUNT);
    const monitor = new Monitor({ machine: restored, stderr: () => {} });
    expect(await Promise.all(lines.map((line) => monitor.execute(line)))).toEqual(texts);
    expect(await everything(restored)).toEqual(expected);
    expect(await monitor.execute('device_del cd1')).toBe('');
    expect(await monitor.execute('info block')).not.toContain('scsi-c');
    await restored.close();
  });

  it('a device that was asked for in JSON is asked for with the same values', async () => {
    const machine = machineWith();
    const value = parseJson(
      '{"max-bytes":9223372036854775807,"addr":232,"multifunction":false,"period":1000}',
    );
    const given = Object.entries(value as JsonObject);
    const options = new Options<JsonValue>([['driver', 'virtio-rng-pci'], ...given], 'rng', true);
    await machine.devices.add(options);
    const { head, state } = await saveMachine(machine);
    const restored = await machineOf(await snapshotBytes(machine), hostWith(), ICOUNT);
    const asked = restored.devices.tree.find('rng')?.request?.options;
    expect(asked?.json).toBe(true);
    expect(asked?.effective()).toEqual(new Map(options.entries).set('bus', 'pci.0'));
    expect(await everything(restored)).toEqual(await everything(machine));
    const crafted = structuredClone(state) as {
      peripherals: { devices: { options: { entries: [string, string][] } }[] };
    };
    for (const { options } of crafted.peripherals.devices) options.entries = [['driver', '{']];
    const empty = machineForSnapshot(head, hostWith(), ICOUNT);
    await expect(restoreMachine(empty, crafted as typeof state)).rejects.toThrow(
      'The snapshot has a device that cannot be made: JSON parse error, premature EOI',
    );
  });

  it('character devices with what they hold, and a port on one of them', async () => {
    const machine = machineWith();
    const monitor = new Monitor({ machine, stderr: () => {} });
    const lines = [
      'chardev-add ringbuf,id=ring,size=16',
      'chardev-add memory,id=spare',
      'chardev-add null,id=nowhere',
      'object_add rng-builtin,id=rng',
      'device_add virtio-serial-pci,id=vs',
      'device_add virtserialport,chardev=ring,id=port',
      'device_add virtconsole,chardev=nowhere',
      'device_add virtio-rng-pci,rng=rng',
      'ringbuf_write ring 0123456789abcdefABC',
    ];
    for (const line of lines) expect(await monitor.execute(line), line).toBe('');
    expect(await monitor.execute('ringbuf_read ring 1')).toBe('3\n');
    const asked = ['info chardev', 'info qtree'];
    const texts = await Promise.all(asked.map((line) => monitor.execute(line)));
    const restored = await machineOf(await snapshotBytes(machine), hostWith(), ICOUNT);
    const other = new Monitor({ machine: restored, stderr: () => {} });
    const hmp = (line: string): Promise<string> => other.execute(line);
    expect(await Promise.all(asked.map(hmp))).toEqual(texts);
    expect(restored.chardevs.query()).toEqual(machine.chardevs.query());
    expect(await everything(restored)).toEqual(await everything(machine));
    expect(await hmp('chardev-remove ring')).toBe("Error: Chardev 'ring' is busy\n");
    expect(await hmp('chardev-remove spare')).toBe('');
    expect(await hmp('ringbuf_read ring 5')).toBe('456789abcdefABC'.slice(0, 5).concat('\n'));
    expect(await hmp('ringbuf_write ring zz')).toBe('');
    expect(await hmp('ringbuf_read ring 100')).toBe('9abcdefABCzz\n');
  });

  it('ring buffers that hold more than a snapshot has room for are refused, and so is one that is said to be too full', async () => {
    const machine = machineWith();
    const monitor = new Monitor({ machine, stderr: () => {} });
    await monitor.execute('chardev-add ringbuf,id=ring,size=16M');
    machine.chardevs.ringBuffer('ring').write(new Uint8Array((8 << 20) + 1));
    await expect(saveMachine(machine)).rejects.toThrow(/^The ring buffers .* hold more than 8 MB: read/);
    await monitor.execute('chardev-remove ring');
    await monitor.execute('chardev-add ringbuf,id=ring,size=1M');
    const { head, state } = await saveMachine(machine);
    const crafted = structuredClone(state) as { peripherals: { chardevs: { bytes: unknown }[] } };
    for (const [bytes, says] of [
      [new Uint8Array((8 << 20) + 1), /chardevs\[0\]\.bytes of the state is .*, not at most 8388608 bytes/],
      ['text', /chardevs\[0\]\.bytes of the state is .*, not at most 8388608 bytes/],
      [
        new Uint8Array((1 << 20) + 1),
        'The snapshot has more bytes in the ring buffer ring than fit into it.',
      ],
    ] as const) {
      for (const chardev of crafted.peripherals.chardevs) chardev.bytes = bytes;
      const empty = machineForSnapshot(head, hostWith(), ICOUNT);
      await expect(restoreMachine(empty, crafted as typeof state)).rejects.toThrow(says);
    }
  });

  it('and whose image is gone, in use or of another size, is refused with a sentence', async () => {
    const { machine } = await plugged();
    const bytes = await snapshotBytes(machine);
    const restore = (): Promise<unknown> => machineOf(bytes, hostWith(), ICOUNT);
    await expect(restore()).rejects.toThrow(/^The snapshot .*lock/);
    await machine.close();
    await images.delete(path);
    await expect(restore()).rejects.toThrow(
      /^The snapshot needs the disk image \/tmp\/disk1.img, which cannot be used: Could not open/,
    );
    await images.createEmpty(path, 2 * MIB);
    await expect(restore()).rejects.toThrow(
      'The disk image /tmp/disk1.img has another size than when the snapshot was taken.',
    );
    await images.delete(path);
    await images.createEmpty(path, MIB);
    const restored = await machineOf(bytes, hostWith(), ICOUNT);
    await restored.close();
  });

  it('and lost its drive cannot be saved', async () => {
    const { machine, hmp } = await plugged();
    await hmp('drive_del disk1');
    await expect(snapshotBytes(machine)).rejects.toThrow(SnapshotError);
  });
});
