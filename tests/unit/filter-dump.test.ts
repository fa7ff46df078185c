/** `filter-dump`: what is in the file, and when it ends. Bytes are those of QEMU 7.2, of an announcement. */
import { describe, expect, it } from 'vitest';
import { NO_FILES, OutputError, type OutputFile } from '../../src/emu/core/host.ts';
import { FILTER_DUMP } from '../../src/emu/net/filter-dump.ts';
import { NetClient, type Packet } from '../../src/emu/net/net-client.ts';
import { readNetdev } from '../../src/emu/net/netdev-options.ts';
import { NETWORK } from '../../src/emu/net/network.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { CLOCK, ENTROPY, FILES, Services, WALL_CLOCK, WARNINGS } from '../../src/emu/qdev/services.ts';
import { UserObjects } from '../../src/emu/qdev/user-objects.ts';
import { ManualClock } from '../support/chip-rig.ts';

const HEADER = 'd4c3b2a1020004000000000000000000';
const ANNOUNCEMENT =
  'ffffffffffff52540012345680350001080006040003525400123456000000005254001234560000' + '00'.repeat(20);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

async function rig(create?: (path: string) => OutputFile | string) {
  const files = new Map<string, string>();
  const closed: string[] = [];
  const warnings: string[] = [];
  const clock = new ManualClock();
  const made = (path: string): OutputFile => ({
    write: (bytes) => void files.set(path, (files.get(path) ?? '') + hex(bytes)),
    close: () => void closed.push(path),
    abandon() {},
  });
  const services = new Services()
    .provide(CLOCK, clock)
    .provide(ENTROPY, { random: (target) => target.fill(7) })
    .provide(WALL_CLOCK, () => 1_796_079_093_999)
    .provide(FILES, create ?? made)
    .provide(WARNINGS, (text) => void warnings.push(text));
  const objects = new UserObjects([FILTER_DUMP], new ObjectTree('test'), services);
  const network = services.get(NETWORK);
  const backend = await network.addNetdev(
    readNetdev(parseOptions('hubport,id=n0,hubid=0', 'type', () => {})),
  );
  const got: Packet[] = [];
  const client = new NetClient(
    { name: 'net0', type: 'nic', info: () => '' },
    { canReceive: true, receive: (packet) => got.push(packet) > 0 },
  );
  client.connect(backend);
  const add = (text: string) => objects.add(parseOptions(`filter-dump,${text}`, 'qom-type', () => {}));
  return { files, closed, warnings, clock, objects, network, backend, client, add };
}

describe('a file of packets', () => {
  it('is QEMU’s, byte for byte', async () => {
    const { add, files, client, clock, backend } = await rig();
    add('id=f1,netdev=n0,file=f1.pcap');
    add('id=f2,netdev=n0,file=f2.pcap,maxlen=20');
    add('id=f3,netdev=n0,file=f3.pcap,queue=tx');
    clock.step(121_587_999);
    client.send(fromHex(ANNOUNCEMENT));
    expect(files.get('f1.pcap')).toBe(
      `${HEADER}0000010001000000` + `f5fd0d6bf3da01003c0000003c000000${ANNOUNCEMENT}`,
    );
    expect(files.get('f2.pcap')).toBe(
      `${HEADER}1400000001000000` + `f5fd0d6bf3da0100140000003c000000${ANNOUNCEMENT.slice(0, 40)}`,
    );
    expect(files.get('f3.pcap')).toBe(`${HEADER}0000010001000000`);
    clock.step(2_000_000_000 - 121_587_999);
    backend.send(new Uint8Array(60).fill(1));
    expect(files.get('f3.pcap')).toContain('f7fd0d6b000000003c0000003c00000001');
  });
  it('has what a pulled cable does not let through, and nothing of a card without its own', async () => {
    const { add, files, client, backend } = await rig();
    add('id=f1,netdev=n0,file=f1.pcap');
    const empty = files.get('f1.pcap')?.length ?? 0;
    client.linkDown = true;
    client.send(new Uint8Array(60));
    expect(files.get('f1.pcap')?.length).toBe(empty);
    backend.send(new Uint8Array(60));
    expect(files.get('f1.pcap')?.length).toBe(empty + 2 * (16 + 60));
  });
  it('ends with object_del and with its back end', async () => {
    const { add, files, closed, client, objects, network, backend } = await rig();
    add('id=f1,netdev=n0,file=f1.pcap');
    add('id=f2,netdev=n0,file=f2.pcap');
    const empty = files.get('f1.pcap')?.length;
    objects.delete('f1');
    client.send(new Uint8Array(60));
    expect([closed, files.get('f1.pcap')?.length, backend.filters.length]).toEqual([['f1.pcap'], empty, 1]);
    network.removeNetdev('n0');
    expect([closed, objects.ids(), backend.filters]).toEqual([['f1.pcap', 'f2.pcap'], [], []]);
    expect(() => objects.delete('f2')).toThrow("object 'f2' not found");
  });
  it('rests while its status is off', async () => {
    const { add, files, client, objects } = await rig();
    add('id=f1,netdev=n0,file=f1.pcap,status=off');
    client.send(new Uint8Array(60));
    expect(files.get('f1.pcap')).toBe(`${HEADER}0000010001000000`);
    expect(objects.requests()).toEqual([]);
  });
  it('that is full is said once, and the network goes on', async () => {
    let room = 1;
    const { add, warnings, client, closed, backend } = await rig((path) => ({
      write() {
        if (room-- <= 0) throw new OutputError('No space left on device');
      },
      close: () => void closed.push(path),
      abandon() {},
    }));
    add('id=f1,netdev=n0,file=f1.pcap');
    for (let n = 0; n < 2; n++) client.send(new Uint8Array(60));
    expect(backend.heldPackets).toBe(2);
    expect([warnings, closed]).toEqual([['network dump write error - stopping dump'], ['f1.pcap']]);
  });
  it('is refused where there are no files', async () => {
    const { add, backend } = await rig(NO_FILES);
    expect(() => add('id=f1,netdev=n0,file=f1.pcap')).toThrow(
      "net dump: can't open f1.pcap: Operation not supported",
    );
    expect(backend.filters).toEqual([]);
  });
});
