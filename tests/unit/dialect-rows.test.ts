/**
 * What lessons of other years show, each test under the number of its row: A looking, C disks, K processors, L and U the words that are gone.
 * The lines are quoted from transcripts and from QEMU's sources of those versions (docs/monitor.md).
 */
import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES, type DialectName } from '../../src/emu/monitor/dialects/dialect.ts';
import { Monitor } from '../../src/emu/monitor/monitor.ts';
import { type MonitorRig, type MonitorRigOptions, monitorRig } from '../support/monitor-rig.ts';

const FOUR_CPUS = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 } as const;
const TWO_SOCKETS = { cpus: 1, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 } as const;
const DISK = 'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=disk1';
const DISK_DEVICE = 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1';
const LIMITS = 'bps=0 bps_rd=0 bps_wr=0 iops=0 iops_rd=0 iops_wr=0';
const OLD: readonly DialectName[] = ['2.0', '1.5', '1.1', 'qemu-kvm-0.15'];

const rigOf = (dialect: DialectName, options: MonitorRigOptions = {}): Promise<MonitorRig> =>
  monitorRig({ ...options, dialect });

/** Runs lines and gives all that they print. */
async function said(rig: MonitorRig, ...lines: readonly string[]): Promise<string> {
  let text = '';
  for (const line of lines) text += await rig.execute(line);
  return text;
}

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

  it('A2, A3: info pci of a machine that waits, line by line', async () => {
    const rig = await rigOf('1.5');
    expect(await rig.execute('info pci')).toBe(
      [
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
      ].join('\n'),
    );
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
    expect(await rig.execute('info block')).toContain(
      `disk1: removable=0 io-status=ok file=/tmp/disk1.img ro=0 drv=raw encrypted=0 ${LIMITS}\n`,
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

  it('C6: device_add ? in 1.5 is a list without headings', async () => {
    const rig = await rigOf('1.5');
    const text = await rig.execute('device_add ?');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('name "'))).toEqual([]);
    expect(text).toContain('name "virtio-blk-pci", bus virtio-bus, alias "virtio-blk"\n');
    expect(text).toContain('name "pc-dimm", desc "DIMM memory module"\n');
    expect(text).not.toContain('x86_64-cpu');
    expect(await rig.execute('device_add help')).toBe(text);
    expect(await rig.execute('info qdm')).toBe(text);
  });

  it.each([
    ['2.0', false],
    ['5.1', true],
    ['7.2', true],
  ] as const)('C6: device_add ? in %s has headings', async (dialect, hasCpus) => {
    const text = await said(await rigOf(dialect), 'device_add ?');
    expect(text).toMatch(
      /^Controller\/Bridge\/Hub devices:\nname "usb-hub"[\s\S]*\n\nStorage devices:\nname "/,
    );
    expect(text).toContain('\n\nMisc devices:\n');
    expect(text).toContain('name "virtio-blk-pci", bus PCI, alias "virtio-blk"\n');
    expect(text.includes('CPU devices:')).toBe(hasCpus);
  });

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
});

