/** QMP as QEMU 7.2 speaks it: `scripts/record-qmp.ts` recorded what each packet was answered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ImageStore } from '../../src/emu/block/image-store.ts';
import type { OutputFile } from '../../src/emu/core/host.ts';
import { Machine } from '../../src/emu/index.ts';
import type { SmpConfig } from '../../src/emu/machine/cpu-topology.ts';
import type { MachineApi } from '../../src/emu/machine/machine-api.ts';
import { QmpSession, qmpText } from '../../src/emu/monitor/qmp/session.ts';
import { RULE_FILES } from '../golden/block/rule-files.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { type MonitorRigOptions, monitorRig } from '../support/monitor-rig.ts';

const GOLDEN = join(import.meta.dirname, '../golden/qmp');
const MIB = 2 ** 20;
const ROOM: MonitorRigOptions['dimms'] = { slots: 2, maxSize: 256 * MIB };
const smp = (maxCpus: number): SmpConfig => ({
  ...{ cpus: 1, maxCpus, sockets: maxCpus, dies: 1, cores: 1, threads: 1 },
});

const MACHINES: Readonly<Record<string, MonitorRigOptions>> = {
  protocol: {},
  protocol_in_turn: {},
  arguments: { smp: smp(2), dimms: ROOM },
  objects: {},
  chardevs: {},
  devices: { smp: smp(3), dimms: ROOM },
  machine: {},
  blockdev_errors: {},
  blockdev_nodes: {},
  blockdev_parts: {},
  blockdev_reopen: {},
  blockdev_reopen_options: {},
  blkdebug_options: {},
  blkdebug_nodes: {},
  blockdev_reopen_driver: {},
  blockdev_locking: {},
  block_resize: {},
  block_threshold: {},
  block_throttle: {},
  block_trays: {},
  machine_none: {},
  migration: {},
  migration_pairs: {},
  migration_needs: {},
  absent: {},
  yank: {},
  arguments_all: {},
};

async function machineFor(name: string): Promise<MachineApi> {
  const memoryBytes = 64 * MIB;
  if (name !== 'machine_none') {
    const { machine, images } = await monitorRig({ memoryBytes, ...MACHINES[name] });
    if (name === 'blkdebug_options') await addRuleFiles(images);
    return machine;
  }
  const host = {
    ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    createFile: (path: string): OutputFile | string =>
      path.startsWith('/tmp/') ? { write() {}, close() {}, abandon() {} } : 'No such file or directory',
  };
  return new Machine({ machineType: 'none', memoryBytes }, host);
}

async function addRuleFiles(images: ImageStore): Promise<void> {
  for (const [name, text] of Object.entries(RULE_FILES)) {
    const bytes = new TextEncoder().encode(text);
    await images.upload(
      `/tmp/${name}`,
      (async function* () {
        yield bytes;
      })(),
    );
  }
}

interface Step {
  readonly packet: string;
  readonly answers: readonly string[];
}

function readFlow(name: string): readonly Step[] {
  const steps: { packet: string; answers: string[] }[] = [];
  for (const line of readFileSync(join(GOLDEN, `${name}.txt`), 'utf8').split('\n')) {
    if (line.startsWith('>>> ')) steps.push({ packet: JSON.parse(line.slice(4)) as string, answers: [] });
    else if (line.startsWith('<<< ')) steps.at(-1)?.answers.push(line.slice(4));
  }
  return steps;
}

/** A request to a node, which the recording let QEMU make. */
const REQUEST = /qemu-io (\w+) \\"(read|discard|write|write -z) (\d+) (\d+)/;

async function didRequest({ drives }: MachineApi, packet: string): Promise<boolean> {
  const [, name = '', what, offset, length] = REQUEST.exec(packet) ?? [];
  const disk = drives.nodes.find(name)?.disk;
  if (disk === undefined) return false;
  const [from, bytes] = [Number(offset), new Uint8Array(Number(length))];
  if (what === 'read') await disk.read(from, bytes);
  else if (what === 'discard') await disk.discard(from, bytes.length);
  else if (what === 'write -z') await disk.writeZeroes(from, bytes.length);
  else if (!disk.writeSync(from, bytes)) await disk.write(from, bytes);
  return true;
}

/** What differs from run to run, or is the host's. */
function normalised(line: string): string {
  return (
    line
      .replace(/"timestamp": \{"seconds": \d+, "microseconds": \d+\}/, '"timestamp": {}')
      .replaceAll(/"thread-id": \d{2,}/g, '"thread-id": 1')
      .replaceAll(/"thread-id": [1-9], "props"/g, '"thread-id": 1, "props"')
      // Generated names have random digits, and how much room an image takes follows from where it is kept.
      .replaceAll(/#block\d+/g, '#block')
      .replaceAll(/"actual-size": \d+/g, '"actual-size": N')
      .replaceAll(/disk size: [\d.]+ [KMG]?i?B/g, 'disk size: N')
  );
}

/** Packets whose answers are ours on purpose, and why. */
const OURS: readonly (readonly [packet: RegExp, why: string])[] = [
  [/system_reset/, 'the rig has no run loop, so that its reset is over before it is told of'],
];

/** Packets whose answer and event come in another order than QEMU's. */
const OTHER_ORDER: readonly (readonly [packet: RegExp, why: string])[] = [
  [
    /"device_del".*"(c1|h1|h2)"/,
    'who leaves without being asked has left before the answer: QEMU frees it later',
  ],
];

async function settled(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
}

describe('answers as QEMU 7.2 recorded them', () => {
  it.each(Object.keys(MACHINES))('%s', async (name) => {
    const machine = await machineFor(name);
    let text = '';
    const session = new QmpSession(
      (message) => {
        text += qmpText(message);
      },
      { machine, nowMs: () => 0 },
    );
    session.start();
    for (const { packet, answers } of readFlow(name)) {
      text = '';
      if (await didRequest(machine, packet)) text += qmpText({ return: '' });
      else session.input(new TextEncoder().encode(`${packet}\n`));
      await settled();
      if (OURS.some(([ours]) => ours.test(packet))) continue;
      const told = text.split('\r\n').filter((line) => line !== '');
      const [ours, qemus] = [told.map(normalised), answers.map(normalised)];
      const isFree = OTHER_ORDER.some(([other]) => other.test(packet));
      expect.soft(isFree ? ours.sort() : ours, packet).toEqual(isFree ? qemus.sort() : qemus);
    }
  });
});

describe('a fault of ours', () => {
  it('is an answer, and the next request is heard', async () => {
    const { machine } = await monitorRig();
    const broken = {
      ...machine,
      get name(): string {
        throw new TypeError('nobody has looked here');
      },
    };
    const told: string[] = [];
    const session = new QmpSession((message) => told.push(qmpText(message)), {
      machine: broken,
      nowMs: () => 0,
    });
    session.start();
    for (const execute of ['qmp_capabilities', 'query-name', 'query-target']) {
      session.input(new TextEncoder().encode(JSON.stringify({ execute, id: execute })));
    }
    await settled();
    expect(told.slice(2)).toEqual([
      '{"id": "query-name", "error": {"class": "GenericError", "desc": "TypeError: nobody has looked here"}}\r\n',
      '{"return": {"arch": "x86_64"}, "id": "query-target"}\r\n',
    ]);
  });
});
