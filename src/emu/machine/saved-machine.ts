/** What a snapshot has of a machine, as plain data: how a machine is told so, and what may be in it. */
import { asBlockError } from '../block/block-backend.ts';
import { MAX_TIME_NS } from '../core/clock.ts';
import { SHUTDOWN_CAUSES } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import {
  absentOr,
  BOOLEAN,
  finite,
  integer,
  list,
  nullable,
  oneOf,
  record,
  type StateKind,
  text,
  where,
} from '../core/state-fields.ts';
import type { CpuIdentity } from '../cpu/models/cpu-identity.ts';
import { DEFAULT_CPU, readCpu } from '../cpu/models/cpu-option.ts';
import { GPA_END, PAGE_SIZE } from '../memory/guest-memory.ts';
import { RAM_MAX } from '../memory/pc-ram.ts';
import { RamImage } from '../memory/ram-image.ts';
import { allProperties } from '../qdev/device-type.ts';
import { addressesEnd, hasHyperTransport } from './address-limit.ts';
import type { SavedRegion } from './boards/pc-device-memory.ts';
import { ONE_PROCESSOR, type SmpConfig } from './cpu-topology.ts';
import { DEVICE_TYPES } from './device-types.ts';
import type { Machine } from './machine.ts';
import { type GlobalDefault, MAX_DIMM_SLOTS, type RunSnapshot } from './machine-config.ts';
import {
  CURRENT_MACHINE,
  MACHINE_VERSIONS,
  type MachineVersion,
  machineVersion,
} from './machine-versions.ts';
import { RUN_STATES } from './run-state.ts';
import { MAX_CPUS } from './smp-options.ts';
import {
  PERIPHERALS,
  type PeripheralsSnapshot,
  PROPERTY_VALUE,
  savePeripherals,
} from './snapshot-devices.ts';
import { SECTIONS, type Section, saveSections } from './snapshot-sections.ts';

const PORTS = 4;
/** More than a line of the monitor has. */
const NAME_MAX = 4096;
export const UNKNOWN_MACHINE = 'The snapshot is of a machine that this version does not know.';

/** What must be known to make the machine that a snapshot is restored into. */
export type HeadSnapshot = {
  readonly machine: string;
  /** As -cpu has it. */
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly smp: SmpConfig;
  /** Null: the machine has no slots for DIMMs. */
  readonly dimms: { readonly slots: number; readonly maxBytes: number } | null;
  readonly hmat: boolean;
  /** The board has its USB controller. */
  readonly usb: boolean;
  /** Drives of the board's own; absent: none. */
  readonly ideDrives?: number | undefined;
  readonly floppyDrives?: number | undefined;
  /** The regions whose pages follow, in this order. */
  readonly ram: readonly SavedRegion[];
  readonly serialPorts: readonly boolean[];
  readonly noReboot: boolean;
  /** Absent: no default of a property was chosen. */
  readonly globals?: readonly GlobalDefault[] | undefined;
};

export type StateSnapshot = {
  readonly run: RunSnapshot;
  readonly peripherals: PeripheralsSnapshot;
  readonly sections: readonly Section[];
};

const REGION = record<SavedRegion>({
  name: text(NAME_MAX),
  gpa: integer(0, Number.MAX_SAFE_INTEGER),
  size: integer(0, Number.MAX_SAFE_INTEGER),
});

const RAM_BYTES: StateKind<number> = where(integer(PAGE_SIZE, RAM_MAX), (size) =>
  size % PAGE_SIZE === 0 ? undefined : 'is no multiple of a page',
);

const LEVEL = integer(1, MAX_CPUS);

const SMP: StateKind<SmpConfig> = where(
  record<SmpConfig>({
    cpus: LEVEL,
    maxCpus: LEVEL,
    sockets: LEVEL,
    dies: LEVEL,
    cores: LEVEL,
    threads: LEVEL,
  }),
  ({ cpus, maxCpus, sockets, dies, cores, threads }) =>
    cpus <= maxCpus && sockets * dies * cores * threads === maxCpus ? undefined : 'is no topology',
);

const NAME = text(NAME_MAX);
const GLOBALS_MAX = 4096;

const HEAD_RECORD = record<HeadSnapshot>({
  machine: oneOf(...MACHINE_VERSIONS.map(({ name }) => name)),
  cpu: text(NAME_MAX),
  memoryBytes: RAM_BYTES,
  smp: SMP,
  dimms: nullable(
    record({ slots: integer(0, MAX_DIMM_SLOTS), maxBytes: integer(0, Number.MAX_SAFE_INTEGER) }),
  ),
  hmat: BOOLEAN,
  usb: BOOLEAN,
  ideDrives: absentOr(integer(0, 4)),
  floppyDrives: absentOr(integer(0, 2)),
  ram: list(REGION, { max: 1024 }),
  serialPorts: list(BOOLEAN, { max: PORTS }),
  noReboot: BOOLEAN,
  globals: absentOr(
    list(record<GlobalDefault>({ driver: NAME, property: NAME, value: PROPERTY_VALUE }), {
      max: GLOBALS_MAX,
    }),
  ),
});

