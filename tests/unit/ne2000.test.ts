/** The NE2000 on PCI without a processor; what its registers do is compared with QEMU's in `tests/golden/nic`. */
import { describe, expect, it } from 'vitest';
import { Ne2000 } from '../../src/emu/nic/ne2000.ts';
import { fuzz } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { hostileDriver } from '../support/nic-hostile.ts';
import { nicRig, unmapped } from '../support/nic-rig.ts';

const make = (wiring: ConstructorParameters<typeof Ne2000>[0]) => new Ne2000(wiring);

deviceContract(
  'Ne2000',
  () => unmapped(make),
  (card) => {
    const ports = card.bars[0].handler;
    card.configWrite(4, 2, 7);
    ports.write(0, 1, 0x62);
    ports.write(1, 1, 0x55);
    ports.write(8, 1, 0x55);
    ports.write(0, 1, 0x22);
    ports.write(15, 1, 0x7f);
    ports.write(9, 1, 0x40);
    ports.write(10, 1, 4);
    ports.write(0, 1, 0x12);
    ports.write(0x10, 2, 0x55);
    card.client.linkDown = true;
  },
  (card) => [0, 4, 7, 9].map((port) => card.bars[0].handler.read(port, 1)),
);

describe('a hostile driver', () => {
  it('accesses of all kinds', () => {
    const made = nicRig(make);
    fuzz(made.bar(0), 0x100, made.card);
  });
  it('pages, the data port and packets of all kinds', () => {
    hostileDriver('ne2k_pci', 5000, 0x71c);
  });
  it('a ring with any places, of a snapshot', () => {
    const made = nicRig(make);
    const state = made.card.save();
    for (const [start, stop, current] of [
      [0, 0xc000, 255],
      [0xc000, 0, 0],
      [0x4600, 0x4601, 0x46],
      [0xbfff, 0xc000, 0xbf],
    ] as const) {
      const registers = { ...state.registers, cr: 0x22, rcr: 0x1f, start, stop, current, boundary: 0x46 };
      made.card.restore({ ...state, registers });
      for (let n = 0; n < 50; n++) made.far.send(new Uint8Array(1514));
      expect(made.card.vmstate.fields.misfit(made.card.save())).toBeUndefined();
    }
  });
});
