/** What the firmware does to PCI before the guest starts: places BARs, routes pins, switches decoding on. */

import {
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_COMMAND_SERR,
  PCI_INTERRUPT_LINE,
} from './config-space.ts';
import type { Bar } from './pci-bar.ts';
import type { PciBus } from './pci-bus.ts';
import { i440fxPirq } from './pci-bus.ts';

/** QEMU: as SeaBIOS leaves it on the pc machine. */
const IO_BASE = 0xc000;
const MEMORY_END = 0xfec0_0000;
/** QEMU: SeaBIOS gives memory by pages, so that a BAR shares its page with no other. */
const PAGE = 0x1000;
/** ISA interrupts that the firmware gives PIRQA#–PIRQD#. */
export const FIRMWARE_PIRQ_ROUTES = [10, 10, 11, 11] as const;

/** Programs every BAR, COMMAND and interrupt line of the functions present, as the firmware does at start. */
export function assignPciResources(bus: PciBus): void {
  const bars = bus.devices().flatMap((device) => device.bars);
  place(bySize(bars.filter((bar) => bar.kind === 'io')), IO_BASE);
  const plain = bySize(bars.filter((bar) => bar.kind !== 'io' && !bar.prefetchable));
  const prefetchable = bySize(bars.filter((bar) => bar.kind !== 'io' && bar.prefetchable));
  const plainBase = below(plain, MEMORY_END);
  place(plain, plainBase);
  place(prefetchable, below(prefetchable, plainBase));
  for (const device of bus.devices()) {
    const pin = device.identity.interruptPin ?? 0;
    if (pin !== 0) {
      const irq = FIRMWARE_PIRQ_ROUTES[i440fxPirq(device.devfn, pin)] ?? 0;
      device.configWrite(PCI_INTERRUPT_LINE, 1, irq);
    }
    const command = device.command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_SERR;
    device.configWrite(PCI_COMMAND, 2, command);
  }
}

/** Largest first, so that each is aligned when the first is. */
function bySize(bars: readonly Bar[]): Bar[] {
  return [...bars].sort((a, b) => roomOf(b) - roomOf(a));
}

function roomOf({ kind, sizeBytes }: Bar): number {
  return kind === 'io' ? sizeBytes : Math.max(sizeBytes, PAGE);
}

function below(bars: readonly Bar[], end: number): number {
  const total = bars.reduce((sum, bar) => sum + roomOf(bar), 0);
  const align = bars[0] === undefined ? 1 : roomOf(bars[0]);
  return Math.floor((end - total) / align) * align;
}

function place(bars: readonly Bar[], base: number): void {
  let address = base;
  for (const bar of bars) {
    bar.program(address);
    address += roomOf(bar);
  }
}
