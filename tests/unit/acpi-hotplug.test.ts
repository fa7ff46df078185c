/** The hotplug register blocks beyond what the recorded sessions show: contract, SCI, refusals, a hostile guest. */
import { describe, expect, it } from 'vitest';
import { CpuHotplug, type HotplugCpus } from '../../src/emu/acpi/cpu-hotplug.ts';
import { GPE_BASE, GpeBlock } from '../../src/emu/acpi/gpe.ts';
import { type HotplugDimms, MemoryHotplug } from '../../src/emu/acpi/memory-hotplug.ts';
import { PciHotplug } from '../../src/emu/acpi/pci-hotplug.ts';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import type { AccessSize, IoHandler } from '../../src/emu/core/device.ts';
import { UNCONNECTED } from '../../src/emu/core/irq.ts';
import { QUIET, TraceLog } from '../../src/emu/core/trace.ts';
import { deviceContract } from '../support/device-contract.ts';

const NO_GPE = { raise() {} };
const SIZES: readonly AccessSize[] = [1, 2, 4];

function pci(): PciHotplug {
  const buses = { removableSlots: () => ~0b11, eject: () => 1, acpiIndex: (_: number, slot: number) => slot };
  return new PciHotplug(buses, NO_GPE, QUIET);
}

function cpus(present: readonly number[] = [0, 1]): HotplugCpus & { readonly log: string[] } {
  const enabled = new Set(present);
  const log: string[] = [];
  return {
    log,
    count: 4,
    archId: (cpu) => cpu * 2,
    enabled: (cpu) => enabled.has(cpu),
    eject(cpu) {
      enabled.delete(cpu);
      log.push(`eject ${cpu}`);
    },
    ost: (cpu, source, status) => log.push(`ost ${cpu} ${source} ${status}`),
  };
}

function dimms(willing: boolean = true): HotplugDimms & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    slots: 2,
    dimm: (slot) => (slot === 0 ? { addr: 0x1_4000_0000, sizeBytes: 2 ** 31, node: 0 } : undefined),
    eject(slot) {
      log.push(`eject ${slot}`);
      return willing;
    },
    ost: (slot, source, status) => log.push(`ost ${slot} ${source} ${status}`),
  };
}

function dump(dev: IoHandler, size: number): readonly number[] {
  return Array.from({ length: size / 4 }, (_, n) => dev.read(n * 4, 4));
}

describe('GpeBlock', () => {
  function wired(): { gpe: GpeBlock; io: AddressSpace; levels: boolean[] } {
    const levels: boolean[] = [];
    const gpe = new GpeBlock({ set: (level) => levels.push(level) }, QUIET);
    const io = new AddressSpace('io');
    gpe.attach(io);
    return { gpe, io, levels };
  }

  it('pulls SCI while an enabled event stands', () => {
    const { gpe, io, levels } = wired();
    gpe.raise(1);
    expect(levels.at(-1)).toBe(false);
    io.write(GPE_BASE + 2, 1, 0x02);
    expect(levels.at(-1)).toBe(true);
    io.write(GPE_BASE, 1, 0x02);
    expect(levels.at(-1)).toBe(false);
  });

  it('drives SCI again after a restore', () => {
    const { gpe, io } = wired();
    io.write(GPE_BASE + 2, 1, 0x08);
    gpe.raise(3);
    const other = wired();
    other.gpe.restore(gpe.save());
    expect(other.levels.at(-1)).toBe(true);
  });
});

deviceContract(
  'GpeBlock',
  () => new GpeBlock(UNCONNECTED, QUIET),
  (gpe) => {
    gpe.raise(2);
    gpe.write(2, 2, 0x1234);
  },
  (gpe) => gpe.read(0, 4),
);

deviceContract(
  'PciHotplug',
  pci,
  (dev) => {
    dev.inserted(3, 5);
    dev.ejectRequested(3, 6);
    dev.write(0x10, 4, 3);
    dev.write(0x14, 4, 1 << 9);
  },
  (dev) => dump(dev, 0x18),
  ['bsel', 'acpiIndex'],
);

deviceContract(
  'CpuHotplug',
  () => new CpuHotplug(cpus(), NO_GPE, QUIET),
  (dev) => {
    dev.write(0, 4, 0);
    dev.inserted(1);
    dev.write(0, 4, 1);
    dev.write(5, 1, 1);
    dev.write(8, 4, 3);
    dev.write(5, 1, 2);
    dev.write(8, 4, 0x80);
  },
  (dev) => [dump(dev, 0x20), dev.ospmStatus()],
  ['legacy', 'selector', 'command', 'events', 'ostEvent', 'ostStatus'],
);

deviceContract(
  'MemoryHotplug',
  () => new MemoryHotplug(dimms(), NO_GPE, QUIET),
  (dev) => {
    dev.write(0, 4, 1);
    dev.inserted(1);
    dev.write(4, 4, 3);
    dev.write(8, 4, 0x82);
  },
  (dev) => [dump(dev, 0x18), dev.ospmStatus()],
  ['selector', 'events', 'ostEvent', 'ostStatus'],
);

