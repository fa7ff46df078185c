/**
 * What lessons of other years show, each test under the number of its row: A looking, C disks. Words that are gone: dialect-rows-gone.test.ts.
 * The lines are quoted from transcripts and from QEMU's sources of those versions (docs/monitor.md).
 */
import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES } from '../../src/emu/monitor/dialects/dialect.ts';
import { Monitor } from '../../src/emu/monitor/monitor.ts';
import { DISK, OLD, rigOf, said } from '../support/dialect-rig.ts';
import { readRecording } from '../support/replay.ts';

const DISK_DEVICE = 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1';
const LIMITS = 'bps=0 bps_rd=0 bps_wr=0 iops=0 iops_rd=0 iops_wr=0';

describe('A: starting and looking', () => {
  it.each([
    ['7.2', '7.2.22'],
    ['5.1', '5.1.0'],
    ['2.0', '2.0.0'],
    ['1.5', '1.5.0'],
    ['1.1', '1.1.90'],
    ['qemu-kvm-0.15', '0.15.0'],
  ] as const)('A1, L1: the banner of %s', async (dialect, version) => {
    const rig = await rigOf(dialect);
    expect(rig.greeting).toBe(`QEMU ${version} monitor - type 'help' for more information\r\n(qemu) `);
    expect(await rig.execute('info version')).toBe(`${version}Hotslot\n`);
  });

  const BOARD = [
    '  Bus  0, device   0, function 0:',
    '    Host bridge: PCI device 8086:1237',
    '      id ""',
    '  Bus  0, device   1, function 0:',
    '    ISA bridge: PCI device 8086:7000',
    '      id ""',
    '  Bus  0, device   1, function 1:',
    '    IDE controller: PCI device 8086:7010',
    '      BAR4: I/O at 0xffffffffffffffff [0x000e].',
    '      id ""',
    '  Bus  0, device   1, function 3:',
    '    Bridge: PCI device 8086:7113',
    '      IRQ 0.',
    '      id ""',
    '',
  ].join('\n');
  const WAITING_DISK = [
    '  Bus  0, device   2, function 0:',
    '    SCSI controller: PCI device 1af4:1001',
    '      IRQ 0.',
    '      BAR0: I/O at 0xffffffffffffffff [0x007e].',
    '      BAR1: 32 bit memory at 0xffffffffffffffff [0x00000ffe].',
    '      BAR4: 64 bit prefetchable memory at 0xffffffffffffffff [0x00003ffe].',
    '      id "myvirtio1"',
    '',
  ].join('\n');

  it.each(OLD)('A2, A3: info pci of a machine that waits, line by line, in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(await rig.execute('info pci')).toBe(BOARD);
    // Nobody has given the card addresses: -1, and the size less two behind it, for each kind of register.
    await said(rig, DISK, DISK_DEVICE);
    expect(await rig.execute('info pci')).toBe(BOARD + WAITING_DISK);
  });

  it.each(['7.2', '5.1'] as const)('A2: info pci of a machine that waits, in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    await said(rig, DISK, DISK_DEVICE);
    // The lines are those that QEMU 7.2 was recorded with: QEMU 5.1 has no others.
    const recording = readRecording('seed_blk_S').steps.find(
      (step) => step.kind === 'hmp' && step.line === 'info pci' && step.output.includes('myvirtio1'),
    );
    expect(recording).toBeDefined();
    expect(await rig.execute('info pci')).toBe(recording?.kind === 'hmp' ? recording.output : '');
  });

  it('A3: a device with an id, its registers mapped', async () => {
    const rig = await rigOf('2.0');
    await said(rig, DISK, DISK_DEVICE);
    rig.boot();
    const text = await rig.execute('info pci');
    expect(text).toMatch(
      /\n {4}SCSI controller: PCI device 1af4:1001\n {6}IRQ \d+\.\n {6}BAR0: I\/O at 0x[0-9a-f]{4} \[0x[0-9a-f]{4}\]\.\n/,
    );
    expect(text).toMatch(
      /\n {6}BAR4: 64 bit prefetchable memory at 0x[0-9a-f]{8,} \[0x[0-9a-f]{8,}\]\.\n {6}id "myvirtio1"\n$/,
    );
  });

  it.each(['7.2', '5.1'] as const)('A3: %s tells subsystem and pin', async (dialect) => {
    const text = await said(await rigOf(dialect), 'info pci');
    expect(text).toContain('      PCI subsystem 1af4:1100\n      IRQ 0, pin A\n');
  });

  it.each(DIALECT_NAMES)('A10: a comment behind a command is dropped in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    const plain = await rig.execute('info pci');
    expect(await rig.execute('info pci   #look at the devices of the guest')).toBe(
      `note: comment dropped\n${plain}`,
    );
  });

  it('A10: what may be a name is none, and what is read by programs has no comments', async () => {
    const rig = await rigOf('7.2');
    await said(rig, DISK);
    const node = /\((#\w+)\)/.exec(await rig.execute('info block'))?.[1] ?? '';
    expect(await rig.execute(`info block ${node}`)).toContain(`${node}: /tmp/disk1.img (raw)`);
    expect(await rig.execute('info block # all of them')).toContain('note: comment dropped\ndisk1 (#block');
    expect(await rig.execute('drive_del # which')).toBe(
      'drive_del: extraneous characters at the end of line\nTry "help drive_del" for more information\n',
    );
    expect(await new Monitor({ machine: rig.machine }).execute('info pci #x')).toBe(
      'pci: extraneous characters at the end of line\nTry "help info pci" for more information\n',
    );
  });
});

