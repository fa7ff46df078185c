/** The 82574L without a processor; what its registers and rings do is compared with QEMU's in `tests/golden/nic`. */
import { describe, expect, it } from 'vitest';
import { factsOf, isTransportSumRight } from '../../src/emu/nic/e1000e-packet.ts';
import * as r from '../../src/emu/nic/e1000e-registers.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver, makeE1000e } from '../support/nic-hostile.ts';
import { nicRig, unmapped } from '../support/nic-rig.ts';

const RING = 0x1_0000;
const BUFFER = 0x2_0000;
const EOP_RS = 0x0900_0000;
const DATA = 0x2010_0000;
const HEADERS = 54;
const SEGMENT = 300;

function rig() {
  const made = nicRig(makeE1000e);
  const memory = made.bar(0);
  const write = (register: number, value: number): void => memory.write(register, 4, value);
  return { ...made, registers: memory, write, read: (register: number) => memory.read(register, 4) };
}

type Rig = ReturnType<typeof rig>;

function transmitter({ write }: Rig, entries = 64): void {
  write(r.TDBAL, RING);
  write(r.TDLEN, 16 * entries);
  write(r.TCTL, r.TCTL_EN);
}

function receiver({ write, memory }: Rig, entries = 8): void {
  for (let n = 0; n < entries; n++) memory.writeU32(RING + 0x8000 + 16 * n, BUFFER + 0x800 * n);
  write(r.RDBAL, RING + 0x8000);
  write(r.RDLEN, 16 * entries);
  write(r.RDT, entries - 1);
  write(r.RCTL, r.RCTL_EN | r.RCTL_BAM | r.RCTL_SECRC);
}

/** A TCP segment over IPv4 without its sums, but for that of the pseudo header without a length. */
function tcp(length: number): Uint8Array {
  const packet = new Uint8Array(HEADERS + length).fill(7, HEADERS);
  packet.set([0x08, 0x00, 0x45], 12);
  packet.set([64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2], 22);
  packet.set([0x1f, 0x90, 0, 80, 0, 0, 1, 0, 0, 0, 0, 0, 0x50, 0x19], 34);
  new DataView(packet.buffer).setUint16(50, 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 6);
  return packet;
}

describe('large packets', () => {
  it('are cut into segments of TCP, with the flags of their end in the last and right sums in all', () => {
    const made = rig();
    transmitter(made);
    made.memory.write(BUFFER, tcp(1000));
    const context = [
      14 | (24 << 8) | (33 << 16),
      34 | (50 << 8),
      0x2700_0000 | 1000,
      (HEADERS << 8) | (SEGMENT << 16),
    ];
    const data = [BUFFER, 0, DATA | EOP_RS | 0x0400_0000 | (HEADERS + 1000), 0x300];
    for (const [n, word] of [...context, ...data].entries()) made.memory.writeU32(RING + 4 * n, word);
    made.write(r.TDT, 2);
    expect(made.sent.map(({ length }) => length - HEADERS)).toEqual([300, 300, 300, 100]);
    for (const [n, packet] of made.sent.entries()) {
      const facts = factsOf(packet);
      const view = new DataView(packet.buffer, packet.byteOffset);
      expect([facts.transport, isTransportSumRight(packet, facts)]).toEqual(['tcp', true]);
      expect([view.getUint32(38), packet[47]]).toEqual([0x100 + n * SEGMENT, n === 3 ? 0x19 : 0x10]);
    }
  });
});

