/** The types of the 8254x family, which differ by their numbers. */
import type { DeviceType } from '../qdev/device-type.ts';
import { on } from '../qdev/properties.ts';
import { E1000, type E1000Model } from './e1000.ts';
import { nicType } from './nic-type.ts';

/** Spec: Marvell 88E1000's and 88E1011's second word of its identity, as the chip with it says it. */
const PHY_88E1011 = 0x0c20;
const PHY_88E1000 = 0x0c30;

const MODELS: readonly (E1000Model & { readonly alias?: string })[] = [
  { type: 'e1000', alias: 'e1000-82540em', deviceId: 0x100e, phyId2: PHY_88E1011 },
  { type: 'e1000-82544gc', deviceId: 0x100c, phyId2: PHY_88E1000 },
  { type: 'e1000-82545em', deviceId: 0x100f, phyId2: PHY_88E1011 },
];

export const E1000_TYPES: readonly DeviceType[] = MODELS.map((model) =>
  nicType({
    name: model.type,
    ...(model.alias === undefined ? {} : { alias: model.alias }),
    description: 'Intel Gigabit Ethernet',
    romfile: 'efi-e1000.rom',
    properties: [
      on('autonegotiation'),
      on('mitigation'),
      on('extra_mac_registers'),
      // What a snapshot has of large packets does not depend on it here.
      on('migrate_tso_props'),
      on('init-vet'),
    ],
    make: (wiring, values) =>
      new E1000(
        model,
        {
          autonegotiation: values.is('autonegotiation'),
          mitigation: values.is('mitigation'),
          extraRegisters: values.is('extra_mac_registers'),
          initVet: values.is('init-vet'),
        },
        wiring,
      ),
  }),
);