describe('C: disks', () => {
  const START = 'drive_add [[<domain>:]<bus>:]<slot>\n[file=file][,if=type][,bus=n]\n';
  const END = ' -- add drive to PCI storage controller\n';
  const FROM_1_1 = `${START}[,unit=m][,media=d][,index=i]\n[,cyls=c,heads=h,secs=s[,trans=t]]\n[,snapshot=on|off][,cache=on|off]\n[,readonly=on|off][,copy-on-read=on|off]${END}`;

  it.each(['2.0', '1.5', '1.1'] as const)('C1: help drive_add in %s', async (dialect) => {
    expect(await said(await rigOf(dialect), 'help drive_add')).toBe(FROM_1_1);
  });

  it('C1: help drive_add in qemu-kvm-0.15', async () => {
    expect(await said(await rigOf('qemu-kvm-0.15'), 'help drive_add')).toBe(
      `${START}[,unit=m][,media=d][index=i]\n[,cyls=c,heads=h,secs=s[,trans=t]]\n[snapshot=on|off][,cache=on|off]${END}`,
    );
  });

  it.each(['1.5', '1.1'] as const)('C4: info block in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(await said(rig, DISK, 'drive_add 0 if=none,id=empty', 'info block')).toBe(
      `OK\nOK\ndisk1: removable=1 locked=0 tray-open=0 file=/tmp/disk1.img ro=0 drv=raw encrypted=0 ${LIMITS}\n` +
        'empty: removable=1 locked=0 tray-open=0 [not inserted]\n',
    );
    await said(rig, DISK_DEVICE);
    expect(await rig.execute('info block')).toBe(
      `disk1: removable=0 io-status=ok file=/tmp/disk1.img ro=0 drv=raw encrypted=0 ${LIMITS}\n` +
        'empty: removable=1 locked=0 tray-open=0 [not inserted]\n',
    );
  });

  it.each(['1.5', '1.1'] as const)(
    'C4: each field of info block follows its drive, in %s',
    async (dialect) => {
      const rig = await rigOf(dialect);
      await said(rig, 'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=a,readonly=on');
      await said(rig, 'drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=b');
      await said(rig, 'block_set_io_throttle b 4096 0 0 0 30 40', 'device_add virtio-blk-pci,drive=a,id=v');
      const limits = 'bps=4096 bps_rd=0 bps_wr=0 iops=0 iops_rd=30 iops_wr=40';
      expect(await rig.execute('info block')).toBe(
        `a: removable=0 io-status=ok file=/tmp/disk1.img ro=1 drv=raw encrypted=0 ${LIMITS}\n` +
          `b: removable=1 locked=0 tray-open=0 file=/tmp/disk2.img ro=0 drv=raw encrypted=0 ${limits}\n`,
      );
      // The drive of a device whose drive was deleted has no name; the device's own goes with it.
      await said(rig, 'drive_del b', 'drive_del a');
      expect(await rig.execute('info block')).toBe('');
    },
  );

  it('C4: info block took no arguments in 1.5, and a drive, but no nodes, in 2.0', async () => {
    const rest = 'extraneous characters at the end of line\n';
    expect(await said(await rigOf('1.5'), 'info block disk1', 'help info block')).toBe(
      `block: ${rest}info block  -- drives and their images\n`,
    );
    expect(await said(await rigOf('1.1'), 'info block disk1')).toBe(`info: ${rest}`);
    const rig = await rigOf('2.0');
    await said(rig, DISK, 'drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=b');
    expect(await said(rig, 'info block b', 'info block -n')).toBe(
      '\nb: /tmp/disk2.img (raw)\n    Removable device: not locked, tray closed\nblock: unsupported option -n\n',
    );
    await said(rig, 'block_set_io_throttle b 100 0 0 0 0 0');
    expect(await rig.execute('info block b')).toContain(
      '    I/O throttling:   bps=100 bps_rd=0 bps_wr=0 bps_max=0 bps_rd_max=0 bps_wr_max=0 iops=0 iops_rd=0 iops_wr=0 iops_max=0 iops_rd_max=0 iops_wr_max=0 iops_size=0\n',
    );
  });

  it('C4: info block in qemu-kvm-0.15', async () => {
    const rig = await rigOf('qemu-kvm-0.15');
    expect(await said(rig, DISK, 'drive_add 0 if=none,id=empty', 'info block')).toBe(
      'OK\nOK\ndisk1: removable=1 locked=0 file=/tmp/disk1.img ro=0 drv=raw encrypted=0\nempty: removable=1 locked=0 [not inserted]\n',
    );
  });

  it('C4b: info block in 2.0', async () => {
    const rig = await rigOf('2.0');
    expect(await said(rig, DISK, 'drive_add 0 if=none,id=empty', 'info block')).toBe(
      'OK\nOK\ndisk1: /tmp/disk1.img (raw)\n    Removable device: not locked, tray closed\n' +
        '\nempty: [not inserted]\n    Removable device: not locked, tray closed\n',
    );
  });

  it.each(['7.2', '5.1'] as const)('C4b: info block in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(await said(rig, DISK, 'info block')).toMatch(
      /^OK\ndisk1 \(#block\d+\): \/tmp\/disk1\.img \(raw\)\n {4}Removable device: not locked, tray closed\n {4}Cache mode: {7}writeback\n$/,
    );
    expect(await said(rig, DISK_DEVICE, 'info block')).toContain(
      '\n    Attached to:      /machine/peripheral/myvirtio1/virtio-backend\n',
    );
  });

  it.each(DIALECT_NAMES)('C5: help device_add in %s', async (dialect) => {
    expect(await said(await rigOf(dialect), 'help device_add')).toBe(
      'device_add driver[,prop=value][,...] -- add device, like -device on the command line\n',
    );
  });

  /** As each version tells them: name, bus, other name, description. */
  const BLK = 'name "virtio-blk-pci", bus PCI, alias "virtio-blk"';
  const LINE = /^name "[\w.-]+"(, bus [\w-]+)?(, alias "[\w-]+")?(, desc "[^"]+")?$/;
  const namesIn = (text: string): readonly string[] =>
    [...text.matchAll(/^name "([^"]+)"/gm)].map(([, name = '']) => name);

  it.each([
    ['1.5', BLK.replace('PCI', 'virtio-bus')],
    ['1.1', BLK],
    ['qemu-kvm-0.15', BLK],
  ] as const)('C6: device_add ? in %s is a list without headings', async (dialect, blk) => {
    const rig = await rigOf(dialect);
    const text = await rig.execute('device_add ?');
    const lines = text.trimEnd().split('\n');
    expect(lines.filter((line) => !LINE.test(line))).toEqual([]);
    expect(lines).toContain(blk);
    expect(lines).toContain('name "pc-dimm", desc "DIMM memory module"');
    expect(lines).toContain('name "piix3-ide", bus PCI');
    expect(lines).toContain('name "virtserialport", bus virtio-serial-bus');
    // Everything that can be added, but for processors, which were no devices; nothing that cannot.
    const all = rig.machine.devices.registry.userCreatable().map(({ name }) => name);
    expect(namesIn(text)).toEqual(all.filter((name) => !name.endsWith('-cpu')));
    expect(await rig.execute('device_add help')).toBe(text);
    expect(await rig.execute('device_add driver=?')).toBe(text);
  });

  it.each([
    ['2.0', []],
    ['5.1', ['CPU']],
    ['7.2', ['CPU', 'Watchdog']],
  ] as const)('C6: device_add ? in %s has headings', async (dialect, later) => {
    const rig = await rigOf(dialect);
    const text = await rig.execute('device_add ?');
    const groups = text.trimEnd().split('\n\n');
    const headings = groups.map((group) => group.split('\n')[0]);
    expect(headings).toEqual(
      ['Controller/Bridge/Hub', 'USB', 'Storage', 'Network', 'Input', 'Misc', ...later, 'Uncategorized'].map(
        (name) => `${name} devices:`,
      ),
    );
    const lines = groups.flatMap((group) => group.split('\n').slice(1));
    expect(lines.filter((line) => !LINE.test(line))).toEqual([]);
    const storage = groups[headings.indexOf('Storage devices:')];
    expect(storage).toContain(`\nname "piix3-ide", bus PCI\n`);
    expect(storage).toContain(`\nname "virtio-blk-device", bus virtio-bus\n${BLK}`);
    const all = rig.machine.devices.registry.userCreatable().map(({ name }) => name);
    expect(namesIn(text).toSorted()).toEqual(
      all.filter((name) => dialect !== '2.0' || !name.endsWith('-cpu')).toSorted(),
    );
    expect(await rig.execute('device_add help')).toBe(text);
  });

  it.each(DIALECT_NAMES)(
    'C6: info qdm in %s has what only boards make as well, and says so',
    async (dialect) => {
      const rig = await rigOf(dialect);
      const offered = await rig.execute('device_add ?');
      const all = await rig.execute('info qdm');
      expect(all).toContain('name "i440FX", bus PCI, desc "Host bridge", no-user\n');
      const lines = all.split('\n').filter((line) => line.startsWith('name ') && !line.endsWith(', no-user'));
      expect(lines).toEqual(offered.split('\n').filter((line) => line.startsWith('name ')));
    },
  );

  it('C12: errors, in the words of the year', async () => {
    const answers: Record<string, readonly string[]> = {};
    for (const dialect of DIALECT_NAMES) {
      const rig = await rigOf(dialect);
      await said(rig, 'device_add virtio-rng-pci,id=x');
      const lines = [
        'device_add virtio-rng-pci,id=x',
        'device_add nosuch',
        'device_add i440FX',
        'device_add virtio-rng-pci,zz=1',
        'device_add virtio-blk-pci,drive=nosuch',
        'info balloon',
        'help nosuch',
        'drive_del',
      ];
      answers[dialect] = await Promise.all(lines.map((line) => rig.console.monitor.execute(line)));
    }
    const drive = "Property 'virtio-blk-device.drive' can't find value 'nosuch'\n";
    const card = "Property 'virtio-blk-pci.drive' can't find value 'nosuch'\n";
    const usage = 'drive_del: block device name expected\n';
    expect(answers).toEqual({
      '7.2': [
        "Error: Duplicate device ID 'x'\n",
        "Error: 'nosuch' is not a valid device model name\n",
        "Error: Parameter 'driver' expects a pluggable device type\n",
        "Error: Property 'virtio-rng-pci.zz' not found\n",
        `Error: ${drive}`,
        'Error: No balloon device has been activated\n',
        "unknown command: 'nosuch'\n",
        `${usage}Try "help drive_del" for more information\n`,
      ],
      '5.1': [
        "Error: Duplicate ID 'x' for device\n",
        "Error: 'nosuch' is not a valid device model name\n",
        "Error: Parameter 'driver' expects pluggable device type\n",
        "Error: Property '.zz' not found\n",
        `Error: ${drive}`,
        'Error: No balloon device has been activated\n',
        "unknown command: 'nosuch'\n",
        `${usage}Try "help drive_del" for more information\n`,
      ],
      '2.0': [
        "Duplicate ID 'x' for device\n",
        "'nosuch' is not a valid device model name\n",
        "Parameter 'driver' expects pluggable device type\n",
        "Property '.zz' not found\n",
        drive,
        "Device 'balloon' has not been activated\n",
        '',
        usage,
      ],
      ...Object.fromEntries(
        ['1.5', '1.1'].map((name) => [
          name,
          [
            "Duplicate ID 'x' for device\n",
            "Parameter 'driver' expects device type\n",
            "Parameter 'driver' expects a pluggable device type\n",
            "Property 'virtio-rng-pci.zz' not found\n",
            card,
            "Device 'balloon' has not been activated\n",
            '',
            usage,
          ],
        ]),
      ),
      'qemu-kvm-0.15': [
        "Duplicate ID 'x' for device\n",
        "Parameter 'driver' expects a driver name\nTry with argument '?' for a list.\n",
        "Parameter 'driver' expects a driver name\nTry with argument '?' for a list.\n",
        "Property 'virtio-rng-pci.zz' not found\n",
        card,
        "Device 'balloon' has not been activated\n",
        '',
        usage,
      ],
    });
  });

  it.each([
    ['7.2', "Error: Device 'isa-serial' can't go on PCI bus\n", "Error: Bus 'x' not found\nchild buses"],
    ['5.1', "Error: Device 'isa-serial' can't go on PCI bus\n", "Error: Bus 'x' not found\nchild buses"],
    ...OLD.map(
      (name) =>
        [name, "Device 'isa-serial' can't go on a PCI bus\n", "Bus 'x' not found\nchild busses"] as const,
    ),
  ] as const)('C12: buses in %s', async (dialect, wrongBus, noBus) => {
    const rig = await rigOf(dialect);
    expect(await rig.execute('device_add isa-serial,bus=pci.0')).toBe(wrongBus);
    expect(await rig.execute('device_add virtio-rng-pci,bus=/i440FX-pcihost/x')).toBe(
      `${noBus} at "i440FX-pcihost": "pci.0"\n`,
    );
  });

  it.each([
    [
      '7.2',
      'stop|s',
      'pci',
      'Try "help stop" for more information\n',
      'Try "help info pci" for more information\n',
    ],
    [
      '5.1',
      'stop|s',
      'pci',
      'Try "help stop" for more information\n',
      'Try "help info pci" for more information\n',
    ],
    ['2.0', 'stop', 'pci', '', ''],
    ['1.5', 'stop', 'pci', '', ''],
    ['1.1', 'stop', 'info', '', ''],
    ['qemu-kvm-0.15', 'stop', 'info', '', ''],
  ] as const)('arguments that are too many, in %s', async (dialect, stop, pci, stopHint, pciHint) => {
    const rest = 'extraneous characters at the end of line\n';
    const rig = await rigOf(dialect);
    expect(await said(rig, 'stop x', 'info pci x')).toBe(
      `${stop}: ${rest}${stopHint}${pci}: ${rest}${pciHint}`,
    );
    const unknown = await rig.execute('info nosuch');
    expect(unknown).toBe(pci === 'info' ? await rig.execute('info') : "unknown command: 'info nosuch'\n");
  });
});
