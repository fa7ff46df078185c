/** Commands about images and drives that this machine has not. Sentences are QEMU's where it has one for such a machine. */
import { block, flag, maybe, size, string } from '../argument-specs.ts';
import type { AbsentRow, ByDrive } from './absent.ts';

const NO_COPIES = 'Error: Hotslot has no jobs that copy images';
const NO_SERVER = 'Error: Hotslot is no server of disk images';
const ONE_DEVICE = [block('device')];
const JOB = "Error: Block job '{device}' not found";

const noNode = (there: string): ByDrive => ({
  drive: 'device',
  none: "Error: Cannot find device='{device}' nor node-name='{device}'",
  there,
});

export const ABSENT_BLOCK: readonly AbsentRow[] = [
  ['block_job_cancel', '[-f] device', 'end a job (-f: at once)', [flag('f', 'force'), ...ONE_DEVICE], JOB],
  ['block_job_complete', 'device', 'let a job come to its end', ONE_DEVICE, JOB],
  ['block_job_pause', 'device', 'let a job wait', ONE_DEVICE, JOB],
  ['block_job_resume', 'device', 'let a job that waits go on', ONE_DEVICE, JOB],
  ['block_job_set_speed', 'device speed', 'how fast a job may be', [...ONE_DEVICE, size('speed')], JOB],
  [
    'block_stream',
    'device [speed [base]]',
    'copy what an image has from the one below it',
    [...ONE_DEVICE, maybe(size('speed')), maybe(string('base'))],
    noNode(NO_COPIES),
  ],
  [
    'commit',
    'device|all',
    'write changes through to the image below',
    ONE_DEVICE,
    {
      by: 'device',
      texts: { all: '' },
      other: {
        drive: 'device',
        none: "Device '{device}' not found",
        there: "'commit' error for '{device}': Operation not supported",
      },
    },
  ],
  [
    'drive_backup',
    '[-n] [-f] [-c] device target [format]',
    'copy a drive as it is now (-n: the target is there; -f: all of it; -c: compressed)',
    [
      flag('n', 'reuse'),
      flag('f', 'full'),
      flag('c', 'compress'),
      ...ONE_DEVICE,
      string('target'),
      maybe(string('format')),
    ],
    noNode(NO_COPIES),
  ],
  [
    'drive_mirror',
    '[-n] [-f] device target [format]',
    'copy a drive and all that is written meanwhile (-n: the target is there; -f: all of it)',
    [flag('n', 'reuse'), flag('f', 'full'), ...ONE_DEVICE, string('target'), maybe(string('format'))],
    noNode(NO_COPIES),
  ],
  [
    'nbd_server_add',
    'nbd_server_add [-w] device [name]',
    'give a drive out as a network block device (-w: to be written, too)',
    [flag('w', 'writable'), ...ONE_DEVICE, maybe(string('name'))],
    noNode('Error: NBD server not running'),
  ],
  [
    'nbd_server_remove',
    'nbd_server_remove [-f] name',
    'give a drive out no more (-f: also to those who have it)',
    [flag('f', 'force'), string('name')],
    "Error: Export '{name}' is not found",
  ],
  [
    'nbd_server_start',
    'nbd_server_start [-a] [-w] host:port',
    'start to give drives out (-a: all; -w: to be written, too)',
    [flag('a', 'all'), flag('w', 'writable'), string('uri')],
    NO_SERVER,
  ],
  ['nbd_server_stop', 'nbd_server_stop', 'give out no drive any more', [], 'Error: NBD server not running'],
  [
    'snapshot_blkdev',
    '[-n] device [new-image-file] [format]',
    'go on in a new image above that of a drive (-n: it is there)',
    [flag('n', 'reuse'), ...ONE_DEVICE, maybe(string('snapshot-file')), maybe(string('format'))],
    {
      by: 'snapshot-file',
      texts: { '': "Error: Parameter 'snapshot-file' is missing" },
      other: {
        drive: 'device',
        none: "Error: Cannot find device='{device}' nor node-name=''",
        there: 'Error: Hotslot has no images that stand on others',
      },
    },
  ],
  [
    'snapshot_blkdev_internal',
    'device name',
    'keep the state of a drive in its image',
    [...ONE_DEVICE, string('name')],
    noNode("Error: Block format 'raw' used by device '{device}' does not support internal snapshots"),
  ],
  [
    'snapshot_delete_blkdev_internal',
    'device name [id]',
    'forget a state of a drive that its image has kept',
    [...ONE_DEVICE, string('name'), maybe(string('id'))],
    noNode('Error: Failed to get a snapshot list: Operation not supported'),
  ],
];
