/** The types of UHCI controllers, which differ by the chip whose part they are. Those of the ICH9 may be companions of an EHCI. */
import { MonitorError } from '../core/monitor-error.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { DEVICE_TREE } from '../qdev/plug.ts';
import { number, STR } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { UHCI_PORTS, Uhci } from './uhci.ts';
import { UsbBus } from './usb-bus.ts';
import { makeUsbBus } from './usb-bus-type.ts';

const BANDWIDTH = 1280;
const MAX_FRAMES = 128;

interface UhciFacts {
  readonly name: string;
  readonly deviceId: number;
  readonly revision?: number;
  readonly interruptPin?: number;
  /** It can be a companion; QEMU: then it does not come while the machine runs. */
  readonly isCompanion?: boolean;
}

const LIMITS = [number('bandwidth', BANDWIDTH), number('maxframes', MAX_FRAMES)];
const COMPANION_PROPERTIES = [{ name: 'masterbus', kind: STR }, number('firstport', 0)];

function uhciType(facts: UhciFacts): DeviceType {
  const own = facts.isCompanion === true ? [...COMPANION_PROPERTIES, ...LIMITS] : LIMITS;
  return {
    name: facts.name,
    category: 'USB',
    busType: 'PCI',
    userCreatable: true,
    hotpluggable: facts.isCompanion !== true,
    properties: [...own, ...PCI_PROPERTIES],
    realize: (request) => realizeUhci(request, facts),
  };
}

function realizeUhci(request: RealizeRequest, facts: UhciFacts): RealizedDevice {
  const { id, values, services } = request;
  const { name: type, isCompanion = false, ...identity } = facts;
  const [clock, trace] = [services.get(CLOCK), services.get(TRACE)];
  const [bandwidth, maxFrames] = [values.number('bandwidth'), values.number('maxframes')];
  const wiring = { ...identity, type, clock, trace, bandwidth, maxFrames };
  const controller = new Uhci(wiring, id, values.is('multifunction'));
  const release = (): void => controller.disconnect();
  const masterBus = isCompanion ? values.text('masterbus') : '';
  if (masterBus !== '') {
    const { companions } = findBus(request, masterBus);
    if (companions === undefined) {
      throw new MonitorError(
        `Can't use USB bus '${masterBus}' as masterbus, it doesn't support companion controllers`,
      );
    }
    const ports = companions(controller, values.number('firstport'), UHCI_PORTS);
    if (ports instanceof MonitorError) throw ports;
    controller.connectCompanion(ports);
    return { hardware: new PciHardware(controller, { release }) };
  }
  const bus = makeUsbBus(services, controller);
  controller.connect(bus);
  return { hardware: new PciHardware(controller, { buses: [bus.qbus()], release }) };
}

function findBus({ services }: RealizeRequest, name: string): UsbBus {
  const buses = services
    .get(DEVICE_TREE)
    .devices()
    .flatMap((device) => device.buses);
  const found = buses.find((bus) => bus.name === name && bus.handler instanceof UsbBus)?.handler;
  if (found instanceof UsbBus) return found;
  throw new MonitorError(`USB bus '${name}' not found`);
}

export const PIIX3_USB_UHCI = uhciType({ name: 'piix3-usb-uhci', deviceId: 0x7020 });
export const UHCI_TYPES: readonly DeviceType[] = [
  PIIX3_USB_UHCI,
  uhciType({ name: 'piix4-usb-uhci', deviceId: 0x7112 }),
  ...[0x2934, 0x2935, 0x2936, 0x2937, 0x2938, 0x2939].map((deviceId, index) =>
    uhciType({
      ...{ name: `ich9-usb-uhci${index + 1}`, deviceId, revision: 3 },
      ...{ interruptPin: 1 + (index % 3), isCompanion: true },
    }),
  ),
];
