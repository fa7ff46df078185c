/** What is recorded of PCI with a guest: bridges, functions of one slot, a full bus. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));
const guest = (...lines: readonly string[]): Step[] => lines.map((line) => ({ guest: line }));
const SETTLE: Step = { settle: true };

const RNG = 'device_add virtio-rng-pci';
const LIST = 'lspci -nn';
const SLOTS = 'ls /sys/bus/pci/slots | sort -V | tr "\\n" " "; echo';
/** Linux waits five seconds after a button was pressed. */
const PRESSED: Step = { guest: 'sleep 8' };
const CARDS = Array.from({ length: 30 }, (_, at) => `r${at}`);
const COUNT = 'ls /sys/bus/pci/devices | wc -l; ls /sys/bus/virtio/devices | wc -l';

export const PCI_FLOWS: readonly Flow[] = [
  {
    name: 'bridge_acpi',
    guest: true,
    args: ['-device', 'pci-bridge,id=br1,chassis_nr=1'],
    steps: [
      ...guest(LIST, SLOTS),
      ...hmp('info pci', `${RNG},id=r1,bus=br1,addr=1`),
      SETTLE,
      ...hmp('info pci', 'info qtree'),
      ...guest(LIST, 'head -c 16 /dev/hwrng | wc -c'),
      ...hmp('device_del r1'),
      SETTLE,
      ...hmp('info pci', 'device_add pci-bridge,id=br2,chassis_nr=2'),
      SETTLE,
      ...guest(LIST),
      ...hmp('info pci', `${RNG},id=r2,bus=br2`, `${RNG},id=r2,bus=br2,addr=1`),
      SETTLE,
      ...hmp('info pci', 'device_del br2'),
      SETTLE,
      ...hmp('info pci', 'device_del br1'),
      SETTLE,
      ...hmp('info pci'),
      ...guest(LIST),
    ],
  },
  {
    name: 'bridge_shpc',
    guest: true,
    append: 'acpi=off',
    args: [
      ...['-global', 'PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off'],
      ...['-device', 'pci-bridge,id=br1,chassis_nr=1', '-device', 'virtio-rng-pci,id=r3,bus=br1,addr=3'],
    ],
    steps: [
      ...guest(LIST, SLOTS, 'cat /sys/bus/pci/slots/3/power'),
      ...hmp('info pci', `${RNG},id=r0,bus=br1`, `${RNG},id=r1,bus=br1,addr=1`),
      PRESSED,
      ...hmp('info pci'),
      ...guest(LIST, 'cat /sys/bus/pci/slots/1/power', 'head -c 16 /dev/hwrng | wc -c'),
      ...hmp('device_del r1'),
      PRESSED,
      ...hmp('info pci'),
      // The driver takes a card out by itself.
      ...guest('echo 0 > /sys/bus/pci/slots/3/power; cat /sys/bus/pci/slots/3/power', LIST),
      ...hmp('info pci'),
    ],
  },
  {
    name: 'multifunction',
    guest: true,
    steps: [
      ...hmp(`${RNG},id=f1,addr=5.1`),
      SETTLE,
      ...guest(LIST),
      ...hmp(`${RNG},id=f2,addr=5.2`, `${RNG},id=f0,addr=5.0,multifunction=on`),
      SETTLE,
      ...hmp('info pci'),
      ...guest(LIST),
      ...hmp('device_del f1'),
      SETTLE,
      ...guest(LIST),
      ...hmp('info pci'),
    ],
  },
  {
    name: 'bus_full',
    guest: true,
    steps: [
      ...hmp(...CARDS.map((id) => `${RNG},id=${id}`), `${RNG},id=r30`),
      SETTLE,
      ...guest(COUNT),
      ...hmp('info pci', ...CARDS.map((id) => `device_del ${id}`)),
      SETTLE,
      ...guest(COUNT),
      ...hmp('info pci'),
    ],
  },
];
