/** The 8254x family without a processor; what its registers and rings do is compared with QEMU's in `tests/golden/nic`. */
import { describe, expect, it } from 'vitest';
import * as r from '../../src/emu/nic/e1000-registers.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver, makeE1000 } from '../support/nic-hostile.ts';
import { nicRig, unmapped } from '../support/nic-rig.ts';

const RING = 0x1_0000;
const BUFFER = 0x2_0000;
const EOP_RS = 0x0900_0000;

function rig() {
  const made = nicRig(makeE1000);
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

function receiver({ write, memory, pass }: Rig): void {
  for (let n = 0; n < 8; n++) memory.writeU32(RING + 0x8000 + 16 * n, BUFFER + 0x800 * n);
  write(r.RDBAL, RING + 0x8000);
  write(r.RDLEN, 128);
  write(r.RDT, 7);
  write(r.RCTL, r.RCTL_EN | r.RCTL_BAM);
  pass(1.1e9);
}

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
    expect(made.sent).toHaveLength(4095);
    expect(made.read(r.TDH)).toBe(4095);
  });
  it('a card that has left sends nothing more, and has no timers', () => {
    const made = rig();
    transmitter(made, 4096);
    for (let n = 0; n < 4096; n++) made.memory.writeU32(RING + 16 * n + 8, EOP_RS | 60);
    made.write(r.RCTL, r.RCTL_EN);
    made.write(r.TDT, 4095);
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

deviceContract(
  'E1000',
  () => unmapped(makeE1000),
  (card) => {
    const memory = card.bars[0].handler;
    const write = (register: number, value: number): void => memory.write(register, 4, value);
    card.configWrite(4, 2, 7);
    card.setIntx(true);
    write(r.MDIC, 0x0420_1340);
    write(r.EECD, 0x47);
    write(r.TDLEN, 0x1000);
    write(r.TCTL, r.TCTL_EN);
    write(r.TDT, 200);
    write(r.RCTL, r.RCTL_EN);
    write(r.IMS, 0xffff);
    card.delaySent();
    // Mitigation holds the next one back.
    write(r.ICR, 0xffff_ffff);
    write(r.ICS, 1);
    card.restore({ ...card.save(), interrupts: true });
    card.client.linkDown = true;
  },
  (card) => [r.STATUS, r.TCTL, r.IMS, r.EECD].map((register) => card.bars[0].handler.read(register, 4)),
);

describe('a hostile driver', () => {
  it('accesses of all kinds', () => {
    const made = rig();
    fuzz(made.registers, r.REGISTER_SPACE_BYTES, made.card);
  });
  it('rings, contexts and packets of all kinds', () => {
    hostileDriver('e1000', 3000, 0x71c);
  });
});
