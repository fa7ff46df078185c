/** The versions of the board. QEMU: hw/i386/pc_piix.c; each keeps what guests of its time saw. */
import { MonitorError } from '../core/monitor-error.ts';
import { cpuTypeOf } from '../cpu/models/cpu-models.ts';
import { type CpuCompat, CURRENT_CPU, DEFAULT_CPU } from '../cpu/models/cpu-option.ts';
import type { CpuValue } from '../cpu/models/cpu-properties.ts';
import type { PropertyValue } from '../qdev/properties.ts';

/** A property that had another default up to a version. */
interface OldDefault {
  readonly upTo: string;
  /** Names of types. */
  readonly types: readonly string[];
  readonly property: string;
  readonly value: PropertyValue;
}

export interface MachineVersion {
  /** `pc-i440fx-7.2`. */
  readonly name: string;
  /** There is no board: QEMU's machine `none`. */
  readonly isEmpty: boolean;
  /** What -smp does not say becomes sockets, not cores. */
  readonly prefersSockets: boolean;
  /** A machine with room for more memory has a NUMA node: where there are slots, where there are none. */
  readonly node: { readonly withSlots: boolean; readonly withoutSlots: boolean };
  readonly acpi: { readonly rootUid: number; readonly hasPciHole64: boolean };
  /** With an AMD processor, the addresses that its HyperTransport reserves are kept free. */
  readonly hypertransport: boolean;
  readonly cpu: CpuCompat;
  /** By type and property. */
  readonly defaults: ReadonlyMap<string, ReadonlyMap<string, PropertyValue>>;
}

export const CURRENT_MACHINE = 'pc-i440fx-7.2';
/** Of a machine for which nobody asked for another. */
export const DEFAULT_CPU_TYPE = cpuTypeOf(DEFAULT_CPU);

const old = (upTo: string, types: readonly string[], property: string, value: PropertyValue): OldDefault => ({
  upTo,
  types,
  property,
  value,
});

const VIRTIO = ['blk', 'rng', 'serial', 'balloon', 'mem'];
const VIRTIO_PCI = VIRTIO.map((name) => `virtio-${name}-pci`);
const VIRTIO_ANY = [...VIRTIO_PCI, ...VIRTIO.map((name) => `virtio-${name}-device`)];
const BLK = ['virtio-blk-pci', 'virtio-blk-device'];

/** All types that have the property. */
export const EVERY_TYPE = '*';

/** As `info qtree` of QEMU shows them with each -machine, for what the board has. */
const OLD_DEFAULTS: readonly OldDefault[] = [
  old('7.1', VIRTIO_ANY, 'queue_reset', false),
  old('7.1', ['virtio-rng-pci'], 'vectors', 0),
  old('6.2', ['PIIX4_PM'], 'x-not-migrate-acpi-index', true),
  old('6.0', ['i8042'], 'extended-state', false),
  old('5.2', BLK, 'report-discard-granularity', false),
  old('5.2', ['PIIX4_PM'], 'smm-compat', true),
  old('5.1', VIRTIO_PCI, 'x-ats-page-aligned', false),
  old('5.1', BLK, 'num-queues', 1),
  old('5.1', ['virtio-scsi-pci', 'virtio-scsi-device'], 'num_queues', 1),
  old('5.0', ['i440FX-pcihost'], 'x-config-reg-migration-enabled', false),
  old('5.0', ['virtio-balloon-pci', 'virtio-balloon-device'], 'page-poison', false),
  old('5.0', VIRTIO_ANY, 'x-disable-legacy-check', true),
  old('4.2', VIRTIO_ANY, 'use-disabled-flag', false),
  old('4.2', BLK, 'queue-size', 128),
  old('4.2', BLK, 'seg-max-adjust', false),
  old('4.2', BLK, 'x-enable-wce-if-config-wce', false),
  old('4.2', ['fw_cfg_io'], 'acpi-mr-restore', false),
  old('4.1', VIRTIO_PCI, 'x-pcie-flr-init', false),
  old('4.0', VIRTIO_ANY, 'use-started', false),
  old('4.0', ['virtio-balloon-pci', 'virtio-balloon-device'], 'qemu-4-0-config-size', true),
  old('3.1', ['virtio-balloon-pci', 'virtio-balloon-device'], 'qemu-4-0-config-size', false),
  old('3.1', BLK, 'discard', false),
  old('3.1', BLK, 'write-zeroes', false),
  old('2.11', ['hpet'], 'hpet-offset-saved', false),
  old('2.10', ['i440FX-pcihost'], 'x-pci-hole64-fix', false),
  ...['x-pcie-deverr-init', 'x-pcie-lnkctl-init', 'x-pcie-pm-init'].map((name) =>
    old('2.8', VIRTIO_PCI, name, false),
  ),
  old('2.8', [EVERY_TYPE], 'x-pcie-extcap-init', false),
  old('2.8', ['fw_cfg_io'], 'x-file-slots', 16),
  old('2.7', ['ioapic'], 'version', 17),
  old('2.7', ['isa-pcspk'], 'migrate', false),
  old('2.7', VIRTIO_PCI, 'page-per-vq', true),
  old('2.7', VIRTIO_PCI, 'x-ignore-backend-features', true),
  old('2.7', ['virtio-serial-pci', 'virtio-serial-device'], 'emergency-write', false),
];

