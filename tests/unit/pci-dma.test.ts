/** Only this level sees a function reach for guest memory when it may not. */
import { expect, it } from 'vitest';
import type { DmaPort } from '../../src/emu/memory/dma-port.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { PCI_COMMAND } from '../../src/emu/pci/config-space.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { PciDevice, type PciState } from '../../src/emu/pci/pci-device.ts';
import { pciRig } from '../support/pci-rig.ts';

class Master extends PciDevice<PciState> {
  readonly vmstate = { name: 'master', version: 1, fields: this.pciFields };

  constructor() {
    super({ type: 'master', vendorId: 1, deviceId: 1, classCode: 0 });
  }

  reset(): void {
    this.resetPci();
  }

  save(): PciState {
    return this.savePci();
  }

  restore(state: PciState): void {
    this.restorePci(state);
  }
}

const DEVFN = pciDevfn(3, 0);
const MASTER = 4;

function rig() {
  const memory = pcMemory(1 << 20);
  memory.writeU32(0x1000, 0x1234_5678);
  const pci = pciRig(memory);
  const master = new Master();
  pci.bus.add(master, DEVFN);
  return { memory, pci, master };
}

/** Every way to move bytes says no, reads zeros and writes nothing. */
function expectShut({ dma }: Master, memory: DmaPort): void {
  const bytes = new Uint8Array(4).fill(0xff);
  expect(dma.isRam(0x1000, 4)).toBe(false);
  expect(dma.read(0x1000, bytes)).toBe(false);
  expect([...bytes]).toEqual([0, 0, 0, 0]);
  expect([dma.readU8(0x1000), dma.readU16(0x1000), dma.readU32(0x1000), dma.readU64(0x1000)]).toEqual([
    0, 0, 0, 0,
  ]);
  expect([
    dma.write(0x1000, new Uint8Array(4)),
    dma.fill(0x1000, 4, 0),
    dma.writeU8(0x1000, 0),
    dma.writeU16(0x1000, 0),
    dma.writeU32(0x1000, 0),
    dma.writeU64(0x1000, 0),
    dma.forEachPiece(0x1000, 4, 'write', (piece) => piece.fill(0).length > 0),
  ]).toEqual(new Array(7).fill(false));
  expect(memory.readU32(0x1000)).toBe(0x1234_5678);
}

it('a function that does not master the bus moves nothing', () => {
  const { memory, pci, master } = rig();
  expectShut(master, memory);
  pci.configWrite(DEVFN, PCI_COMMAND, 2, MASTER);
  expect(master.dma.readU32(0x1000)).toBe(0x1234_5678);
  expect(master.dma.writeU16(0x2000, 7)).toBe(true);
  expect(memory.readU16(0x2000)).toBe(7);
  pci.configWrite(DEVFN, PCI_COMMAND, 2, 0);
  expectShut(master, memory);
});

it('a function that was reset or taken out moves nothing', () => {
  const { memory, pci, master } = rig();
  pci.configWrite(DEVFN, PCI_COMMAND, 2, MASTER);
  master.reset();
  expectShut(master, memory);
  pci.configWrite(DEVFN, PCI_COMMAND, 2, MASTER);
  expect(master.dma.isRam(0x1000, 4)).toBe(true);
  pci.bus.remove(master);
  expectShut(master, memory);
});

it('a restored function masters the bus as it did when it was saved', () => {
  const { memory, pci, master } = rig();
  const shut = master.save();
  pci.configWrite(DEVFN, PCI_COMMAND, 2, MASTER);
  const open = master.save();
  master.restore(shut);
  expectShut(master, memory);
  master.restore(open);
  expect(master.dma.readU32(0x1000)).toBe(0x1234_5678);
});