/** Those that were saved before boards could have USB say nothing of it. */
const HEAD_FIELDS: StateKind<HeadSnapshot> = {
  misfit: (value) =>
    HEAD_RECORD.misfit(typeof value === 'object' && value !== null ? { usb: false, ...value } : value),
};

/** As on the command line: the DIMMs' room is above RAM, and where addresses reach. */
const HEAD: StateKind<HeadSnapshot> = where(HEAD_FIELDS, ({ machine, cpu, memoryBytes, dimms, globals }) => {
  if (globals?.every(isDefault) === false) return 'is no machine';
  const version = machineVersion(machine);
  const identity = identityOf(cpu, version);
  if (identity === undefined) return 'is no machine';
  if (dimms === null) return undefined;
  const end = addressesEnd(memoryBytes, dimms, hasHyperTransport(version, identity));
  return dimms.maxBytes >= memoryBytes && end <= GPA_END ? undefined : 'is no machine';
});

/** Such a property there is, and its values are of this kind. */
function isDefault({ driver, property, value }: GlobalDefault): boolean {
  const type = DEVICE_TYPES.find(({ name }) => name === driver);
  const spec = type && allProperties(type).find(({ name }) => name === property);
  return spec !== undefined && typeof (spec.default ?? '') === typeof value;
}

function identityOf(text: string, version: MachineVersion): CpuIdentity | undefined {
  try {
    return readCpu(text, version.cpu, () => {});
  } catch (error) {
    if (error instanceof MonitorError) return undefined;
    throw error;
  }
}

/** Far enough below the last moment that a clock can tell for the deadlines of a day. */
const NOW_MAX_NS = MAX_TIME_NS - 86_400e9;
/** Spec: ECMA-262 §21.4.1.1: the range of a Date. */
const DATE_MAX_MS = 8.64e15;

const RUN = record<RunSnapshot>({
  nowNs: integer(0, NOW_MAX_NS),
  wallClockMs: finite(-DATE_MAX_MS, DATE_MAX_MS),
  retired: integer(0, NOW_MAX_NS),
  runState: oneOf(...RUN_STATES),
  poweredUp: BOOLEAN,
  powerOff: BOOLEAN,
  resetReason: nullable(oneOf(...SHUTDOWN_CAUSES)),
  noReboot: BOOLEAN,
  turn: record({ index: integer(0, MAX_CPUS - 1), left: integer(0, 0x7fff_ffff) }),
});

export const STATE = record<StateSnapshot>({ run: RUN, peripherals: PERIPHERALS, sections: SECTIONS });

export interface MachineSnapshot {
  readonly head: Plain;
  /** The machine's own memory: it must not run before this is stored. */
  readonly ram: RamImage;
  readonly state: Plain;
}

/**
 * Stops the machine and says all of it; `cont` lets it go on. Requests to disks are finished first.
 * Rejects with `SnapshotError`.
 */
export function saveMachine(machine: Machine): Promise<MachineSnapshot> {
  machine.stop();
  return saveStanding(machine);
}

/** The same for a machine that was stopped. */
export async function saveStanding(machine: Machine): Promise<MachineSnapshot> {
  if (machine.runState === 'internal-error') {
    throw new SnapshotError('A machine that stopped by a fault of the emulator cannot be saved.');
  }
  await machine.drives.settled();
  await machine.drives.drained();
  await machine.drives.flush().catch((error: unknown) => {
    throw new SnapshotError(`The disks could not be stored: ${asBlockError(error).message}`);
  });
  // A restored machine begins with an empty TLB: so must this one go on, or their page tables could differ in an accessed bit.
  for (const { cpu } of machine.processors.present) cpu.flushTlb(true);
  const state: StateSnapshot = {
    run: machine.saveRun(),
    peripherals: savePeripherals(machine),
    sections: saveSections(machine.devices.tree),
  };
  return { head: headOf(machine), ram: ramImage(machine), state };
}

/** What a snapshot of this machine begins with. */
export function headOf({ config, memory }: Machine): HeadSnapshot {
  return {
    machine: config.machineType ?? CURRENT_MACHINE,
    cpu: config.cpu ?? DEFAULT_CPU,
    memoryBytes: config.memoryBytes,
    smp: config.smp ?? ONE_PROCESSOR,
    ram: memory.regions.map(({ name, gpa, size }) => ({ name, gpa, size })),
    dimms: config.dimms ?? null,
    hmat: config.hmat === true,
    usb: config.usb === true,
    ideDrives: config.ideDrives ?? 0,
    floppyDrives: config.floppyDrives ?? 0,
    serialPorts: [...(config.serialPorts ?? [true])],
    noReboot: config.noReboot === true,
    ...((config.globals ?? []).length === 0 ? {} : { globals: config.globals }),
  };
}

/** The machine's RAM, to be read or filled. */
export function ramImage({ memory }: Machine): RamImage {
  return new RamImage(memory);
}

export function isHead(head: Plain): head is HeadSnapshot {
  return HEAD.misfit(head) === undefined;
}
