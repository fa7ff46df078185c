/** The type of a serial port on the board. */
import { boardType } from '../qdev/device-type.ts';
import { BOOL, number, readOnlyKind, STR } from '../qdev/properties.ts';

/** QEMU's value of a number that the board sets. */
const UNSET = 0xffff_ffff;

export const ISA_SERIAL = boardType(
  'isa-serial',
  'ISA',
  [number('index', UNSET), number('iobase', UNSET), number('irq', UNSET)],
  {
    category: 'Input',
    userCreatable: true,
    options: [
      number('baudbase', 115200),
      { name: 'chardev', kind: STR, help: 'character back end' },
      { name: 'wakeup', kind: BOOL, default: false },
      { name: 'serial', kind: readOnlyKind('child<serial>') },
    ],
  },
);
