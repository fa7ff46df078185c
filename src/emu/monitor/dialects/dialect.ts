/**
 * The words of another year. A lesson quotes the monitor that its author had in front of him: a dialect is how that one spoke, as data that the
 * monitors read. Commands do not ask which version they belong to. The machine below is the same in all dialects.
 */
import type { QapiCommand } from '../../qapi/command.ts';
import type { DeviceType } from '../../qdev/device-type.ts';
import type { Command } from '../command.ts';
import type { BlockTextOptions } from '../hmp/info-block.ts';
import type { CpuLine } from '../hmp/info-cpus.ts';
import type { BlockDeviceInfo, BlockInfo } from '../qapi/block-core-info.ts';
import type { PciInfo } from '../qapi/pci.ts';
import type { QmpContext } from '../qmp/own-commands.ts';
import type { ErrorStyle } from './error-style.ts';

/** As `-compat-monitor` takes them, the newest first. */
export const DIALECT_NAMES = ['7.2', '5.1', '2.0', '1.5', '1.1', 'qemu-kvm-0.15'] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** How answers look that every version laid out in its own way. Each gives whole lines. */
export interface Layouts {
  /** `info block` */
  block(drives: readonly BlockInfo[], nodes: readonly BlockDeviceInfo[], options: BlockTextOptions): string;
  /** `info pci` */
  pci(buses: readonly PciInfo[]): string;
  /** `info cpus` */
  cpus(cpus: readonly CpuLine[]): string;
  /** `device_add ?`, `-device help`; with the types that only boards make, `info qdm` */
  devices(types: readonly DeviceType[]): string;
}

/** What a table of commands has that the newest one has not, and the reverse. */
export interface Vocabulary<T> {
  /** Names that came later. */
  readonly unknown: ReadonlySet<string>;
  /** Entries of this dialect; one with the name of another takes its place. */
  readonly own: readonly T[];
}

/** What the command line does as it did in that year. */
export interface StartHabits {
  /** What the program said of itself when the user named no display; undefined: our command line is as of today. */
  readonly display: string | undefined;
  /** Several character devices could be on one terminal. */
  readonly sharesTerminal: boolean;
  /** Lessons have hosts with KVM: `accel=kvm` is taken, and said to be this emulator. */
  readonly takesKvm: boolean;
  /** `-usbdevice` takes `disk:FILE`, `host:BUS.ADDR` and the like. */
  readonly usbParameters: boolean;
  /** Processors that the user did not group are sockets of their own, as before QEMU 6.2, not cores of one. */
  readonly prefersSockets: boolean;
}

export interface Dialect {
  readonly name: DialectName;
  /** Types that `device_add` had and that have other names today. */
  readonly formerTypes: ReadonlySet<string>;
  /** Of the banner, of `info version` and of QMP's greeting. */
  readonly version: string;
  readonly layouts: Layouts;
  readonly errors: ErrorStyle;
  readonly commands: Vocabulary<Command>;
  /** What `info` shows. */
  readonly topics: Vocabulary<Command>;
  readonly qmp: Vocabulary<QapiCommand<QmpContext>>;
  readonly start: StartHabits;
}

/** The entries that a dialect has. */
export function spoken<T extends { readonly name: string }>(
  all: readonly T[],
  { unknown, own }: Vocabulary<T>,
): readonly T[] {
  const replaced = new Set(own.map(({ name }) => name));
  return [...all.filter(({ name }) => !unknown.has(name) && !replaced.has(name)), ...own];
}
