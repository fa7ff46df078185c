/** What happens to the machine and its devices, as it is told to monitors, the page and tests. */

/** Why a machine ends or begins anew. Spec: QEMU qapi/run-state.json. */
export const SHUTDOWN_CAUSES = [
  'host-qmp-quit',
  'host-qmp-system-reset',
  'host-signal',
  'guest-shutdown',
  'guest-reset',
  'guest-panic',
] as const;
export type ShutdownCause = (typeof SHUTDOWN_CAUSES)[number];

/** What a machine does when its guest has crashed. Spec: QEMU qapi/run-state.json. */
export type GuestPanicAction = 'pause' | 'poweroff' | 'run';

/** What a machine does when a watchdog was not fed in time. Spec: QEMU qapi/run-state.json. */
export const WATCHDOG_ACTIONS = [
  ...(['reset', 'shutdown', 'poweroff', 'pause', 'debug', 'none', 'inject-nmi'] as const),
];
export type WatchdogAction = (typeof WATCHDOG_ACTIONS)[number];

/** What the guest said last of a place for a processor or a DIMM. Spec: QEMU qapi/acpi.json, ACPIOSTInfo. */
export type AcpiOstInfo = {
  /** Absent: nothing with an id is there. */
  readonly device?: string;
  readonly slot: string;
  readonly 'slot-type': 'CPU' | 'DIMM';
  readonly source: number;
  readonly status: number;
};

/** How far a dump of the guest's memory came, in bytes. Spec: QEMU qapi/dump.json, DumpQueryResult. */
export type DumpResult = {
  readonly status: 'none' | 'active' | 'completed' | 'failed';
  readonly completed: number;
  readonly total: number;
};

/** Spec: QEMU qapi/job.json. */
export const JOB_TYPES = [
  ...(['commit', 'stream', 'mirror', 'backup', 'create', 'amend'] as const),
  ...(['snapshot-load', 'snapshot-save', 'snapshot-delete'] as const),
];
export type JobType = (typeof JOB_TYPES)[number];

/** How far a job is. Spec: QEMU qapi/job.json. */
export const JOB_STATUSES = [
  ...(['undefined', 'created', 'running', 'paused', 'ready', 'standby'] as const),
  ...(['waiting', 'pending', 'aborting', 'concluded', 'null'] as const),
];
export type JobStatus = (typeof JOB_STATUSES)[number];

/** QEMU's QMP events with their data. Spec: QEMU qapi/run-state.json, qapi/qdev.json, qapi/block-core.json. */
export interface MachineEventData {
  STOP: undefined;
  RESUME: undefined;
  RESET: { readonly guest: boolean; readonly reason: ShutdownCause };
  SHUTDOWN: { readonly guest: boolean; readonly reason: ShutdownCause };
  POWERDOWN: undefined;
  SUSPEND: undefined;
  SUSPEND_DISK: undefined;
  WAKEUP: undefined;
  /** The guest has crashed, and this is done about it. */
  GUEST_PANICKED: { readonly action: GuestPanicAction };
  /** The guest has crashed and goes on with a kernel that it keeps for that. */
  GUEST_CRASHLOADED: { readonly action: 'run' };
  /** A fault of the hardware is reported to the guest, or ends in a reset. */
  MEMORY_FAILURE: {
    readonly recipient: 'guest';
    readonly action: 'inject' | 'reset';
    readonly flags: { readonly 'action-required': boolean; readonly recursive: boolean };
  };
  /** A watchdog was not fed in time, and this is done about it. */
  WATCHDOG: { readonly action: WatchdogAction };
  /** The guest says how far it got with a processor or a DIMM. Spec: QEMU qapi/acpi.json. */
  ACPI_DEVICE_OST: { readonly info: AcpiOstInfo };
  /** `device` is absent for a device without id. */
  DEVICE_DELETED: { readonly device?: string; readonly path: string };
  /** The guest or the user opened or closed the tray of a drive. Spec: QEMU qapi/block.json. */
  DEVICE_TRAY_MOVED: { readonly device: string; readonly 'tray-open': boolean; readonly id: string };
  /** The guest opened or closed a port of a virtio console device. Spec: QEMU qapi/char.json. */
  VSERPORT_CHANGE: { readonly open: boolean; readonly id: string };
  /** The guest has changed which packets a card takes. Spec: QEMU qapi/net.json. */
  NIC_RX_FILTER_CHANGED: { readonly name?: string; readonly path: string };
  /** The guest has another amount of memory in its balloon. Spec: QEMU qapi/machine.json. */
  BALLOON_CHANGE: { readonly actual: number };
  /** The guest took memory of a device, or gave it up. Spec: QEMU qapi/machine.json. */
  MEMORY_DEVICE_SIZE_CHANGE: { readonly size: number; readonly 'qom-path': string; readonly id?: string };
  /** Memory was written to a file, or could not be. Spec: QEMU qapi/dump.json. */
  DUMP_COMPLETED: { readonly result: DumpResult; readonly error?: string };
  /** Spec: QEMU qapi/job.json. */
  JOB_STATUS_CHANGE: { readonly id: string; readonly status: JobStatus };
  /** A write goes beyond the threshold that the node had, in bytes; it has none any more. Spec: QEMU qapi/block-core.json. */
  BLOCK_WRITE_THRESHOLD: {
    readonly 'node-name': string;
    readonly 'amount-exceeded': number;
    readonly 'write-threshold': number;
  };
  BLOCK_IO_ERROR: {
    readonly device: string;
    readonly 'node-name'?: string;
    readonly operation: 'read' | 'write';
    readonly action: 'report' | 'ignore' | 'stop';
    readonly nospace?: boolean | undefined;
    readonly reason: string;
  };
}

