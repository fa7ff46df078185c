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
  const { name, alias, description, properties = [] } = model;
  const withRom = PCI_PROPERTIES.map((property) =>
    property.name === 'romfile' ? { name: 'romfile', kind: STR } : property,
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

/** Whether the card has a ROM of its own. Throws `MonitorError`, in QEMU's order. */
function hasRomOf({ values, hotplugged }: RealizeRequest, model: NicModel, romfile: string): boolean {
  if (romfile === '') return false;
  const hasBar = values.number('rombar') !== 0;
  if (!hasBar && hotplugged) {
    throw new MonitorError("Hot-plugged device without ROM bar can't have an option ROM");
  }
  if (romfile !== model.romfile) throw new MonitorError(`failed to find romfile "${romfile}"`);
  return hasBar;
}

function realizeNic(request: RealizeRequest, model: NicModel): RealizedDevice {
  const { id, path, values, services } = request;
  const { name, make } = model;
  // QEMU: a card's own ROM is no default of the property, whose help tells of none.
  const romfile = String(values.all.get('romfile') ?? model.romfile);
  const hasRom = hasRomOf(request, model, romfile);
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
  network.addNic({ client: card.client, path, mac: () => mac }, network.findBackend(values.text('netdev')));
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
      ['romfile', romfile],
      ...(hasRom ? [['romsize', ROM_BYTES] as const] : []),
    ]),
  };
}

function infoOf(model: string, { address }: NicCard): string {
  return `model=${model},macaddr=${formatMac(address)}`;
}