describe('L: PCI devices by their slots', () => {
  it.each(OLD)('L1, L6: help in %s', async (dialect) => {
    expect(await said(await rigOf(dialect), 'help pci_add', 'help pci_del')).toBe(
      'pci_add auto|[[<domain>:]<bus>:]<slot> nic|storage [[vlan=n][,macaddr=addr][,model=type]] [file=file][,if=type][,bus=nr]... -- hot-add PCI device\n' +
        'pci_del [[<domain>:]<bus>:]<slot> -- hot remove PCI device\n',
    );
  });

  it.each([
    ['2.0', 'root bus 0000:00'],
    ['1.5', 'domain 0'],
    ['1.1', 'domain 0'],
    ['qemu-kvm-0.15', 'domain 0'],
  ] as const)('L4, L6: a disk comes, and goes when the guest lets it, in %s', async (dialect, root) => {
    const rig = await rigOf(dialect);
    rig.boot();
    await said(rig, 'cont');
    expect(await rig.execute('pci_add auto storage file=/tmp/disk1.img,format=raw,if=virtio')).toBe(
      `OK ${root}, bus 0, slot 2, function 0\n`,
    );
    await rig.settle();
    expect(await rig.execute('pci_add pci_addr=0:9 storage file=/tmp/disk2.img,format=raw,if=virtio')).toBe(
      `OK ${root}, bus 0, slot 9, function 0\n`,
    );
    await rig.settle();
    expect(rig.functions().filter(({ identity }) => identity.type === 'virtio-blk-pci')).toHaveLength(2);
    expect(await said(rig, 'pci_del 2', 'pci_del pci_addr=0:0:9')).toBe('');
    await rig.settle();
    expect(rig.functions().filter(({ identity }) => identity.type === 'virtio-blk-pci')).toEqual([]);
    expect(rig.machine.drives.list()).toEqual([]);
  });

  it.each([
    ['pci_add auto storage if=virtio', 'virtio requires a backing file/device.\nfailed to add if=virtio\n'],
    ['pci_add auto storage', 'no if= specified\nfailed to add \n'],
    [
      'pci_add auto storage file=x,if=ide',
      'type ide not a hotpluggable PCI device.\nfailed to add file=x,if=ide\n',
    ],
    [
      'pci_add auto storage file=/nope,if=virtio',
      "Could not open '/nope': No such file or directory\nfailed to add file=/nope,if=virtio\n",
    ],
    [
      'pci_add 0:1f storage file=/tmp/disk1.img,if=virtio,addr=3',
      'Parameter addr not supported\nfailed to add file=/tmp/disk1.img,if=virtio,addr=3\n',
    ],
    [
      'pci_add 20 storage file=/tmp/disk1.img,format=raw,if=virtio',
      'Invalid PCI device address 20\nfailed to add file=/tmp/disk1.img,format=raw,if=virtio\n',
    ],
    ['pci_add 1:4 storage if=virtio', 'Invalid PCI device address 1:4\nfailed to add if=virtio\n'],
    [
      'pci_add 1 storage file=/tmp/disk1.img,format=raw,if=virtio',
      'PCI: slot 1 function 0 not available for virtio-blk-pci, in use by PIIX3,id=(null)\nfailed to add file=/tmp/disk1.img,format=raw,if=virtio\n',
    ],
    [
      'pci_add auto storage file=/tmp/disk1.img,if=scsi',
      'Hotslot has no SCSI adapter yet\nfailed to add file=/tmp/disk1.img,if=scsi\n',
    ],
    ['pci_add auto nic model=e1000', 'Hotslot has no network yet\nfailed to add model=e1000\n'],
    ['pci_add auto foo', 'invalid type: foo\nfailed to add \n'],
    [
      'pci_add auto storage file=/tmp/disk1.img,if=virtio,id=1',
      "Parameter 'id' expects an identifier\nIdentifiers consist of letters, digits, '-', '.', '_', starting with a letter.\nfailed to add file=/tmp/disk1.img,if=virtio,id=1\n",
    ],
    ['pci_add auto', 'pci_add: string expected\n'],
    ['pci_del 9', 'slot 9 empty\n'],
    ['pci_del 20', 'Invalid pci address\n'],
    ['pci_del 1:0:4', 'Invalid pci address\n'],
    ['pci_del 1', "Device 'PIIX3' does not support hotplugging\n"],
    ['drive_add 0:0:4 if=scsi,file=/tmp/disk1.img,format=raw', 'no pci device with address 0:0:4\n'],
    ['drive_add 0:0:1 if=scsi,file=/tmp/disk1.img,format=raw', 'Device is not a SCSI adapter\n'],
    ['drive_add x if=scsi,file=/tmp/disk1.img,format=raw', 'Invalid pci address\n'],
    ['drive_add 0 if=ide,file=/tmp/disk1.img,format=raw', "Can't hot-add drive to type 1\n"],
    ['drive_add 0 if=scsi,file=/nope', "Could not open '/nope': No such file or directory\n"],
  ])('L7, L8, C14: %s changes nothing', async (line, answer) => {
    const rig = await rigOf('1.1');
    expect(await rig.execute(line)).toBe(answer);
    expect(rig.machine.drives.list()).toEqual([]);
    expect(rig.functions()).toHaveLength(4);
  });

  it('L7: domains in 2.0', async () => {
    expect(await said(await rigOf('2.0'), 'pci_del 1:0:4')).toBe(
      'Multiple PCI domains not supported, use device_add\n',
    );
  });
});

