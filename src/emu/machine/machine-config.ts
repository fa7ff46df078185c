/** What a machine is made of, and what it needs of the world. */
import type { AcpiOem } from '../acpi/acpi-config.ts';
import type { ImageOpener } from '../block/image-store.ts';
import type { FileMaker, Host } from '../core/host.ts';
import type { After, ShutdownCause, WatchdogAction } from '../core/machine-events.ts';
import type { SnapshotStore } from '../core/snapshot-store.ts';
import type { TraceLog } from '../core/trace.ts';
import type { FunctionMaker } from '../cpu/interp/code-maker.ts';
import type { BufferMaker } from '../memory/arena.ts';
import type { NetHost } from '../net/net-host.ts';
import type { PropertyValue } from '../qdev/properties.ts';
import type { BootConfig } from './boot-config.ts';
import type { SmpConfig } from './cpu-topology.ts';
import type { TurnSnapshot } from './processors.ts';
import type { RunState } from './run-state.ts';

/** What is started when the machine is switched on or reset. */
export interface BootFiles {
  /** ELF with a PVH entry, or bzImage; without it the machine stays in prelaunch. */
  readonly kernel?: Uint8Array | undefined;
  readonly initrd?: Uint8Array | undefined;
  readonly append?: string | undefined;
}

export { RAM_MAX } from '../memory/pc-ram.ts';

/** QEMU: ACPI_MAX_RAM_SLOTS. */
export const MAX_DIMM_SLOTS = 256;

/** Another default for a property of a type of devices. */
export type GlobalDefault = {
  readonly driver: string;
  readonly property: string;
  readonly value: PropertyValue;
};

export interface MachineConfig extends BootFiles {
  /** QEMU: -bios: a firmware in ROM, of `isBiosSize` bytes, which runs instead of the built-in one. */
  readonly bios?: Uint8Array | undefined;
  /** QEMU: -machine memory-backend=: the id of the object that is the RAM, which `useMemoryBackend` finds; absent: the board makes one. */
  readonly memoryBackend?: string | undefined;
  /** QEMU: -pflash: firmware is in flash, which `attachFlash` puts in before the machine is ready. */
  readonly hasFlash?: boolean | undefined;
  /** RAM, a multiple of 4096. The host has memory only for as much of it as the guest writes, and for at most 2 GiB. */
  readonly memoryBytes: number;
  /** QEMU: -machine, a name of MACHINE_VERSIONS; absent: the newest. */
  readonly machineType?: string | undefined;
  /** QEMU: -accel; absent: `tcg`. With `qtest` no vCPU runs, and time moves only when `Machine.steppedTime` is told to. */
  readonly accel?: 'tcg' | 'qtest' | undefined;
  /** QEMU: -uuid, in lower case. */
  readonly uuid?: string | undefined;
  /** QEMU: -machine x-oem-id=, x-oem-table-id=: who made the ACPI tables. */
  readonly oem?: AcpiOem | undefined;
  /** QEMU: -machine smm=; absent: true. */
  readonly smm?: boolean | undefined;
  /** QEMU: -global. */
  readonly globals?: readonly GlobalDefault[] | undefined;
  /** QEMU: -machine usb=on: the board has its USB controller. */
  readonly usb?: boolean | undefined;
  /** Drives that the board itself has on its IDE controller: they have their numbers among its devices, and are made when it is there. */
  readonly ideDrives?: number | undefined;
  /** The same on its floppy controller. */
  readonly floppyDrives?: number | undefined;
  /** QEMU: -boot. */
  readonly boot?: BootConfig | undefined;
  /** QEMU: -cpu; absent: qemu64. */
  readonly cpu?: string | undefined;
  /** QEMU: -smp; absent: one processor. */
  readonly smp?: SmpConfig | undefined;
  /** RAM stays empty and devices are cold-plugged: `restoreMachine` follows. A reset waits for `setBootFiles`. */
  readonly restoring?: boolean | undefined;
  /** QEMU: -m slots=,maxmem=: room for DIMMs; `maxBytes` counts them and the RAM. */
  readonly dimms?: { readonly slots: number; readonly maxBytes: number } | undefined;
  /** QEMU: -machine hmat=on: guests are told how fast NUMA nodes reach each other's memory. */
  readonly hmat?: boolean | undefined;
  /** QEMU: -icount shift=N: the guest's clock counts instructions, and every run repeats exactly. */
  readonly icountShift?: number | undefined;
  /** QEMU: -rtc base=…: the real-time clock at start, in milliseconds since 1970; else the host's wall clock. */
  readonly rtcBaseMs?: number | undefined;
  /** QEMU: -rtc clock=…: whether the real-time clock makes up for what the machine loses of the host's time; absent: `host`. */
  readonly rtcClock?: 'host' | 'vm' | undefined;
  /** Which of COM1 to COM4 the board has; by default COM1. */
  readonly serialPorts?: readonly boolean[] | undefined;
  /** The host gives the machine all its character devices, those of the serial ports too. */
  readonly hostChardevs?: boolean | undefined;
  /** Devices are part of the machine, not hot-plugged, until the caller has said `completeNuma()` and `devices.machineReady()`. */
  readonly coldPlug?: boolean | undefined;
  /** QEMU: -no-reboot: a guest's reset ends the machine. */
  readonly noReboot?: boolean | undefined;
  /** QEMU: -no-shutdown. Who shows the machine keeps it when the guest is off. */
  readonly noShutdown?: boolean | undefined;
  /** Absent: `shutdown`. */
  readonly panicAction?: PanicAction | undefined;
  /** Absent: `reset`. */
  readonly watchdogAction?: WatchdogAction | undefined;
  /** As monitors show it; nothing depends on it. */
  readonly name?: string | undefined;
  /** Where the machine reports what it does, from the first chip on; absent: one of its own. */
  readonly trace?: TraceLog | undefined;
}

