/** The type of the IDE controller on the board. */
import { pciBoardType } from '../pci/pci-properties.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { DeviceManager } from '../qdev/plug.ts';
import { IdeSlots } from './ide-slots.ts';
import type { Piix3Ide } from './piix3-ide.ts';

export const PIIX3_IDE = pciBoardType('piix3-ide', [], { category: 'Storage', userCreatable: true });

/** The buses of its channels. */
export function ideBuses({ channels, tasks }: Piix3Ide, { services }: DeviceManager): readonly NewBus[] {
  return channels.map(({ units }, n) => new IdeSlots(units, tasks, services).bus(`ide.${n}`));
}
