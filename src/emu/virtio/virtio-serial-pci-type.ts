/** virtio-serial-pci, the virtio-serial-device inside it, its bus, and the ports on that: virtserialport and virtconsole. */
import { CHARDEV, CHARDEVS } from '../char/chardevs.ts';
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, NewDevice, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import { number, on, type PropertySpec, readOnlyKind, STR } from '../qdev/properties.ts';
import { CLOCK, EVENTS, ServiceName, TRACE } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import { realizeVirtioPci, throwIf, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';
import { checkMaxPorts, VIRTIO_SERIAL_DEFAULTS, VirtioSerial } from './virtio-serial.ts';
import { VirtioSerialPort } from './virtio-serial-port.ts';

const PCI_DEVICE_ID_VIRTIO_CONSOLE = 0x1003;
const PCI_CLASS_COMMUNICATION_OTHER = 0x0780;
const DEFAULT_VECTORS = 2;
const BUS_TYPE = 'virtio-serial-bus';
/** QEMU: any number. */
const ANY_PORT = 0xffff_ffff;

/** The names of all ports of the machine, which are unique. */
export const SERIAL_PORT_NAMES = new ServiceName<Set<string>>('serial-port-names');

const OWN: readonly PropertySpec[] = [
  number('max_ports', VIRTIO_SERIAL_DEFAULTS.maxPorts),
  on('emergency-write'),
];

export const VIRTIO_SERIAL_DEVICE: DeviceType = {
  name: 'virtio-serial-device',
  category: 'Input',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
};

export const VIRTIO_SERIAL_PCI: DeviceType = {
  name: 'virtio-serial-pci',
  alias: 'virtio-serial',
  category: 'Input',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([IOEVENTFD, vectors(DEFAULT_VECTORS), number('class', 0)]),
  options: [
    ...OWN,
    ...VIRTIO_PROPERTIES,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-serial-device>') },
  ],
  realize: realizeVirtioSerialPci,
};

function realizeVirtioSerialPci(request: RealizeRequest): RealizedDevice {
  const { values, services } = request;
  const settings = virtioPciSettings(values, DEFAULT_VECTORS);
  const maxPorts = values.number('max_ports');
  throwIf(checkMaxPorts(maxPorts));
  const properties = { maxPorts, emergencyWrite: values.is('emergency-write') };
  // QEMU: unlike other types, this one shows the class that it has.
  const pciClass = values.number('class') || PCI_CLASS_COMMUNICATION_OTHER;
  const realized = realizeVirtioPci(request, {
    type: 'virtio-serial-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_CONSOLE,
    pciClass,
    settings,
    device: (memory) =>
      new VirtioSerial(properties, { memory, trace: services.get(TRACE), clock: services.get(CLOCK) }),
    inner: VIRTIO_SERIAL_DEVICE,
    buses(device) {
      assert(device instanceof VirtioSerial, 'the device inside is a virtio-serial-device');
      return [new SerialBus(device, services.get(SERIAL_PORT_NAMES)).qbus(request.id)];
    },
  });
  return { ...realized, values: new Map([...(realized.values ?? []), ['class', pciClass]]) };
}

/** The bus of one controller. */
class SerialBus implements HotplugHandler {
  readonly #controller: VirtioSerial;
  readonly #names: Set<string>;

  constructor(controller: VirtioSerial, names: Set<string>) {
    this.#controller = controller;
    this.#names = names;
  }

  /** QEMU names the bus after the card, not after the device inside it. */
  qbus(cardId: string): NewBus {
    const name = cardId === '' ? {} : { name: `${cardId}.0` };
    return { ...name, type: BUS_TYPE, handler: this, print: (device) => [portLine(portOf(device))] };
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const nr = Number(device.values.get('nr'));
    const name = String(device.values.get('name') ?? '');
    try {
      const chosen = this.#controller.choosePort({
        isConsole: device.type === VIRTCONSOLE,
        nr: nr === ANY_PORT ? undefined : nr,
        name,
        nameTaken: this.#names.has(name),
      });
      device.place('nr', chosen);
    } catch (error) {
      if (error instanceof MonitorError) return error;
      throw error;
    }
    return undefined;
  }

  plug(device: Qdev): void {
    const port = portOf(device);
    if (port.name !== '') this.#names.add(port.name);
    this.#controller.plug(port);
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  unplug(device: Qdev): void {
    const port = portOf(device);
    this.#controller.unplug(port);
    this.#names.delete(port.name);
  }
}

class PortHardware implements Hardware {
  readonly port: VirtioSerialPort;
  readonly sections: readonly VirtioSerialPort[];
  readonly release: () => void;

  constructor(port: VirtioSerialPort, release: () => void) {
    this.port = port;
    this.sections = [port];
    this.release = release;
  }

  buses(): readonly NewBus[] {
    return [];
  }
}

function portOf({ path, hardware }: Qdev): VirtioSerialPort {
  assert(hardware instanceof PortHardware, `${path} is a port of a virtio console device`);
  return hardware.port;
}

function portLine({ nr, guestConnected, hostConnected, throttled }: VirtioSerialPort): string {
  const word = (value: boolean): string => (value ? 'on' : 'off');
  return `port ${nr}, guest ${word(guestConnected)}, host ${word(hostConnected)}, throttle ${word(throttled)}`;
}

function portType(name: string, isConsole: boolean): DeviceType {
  return {
    name,
    category: 'Input',
    busType: BUS_TYPE,
    userCreatable: true,
    hotpluggable: true,
    properties: [
      { name: 'chardev', kind: CHARDEV, help: 'character back end made by chardev-add' },
      number('nr', ANY_PORT),
      { name: 'name', kind: STR },
    ],
    realize({ id, values, services }) {
      const chardevs = services.get(CHARDEVS);
      const chardev = values.text('chardev');
      const port = new VirtioSerialPort(
        { isConsole, nr: values.number('nr'), name: values.text('name') },
        {
          backend: chardevs.attach(chardev),
          trace: services.get(TRACE),
          // Not modelled: QEMU tells of a port at most once a second.
          onGuestOpen(open) {
            if (id !== '') services.get(EVENTS).emit({ event: 'VSERPORT_CHANGE', data: { open, id } });
          },
        },
      );
      return { hardware: new PortHardware(port, () => chardevs.detach(chardev)) };
    },
  };
}

export const VIRTSERIALPORT = portType('virtserialport', false);
export const VIRTCONSOLE = portType('virtconsole', true);

export const VIRTIO_SERIAL_TYPES: readonly DeviceType[] = [
  VIRTIO_SERIAL_DEVICE,
  VIRTIO_SERIAL_PCI,
  VIRTSERIALPORT,
  VIRTCONSOLE,
];
