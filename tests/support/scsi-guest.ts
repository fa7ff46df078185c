/** A virtio-scsi card with plain disks, its driver's tools, and a hostile driver. */
import { expect } from 'vitest';
import { seeded } from './pci-rig.ts';
import {
  COMMANDS,
  CONTROL,
  imagesOf,
  lunOf,
  SCSI_FEATURES,
  type ScsiAsk,
  type ScsiRig,
  scsiRig,
} from './scsi-rig.ts';
import { settle, TestDisk } from './virtio-driver.ts';
import { LEGACY, MODERN } from './virtio-queues.ts';

const DISK = 1 << 20;
export const PERIOD_NS = 1_000_000;
const REQUEST = 0x2_c000;

export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
export const TUR: ScsiAsk = { cdb: bytes('000000000000') };

interface Options {
  readonly sync?: boolean;
  readonly features?: bigint;
  readonly devices?: readonly string[];
}

/** A card with disk `d0` as unit 0, whose conditions were told. */
export async function rigOf({
  sync = false,
  features = SCSI_FEATURES,
  devices = ['scsi-hd,id=d0,drive=b0'],
}: Options = {}) {
  const disks = devices.map(() => new TestDisk(DISK, { sync }));
  const rig = scsiRig(imagesOf(Object.fromEntries(disks.map((disk, n) => [`/disk${n}`, disk]))));
  for (const [n, device] of devices.entries()) {
    await rig.drive(`if=none,format=raw,file=/disk${n},id=b${n}`);
    await rig.add(device);
  }
  rig.devices.machineReady();
  rig.card.reset();
  rig.map();
  rig.begin(features);
  for (const { address } of rig.host.bus.units) rig.send({ ...TUR, to: [address.target, address.lun] });
  rig.used(COMMANDS);
  const [disk = new TestDisk(0)] = disks;
  for (let at = 0; at < DISK; at += 512) disk.bytes.fill((at / 512) & 0xff, at, at + 512);
  return { ...rig, disk, disks };
}

/** The code, the status and the sense of an answer. */
export function told(rig: Pick<ScsiRig, 'response'>, gpa: number): string {
  const response = rig.response(gpa);
  const [sense = 0] = response;
  const codes = sense === 0 ? [] : [response[14], response[24], response[25]];
  return [response[11], response[10], ...codes].map((code) => Number(code).toString(16)).join(' ');
}

/** Asks for a task management function; the answer is at REQUEST + 0x100 when it is in. */
export function manage(rig: ScsiRig, subtype: number, to: readonly [number, number] = [0, 0], tag = 1) {
  const request = new Uint8Array(24);
  const view = new DataView(request.buffer);
  view.setUint32(4, subtype, true);
  request.set(lunOf(to), 8);
  view.setUint32(16, tag, true);
  rig.memory.write(REQUEST, request);
  rig.memory.writeU8(REQUEST + 0x100, 0xee);
  rig.post(CONTROL, [
    { gpa: REQUEST, length: 24, write: false },
    { gpa: REQUEST + 0x100, length: 1, write: true },
  ]);
  rig.kick(CONTROL);
  return () => rig.memory.readU8(REQUEST + 0x100);
}

/** What a hostile driver does, `rounds` times; the state stays what a snapshot would restore, and the card works afterwards. */
export async function hostileDriver(seed: number, rounds: number): Promise<void> {
  const rig = await rigOf({
    sync: seed === 1,
    devices: ['scsi-hd,id=d0,drive=b0', 'scsi-cd,id=d1,drive=b1'],
  });
  const random = seeded(seed);
  const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
  const any = () => random() & (random() & 1 ? 0xff : 0xffffffff);
  const command = () => {
    const cdb = Uint8Array.from({ length: 16 }, () => random() & (random() & 1 ? 0x1f : 0xff));
    const room = random() & 1 ? random() & 0xfff : 0;
    const out =
      room === 0 && (random() & 1) === 1
        ? Uint8Array.from({ length: 1 + (random() & 0x3ff) }, random)
        : undefined;
    rig.send({ cdb, room, to: [random() & 1, random() & 1], tag: random() & 7, ...(out && { out }) });
  };
  const actions = [
    ...[command, command, command],
    () => manage(rig, random() % 10, [random() & 1, 0], random() & 7),
    () => rig.postEvents(1 + (random() & 3)),
    () => rig.io.write(LEGACY + (random() & 0x7f), size(), any()),
    () => rig.mmio.write(MODERN + (random() & 0x303f), size(), any()),
    () => rig.mmio.read(MODERN + (random() & 0x3fff), size()),
    () => rig.memory.writeU32(0x10_0000 + (random() & 0xfffc), random() & 0x3ff03ff),
    () => rig.memory.writeU32(0x2_0000 + (random() & 0xfffc), random()),
  ];
  for (let i = 0; i < rounds; i++) {
    if (i % 40 === 0) {
      rig.map();
      rig.begin();
    }
    actions[random() % actions.length]?.();
    if (i % 200 === 0) {
      rig.pass(PERIOD_NS);
      await settle();
      expect(rig.card.vmstate.fields.misfit(rig.card.save())).toBeUndefined();
      for (const unit of rig.host.bus.units) expect(unit.vmstate.fields.misfit(unit.save())).toBeUndefined();
    }
  }
  rig.card.reset();
  await settle();
  expect(rig.host.tasks.all.size).toBe(0);
  rig.map();
  rig.begin();
  expect(told(rig, rig.send(TUR).response)).toBe('0 2 6 29 0');
}
