import { describe, expect, it } from 'vitest';
import type { MonitorRig, MonitorRigOptions } from '../support/monitor-rig.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import type { Difference, ReplayTarget } from '../support/replay.ts';
import { normalisations, readRecording, replay } from '../support/replay.ts';
import { TestNetHost } from '../support/test-net-host.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const notModelled = (line: string): Difference => ({
  line,
  ours: `Error: '${/^device_add ([^,]+)/.exec(line)?.[1]}' is not a valid device model name\n`,
  why: 'this machine has no such model yet, and says so',
});

/** tests/unit/savevm.test.ts has a machine that can be saved. */
const SNAPSHOTS: readonly Difference[] = [
  ['savevm', 'Error: This board cannot be saved\n'],
  ['savevm x', 'Error: This board cannot be saved\n'],
  ['loadvm x', "Error: Snapshot 'x' does not exist in one or more devices\n"],
  ['delvm x', ''],
  ['info snapshots', 'There is no snapshot available.\n'],
].map(([line = '', ours = '']) => ({
  line,
  ours,
  why: 'a snapshot is a file of its own, raw images hold none',
}));

/** Answers that are ours on purpose. */
const DIFFERENCES: Readonly<Record<string, readonly Difference[]>> = {
  commands_legacy: [
    {
      line: 'info name   # comment',
      ours: 'note: comment dropped\n',
      why: 'people paste lines of lessons',
    },
  ],
  errors_device: ['device_add cirrus-vga,id=z', 'device_add VGA,id=z'].map(notModelled),
  netdev_user_rest: [
    'r14,guestfwd=::5-',
    'r19,guestfwd=tcp:10.0.2.9:5-foo',
    'r26,guestfwd=tcp:10.0.2.9:5-null',
  ].map((options) => ({
    line: `netdev_add user,id=${options}`,
    ours: "Error: Could not open guest forwarding device 'guestfwd.tcp.5'\n",
    why: 'QEMU prints the reason, too, on the line before',
  })),
  commands_drives: SNAPSHOTS,
  commands_absent: SNAPSHOTS,
  commands_info: SNAPSHOTS,
  commands_memory: [
    {
      line: 'xp/9b 0xfffffff8',
      ours: '00000000fffffff8: Cannot access memory\n',
      why: 'the board has no ROM: our firmware is no code of the guest',
    },
    {
      line: 'xp/4b 0xa0000',
      ours: '00000000000a0000: Cannot access memory\n',
      why: 'the board has no memory for system management mode',
    },
  ],
};

/** Room for 768 MiB beside the RAM. */
const FOUR_SLOTS: MonitorRigOptions = { dimms: { slots: 4, maxSize: GIB } };

const FOUR_SOCKETS = { cpus: 1, maxCpus: 4, sockets: 4, dies: 1, cores: 1, threads: 1 };

const DISK1 = 'if=none,file=/tmp/disk1.img,format=raw,id=disk1';

/** Other machines, as the recordings' arguments say. */
const MACHINES: Readonly<Record<string, MonitorRigOptions>> = {
  errors_cpu: { smp: FOUR_SOCKETS },
  errors_cpu_dies: { smp: { cpus: 3, maxCpus: 8, sockets: 2, dies: 2, cores: 2, threads: 1 } },
  cpu_warnings: { cpu: 'kvm64,+spec-ctrl,+x2apic', smp: FOUR_SOCKETS },
  pvpanic: {
    devices: ['pvpanic,id=p1', 'pc-testdev', 'pvpanic-pci,id=p2,events=1'],
    noShutdown: true,
  },
  watchdogs: { devices: ['ib700,id=w1', 'isa-debug-exit,iobase=0xf4,id=x', 'i6300esb,id=w2'] },
  errors_netdev_socket: { network: new TestNetHost() },
  piix_ide: { drives: [DISK1], devices: ['ide-hd,drive=disk1,id=hd1,bus=ide.0', 'ide-cd,id=cd1,bus=ide.1'] },
  floppies: {
    drives: [DISK1],
    devices: ['floppy,drive=disk1,id=fd1,unit=1', 'floppy,id=fd0,drive-type=120'],
  },
  ahci_cold: {
    drives: [DISK1],
    devices: ['ich9-ahci,id=sata', 'ide-hd,drive=disk1,id=hd1,bus=sata.0', 'ide-cd,id=cd1,bus=sata.5'],
  },
  usb_uhci: { devices: ['piix3-usb-uhci,id=u'] },
  usb_xhci: { devices: ['qemu-xhci,id=u'] },
  usb_ehci: {
    devices: [
      ...['usb-ehci,id=u', 'ich9-usb-ehci1,id=e,addr=1d.7,multifunction=on'],
      'ich9-usb-uhci1,id=c1,addr=1d.0,masterbus=e.0,firstport=0,multifunction=on',
      'ich9-usb-uhci2,id=c2,addr=1d.1,masterbus=e.0,firstport=2',
    ],
  },
  usb_storage: { devices: ['piix3-usb-uhci,id=u'] },
  usb_adapters: { devices: ['piix3-usb-uhci,id=u', 'usb-bot,id=cold'] },
  info_numa: { ...FOUR_SLOTS, smp: { ...FOUR_SOCKETS, cpus: 2 } },
  numa_nodes: {
    ...{ ...FOUR_SLOTS, smp: { ...FOUR_SOCKETS, cpus: 2 } },
    objects: ['memory-backend-ram,id=a,size=96M', 'memory-backend-ram,id=b,size=160M'],
    numa: ['node,memdev=a,cpus=0,cpus=3', 'node,memdev=b', 'node'],
  },
  virtio_mem_warnings: FOUR_SLOTS,
  memdev_order: FOUR_SLOTS,
  errors_memdev: FOUR_SLOTS,
  host_nodes: FOUR_SLOTS,
  memdev_set: FOUR_SLOTS,
  errors_dimm: FOUR_SLOTS,
  errors_qom: FOUR_SLOTS,
  errors_virtio_mem: { dimms: { slots: 4, maxSize: 2 * GIB } },
  errors_virtio_mem_noslots: { dimms: { slots: 0, maxSize: GIB } },
  errors_dimm_full: FOUR_SLOTS,
  errors_dimm_noslots_room: { dimms: { slots: 0, maxSize: GIB } },
  errors_dimm_4g: { memoryBytes: 4 * GIB, dimms: { slots: 2, maxSize: 5 * GIB } },
  errors_dimm_fragmented: { dimms: { slots: 4, maxSize: 2310 * MIB } },
};