describe('a driver that wants too much', () => {
  it('a ring of large packets is sent in portions, between which others run', () => {
    const made = rig();
    transmitter(made, 4096);
    for (let n = 0; n < 4096; n++) {
      made.memory.writeU32(RING + 16 * n, BUFFER);
      made.memory.writeU32(RING + 16 * n + 8, EOP_RS | 1500);
    }
    made.write(r.TDT, 4095);
    const first = made.sent.length;
    expect(first).toBeGreaterThan(50);
    expect(first).toBeLessThan(1000);
    made.pass(1e9);
    expect([made.sent.length, made.read(r.TDH)]).toEqual([4095, 4095]);
  });
  it('a card that has left sends nothing more, and has no timers', () => {
    const made = rig();
    transmitter(made, 4096);
    for (let n = 0; n < 4096; n++) made.memory.writeU32(RING + 16 * n + 8, EOP_RS | 60);
    made.write(r.TDT, 4095);
    made.write(r.MDIC, 0x0420_1340);
    const sent = made.sent.length;
    made.card.abandon();
    expect(made.clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
    made.pass(1e9);
    expect(made.sent).toHaveLength(sent);
  });
});

describe('what the wire has no room for', () => {
  it('waits until the driver offers buffers', () => {
    const made = rig();
    made.far.send(new Uint8Array(64).fill(0xff));
    expect([made.card.client.heldPackets, made.read(r.RDH)]).toEqual([1, 0]);
    receiver(made);
    expect([made.card.client.heldPackets, made.read(r.RDH)]).toEqual([0, 1]);
    expect(made.memory.readU8(BUFFER + 5)).toBe(0xff);
  });
});

describe('loopback', () => {
  it('brings back what is sent, and nobody else gets it', () => {
    const made = rig();
    transmitter(made);
    receiver(made);
    made.write(r.RCTL, r.RCTL_EN | r.RCTL_BAM | r.RCTL_SECRC | r.RCTL_LBM_MAC);
    made.memory.write(BUFFER + 0x8000, new Uint8Array(64).fill(0xff));
    for (const [n, word] of [BUFFER + 0x8000, 0, EOP_RS | 64, 0].entries())
      made.memory.writeU32(RING + 4 * n, word);
    made.write(r.TDT, 1);
    expect([made.sent.length, made.read(r.RDH)]).toEqual([0, 1]);
  });
});

describe('throttled interrupts', () => {
  it('come no closer together than the driver wants, and none is lost', () => {
    const made = rig();
    made.write(r.IMS, r.ICR_LSC);
    made.write(r.ITR, 4000);
    made.write(r.ICS, r.ICR_LSC);
    expect(made.pin()).toBe(true);
    made.read(r.ICR);
    made.write(r.ICS, r.ICR_LSC);
    expect(made.pin()).toBe(false);
    made.pass(4000 * 256);
    expect(made.pin()).toBe(true);
  });
});

deviceContract(
  'E1000e',
  () => unmapped(makeE1000e),
  (card) => {
    const memory = card.bars[0].handler;
    const write = (register: number, value: number): void => memory.write(register, 4, value);
    card.configWrite(4, 2, 7);
    card.bars[2].handler.write(0, 4, 0x5400);
    card.bars[3].handler.write(0, 4, 0x1000);
    write(r.RA, 0x1234);
    write(r.RA + 4, 0x8000_0001);
    write(r.EEWR, 0x1234_0015);
    write(r.MDIC, 0x0420_1340);
    for (const base of [r.TDBAL, r.TDBAL1]) write(base + 8, 0x1000);
    write(r.TCTL, r.TCTL_EN);
    for (const tail of [r.TDT, r.TDT1]) write(tail, 200);
    write(r.RCTL, r.RCTL_EN);
    write(r.ITR, 1000);
    for (let n = 0; n < 5; n++) write(r.EITR + 4 * n, 1000);
    write(r.IMS, 0xffff);
    write(r.ICS, 1);
    const { interrupts, queue0, queue1, ...rest } = card.save();
    const later = (at: readonly unknown[]): number[] => at.map((_, n) => 1_000_000 + n);
    card.restore({
      ...rest,
      interrupts: {
        ...interrupts,
        ...{ delayed: 0x80, told: 1, postponed: interrupts.postponed.map(() => true) },
        ...{ delaysNs: later(interrupts.delaysNs), throttlesNs: later(interrupts.throttlesNs) },
      },
      queue0: { ...queue0, causes: 1, mayWait: true },
      queue1: { ...queue1, causes: 1, mayWait: true },
    });
    card.setIntx(true);
    card.client.linkDown = true;
  },
  (card) =>
    [r.STATUS, r.TCTL, r.IMS, r.ITR, r.EERD].map((register) => card.bars[0].handler.read(register, 4)),
  ['nvm'],
);

describe('a hostile driver', () => {
  it('accesses of all kinds', () => {
    const made = rig();
    fuzz(made.registers, r.REGISTER_SPACE_BYTES, made.card);
    fuzz(made.bar(2), 32, made.card);
  });
  it('rings, contexts and packets of all kinds', () => {
    hostileDriver('e1000e', 3000, 0x71c);
  });
});
