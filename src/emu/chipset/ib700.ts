/**
 * ib700: the watchdog of an iBASE 700, two write-only registers on the ISA bus.
 * Spec: none; as Linux's ib700wdt uses it, with answers that were read from QEMU 7.2 over qtest.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Device, IoHandler } from '../core/device.ts';
import { DEADLINE_NS, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DeviceType } from '../qdev/device-type.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { IsaHardware, type IsaSlot } from './isa-bus.ts';
import { WATCHDOG_EXPIRY, type WatchdogExpiry } from './watchdog.ts';

const PORT = 0x441;
const DISABLE = 0;
const ENABLE = 2;
/** QEMU: each register has the port behind it, too. */
const PORTS_EACH = 2;
const LONGEST_S = 30;
const NS_PER_S = 1e9;

export type Ib700State = {
  /** When the guest was to feed it at the latest; null: it is off. */
  readonly deadlineNs: number | null;
};

const IB700_STATE = record<Ib700State>({ deadlineNs: DEADLINE_NS });

export class Ib700 implements Device<Ib700State> {
  static readonly registers = new RegisterTable<Ib700>(
    {
      name: 'ib700',
      title: 'ISA watchdog (iBASE 700)',
      place: 'ports 0x441 to 0x444 of `ib700`',
      spec: 'QEMU 7.2 as observed',
    },
    [
      register(DISABLE, 1, 'Disable', 'any value, also at the next port: nothing has to feed it any more', {
        write: (device) => device.#arm(null),
      }),
      register(
        ENABLE,
        1,
        'Enable',
        'bits 0–3 n, also at the next port: it is to be fed within 30 − 2 n seconds',
        {
          write: (device, value) => device.#feed(value),
        },
      ),
    ],
  );

  readonly vmstate = { name: 'ib700_wdt', version: 1, fields: IB700_STATE };
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #timer: Timer;
  readonly #s: { deadlineNs: number | null } = { deadlineNs: null };

  constructor(clock: Clock, trace: Trace, expired: WatchdogExpiry) {
    this.#clock = clock;
    this.#trace = trace;
    this.#timer = clock.timer(() => {
      this.#s.deadlineNs = null;
      expired();
    });
  }

  attach({ io }: Pick<IsaSlot, 'io'>): void {
    for (const offset of [DISABLE, ENABLE]) {
      io.map(PORT + offset, PORTS_EACH, this.registerAt(offset), { name: 'ib700' });
    }
  }

  /** One register at both of its ports. QEMU: a word is two bytes, of which only those inside count; a dword is nothing. */
  registerAt(offset: number): IoHandler {
    return {
      unaligned: true,
      read: (_at, size) => 2 ** (8 * size) - 1,
      write: (at, size, value) => {
        for (let n = 0; n < size && at + n < PORTS_EACH && size < 4; n++) {
          Ib700.registers.write(this, this.#trace, offset, 1, (value >>> (8 * n)) & 0xff);
        }
      },
    };
  }

  reset(): void {
    this.#arm(null);
  }

  save(): Ib700State {
    return { ...this.#s };
  }

  restore({ deadlineNs }: Ib700State): void {
    this.#arm(deadlineNs);
  }

  #feed(value: number): void {
    this.#arm(this.#clock.nowNs() + (LONGEST_S - 2 * (value & 0x0f)) * NS_PER_S);
  }

  #arm(deadlineNs: number | null): void {
    this.#s.deadlineNs = deadlineNs;
    if (deadlineNs === null) this.#timer.cancel();
    else this.#timer.arm(deadlineNs);
  }
}

export const IB700: DeviceType = {
  name: 'ib700',
  category: 'Watchdog',
  description: 'iBASE 700',
  busType: 'ISA',
  userCreatable: true,
  // QEMU: it is the ISA bus that takes nothing while the machine runs.
  hotpluggable: true,
  properties: [],
  realize: ({ services }) => {
    const device = new Ib700(services.get(CLOCK), services.get(TRACE), services.get(WATCHDOG_EXPIRY));
    return { hardware: new IsaHardware({ sections: [device], plug: (slot) => device.attach(slot) }) };
  },
};
