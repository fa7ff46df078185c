/** What is recorded of NVMe: controllers that come and go, what they refuse. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));
const blank = (id: string): string => `drive_add 0 if=none,driver=null-co,size=1M,id=${id}`;

const REFUSED = [
  '',
  'serial=a,drive=nosuch',
  'serial=a,drive=empty',
  'serial=a,max_ioqpairs=0',
  'serial=a,max_ioqpairs=65536',
  'serial=a,msix_qsize=0',
  'serial=a,msix_qsize=2049',
  'serial=a,vsl=0',
  'serial=a,zoned.zasl=9',
  'serial=a,mdts=256',
  'serial=a,aerl=zz',
  'serial=a,use-intel-id=maybe',
  'serial=a,bogus=1',
  'serial=a,drive=a,logical_block_size=100',
  // QEMU: after this one the drive stays taken.
  'serial=a,drive=c,logical_block_size=4096',
];

export const NVME_FLOWS: readonly Flow[] = [
  {
    name: 'errors_nvme',
    guest: false,
    steps: hmp(
      'device_add nvme,help',
      'device_add nvme-ns,help',
      'drive_add 0 if=none,id=empty',
      blank('a'),
      blank('b'),
      blank('c'),
      'device_add nvme-ns,drive=a',
      ...REFUSED.map((more) => `device_add nvme,id=x,${more}`),
      'device_add nvme,id=x,serial=a,num_queues=8',
      'device_add nvme,id=nv1,serial=deadbeef,drive=b,mdts=5,aerl=2,msix_qsize=9,max_ioqpairs=8',
      'device_add nvme,serial=c,use-intel-id=on',
      'device_add nvme,id=nv1,serial=d',
      'device_add nvme,id=y,serial=d,drive=b',
      'device_add nvme-ns,drive=b,bus=nv1',
      'device_add nvme-ns,drive=a,bus=nv1,id=n1',
      'device_add nvme-ns,drive=a,bus=nosuch',
      'info qtree',
      'info pci',
      'device_del nv1',
      'device_del x',
    ),
  },
];
