/** Plays the recorded sessions to our virtio cards: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MachineEvents } from '../../../src/emu/core/machine-events.ts';
import { QUIET } from '../../../src/emu/core/trace.ts';
import { pcMemory } from '../../../src/emu/memory/pc-ram.ts';
import { NetClient } from '../../../src/emu/net/net-client.ts';
import { VirtioBalloon } from '../../../src/emu/virtio/virtio-balloon.ts';
import { VirtioMem } from '../../../src/emu/virtio/virtio-mem.ts';
import { VirtioNet } from '../../../src/emu/virtio/virtio-net.ts';
import { VirtioPci } from '../../../src/emu/virtio/virtio-pci.ts';
import { VIRTIO_RNG_DEFAULTS, VirtioRng } from '../../../src/emu/virtio/virtio-rng.ts';
import { imagesOf, scsiRig } from '../../support/scsi-rig.ts';
import { queueRig } from '../../support/virtio-queues.ts';
import { serialRig, TestChar } from '../../support/virtio-serial-rig.ts';
import {
  MEM_BASE,
  MEM_REQUESTED,
  MEM_SIZE,
  PORT_NAME,
  SESSIONS,
  type Step,
  type VirtioRecord,
  type VirtioSession,
} from './sessions.ts';

const RECORDS: Readonly<Record<string, VirtioRecord>> = JSON.parse(
  readFileSync(new URL('registers.json', import.meta.url), 'utf8'),
);
const RAM_END = 4 << 20;
const PASS_NS = 1_000_000;

const SMALL = {
  ...{ numQueues: 3, queueSize: 64, segMaxAdjust: false, maxSectors: 100, cmdPerLun: 7 },
  ...{ hotplug: false, paramChange: false },
};
const NO_MSIX = { disableModern: false, vectors: 0 };

function balloonRig(pagePerVq: boolean) {
  const memory = pcMemory(RAM_END);
  return queueRig(
    (dma, clock) =>
      new VirtioPci(
        { type: 'virtio-balloon-pci', transitionalDeviceId: 0x1002, classCode: 0x00ff00 },
        new VirtioBalloon(
          { deflateOnOom: false, pagePoison: true, freePageReporting: !pagePerVq, longConfig: false },
          {
            memory: dma,
            trace: QUIET,
            clock,
            ram: { memory, sizeBytes: RAM_END },
            events: new MachineEvents(() => {}),
            wallClockMs: () => 0,
          },
        ),
        { ...NO_MSIX, disableLegacy: false, pagePerVq },
        dma,
      ),
    { memory },
  );
}

function memRig() {
  const memory = pcMemory(RAM_END, undefined, RAM_END + MEM_SIZE);
  memory.add('m', MEM_BASE, MEM_SIZE);
  const properties = {
    addr: MEM_BASE,
    node: 0,
    blockBytes: 2 << 20,
    sizeBytes: MEM_SIZE,
    requestedBytes: MEM_REQUESTED,
    unpluggedInaccessible: false,
  };
  return queueRig(
    (dma, clock) =>
      new VirtioPci(
        { type: 'virtio-mem-pci', transitionalDeviceId: 0, classCode: 0x00ff00 },
        new VirtioMem(properties, {
          memory: dma,
          trace: QUIET,
          clock,
          ram: { memory, sizeBytes: RAM_END },
          onSize() {},
        }),
        { ...NO_MSIX, disableLegacy: true },
        dma,
      ),
    { memory },
  );
}

type Rig = Pick<ReturnType<typeof serialRig>, 'io' | 'mmio' | 'memory' | 'bytes' | 'pass' | 'card'>;

async function rigOf(
  kind: VirtioSession['card'],
  host: TestChar,
): Promise<Pick<Rig, Exclude<keyof Rig, 'card'>>> {
  if (kind === 'serial') {
    const rig = serialRig();
    rig.plug(host, { name: PORT_NAME, nr: 1 });
    rig.card.reset();
    return rig;
  }
  if (kind === 'net') {
    const rig = netRig();
    rig.card.reset();
    return rig;
  }
  if (kind === 'scsi') {
    const rig = scsiRig(imagesOf({}));
    await rig.drive('if=none,id=d,driver=null-co,size=1M');
    await rig.add('scsi-hd,drive=d,scsi-id=0,lun=0');
    rig.card.reset();
    return rig;
  }
  if (kind === 'scsi-small') {
    const rig = scsiRig(imagesOf({}), SMALL, { vectors: 0 });
    rig.card.reset();
    return rig;
  }
  const rig = kind === 'mem' ? memRig() : kind === 'rng' ? rngRig() : balloonRig(kind === 'balloon-pages');
  rig.card.reset();
  return rig;
}

/** QEMU's defaults. */
const NET_FEATURES = 0x00bf_8064n;

