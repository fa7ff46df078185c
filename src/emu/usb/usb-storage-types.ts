/** The types usb-storage, which makes its disk itself, and usb-bot, into which the user plugs disks. Values and texts are QEMU's. */
import { blockLimits, driveProperties } from '../block/block-properties.ts';
import { DRIVES } from '../block/drives.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { ChildDevice, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { fixed, INT32, off, type PropertySpec, type PropertyValue } from '../qdev/properties.ts';
import type { Values } from '../qdev/values.ts';
import { type ScsiLimits, scsiBusOf } from '../scsi/scsi-bus.ts';
import {
  CONFIG_ALWAYS,
  CONFIG_SELF_POWERED,
  ENDPOINT_BULK,
  speedsOf,
  type UsbDescription,
  type UsbSpeedDescription,
} from './usb-descriptors.ts';
import { UsbStorage } from './usb-storage.ts';
import {
  USB_BUS_TYPE,
  USB_OPTIONS,
  USB_PROPERTIES,
  type UsbDeviceType,
  UsbHardware,
  usbSettings,
} from './usb-type.ts';

const CLASS_MASS_STORAGE = 8;
const SUBCLASS_SCSI = 6;
const PROTOCOL_BULK_ONLY = 0x50;
const ADDRESS_IN = 0x81;
const ADDRESS_OUT = 0x02;

/** The device at one speed. */
function atSpeed(
  parts: Pick<UsbSpeedDescription, 'version' | 'maxPacket0'> & {
    readonly string: number;
    readonly maxPacket: number;
    readonly maxBurst?: number;
  },
): UsbSpeedDescription {
  const { version, maxPacket0, string, maxPacket, maxBurst = 0 } = parts;
  const pipe = { attributes: ENDPOINT_BULK, maxPacket, interval: 0, maxBurst };
  return {
    version,
    maxPacket0,
    configuration: {
      string,
      attributes: CONFIG_ALWAYS | CONFIG_SELF_POWERED,
      maxPower: 0,
      interfaces: [
        {
          ...{ class: CLASS_MASS_STORAGE, subclass: SUBCLASS_SCSI, protocol: PROTOCOL_BULK_ONLY },
          endpoints: [
            { address: ADDRESS_IN, ...pipe },
            { address: ADDRESS_OUT, ...pipe },
          ],
        },
      ],
    },
  };
}

const DESCRIPTION: UsbDescription = {
  ...{ vendor: 0x46f4, product: 0x0001, release: 0 },
  ...{ manufacturerString: 1, productString: 2, serialString: 3 },
  strings: [
    ...['', 'QEMU', 'QEMU USB HARDDRIVE', '1'],
    ...['Full speed config (usb 1.1)', 'High speed config (usb 2.0)', 'Super speed config (usb 3.0)'],
  ],
  full: atSpeed({ version: 0x0200, maxPacket0: 8, string: 4, maxPacket: 64 }),
  high: atSpeed({ version: 0x0200, maxPacket0: 64, string: 5, maxPacket: 512 }),
  super: atSpeed({ version: 0x0300, maxPacket0: 9, string: 6, maxPacket: 1024, maxBurst: 15 }),
};

const STORAGE_LIMITS: ScsiLimits = { channel: 0, target: 0, lun: 0 };
const BOT_LIMITS: ScsiLimits = { channel: 0, target: 0, lun: 15 };
/** QEMU: of both types. */
const PRODUCT_NAME = 'QEMU USB MSD';
// Not modelled: QEMU's print of each command on its standard output.
const COMMAND_LOG: PropertySpec = fixed(off('commandlog'));

const COMMON = {
  category: 'Storage',
  busType: USB_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
} as const;

const USB_STORAGE: UsbDeviceType = {
  ...COMMON,
  name: 'usb-storage',
  properties: [...driveProperties('usb-storage'), off('removable'), COMMAND_LOG, ...USB_PROPERTIES],
  options: [...USB_OPTIONS, fixed({ name: 'bootindex', kind: INT32 })],
  usb: { product: PRODUCT_NAME, speeds: () => speedsOf(DESCRIPTION) },
  realize: realizeStorage,
};

const USB_BOT: UsbDeviceType = {
  ...COMMON,
  name: 'usb-bot',
  properties: USB_PROPERTIES,
  options: USB_OPTIONS,
  usb: {
    product: PRODUCT_NAME,
    speeds: () => speedsOf(DESCRIPTION),
    isAttachedLater: (hotplugged) => hotplugged,
  },
  realize(request) {
    // QEMU: a user who plugs it into a running machine attaches it when its disks are there.
    const parts = { limits: BOT_LIMITS, attachesItself: !request.hotplugged };
    const device = new UsbStorage(parts, usbSettings(request, DESCRIPTION, PRODUCT_NAME));
    const buses = [scsiBusOf(device.scsi, request)];
    return { hardware: new UsbHardware(device, { buses, isAttachedByUser: true }) };
  },
};

export const USB_STORAGE_TYPES: readonly UsbDeviceType[] = [USB_STORAGE, USB_BOT];

function realizeStorage(request: RealizeRequest): RealizedDevice {
  const { values } = request;
  if (values.text('drive') === '') throw new MonitorError('drive property not set');
  const limits = blockLimits(values);
  if (limits instanceof MonitorError) throw limits;
  const parts = { limits: STORAGE_LIMITS, attachesItself: true };
  const device = new UsbStorage(parts, usbSettings(request, DESCRIPTION, PRODUCT_NAME));
  return {
    hardware: new UsbHardware(device, { buses: [scsiBusOf(device.scsi, request)] }),
    values: new Map<string, PropertyValue>([
      // QEMU: the drive is the disk's, and the stick has none any more.
      ['drive', undefined],
      ['logical_block_size', limits.logicalBlockSize],
      ['physical_block_size', limits.physicalBlockSize],
    ]),
    children: [diskOf(values, request)],
  };
}

/** The disk in the stick. QEMU: of the properties of the stick it gets these only. */
function diskOf(values: Values, { services }: RealizeRequest): ChildDevice {
  const drive = values.text('drive');
  const isRom = services.get(DRIVES).find(drive)?.options?.get('media') === 'cdrom';
  const serial = values.text('serial');
  const own = new Map<string, PropertyValue>([
    ['drive', drive],
    ['scsi-id', 0],
    ['share-rw', values.is('share-rw')],
    ['rerror', values.text('rerror')],
    ['werror', values.text('werror')],
  ]);
  if (!isRom) own.set('removable', values.is('removable'));
  if (serial !== '') own.set('serial', serial);
  return { driver: isRom ? 'scsi-cd' : 'scsi-hd', name: 'legacy[0]', values: own };
}
