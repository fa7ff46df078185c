/** The program with the words of other years, as lessons start it. Each test has the number of its row. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ANSWER_MS, BOOT_MS, connected, eventually } from '../support/program.ts';
import { programRuns } from '../support/program-runs.ts';
import { QmpClient } from '../support/qmp-socket.ts';

const { at, start } = programRuns();

describe('-compat-monitor', () => {
  it('A1: -S -nographic -monitor stdio shows the banner of the year, and the guest waits', async () => {
    const run = start('-S', '-nographic', '-monitor', 'stdio', '-compat-monitor', '1.5');
    expect(await run.until('(qemu) ')).toBe(
      "QEMU 1.5.0 monitor - type 'help' for more information\r\n(qemu) ",
    );
    run.type('info status\r');
    expect(await run.until('\r\n(qemu) ')).toContain('VM status: paused (prelaunch)');
    // The serial port is behind the monitor, where it was beside it.
    run.type('\x01c\x01cinfo chardev\r');
    expect(await run.until('filename=mux')).toContain('info chardev');
    run.type('quit\r');
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
  });

  it('A1: today both cannot have the terminal', async () => {
    const run = start('-S', '-nographic', '-monitor', 'stdio');
    expect(await run.ended).toBe(1);
    expect(run.stderr).toContain('cannot use stdio by multiple character devices');
  });

  it('A4: -monitor stdio alone', async () => {
    const run = start('-S', '-display', 'none', '-monitor', 'stdio', '-compat-monitor', '1.1');
    expect(await run.until('(qemu) ')).toContain('QEMU 1.1.90 monitor');
    run.type('help cpu_set\rhelp pci_del\rquit\r');
    expect(await run.ended).toBe(0);
    expect(run.stdout).toContain('pci_del [[<domain>:]<bus>:]<slot> -- hot remove PCI device');
  });

  it('A5: without a display it says what that QEMU said, and what is here instead', async () => {
    const run = start('-S', '-m', '1024', '-smp', '2', '-compat-monitor', '2.0');
    await eventually(
      () => run.stderr.includes('\n'),
      ANSWER_MS,
      () => run.stderr,
    );
    expect(run.stderr).toContain("VNC server running on '::1:5900'");
    expect(run.stderr).toContain("Hotslot has no VNC server: the guest's console is its first serial port");
    run.type('\x01x');
    expect(await run.ended).toBe(0);
    // The lesson's line has a disk, which is on IDE: this board has no such disks yet, and says so after the sentence.
    writeFileSync(at('rhel7.img'), Buffer.alloc(4096));
    const lesson = start('rhel7.img', '-m', '1024', '-smp', '2', '-compat-monitor', '2.0');
    await lesson.ended;
    expect(lesson.stderr).toMatch(
      /^hotslot-system-x86_64: QEMU 2\.0\.0 said here: VNC server running on '::1:5900'\nHotslot has no VNC server: .*first serial port\n/,
    );
    const today = start('-S', '-m', '1024', '-smp', '2');
    today.type('\x01x');
    expect(await today.ended).toBe(0);
    expect(today.stderr).toBe('');
  });

  it(
    'A9: the line of the transcript about virtual CPUs is taken whole',
    async () => {
      const line =
        '-display none -no-user-config -m 2048 -nodefaults -monitor stdio -machine pc,accel=kvm,usb=off ' +
        '-smp 1,maxcpus=2 -cpu IvyBridge-IBRS -qmp unix:qmp-sock,server,nowait -compat-monitor 5.1';
      const run = start(...line.split(' '));
      expect(await run.until('(qemu) ')).toContain('QEMU 5.1.0 monitor');
      // KVM was asked for: QEMU's words for a host without it, and the machine runs all the same.
      expect(run.stderr).toContain('failed to initialize kvm: No such file or directory');
      expect(run.stderr).toContain('falling back to tcg');
      const client = await QmpClient.connect(at('qmp-sock'));
      const { QMP } = await client.greeting();
      expect(QMP?.version).toMatchObject({ qemu: { major: 5, minor: 1, micro: 0 } });
      await client.ask('qmp_capabilities');
      expect(await client.ask('query-cpus-fast')).toMatchObject([{ arch: 'x86', 'cpu-index': 0 }]);
      expect(await client.ask('query-hotpluggable-cpus')).toMatchObject([
        { type: 'IvyBridge-IBRS-x86_64-cpu', props: { 'socket-id': 1 } },
        { type: 'IvyBridge-IBRS-x86_64-cpu', props: { 'socket-id': 0 } },
      ]);
      expect(await client.ask('cpu-add', { id: 1 })).toEqual({});
      expect(await client.ask('query-cpus-fast')).toHaveLength(2);
      run.type('quit\r');
      expect(await run.ended).toBe(0);
    },
    BOOT_MS,
  );

  it('is spoken by all monitors, on sockets too', async () => {
    start(
      '-S',
      '-display',
      'none',
      '-monitor',
      'unix:hmp,server=on,wait=off',
      '-compat-monitor',
      'qemu-kvm-0.15',
    );
    const socket = await connected(at('hmp'));
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    socket.write('help cpu_set\n');
    await eventually(
      () => text.includes('change cpu state'),
      ANSWER_MS,
      () => text,
    );
    expect(text).toContain('QEMU 0.15.0 monitor');
    socket.destroy();
  });
});

describe('refusals', () => {
  it.each([
    [
      ['-compat-monitor', '3.0'],
      'hotslot-system-x86_64: -compat-monitor 3.0: unsupported monitor version\nUse -compat-monitor help to list supported versions\n',
    ],
    [['-compat-monitor'], 'hotslot-system-x86_64: -compat-monitor: requires an argument\n'],
    [
      ['-usbdevice', 'host:003.003', '-compat-monitor', '1.5'],
      "hotslot-system-x86_64: -usbdevice host:003.003: could not add USB device 'host:003.003'\n",
    ],
    [
      ['-usbdevice', 'host:003.003'],
      'hotslot-system-x86_64: -usbdevice host:003.003: usbdevice parameters are not supported anymore\n' +
        "hotslot-system-x86_64: -usbdevice host:003.003: could not add USB device 'host:003.003'\n",
    ],
    [
      ['-usbdevice', 'nosuch'],
      "hotslot-system-x86_64: -usbdevice nosuch: could not add USB device 'nosuch'\n",
    ],
    [
      ['-machine', 'pc,accel=kvm'],
      'Could not access KVM kernel module: No such file or directory\n' +
        'hotslot-system-x86_64: failed to initialize kvm: No such file or directory\n',
    ],
  ])('%j', async (args, error) => {
    const run = start('-S', '-display', 'none', ...args);
    expect(await run.ended).toBe(1);
    expect(run.stderr).toBe(error);
  });

  it('-compat-monitor help, and C6: -device help of the year', async () => {
    const help = start('-compat-monitor', 'help');
    expect(await help.ended).toBe(0);
    expect(help.stdout).toBe('Supported monitor versions are:\n7.2\n5.1\n2.0\n1.5\n1.1\nqemu-kvm-0.15\n');
    const devices = start('-compat-monitor', '1.5', '-device', 'help');
    expect(await devices.ended).toBe(0);
    expect(devices.stdout).toMatch(/^name "/);
    expect(devices.stdout).toContain('\nname "virtio-blk-pci", bus virtio-bus, alias "virtio-blk"\n');
    expect(devices.stdout).not.toContain('devices:');
  });
});