describe('words that are gone, about what is not here', () => {
  it.each(['2.0', '1.1', 'qemu-kvm-0.15'] as const)('in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(await said(rig, DISK, 'acl_show vnc.username', 'block_passwd x y', 'block_passwd disk1 y')).toBe(
      "OK\nacl: unknown list 'vnc.username'\nDevice 'x' not found\nDevice 'disk1' is not encrypted\n",
    );
    expect(await said(rig, 'host_net_add tap', 'migrate_set_speed 1m')).toBe(
      'Hotslot has no network yet\nHotslot does not migrate machines\n',
    );
  });

  it('in 5.1', async () => {
    expect(await said(await rigOf('5.1'), 'block_passwd x y', 'host_net_add tap')).toBe(
      "Error: Setting block passwords directly is no longer supported\nunknown command: 'host_net_add'\n",
    );
  });
});

describe('U: USB', () => {
  it.each(OLD)('U4, U8, U9: a mouse comes and goes by the words of %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(
      await said(rig, 'device_add piix3-usb-uhci,id=u', 'usb_add mouse', 'usb_add keyboard', 'info usb'),
    ).toBe(
      '  Device 0.0, Port 1, Speed 12 Mb/s, Product QEMU USB Mouse\n' +
        '  Device 0.0, Port 2, Speed 12 Mb/s, Product QEMU USB Hub\n' +
        '  Device 0.0, Port 2.1, Speed 12 Mb/s, Product QEMU USB Keyboard\n',
    );
    expect(await said(rig, 'usb_add disk:x', 'usb_del 0.9', 'usb_del 0.0')).toBe(
      "could not add USB device 'disk:x'\ncould not delete USB device '0.9'\n",
    );
    expect(await said(rig, 'info usb')).toBe(
      '  Device 0.0, Port 2, Speed 12 Mb/s, Product QEMU USB Hub\n' +
        '  Device 0.0, Port 2.1, Speed 12 Mb/s, Product QEMU USB Keyboard\n',
    );
  });
});

describe('U: USB without a bus', () => {
  it.each(OLD)('U5, U10, U12 in %s', async (dialect) => {
    const rig = await rigOf(dialect);
    expect(await said(rig, 'info usb', 'usb_add nosuch', 'usb_add host:003.003', 'usb_del 9.9')).toBe(
      "USB support not enabled\ncould not add USB device 'nosuch'\n" +
        'Error: no usb bus to attach usbdevice host, please try -machine usb=on and check that the machine model supports USB\n' +
        "could not add USB device 'host:003.003'\ncould not delete USB device '9.9'\n",
    );
    expect(await said(rig, 'help usb_add', 'help usb_del')).toBe(
      "usb_add device -- add USB device (e.g. 'host:bus.addr' or 'host:vendor_id:product_id')\n" +
        "usb_del device -- remove USB device 'bus.addr'\n",
    );
  });
});

