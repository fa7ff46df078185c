import { number, on, UINT8, UINT16 } from '../qdev/properties.ts';
import { E1000e } from './e1000e.ts';
import { nicType } from './nic-type.ts';

const PCI_VENDOR_ID_INTEL = 0x8086;

export const E1000E = nicType({
  name: 'e1000e',
  description: 'Intel 82574L GbE Controller',
  romfile: 'efi-e1000e.rom',
  properties: [
    number('disable_vnet_hdr', 0, UINT8),
    number('subsys_ven', PCI_VENDOR_ID_INTEL, UINT16),
    number('subsys', 0, UINT16),
    on('init-vet'),
  ],
  make: (wiring, values) =>
    new E1000e(
      {
        subsystemVendorId: values.number('subsys_ven'),
        subsystemId: values.number('subsys'),
        initVet: values.is('init-vet'),
      },
      wiring,
    ),
});
