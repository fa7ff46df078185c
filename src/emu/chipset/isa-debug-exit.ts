/**
 * isa-debug-exit: a test program writes a number to it, and that is how the machine ends.
 * Spec: none; as test programs use it, with values and exit statuses that were read from QEMU 7.2.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { IoHandler } from '../core/device.ts';
import type { Trace } from '../core/trace.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { number, UINT32 } from '../qdev/properties.ts';
import { ServiceName, TRACE } from '../qdev/services.ts';
import { IsaHardware } from './isa-bus.ts';

const PORT = 0x501;
const PORTS = 2;
const IO_SPACE_BYTES = 0x1_0000;
const EXIT_STATUS_MASK = 0xff;

/** Ends the machine, and with it the program that runs it. `status` is the program's, 0 to 255. */
export type GuestExit = (status: number) => void;

export const GUEST_EXIT = new ServiceName<GuestExit>('guest-exit');

export class DebugExitRegister {
  static readonly registers = new RegisterTable<DebugExitRegister>(
    {
      name: 'isa-debug-exit',
      title: 'Exit of a test program',
      place: 'port 0x501 of `isa-debug-exit`, or where `iobase` says',
      spec: 'QEMU 7.2 as observed',
    },
    [
      register(0, 4, 'Exit', 'a write of N ends the machine with exit status 2 N + 1; reads as 0', {
        read: () => 0,
        write: (device, value) => device.#exit(((value << 1) | 1) & EXIT_STATUS_MASK),
      }),
    ],
  );

  /** QEMU: all ports of the device are the one register. */
  readonly handler: IoHandler = {
    read: (_offset, size) => DebugExitRegister.registers.read(this, this.#trace, 0, size) ?? 0,
    write: (_offset, size, value) =>
      void DebugExitRegister.registers.write(this, this.#trace, 0, size, value),
  };
  readonly #exit: GuestExit;
  readonly #trace: Trace;

  constructor(exit: GuestExit, trace: Trace) {
    this.#exit = exit;
    this.#trace = trace;
  }
}

export const ISA_DEBUG_EXIT: DeviceType = {
  name: 'isa-debug-exit',
  category: 'Misc',
  busType: 'ISA',
  userCreatable: true,
  // QEMU: it is the ISA bus that takes nothing while the machine runs.
  hotpluggable: true,
  properties: [number('iobase', PORT, UINT32), number('iosize', PORTS, UINT32)],
  realize: ({ values, services }) => {
    const [base, size] = [values.number('iobase'), values.number('iosize')];
    const { handler } = new DebugExitRegister(services.get(GUEST_EXIT), services.get(TRACE));
    // QEMU: what does not fit in the space of ports is out of reach.
    const ports = Math.min(size, IO_SPACE_BYTES - base);
    return {
      hardware: new IsaHardware({
        plug: ({ io }) => {
          if (ports > 0) io.map(base, ports, handler, { name: 'isa-debug-exit' });
        },
      }),
    };
  },
};
