/** The PCnet-PCI II without a processor; what its registers and rings do is compared with QEMU's in `tests/golden/nic`. */
import { describe, expect, it } from 'vitest';
import { Pcnet } from '../../src/emu/nic/pcnet.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver } from '../support/nic-hostile.ts';
import { nicRig, unmapped } from '../support/nic-rig.ts';

const RING = 0x1_0000;
const make = (wiring: ConstructorParameters<typeof Pcnet>[0]) => new Pcnet(wiring);

function rig() {
  const made = nicRig(make);
  const ports = made.bar(0);
  const csr = (n: number, value: number): void => {
    ports.write(0x12, 2, n);
    ports.write(0x10, 2, value);
  };
  return { ...made, ports, csr };
}

describe('a driver that wants too much', () => {
  it('a ring of packets is sent in portions, between which others run', () => {
    const { ports, csr, memory, sent, pass, card } = rig();
    // Its rings have 512 descriptors each.
    ports.write(0x12, 2, 20);
    ports.write(0x16, 2, 2);
    memory.writeU32(RING, 0x9090_0000);
    memory.writeU32(RING + 20, RING + 0x8000);
    memory.writeU32(RING + 24, RING + 0x4000);
    csr(1, RING & 0xffff);
    csr(2, RING >>> 16);
    csr(0, 1);
    for (let n = 0; n < 512; n++) {
      memory.writeU32(RING + 0x4000 + 16 * n, 0x4_0000);
      memory.writeU32(RING + 0x4000 + 16 * n + 4, 0x8300_f000 + 0x1000 - 1500);
    }
    csr(0, 0x0a);
    const first = sent.length;
    expect(first).toBeGreaterThan(50);
    expect(first).toBeLessThan(300);
    pass(1e9);
    expect(sent).toHaveLength(512);
    card.abandon();
    expect(memory.readU32(RING + 0x4000 + 4) >>> 31).toBe(0);
  });
});

deviceContract(
  'Pcnet',
  () => unmapped(make),
  (card) => {
    const ports = card.bars[0].handler;
    const write = (n: number, at: number, value: number): void => {
      ports.write(0x12, 2, n);
      ports.write(at, 2, value);
    };
    card.configWrite(4, 2, 7);
    write(2, 0x16, 0x0102);
    ports.write(0, 1, 0x99);
    write(0, 0x10, 1);
    write(0, 0x10, 0x42);
    write(3, 0x10, 0x55);
    card.client.linkDown = true;
    const state = card.save();
    card.restore({
      ...state,
      ...{
        receiveRing: 16,
        transmitRing: 32,
        buffer: state.buffer.slice().fill(1),
        polledFromNs: 9,
        pollNs: 10,
      },
      sending: { size: 3, at: 16, addsChecksum: true, left: 2 },
      bottomHalf: { ...state.bottomHalf, deadlineNs: 7 },
    });
  },
  (card) => [0, 2, 0x12].map((port) => card.bars[0].handler.read(port, 2)),
);

describe('a hostile driver', () => {
  it('accesses of all kinds', () => {
    const made = nicRig(make);
    fuzz(made.bar(0), 0x20, made.card);
  });
  it('rings and packets of all kinds', () => {
    hostileDriver('pcnet', 3000, 0x71c);
  });
  it('rings without a length, of a snapshot', () => {
    const { card, far, pass } = rig();
    const state = card.save();
    const csr = state.csr.slice();
    csr.set([0x00f3], 0);
    for (const n of [72, 74, 76, 78]) csr[n] = 0;
    card.restore({ ...state, csr, receiveRing: RING, transmitRing: RING });
    for (let n = 0; n < 20; n++) far.send(new Uint8Array(100).fill(0xff));
    pass(1e8);
    expect(card.vmstate.fields.misfit(card.save())).toBeUndefined();
  });
});
