/** What the page reads of the guest's console: whether a shell waits, and what a command of a script's printed. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExecReader, execLine, execPieces, OUTPUT_MAX } from '../../src/ui/exec-script.ts';
import { GuestShell } from '../../src/ui/guest-shell.ts';
import { PromptWatch } from '../../src/ui/prompt-watch.ts';

const MESSAGE = '[   12.345678] virtio_blk virtio1: [vda] 131072 512-byte logical blocks\r\n';

/** As the guest's `base64` writes it on a terminal. */
function lines(bytes: string | Uint8Array): string {
  return Buffer.from(bytes as string)
    .toString('base64')
    .replaceAll(/.{1,76}/g, '$&\r\n');
}

describe('a prompt', () => {
  const isPrompt = (...texts: readonly string[]): boolean => {
    const watch = new PromptWatch();
    for (const text of texts) watch.push(text);
    return watch.isAtPrompt;
  };

  it.each([
    ['alone', ['guest# ']],
    ['of a user, behind other lines', ['Last login: today\r\nme@host:~$ ']],
    ['with half a line typed', ['guest# ls -', 'l']],
    ['in colours', ['\x1b[?2004h\x1b[01;32mme@host\x1b[00m:\x1b[01;34m~\x1b[00m$ ']],
    ['with the title of a window', ['\x1b]0;me@host: ~\x07me@host:~$ ']],
    ['drawn anew', ['guest# lsx\b\x1b[K\r\x1b[C']],
    ['behind output without a line feed', ['a b cguest# ']],
    ['with a message of the kernel behind it', [`guest# ${MESSAGE}`]],
    ['with one that comes in pieces', ['guest# ', MESSAGE.slice(0, 20), MESSAGE.slice(20)]],
  ])('%s', (_, texts) => expect(isPrompt(...texts)).toBe(true));

  it.each([
    ['nothing', ['']],
    ['a line that was entered', ['guest# ls\r\n']],
    ['the second line of a command', ['guest# for n in 1\r\n> ']],
    ['a password', ['Password: ']],
    ['a program in the middle of a line', ['12 % of $ 5 done']],
    ['a message of the kernel that has not ended', [`guest# ls\r\n${MESSAGE.trimEnd()}`]],
  ])('not %s', (_, texts) => expect(isPrompt(...texts)).toBe(false));

  it('is found behind a line that does not end', () => {
    const watch = new PromptWatch();
    watch.push('guest# ');
    for (let n = 0; n < 100; n++) watch.push('x'.repeat(1000));
    expect(watch.isAtPrompt).toBe(true);
  });

  it('lines are counted without those of the kernel', () => {
    const watch = new PromptWatch();
    watch.push(`one\r\n${MESSAGE}two\r\n${MESSAGE}`);
    expect(watch.lines).toBe(2);
  });
});

describe('what is typed', () => {
  it('is one line, for bash, that the history leaves out and its own echo does not answer', () => {
    const line = execLine('abc');
    expect(line).toMatch(/^ [ -~]+$/);
    expect(line.length).toBeLessThan(700);
    const reader = new ExecReader('abc');
    reader.push(`${line}\r\n`);
    expect([reader.wanted, reader.hasEnded, reader.result]).toEqual([0, false, undefined]);
  });

  it('the command follows in lines that a terminal takes, an empty one behind them', () => {
    const command = `echo ${'ä😀'.repeat(5000)}`;
    const pieces = execPieces(command);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(4096);
    expect(pieces.slice(0, -1).every((piece) => /^[\w+/]+={0,2}\n$/.test(piece))).toBe(true);
    expect(Buffer.from(pieces.join(''), 'base64').toString()).toBe(command);
    expect(pieces.at(-1)).toBe('\n');
    expect(execPieces('')).toEqual(['\n']);
  });
});