/** Events that QEMU has of things which the rig's hand-made guest does not do. */
const GUEST_ONLY_EVENTS = /"(RTC_CHANGE|NIC_RX_FILTER_CHANGED|VSERPORT_CHANGE)"/;

function target(rig: MonitorRig): ReplayTarget {
  return {
    execute: (line) => rig.execute(line),
    takeEvents: () => rig.takeEvents().map(({ event, data }) => JSON.stringify({ event, data })),
    async boot() {
      rig.boot();
      if (rig.machine.runState !== 'running') rig.machine.cont();
      rig.takeEvents();
    },
    settle: () => rig.settle(),
  };
}

describe('answers as QEMU 7.2 recorded them', () => {
  it.each([
    'info_S',
    'help',
    'powerdown',
    'errors_drive',
    'drive_options',
    'errors_device',
    'errors_bus',
    'blk_hotplug',
    'seed_blk_S',
    'drive_del_first',
    'del_mounted',
    'del_nocoop_paused',
    'multifunction',
    'bus_full',
    'errors_object',
    'errors_rng',
    'rng_hotplug',
    'errors_chardev',
    'errors_serial',
    'serial_hotplug',
    'errors_scsi',
    'scsi_media',
    'virtio_scsi',
    'piix_ide',
    'floppies',
    'ahci_cold',
    'ahci_hotplug',
    'lsi_scsi',
    'errors_lsi',
    'errors_nvme',
    'pci_serial',
    'errors_cpu',
    'errors_cpu_dies',
    'cpu_warnings',
    'info_numa',
    'numa_nodes',
    'virtio_mem_warnings',
    'memdev_order',
    'errors_memdev',
    'host_nodes',
    'memdev_set',
    'errors_dimm',
    'errors_dimm_full',
    'errors_dimm_noslots',
    'errors_dimm_noslots_room',
    'errors_dimm_4g',
    'errors_dimm_fragmented',
    'errors_balloon',
    'errors_qom',
    'errors_netdev',
    'errors_netdev_socket',
    'netdev_user_rest',
    'nic_cards',
    'filter_dump',
    'nic_virtio',
    'errors_virtio_mem',
    'errors_virtio_mem_noroom',
    'errors_virtio_mem_noslots',
    'pvpanic',
    'watchdogs',
    'usb_uhci',
    'usb_xhci',
    'usb_ehci',
    'usb_full',
    'usb_storage',
    'usb_adapters',
    'commands_memory',
    'commands_ports',
    'commands_input',
    'commands_log',
    'commands_machine',
    'commands_drives',
    'commands_help',
    'commands_trees',
    'commands_legacy',
    'commands_absent',
    'commands_arguments',
    'commands_info',
  ])('%s', async (name) => {
    const recording = readRecording(name);
    const rig = await monitorRig(MACHINES[name]);
    const types = [...rig.machine.devices.registry.all(), ...rig.machine.objects.types()].map(
      ({ name: type }) => type,
    );
    await replay(recording, target(rig), {
      rules: normalisations(new Set(types)),
      differences: DIFFERENCES[name] ?? [],
      events: (event) => !GUEST_ONLY_EVENTS.test(event),
      guestAnswers: name === 'bus_full',
      compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
    });
  });
});
