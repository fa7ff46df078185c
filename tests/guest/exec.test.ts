/** Commands that the page's scripts run in the guest's shell, over its console, beside a user. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExecResult, GuestShell } from '../../src/ui/guest-shell.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { BOOT_SECONDS } from '../support/prompt.ts';

const MS = BOOT_SECONDS * 1000;
const LIMIT_MS = 60_000;

describe("a command in the guest's shell", { timeout: MS }, () => {
  let guest: HeadlessGuest;
  let shell: GuestShell;
  /** What the terminal shows. */
  let shown = '';
  const type = (text: string): void => shell.input(Buffer.from(text));
  const exec = (command: string, timeoutMs = LIMIT_MS): Promise<ExecResult> => shell.exec(command, timeoutMs);
  const output = async (command: string): Promise<string> => (await exec(command)).output;
  /** The letter by which the shell is asked for a prompt may be shown, and is then wiped out. */
  const until = (pattern: RegExp): Promise<void> =>
    guest.poll(
      () => pattern.test(shown.replaceAll('x\b\x1b[K', '')),
      30,
      () => `${pattern} in ${JSON.stringify(shown)}`,
    );

  beforeAll(async () => {
    guest = await HeadlessGuest.atPrompt({ images: memoryImages() });
    const decoder = new TextDecoder();
    shell = new GuestShell(
      (bytes) => void guest.machine.serial.send(bytes),
      (text) => {
        shown += text;
      },
    );
    guest.machine.onSerial = (bytes) => {
      shown += shell.output(decoder.decode(bytes, { stream: true }));
    };
    type('stty echo cols 80; echo 7 > /proc/sys/kernel/printk\r');
    await until(/guest# $/);
  }, MS);
  afterAll(() => guest.end());

  it('gives status and output, and leaves nothing to be seen', async () => {
    shown = '';
    expect(await exec('echo out; echo err >&2; exit 3')).toEqual({
      status: 3,
      output: 'out\nerr\n',
      timedOut: false,
      truncated: false,
    });
    expect(shown).not.toMatch(/out|err|stty/);
    expect(await output('printf "no line feed"')).toBe('no line feed');
    expect(await output('true')).toBe('');
    expect((await exec('syntax ( error')).output).toMatch(/syntax error/);
    expect((await exec('nosuchcommand')).status).toBe(127);
  });

  it('keeps escape sequences, all characters and two lines apart', async () => {
    const text = String.raw`printf '\033[31mred\033[2J\a\rback\tguest# \036x\n'; echo 'ä日😀'`;
    expect(await output(text)).toBe('\x1b[31mred\x1b[2J\x07\rback\tguest# \x1ex\nä日😀\n');
    expect(await output('echo one\necho "two')).toMatch(/unexpected EOF/);
    expect(await output('cat <<X\na  b\nX\necho $#:$REPLY')).toBe('a  b\n0:\n');
  });

  it('takes commands and gives output of many lengths', async () => {
    const long = 'x'.repeat(50_000);
    expect(await output(`echo ${long} | wc -c`)).toBe('50001\n');
    expect(await output('seq 20000')).toBe(Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join(''));
  });

  it('runs in the shell that the user has', async () => {
    type('cd /sys; word="a b"; f() { echo "f $1"; }; alias hi="echo hi"\r');
    await until(/hi"\r\nguest# $/);
    expect(await output('pwd; f "$word"; hi; cd /; word=x; exit')).toBe('/sys\nf a b\nhi\n');
    expect(await output('pwd; f "$word"')).toBe('/sys\nf a b\n');
    type('cd; unset word\r');
    await until(/unset word\r\nguest# $/);
  });

  it('leaves no entry in the history, however that is set, and no echo switched off', async () => {
    type('HISTCONTROL=; echo $((40 + 1))\r');
    await until(/\r\n41\r\nguest# $/);
    expect(await output('echo x')).toBe('x\n');
    shown = '';
    type(
      'history | tail -n 2; HISTCONTROL=ignoreboth; ls /tmp/.hotslot* /dev/null; stty | grep -c -- -echo\r',
    );
    await until(/\n0\r\nguest# $/);
    expect(shown).toMatch(/echo \$\(\(40 \+ 1\)\)\r\n +\d+ +history \| tail/);
    expect(shown).toMatch(/\/dev\/null\r\n/);
    expect(shown).not.toMatch(/\/tmp\/\.hotslot-/);
  });

  it('one after the other, in the order of the calls', async () => {
    const all = await Promise.all([1, 2, 3, 4].map((n) => output(`echo ${n}; usleep 50000`)));
    expect(all).toEqual(['1\n', '2\n', '3\n', '4\n']);
  });

  it('waits for a program that has the console, and types nothing into it', async () => {
    type('echo up; cat\r');
    await until(/\r\nup\r\n$/);
    const never = exec('echo never', 1500);
    type('mine\r');
    await until(/mine\r\nmine\r\n$/);
    expect(await never).toEqual({
      status: null,
      output: '',
      timedOut: true,
      truncated: false,
    });
    const late = exec('echo late');
    type('\x04');
    expect((await late).output).toBe('late\n');
    await until(/guest# $/);
  });

  it('gives the user the line back that was being typed, and what was typed meanwhile', async () => {
    type('echo one  two');
    await until(/echo one {2}two$/);
    type('\x1b[D\x1b[D');
    const done = exec('usleep 300000; echo done');
    await new Promise((resolve) => setTimeout(resolve, 400));
    type(' three');
    expect((await done).output).toBe('done\n');
    await until(/ three$/);
    type('\r');
    await until(/\r\none two three\r\nguest# $/);
  });

  it('a command that takes too long is ended, its output given', async () => {
    const late = await exec('echo begun; sleep 1000; echo not this', 4000);
    expect(late).toEqual({ status: 130, output: 'begun\n', timedOut: true, truncated: false });
    expect(await output('echo next')).toBe('next\n');
  });

  it('the user ends it with Ctrl-C', async () => {
    shown = '';
    const done = exec('echo begun; echo "<1>begun" > /dev/kmsg; sleep 1000');
    await until(/\] begun/);
    type('\x03');
    expect(await done).toEqual({ status: 130, output: 'begun\n', timedOut: false, truncated: false });
  });

  it('one that does not end is given up, and the next waits for its end', async () => {
    const deaf = await exec(`trap '' INT; sleep 9; echo deaf`, 4000);
    expect(deaf).toEqual({ status: null, output: '', timedOut: true, truncated: false });
    expect(await output('echo heard')).toBe('heard\n');
    shown = '';
    type('echo $((1 + 1))\r');
    await until(/echo \$\(\(1 \+ 1\)\)\r\n2\r\nguest# $/);
    expect(shown).not.toContain(btoa('deaf\n'));
  });

  it('messages of the kernel are shown, and are in no output', async () => {
    shown = '';
    const loud = 'for n in 1 2 3 4 5 6 7 8; do echo "<1>loud $n" > /dev/kmsg; seq 2000; done';
    const quiet = await output(`${loud} & ${loud}; wait`);
    expect(quiet.split('\n').length).toBe(2 * 8 * 2000 + 1);
    expect(quiet).not.toContain('loud');
    expect(shown.match(/loud \d\r\n/g)).toHaveLength(16);
  });

  it('a background process does not keep it waiting', async () => {
    expect(await output('sleep 1000 & echo pid')).toBe('pid\n');
    expect((await exec('pkill sleep || killall sleep')).status).toBe(0);
  });

  it('a shell that is gone is told', async () => {
    await expect(exec('kill -9 $$')).rejects.toThrow('The shell came back without the end');
    expect(await output('echo $$ | grep -c .')).toBe('1\n');
  });

  it('so is a machine that is gone', async () => {
    const all = ['sleep 1000', 'true'].map((command) => exec(command));
    await new Promise((resolve) => setTimeout(resolve, 500));
    shell.reset('The machine was reset.');
    for (const one of all) await expect(one).rejects.toThrow('The machine was reset.');
  });
});
