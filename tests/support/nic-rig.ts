/** A network card on a bus with RAM, whose wire ends in the test's hand. */
import { expect } from 'vitest';
import type { IoHandler } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { NetClient } from '../../src/emu/net/net-client.ts';
import type { NicCard, NicWiring } from '../../src/emu/nic/nic-card.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { ManualClock, seededRandom } from './chip-rig.ts';
import { pciRig } from './pci-rig.ts';

export const NIC_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const PORTS = 0xc000;
const MEMORY = 0xfe00_0000;
const RAM = 4 << 20;

export interface NicRig<C extends NicCard> {
  readonly card: C;
  readonly clock: ManualClock;
  readonly memory: GuestMemory;
  readonly far: NetClient;
  /** What the card sent. */
  readonly sent: Uint8Array[];
  bar(index: number): IoHandler;
  pass(ns: number): void;
  /** The level of the card's interrupt wire. */
  readonly pin: () => boolean;
}

/** @param isMapped its BARs have their places, and it masters the bus */
export function nicRig<C extends NicCard>(make: (wiring: NicWiring) => C, isMapped = true): NicRig<C> {
  const memory = pcMemory(RAM);
  const pci = pciRig(memory);
  const clock = new ManualClock();
  const devfn = pciDevfn(2, 0);
  const card = make({
    ...{ clock, trace: QUIET, mac: NIC_MAC, id: 'nic0', multifunction: false, hasRom: true },
    connect: (end) => new NetClient({ name: 'nic0', type: 'nic', info: () => '' }, end),
  });
  pci.bus.add(card, devfn);
  for (const { index, kind } of card.bars) {
    if (isMapped && kind !== 'rom') {
      const place = kind === 'io' ? PORTS + 0x100 * index : MEMORY + 0x10_0000 * index;
      pci.configWrite(devfn, 0x10 + 4 * index, 4, place);
    }
  }
  if (isMapped) pci.configWrite(devfn, 4, 2, 7);
  const sent: Uint8Array[] = [];
  const far = new NetClient(
    { name: 'far', type: 'user', info: () => '' },
    { canReceive: true, receive: (packet) => sent.push(packet) > 0 },
  );
  far.connect(card.client);
  return {
    ...{ card, clock, memory, far, sent },
    bar(index) {
      const found = card.bars.find((bar) => bar.index === index);
      if (found === undefined) throw new Error(`no BAR ${index}`);
      return found.handler;
    },
    pass: (ns) => clock.step(ns),
    pin: () => pci.pirqs.some(({ level }) => level),
  };
}

/** A card as the contract wants it: its cable is plugged when it is reset, as registers tell of that. */
export function unmapped<C extends NicCard>(make: (wiring: NicWiring) => C): C {
  const { card } = nicRig(make, false);
  const reset = card.reset.bind(card);
  card.reset = () => {
    card.client.linkDown = false;
    reset();
  };
  return card;
}

export interface HostileDriver {
  /** Those that do most. */
  readonly registers: readonly number[];
  readonly handler: IoHandler;
  /** Where rings are, whose descriptors it changes. */
  readonly rings: number;
  readonly steps: number;
  readonly sizes: readonly (1 | 2 | 4)[];
  readonly seed: number;
}

/** Values that lead somewhere more often than others. */
const TELLING = [
  0, 1, 2, 3, 7, 0x10, 0x80, 0xff, 0xffff, 0xffff_ffff, 0x8000_0000, 0x2900_003c, 0x2d10_0400,
] as const;
const RING_BYTES = 0x1000;

/** Registers, descriptors, packets, the cable and time at random, from a seed: nothing throws, and the state stays what its table allows. */
export function hostileNic(rig: NicRig<NicCard>, driver: HostileDriver): void {
  const { card, memory, far, sent } = rig;
  const { registers, handler, rings, steps, sizes, seed } = driver;
  const random = seededRandom(seed);
  const any = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const value = (): number => {
    const kinds = [any(TELLING), random(2 ** 32), rings + 16 * random(64), random(0x200)];
    return any(kinds) >>> 0;
  };
  for (let step = 0; step < steps; step++) {
    const action = random(10);
    const size = any(sizes);
    if (action < 5) handler.write(any(registers), size, value() % 2 ** (8 * size));
    else if (action < 7) memory.writeU32(rings + 4 * random(RING_BYTES / 4), value());
    else if (action === 7) handler.read(any(registers), size);
    else if (action === 8) far.send(Uint8Array.from({ length: random(1600) }, () => random(256)));
    else rig.pass(random(2) === 0 ? 2e9 : 1000);
    if (random(200) === 0) card.client.setLink(random(2) === 0);
    if (step % 200 === 0) {
      sent.length = 0;
      expect(card.vmstate.fields.misfit(card.save())).toBeUndefined();
      card.restore(structuredClone(card.save()));
    }
  }
}
