/** One of QEMU's qtest programs, subtest by subtest: a failed assertion ends a program, so each has a process of its own. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

/** What came of a subtest. `absent`: it is about a device, a machine or an option that Hotslot does not have. */
export interface Outcome {
  readonly path: string;
  readonly result: 'passed' | 'failed' | 'absent';
  /** What it is that Hotslot does not have. */
  readonly absent?: string | undefined;
  /** The end of what the program printed. */
  readonly said: string;
}

/** On a busy host: one starts the emulator ten times. */
const SUBTEST_MS = 300_000;
/** A subtest waits 50 s for an emulator that has refused to start. */
const REFUSED_MS = 3000;
const SAID_CHARACTERS = 6000;

/** A sign of what is not there, and how the table calls that: `$1` is what the pattern has found. */
type Sign = readonly [pattern: RegExp, what: string];

const BIOS = 'a BIOS that starts a disk';
/** What Hotslot prints when it is asked for something that it does not have. */
const ABSENT: readonly Sign[] = [
  [/'([^']+)' is not a valid device model name/, '$1'],
  [
    /-(?:machine|M) (?:type=)?([\w.-]+)[^\n]*\n(?:(?!starting QEMU)[\s\S])*unsupported machine type/,
    'machine $1',
  ],
  [/unsupported machine type/, 'a machine'],
  [/-(\S+): invalid option$/m, '-$1'],
  [/Property '([^']+)' is fixed at/, 'property $1'],
  [/(option group '[^']+'|'[^']+') is not modelled by this machine/, '$1'],
  [/machine type does not support (if=\w+)/, '$1'],
  [/No '([^']+)' bus found for device/, 'a bus $1'],
  [/-(\w+) [^\n]*: only none is modelled/, '-$1'],
  [/Could not open 'blkdebug:|Unknown protocol 'blkdebug'/, 'blkdebug in file names'],
  [/(?:invalid|unsupported) object type:? '?([\w-]+)/, 'object $1'],
  [/Parameter 'qom-type' does not accept value '([^']+)'/, 'object $1'],
  [/this machine has no BIOS that could start a disk/, BIOS],
];
/** The same in the last answer of QMP before a subtest gave up. */
const ABSENT_ANSWERS: readonly Sign[] = [
  [/'([^']+)' is not a valid device model name/, '$1'],
  [/Parameter 'driver' does not accept value '([^']+)'/, '$1'],
  [/Hotslot does not migrate machines/, 'migration'],
];

/** The name of what is not there; undefined: no sign of anything. */
function absentIn(said: string, signs: readonly Sign[]): string | undefined {
  for (const [pattern, what] of signs) {
    const found = pattern.exec(said);
    if (found !== null) return what.replace('$1', found[1] ?? '');
  }
  return undefined;
}

/** @param log what the subtest printed with QTEST_LOG: all messages of QMP, each in a line */
function absentAtEnd(log: string): string | undefined {
  const last = log.split('\n').findLast((line) => /^\{.*"error": \{/.test(line)) ?? '';
  return absentIn(last, ABSENT_ANSWERS);
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
    if (absentIn(stderr, ABSENT) !== undefined) refused ??= setTimeout(end, REFUSED_MS);
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

/** @param atEnd what the last answers tell, where they are known */
function judged({ status, stdout, stderr }: Ended, atEnd?: string): Pick<Outcome, 'result' | 'absent'> {
  if (status === 0 && !/^not ok/m.test(stdout)) return { result: 'passed' };
  const absent = absentIn(`${stdout}\n${stderr}`, ABSENT) ?? atEnd;
  return absent === undefined ? { result: 'failed' } : { result: 'absent', absent };
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
    const nothing = { result: 'absent', absent: 'all that it asks for' } as const;
    const verdict = listed.status === 0 ? nothing : judged(listed);
    return [{ path: '(list)', ...verdict, said: (listed.stdout + listed.stderr).slice(-SAID_CHARACTERS) }];
  }
  const outcomes: Outcome[] = [];
  for (const path of all.filter((one) => only === undefined || one.startsWith(only))) {
    const ended = await run(program, subtest(path), emulator);
    const said = `${ended.stdout}\n${ended.stderr}`.slice(-SAID_CHARACTERS);
    const verdict = judged(ended);
    outcomes.push(
      verdict.result === 'failed' ? await again(program, path, emulator) : { path, ...verdict, said },
    );
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
  const verdict = judged(ended, absentAtEnd(ended.stderr));
  return { path, ...verdict, result: verdict.result === 'absent' ? 'absent' : 'failed', said };
}
