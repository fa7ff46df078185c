/** The guest's shell: it lives through what the background does, and its line editing is what people expect. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { BOOT_SECONDS } from '../support/prompt.ts';
import { endJobs } from '../support/shell-jobs.ts';

const MS = BOOT_SECONDS * 1000;
/** A hundred in tests/long. */
const JOBS = 25;
const UP = '\x1b[A';

describe("the guest's shell", () => {
  let guest: HeadlessGuest;
  beforeAll(async () => {
    guest = await HeadlessGuest.atPrompt({ images: memoryImages() });
  }, MS);
  afterAll(() => guest.end());

  it('is the same after background jobs that ended while a line is typed', {
    timeout: MS,
  }, async () => {
    await endJobs(guest, JOBS);
  });

  it('recalls, searches, completes and interrupts', { timeout: MS }, async () => {
    expect(await guest.ask('echo first $((40 + 2))')).toBe('first 42');
    await guest.run('true');
    guest.forget();
    guest.type(`${UP}${UP}\r`);
    await guest.until(/first 42\r\nguest# $/, 30);
    guest.type('\x12rst $\r');
    await guest.until(/first 42\r\nguest# $/, 30);
    guest.type('cat /etc/filesys\t | head -n 1; mke2\t -V 2>&1 | head -n 1\r');
    await guest.until(/ext4\r\nmke2fs [^\n]*\r\nguest# $/, 30);
    // Ctrl-C throws away what was typed and not read yet.
    guest.type('echo not this\x03');
    await guest.until(/\^C\r\nguest# $/, 30);
    guest.type('echo but this\r');
    await guest.until(/but this\r\nguest# $/, 30);
    guest.type('sleep 1000\r');
    await new Promise((resolve) => setTimeout(resolve, 500));
    guest.type('\x1a');
    await guest.until(/Stopped +sleep 1000\r\nguest# $/, 30);
    guest.type('fg\r');
    await guest.until('sleep 1000\r\n', 30);
    guest.type('\x03');
    await guest.until(/guest# $/, 30);
    expect(await guest.ask('jobs')).toBe('');
  });

  it('edits text of any language', { timeout: MS }, async () => {
    guest.forget();
    guest.machine.serial.send(Buffer.from('x=日本é\x7f語; echo ${#x}-${x}\r'));
    expect(await guest.until(/guest# $/, 30)).toContain('3-日本語');
  });

  it('runs a program that uses single steps and debug registers, which sees what it sees on QEMU', {
    timeout: MS,
  }, async () => {
    const oracle = new URL('../oracle/native/', import.meta.url);
    const read = (name: string): Buffer => readFileSync(new URL(name, oracle));
    const lines =
      gzipSync(read('debug.elf'))
        .toString('base64')
        .match(/.{1,76}/g) ?? [];
    await guest.run(`(base64 -d | gunzip) > /tmp/debug << END\n${lines.join('\n')}\nEND`);
    expect(await guest.ask('chmod +x /tmp/debug; /tmp/debug')).toBe(read('qemu.txt').toString().trimEnd());
  });

  it('says how large the terminal is when it is asked by resize', { timeout: MS }, async () => {
    guest.forget();
    guest.type('resize; stty size\r');
    await guest.until('\x1b[6n', 30);
    guest.type('\x1b[31;99R');
    expect(await guest.until(/guest# $/, 30)).toContain('31 99');
  });
});
