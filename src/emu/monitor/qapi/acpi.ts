/** What the guest said of hotplug over ACPI. Spec: QEMU qapi/acpi.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { enumeration, INT, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const ACPI_SLOT_TYPE = enumeration('ACPISlotType', ['DIMM', 'CPU']);
export const ACPI_OST_INFO = struct({
  device: optional(STR),
  slot: STR,
  'slot-type': ACPI_SLOT_TYPE,
  ...{ source: INT, status: INT },
});

export const ACPI_COMMANDS = [
  command('query-acpi-ospm-status', {
    returns: list(ACPI_OST_INFO),
    run({ machine }) {
      const status = machine.inspect.ospmStatus();
      if (status === undefined) throw new MonitorError('command is not supported, missing ACPI device');
      return status;
    },
  }),
];
