/** The real gdb, unmodified, debugs the kernel of a running guest. One guest serves all of these tests. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANSWER_MS, BOOT_MS, eventually, PROGRAM, PROMPT, Run } from '../support/program.ts';
import { programRuns } from '../support/program-runs.ts';

const ROOT = join(import.meta.dirname, '../..');
const MISSING = [
  ...(existsSync(join(ROOT, 'public/images/debian-amd64/manifest.json'))
    ? []
    : ['the guest image (npm run images)']),
  ...(hasGdb() ? [] : ['gdb (apt-get install gdb)']),
];
const COMPLAINTS = "dmesg | grep -E 'lockup|stall|Oops:|BUG:'; true";
const SYMBOLS = ['schedule', 'do_idle', '__x64_sys_getpid', 'do_sys_openat2', 'jiffies'] as const;

function hasGdb(): boolean {
  try {
    execFileSync('gdb', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}

/** A gdb that runs a script, and what it printed. */
class Gdb {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<string>;
  output = '';

  constructor(script: string) {
    this.process = spawn('gdb', ['-nx', '-batch', '-x', script]);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        this.output += bytes.toString('latin1');
      });
    }
    this.ended = new Promise((resolve) => {
      this.process.on('close', () => resolve(this.output));
    });
  }
}

describe('gdbserver', () => {
  const { start } = programRuns('-display', 'none', '-nodefaults', '-S');

  it('begins and ends in the monitor, with QEMU’s words', async () => {
    const run = start('-monitor', 'stdio');
    const hmp = async (line: string): Promise<string> => {
      run.type(`${line}\n`);
      // The line is echoed key by key.
      const [, answer = ''] = /\r\n(.*)\(qemu\) $/s.exec(await run.until('\r\n(qemu) ')) ?? [];
      return answer.replaceAll('\r', '');
    };
    await run.until('(qemu) ');
    const device = `tcp:127.0.0.1:${await freePort()}`;
    expect(await hmp(`gdbserver ${device}`)).toBe(`Waiting for gdb connection on device '${device}'\n`);
    expect(await hmp('gdbserver tcp:127.0.0.1:1')).toBe(
      "duplicate yank instance\nCould not open gdbserver on device 'tcp:127.0.0.1:1'\n",
    );
    expect(await hmp('gdbserver none')).toBe('Disabled gdbserver\n');
    expect(await hmp('gdbserver foo')).toBe(
      "'foo' is not a valid char driver\nCould not open gdbserver on device 'foo'\n",
    );
    expect(await hmp('gdbserver null')).toBe("Waiting for gdb connection on device 'null'\n");
    expect(await hmp('gdbserver none')).toBe('Disabled gdbserver\n');
    expect(await hmp('gdbserver none')).toBe('Disabled gdbserver\n');
    expect(await hmp(`gdbserver ${device}`)).toBe(`Waiting for gdb connection on device '${device}'\n`);
  });

  it('of the command line serves one client at a time, and tells it the end', async () => {
    const port = await freePort();
    const run = start('-gdb', `tcp:127.0.0.1:${port}`, '-monitor', 'stdio');
    await run.until('(qemu) ');
    const client = (): { socket: Socket; text: () => string } => {
      let text = '';
      const socket = connect(port, '127.0.0.1');
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
      });
      return { socket, text: () => text };
    };
    const first = client();
    first.socket.write('$?#3f');
    await eventually(() => first.text() === '+$T05thread:01;#07', ANSWER_MS, first.text);
    const second = client();
    second.socket.write('$qC#b4');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(second.text()).toBe('');
    first.socket.destroy();
    await eventually(() => second.text() === '+$QC01#f5', ANSWER_MS, second.text);
    run.type('quit\n');
    await eventually(() => second.text().endsWith('$W00#b7'), ANSWER_MS, second.text);
    expect(await run.ended).toBe(0);
  });

  it.each([
    [['-gdb', 'foo'], /-gdb foo: 'foo' is not a valid char driver\n$/],
    [['-gdb', 'null', '-gdb', 'null'], /-gdb null: attempt to add duplicate property 'gdb' to object/],
  ])('is refused: %s', async (args, told) => {
    const run = start(...args);
    expect(await run.ended).toBe(1);
    expect(run.stderr).toMatch(told);
  });
});

