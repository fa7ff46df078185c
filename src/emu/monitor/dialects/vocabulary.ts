/** When words of the monitor came. What is not named here all dialects have. Sources: QEMU's tables of commands, its changelogs, `Since:` in its schema. */
import { DIALECT_NAMES, type DialectName } from './dialect.ts';

/** By the oldest dialect that knows them. */
export type FirstKnown = Readonly<Partial<Record<DialectName, string>>>;

export const COMMANDS_SINCE: FirstKnown = {
  '1.1':
    'block_job_cancel block_job_set_speed block_set_io_throttle block_stream dump-guest-memory migrate_set_capability system_wakeup',
  '1.5':
    'block_job_complete block_job_pause block_job_resume chardev-add chardev-remove drive_mirror ' +
    'nbd_server_add nbd_server_start nbd_server_stop ringbuf_read ringbuf_write',
  '2.0':
    'drive_backup object_add object_del qemu-io snapshot_blkdev_internal snapshot_delete_blkdev_internal',
  '5.1':
    'announce_self chardev-change chardev-send-break exit_preconfig gpa2hpa gpa2hva gva2gpa migrate_continue ' +
    'migrate_incoming migrate_pause migrate_recover migrate_set_parameter migrate_start_postcopy nbd_server_remove ' +
    'qom-get qom-list qom-set sync-profile x_colo_lost_heartbeat',
  '7.2':
    'calc_dirty_rate cancel_vcpu_dirty_limit dumpdtb replay_break replay_delete_break replay_seek set_vcpu_dirty_limit',
};

export const TOPICS_SINCE: FirstKnown = {
  '1.1': 'block-jobs migrate_capabilities mtree',
  '1.5': 'tpm',
  '5.1':
    'dump hotpluggable-cpus iothreads lapic memdev memory-devices memory_size_summary migrate_parameters opcount ' +
    'qom-tree ramblock rdma rocker rocker-of-dpa-flows rocker-of-dpa-groups rocker-ports sev sync-profile vm-generation-id',
  '7.2':
    'dirty_rate replay sgx stats vcpu_dirty_limit virtio virtio-queue-element virtio-queue-status virtio-status ' +
    'virtio-vhost-queue-status',
};

export const QMP_SINCE: FirstKnown = {
  '1.1':
    'device-list-properties qom-get qom-list qom-set query-block-jobs query-machines query-target system_wakeup',
  '1.5': 'chardev-add chardev-remove ringbuf-read ringbuf-write send-key',
  '2.0': 'object-add object-del query-chardev-backends query-iothreads query-named-block-nodes',
  '5.1':
    'blockdev-change-medium chardev-change chardev-send-break query-acpi-ospm-status query-cpus-fast query-current-machine ' +
    'query-dump query-hotpluggable-cpus query-jobs query-memdev query-memory-devices query-memory-size-summary ' +
    'query-qmp-schema trace-event-get-state trace-event-set-state watchdog-set-action',
  '7.2':
    'query-replay x-query-irq x-query-jit x-query-numa x-query-opcount x-query-profile x-query-ramblock x-query-rdma ' +
    'x-query-roms x-query-usb x-query-virtio',
};

/** The words that came after a dialect. */
export function cameAfter(name: DialectName, since: FirstKnown): ReadonlySet<string> {
  const newer = DIALECT_NAMES.slice(0, DIALECT_NAMES.indexOf(name));
  return new Set(newer.flatMap((one) => since[one]?.split(' ') ?? []));
}
