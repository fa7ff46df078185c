/** Jobs: snapshots that a client takes by name, and the words about jobs. Spec: QEMU qapi/job.json, migration.json, block-core.json. */
import { JOB_STATUSES, JOB_TYPES, type JobType } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { JobInfo, JobVerb } from '../../machine/jobs.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { deleteVmOf, loadVmOf, saveVmOf } from '../vm-snapshots.ts';
import { command, type QapiContext } from './context.ts';

export const JOB_STATUS = enumeration('JobStatus', JOB_STATUSES);
const JOB_INFO = struct({
  id: STR,
  type: enumeration('JobType', JOB_TYPES),
  status: JOB_STATUS,
  'current-progress': INT,
  'total-progress': INT,
  error: optional(STR),
});
const BLOCK_JOB_INFO = struct({
  type: STR,
  device: STR,
  len: INT,
  offset: INT,
  busy: BOOL,
  paused: BOOL,
  speed: INT,
  'io-status': enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']),
  ready: BOOL,
  status: JOB_STATUS,
  'auto-finalize': BOOL,
  'auto-dismiss': BOOL,
  error: optional(STR),
});

/** QEMU: what a snapshot has to do is one thing, which is done as soon as anybody can ask. */
function infoOf({ id, type, status, error }: JobInfo): Infer<typeof JOB_INFO> {
  const info = { id, type, status, 'current-progress': 1, 'total-progress': 1 };
  return error === undefined ? info : { ...info, error };
}

async function begin(
  { machine, afterAnswer }: QapiContext,
  id: string,
  type: JobType,
  work: () => Promise<void>,
): Promise<void> {
  afterAnswer(await machine.jobs.run(id, type, work));
}

const SNAPSHOT_ARGS = struct({ 'job-id': STR, tag: STR, vmstate: STR, devices: list(STR) });

const SNAPSHOT_COMMANDS = [
  command('snapshot-save', {
    args: SNAPSHOT_ARGS,
    run: (context, { 'job-id': id, vmstate, ...wanted }) =>
      begin(context, id, 'snapshot-save', () => saveVmOf(context.machine, wanted, vmstate)),
  }),
  command('snapshot-load', {
    args: SNAPSHOT_ARGS,
    run: (context, { 'job-id': id, vmstate, ...wanted }) =>
      begin(context, id, 'snapshot-load', () => loadVmOf(context.machine, wanted, vmstate, context.warn)),
  }),
  command('snapshot-delete', {
    args: struct({ 'job-id': STR, tag: STR, devices: list(STR) }),
    run: (context, { 'job-id': id, ...wanted }) =>
      begin(context, id, 'snapshot-delete', () => deleteVmOf(context.machine, wanted)),
  }),
];

const VERBS: readonly JobVerb[] = ['cancel', 'pause', 'resume', 'complete', 'finalize'];
const VERB_COMMANDS = VERBS.map((verb) =>
  command(`job-${verb}`, {
    args: struct({ id: STR }),
    run: ({ machine }, { id }) => machine.jobs.refuse(id, verb),
  }),
);

/** Jobs that copy images, of which there is none. */
function noBlockJob(device: string): never {
  throw new MonitorError(`Block job '${device}' not found`, 'DeviceNotActive');
}

const BLOCK_JOB_COMMANDS = [
  command('query-block-jobs', { returns: list(BLOCK_JOB_INFO), allowPreconfig: true, run: () => [] }),
  command('block-job-set-speed', {
    args: struct({ device: STR, speed: INT }),
    allowPreconfig: true,
    run: (_context, { device }) => noBlockJob(device),
  }),
  command('block-job-cancel', {
    args: struct({ device: STR, force: optional(BOOL) }),
    allowPreconfig: true,
    run: (_context, { device }) => noBlockJob(device),
  }),
  ...['pause', 'resume', 'complete'].map((verb) =>
    command(`block-job-${verb}`, {
      args: struct({ device: STR }),
      allowPreconfig: true,
      run: (_context, { device }) => noBlockJob(device),
    }),
  ),
  ...['dismiss', 'finalize'].map((verb) =>
    command(`block-job-${verb}`, {
      args: struct({ id: STR }),
      allowPreconfig: true,
      run: (_context, { id }) => noBlockJob(id),
    }),
  ),
];

export const JOB_COMMANDS = [
  ...SNAPSHOT_COMMANDS,
  ...VERB_COMMANDS,
  command('job-dismiss', {
    args: struct({ id: STR }),
    run: ({ machine }, { id }) => machine.jobs.dismiss(id),
  }),
  command('query-jobs', { returns: list(JOB_INFO), run: ({ machine }) => machine.jobs.list().map(infoOf) }),
  ...BLOCK_JOB_COMMANDS,
];
