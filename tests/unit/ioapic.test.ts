import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { IOAPIC_BASE, IoApic } from '../../src/emu/chipset/ioapic.ts';
import type { ApicMessage } from '../../src/emu/core/irq.ts';
import { DELIVERY_EXTINT, DELIVERY_LOWEST } from '../../src/emu/core/irq.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const REMOTE_IRR = 1 << 14;

function rig() {
  const sent: ApicMessage[] = [];
  const dev = new IoApic({ deliver: (message) => sent.push(message) }, () => 0x77, QUIET);
  const memory = new AddressSpace('memory');
  dev.attachMemory(memory);
  const get = (register: number) => {
    memory.write(IOAPIC_BASE, 4, register);
    return memory.read(IOAPIC_BASE + 0x10, 4);
  };
  const set = (register: number, value: number) => {
    memory.write(IOAPIC_BASE, 4, register);
    memory.write(IOAPIC_BASE + 0x10, 4, value);
  };
  return { dev, memory, sent, get, set };
}

deviceContract(
  'ioapic',
  () => rig().dev,
  (dev) => {
    dev.write(0, 4, 0);
    dev.write(0x10, 4, 0x03000000);
    dev.write(0, 4, 0x15);
    dev.write(0x10, 4, 0x02000000);
    dev.write(0, 4, 0x14);
    dev.write(0x10, 4, LEVEL | 0x31);
    dev.line(2).set(true);
  },
  (dev) => dev.inspect(),
  ['lines'],
);

describe('ioapic', () => {
  it('reads as QEMU 7.2', () => {
    const { memory, get, set } = rig();
    expect([get(0), get(1), get(2), get(3), get(0x10), get(0x11), get(0x40)]).toEqual([
      0,
      0x170020,
      0,
      0,
      MASKED,
      0,
      0,
    ]);
    set(0, 0xffffffff);
    set(0x10, 0xffffffff);
    set(0x11, 0xffffffff);
    expect([get(0), get(2), get(0x10), get(0x11)]).toEqual([0x0f000000, 0x0f000000, 0xffffafff, 0xffffffff]);
    expect([memory.read(IOAPIC_BASE + 0x110, 4), memory.read(IOAPIC_BASE + 0x10, 1)]).toEqual([
      0xffffffff, 0,
    ]);
  });
  it('an edge sends one message; on a masked pin it is lost', () => {
    const { dev, sent, set } = rig();
    dev.line(5).set(true);
    set(0x1a, (DELIVERY_LOWEST << 8) | (1 << 11) | 0x41);
    set(0x1b, 0x03000000);
    expect(sent).toEqual([]);
    dev.line(5).set(false);
    dev.line(5).set(true);
    expect(sent).toEqual([{ dest: 3, logical: true, delivery: DELIVERY_LOWEST, vector: 0x41, level: false }]);
  });
  it('a level waits for the EOI and fires again while it is high', () => {
    const { dev, sent, get, set } = rig();
    set(0x24, LEVEL | 0x51);
    dev.line(10).set(true);
    expect(sent.length).toBe(1);
    expect(get(0x24)).toBe(LEVEL | REMOTE_IRR | 0x51);
    dev.line(10).set(true);
    expect(sent.length).toBe(1);
    dev.eoi(0x51);
    expect(sent.length).toBe(2);
    dev.line(10).set(false);
    dev.eoi(0x51);
    expect(sent.length).toBe(2);
    expect(get(0x24)).toBe(LEVEL | 0x51);
  });
  it('unmasking a level that is already high delivers it; the EOI register works', () => {
    const { dev, memory, sent, set } = rig();
    set(0x24, LEVEL | MASKED | 0x51);
    dev.line(10).set(true);
    set(0x24, LEVEL | 0x51);
    expect(sent.length).toBe(1);
    memory.write(IOAPIC_BASE + 0x40, 4, 0x51);
    expect(sent.length).toBe(2);
  });
  it('the timer arrives at pin 2, and ExtINT takes the vector of the 8259', () => {
    const { dev, sent, set } = rig();
    set(0x14, DELIVERY_EXTINT << 8);
    dev.line(0).set(true);
    expect(sent.map(({ vector, delivery }) => [vector, delivery])).toEqual([[0x77, DELIVERY_EXTINT]]);
  });
  it('survives a hostile guest', () => {
    const { dev } = rig();
    fuzz(dev, 0x1000 - 3, dev, (random) => {
      dev.write(0, 4, random(0x42));
      dev.write(0x10, 4, random(2 ** 32));
      dev.line(random(24)).set(random(2) === 0);
      dev.eoi(random(256));
    });
  });
});