describe.skipIf(MISSING.length > 0)(
  `the real gdb${MISSING.length === 0 ? '' : `: not tried, for want of ${MISSING.join(' and ')}`}`,
  () => {
    let folder = '';
    let run: Run;
    let port = 0;
    const address: Record<string, string> = {};
    const gdbs: Gdb[] = [];

    function start(...commands: readonly string[]): Gdb {
      const script = join(folder, 'script.gdb');
      const first = ['set pagination off', 'set confirm off', 'set tcp connect-timeout 60'];
      writeFileSync(script, [...first, `target remote 127.0.0.1:${port}`, ...commands, ''].join('\n'));
      const gdb = new Gdb(script);
      gdbs.push(gdb);
      return gdb;
    }

    const gdb = (...commands: readonly string[]): Promise<string> => start(...commands, 'detach').ended;

    /** What a command of the guest prints. */
    async function guest(command: string): Promise<string> {
      run.type(`${command}\n`);
      await run.until(`${command}\r\n`);
      const text = await run.until(PROMPT, ANSWER_MS);
      return text.slice(0, -PROMPT.length).replaceAll('\r', '').trim();
    }

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'hotslot-gdb-'));
      port = await freePort();
      execFileSync(PROGRAM, ['-version']);
      const image = ['-guest', 'debian-amd64', '-smp', '2'];
      run = new Run(
        [...image, '-display', 'none', '-serial', 'stdio', '-gdb', `tcp:127.0.0.1:${port}`],
        folder,
      );
      await run.until(PROMPT, BOOT_MS);
      const list = await guest(`grep -E ' (${SYMBOLS.join('|')})$' /proc/kallsyms`);
      for (const [, at = '', name = ''] of list.matchAll(/^([0-9a-f]{16}) \w (\w+)$/gm))
        address[name] = `0x${at}`;
      expect(Object.keys(address).sort()).toEqual([...SYMBOLS].sort());
    }, BOOT_MS + ANSWER_MS);

    afterAll(async () => {
      for (const { process } of gdbs) process.kill('SIGKILL');
      run.process.kill('SIGKILL');
      await run.ended;
      rmSync(folder, { recursive: true, force: true });
    });

    /** Nothing that gdb did harmed it. */
    async function works(): Promise<void> {
      expect(await guest('echo $((6 * 7))')).toBe('42');
      expect(await guest(COMPLAINTS)).toBe('');
      expect(run.stderr).toBe('');
    }

    it('connects, sees vCPUs, registers and memory, and the monitor', async () => {
      const text = await gdb(
        'info threads',
        'printf "cs %x efer %x\\n", $cs, $efer',
        `x/2bx ${address['do_idle']}`,
        'monitor info status',
        // The script ends with this.
        'p/x *(char*)0x10',
      );
      expect(text).toContain('Thread 1.1 (CPU#0 [');
      expect(text).toContain('Thread 1.2 (CPU#1 [');
      expect(text).toMatch(/cs (10|33) efer d01/);
      expect(text).toMatch(/0x[0-9a-f]{16}:\t0x[0-9a-f]{2}\t0x[0-9a-f]{2}/);
      expect(text).toContain('Cannot access memory at address 0x10');
      expect(text).toContain('VM status: paused\r\n');
      await works();
    });

    it('stops at a hardware breakpoint on any vCPU, and steps over it', async () => {
      const text = await gdb(
        `hbreak *${address['schedule']}`,
        'set $round = 0',
        'while $round < 30',
        'continue',
        'printf "at %lx on %d\\n", $rip, $_thread',
        'set $round = $round + 1',
        'end',
        'set $before = $rip',
        'stepi',
        'printf "stepped %d\\n", $rip - $before > 0 && $rip - $before < 16',
        'monitor info status',
      );
      const stops = [...text.matchAll(/^at ([0-9a-f]+) on (\d)$/gm)];
      expect(stops.length).toBe(30);
      expect(new Set(stops.map(([, at]) => `0x${at}`))).toEqual(new Set([address['schedule']]));
      expect(new Set(stops.map(([, , thread]) => thread))).toEqual(new Set(['1', '2']));
      expect(text).toContain('stepped 1\n');
      expect(text).toContain('VM status: paused (debug)\r\n');
      await works();
    }, 120_000);

    it('stops at a software breakpoint, in a guest whose code is compiled', async () => {
      run.type('(while :; do :; done) & (while :; do :; done) & echo star""ted\n');
      await run.until('started');
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const waiting = start(
        `break *${address['do_sys_openat2']}`,
        'continue',
        'printf "at %lx, from user code %d\\n", $rip, (*(long*)$rsp) >> 40 == -1',
        'delete',
        'detach',
      );
      await eventually(
        () => waiting.output.includes('Breakpoint 1 at'),
        ANSWER_MS,
        () => waiting.output,
      );
      run.type('cat /proc/uptime\n');
      const text = await waiting.ended;
      expect(text).toContain(`at ${address['do_sys_openat2']?.slice(2)}, from user code 1`);
      await run.until(PROMPT);
      run.type('kill %1 %2; wait; echo do""ne\n');
      await run.until('done');
      await run.until(PROMPT);
      await works();
    }, 120_000);

    it('stops behind each write of a variable, and where it is read', async () => {
      const text = await gdb(
        `set $jiffies = (unsigned long*)${address['jiffies']}`,
        'watch *$jiffies',
        'continue',
        'continue',
        'continue',
        'delete',
        'rwatch *$jiffies',
        'continue',
      );
      const values = [...text.matchAll(/Old value = (\d+)\r?\nNew value = (\d+)/g)];
      expect(values.length).toBe(3);
      for (const [at, [, old, now]] of values.entries()) {
        expect(BigInt(now ?? 0)).toBeGreaterThan(BigInt(old ?? 0));
        if (at > 0) expect(old).toBe(values[at - 1]?.[2]);
      }
      expect(text).toMatch(/Hardware read watchpoint 2: \*\$jiffies\r?\n\r?\nValue = \d+/);
      await works();
    }, 120_000);

    it('is interrupted, and let go by a gdb that just ends', async () => {
      const interrupted = start('continue', 'printf "at %lx\\n", $rip', 'detach');
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(await guest('echo meanwhile')).toBe('meanwhile');
      interrupted.process.kill('SIGINT');
      const text = await interrupted.ended;
      expect(text).toContain('received signal SIGINT');
      await works();
      const killed = start('continue');
      await eventually(
        () => killed.output.includes('in ?? ()'),
        ANSWER_MS,
        () => killed.output,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
      killed.process.kill('SIGKILL');
      await killed.ended;
      await works();
    }, 120_000);
  },
);
