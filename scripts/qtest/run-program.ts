/** One of QEMU's qtest programs, subtest by subtest: a failed assertion ends a program, so each has a process of its own. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

/** What came of a subtest. `absent`: it is about a device, a machine or an option that Hotslot does not have. */
export interface Outcome {
  readonly path: string;
  readonly result: 'passed' | 'failed' | 'absent';
  /** The end of what the program printed. */
  readonly said: string;
}

const SUBTEST_MS = 120_000;
/** A subtest waits 50 s for an emulator that has refused to start. */
const REFUSED_MS = 3000;
const SAID_CHARACTERS = 6000;
/** What Hotslot prints when it is asked for something that it does not have. */
const ABSENT = [
  /is not a valid device model name/,
  /unsupported machine type/,
  /: invalid option$/m,
  /is not modelled by this machine/,
  /machine type does not support if=/,
  /No '[^']+' bus found for device/,
  /only none is modelled/,
  /Could not open 'blkdebug:|Unknown protocol 'blkdebug'/,
  /invalid object type|unsupported object type|Parameter 'qom-type' does not accept value/,
];
/** The same in the last answer of QMP before a subtest gave up. */
const ABSENT_ANSWERS = [
  /is not a valid device model name/,
  /Parameter 'driver' does not accept value/,
  /Hotslot does not migrate machines/,
];

function isAbsent(said: string): boolean {
  return ABSENT.some((pattern) => pattern.test(said));
}

/** @param log what the subtest printed with QTEST_LOG: all messages of QMP, each in a line */
function endsWithAbsent(log: string): boolean {
  const last = log.split('\n').findLast((line) => /^\{.*"error": \{/.test(line)) ?? '';
  return ABSENT_ANSWERS.some((pattern) => pattern.test(last));
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param more of the environment */
function run(
  program: string,
  args: readonly string[],
  emulator: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    // Some look for their data below the folder in which they were built.
    cwd: join(dirname(program), '../..'),
    // Its emulators are in its process group, which ends with it.
    detached: true,
    env: {
      ...process.env,
      ...{ QTEST_QEMU_BINARY: emulator, MALLOC_PERTURB_: undefined, G_TEST_SLOW: undefined },
      ...more,
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString('latin1');
  });
  let refused: NodeJS.Timeout | undefined;
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString('latin1');
    if (isAbsent(stderr)) refused ??= setTimeout(end, REFUSED_MS);
  });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of the group has ended.
    }
  };
  const timer = setTimeout(() => {
    stderr += '\nstopped: it took too long\n';
    end();
  }, SUBTEST_MS);
  return new Promise((resolve) => {
    child.on('exit', (status) => {
      clearTimeout(timer);
      clearTimeout(refused);
      end();
      // What is still in the pipes comes before `close`, unless somebody holds them open.
      const ended = (): void => resolve({ status, stdout, stderr });
      const late = setTimeout(ended, 2000);
      child.on('close', () => {
        clearTimeout(late);
        ended();
      });
    });
  });
}

function resultOf({ status, stdout, stderr }: Ended): Outcome['result'] {
  if (status === 0 && !/^not ok/m.test(stdout)) return 'passed';
  return isAbsent(`${stderr}\n${stdout}`) ? 'absent' : 'failed';
}

/** @param only one subtest, or those whose path begins so */
export async function runProgram(
  program: string,
  emulator: string,
  only?: string,
): Promise<readonly Outcome[]> {
  const listed = await run(program, ['-l'], emulator);
  const all = listed.stdout.split('\n').filter((line) => line.startsWith('/'));
  if (all.length === 0) {
    // It has asked what there is, and has nothing to test.
    const result = listed.status === 0 ? 'absent' : resultOf(listed);
    return [{ path: '(list)', result, said: (listed.stdout + listed.stderr).slice(-SAID_CHARACTERS) }];
  }
  const outcomes: Outcome[] = [];
  for (const path of all.filter((one) => only === undefined || one.startsWith(only))) {
    const ended = await run(program, subtest(path), emulator);
    const said = `${ended.stdout}\n${ended.stderr}`.slice(-SAID_CHARACTERS);
    const result = resultOf(ended);
    outcomes.push(result === 'failed' ? await again(program, path, emulator) : { path, result, said });
  }
  return outcomes;
}

/** Subtests that go on from where another one has left the emulator. */
const AFTER: readonly (readonly [path: RegExp, before: string])[] = [
  [/^\/x86_64\/fdc\/read_no_dma_/, '/x86_64/fdc/media_insert'],
];

/** Arguments that have a program do a subtest, and what comes before it. */
function subtest(path: string): readonly string[] {
  const before = AFTER.filter(([pattern]) => pattern.test(path)).map(([, other]) => other);
  return [...before, path].flatMap((one) => ['-p', one]);
}

/** A subtest that has failed, once more with what was said over QMP: that may tell what is absent. */
async function again(program: string, path: string, emulator: string): Promise<Outcome> {
  const ended = await run(program, subtest(path), emulator, { QTEST_LOG: '1' });
  const said = `${ended.stdout}\n${ended.stderr}`.slice(-SAID_CHARACTERS);
  // One that passes now did not pass before.
  const isAbout = resultOf(ended) === 'absent' || endsWithAbsent(ended.stderr);
  return { path, result: isAbout ? 'absent' : 'failed', said };
}
