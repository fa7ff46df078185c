/** The types of bridges, and what a bridge is in the tree of devices: a function with the slots behind it. */
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { number, ON_OFF_AUTO, on, UINT8 } from '../qdev/properties.ts';
import { TRACE } from '../qdev/services.ts';
import { RESERVE_PROPERTIES, readReserve } from './bridge-reserve.ts';
import { I82801b11 } from './i82801b11.ts';
import type { PciBridge } from './pci-bridge.ts';
import { PciBridgeDev } from './pci-bridge-dev.ts';
import { PciHardware } from './pci-hardware.ts';
import { PCI_PROPERTIES } from './pci-properties.ts';
import { PCI_HOTPLUG_BOARD, PciSlots, type SlotController } from './pci-slots.ts';
import { SHPC_SLOTS, type Shpc } from './shpc.ts';

export const PCI_BRIDGE: DeviceType = {
  name: 'pci-bridge',
  category: 'Controller/Bridge/Hub',
  busType: 'PCI',
  description: 'Standard PCI Bridge',
  userCreatable: true,
  hotpluggable: true,
  properties: [
    number('chassis_nr', 0, UINT8),
    { name: 'msi', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
    on('shpc'),
    ...RESERVE_PROPERTIES,
    ...PCI_PROPERTIES,
  ],
  realize: realizePciBridge,
};

export const I82801B11_BRIDGE: DeviceType = {
  name: 'i82801b11-bridge',
  category: 'Controller/Bridge/Hub',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: PCI_PROPERTIES,
  realize(request) {
    const bridge = new I82801b11(request.id, request.values.is('multifunction'));
    return { hardware: bridgeHardware(bridge, request) };
  },
};

export const PCI_BRIDGE_TYPES: readonly DeviceType[] = [PCI_BRIDGE, I82801B11_BRIDGE];

function realizePciBridge(request: RealizeRequest): RealizedDevice {
  const { values, services, id } = request;
  const chassis = values.number('chassis_nr');
  if (chassis === 0) {
    throw new MonitorError(
      'Bridge chassis not specified. Each bridge is required to be assigned a unique chassis id > 0.',
    );
  }
  const hasShpc = values.is('shpc');
  const hasMsi = values.text('msi') !== 'off';
  const multifunction = values.is('multifunction');
  const properties = { chassis, hasShpc, hasMsi, multifunction, reserve: readReserve(values) };
  const bridge = new PciBridgeDev(properties, services.get(TRACE), id);
  return {
    hardware: bridgeHardware(bridge, request, bridge.shpc && shpcController(bridge.shpc)),
    // QEMU: without a controller there is nothing that could interrupt.
    values: new Map(hasShpc ? [] : [['msi', 'off']]),
  };
}

/** @param own the bridge's controller, which is told of its slots where the board does not tell the guest itself */
function bridgeHardware(
  bridge: PciBridge,
  { id, hotplugged, services }: RealizeRequest,
  own?: SlotController,
): PciHardware {
  const board = services.get(PCI_HOTPLUG_BOARD);
  const slots = new PciSlots(bridge.secondary, (device) => board.unplug(device));
  slots.controller = board.controllerFor(slots, hotplugged) ?? own;
  bridge.behind = slots;
  return new PciHardware(bridge, { buses: [slots.qbus(id === '' ? undefined : id)] });
}

function shpcController(shpc: Shpc): SlotController {
  return {
    refusesSlot: (slot) =>
      slot >= 1 && slot <= SHPC_SLOTS
        ? undefined
        : new MonitorError(
            `Unsupported PCI slot ${slot} for standard hotplug controller. Valid slots are between 1 and ${SHPC_SLOTS}.`,
          ),
    came: (slot, hotplugged) => (hotplugged ? shpc.inserted(slot) : shpc.present(slot)),
    ejectRequested: (slot) => {
      shpc.ejectRequested(slot);
      return 'asked-anytime';
    },
  };
}
