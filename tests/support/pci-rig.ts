/** A PCI bus with nothing else of a machine: port and memory spaces, recorded interrupts, mechanism 1 accesses. */
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import type { IrqLine } from '../../src/emu/core/irq.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { DmaPort } from '../../src/emu/memory/dma-port.ts';
import { i440fxIntx, PciBus } from '../../src/emu/pci/pci-bus.ts';
import { PciDma } from '../../src/emu/pci/pci-dma.ts';
import { PciHost } from '../../src/emu/pci/pci-host.ts';

export function recordedLine(): IrqLine & { level: boolean; edges: number } {
  return {
    level: false,
    edges: 0,
    set(level) {
      if (level && !this.level) this.edges++;
      this.level = level;
    },
  };
}

/** @param dma where functions read and write; by default there is no RAM */
export function pciRig(dma: DmaPort = new PciDma()) {
  const io = new AddressSpace('I/O');
  const memory = new AddressSpace('memory');
  const messages: [address: number, data: number][] = [];
  const pirqs = [recordedLine(), recordedLine(), recordedLine(), recordedLine()] as const;
  const bus = new PciBus({
    name: 'pci.0',
    io,
    memory,
    msi: { send: (address, data) => messages.push([address, data]) },
    intx: i440fxIntx(pirqs),
    dma,
  });
  const host = new PciHost(bus, io, QUIET);
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const select = (devfn: number, offset: number) =>
    io.write(0xcf8, 4, (0x8000_0000 | (devfn << 8) | (offset & 0xfc)) >>> 0);
  return {
    io,
    memory,
    messages,
    pirqs,
    bus,
    host,
    time,
    clock,
    configRead(devfn: number, offset: number, size: AccessSize): number {
      select(devfn, offset);
      return io.read(0xcfc + (offset & 3), size);
    },
    configWrite(devfn: number, offset: number, size: AccessSize, value: number): void {
      select(devfn, offset);
      io.write(0xcfc + (offset & 3), size, value);
    },
  };
}

/** Rows of config space that are not all zero, as `lspci -xxx` prints them. */
export function configRows(bytes: Uint8Array): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    if (row.every((byte) => byte === 0)) continue;
    rows.push(
      `${at.toString(16).padStart(2, '0')}: ${row.map((b) => b.toString(16).padStart(2, '0')).join(' ')}`,
    );
  }
  return rows;
}

/** A reproducible stream of 32-bit numbers. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state ^ (state >>> 15)) >>> 0;
  };
}
