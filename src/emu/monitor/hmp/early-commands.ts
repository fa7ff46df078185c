/** What the human monitor knows before the machine is complete, with -preconfig. Names are QEMU's. */
import type { Command } from '../command.ts';

const COMMANDS = new Set(
  (
    'block_job_cancel block_job_complete block_job_pause block_job_resume block_job_set_speed block_resize ' +
    'block_set_io_throttle block_stream closefd exit_preconfig getfd help info nbd_server_add nbd_server_remove ' +
    'nbd_server_start nbd_server_stop netdev_add netdev_del object_add object_del qom-get qom-list qom-set quit'
  ).split(' '),
);
const TOPICS = new Set(
  (
    'chardev history hotpluggable-cpus iothreads memdev name qom-tree status uuid version virtio ' +
    'virtio-queue-element virtio-queue-status virtio-status virtio-vhost-queue-status'
  ).split(' '),
);

/** The part of a table that is there so early, with the part of each list of subcommands. */
export function earlyCommands(commands: readonly Command[]): readonly Command[] {
  return commands
    .filter(({ name }) => COMMANDS.has(name))
    .map((command) => {
      const { subcommands } = command;
      if (subcommands === undefined) return command;
      return { ...command, subcommands: subcommands.filter(({ name }) => TOPICS.has(name)) };
    });
}
