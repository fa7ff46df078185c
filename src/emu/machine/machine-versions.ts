/** The versions of the board. QEMU: hw/i386/pc_piix.c; each keeps what guests of its time saw. */
import { type CpuCompat, CURRENT_CPU } from '../cpu/models/cpu-option.ts';

export interface MachineVersion {
  /** `pc-i440fx-7.2`. */
  readonly name: string;
  /** What -smp does not say becomes sockets, not cores. */
  readonly prefersSockets: boolean;
  readonly cpu: CpuCompat;
}

export const CURRENT_MACHINE = 'pc-i440fx-7.2';

const VERSIONS = [
  ...['7.2', '7.1', '7.0', '6.2', '6.1', '6.0', '5.2', '5.1', '5.0', '4.2', '4.1', '4.0', '3.1', '3.0'],
  ...['2.12', '2.11', '2.10', '2.9', '2.8', '2.7'],
];

/** Newest first. */
export const MACHINE_VERSIONS: readonly MachineVersion[] = VERSIONS.map((version) => ({
  name: `pc-i440fx-${version}`,
  prefersSockets: isUpTo(version, '6.1'),
  cpu: cpuOf(version),
}));

/** `version` is `last` or older. */
function isUpTo(version: string, last: string): boolean {
  return VERSIONS.indexOf(version) >= VERSIONS.indexOf(last);
}

function cpuOf(version: string): CpuCompat {
  return {
    ...CURRENT_CPU,
    vendorCpuidOnly: !isUpTo(version, '6.0'),
    tcgCpuid: !isUpTo(version, '2.8'),
    l3Cache: !isUpTo(version, '2.7'),
    fullAutoLevel: !isUpTo(version, '2.7'),
    ...(isUpTo(version, '6.0') ? { qemu64: { family: 6, model: 6, stepping: 3 } } : {}),
  };
}

/** By its name, of which `pc` is another for the newest. */
export function machineVersion(name: string): MachineVersion | undefined {
  const wanted = name === 'pc' ? CURRENT_MACHINE : name;
  return MACHINE_VERSIONS.find((version) => version.name === wanted);
}
