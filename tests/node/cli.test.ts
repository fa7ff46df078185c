/** The program as a user starts it: terminal, sockets, files, exit status. */
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ANSWER_MS, BOOT_MS, connected, eventually, PROMPT } from '../support/program.ts';
import { programRuns } from '../support/program-runs.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const ROOT = join(import.meta.dirname, '../..');
const HAS_GUEST = existsSync(join(ROOT, 'public/images/debian-amd64/manifest.json'));
const DISK_BYTES = 8 * 1024 * 1024;

const { at, start } = programRuns();

/** A file in the tests' folder. */
function file(name: string, content: string | Uint8Array = ''): string {
  writeFileSync(at(name), content);
  return name;
}

function disk(name: string): string {
  file(name);
  truncateSync(at(name), DISK_BYTES);
  return name;
}

/** An ELF header of a 64-bit program, and nothing behind it that it promises. */
function truncatedElf(): Uint8Array {
  const elf = Buffer.alloc(128);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(62, 18);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(9, 56);
  return elf;
}

describe('questions and refusals', () => {
  it('-version and -help', async () => {
    const version = start('-version');
    expect(await version.ended).toBe(0);
    expect(version.stdout).toMatch(/^QEMU emulator version 7\.2\.\d+/);
    const help = start('-help');
    expect(await help.ended).toBe(0);
    expect(help.stdout).toContain('usage: hotslot-system-x86_64 [options] [disk_image]');
  });

  it.each<[string, () => readonly string[], RegExp]>([
    ['an unknown option', () => ['-foo'], /^hotslot-system-x86_64: -foo: invalid option\n$/],
    [
      'a kernel that is not there',
      () => ['-kernel', 'missing'],
      /^qemu: could not open kernel file 'missing': No such file or directory\n$/,
    ],
    ['a text', () => ['-kernel', file('text', 'hello\n')], /^qemu: invalid kernel header\n$/],
    [
      'a kernel cut off',
      () => ['-kernel', file('cut', truncatedElf())],
      /^hotslot-system-x86_64: Error while loading elf kernel/,
    ],
    [
      'an empty kernel',
      () => ['-kernel', file('empty')],
      /^qemu: could not load kernel 'empty': No such file or directory\n$/,
    ],
    [
      'a guest image that is not there',
      () => ['-guest', 'nobody'],
      /^hotslot-system-x86_64: could not open guest image 'nobody': No such file or directory\n/,
    ],
    [
      'a disk without a kernel',
      () => ['-drive', `file=${disk('disk')},format=raw,if=virtio`],
      /^hotslot-system-x86_64: this machine has no BIOS/,
    ],
    [
      'more memory than there can be',
      () => ['-S', '-m', '4096G', '-drive', `if=none,file=${disk('disk')},format=raw`],
      /^hotslot-system-x86_64: cannot set up guest memory 'pc\.ram': Cannot allocate memory\n$/,
    ],
  ])('%s', async (_name, args, stderr) => {
    const run = start(...args());
    expect(await run.ended).toBe(1);
    expect(run.stderr).toMatch(stderr);
    expect(run.stdout).toBe('');
  });
});

