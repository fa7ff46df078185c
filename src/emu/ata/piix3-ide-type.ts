/** The type of the IDE controller on the board. */
import { pciBoardType } from '../pci/pci-properties.ts';

export const PIIX3_IDE = pciBoardType('piix3-ide', [], { category: 'Storage', userCreatable: true });
