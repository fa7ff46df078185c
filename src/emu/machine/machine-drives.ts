/** The drives of a machine, wired to it. */
import { Drives } from '../block/drives.ts';
import type { Machine } from './machine.ts';
import type { MachineHost } from './machine-config.ts';

type DrivesMachine = Pick<Machine, 'clock' | 'config' | 'engine' | 'events' | 'onDrivesChange'>;

/** @param isEmpty the machine has no board, and therefore no controller that takes a drive by itself */
export function machineDrives(machine: DrivesMachine, host: MachineHost, isEmpty: boolean): Drives {
  const { clock, config, events } = machine;
  return new Drives({
    ...{ images: host.images, clock },
    ...{ warn: host.warn ?? (() => {}), defaultInterface: isEmpty ? 'none' : 'ide' },
    onWriteThreshold: (data) => events.emit({ event: 'BLOCK_WRITE_THRESHOLD', data }),
    onChange: () => machine.onDrivesChange(),
    ...(config.icountShift === undefined ? {} : { onRequest: () => machine.engine.cpu.requestExit() }),
  });
}
