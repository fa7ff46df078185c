/** What is recorded of serial ports on PCI. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));

export const SERIAL_FLOWS: readonly Flow[] = [
  {
    name: 'pci_serial',
    guest: false,
    steps: hmp(
      ...['pci-serial', 'pci-serial-2x', 'pci-serial-4x'].map((type) => `device_add ${type},help`),
      'chardev-add null,id=c1',
      'chardev-add null,id=c2',
      'chardev-add null,id=c3',
      'device_add pci-serial,id=s1,chardev=nosuch',
      'device_add pci-serial,id=s1,prog_if=zz',
      'device_add pci-serial,id=s1,chardev=c1',
      'device_add pci-serial,id=s2,chardev=c1',
      'device_add pci-serial,id=s2,prog_if=6',
      'device_add pci-serial-2x,id=s3,chardev1=c2,chardev2=c2',
      'device_add pci-serial-2x,id=s4,chardev1=c2,chardev2=c3',
      'device_add pci-serial-4x,id=s5',
      'info chardev',
      'info qtree',
      'info pci',
      'device_del s1',
    ),
  },
];
