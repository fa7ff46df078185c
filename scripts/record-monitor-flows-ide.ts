/** What is recorded of ATA: devices that are there from the start, discs that change, controllers that come and go. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));
const SETTLE: Step = { settle: true };

const DISK = ['-drive', 'if=none,file=/tmp/disk1.img,format=raw,id=disk1'];
const ADD_DISK2 = 'drive_add 0 if=none,file=/tmp/disk2.img,format=raw,id=disk2';

export const IDE_FLOWS: readonly Flow[] = [
  {
    name: 'piix_ide',
    guest: false,
    args: [...DISK, '-device', 'ide-hd,drive=disk1,id=hd1,bus=ide.0', '-device', 'ide-cd,id=cd1,bus=ide.1'],
    steps: hmp(
      ...['ide-hd', 'ide-cd', 'ich9-ahci', 'ahci'].map((type) => `device_add ${type},help`),
      'info block',
      'info qtree',
      'device_add ide-hd,id=x',
      ADD_DISK2,
      'device_add ide-hd,drive=disk2,id=hd2,bus=ide.1',
      'device_add ide-hd,drive=disk2,id=hd2,bus=ide.0,unit=1',
      'device_add ide-cd,id=cd9,bus=ide.1',
      'device_add ide-hd,drive=disk2,bus=pci.0',
      'device_add scsi-hd,drive=disk2,bus=ide.0',
      'device_del hd1',
      'device_del cd1',
      ...['ide', 'scsi', 'virtio'].map(
        (type) => `drive_add 0 if=${type},file=/tmp/disk2.img,format=raw,id=d4`,
      ),
      'change cd1 /tmp/disk2.img raw',
      'info block',
      'eject cd1',
      'info block',
      'eject -f cd1',
      'eject hd1',
      'eject nosuch',
      'change nosuch /tmp/disk1.img',
      'drive_del disk1',
      'info block',
      'qom-get /machine/peripheral/hd1 serial',
      'qom-get /machine/peripheral/hd1 bios-chs-trans',
      'qom-list /machine/peripheral/cd1',
    ),
  },
  {
    name: 'floppies',
    guest: false,
    args: [...DISK, '-device', 'floppy,drive=disk1,id=fd1,unit=1', '-device', 'floppy,id=fd0,drive-type=120'],
    steps: hmp(
      ...['floppy', 'isa-fdc'].map((type) => `device_add ${type},help`),
      'info block',
      'info qtree',
      'info block -v fd0',
      'device_add floppy,id=x',
      'device_add isa-fdc,id=x',
      'device_add floppy,bus=pci.0',
      ADD_DISK2,
      'device_add scsi-hd,drive=disk2,bus=floppy-bus.0',
      'device_del fd1',
      'change fd0 /tmp/disk2.img raw',
      'drive_del disk2',
      'change fd0 /tmp/disk2.img raw read-only',
      'info block',
      'eject fd0',
      'eject fd0',
      'eject -f fd1',
      'info block',
      'change fd1 /tmp/nosuch.img raw',
      'qom-list /machine/peripheral/fd1',
      'qom-get /machine/peripheral/fd1 drive-type',
      'qom-get /machine/peripheral/fd0 drive-type',
      'drive_del disk1',
      'info block',
      'info blockstats',
    ),
  },
  {
    name: 'ahci_cold',
    guest: false,
    args: [
      ...[...DISK, '-device', 'ich9-ahci,id=sata'],
      ...['-device', 'ide-hd,drive=disk1,id=hd1,bus=sata.0', '-device', 'ide-cd,id=cd1,bus=sata.5'],
    ],
    steps: hmp(
      'info pci',
      'info qtree',
      'info block',
      'device_del hd1',
      'device_add ide-cd,id=cd2,bus=sata.1',
      'drive_del disk1',
      'info block',
    ),
  },
  {
    name: 'ahci_hotplug',
    guest: true,
    steps: [
      ...hmp('device_add ahci,id=sata,addr=0x06'),
      SETTLE,
      ...hmp(
        'info pci',
        ADD_DISK2,
        'device_add ide-hd,drive=disk2,bus=sata.0,id=hd1',
        'device_add ide-cd,bus=sata.1',
        'device_add ide-cd,bus=sata.6',
        'info block',
        'device_del sata',
      ),
      SETTLE,
      ...hmp('info pci', 'info block'),
    ],
  },
];
