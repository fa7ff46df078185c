/** What every virtio-*-pci type does to be realized: the transport with its properties, and the device inside it. */
import type { MonitorError } from '../core/monitor-error.ts';
import { PciDma } from '../pci/pci-dma.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { hardwareOf, type NewBus } from '../qdev/hardware.ts';
import type { PropertyValue, PropertyValues } from '../qdev/properties.ts';
import type { LiveProperty } from '../qdev/qom-value.ts';
import { START_CPUS } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import type { VirtioDevice } from './virtio-device.ts';
import { checkVirtioPciProperties, VirtioPci, type VirtioPciProperties } from './virtio-pci.ts';
import { VECTORS_UNSPECIFIED } from './virtio-properties.ts';

/** QEMU: VIRTIO_QUEUE_MAX. */
const QUEUES_MAX = 1024;

/** A type on PCI and the device inside it. */
export interface VirtioPciParts<V extends VirtioDevice> {
  /** QEMU's name of the type on PCI. */
  readonly type: string;
  /** Spec: virtio 1.2 §4.1.2. */
  readonly transitionalDeviceId: number;
  /** Class and subclass. */
  readonly pciClass: number;
  readonly settings: VirtioPciProperties;
  /** Makes the device, which reaches guest memory through `dma`. */
  readonly device: (dma: PciDma) => V;
  /** The type of the device inside. */
  readonly inner: DeviceType;
  /** The inner device's values, where they are not what the user gave. */
  readonly innerValues?: PropertyValues;
  /** Those of the inner device's properties that change while it is there. */
  readonly liveProperties?: (device: V) => readonly LiveProperty[];
  /** Buses that the inner device brings. */
  readonly buses?: (device: V) => readonly NewBus[];
  /** Gives back what the inner device took from the machine. */
  readonly release?: (device: V) => void;
}

/** Queues that a device has for its processors, when the user does not say: one for each. QEMU: virtio_pci_optimal_num_queues. */
export function optimalQueues({ services }: RealizeRequest, fixedQueues: number): number {
  return Math.min(services.get(START_CPUS), QUEUES_MAX - fixedQueues);
}

/** The transport's properties. Throws QEMU's error. */
export function virtioPciSettings(values: Values, defaultVectors: number): VirtioPciProperties {
  const given = values.number('vectors');
  const settings = {
    disableLegacy: values.text('disable-legacy') === 'on',
    disableModern: values.is('disable-modern'),
    vectors: given === VECTORS_UNSPECIFIED ? defaultVectors : given,
    queueReset: values.is('queue_reset'),
    pagePerVq: values.is('page-per-vq'),
    ioeventfd: values.is('ioeventfd'),
  };
  throwIf(checkVirtioPciProperties(settings));
  return settings;
}

export function realizeVirtioPci<V extends VirtioDevice>(
  { id, values }: RealizeRequest,
  parts: VirtioPciParts<V>,
): RealizedDevice {
  const { settings, inner, innerValues = [] } = parts;
  const dma = new PciDma();
  const device = parts.device(dma);
  const card = new VirtioPci(
    {
      type: parts.type,
      transitionalDeviceId: parts.transitionalDeviceId,
      classCode: parts.pciClass * 0x100,
      multifunction: values.is('multifunction'),
      id,
    },
    device,
    settings,
    dma,
  );
  const bus: NewBus = {
    name: 'virtio-bus',
    type: 'virtio-pci-bus',
    alsoTakes: ['virtio-bus'],
    maxDevices: 1,
    devices: [
      {
        type: inner,
        childName: 'virtio-backend',
        values: new Map([...values.all, ...innerValues]),
        // The transport resets and saves the device with itself.
        hardware: hardwareOf({
          buses: parts.buses?.(device) ?? [],
          liveProperties: parts.liveProperties?.(device) ?? [],
          release() {
            device.abandon();
            parts.release?.(device);
          },
        }),
      },
    ],
  };
  return {
    hardware: new PciHardware(card, { buses: [bus] }),
    values: new Map<string, PropertyValue>([
      ['disable-legacy', settings.disableLegacy ? 'on' : 'off'],
      ['vectors', settings.vectors],
    ]),
  };
}

export function throwIf(error: MonitorError | undefined): void {
  if (error !== undefined) throw error;
}
