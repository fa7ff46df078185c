/** The events of the schema. Spec: QEMU qapi/run-state.json, qdev.json, acpi.json, char.json, machine.json, block.json, block-core.json, dump.json, job.json. */
import type { MachineEventData, MachineEventName } from '../../core/machine-events.ts';
import type { QapiEvent } from '../../qapi/command.ts';
import {
  BOOL,
  enumeration,
  INT,
  NOTHING,
  type ObjectNode,
  optional,
  type SchemaType,
  SIZE,
  STR,
  struct,
  UINT64,
  union,
} from '../../qapi/schema.ts';
import { ACPI_OST_INFO } from './acpi.ts';
import { DUMP_QUERY_RESULT } from './dump.ts';
import { JOB_STATUS } from './job.ts';
import { WATCHDOG_ACTION } from './run-state.ts';

const SHUTDOWN_CAUSE = enumeration('ShutdownCause', [
  ...(['none', 'host-error', 'host-qmp-quit', 'host-qmp-system-reset', 'host-signal', 'host-ui'] as const),
  ...(['guest-shutdown', 'guest-reset', 'guest-panic', 'subsystem-reset', 'snapshot-load'] as const),
]);
const GUEST_REASON = struct({ guest: BOOL, reason: SHUTDOWN_CAUSE });
const S390_CRASH_REASON = enumeration('S390CrashReason', [
  ...(['unknown', 'disabled-wait', 'extint-loop', 'pgmint-loop', 'opint-loop'] as const),
]);
/** What some guests tell beside. QEMU: pvpanic has nothing to tell. */
const GUEST_PANIC_INFORMATION = union(
  { type: enumeration('GuestPanicInformationType', ['hyper-v', 's390']) },
  'type',
  {
    'hyper-v': struct({ arg1: INT, arg2: INT, arg3: INT, arg4: INT, arg5: INT }),
    s390: struct({ core: INT, 'psw-mask': INT, 'psw-addr': INT, reason: S390_CRASH_REASON }),
  },
);
const GUEST_PANIC = struct({
  action: enumeration('GuestPanicAction', ['pause', 'poweroff', 'run']),
  info: optional(GUEST_PANIC_INFORMATION),
});
const MEMORY_FAILURE = struct({
  recipient: enumeration('MemoryFailureRecipient', ['hypervisor', 'guest']),
  action: enumeration('MemoryFailureAction', ['ignore', 'inject', 'fatal', 'reset']),
  flags: struct({ 'action-required': BOOL, recursive: BOOL }),
});
const IO_OPERATION_TYPE = enumeration('IoOperationType', ['read', 'write']);
const BLOCK_ERROR_ACTION = enumeration('BlockErrorAction', ['ignore', 'report', 'stop']);

/** What comes with an event; nothing is an object without members. */
type Told<N extends MachineEventName> = MachineEventData[N] extends undefined ? object : MachineEventData[N];

/** An event of the machine. Does not compile where what comes with it is not what the schema says. */
const event =
  <N extends MachineEventName>(name: N) =>
  <T>(data: SchemaType<T, ObjectNode> & (Told<N> extends T ? unknown : never)): QapiEvent => ({
    name,
    data: data.node,
  });

export const QAPI_EVENTS: readonly QapiEvent[] = [
  event('SHUTDOWN')(GUEST_REASON),
  event('POWERDOWN')(NOTHING),
  event('RESET')(GUEST_REASON),
  event('STOP')(NOTHING),
  event('RESUME')(NOTHING),
  event('SUSPEND')(NOTHING),
  event('SUSPEND_DISK')(NOTHING),
  event('WAKEUP')(NOTHING),
  event('GUEST_PANICKED')(GUEST_PANIC),
  event('GUEST_CRASHLOADED')(GUEST_PANIC),
  event('MEMORY_FAILURE')(MEMORY_FAILURE),
  event('WATCHDOG')(struct({ action: WATCHDOG_ACTION })),
  event('BLOCK_IO_ERROR')(
    struct({
      ...{ device: STR, 'node-name': optional(STR), operation: IO_OPERATION_TYPE },
      ...{ action: BLOCK_ERROR_ACTION, nospace: optional(BOOL), reason: STR },
    }),
  ),
  event('BLOCK_WRITE_THRESHOLD')(
    struct({ 'node-name': STR, 'amount-exceeded': UINT64, 'write-threshold': UINT64 }),
  ),
  event('DEVICE_TRAY_MOVED')(struct({ device: STR, id: STR, 'tray-open': BOOL })),
  event('VSERPORT_CHANGE')(struct({ id: STR, open: BOOL })),
  event('DEVICE_DELETED')(struct({ device: optional(STR), path: STR })),
  event('NIC_RX_FILTER_CHANGED')(struct({ name: optional(STR), path: STR })),
  event('BALLOON_CHANGE')(struct({ actual: INT })),
  event('MEMORY_DEVICE_SIZE_CHANGE')(struct({ id: optional(STR), size: SIZE, 'qom-path': STR })),
  event('DUMP_COMPLETED')(struct({ result: DUMP_QUERY_RESULT, error: optional(STR) })),
  event('JOB_STATUS_CHANGE')(struct({ id: STR, status: JOB_STATUS })),
  event('ACPI_DEVICE_OST')(struct({ info: ACPI_OST_INFO })),
];
