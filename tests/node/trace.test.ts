/** What the program logs, and where: -trace, -d, -D and -msg. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { programRuns, WAITING } from '../support/program-runs.ts';

const { at, start } = programRuns();
const MONITOR = [...WAITING, '-serial', 'null', '-monitor', 'stdio'];

/** Types lines into the monitor of a machine with these arguments; what went to standard error. */
async function monitor(args: readonly string[], ...lines: readonly string[]): Promise<string> {
  const run = start(...MONITOR, ...args);
  for (const line of lines) {
    await run.until('(qemu) ');
    run.type(`${line}\n`);
  }
  await run.until('(qemu) ');
  run.type('quit\n');
  expect(await run.ended).toBe(0);
  return run.stderr;
}

describe('lists', () => {
  it.each([
    [['-trace', 'help'], 0, /^mhp_acpi_invalid_slot_selected\n(?:\w+\n)+hotslot_register_write\n$/],
    [['-d', 'trace:help'], 0, /^mhp_acpi_invalid_slot_selected\n/],
    [['-d', 'help'], 0, /^Log items \(comma separated\):\nout_asm {9}.*Use "-d trace:help" to get/s],
    [['-d', 'nosuch'], 1, /^Log items \(comma separated\):\n/],
    [['-d', 'none'], 1, /^Log items \(comma separated\):\n/],
  ] as const)('%j', async (args, status, text) => {
    const run = start(...args);
    expect(await run.ended).toBe(status);
    expect(run.stdout).toMatch(text);
    expect(run.stderr).toBe('');
  });
});

describe('events', () => {
  const line = 'serial_write write addr 0x07 val 0x55\n';

  it('go to standard error as they are', async () => {
    expect(await monitor(['-trace', 'serial_w*'], 'o /b 0x3ff 0x55')).toBe(line);
  });

  it('go to the file of -D, and of the monitor from then on', async () => {
    const stderr = await monitor(
      ['-trace', 'serial_write', '-D', 'log'],
      'o /b 0x3ff 0x55',
      `logfile ${at('second')}`,
      'trace-event serial_write off',
      'o /b 0x3ff 0x56',
      'trace-event serial_read on',
      'i /b 0x3ff',
    );
    expect(stderr).toBe('');
    expect(readFileSync(at('log'), 'utf8')).toBe(line);
    expect(readFileSync(at('second'), 'utf8')).toBe('serial_read read addr 0x07 val 0x56\n');
  });

  it('are those of a file of patterns, in the file of -trace', async () => {
    writeFileSync(at('patterns'), '# the port\nserial_*\n-serial_read\n');
    const stderr = await monitor(['-trace', 'events=patterns,file=traced'], 'o /b 0x3ff 0x55', 'i /b 0x3ff');
    expect(stderr).toBe('');
    expect(readFileSync(at('traced'), 'utf8')).toBe(line);
  });

  it('begin with the first chip of the machine', async () => {
    expect(await monitor(['-trace', 'x86_gsi_interrupt', '-trace', 'port92*'])).toMatch(
      /^x86_gsi_interrupt GSI/,
    );
  });

  it('have the time before them, as messages have, with -msg timestamp=on', async () => {
    const stderr = await monitor(
      ['-trace', 'serial_write', '-msg', 'timestamp=on', '-d', 'trace:nosuch'],
      'o /b 0x3ff 0x55',
    );
    expect(stderr).toBe(
      `hotslot-system-x86_64: warning: trace event 'nosuch' does not exist\n-1@0.000000:${line}`,
    );
    const refused = start('-msg', 'timestamp=on', '-kernel', 'missing');
    expect(await refused.ended).toBe(1);
    expect(refused.stderr).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z qemu: could not open kernel file/,
    );
  });
});

it('what the guest does wrong is logged with -d guest_errors', async () => {
  expect(await monitor(['-d', 'guest_errors'], 'o /b 0x64 0x33')).toBe('unsupported keyboard cmd=0x33\n');
});