describe('K: processors', () => {
  const KVM = 'qemu-kvm-0.15';
  const NOTE = 'note: cpu_set takes the number of one CPU (0 to 3 here), not how many of them\n';
  const present = ({ machine }: MonitorRig): readonly number[] =>
    machine.inspect
      .cpus()
      .map(({ index }) => index)
      .sort();

  it('K2: help cpu_set', async () => {
    expect(await said(await rigOf(KVM), 'help cpu_set')).toBe(
      'cpu_set cpu [online|offline] -- change cpu state\n',
    );
  });

  it('K3: cpu_set takes the number of a processor, and says so once', async () => {
    const rig = await rigOf(KVM, { smp: FOUR_CPUS });
    expect(await rig.execute('cpu_set 3 online')).toBe(NOTE);
    expect(present(rig)).toEqual([0, 3]);
    expect(await said(rig, 'cpu_set 3 online', 'cpu_set 1 online')).toBe('');
    expect(present(rig)).toEqual([0, 1, 3]);
    expect(await said(rig, 'cpu_set 4 online')).toBe('');
    expect(rig.stderr).toEqual(['cpu 4 creation failed']);
    expect(present(rig)).toEqual([0, 1, 3]);
  });

  it('K5: other words, and processors that are not there', async () => {
    const rig = await rigOf(KVM, { smp: FOUR_CPUS });
    expect(await said(rig, 'cpu_set 1 foo', 'cpu_set 2 offline', 'cpu_set 9 offline')).toBe(
      `${NOTE}invalid status: foo\n`,
    );
    expect(await said(rig, 'cpu_set 1', 'cpu_set x online')).toMatch(/^cpu_set: string expected\n/);
    expect(present(rig)).toEqual([0]);
    expect(await rig.execute('cpu_set 0 offline')).toBe('Boot CPU is unpluggable\n');
  });

  it.each([
    ['2.0', '', 'Unable to add CPU: 1, it already exists\n', 'Unable to add CPU: 4, max allowed: 3\n'],
    [
      '5.1',
      'cpu_add is deprecated, please use device_add instead\n',
      'Error: CPU[1] with APIC ID 1 exists\n',
      'Error: Invalid CPU [socket: 4, die: 0, core: 0, thread: 0] with APIC ID 4, valid index range 0:3\n',
    ],
  ] as const)('K6: cpu-add in %s', async (dialect, notice, again, beyond) => {
    const rig = await rigOf(dialect, { smp: FOUR_CPUS });
    expect(await rig.execute('cpu-add 1')).toBe(notice);
    expect(present(rig)).toEqual([0, 1]);
    expect(await rig.execute('cpu-add 1')).toBe(notice + again);
    expect(await rig.execute('cpu-add 4')).toBe(notice + beyond);
    expect(present(rig)).toEqual([0, 1]);
  });

  it.each(['7.2', '1.5', '1.1', KVM] as const)('K6: no cpu-add in %s', async (dialect) => {
    expect(await said(await rigOf(dialect), 'cpu-add 1')).toBe("unknown command: 'cpu-add'\n");
  });

  it.each(OLD)('K12: info cpus in %s', async (dialect) => {
    const rig = await rigOf(dialect, { smp: { ...FOUR_CPUS, cpus: 2 } });
    expect(await rig.execute('info cpus')).toBe(
      '* CPU #0: pc=0x00000000fffffff0 thread_id=1\n  CPU #1: pc=0x00000000fffffff0 (halted) thread_id=2\n',
    );
    await rig.execute('cpu 1');
    expect(await rig.execute('info cpus')).toContain('* CPU #1: ');
  });

  it.each(['7.2', '5.1'] as const)('K12: info cpus in %s', async (dialect) => {
    const rig = await rigOf(dialect, { smp: { ...FOUR_CPUS, cpus: 2 } });
    expect(await rig.execute('info cpus')).toBe('* CPU #0: thread_id=1\n  CPU #1: thread_id=2\n');
  });

  it.each(['7.2', '5.1'] as const)('K13: info hotpluggable-cpus in %s', async (dialect) => {
    const rig = await rigOf(dialect, { smp: TWO_SOCKETS });
    expect(await rig.execute('info hotpluggable-cpus')).toMatch(
      /^Hotpluggable CPUs:\n {2}type: "qemu64-x86_64-cpu"\n {2}vcpus_count: "1"\n {2}CPUInstance Properties:\n {4}socket-id: "1"\n {4}core-id: "0"\n {4}thread-id: "0"\n {2}type: "qemu64-x86_64-cpu"\n {2}vcpus_count: "1"\n {2}qom_path: "\/machine\/unattached\/device\[\d+\]"\n/,
    );
  });

  it('K13: no info hotpluggable-cpus in 2.0', async () => {
    expect(await said(await rigOf('2.0'), 'info hotpluggable-cpus')).toBe(
      "unknown command: 'info hotpluggable-cpus'\n",
    );
  });
});
