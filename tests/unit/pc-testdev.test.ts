/** pc-testdev by its registers; QEMU's values were read over qtest. */
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { PcTestdev } from '../../src/emu/chipset/pc-testdev.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { fuzz, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { qtestRig } from '../support/qtest-rig.ts';

function rig() {
  const io = new AddressSpace('I/O');
  const memory = new AddressSpace('memory', 'zeros');
  const irqs = Array.from({ length: 16 }, () => new ProbeLine());
  const device = new PcTestdev(QUIET);
  device.attach({ io, memory, irq: (number) => irqs[number] ?? new ProbeLine() });
  return { io, memory, irqs, device };
}

deviceContract(
  'pc-testdev',
  () => rig().device,
  (dev) => {
    dev.word.write(0, 4, 0x8765_4321);
    dev.iomem.write(0xffff, 1, 0x12);
    dev.interrupts.write(5, 1, 1);
  },
  (dev) => [dev.word.read(0, 4), dev.iomem.read(0xffff, 1)],
  ['data', 'memory', 'lines'],
);

describe('pc-testdev', () => {
  it('drives its interrupts to the levels that a snapshot has', () => {
    const saved = rig();
    saved.io.write(0x2005, 1, 1);
    const { device, irqs } = rig();
    device.restore(saved.device.save());
    expect(irqs.flatMap(({ level }, number) => (level ? [number] : []))).toEqual([5]);
    device.reset();
    expect(irqs[5]?.level).toBe(true);
    device.restore(rig().device.save());
    expect(irqs[5]?.level).toBe(false);
  });

  it('has no interrupts beyond those of ISA, and takes bytes for them only', () => {
    const { io, irqs } = rig();
    for (let port = 0x2010; port < 0x2018; port++) io.write(port, 1, 1);
    io.write(0x2004, 2, 1);
    io.write(0x2004, 4, 1);
    expect(irqs.some(({ level }) => level)).toBe(false);
    expect([io.read(0x2000, 1), io.read(0x2017, 1), io.read(0x2018, 1)]).toEqual([0, 0, 0xff]);
  });

  it.each(['word', 'iomem', 'interrupts'] as const)('survives random accesses: %s', (block) => {
    const { device } = rig();
    const length = { word: 4, iomem: 0x1_0000, interrupts: 24 }[block];
    fuzz(device[block], length, device);
  });
});

const { machine, ask, say } = qtestRig({ coldPlug: true });
await machine.devices.add(parseOptions('pc-testdev', 'driver', () => {}));
machine.devices.machineReady();

describe('over qtest, as QEMU 7.2 answers', () => {
  it.each([
    [0xe0, 'one dword in all sizes'],
    [0xe8, 'the same dword'],
  ])('port %i: %s', (port) => {
    const at = (offset: number): string => `0x${(port + offset).toString(16)}`;
    ask(`outl ${at(0)} 0x87654321`);
    expect([0, 1, 2, 3].map((offset) => ask(`inb ${at(offset)}`))).toEqual([
      ...['0x0021', '0x0043', '0x0065', '0x0087'],
    ]);
    expect([0, 1, 2].map((offset) => ask(`inw ${at(offset)}`))).toEqual(['0x4321', '0x6543', '0x8765']);
    ask(`outw ${at(2)} 0x1234`);
    ask(`outb ${at(3)} 0x99`);
    ask(`outw ${at(1)} 0xabcd`);
    expect([ask('inl 0xe0'), ask('inl 0xe8')]).toEqual(['0x99abcd21', '0x99abcd21']);
  });

  it('the page flush answers nothing', () => {
    ask('outl 0xe4 0x1000');
    expect([ask('inl 0xe4'), ask('inb 0xe5')]).toEqual(['0x0000', '0x0000']);
  });

  it('64 KiB of memory keep what is written', () => {
    ask('writel 0xff000000 0x87654321');
    ask('writeb 0xff000001 0xaa');
    ask('writew 0xff000002 0x5566');
    ask('writel 0xff000002 0x11223344');
    ask('writel 0xff00fffe 0x11223344');
    expect(['readq 0xff000000', 'readl 0xff00fffc', 'readl 0xff00fffe', 'readl 0xff010000'].map(ask)).toEqual(
      [...['0x000011223344aa21', '0x0000000033440000', '0x0000000000003344', '0x0000000000000000']],
    );
    machine.reset();
    expect(ask('readl 0xff000002')).toBe('0x0000000011223344');
  });

  it('interrupts follow its ports', () => {
    ask('irq_intercept_in /machine/i440fx/ioapic');
    expect(say('outb 0x2004 2')).toEqual(['IRQ raise 4', 'OK']);
    expect(say('outb 0x2004 1')).toEqual(['OK']);
    expect(say('outl 0x2004 0x100')).toEqual(['IRQ lower 4', 'IRQ raise 5', 'OK']);
    expect(say('outb 0x2005 0')).toEqual(['IRQ lower 5', 'OK']);
    expect(say('outb 0x200f 1')).toEqual(['IRQ raise 15', 'OK']);
  });
});
