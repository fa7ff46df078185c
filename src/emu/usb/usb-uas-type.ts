/** The type usb-uas. Values and texts are QEMU's. */
import { fixed, number } from '../qdev/properties.ts';
import { CLOCK } from '../qdev/services.ts';
import { scsiBusOf } from '../scsi/scsi-bus.ts';
import {
  CONFIG_ALWAYS,
  CONFIG_SELF_POWERED,
  ENDPOINT_BULK,
  speedsOf,
  type UsbDescription,
  type UsbSpeedDescription,
} from './usb-descriptors.ts';
import {
  USB_BUS_TYPE,
  USB_OPTIONS,
  USB_PROPERTIES,
  type UsbDeviceType,
  UsbHardware,
  usbSettings,
} from './usb-type.ts';
import { PIPE_COMMAND, PIPE_DATA_IN, PIPE_DATA_OUT, PIPE_STATUS, STREAMS_LOG2, UsbUas } from './usb-uas.ts';

const PRODUCT_NAME = 'USB Attached SCSI HBA';
const CLASS_MASS_STORAGE = 8;
const SUBCLASS_SCSI = 6;
const PROTOCOL_UAS = 0x62;
const DIRECTION_IN = 0x80;
/** Spec: UAS 1.0 §5.3.3.5: what a pipe is for. */
const DESCRIPTOR_PIPE_USAGE = 0x24;

/** The device at one speed. */
function atSpeed(
  parts: Pick<UsbSpeedDescription, 'version' | 'maxPacket0'> & {
    readonly string: number;
    readonly maxPacket: number;
    readonly isSuper: boolean;
  },
): UsbSpeedDescription {
  const { version, maxPacket0, string, maxPacket, isSuper } = parts;
  const pipe = (id: number, isIn: boolean) => ({
    address: isIn ? id | DIRECTION_IN : id,
    attributes: ENDPOINT_BULK,
    maxPacket,
    interval: 0,
    maxBurst: isSuper ? 15 : 0,
    maxStreams: id === PIPE_COMMAND ? 0 : STREAMS_LOG2,
    ofClass: [4, DESCRIPTOR_PIPE_USAGE, id, 0],
  });
  return {
    version,
    maxPacket0,
    configuration: {
      string,
      attributes: CONFIG_ALWAYS | CONFIG_SELF_POWERED,
      maxPower: 0,
      interfaces: [
        {
          ...{ class: CLASS_MASS_STORAGE, subclass: SUBCLASS_SCSI, protocol: PROTOCOL_UAS },
          endpoints: [
            pipe(PIPE_COMMAND, false),
            pipe(PIPE_STATUS, true),
            pipe(PIPE_DATA_IN, true),
            pipe(PIPE_DATA_OUT, false),
          ],
        },
      ],
    },
  };
}

const DESCRIPTION: UsbDescription = {
  ...{ vendor: 0x46f4, product: 0x0003, release: 0 },
  ...{ manufacturerString: 1, productString: 2, serialString: 3 },
  strings: [
    ...['', 'QEMU', PRODUCT_NAME, '27842'],
    ...['High speed config (usb 2.0)', 'Super speed config (usb 3.0)'],
  ],
  high: atSpeed({ version: 0x0200, maxPacket0: 64, string: 4, maxPacket: 512, isSuper: false }),
  super: atSpeed({ version: 0x0300, maxPacket0: 9, string: 5, maxPacket: 1024, isSuper: true }),
};

export const USB_UAS: UsbDeviceType = {
  name: 'usb-uas',
  category: 'Storage',
  busType: USB_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  // Not modelled: QEMU's print of each command on its standard output.
  properties: [fixed(number('log-scsi-req', 0)), ...USB_PROPERTIES],
  options: USB_OPTIONS,
  usb: {
    product: PRODUCT_NAME,
    speeds: () => speedsOf(DESCRIPTION),
    isAttachedLater: (hotplugged) => hotplugged,
  },
  realize(request) {
    // QEMU: a user who plugs it into a running machine attaches it when its disks are there.
    const wiring = { clock: request.services.get(CLOCK), attachesItself: !request.hotplugged };
    const device = new UsbUas(wiring, usbSettings(request, DESCRIPTION, PRODUCT_NAME));
    const release = (): void => device.disconnect();
    const buses = [scsiBusOf(device.scsi, request)];
    return { hardware: new UsbHardware(device, { release, buses, isAttachedByUser: true }) };
  },
};
