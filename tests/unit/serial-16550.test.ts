import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { CharPipe } from '../../src/emu/char/char-backend.ts';
import { Serial16550 } from '../../src/emu/char/serial-16550.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { fuzz, ManualClock, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const [RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

function rig() {
  const clock = new ManualClock();
  const irq = new ProbeLine();
  const sent: number[] = [];
  const pipe = new CharPipe((bytes) => sent.push(...bytes));
  const dev = new Serial16550(irq, pipe, clock, QUIET);
  const read = (offset: number) => dev.read(offset, 1);
  const write = (offset: number, value: number) => dev.write(offset, 1, value);
  return { dev, clock, irq, sent, pipe, read, write };
}

deviceContract(
  'serial',
  () => {
    const { dev, pipe, clock } = rig();
    return Object.assign(dev, { pipe, clock });
  },
  (dev) => {
    dev.pipe.send(Uint8Array.of(1));
    dev.write(SCR, 1, 0x12);
    dev.write(LCR, 1, 0x80);
    dev.write(RBR, 1, 1);
    dev.write(LCR, 1, 3);
    dev.write(MCR, 1, 0x03);
    dev.write(IER, 1, 0x03);
    dev.write(IIR, 1, 0xc1);
    dev.pipe.send(Uint8Array.of(1, 2));
    dev.clock.step(1_000_000_000);
    dev.pipe.send(Uint8Array.of(3));
    dev.pipe.sendEvent('break');
    dev.restore({ ...dev.save(), rbr: 0x77, msr: 0xb1 });
  },
  (dev) => [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => dev.read(offset, 1)),
);

describe('serial registers', () => {
  it('reads the power-on values that QEMU 7.2 gives', () => {
    const { read } = rig();
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(read)).toEqual([0, 0, 1, 0, 8, 0x60, 0xb0, 0]);
  });
  it('sends at once, and THRE interrupts behave as Linux tests them', () => {
    const { read, write, sent, irq } = rig();
    write(IER, 2);
    expect(irq.level).toBe(true);
    expect(read(IIR)).toBe(2);
    expect(read(IIR)).toBe(1);
    write(RBR, 0x41);
    expect(sent).toEqual([0x41]);
    expect(read(IIR)).toBe(2);
    expect(read(LSR)).toBe(0x60);
    write(IER, 0);
    write(IER, 2);
    expect(read(IIR)).toBe(2);
  });
  it('loopback receives what it sends, with a character timeout below the trigger level', () => {
    const { clock, read, write, sent } = rig();
    write(IER, 0xff);
    expect(read(IER)).toBe(0x0f);
    write(IIR, 0xc7);
    expect([read(IIR), read(IIR), read(IIR)]).toEqual([0xc2, 0xc1, 0xc1]);
    write(MCR, 0xff);
    expect([read(MCR), read(MSR)]).toEqual([0x1f, 0xf0]);
    write(RBR, 0x55);
    expect([read(LSR), read(IIR), read(IIR)]).toEqual([0x61, 0xc2, 0xc1]);
    clock.step(10_000_000);
    expect([read(IIR), read(RBR), read(IIR)]).toEqual([0xcc, 0x55, 0xc1]);
    expect(sent).toEqual([]);
  });
  it('reaches the divisor latch under DLAB, and splits wide accesses into bytes', () => {
    const { dev, read, write } = rig();
    write(LCR, 0x80);
    expect(dev.read(RBR, 2)).toBe(0x000c);
    dev.write(RBR, 2, 0x0102);
    expect([read(RBR), read(IER)]).toEqual([2, 1]);
    write(LCR, 3);
    expect(dev.read(MCR, 4)).toBe(0x00b06008);
  });
  it('lines up at its trigger level', () => {
    const { irq, pipe, read, write } = rig();
    write(IIR, 0x41);
    write(IER, 1);
    pipe.send(Uint8Array.of(1, 2, 3));
    expect(irq.level).toBe(false);
    pipe.send(Uint8Array.of(4));
    expect(irq.level).toBe(true);
    expect(read(IIR)).toBe(0xc4);
    read(RBR);
    expect(irq.level).toBe(false);
  });
  it('loses no input: more than the FIFO holds waits on the host side', () => {
    const { pipe, read, write } = rig();
    const text = Uint8Array.from({ length: 1000 }, (_, at) => at & 0xff);
    pipe.send(text);
    write(IIR, 0x81);
    const got: number[] = [];
    while (read(LSR) & 1) got.push(read(RBR));
    // The byte in RBR is dropped by the guest's own switch to FIFO mode.
    expect(got).toEqual([...text.subarray(1)]);
    expect(pipe.pending).toBe(0);
  });
  it('a break is a null byte with LSR.BI, reported once', () => {
    const { irq, pipe, read, write } = rig();
    write(IIR, 1);
    write(IER, 4);
    pipe.sendEvent('break');
    expect(irq.level).toBe(true);
    expect(read(LSR)).toBe(0x71);
    expect(irq.level).toBe(false);
    expect([read(RBR), read(LSR)]).toEqual([0, 0x60]);
  });
  it('answers at COM1', () => {
    const { dev } = rig();
    const io = new AddressSpace('I/O');
    dev.attach(io);
    expect([io.read(0x3fd, 1), io.read(0x400, 1)]).toEqual([0x60, 0xff]);
  });
  it('survives a hostile guest', () => {
    const { dev, clock, pipe } = rig();
    fuzz(dev, 8, dev, (random) => {
      if (random(8) === 0) pipe.send(Uint8Array.of(random(256)));
      if (random(8) === 0) clock.step(random(10_000_000));
    });
  });
});
