/** The RTL8139C+ without a processor; what its registers and rings do is compared with QEMU's in `tests/golden/nic`. */
import { describe, expect, it } from 'vitest';
import { Rtl8139 } from '../../src/emu/nic/rtl8139.ts';
import * as r from '../../src/emu/nic/rtl8139-registers.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver } from '../support/nic-hostile.ts';
import { nicRig, unmapped } from '../support/nic-rig.ts';

const RING = 0x1_0000;
const BUFFER = 0x2_0000;
const make = (wiring: ConstructorParameters<typeof Rtl8139>[0]) => new Rtl8139(wiring);

describe('a driver that wants too much', () => {
  it('one large packet after the other is cut in portions', () => {
    const { card, bar, memory, sent, pass } = nicRig(make);
    const ports = bar(0);
    // 60 KB of TCP in segments of 11 bytes.
    const packet = new Uint8Array(60_000);
    packet.set([0x45, 0, 0xea, 0x52], 14);
    packet.set([64, 6], 22);
    packet.set([0x50], 46);
    memory.write(BUFFER, packet);
    for (let n = 0; n < 3; n++) {
      memory.writeU32(RING + 16 * n, 0xb800_0000 + (11 << 16) + packet.length);
      memory.writeU32(RING + 16 * n + 8, BUFFER);
    }
    ports.write(r.TSAD0, 4, RING);
    ports.write(r.CPCR, 2, 3);
    ports.write(r.CR, 1, 4);
    ports.write(r.TPPOLL, 1, 0x40);
    const first = sent.length;
    expect(first).toBeGreaterThan(5000);
    expect(first).toBeLessThan(6000);
    pass(1e6);
    expect(sent.length).toBe(3 * first);
    expect(sent[0]).toHaveLength(65);
    card.abandon();
  });
});

describe('the counter', () => {
  it('goes on every 30 ns, and interrupts when it is as far as the driver wants', () => {
    const { bar, pass, pin } = nicRig(make);
    const ports = bar(0);
    ports.write(r.TCTR, 4, 0);
    pass(3000);
    expect(ports.read(r.TCTR, 4)).toBe(100);
    ports.write(r.IMR, 2, r.INT_TIMEOUT);
    ports.write(r.TIMER_INT, 4, 200);
    pass(2900);
    expect(pin()).toBe(false);
    pass(200);
    expect(pin()).toBe(true);
  });
});

deviceContract(
  'Rtl8139',
  () => unmapped(make),
  (card) => {
    const ports = card.bars[0].handler;
    card.configWrite(4, 2, 7);
    ports.write(r.IDR0, 1, 0x55);
    ports.write(r.MAR0, 1, 0x55);
    ports.write(r.CR_9346, 1, 0x88);
    ports.write(r.RCR, 4, 0x1800);
    ports.write(r.CR, 1, 0x0c);
    ports.write(r.TSD0, 4, 0x3c);
    ports.write(r.TSAD0, 4, 0x1000);
    ports.write(r.TIMER_INT, 4, 1000);
    ports.write(r.CPCR, 2, 3);
    card.receive(new Uint8Array(60));
    card.client.linkDown = true;
    const state = card.save();
    const { plus, bottomHalf } = state;
    card.restore({
      ...state,
      ...{ countedFromNs: 5, polled: 3, plus: { ...plus, size: 3 } },
      bottomHalf: { ...bottomHalf, deadlineNs: 7 },
    });
  },
  (card) => [0, 8, 0x37, 0x50].map((register) => card.bars[0].handler.read(register, 1)),
);

describe('a hostile driver', () => {
  it('accesses of all kinds', () => {
    const made = nicRig(make);
    fuzz(made.bar(0), r.REGISTER_BYTES, made.card);
  });
  it('rings and packets of all kinds', () => {
    hostileDriver('rtl8139', 3000, 0x71c);
  });
});
