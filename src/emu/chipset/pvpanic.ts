/** The register by which a guest says that its kernel has crashed. Spec: QEMU docs/specs/pvpanic. */
import { type BytePorts, byteWide } from '../bus/byte-wide.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { IoHandler } from '../core/device.ts';
import type { Trace } from '../core/trace.ts';
import { ServiceName } from '../qdev/services.ts';

/** The guest has crashed and does nothing about it. */
export const PVPANIC_PANICKED = 0x01;
/** The guest has crashed and goes on with a kernel that it keeps for that, as kdump does. */
export const PVPANIC_CRASHLOADED = 0x02;

/** Who is told of a guest's crash: the machine, which stops or ends. */
export interface GuestPanic {
  panicked(): void;
  crashLoaded(): void;
}

export const GUEST_PANIC = new ServiceName<GuestPanic>('guest-panic');

export interface PvpanicWiring {
  /** What the driver is told that it may report. QEMU: the device takes the rest as well. */
  readonly events: number;
  readonly panic: GuestPanic;
  readonly trace: Trace;
}

export class PvpanicRegister implements BytePorts {
  static readonly registers = new RegisterTable<PvpanicRegister>(
    {
      name: 'pvpanic',
      title: 'Guest panic',
      place: 'port 0x505 of `pvpanic`, BAR 0 of `pvpanic-pci`',
      spec: 'QEMU docs/specs/pvpanic',
    },
    [
      register(
        0,
        1,
        'Event',
        '0 the guest panicked, 1 it panicked and loads a crash kernel; read: what is known',
        {
          read: (device) => device.#wiring.events,
          write: (device, value) => device.#report(value),
        },
      ),
    ],
  );

  readonly handler: IoHandler = byteWide(this);
  readonly #wiring: PvpanicWiring;

  constructor(wiring: PvpanicWiring) {
    this.#wiring = wiring;
  }

  /** QEMU: every byte of a wider access is the register. */
  readByte(): number {
    return PvpanicRegister.registers.read(this, this.#wiring.trace, 0, 1) ?? 0;
  }

  writeByte(_offset: number, value: number): void {
    PvpanicRegister.registers.write(this, this.#wiring.trace, 0, 1, value);
  }

  /** QEMU: of several events at once only the panic counts. */
  #report(event: number): void {
    const { panic, trace } = this.#wiring;
    if ((event & ~(PVPANIC_PANICKED | PVPANIC_CRASHLOADED)) !== 0) {
      trace.guestError('pvpanic: unknown event 0x%x.', event);
    }
    if ((event & PVPANIC_PANICKED) !== 0) panic.panicked();
    else if ((event & PVPANIC_CRASHLOADED) !== 0) panic.crashLoaded();
  }
}