/** What follows when a guest has crashed. QEMU: -action panic=. With `exit-failure` the program ends with status 1. */
export type PanicAction = 'pause' | 'shutdown' | 'exit-failure' | 'none';

/** What `Machine.saveRun` gives. */
export type RunSnapshot = {
  readonly nowNs: number;
  readonly wallClockMs: number;
  readonly retired: number;
  readonly runState: RunState;
  readonly poweredUp: boolean;
  readonly powerOff: boolean;
  readonly resetReason: ShutdownCause | null;
  readonly noReboot: boolean;
  readonly turn: TurnSnapshot;
};

/**
 * What a notice is about. Who shows the machine may learn the same in other ways: `disk` comes with the event BLOCK_IO_ERROR, `fault` with
 * run state internal-error.
 */
export type NoticeSubject = 'memory' | 'disk' | 'fault';

export interface MachineHost extends Host {
  /** Calls back once, after so much of the host's time. */
  readonly after: After;
  readonly images: ImageOpener;
  /** What QEMU prints on its standard error. */
  readonly warn?: (message: string) => void;
  /** A line of the log, as it is. */
  readonly printLine?: (line: string) => void;
  /** Something that whoever shows the machine should tell its user: an I/O error of a disk, a fault of the emulator. */
  readonly notice?: (text: string, about: NoticeSubject) => void;
  /** Where a monitor's user saves memory; absent: nowhere. */
  readonly createFile?: FileMaker;
  /** Where `savevm` keeps snapshots; absent: nowhere. */
  readonly snapshots?: SnapshotStore;
  /** Sockets for the guest's network; absent: none. */
  readonly network?: NetHost;
  /** How the buffer for guest RAM is made; absent: by `ArrayBuffer`. A RangeError makes the machine ask for less. */
  readonly makeBuffer?: BufferMaker;
  /** How text becomes code; absent: by `Function`. What throws, as under a strict content policy, leaves all to the interpreter. */
  readonly makeFunction?: FunctionMaker;
}

/** What the caller of `run` is to do next. */
export interface SliceResult {
  /** Milliseconds until something may happen by itself: 0 call again at once, Infinity only input can wake the machine. */
  readonly idleMs: number;
}