describe('what the guest answers', () => {
  const answer = (text: string, cut = text.length) => {
    const reader = new ExecReader('id');
    let visible = '';
    for (let at = 0; at < text.length; at += cut) visible += reader.push(text.slice(at, at + cut));
    return { reader, visible };
  };
  const whole = (output: string | Uint8Array, status = 0): string =>
    ` (trap …\r\n\x1eid<\x1eid<\x1eid=${lines(output)}\x1eid>${status}\x1eguest# `;

  it.each([1, 2, 7, 4096])('cut into pieces of %d', (cut) => {
    const { reader, visible } = answer(whole('a\r\n\x1eid>1\x1e😀', 130), cut);
    expect([reader.wanted, reader.hasEnded, visible]).toEqual([2, true, '']);
    expect(reader.result).toEqual({ status: 130, output: 'a\r\n\x1eid>1\x1e😀', truncated: false });
    expect(reader.rest).toBe('guest# ');
  });

  it('with a message of the kernel anywhere in it', () => {
    const text = whole('x'.repeat(200));
    for (let at = 0; at < text.length - 'guest# '.length; at++) {
      for (const cut of [11, text.length * 2]) {
        const { reader, visible } = answer(text.slice(0, at) + MESSAGE + text.slice(at), cut);
        expect(reader.result, `${at}`).toEqual({ status: 0, output: 'x'.repeat(200), truncated: false });
        expect(visible, `${at}`).toBe(MESSAGE);
      }
    }
  });

  it('nothing, and more than is kept', () => {
    expect(answer(whole('')).reader.result).toEqual({ status: 0, output: '', truncated: false });
    const much = answer(whole('y'.repeat(OUTPUT_MAX + 1)), 5000).reader.result;
    expect(much).toEqual({ status: 0, output: 'y'.repeat(OUTPUT_MAX), truncated: true });
  });

  it('bytes that are no text', () => {
    const { reader } = answer(whole(Uint8Array.of(0xff, 0x41, 0, 0xef, 0xbb, 0xbf)));
    expect(reader.result).toMatchObject({ output: '\ufffdA\0\ufeff' });
  });

  it.each([
    ['in the middle of a line', (text: string) => text.replace('eHh4', 'eHh4noise')],
    ['on a line of its own', (text: string) => text.replace('\r\n', '\r\nnoise\r\n')],
    ['behind the last line', (text: string) => text.replace('\x1eid>', 'noise\x1eid>')],
  ])('is damaged by what somebody else prints %s', (_, spoil) => {
    const text = `\x1eid=${lines('x'.repeat(200))}\x1eid>0\x1e`;
    expect(answer(spoil(text)).reader.result).toBe('damaged');
  });

  it('does not grow while a command runs', () => {
    const reader = new ExecReader('id');
    for (let n = 0; n < 100; n++) reader.push('noise of a background process '.repeat(1000));
    reader.push(whole('x'));
    expect(reader.result).toMatchObject({ output: 'x' });
  });
});

