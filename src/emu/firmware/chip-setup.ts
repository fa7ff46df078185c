/** What the firmware writes into the chips before it starts a kernel. QEMU: the state that SeaBIOS leaves. */
import type { AddressSpace } from '../bus/address-space.ts';

const PIC_MASTER = 0x20;
const PIC_SLAVE = 0xa0;
const ICW1_INIT_ICW4 = 0x11;
const ICW4_8086 = 0x01;
const MASTER_VECTORS = 0x08;
const SLAVE_VECTORS = 0x70;
const CASCADE_MASK = 0x04;
const CASCADE_ID = 0x02;
/** Open: timer, keyboard, cascade, floppy. */
const MASTER_IMR = 0xb8;
/** Open: RTC, mouse, coprocessor, both IDE channels' first. */
const SLAVE_IMR = 0x8e;
const ELCR1 = 0x4d0;
const ELCR2 = 0x4d1;
/** PIRQs reach IRQs 10 and 11, level triggered. */
const ELCR2_PCI = 0x0c;
const PIT_CONTROL = 0x43;
const PIT_COUNTER0 = 0x40;
/** Channel 0, both bytes, mode 2: 18.2 Hz with a count of 0. */
const PIT_TICK = 0x34;
const PORT92 = 0x92;
const A20 = 0x02;
const KBD_DATA = 0x60;
const KBD_COMMAND = 0x64;
const KBD_SELF_TEST = 0xaa;
const KBD_WRITE_COMMAND_BYTE = 0x60;
/** Keyboard interrupt, scan codes translated to set 1, mouse off. */
const KBD_COMMAND_BYTE = 0x61;
const LAPIC = 0xfee00000;
const LAPIC_SVR = 0xf0;
const LAPIC_LVT_LINT0 = 0x350;
const LAPIC_LVT_LINT1 = 0x360;
const SVR_ENABLED = 0x1ff;
/** Level, ExtINT: the 8259 pair interrupts through the local APIC. */
const LVT_EXTINT = 0x8700;
/** Level, NMI. */
const LVT_NMI = 0x8400;

const UART_IER = 1;
const UART_IIR = 2;
const IER_TRANSMIT = 0x02;

const PORT_WRITES: readonly (readonly [port: number, value: number])[] = [
  [PIC_MASTER, ICW1_INIT_ICW4],
  [PIC_MASTER + 1, MASTER_VECTORS],
  [PIC_MASTER + 1, CASCADE_MASK],
  [PIC_MASTER + 1, ICW4_8086],
  [PIC_SLAVE, ICW1_INIT_ICW4],
  [PIC_SLAVE + 1, SLAVE_VECTORS],
  [PIC_SLAVE + 1, CASCADE_ID],
  [PIC_SLAVE + 1, ICW4_8086],
  [PIC_MASTER + 1, MASTER_IMR],
  [PIC_SLAVE + 1, SLAVE_IMR],
  [ELCR1, 0],
  [ELCR2, ELCR2_PCI],
  [PIT_CONTROL, PIT_TICK],
  [PIT_COUNTER0, 0],
  [PIT_COUNTER0, 0],
  [PORT92, A20],
];

/** Sets up interrupt controllers, timer, A20 gate, keyboard controller, serial ports and the boot CPU's local APIC. */
export function setUpChips(
  ports: AddressSpace,
  physical: AddressSpace,
  serialPorts: readonly number[],
): void {
  ports.write(KBD_COMMAND, 1, KBD_SELF_TEST);
  ports.read(KBD_DATA, 1);
  ports.write(KBD_COMMAND, 1, KBD_WRITE_COMMAND_BYTE);
  ports.write(KBD_DATA, 1, KBD_COMMAND_BYTE);
  for (const [port, value] of PORT_WRITES) ports.write(port, 1, value);
  for (const port of serialPorts) probeSerial(ports, port);
  physical.write(LAPIC + LAPIC_SVR, 4, SVR_ENABLED);
  physical.write(LAPIC + LAPIC_LVT_LINT0, 4, LVT_EXTINT);
  physical.write(LAPIC + LAPIC_LVT_LINT1, 4, LVT_NMI);
}

/** QEMU: finding a port leaves its interrupt pending in the 8259. */
function probeSerial(ports: AddressSpace, port: number): void {
  ports.write(port + UART_IER, 1, IER_TRANSMIT);
  ports.read(port + UART_IIR, 1);
  ports.write(port + UART_IER, 1, 0);
}
