/** All commands of the schema, in the order of QEMU's files. Those that are about the one who gives them are in `qmp`. */
import type { QapiCommand } from '../../qapi/command.ts';
import { ABSENT_COMMANDS } from './absent.ts';
import { ACPI_COMMANDS } from './acpi.ts';
import { BLOCK_ABSENT_COMMANDS } from './block-absent.ts';
import { BLOCK_CORE_COMMANDS } from './block-core.ts';
import { CHAR_COMMANDS } from './char.ts';
import type { QapiContext } from './context.ts';
import { CONTROL_COMMANDS } from './control.ts';
import { DISPLAY_COMMANDS } from './displays.ts';
import { DUMP_COMMANDS } from './dump.ts';
import { JOB_COMMANDS } from './job.ts';
import { MACHINE_COMMANDS } from './machine.ts';
import { MACHINE_MEMORY_COMMANDS } from './machine-memory.ts';
import { MACHINE_NUMA_COMMANDS } from './machine-numa.ts';
import { MACHINE_TARGET_COMMANDS } from './machine-target.ts';
import { MIGRATION_COMMANDS } from './migration.ts';
import { MISC_COMMANDS } from './misc.ts';
import { MISC_TARGET_COMMANDS } from './misc-target.ts';
import { NET_COMMANDS } from './net.ts';
import { PCI_COMMANDS } from './pci.ts';
import { QDEV_COMMANDS } from './qdev.ts';
import { QOM_COMMANDS } from './qom.ts';
import { ROCKER_COMMANDS } from './rocker.ts';
import { RUN_STATE_COMMANDS } from './run-state.ts';
import { STATS_COMMANDS } from './stats.ts';
import { TPM_COMMANDS } from './tpm.ts';
import { TRACE_COMMANDS } from './trace.ts';
import { TRANSACTION_COMMANDS } from './transaction.ts';
import { UI_COMMANDS } from './ui.ts';
import { VIRTIO_COMMANDS } from './virtio.ts';
import { YANK_COMMANDS } from './yank.ts';

export const QAPI_COMMANDS: readonly QapiCommand<QapiContext>[] = [
  ...RUN_STATE_COMMANDS,
  ...BLOCK_CORE_COMMANDS,
  ...BLOCK_ABSENT_COMMANDS,
  ...CHAR_COMMANDS,
  ...DUMP_COMMANDS,
  ...JOB_COMMANDS,
  ...NET_COMMANDS,
  ...ROCKER_COMMANDS,
  ...TPM_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...UI_COMMANDS,
  ...DISPLAY_COMMANDS,
  ...MIGRATION_COMMANDS,
  ...CONTROL_COMMANDS,
  ...QOM_COMMANDS,
  ...QDEV_COMMANDS,
  ...MACHINE_COMMANDS,
  ...MACHINE_MEMORY_COMMANDS,
  ...MACHINE_NUMA_COMMANDS,
  ...MACHINE_TARGET_COMMANDS,
  ...MISC_COMMANDS,
  ...MISC_TARGET_COMMANDS,
  ...ACPI_COMMANDS,
  ...PCI_COMMANDS,
  ...VIRTIO_COMMANDS,
  ...TRACE_COMMANDS,
  ...STATS_COMMANDS,
  ...YANK_COMMANDS,
  ...ABSENT_COMMANDS,
];