describe('the console of a user and a script', () => {
  let sent = '';
  let shown = '';
  let shell: GuestShell;
  beforeEach(() => {
    vi.useFakeTimers();
    sent = '';
    shown = '';
    shell = new GuestShell(
      (bytes) => {
        sent += Buffer.from(bytes).toString();
      },
      (text) => {
        shown += text;
      },
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const say = (text: string): void => {
    shown += shell.output(text);
  };
  const type = (text: string): void => shell.input(Buffer.from(text));
  const taken = (): string => {
    const text = sent;
    sent = '';
    return text;
  };

  it('a command begins when the prompt has been there for a moment', () => {
    void shell.exec('true', 1000);
    say('guest# ');
    vi.advanceTimersByTime(50);
    say('is no prompt\r\nguest# ');
    vi.advanceTimersByTime(99);
    expect(taken()).toBe('');
    vi.advanceTimersByTime(1);
    expect(taken()).toBe('\x05x\x15\r');
  });

  it('and not behind a line that the user has just entered', async () => {
    say('guest# ');
    vi.advanceTimersByTime(200);
    expect(shell.isAtPrompt).toBe(true);
    type('cat\r');
    const never = shell.exec('true', 1000);
    say('cat\r\n');
    vi.advanceTimersByTime(1001);
    expect(await never).toEqual({ status: null, output: '', timedOut: true, truncated: false });
    expect(taken()).toBe('cat\r');
  });

  it('from the screen nothing is missing, and keys wait', async () => {
    say('guest# ls');
    vi.advanceTimersByTime(100);
    const done = shell.exec('echo a', 1000);
    expect(taken()).toBe('\x05x\x15\r');
    type(' -l');
    say('x\b\b\b\x1b[K');
    say('\r\nguest# ');
    const id = /\\036(\w+)</.exec(taken())?.[1];
    expect(shown).toBe('guest# lsx\b\b\b\x1b[K');
    say(` (trap …\r\n\x1e${id}<`);
    expect(taken()).toBe(`${Buffer.from('echo a').toString('base64')}\n`);
    say(`\x1e${id}<`);
    expect(taken()).toBe('\n');
    say(MESSAGE);
    say(`\x1e${id}=${lines('a\n')}\x1e${id}>0\x1egue`);
    say('st# ');
    expect(await done).toEqual({ status: 0, output: 'a\n', timedOut: false, truncated: false });
    expect(taken()).toBe('\x19\x7f -l');
    expect(shown).toBe(`guest# lsx\b\b\b\x1b[K${MESSAGE}\r\x1b[Kguest# `);
  });

  it('a shell that comes back without an end is given an empty line, and then the user’s', async () => {
    say('guest# half');
    vi.advanceTimersByTime(100);
    const broken = expect(shell.exec('true', 1000)).rejects.toThrow('The shell came back');
    say('\r\nguest# ');
    taken();
    say(' (trap …\r\nguest# ');
    vi.advanceTimersByTime(500);
    await broken;
    expect(taken()).toBe('\r\x19\x7f');
  });

  it('a machine that is paused keeps no call waiting, and the line is put back when it goes on', async () => {
    say('guest# half');
    vi.advanceTimersByTime(100);
    const all = [shell.exec('one', 1000), shell.exec('two', 500)];
    expect(taken()).toBe('\x05x\x15\r');
    vi.advanceTimersByTime(1500);
    for (const one of all) expect(await one).toMatchObject({ status: null, timedOut: true });
    say('x\b\x1b[K\r\nguest# ');
    expect(taken()).toBe('\x19\x7f');
    expect(shown).toBe('guest# halfx\b\x1b[K\r\nguest# ');
  });

  it('one that is deaf keeps the shell, but no call longer than its time', async () => {
    say('guest# ');
    vi.advanceTimersByTime(100);
    const deaf = shell.exec('deaf', 1000);
    const next = shell.exec('next', 7000);
    const last = shell.exec('last', 1000);
    say('\r\nguest# ');
    taken();
    vi.advanceTimersByTime(1000);
    expect(taken()).toBe('\x03');
    vi.advanceTimersByTime(5000);
    expect(await deaf).toMatchObject({ status: null, timedOut: true });
    type('\x1c');
    expect(taken()).toBe('\x1c');
    vi.advanceTimersByTime(7000);
    expect(await next).toMatchObject({ status: null });
    say('\r\nguest# ');
    vi.advanceTimersByTime(500);
    expect(taken()).toBe('\r\x19\x7f');
    await Promise.resolve();
    say('\r\nguest# ');
    vi.advanceTimersByTime(100);
    expect(taken()).toBe('\x05x\x15\r');
    shell.reset('over');
    await expect(last).rejects.toThrow('over');
  });

  it('what clears no line is shown, and was no shell', async () => {
    say('# ');
    vi.advanceTimersByTime(100);
    const never = shell.exec('true', 1000);
    say('^E');
    type('y');
    vi.advanceTimersByTime(1000);
    expect(await never).toMatchObject({ status: null, timedOut: true });
    expect([shown, taken()]).toEqual(['# ^E', '\x05x\x15\ry']);
  });
});