describe('a machine that does not run yet', () => {
  // A named drive keeps the guest image out of it.
  const idle = (): string[] => ['-S', '-drive', `if=none,id=d,file=${disk('disk')},format=raw`];

  it('the monitor on the terminal', async () => {
    const run = start(...idle(), '-display', 'none', '-monitor', 'stdio');
    await run.until("monitor - type 'help' for more information\r\n(qemu) ");
    run.type('info status\n');
    expect(await run.until('(qemu) ')).toContain('VM status: paused (prelaunch)\r\n');
    run.type('device_add virtio-blk-pci,drive=d,id=v\n');
    await run.until('(qemu) ');
    run.type('info block\n');
    expect(await run.until('(qemu) ')).toContain('/machine/peripheral/v/virtio-backend');
    run.type('quit\n');
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
  });

  it('devices of the command line are part of the machine', async () => {
    const run = start(
      ...idle(),
      '-device',
      'virtio-blk-pci,drive=d,id=v,addr=7',
      '-monitor',
      'stdio',
      '-serial',
      'null',
    );
    await run.until('(qemu) ');
    run.type('info pci\n');
    expect(await run.until('(qemu) ')).toMatch(
      /device {3}7, function 0:\r\n {4}SCSI controller: PCI device 1af4:1001/,
    );
    run.type('quit\n');
    expect(await run.ended).toBe(0);
  });

  it.each<[NodeJS.Signals, number]>([
    ['SIGTERM', 15],
    ['SIGINT', 2],
    ['SIGHUP', 1],
  ])('%s ends it, and managers are told', async (signal, number) => {
    const run = start(...idle(), '-display', 'none', '-qmp', 'stdio');
    await run.until('"QMP"');
    run.type('{"execute":"qmp_capabilities"}');
    await run.until('"return"');
    run.process.kill(signal);
    expect(await run.ended).toBe(0);
    expect(run.stdout).toContain('"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}}');
    expect(run.stderr).toBe(`hotslot-system-x86_64: terminating on signal ${number}\n`);
  });

  it('Ctrl-A X ends it, Ctrl-A C is the monitor, the end of the input is not the end', async () => {
    const ended = start(...idle());
    ended.type('\x01x');
    expect(await ended.ended).toBe(0);
    expect(ended.stdout).toBe('QEMU: Terminated\n\r');
    const run = start(...idle(), '-nographic');
    run.type('\x01c');
    await run.until('(qemu) ');
    run.process.stdin.end();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(run.process.exitCode).toBeNull();
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  it('the monitor on a Unix socket, client after client; the socket goes with the program', async () => {
    const path = at('monitor');
    const run = start(...idle(), '-display', 'none', '-monitor', `unix:${path},server=on,wait=off`);
    const ask = async (line: string): Promise<string> => {
      // The socket is there a moment before somebody listens.
      const socket = await connected(path);
      return new Promise((resolve, reject) => {
        let text = '';
        socket.write(`${line}\n`);
        socket.on('error', reject);
        socket.on('close', () => resolve(text));
        socket.on('data', (bytes) => {
          text += bytes.toString('latin1');
          if (text.split('(qemu) ').length > 2) socket.destroy();
        });
      });
    };
    expect(await ask('info version')).toContain('7.2.');
    expect(await ask('info status')).toContain('paused (prelaunch)');
    void ask('quit').catch(() => {});
    expect(await run.ended).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('a line of a megabyte to the monitor ends at 4095 characters, and commands whose answers are not read have to wait', async () => {
    const path = at('monitor-long');
    const run = start(...idle(), '-display', 'none', '-monitor', `unix:${path},server=on,wait=off`);
    await eventually(
      () => existsSync(path),
      ANSWER_MS,
      () => run.stderr,
    );
    let text = '';
    const socket = await connected(path);
    socket.write(`${'q'.repeat(1 << 20)}\ninfo status\n`);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    await eventually(
      () => text.includes('paused (prelaunch)'),
      ANSWER_MS,
      () => text.slice(-500),
    );
    expect(text).toContain(`unknown command: '${'q'.repeat(4095)}'`);
    expect(text.length).toBeLessThan(200_000);
    socket.pause();
    for (let n = 0; n < 64; n++) socket.write('help\n'.repeat(2000));
    const residentMiB = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${run.process.pid}/status`, 'utf8'))?.[1]) / 1024;
    const before = residentMiB();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(residentMiB() - before).toBeLessThan(150);
    expect(socket.writableLength).toBeGreaterThan(0);
    socket.destroy();
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });
});

describe.runIf(HAS_GUEST)('the guest image', () => {
  it(
    'boots without arguments, works, and is powered off',
    async () => {
      const run = start();
      await run.until(PROMPT, BOOT_MS);
      run.type('echo $((6 * 7)) answers\n');
      await run.until('42 answers');
      run.type('\x01c');
      await run.until('(qemu) ');
      run.type('info status\n');
      expect(await run.until('(qemu) ')).toContain('VM status: running\r\n');
      run.type('\x01cpoweroff\n');
      expect(await run.ended).toBe(0);
    },
    BOOT_MS + ANSWER_MS,
  );

  it(
    'has the disk of the command line, and what it wrote is in the file after SIGTERM',
    async () => {
      const path = at('serial');
      const name = disk('disk');
      const run = start(
        ...[
          '-display',
          'none',
          '-guest',
          'debian-amd64',
          '-m',
          '192',
          '-drive',
          `file=${name},if=virtio,format=raw`,
        ],
        ...['-serial', `unix:${path},server=on`],
      );
      await eventually(
        () => run.stderr.includes('info: QEMU waiting for connection on: disconnected:unix:'),
        ANSWER_MS,
        () => run.stderr,
      );
      let text = '';
      const socket = connect(path);
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
      });
      const say = async (line: string, answer: string): Promise<void> => {
        text = '';
        socket.write(`${line}\n`, 'latin1');
        await eventually(
          () => text.includes(answer),
          ANSWER_MS,
          () => `${answer} in ${text}`,
        );
      };
      await eventually(
        () => text.includes(PROMPT),
        BOOT_MS,
        () => text.slice(-2000),
      );
      await say('cat /sys/block/vda/size', `${DISK_BYTES / 512}\r\n`);
      await say('echo hello disk > /dev/vda; sync; echo do""ne', 'done\r\n');
      run.process.kill('SIGTERM');
      expect(await run.ended).toBe(0);
      expect(readFileSync(at(name)).toString('latin1', 0, 11)).toBe('hello disk\n');
    },
    BOOT_MS + 2 * ANSWER_MS,
  );
});

it('tells the formats of drives in the place of a machine', async () => {
  const run = start('-display', 'none', '-nodefaults', '-drive', 'format=help', '-monitor', 'stdio');
  const names = 'blkdebug file null-aio null-co raw';
  const text = `Supported formats: ${names}\nSupported formats (read-only): ${names}\n`;
  expect(await run.until(text)).toBe(text);
  expect([await run.ended, run.stderr]).toEqual([0, '']);
});

describe('a guest that crashes', () => {
  // mov dx, 0x505; mov al, 1; out dx, al; hlt
  const crashing = tinyKernel([0x66, 0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xf4]);
  const machine = ['-display', 'none', '-nodefaults', '-kernel', 'crashing', '-device', 'pvpanic'];

  it.each([
    [['-action', 'panic=exit-failure'], 1],
    [[], 0],
  ] as const)('ends the program: %j', async (options, status) => {
    file('crashing', crashing);
    const run = start(...machine, ...options);
    expect(await run.ended).toBe(status);
    expect(run.stderr).toBe('');
  });

  it('stands still with -no-shutdown', async () => {
    file('crashing', crashing);
    const run = start(...machine, '-no-shutdown', '-monitor', 'stdio');
    await run.until('(qemu) ');
    for (let text = ''; !text.includes('VM status: paused (guest-panicked)\r\n'); ) {
      run.type('info status\n');
      text = await run.until('(qemu) ');
    }
    run.type('quit\n');
    expect(await run.ended).toBe(0);
  });
});

describe('-preconfig', () => {
  it('without -S: the guest runs as soon as the machine is complete', async () => {
    // HLT, and back to it.
    file('idle', tinyKernel([0xf4, 0xeb, 0xfd]));
    const run = start(
      '-display',
      'none',
      '-nodefaults',
      '-kernel',
      'idle',
      '-preconfig',
      '-monitor',
      'stdio',
    );
    await run.until('(qemu) ');
    run.type('info status\n');
    await run.until('VM status: paused (prelaunch)\r\n');
    run.type('cont\n');
    await run.until("Command 'cont' not available until machine initialization has completed.\r\n");
    run.type('exit_preconfig\n');
    run.type('info status\n');
    await run.until('VM status: running\r\n');
    run.type('quit\n');
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
  });
});
