/** The jobs `snapshot-save`, `snapshot-load` and `snapshot-delete`: what a client is told of them, and what they do to disks and machine. */
import { describe, expect, it } from 'vitest';
import { QmpSession, qmpText } from '../../src/emu/monitor/qmp/session.ts';
import { qmpFlow } from '../support/qmp-flow.ts';
import { type SnapshotRig, snapshotRig } from '../support/snapshot-rig.ts';

const MIB = 1 << 20;

interface Client {
  /** Sends a packet and gives all lines that are told until nothing is under way. */
  ask(packet: string): Promise<readonly string[]>;
  /** Gives the answer alone. Fails for an error. */
  run(execute: string, args?: object): Promise<unknown>;
}

async function idle({ machine }: SnapshotRig): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    while (machine.snapshots.busy !== undefined) await machine.snapshots.busy;
  }
}

function clientOf(rig: SnapshotRig): Client {
  let lines: string[] = [];
  const session = new QmpSession((message) => lines.push(qmpText(message).trimEnd()), {
    machine: rig.machine,
    nowMs: () => 0,
  });
  session.start();
  const ask = async (packet: string): Promise<readonly string[]> => {
    lines = [];
    session.input(new TextEncoder().encode(`${packet}\n`));
    await idle(rig);
    return lines;
  };
  const run = async (execute: string, args: object = {}): Promise<unknown> => {
    const told = (await ask(JSON.stringify({ execute, arguments: args }))).map((line) => JSON.parse(line));
    const answer = told.find((message) => !('event' in message));
    expect(answer, execute).toHaveProperty('return');
    return answer.return;
  };
  return { ask, run };
}

async function connected(): Promise<SnapshotRig & Client> {
  const rig = snapshotRig({ memoryBytes: 16 * MIB, kernel: undefined });
  for (const name of ['1', '2', '3']) await rig.images.createEmpty(`/tmp/${name}`, MIB);
  return { ...rig, ...clientOf(rig) };
}

/** What a node holds at its beginning, and what is put there. */
function firstByte({ machine }: SnapshotRig, node: string) {
  const disk = machine.drives.nodes.find(node)?.disk;
  if (disk === undefined) throw new Error(`no node ${node}`);
  return {
    put: (value: number) => disk.write(0, Uint8Array.of(value)),
    async get(): Promise<number | undefined> {
      const byte = new Uint8Array(1);
      await disk.read(0, byte);
      return byte[0];
    },
  };
}

const plain = (line: string): string => line.replace(/"timestamp": \{[^}]*\}/, '"timestamp": {}');
const withoutFormat = (text: string): string =>
  text.replaceAll('"qcow2"', '"raw"').replaceAll('format=qcow2', 'format=raw');

describe("QEMU's dialogue about qcow2 images", () => {
  it('is the same about raw ones', async () => {
    const { ask } = await connected();
    await ask('{"execute":"qmp_capabilities"}');
    const steps = qmpFlow('jobs', 'snapshots').slice(1);
    for (const { packet, answers } of steps) {
      expect.soft((await ask(withoutFormat(packet))).map(plain), packet).toEqual(answers.map(plain));
    }
    expect(steps.length).toBeGreaterThan(150);
  });
});

const BOTH = { vmstate: 'd1', devices: ['d1', 'd2'] };

async function withNodes(): Promise<SnapshotRig & Client> {
  const made = await connected();
  await made.run('qmp_capabilities');
  for (const name of ['1', '2']) {
    const file = { driver: 'file', filename: `/tmp/${name}` };
    await made.run('blockdev-add', { driver: 'raw', 'node-name': `d${name}`, file });
  }
  return made;
}

/** Runs a job to its end; gives its error. */
async function job(client: Client, name: string, args: object): Promise<string | undefined> {
  await client.run(name, { 'job-id': 'job', ...args });
  const [info] = (await client.run('query-jobs')) as readonly { readonly error?: string }[];
  await client.run('job-dismiss', { id: 'job' });
  return info?.error;
}

describe('what the jobs do', () => {
  it('is to keep the disks that are named, and to put back those that are named then', async () => {
    const made = await withNodes();
    const [one, two] = [firstByte(made, 'd1'), firstByte(made, 'd2')];
    await one.put(1);
    await two.put(2);
    expect(await job(made, 'snapshot-save', { tag: 'both', ...BOTH })).toBeUndefined();
    await one.put(11);
    await two.put(22);
    expect(await job(made, 'snapshot-load', { tag: 'both', vmstate: 'd1', devices: ['d1'] })).toBeUndefined();
    expect([await one.get(), await two.get()]).toEqual([1, 22]);
    await one.put(11);
    expect(await job(made, 'snapshot-load', { tag: 'both', ...BOTH })).toBeUndefined();
    expect([await one.get(), await two.get()]).toEqual([1, 2]);
    expect(await job(made, 'snapshot-delete', { tag: 'both', devices: ['d1', 'd2'] })).toBeUndefined();
    expect(await made.hmp('info snapshots')).toBe('There is no snapshot available.\n');
  });

  it('is about the snapshots of savevm too, which keeps nodes that no device has', async () => {
    const made = await withNodes();
    const two = firstByte(made, 'd2');
    await two.put(2);
    await made.hmp('savevm all');
    await two.put(22);
    expect(
      await job(made, 'snapshot-load', { tag: 'all', vmstate: 'd1', devices: ['d2', 'd1'] }),
    ).toBeUndefined();
    expect(await two.get()).toBe(2);
    await two.put(22);
    expect(await made.hmp('loadvm all')).toBe('');
    expect(await two.get()).toBe(2);
  });

  it('stops a machine that runs for as long as it takes', async () => {
    const made = await withNodes();
    made.machine.cont();
    const told = (
      await made.ask(
        JSON.stringify({ execute: 'snapshot-save', arguments: { 'job-id': 'j', tag: 'run', ...BOTH } }),
      )
    ).map((line) => {
      const { event, data } = JSON.parse(line);
      return data?.status ?? event ?? 'answer';
    });
    expect(told).toEqual([
      ...['created', 'running', 'STOP', 'RESUME', 'answer', 'waiting', 'pending', 'concluded'],
    ]);
    made.machine.stop();
  });

  it('is refused where a file has more than the client names: nothing is lost that it does not know of', async () => {
    const made = await withNodes();
    await job(made, 'snapshot-save', { tag: 'both', ...BOTH });
    expect(await job(made, 'snapshot-delete', { tag: 'both', devices: ['d2'] })).toBe(
      "Hotslot keeps snapshot 'both' of several devices in one file: name all of them",
    );
    await job(made, 'snapshot-save', { tag: 'one', vmstate: 'd1', devices: ['d1'] });
    expect(await job(made, 'snapshot-save', { tag: 'one', vmstate: 'd2', devices: ['d2'] })).toBe(
      "Snapshot 'one' already exists in one or more devices",
    );
    expect(await job(made, 'snapshot-load', { tag: 'both', ...BOTH })).toBeUndefined();
  });

  it('changes nothing when the file is damaged', async () => {
    const made = await withNodes();
    const one = firstByte(made, 'd1');
    await made.images.upload('/tmp/bad.hotslot-snapshot', pieces(new Uint8Array(100)));
    await one.put(5);
    expect(await job(made, 'snapshot-load', { tag: 'bad', ...BOTH })).toBe(
      'Error -22 while loading VM state',
    );
    expect(await one.get()).toBe(5);
  });
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
