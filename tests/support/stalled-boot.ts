/** A guest whose process is stopped again and again, from its first message to the prompt, and there. */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { expect, it, onTestFinished } from 'vitest';
import { ANSWER_MS, BOOT_MS, PROGRAM, PROMPT, Run } from './program.ts';

/** That of the guest image, with messages from the start and with Linux's watchdog over the TSC. */
const APPEND = 'console=ttyS0 earlyprintk=ttyS0 cryptomgr.notests rodata=off no_timer_check init_on_alloc=0';
/** What Linux says of a processor or a clock that did not do what it should. */
const COMPLAINT =
  /soft lockup|detected stalls?|self-detected|blocked for more than|unstable|clock-skew|time jumped|readout interval|calibrat\w+ (failed|against)/i;
/** The guest starts that much later than the process at most, and answers that late: all of it beside the stalls. */
const LAG_SECONDS = 15;
/** An idle guest has caught up by then, on a loaded host too. */
const CAUGHT_UP_MS = 60_000;

export interface Stalls {
  /** Just before the TSC is compared with the PIT, while the initramfs is unpacked, at a prompt that waits. */
  readonly bootMs: number;
  readonly unpackMs: number;
  readonly idleMs: number;
  /** While a program runs and never waits. */
  readonly busyMs: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Stops the process: as a laptop that sleeps, or a debugger. */
async function stall({ process }: Run, ms: number): Promise<void> {
  process.kill('SIGSTOP');
  await sleep(ms);
  process.kill('SIGCONT');
}

/** The process has a third of a core, in pieces. */
async function starve(run: Run, text: string): Promise<void> {
  for (const until = performance.now() + BOOT_MS; !run.stdout.includes(text); await sleep(10)) {
    if (performance.now() > until)
      throw new Error(`waited in vain for ${text} in ${run.stdout.slice(-2000)}`);
    await stall(run, 20);
  }
}

/** The guest's uptime in seconds. */
async function uptime(run: Run): Promise<number> {
  run.type('echo up $(cut -d " " -f 1 /proc/uptime) sec""onds\n');
  const text = await run.until(' seconds\r\n', ANSWER_MS);
  return Number(/up ([\d.]+) seconds/.exec(text)?.[1]);
}

/** A test of a guest whose host stalls so long, and that may take so long. */
export function itSurvivesStalls(stalls: Stalls, timeoutMs: number): void {
  it(
    'a stalled host costs the guest nothing but time, at any moment',
    () => bootWithStalls(stalls),
    timeoutMs,
  );
}

/** Boots, stalls and checks. */
async function bootWithStalls(stalls: Stalls): Promise<void> {
  // The first start may build the program.
  execFileSync(PROGRAM, ['-version']);
  const startedAt = performance.now();
  const run = new Run(['-guest', 'debian-amd64', '-append', APPEND], tmpdir());
  onTestFinished(async () => {
    run.process.kill('SIGKILL');
    await run.ended;
  });
  const behind = async (): Promise<number> => {
    const guest = await uptime(run);
    const lag = (performance.now() - startedAt) / 1000 - guest;
    expect(lag, `uptime ${guest} s`).toBeGreaterThan(0);
    return lag;
  };
  const caughtUp = async (): Promise<void> => {
    const until = performance.now() + CAUGHT_UP_MS;
    while ((await behind()) > LAG_SECONDS) {
      if (performance.now() > until) throw new Error('the idle guest does not catch up');
      await sleep(2000);
    }
  };
  let log = await run.until('Command line:', BOOT_MS);
  await stall(run, stalls.bootMs);
  await starve(run, 'tsc: Detected');
  log += await run.until('tsc: Detected', BOOT_MS);
  await stall(run, stalls.bootMs);
  log += await run.until('Trying to unpack rootfs', BOOT_MS);
  await stall(run, stalls.unpackMs);
  log += await run.until(PROMPT, BOOT_MS);
  await stall(run, stalls.idleMs);
  await caughtUp();
  run.type('(while :; do :; done) & true\n');
  await behind();
  await stall(run, stalls.busyMs);
  await behind();
  run.type('kill %1\n');
  await caughtUp();
  run.type('dmesg; cat /sys/devices/system/clocksource/*/current_clocksource; echo the e""nd\n');
  log += await run.until('the end', ANSWER_MS);
  expect(log).toMatch(/\ntsc\r\n/);
  expect(log.split('\r\n').filter((line) => COMPLAINT.test(line))).toEqual([]);
}