export type MachineEventName = keyof MachineEventData;
export type MachineEvent = {
  [N in MachineEventName]: { readonly event: N; readonly data: MachineEventData[N] };
}[MachineEventName];

export type MachineEventListener = (event: MachineEvent) => void;

/** Calls back once, after so much of the host's time, whether or not the machine runs. */
export type After = (delayMs: number, callback: () => void) => void;

/**
 * QEMU: an event that a guest can cause as often as it likes is told once in this time, for each thing that it is about; of what comes
 * too early the last is told when the time is over. It is the host's time, which goes on while the machine is stopped.
 */
const RATE_MS = 1000;

/** Names what a rated event is about; undefined for an event that is told at once. */
function ratedKey(event: MachineEvent): string | undefined {
  if (event.event === 'VSERPORT_CHANGE') return `${event.event} ${event.data.id}`;
  if (event.event === 'MEMORY_DEVICE_SIZE_CHANGE') return `${event.event} ${event.data['qom-path']}`;
  return event.event === 'BALLOON_CHANGE' || event.event === 'WATCHDOG' ? event.event : undefined;
}

export class MachineEvents {
  #listeners: readonly MachineEventListener[] = [];
  readonly #after: After;
  /** What was told less than `RATE_MS` ago, with the event that waits. */
  readonly #recent = new Map<string, MachineEvent | undefined>();

  /** They wait for an event that comes before them. */
  #deletions: MachineEvent[] | undefined;

  constructor(after: After) {
    this.#after = after;
  }

  /** Tells `event`, then which devices `act` has taken out of the machine. QEMU: they are gone a moment after a reset. */
  emitBeforeDeletions(event: MachineEvent, act: () => void): void {
    const deletions: MachineEvent[] = [];
    this.#deletions = deletions;
    try {
      act();
    } finally {
      this.#deletions = undefined;
    }
    for (const one of [event, ...deletions]) this.emit(one);
  }

  emit(event: MachineEvent): void {
    if (event.event === 'DEVICE_DELETED' && this.#deletions !== undefined) {
      this.#deletions.push(event);
      return;
    }
    const key = ratedKey(event);
    if (key === undefined) this.#tell(event);
    else if (this.#recent.has(key)) this.#recent.set(key, event);
    else this.#tellRated(key, event);
  }

  /** Adds a listener; the returned function takes it away again. */
  listen(listener: MachineEventListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  #tell(event: MachineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #tellRated(key: string, event: MachineEvent): void {
    this.#recent.set(key, undefined);
    this.#tell(event);
    this.#after(RATE_MS, () => {
      const waiting = this.#recent.get(key);
      if (waiting === undefined) this.#recent.delete(key);
      else this.#tellRated(key, waiting);
    });
  }
}
