/** Words of other years that are gone, each test under the number of its row: L PCI devices by slot, U USB, K processors. */
import { describe, expect, it } from 'vitest';
import { Machine, Monitor } from '../../src/emu/index.ts';
import { findDialect } from '../../src/emu/monitor/dialects/dialects.ts';
import { DISK, OLD, rigOf, said } from '../support/dialect-rig.ts';
import { memoryImages } from '../support/headless-guest.ts';
import type { MonitorRig } from '../support/monitor-rig.ts';

const FOUR_CPUS = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 } as const;
const TWO_SOCKETS = { cpus: 1, maxCpus: 2, sockets: 2, dies: 1, cores: 1, threads: 1 } as const;

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
      'pci_add 1 storage file=/tmp/disk1.img,format=raw,if=scsi',
      'PCI: slot 1 function 0 not available for lsi53c895a, in use by PIIX3,id=(null)\nfailed to add file=/tmp/disk1.img,format=raw,if=scsi\n',
    ],
    ['pci_add 1:4 storage if=scsi', 'Invalid PCI device address 1:4\nfailed to add if=scsi\n'],
    ['pci_add auto nic model=foo', 'Unsupported NIC model: foo\nfailed to add model=foo\n'],
    ['pci_add auto nic foo=1', "Invalid parameter 'foo'\nfailed to add foo=1\n"],
    ['pci_add auto nic macaddr=zz', 'invalid syntax for ethernet address\nfailed to add macaddr=zz\n'],
    ['pci_add 20 nic model=e1000', 'Invalid PCI device address 20\nfailed to add model=e1000\n'],
    ['pci_add 5 nic addr=6', 'Parameter addr not supported\nfailed to add addr=6\n'],
    ['pci_add auto nic netdev=zz', "netdev 'zz' not found\nfailed to add netdev=zz\n"],
    [
      'pci_add 1 nic model=ne2k_pci',
      'PCI: slot 1 function 0 not available for ne2k_pci, in use by PIIX3,id=(null)\nfailed to add model=ne2k_pci\n',
    ],
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
    expect(rig.machine.network.clients).toEqual([]);
    expect(rig.functions()).toHaveLength(4);
  });

  it('L5: a network card of each model, and the one of who names none', async () => {
    const rig = await rigOf('1.1');
    rig.boot();
    await said(rig, 'cont');
    const cards = [
      ['model=e1000', 'e1000'],
      ['model=virtio,macaddr=52:54:00:00:00:7', 'virtio-net-pci'],
      ['model=ne2k_pci,vlan=0', 'ne2k_pci'],
      ['model=pcnet', 'pcnet'],
      ['model=rtl8139', 'rtl8139'],
      ['', 'rtl8139'],
    ] as const;
    for (const [n, [options, type]] of cards.entries()) {
      const slot = n + 2;
      expect(await rig.execute(`pci_add auto nic ${options}`)).toBe(
        `OK domain 0, bus 0, slot ${slot}, function 0\n`,
      );
      await rig.settle();
      expect(rig.functions().find(({ devfn }) => devfn === slot << 3)?.identity.type).toBe(type);
    }
    expect(rig.machine.network.hubs.map(({ ports }) => ports.length)).toEqual([cards.length]);
    expect(rig.machine.network.nics[1]?.client.spec.info()).toContain('macaddr=52:54:00:00:00:07');
    expect(await rig.execute('pci_del 2')).toBe('');
    await rig.settle();
    expect(rig.machine.network.nics).toHaveLength(cards.length - 1);
  });

  it('L2, L8: a SCSI adapter with a disk, and another disk', async () => {
    const rig = await rigOf('1.1');
    expect(await rig.execute('pci_add auto storage file=/tmp/disk1.img,format=raw,if=scsi')).toBe(
      'OK domain 0, bus 0, slot 2, function 0\n',
    );
    expect(await rig.execute('drive_add 0:0:2 file=/tmp/disk2.img,format=raw,if=scsi')).toBe(
      'OK bus 0, unit 1\n',
    );
    const adapter = rig.machine.devices.tree.devices().find(({ type }) => type.name === 'lsi53c895a');
    expect(adapter?.buses[0]?.devices.map((disk) => disk.valueNamed('scsi-id'))).toEqual([1, 0]);
    rig.boot();
    rig.machine.cont();
    expect(await rig.execute('pci_del 2')).toBe('');
    await rig.settle();
    expect(rig.machine.drives.list()).toEqual([]);
    expect(await rig.execute('pci_add auto storage if=scsi')).toBe(
      'OK domain 0, bus 0, slot 2, function 0\n',
    );
  });

  it('C13: scsi-disk is what its drive says', async () => {
    const rig = await rigOf('5.1');
    const lines = [
      'device_add virtio-scsi-pci,id=s0',
      'drive_add 0 if=none,file=/tmp/disk1.img,format=raw,id=d1',
      'device_add scsi-disk,bus=s0.0,drive=d1,id=x1',
      'drive_add 0 if=none,file=/tmp/disk2.img,format=raw,media=cdrom,id=d2',
      'device_add scsi-disk,bus=s0.0,drive=d2,id=x2',
    ];
    for (const line of lines) expect(await rig.execute(line)).toMatch(/^(OK\n)?$/);
    expect(['x1', 'x2'].map((id) => rig.machine.devices.tree.find(id)?.type.name)).toEqual([
      'scsi-hd',
      'scsi-cd',
    ]);
    const today = await rigOf('7.2');
    expect(await today.execute('device_add scsi-disk')).toContain(
      "'scsi-disk' is not a valid device model name",
    );
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

describe('U: USB with a bus', () => {
  const withBus = { devices: ['piix3-usb-uhci,id=u'] } as const;

  it.each(OLD)('U2, U3, U9, C8: a stick comes and goes with its drive, in %s', async (dialect) => {
    const rig = await rigOf(dialect, withBus);
    expect(await said(rig, DISK, 'device_add usb-storage,id=usbdisk1,drive=disk1', 'info usb')).toBe(
      'OK\n  Device 0.0, Port 1, Speed 12 Mb/s, Product QEMU USB MSD\n',
    );
    expect(await rig.execute('info block')).toContain('disk1');
    expect(await said(rig, 'device_del usbdisk1', 'info usb')).toBe('');
    await rig.settle();
    expect(await rig.execute('info block')).toBe('');
    expect(await said(rig, 'usb_add disk:format=raw:/tmp/disk1.img', 'usb_add mouse', 'info usb')).toBe(
      '  Device 0.0, Port 2, Speed 12 Mb/s, Product QEMU USB MSD\n' +
        '  Device 0.0, Port 1, Speed 12 Mb/s, Product QEMU USB Hub\n' +
        '  Device 0.0, Port 1.1, Speed 12 Mb/s, Product QEMU USB Mouse\n',
    );
    expect(await rig.execute('info block')).toContain('usb0');
    expect(await said(rig, 'usb_del 0.0', 'info usb')).not.toContain('MSD');
    await rig.settle();
    expect(await rig.execute('info block')).toBe('');
  });

  it.each(OLD)('U7, U10: what cannot be added, in %s', async (dialect) => {
    const rig = await rigOf(dialect, withBus);
    expect(await said(rig, 'usb_add disk:', 'usb_add disk:foo=1:/tmp/disk1.img', 'usb_add disk:/nope')).toBe(
      "block device specification needed\ncould not add USB device 'disk:'\n" +
        "unrecognized USB mass-storage option foo=1:/tmp/disk1.img\ncould not add USB device 'disk:foo=1:/tmp/disk1.img'\n" +
        "Could not open '/nope': No such file or directory\ncould not add USB device 'disk:/nope'\n",
    );
    expect(
      await said(
        rig,
        'usb_add serial',
        'usb_add serial:x',
        'usb_add serial:vendorid=zz:null',
        'usb_add serial:',
      ),
    ).toBe(
      "could not add USB device 'serial'\n" +
        "unrecognized serial USB option x\ncould not add USB device 'serial:x'\n" +
        "bogus vendor ID zz\ncould not add USB device 'serial:vendorid=zz:null'\n" +
        "character device specification needed\ncould not add USB device 'serial:'\n",
    );
    expect(await said(rig, 'usb_add serial::null', 'usb_add host:003.003', 'info usb', 'usb_del 0.7')).toBe(
      "could not add USB device 'host:003.003'\n" +
        '  Device 0.0, Port 1, Speed 12 Mb/s, Product QEMU USB Serial\n' +
        "could not delete USB device '0.7'\n",
    );
    expect(await said(rig, 'info chardev')).toContain('usbserial0: filename=null');
    expect(rig.machine.drives.list()).toEqual([]);
  });
});

/** Ports and bits of QEMU's docs/specs/acpi_cpu_hotplug.txt. */
const CPU_BITMAP = 0xaf00;
const CPU_FLAGS = 0xaf04;
const CPU_ENABLED = 1;
const CPU_REMOVING = 4;
const CPU_EJECT = 8;
const GPE0_STS = 0xafe0;
const GPE_CPU = 4;

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

  it('K3, K5: the guest is told by the bitmap at 0xaf00 and by GPE.2', async () => {
    const images = memoryImages();
    const host = { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images };
    const machine = new Machine(
      { memoryBytes: 64 * 2 ** 20, smp: { ...FOUR_CPUS, maxCpus: 8, sockets: 8 } },
      host,
    );
    const { ports } = machine.board;
    const monitor = new Monitor({ machine, dialect: findDialect(KVM) });
    expect(ports.read(CPU_BITMAP, 1)).toBe(0b1);
    expect(ports.read(GPE0_STS, 1) & GPE_CPU).toBe(0);
    await monitor.execute('cpu_set 4 online');
    expect(ports.read(CPU_BITMAP, 1)).toBe(0b1_0001);
    expect(ports.read(GPE0_STS, 1) & GPE_CPU).toBe(GPE_CPU);
    ports.write(GPE0_STS, 1, GPE_CPU);
    // Today's machine has no way to take one out by the bitmap: without a guest that speaks the newer registers it is refused.
    expect(await monitor.execute('cpu_set 4 offline')).toContain('not supported device type');
    expect(ports.read(CPU_BITMAP, 1)).toBe(0b1_0001);
    // The first write switches to the registers by which the guest is asked: processor 4 is to be removed.
    ports.write(CPU_BITMAP, 4, 0);
    expect(await monitor.execute('cpu_set 4 offline')).toBe('');
    expect(ports.read(GPE0_STS, 1) & GPE_CPU).toBe(GPE_CPU);
    ports.write(CPU_BITMAP, 4, 4);
    expect(ports.read(CPU_FLAGS, 1)).toBe(CPU_ENABLED | CPU_REMOVING);
    expect(machine.inspect.cpus()).toHaveLength(2);
    ports.write(CPU_FLAGS, 1, CPU_EJECT);
    expect(machine.inspect.cpus().map(({ index }) => index)).toEqual([0]);
    await machine.close();
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
      /^Hotpluggable CPUs:\n {2}type: "qemu64-x86_64-cpu"\n {2}vcpus_count: "1"\n {2}CPUInstance Properties:\n {4}socket-id: "1"\n {4}core-id: "0"\n {4}thread-id: "0"\n {2}type: "qemu64-x86_64-cpu"\n {2}vcpus_count: "1"\n {2}qom_path: "\/machine\/unattached\/device\[0\]"\n {2}CPUInstance Properties:\n {4}socket-id: "0"\n {4}core-id: "0"\n {4}thread-id: "0"\n$/,
    );
  });

  it('K13: no info hotpluggable-cpus in 2.0', async () => {
    expect(await said(await rigOf('2.0'), 'info hotpluggable-cpus')).toBe(
      "unknown command: 'info hotpluggable-cpus'\n",
    );
  });
});
