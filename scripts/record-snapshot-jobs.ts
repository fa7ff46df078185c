/** What is said to QEMU about the jobs `snapshot-save`, `snapshot-load` and `snapshot-delete`, on a machine with qcow2 images. */
import { anyhow, negotiated, type QmpFlow, run } from './record-qmp-packets.ts';

const hmp = (line: string): string => run('human-monitor-command', { 'command-line': line });
const add = (node: string, image: string): string =>
  run('blockdev-add', {
    ...{ driver: 'qcow2', 'node-name': node },
    file: { driver: 'file', filename: `/tmp/${image}`, 'node-name': `f${image}` },
  });

interface Wanted {
  readonly vmstate?: string;
  readonly devices: readonly string[];
}

const NAMES = { save: 'snapshot-save', load: 'snapshot-load', delete: 'snapshot-delete' } as const;
const begin = (verb: keyof typeof NAMES, id: string, tag: string, wanted: Wanted): string =>
  run(NAMES[verb], { 'job-id': id, tag, ...wanted });
/** A job, what is told of it, and its end. */
const whole = (verb: keyof typeof NAMES, tag: string, wanted: Wanted): readonly string[] => [
  begin(verb, 'job', tag, wanted),
  run('query-jobs'),
  run('job-dismiss', { id: 'job' }),
];

const ONE = { vmstate: 'd1', devices: ['d1'] };
const BOTH = { vmstate: 'd1', devices: ['d1', 'd2'] };
const VERBS = ['cancel', 'pause', 'resume', 'complete', 'finalize', 'dismiss'] as const;

export const SNAPSHOT_JOBS: QmpFlow = {
  name: 'jobs',
  args: [],
  sent: negotiated(
    ...anyhow(...Object.values(NAMES), ...VERBS.map((verb) => `job-${verb}`), 'query-jobs'),
    ...VERBS.map((verb) => run(`job-${verb}`, { id: 'nope' })),
    begin('save', '1bad', 'x', ONE),
    begin('save', '', 'x', ONE),
    run('snapshot-save', { 'job-id': 'job', tag: 'x', vmstate: 'd1', devices: [1] }),
    run('snapshot-save', { 'job-id': 'job', tag: 'x', vmstate: 'd1', devices: 'd1' }),
    ...whole('save', 'early', ONE),
    ...whole('load', 'early', ONE),
    ...whole('delete', 'early', { devices: ['d1'] }),
    add('d1', '1'),
    add('d2', '2'),
    hmp('drive_add 0 if=none,file=/tmp/3,format=qcow2,id=disk3,node-name=d3'),
    ...whole('save', 'one', ONE),
    ...whole('save', 'one', ONE),
    ...whole('save', 'none', { vmstate: 'd1', devices: [] }),
    ...whole('save', 'none', { vmstate: 'nope', devices: ['d1'] }),
    ...whole('save', 'none', { vmstate: 'nope', devices: [] }),
    ...whole('save', 'none', { vmstate: 'd2', devices: ['d1'] }),
    ...whole('save', 'one', { vmstate: 'd2', devices: ['d1'] }),
    ...whole('save', 'none', { vmstate: 'd1', devices: ['d1', 'nope'] }),
    ...whole('save', 'none', { vmstate: 'd1', devices: ['f1', 'd1'] }),
    ...whole('save', 'one', { vmstate: 'd1', devices: ['f1', 'd1'] }),
    ...whole('save', 'none', { vmstate: 'disk3', devices: ['disk3'] }),
    ...whole('save', 'twice', { vmstate: 'd1', devices: ['d1', 'd1'] }),
    ...whole('save', 'both', BOTH),
    ...whole('save', 'both', ONE),
    ...whole('save', 'three', { vmstate: 'd3', devices: ['d3', 'd2', 'd1'] }),
    ...whole('load', 'one', ONE),
    ...whole('load', 'one', BOTH),
    ...whole('load', 'both', BOTH),
    ...whole('load', 'both', ONE),
    ...whole('load', 'both', { vmstate: 'd2', devices: ['d2'] }),
    ...whole('load', 'both', { vmstate: 'd1', devices: ['d2'] }),
    ...whole('load', 'three', { vmstate: 'd3', devices: ['d3'] }),
    ...whole('load', 'nope', { vmstate: 'nope', devices: ['d1'] }),
    ...whole('load', 'one', { vmstate: 'd1', devices: [] }),
    ...whole('load', 'one', { vmstate: 'f1', devices: ['f1'] }),
    ...whole('load', 'one', { vmstate: 'd1', devices: ['nope'] }),
    ...whole('delete', 'nope', { devices: ['d1'] }),
    ...whole('delete', 'one', { devices: [] }),
    ...whole('delete', 'one', { devices: ['nope'] }),
    ...whole('delete', 'one', { devices: ['f1'] }),
    ...whole('delete', 'one', { devices: ['d2'] }),
    ...whole('load', 'one', ONE),
    ...whole('delete', 'one', { devices: ['d1'] }),
    ...whole('load', 'one', ONE),
    hmp('savevm whole'),
    ...whole('load', 'whole', { vmstate: 'd3', devices: ['d1', 'd2', 'd3'] }),
    begin('save', 'first', 'kept', ONE),
    begin('save', 'first', 'kept', ONE),
    ...VERBS.slice(0, -1).map((verb) => run(`job-${verb}`, { id: 'first' })),
    begin('save', 'second', 'kept', ONE),
    run('query-jobs'),
    run('query-block-jobs'),
    hmp('info block-jobs'),
    // A whole conversation in one packet: who asks next waits for the job.
    `${begin('delete', 'third', 'kept', { devices: ['d1'] })}${run('query-jobs')}${run('job-dismiss', { id: 'third' })}`,
    run('query-status'),
    run('quit'),
  ),
};
