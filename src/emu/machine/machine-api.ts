/** The machine as its monitors see it. */

import type { Drives } from '../block/drives.ts';
import type { Chardevs } from '../char/chardevs.ts';
import type { FileMaker } from '../core/host.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import type { MonitorError } from '../core/monitor-error.ts';
import type { TraceLog } from '../core/trace.ts';
import type { UserInput } from '../input/user-input.ts';
import type { Balloon } from '../memory/balloon.ts';
import type { Network } from '../net/network.ts';
import type { DeviceManager } from '../qdev/plug.ts';
import type { Qom } from '../qdev/qom.ts';
import type { UserObjects } from '../qdev/user-objects.ts';
import type { GuestAccess } from './guest-access.ts';
import type { GuestActions } from './guest-actions.ts';
import type { GuestSignals } from './guest-signals.ts';
import type { Inspection } from './inspection.ts';
import type { Jobs } from './jobs.ts';
import type { MachineSnapshots } from './machine-snapshots.ts';
import type { MigrationSettings } from './migration-settings.ts';
import type { Numa } from './numa.ts';
import type { Preconfig } from './preconfig.ts';
import type { RunState } from './run-state.ts';

export type { MappedRegion } from '../bus/address-space.ts';
export type { InputEvent } from '../input/input-handlers.ts';
export { INPUT_BUTTONS } from '../input/input-handlers.ts';
export { KEY_NAMES } from '../input/key-names.ts';
export { KEYBOARD_INDEX, KEYBOARD_NAME } from '../input/ps2-input.ts';
export { keyOfScanCode } from '../input/user-input.ts';
export type { PciBarInfo, PciDeviceInfo } from '../pci/pci-info.ts';
export type { QomObject } from '../qdev/objects.ts';
export { type PluggedUsbDevice, UsbBus } from '../usb/usb-bus.ts';
export { speedMbits } from '../usb/usb-speed.ts';
export type { HotpluggableCpu } from './boards/pc-cpus.ts';
export type { MemoryApi, MemoryDevice } from './boards/pc-device-memory.ts';
export type { CpuRegisters, SegmentRegister } from './cpu-registers.ts';
export type { GuestAccess } from './guest-access.ts';
export type { CpuInfo, Inspection, LocalApicInfo } from './inspection.ts';
export type { PageMapping, PageTables } from './page-tables.ts';

export interface MachineApi {
  /** -name; undefined: nobody named it. */
  readonly name: string | undefined;
  readonly runState: RunState;
  /** Whether it is complete. */
  readonly preconfig: Preconfig;
  readonly events: MachineEvents;
  readonly jobs: Jobs;
  readonly migration: MigrationSettings;
  readonly devices: DeviceManager;
  readonly chardevs: Chardevs;
  readonly drives: Drives;
  readonly network: Network;
  readonly objects: UserObjects;
  /** All of them and their properties. */
  readonly qom: Qom;
  readonly balloon: Balloon;
  /** Its NUMA nodes. */
  readonly numa: Numa;
  /** Stops the vCPUs; without effect when they do not run. */
  stop(): void;
  /** Lets the vCPUs run; QEMU's error when the machine must be reset first. */
  cont(): MonitorError | undefined;
  /** What is done when the guest resets, ends or crashes; without effect on what is not named. */
  setActions(actions: Partial<GuestActions>): void;
  reset(): void;
  /** NMIs and machine checks. */
  readonly signals: Pick<GuestSignals, keyof GuestSignals>;
  /** The order in which firmware looks for a system, as letters. Throws QEMU's error. */
  setBootOrder(order: string): void;
  /** Presses the power button; the guest decides what it does, if it has a driver for it by then. */
  powerButton(): void;
  /** Ends the machine: images are flushed and closed. */
  quit(): void;
  readonly inspect: Inspection;
  /** Memory and ports as the guest has them. */
  readonly access: GuestAccess;
  /** Keyboard and mouse. */
  readonly input: UserInput;
  readonly trace: TraceLog;
  /** Files of the host's. */
  readonly createFile: FileMaker;
  /** `savevm` and `loadvm`. */
  readonly snapshots: Pick<MachineSnapshots, keyof MachineSnapshots>;
  /** Starts the gdb server on a character device, or ends it with `none`. Rejects with MonitorError. */
  readonly startGdbServer: (device: string) => Promise<void>;
}
