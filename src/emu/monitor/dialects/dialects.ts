/** All dialects. What a version says and where that is known from: docs/monitor.md. */
import type { QapiCommand } from '../../qapi/command.ts';
import type { Command } from '../command.ts';
import { absentCommands } from '../hmp/absent.ts';
import { blockTopic } from '../hmp/block-topic.ts';
import { USB_TOPIC_2_0, USB_TOPIC_5_1 } from '../hmp/info-usb.ts';
import { ABSENT_0_15, ABSENT_1_1, ABSENT_5_1 } from '../hmp/legacy/absent-words.ts';
import { CPU_SET, cpuAddCommand } from '../hmp/legacy/cpu-commands.ts';
import { SCSI_DISK } from '../hmp/legacy/device-words.ts';
import { type PciWords, pciCommands } from '../hmp/legacy/pci-commands.ts';
import { USB_COMMANDS } from '../hmp/legacy/usb-commands.ts';
import { cpuAddAsDevice, cpuAddChecked } from '../qapi/cpu-numbers.ts';
import { QUERY_CPUS, QUERY_CPUS_5_1, QUERY_CPUS_FAST, cpuAddCommand as qmpCpuAdd } from '../qapi/legacy.ts';
import type { QmpContext } from '../qmp/own-commands.ts';
import { QEMU_VERSION } from '../version.ts';
import { DIALECT_NAMES, type Dialect, type DialectName } from './dialect.ts';
import { change, type ErrorStyle } from './error-style.ts';
import {
  CURRENT_LAYOUTS,
  LAYOUTS_0_15,
  LAYOUTS_1_1,
  LAYOUTS_1_5,
  LAYOUTS_2_0,
  LAYOUTS_5_1,
} from './layouts.ts';
import { COMMANDS_SINCE, cameAfter, QMP_SINCE, TOPICS_SINCE } from './vocabulary.ts';

const CURRENT_ERRORS: ErrorStyle = {
  prefix: 'Error: ',
  hints: true,
  calls: 'all-names',
  tellsUnknown: true,
  changes: [],
};
const DUPLICATE_ID = change("Duplicate device ID '{id}'", "Duplicate ID '{id}' for device");
const PLUGGABLE = change(
  "Parameter 'driver' expects a pluggable device type",
  "Parameter 'driver' expects pluggable device type",
);
/** Up to QEMU 2.0, where buses were "busses" too. */
const WRONG_BUS: ErrorStyle['changes'] = [
  change("Device '{type}' can't go on {bus} bus", "Device '{type}' can't go on a {bus} bus"),
  change("Device '{name}' has multiple child buses", "Device '{name}' has multiple child busses"),
  change('child buses at {buses}', 'child busses at {buses}'),
];
/** QEMU 1.7 to 5.1: the name of the type is missing. */
const NAMELESS_PROPERTY = change("Property '{type}.{name}' not found", "Property '.{name}' not found");
const NO_BALLOON = change('No balloon device has been activated', "Device 'balloon' has not been activated");
const NO_MODEL = change(
  "'{driver}' is not a valid device model name",
  "Parameter 'driver' expects device type",
);

const ERRORS_5_1: ErrorStyle = {
  ...CURRENT_ERRORS,
  changes: [DUPLICATE_ID, PLUGGABLE, NAMELESS_PROPERTY],
};
const ERRORS_2_0: ErrorStyle = {
  prefix: '',
  hints: false,
  calls: 'last-word',
  tellsUnknown: false,
  changes: [...ERRORS_5_1.changes, NO_BALLOON, ...WRONG_BUS],
};
/** QEMU: before 1.6 a virtio card had the properties of what it carries. */
const CARD_PROPERTY = change(
  "Property '{type}-device.{name}' can't find value '{value}'",
  "Property '{type}-pci.{name}' can't find value '{value}'",
);
const OLD_CHANGES = [DUPLICATE_ID, NO_BALLOON, CARD_PROPERTY, ...WRONG_BUS];
const ERRORS_1_5: ErrorStyle = { ...ERRORS_2_0, changes: [...OLD_CHANGES, NO_MODEL] };
const ERRORS_1_1: ErrorStyle = { ...ERRORS_1_5, calls: 'first-word' };
const NO_DRIVER_NAME: ErrorStyle['changes'] = [
  "'{driver}' is not a valid device model name",
  "Parameter 'driver' expects a pluggable device type",
].map((now) => change(now, "Parameter 'driver' expects a driver name", "Try with argument '?' for a list."));
const ERRORS_0_15: ErrorStyle = { ...ERRORS_1_1, changes: [...OLD_CHANGES, ...NO_DRIVER_NAME] };

/** Topics whose errors had no `Error: ` before QEMU 7.0. */
const PLAIN_PROFILE = absentCommands([
  ['profile', '', 'where time goes', [], 'Internal profiler not compiled'],
]);
const TOPICS_5_1 = [...PLAIN_PROFILE, USB_TOPIC_5_1];
const TOPICS_2_0 = [...PLAIN_PROFILE, USB_TOPIC_2_0];

const GEOMETRY = '[,cyls=c,heads=h,secs=s[,trans=t]]';
const DRIVE_START = '[file=file][,if=type][,bus=n]\n[,unit=m][,media=d]';
/** QEMU 1.1 to 2.0 */
const DRIVE_PARAMS = `${DRIVE_START}[,index=i]\n${GEOMETRY}\n[,snapshot=on|off][,cache=on|off]\n[,readonly=on|off][,copy-on-read=on|off]`;
/** QEMU: without two of the commas. */
const DRIVE_PARAMS_0_15 = `${DRIVE_START}[index=i]\n${GEOMETRY}\n[snapshot=on|off][,cache=on|off]`;
const DOMAIN_0: Pick<PciWords, 'root' | 'otherDomain'> = {
  root: 'domain 0',
  otherDomain: 'Invalid pci address',
};
const ROOT_BUS: Pick<PciWords, 'root' | 'otherDomain'> = {
  root: 'root bus 0000:00',
  otherDomain: 'Multiple PCI domains not supported, use device_add',
};