describe('PciHotplug', () => {
  it('without bridge support keeps PCIU until the slot is ejected, and knows bus 0 only', () => {
    const buses = { removableSlots: () => ~0, eject: () => 1, acpiIndex: () => 0 };
    const dev = new PciHotplug(buses, NO_GPE, QUIET, false);
    dev.inserted(0, 7);
    expect([dev.read(0, 4), dev.read(0, 4)]).toEqual([0x80, 0x80]);
    dev.write(0x10, 4, 3);
    expect([dev.read(0x10, 4), dev.read(0, 4)]).toEqual([0, 0x80]);
    dev.write(0x08, 4, 0x80);
    expect(dev.read(0, 4)).toBe(0);
  });

  it('tells of every function that an ejection took', () => {
    const trace = new TraceLog();
    const events: string[] = [];
    trace.listen((name, args) => {
      if (name.startsWith('acpi_pci')) events.push(`${name} ${args.join(' ')}`);
    });
    const buses = { removableSlots: () => ~0, eject: () => 2, acpiIndex: () => 0 };
    new PciHotplug(buses, NO_GPE, trace).write(0x08, 4, 1 << 4);
    expect(events).toEqual([
      'acpi_pci_eject_slot 0 4',
      'acpi_pci_unplug 4 0',
      'acpi_pci_unplug 4 0',
      'acpi_pci_ej_write 8 16',
    ]);
  });

  it('handles slot 31, the sign bit', () => {
    const dev = pci();
    dev.inserted(0, 31);
    expect(dev.read(0, 4)).toBe(0x80000000);
    dev.write(0x14, 4, 0x80000000);
    expect(dev.read(0x14, 4)).toBe(31);
  });
});

describe('CpuHotplug', () => {
  it('cannot ask for an unplug before the guest switched the block over', () => {
    const dev = new CpuHotplug(cpus(), NO_GPE, QUIET);
    expect(dev.ejectRequested(1, 'qemu64-x86_64-cpu')?.message).toBe(
      'acpi: device unplug request for not supported device type: qemu64-x86_64-cpu',
    );
    dev.write(0, 4, 0);
    expect(dev.ejectRequested(1, 'qemu64-x86_64-cpu')).toBeUndefined();
  });

  it('shows APIC ids, not numbers, in the legacy bitmap', () => {
    const dev = new CpuHotplug(cpus([0, 1, 3]), NO_GPE, QUIET);
    expect(dev.read(0, 4)).toBe(0b1000101);
  });

  it('passes _OST and ejection on', () => {
    const wiring = cpus();
    const dev = new CpuHotplug(wiring, NO_GPE, QUIET);
    dev.write(0, 4, 0);
    dev.write(0, 4, 1);
    dev.write(5, 1, 1);
    dev.write(8, 4, 3);
    dev.write(5, 1, 2);
    dev.write(8, 4, 0x84);
    dev.write(4, 1, 8);
    expect(wiring.log).toEqual(['ost 1 3 132', 'eject 1']);
    expect(dev.ospmStatus()[1]).toEqual({ source: 3, status: 0x84 });
  });
});

describe('MemoryHotplug', () => {
  it('shows a DIMM above 4 GiB in two halves', () => {
    const dev = new MemoryHotplug(dimms(), NO_GPE, QUIET);
    expect(dump(dev, 0x18)).toEqual([0x4000_0000, 1, 0x8000_0000, 0, 0, 1]);
  });

  it('tells when the machine refused to take the DIMM out', () => {
    const trace = new TraceLog();
    const events: string[] = [];
    trace.listen((name) => {
      if (name.startsWith('mhp')) events.push(name);
    });
    new MemoryHotplug(dimms(false), NO_GPE, trace).write(0x14, 1, 8);
    expect(events).toEqual(['mhp_acpi_pc_dimm_delete_failed']);
  });
});

/** Repeatable pseudo-random 32-bit numbers (xorshift32). */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const FUZZED: readonly (readonly [name: string, base: number, size: number])[] = [
  ['GpeBlock', 0xafe0, 4],
  ['PciHotplug', 0xae00, 0x18],
  ['CpuHotplug', 0xaf00, 0x20],
  ['MemoryHotplug', 0x0a00, 0x18],
];

describe('a hostile guest', () => {
  it.each(FUZZED)('%s survives 10,000 random accesses', (name, base, size) => {
    const io = new AddressSpace('io');
    const gpe = new GpeBlock(UNCONNECTED, QUIET);
    const devices = {
      GpeBlock: gpe,
      PciHotplug: new PciHotplug(
        { removableSlots: () => ~0, eject: () => 1, acpiIndex: () => 0 },
        gpe,
        QUIET,
      ),
      CpuHotplug: new CpuHotplug(cpus(), gpe, QUIET),
      MemoryHotplug: new MemoryHotplug(dimms(), gpe, QUIET),
    };
    for (const device of Object.values(devices)) device.attach(io);
    const random = randomSource(0x5eed);
    for (let n = 0; n < 10_000; n++) {
      const width = SIZES[random() % 3];
      const port = base + (random() % size);
      const value = (random() % 4 === 0 ? random() : random() % 16) & (2 ** (8 * width) - 1);
      if (random() % 2 === 0) io.write(port, width, value >>> 0);
      else expect(io.read(port, width)).toBeLessThan(2 ** (8 * width));
    }
    const device = Object.entries(devices).find(([key]) => key === name)?.[1];
    expect(structuredClone(device?.save())).toEqual(device?.save());
  });
});
