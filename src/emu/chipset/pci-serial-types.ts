/** pci-serial and its larger sisters: QEMU's properties and errors. */
import { type CharBackend, NULL_CHAR } from '../char/char-backend.ts';
import { CHARDEV, CHARDEVS } from '../char/chardevs.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { fixed, number, off, type PropertySpec, readOnlyKind, UINT8 } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { PciSerial } from './pci-serial.ts';

/** For 16550s. */
const PROGRAMMING_INTERFACE = number('prog_if', 2, UINT8);
const HELP = 'ID of a chardev to use as a backend';
const chardev = (name: string): PropertySpec => ({ name, kind: CHARDEV, help: HELP });
const port = (name: string): PropertySpec => ({ name, kind: readOnlyKind('child<serial>') });

/** @param owner the type that QEMU names in errors about back ends */
function realize(
  { id, values, services }: RealizeRequest,
  type: string,
  names: readonly string[],
  owner: string,
): RealizedDevice {
  const chardevs = services.get(CHARDEVS);
  const taken: (readonly [id: string, backend: CharBackend | undefined])[] = [];
  const giveBack = (): void => {
    for (const [chardevId, backend] of taken) {
      backend?.connect(undefined);
      chardevs.detach(chardevId, backend);
    }
  };
  // QEMU: the last port takes its back end first.
  for (const name of [...names].reverse()) {
    const wanted = values.text(name);
    const refused = wanted === '' ? undefined : chardevs.checkFree(wanted, owner, name);
    if (refused !== undefined) {
      giveBack();
      throw refused;
    }
    taken.unshift([wanted, chardevs.attach(wanted)]);
  }
  for (const [chardevId] of taken) chardevs.setFrontendOpen(chardevId, true);
  const card = new PciSerial(
    {
      ...{ type, programmingInterface: values.number('prog_if') },
      backends: taken.map(([, backend]) => backend ?? NULL_CHAR),
      ...{ clock: services.get(CLOCK), trace: services.get(TRACE) },
    },
    id,
    values.is('multifunction'),
  );
  const release = (): void => {
    card.abandon();
    giveBack();
  };
  return { hardware: new PciHardware(card, { release }) };
}

const COMMON = {
  category: 'Input',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
} as const;

const PCI_SERIAL: DeviceType = {
  ...COMMON,
  name: 'pci-serial',
  properties: [PROGRAMMING_INTERFACE, ...PCI_PROPERTIES],
  options: [
    // Not modelled: other speeds of its clock; a wake-up.
    fixed(number('baudbase', 115_200)),
    { ...chardev('chardev'), owner: 'serial' },
    fixed(off('wakeup', '')),
    port('serial'),
  ],
  realize: (request) => realize(request, 'pci-serial', ['chardev'], 'serial'),
};

function severalPorts(count: number): DeviceType {
  const name = `pci-serial-${count}x`;
  const names = Array.from({ length: count }, (_, at) => `chardev${at + 1}`);
  return {
    ...COMMON,
    name,
    properties: [...names.map(chardev), PROGRAMMING_INTERFACE, ...PCI_PROPERTIES],
    options: names.map((_, at) => port(`serial[${at}]`)),
    realize: (request) => realize(request, name, names, name),
  };
}

export const PCI_SERIAL_TYPES: readonly DeviceType[] = [PCI_SERIAL, severalPorts(2), severalPorts(4)];
