/** The registers of the PCnet family that a driver sees: a window on those that have numbers, in words or in dwords. */
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize } from '../core/device.ts';
import type { Pcnet } from './pcnet.ts';

/** What is before it is the PROM. */
export const RDP = 0x10;
export const RAP_MASK = 0x7f;

/** By its place in the window of registers, for accesses of one size. */
const port = (
  size: AccessSize,
  n: number,
  name: string,
  help: string,
  read: (own: Pcnet) => number,
  write?: (own: Pcnet, value: number) => void,
): Register<Pcnet> =>
  register(RDP + size * n, size, size === 4 ? `${name} (dword)` : name, help, {
    read,
    ...(write === undefined ? {} : { write }),
    when: {
      text: size === 2 ? 'in word mode' : 'in dword mode',
      holds: (own) => own.isDwordMode === (size === 4),
    },
  });

/** CSR88 has more than a word. */
const ofSize = (value: number, size: AccessSize): number => (size === 4 ? value : value & 0xffff);

const portsOf = (size: AccessSize): readonly Register<Pcnet>[] => [
  port(
    size,
    0,
    'RDP',
    'the CSR that RAP chose',
    (own) => ofSize(own.readCsr(own.rap), size),
    (own, value) => own.writeCsr(own.rap, value & 0xffff),
  ),
  port(
    size,
    1,
    'RAP',
    'which register',
    (own) => own.rap,
    (own, value) => {
      own.rap = value & RAP_MASK;
    },
  ),
  port(size, 2, 'RESET', 'reading resets', (own) => {
    own.softReset();
    return 0;
  }),
  port(
    size,
    3,
    'BDP',
    'the BCR that RAP chose',
    (own) => own.readBcr(own.rap),
    (own, value) => own.writeBcr(own.rap, value & 0xffff),
  ),
];

export const PCNET_REGISTERS = new RegisterTable<Pcnet>(
  {
    name: 'pcnet',
    title: 'pcnet: Ethernet, PCnet-PCI II',
    place: 'BAR 0, I/O ports, and BAR 1, memory; before them is the PROM with the address',
    spec: 'Am79C970A data sheet, "I/O Resources"',
  },
  [...portsOf(2), ...portsOf(4)],
);