function netRig() {
  const mac = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
  const properties = { features: NET_FEATURES, mac, rxQueueSize: 256, txQueueSize: 256, mtu: 0 };
  return queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-net-pci', transitionalDeviceId: 0x1000, classCode: 0x020000 },
        new VirtioNet(
          { ...properties, speed: undefined, duplex: undefined },
          {
            ...{ memory, trace: QUIET, clock, events: new MachineEvents(() => {}), id: '', path: '' },
            connect: (card) => new NetClient({ name: 'nic', type: 'nic', info: () => '' }, card),
          },
        ),
        { disableLegacy: false, disableModern: false, vectors: 4, ioeventfd: true },
        memory,
      ),
  );
}

function rngRig() {
  return queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-rng-pci', transitionalDeviceId: 0x1005, classCode: 0x00ff00 },
        new VirtioRng(VIRTIO_RNG_DEFAULTS, { memory, trace: QUIET, clock, source: { random() {} } }),
        { disableLegacy: false, disableModern: false, vectors: 2, ioeventfd: true },
        memory,
      ),
  );
}

async function play(kind: VirtioSession['card'], steps: readonly Step[]): Promise<(number | string)[]> {
  const host = new TestChar();
  const { io, mmio, memory, bytes, pass } = await rigOf(kind, host);
  const values: (number | string)[] = [];
  const little = { 1: memory.readU8, 2: memory.readU16, 4: memory.readU32 } as const;
  const writes = { 1: memory.writeU8, 2: memory.writeU16, 4: memory.writeU32 } as const;
  for (const step of steps) {
    if (step[0] === 'in') values.push(io.read(step[1], step[2]));
    else if (step[0] === 'out') io.write(step[1], step[2], step[3]);
    else if (step[0] === 'read') {
      const [, gpa, size] = step;
      values.push(gpa < RAM_END ? little[size].call(memory, gpa) : mmio.read(gpa, size));
    } else if (step[0] === 'write') {
      const [, gpa, size, value] = step;
      if (gpa < RAM_END) writes[size].call(memory, gpa, value);
      else mmio.write(gpa, size, value);
    } else if (step[0] === 'dump') values.push(Buffer.from(bytes(step[1], step[2])).toString('hex'));
    else if (step[0] === 'host') values.push(host.text);
    else pass(PASS_NS);
  }
  return values;
}

/** An answer with the step that asked for it, so that a difference says where it is. */
function told(steps: readonly Step[], values: VirtioRecord): readonly string[] {
  const asked = steps.filter(([action]) => ['in', 'read', 'dump', 'host'].includes(action));
  return values.map((value, n) => `${n} ${asked[n]?.map((part) => part.toString(16)).join(' ')}: ${value}`);
}

describe('virtio cards answer as QEMU 7.2', () => {
  it.each(SESSIONS)('$name', async ({ name, card, steps }) => {
    expect(told(steps, await play(card, steps))).toEqual(told(steps, RECORDS[name] ?? []));
  });
});
