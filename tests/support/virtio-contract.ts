/** The device contract of a virtio device on PCI: card and device are saved as one. */
import type { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { deviceContract } from './device-contract.ts';

export function virtioPciContract(name: string, makeCard: () => VirtioPci): void {
  deviceContract(
    name,
    () => {
      const card = makeCard();
      card.reset();
      return card;
    },
    (card) => {
      card.configWrite(4, 2, 7);
      card.configWrite(0x9a, 2, 0x8000);
      card.msix?.write(0, 4, 0xfee00000);
      const modern = card.bars.find((bar) => bar.index === 4)?.handler;
      modern?.write(0, 4, 1);
      modern?.write(0x20, 4, 0x1000);
      modern?.write(0x14, 1, 3);
    },
    (card) => [card.configRead(4, 4), card.device.status, card.bars[2]?.handler.read(0x20, 4)],
  );
}
