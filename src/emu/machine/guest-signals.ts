/** What a user of a monitor sends processors: interrupts that they cannot mask, and faults of the hardware. */
import type { MachineEvents } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import {
  type CheckOutcome,
  canBroadcast,
  type MachineCheck,
  MCG_STATUS_MCIP,
  MCG_STATUS_RIPV,
  MCI_STATUS_AR,
  MCI_STATUS_UC,
  MCI_STATUS_VAL,
  machineCheckBanks,
  recordMachineCheck,
} from '../cpu/system/machine-check.ts';
import type { GuestRequests } from './guest-requests.ts';
import type { MachineProcessor, ShownProcessors } from './processors.ts';

/** QEMU: what the other processors are told of a fault that one of them has. */
const OF_OTHERS: MachineCheck = {
  bank: 1,
  status: MCI_STATUS_VAL | MCI_STATUS_UC,
  mcgStatus: MCG_STATUS_MCIP | MCG_STATUS_RIPV,
  addr: 0n,
  misc: 0n,
};

/** What a monitor prints; nothing where the fault was reported. */
const TEXTS: Readonly<Record<CheckOutcome, (cpu: number, bank: number) => string | undefined>> = {
  recorded: () => undefined,
  interrupt: () => undefined,
  'reporting disabled': (cpu) => `CPU ${cpu}: Uncorrected error reporting disabled`,
  'bank disabled': (cpu, bank) => `CPU ${cpu}: Uncorrected error reporting disabled for bank ${bank}`,
  'not enabled': (cpu) => `CPU ${cpu}: MCE capability is not enabled, raising triple fault`,
  'in progress': (cpu) => `CPU ${cpu}: Previous MCE still in progress, raising triple fault`,
};

interface Injected {
  readonly outcome: CheckOutcome;
  readonly text: string | undefined;
}

const isTripleFault = (outcome: CheckOutcome): boolean =>
  outcome === 'not enabled' || outcome === 'in progress';

export interface GuestSignalsWiring {
  readonly processors: ShownProcessors;
  readonly events: MachineEvents;
  readonly requests: Pick<GuestRequests, 'resetNow'>;
  /** The machine `none` has no wire for NMIs. */
  readonly hasBoard: boolean;
}

export class GuestSignals {
  readonly #wiring: GuestSignalsWiring;

  constructor(wiring: GuestSignalsWiring) {
    this.#wiring = wiring;
  }

  /** Pulls the wire for NMIs, on all processors. Throws QEMU's error. */
  nmi(): void {
    const { processors, hasBoard } = this.#wiring;
    if (!hasBoard) throw new MonitorError('this feature or command is not currently supported');
    for (const { apic } of processors.present) apic.pulseLint1();
  }

  /**
   * Lets a processor report a fault of the hardware, as `mce` asks for. Gives the lines that QEMU's monitor prints. QEMU: no processor of
   * this number, no fault and no word.
   * @param broadcast the other processors are told, too
   */
  machineCheck(index: number, check: MachineCheck, broadcast: boolean): readonly string[] {
    const { processors, requests } = this.#wiring;
    const target = processors.at(index);
    if (target === undefined) return [];
    const { identity } = target.cpu;
    const banks = machineCheckBanks(identity);
    if (banks === 0) return ['MCE injection not supported'];
    if (check.bank < 0 || check.bank >= banks) return ['Invalid MCE bank number'];
    if ((check.status & MCI_STATUS_VAL) === 0n) return ['Invalid MCE status code'];
    if (broadcast && !canBroadcast(identity)) return ['Guest CPU does not support MCA broadcast'];
    const others = broadcast ? processors.present.filter((other) => other !== target) : [];
    const injected = [this.#inject(target, check), ...others.map((other) => this.#inject(other, OF_OTHERS))];
    if (injected.some(({ outcome }) => isTripleFault(outcome))) requests.resetNow('guest-reset');
    return injected.flatMap(({ text }) => text ?? []);
  }

  #inject({ index, cpu }: MachineProcessor, check: MachineCheck): Injected {
    const { events } = this.#wiring;
    const outcome = recordMachineCheck(cpu.S, check);
    const text = TEXTS[outcome](index, check.bank);
    const resets = isTripleFault(outcome);
    if (text !== undefined && !resets) return { outcome, text };
    if (outcome === 'interrupt') cpu.machineCheck();
    events.emit({
      event: 'MEMORY_FAILURE',
      data: {
        recipient: 'guest',
        action: resets ? 'reset' : 'inject',
        flags: {
          'action-required': (check.status & MCI_STATUS_AR) !== 0n,
          recursive: outcome === 'in progress',
        },
      },
    });
    return { outcome, text };
  }
}
