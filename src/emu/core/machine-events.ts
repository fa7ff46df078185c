/** What happens to the machine and its devices, as it is told to monitors, the page and tests. */

/** QEMU's QMP events with their data. Spec: QEMU qapi/run-state.json, qapi/qdev.json, qapi/block-core.json. */
export interface MachineEventData {
  STOP: undefined;
  RESUME: undefined;
  RESET: { readonly guest: boolean; readonly reason: string };
  SHUTDOWN: { readonly guest: boolean; readonly reason: string };
  POWERDOWN: undefined;
  SUSPEND: undefined;
  SUSPEND_DISK: undefined;
  WAKEUP: undefined;
  /** `device` is absent for a device without id. */
  DEVICE_DELETED: { readonly device?: string; readonly path: string };
  /** The guest opened or closed a port of a virtio console device. Spec: QEMU qapi/char.json. */
  VSERPORT_CHANGE: { readonly open: boolean; readonly id: string };
  BLOCK_IO_ERROR: {
    readonly device: string;
    readonly 'node-name'?: string;
    readonly operation: 'read' | 'write';
    readonly action: 'report';
    readonly nospace: boolean;
    readonly reason: string;
  };
}

export type MachineEventName = keyof MachineEventData;
export type MachineEvent = {
  [N in MachineEventName]: { readonly event: N; readonly data: MachineEventData[N] };
}[MachineEventName];

export type MachineEventListener = (event: MachineEvent) => void;

export class MachineEvents {
  #listeners: readonly MachineEventListener[] = [];

  emit(event: MachineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Adds a listener; the returned function takes it away again. */
  listen(listener: MachineEventListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }
}