const FORMER_TYPES: Dialect['formerTypes'] = new Set([SCSI_DISK]);

/** What a dialect has of its own. */
interface OwnWords {
  readonly commands: readonly Command[];
  readonly topics: readonly Command[];
  readonly qmp: readonly QapiCommand<QmpContext>[];
}

function words(name: DialectName, { commands, topics, qmp }: OwnWords): Pick<Dialect, keyof OwnWords> {
  return {
    commands: { unknown: cameAfter(name, COMMANDS_SINCE), own: commands },
    topics: { unknown: cameAfter(name, TOPICS_SINCE), own: topics },
    qmp: { unknown: cameAfter(name, QMP_SINCE), own: qmp },
  };
}

const AS_TODAY: Dialect['start'] = {
  display: undefined,
  sharesTerminal: false,
  takesKvm: false,
  usbParameters: false,
  prefersSockets: false,
};
const AS_THEN: Dialect['start'] = {
  display: "VNC server running on `::1:5900'",
  sharesTerminal: true,
  takesKvm: true,
  usbParameters: true,
  prefersSockets: true,
};

export const DEFAULT_DIALECT: Dialect = {
  name: '7.2',
  formerTypes: new Set(),
  version: QEMU_VERSION,
  layouts: CURRENT_LAYOUTS,
  errors: CURRENT_ERRORS,
  ...words('7.2', { commands: [], topics: [], qmp: [] }),
  start: AS_TODAY,
};

const QEMU_5_1: Dialect = {
  name: '5.1',
  formerTypes: FORMER_TYPES,
  version: '5.1.0',
  layouts: LAYOUTS_5_1,
  errors: ERRORS_5_1,
  ...words('5.1', {
    commands: [
      ...ABSENT_5_1,
      cpuAddCommand(cpuAddAsDevice, 'cpu_add is deprecated, please use device_add instead'),
    ],
    topics: TOPICS_5_1,
    qmp: [qmpCpuAdd(cpuAddAsDevice), QUERY_CPUS_5_1, QUERY_CPUS_FAST],
  }),
  start: {
    ...AS_THEN,
    display: 'VNC server running on ::1:5900',
    sharesTerminal: false,
    usbParameters: false,
  },
};

const QEMU_2_0: Dialect = {
  name: '2.0',
  formerTypes: FORMER_TYPES,
  version: '2.0.0',
  layouts: LAYOUTS_2_0,
  errors: ERRORS_2_0,
  ...words('2.0', {
    commands: [
      ...ABSENT_1_1,
      ...pciCommands({ ...ROOT_BUS, driveParams: DRIVE_PARAMS }),
      ...USB_COMMANDS,
      cpuAddCommand(cpuAddChecked),
    ],
    topics: [...TOPICS_2_0, blockTopic('drives')],
    qmp: [qmpCpuAdd(cpuAddChecked), QUERY_CPUS],
  }),
  start: { ...AS_THEN, display: "VNC server running on '::1:5900'" },
};

/** What sets a dialect up to 1.5 apart from the others of that time. */
interface OldDialect extends Pick<Dialect, 'name' | 'version' | 'layouts' | 'errors'> {
  readonly driveParams: string;
  readonly commands: readonly Command[];
  readonly qmp: OwnWords['qmp'];
}

function oldDialect({ driveParams, commands, qmp, ...dialect }: OldDialect): Dialect {
  const pci = pciCommands({ ...DOMAIN_0, driveParams });
  const own = {
    commands: [...pci, ...USB_COMMANDS, ...commands],
    topics: [...TOPICS_2_0, blockTopic('nothing')],
    qmp,
  };
  return { formerTypes: FORMER_TYPES, ...dialect, ...words(dialect.name, own), start: AS_THEN };
}

const QEMU_1_5 = oldDialect({
  ...{ name: '1.5', version: '1.5.0', layouts: LAYOUTS_1_5, errors: ERRORS_1_5 },
  driveParams: DRIVE_PARAMS,
  commands: ABSENT_1_1,
  qmp: [qmpCpuAdd(cpuAddChecked), QUERY_CPUS],
});

/** The release candidate of 1.2 that lessons about pci_add quote. */
const QEMU_1_1 = oldDialect({
  ...{ name: '1.1', version: '1.1.90', layouts: LAYOUTS_1_1, errors: ERRORS_1_1 },
  driveParams: DRIVE_PARAMS,
  commands: ABSENT_1_1,
  qmp: [QUERY_CPUS],
});

const QEMU_KVM_0_15 = oldDialect({
  ...{ name: 'qemu-kvm-0.15', version: '0.15.0', layouts: LAYOUTS_0_15, errors: ERRORS_0_15 },
  driveParams: DRIVE_PARAMS_0_15,
  commands: [...ABSENT_0_15, CPU_SET],
  qmp: [QUERY_CPUS],
});

/** The newest first. */
export const DIALECTS: readonly Dialect[] = [
  DEFAULT_DIALECT,
  QEMU_5_1,
  QEMU_2_0,
  QEMU_1_5,
  QEMU_1_1,
  QEMU_KVM_0_15,
];

/** Undefined: there is no such dialect. */
export function findDialect(name: string): Dialect | undefined {
  return DIALECTS.find((dialect) => dialect.name === name);
}

/** What `-compat-monitor help` prints. */
export const DIALECTS_HELP = `Supported monitor versions are:\n${DIALECT_NAMES.join('\n')}\n`;
