/** An i6300esb on a PCI bus, and a clock to move. */
import { I6300Esb } from '../../src/emu/chipset/i6300esb.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { pciRig } from './pci-rig.ts';

export const WATCHDOG_DEVFN = pciDevfn(2, 0);

export function watchdogRig() {
  const pci = pciRig();
  const { clock, time } = pci;
  const expiries: number[] = [];
  const card = new I6300Esb(clock, QUIET, () => void expiries.push(time.ns));
  pci.bus.add(card, WATCHDOG_DEVFN);
  return {
    ...pci,
    ...{ card, expiries },
    /** Lets the clock move, each timer at its time. */
    pass(ns: number): void {
      const end = time.ns + ns;
      for (let next = clock.nextDeadlineNs(); next <= end; next = clock.nextDeadlineNs()) {
        time.ns = Math.max(time.ns, next);
        clock.runDue();
      }
      time.ns = end;
    },
  };
}
