/** What the types of network cards on PCI share: QEMU's properties, and the card's place in the machine's network. */
import { MonitorError } from '../core/monitor-error.ts';
import { formatMac, parseMac } from '../net/mac-address.ts';
import { NetClient, type NetEnd } from '../net/net-client.ts';
import { NETWORK } from '../net/network.ts';
import { nicProperties } from '../net/nic-properties.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { fixed, INT32, type PropertySpec, type PropertyValue, STR } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import { ROM_BYTES } from './expansion-rom.ts';
import type { NicCard, NicWiring } from './nic-card.ts';

export interface NicModel {
  readonly name: string;
  readonly alias?: string;
  readonly description?: string;
  /** QEMU's file with the program in the card's ROM. */
  readonly romfile: string;
  /** Besides those of all cards. */
  readonly properties?: readonly PropertySpec[];
  readonly make: (wiring: NicWiring, values: Values) => NicCard;
}

export function nicType(model: NicModel): DeviceType {
  const { name, alias, description, romfile, properties = [] } = model;
  const withRom = PCI_PROPERTIES.map((property) =>
    property.name === 'romfile' ? { name: 'romfile', kind: STR, default: romfile } : property,
  );
  return {
    name,
    ...(alias === undefined ? {} : { alias }),
    ...(description === undefined ? {} : { description }),
    category: 'Network',
    busType: 'PCI',
    userCreatable: true,
    hotpluggable: true,
    properties: [...nicProperties(), ...properties, ...withRom],
    options: [fixed({ name: 'bootindex', kind: INT32 })],
    realize: (request) => realizeNic(request, model),
  };
}

function realizeNic(
  { id, path, values, services }: RealizeRequest,
  { name, make }: NicModel,
): RealizedDevice {
  const network = services.get(NETWORK);
  const mac = network.macs.take(parseMac(values.text('mac')));
  const nicName = network.nicName(id, name);
  const card = make(
    {
      ...{ clock: services.get(CLOCK), trace: services.get(TRACE), mac, id },
      multifunction: values.is('multifunction'),
      hasRom,
      connect: (end: NetEnd) =>
        new NetClient({ name: nicName, type: 'nic', model: name, info: () => infoOf(name, card) }, end),
    },
    values,
  );
  network.addNic({ client: card.client, path }, network.findBackend(values.text('netdev')));
  return {
    hardware: new PciHardware(card, {
      release() {
        card.abandon();
        network.removeNic(card.client);
        network.macs.giveBack(mac);
      },
    }),
    values: new Map<string, PropertyValue>([
      ['mac', formatMac(mac)],
      ...(hasRom ? [['romsize', ROM_BYTES] as const] : []),
    ]),
  };
}

function infoOf(model: string, { address }: NicCard): string {
  return `model=${model},macaddr=${formatMac(address)}`;
}