/** Properties of processors from which nothing follows here, as `qom-get` of QEMU shows them with each -machine. */
const OLD_CPU_DEFAULTS: readonly (readonly [upTo: string, property: string, value: CpuValue])[] = [
  ['6.1', 'hv-version-id-build', 7100],
  ['6.1', 'hv-version-id-major', 6],
  ['6.1', 'hv-version-id-minor', 1],
  ['3.0', 'x-hv-synic-kvm-only', true],
  ['2.11', 'x-migrate-smi-count', false],
  ['2.10', 'x-hv-max-vps', 64],
  ['2.8', 'vmware-cpuid-freq', false],
];

const VERSIONS = [
  ...['7.2', '7.1', '7.0', '6.2', '6.1', '6.0', '5.2', '5.1', '5.0', '4.2', '4.1', '4.0', '3.1', '3.0'],
  ...['2.12', '2.11', '2.10', '2.9', '2.8', '2.7'],
];

/** Newest first. */
export const MACHINE_VERSIONS: readonly MachineVersion[] = VERSIONS.map((version) => ({
  name: `pc-i440fx-${version}`,
  isEmpty: false,
  prefersSockets: isUpTo(version, '6.1'),
  node: { withSlots: !isUpTo(version, '2.10'), withoutSlots: !isUpTo(version, '5.0') },
  acpi: { rootUid: isUpTo(version, '5.1') ? 1 : 0, hasPciHole64: !isUpTo(version, '2.10') },
  hypertransport: !isUpTo(version, '7.0'),
  cpu: cpuOf(version),
  defaults: defaultsOf(version),
}));

/** `version` is `last` or older. */
function isUpTo(version: string, last: string): boolean {
  return VERSIONS.indexOf(version) >= VERSIONS.indexOf(last);
}

function cpuOf(version: string): CpuCompat {
  const shown = OLD_CPU_DEFAULTS.filter(([upTo]) => isUpTo(version, upTo));
  return {
    ...CURRENT_CPU,
    shown: new Map(shown.map(([, property, value]) => [property, value])),
    intelPtAutoLevel: !isUpTo(version, '3.1'),
    vendorCpuidOnly: !isUpTo(version, '6.0'),
    tcgCpuid: !isUpTo(version, '2.8'),
    l3Cache: !isUpTo(version, '2.7'),
    fullAutoLevel: !isUpTo(version, '2.7'),
    ...(isUpTo(version, '6.0') ? { qemu64: { family: 6, model: 6, stepping: 3 } } : {}),
  };
}

function defaultsOf(version: string): MachineVersion['defaults'] {
  const defaults = new Map<string, Map<string, PropertyValue>>();
  for (const { upTo, types, property, value } of OLD_DEFAULTS) {
    if (!isUpTo(version, upTo)) continue;
    for (const type of types) {
      const ofType = defaults.get(type) ?? new Map<string, PropertyValue>();
      defaults.set(type, ofType.set(property, value));
    }
  }
  return defaults;
}

/** QEMU's name of the machine without anything. */
export const NONE_MACHINE = 'none';
const NONE_VERSION: MachineVersion = {
  ...{ name: NONE_MACHINE, isEmpty: true, prefersSockets: false, hypertransport: false },
  ...{ node: { withSlots: false, withoutSlots: false }, acpi: { rootUid: 0, hasPciHole64: false } },
  ...{ cpu: CURRENT_CPU, defaults: new Map() },
};

/** All that can be named: the empty one is the last. */
export const MACHINES: readonly MachineVersion[] = [...MACHINE_VERSIONS, NONE_VERSION];

/** By its name, of which `pc` is another for the newest. Throws MonitorError. */
export function machineVersion(name: string): MachineVersion {
  if (name === NONE_MACHINE) return NONE_VERSION;
  const wanted = name === 'pc' ? CURRENT_MACHINE : name;
  const version = MACHINE_VERSIONS.find((one) => one.name === wanted);
  if (version === undefined) throw new MonitorError('unsupported machine type');
  return version;
}
