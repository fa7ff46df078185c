/** Hostile drivers of the network cards: which registers lead somewhere, and how they are reached. */
import { E1000 } from '../../src/emu/nic/e1000.ts';
import * as e1000 from '../../src/emu/nic/e1000-registers.ts';
import { E1000e } from '../../src/emu/nic/e1000e.ts';
import * as e1000e from '../../src/emu/nic/e1000e-registers.ts';
import { Ne2000 } from '../../src/emu/nic/ne2000.ts';
import type { NicCard, NicWiring } from '../../src/emu/nic/nic-card.ts';
import { Pcnet } from '../../src/emu/nic/pcnet.ts';
import { Rtl8139 } from '../../src/emu/nic/rtl8139.ts';
import * as rtl from '../../src/emu/nic/rtl8139-registers.ts';
import { hostileNic, nicRig } from './nic-rig.ts';

const RINGS = 0x1_0000;

interface Target {
  readonly make: (wiring: NicWiring) => NicCard;
  readonly registers: readonly number[];
  readonly sizes: readonly (1 | 2 | 4)[];
}

const E1000_OPTIONS = { autonegotiation: true, mitigation: true, extraRegisters: true, initVet: true };

export const makeE1000 = (wiring: NicWiring): E1000 =>
  new E1000({ type: 'e1000', deviceId: 0x100e, phyId2: 0x0c20 }, E1000_OPTIONS, wiring);

export const makeE1000e = (wiring: NicWiring): E1000e =>
  new E1000e({ subsystemVendorId: 0x8086, subsystemId: 0, initVet: true }, wiring);

const TARGETS = {
  e1000: {
    make: makeE1000,
    registers: [
      ...[e1000.CTRL, e1000.RCTL, e1000.TCTL, e1000.TDT, e1000.TDH, e1000.TDLEN, e1000.RDT, e1000.RDH],
      ...[e1000.RDLEN, e1000.RDBAL, e1000.TDBAL, e1000.IMS, e1000.MDIC, e1000.EECD],
    ],
    sizes: [4],
  },
  e1000e: {
    make: makeE1000e,
    registers: [
      ...[e1000e.CTRL, e1000e.RCTL, e1000e.TCTL, e1000e.TDT, e1000e.TDH, e1000e.TDLEN, e1000e.RDT],
      ...[e1000e.RDH, e1000e.RDLEN, e1000e.RDBAL, e1000e.TDBAL, e1000e.IMS, e1000e.MDIC, e1000e.RFCTL],
      ...[e1000e.PSRCTL, e1000e.MRQC, e1000e.RXCSUM, e1000e.TDT1, e1000e.TDBAL1, e1000e.RDT1, e1000e.IVAR],
      ...[e1000e.CTRL_EXT, e1000e.TIDV, e1000e.RDTR, e1000e.TADV, e1000e.ITR],
    ],
    sizes: [4],
  },
  rtl8139: {
    make: (wiring) => new Rtl8139(wiring),
    registers: [
      ...[rtl.CR, rtl.RCR, rtl.TCR, rtl.CPCR, rtl.TPPOLL, rtl.TSD0, rtl.TSAD0, rtl.RBSTART, rtl.CAPR],
      ...[rtl.RDSAR_LOW, rtl.IMR, rtl.CR_9346, rtl.TIMER_INT],
    ],
    sizes: [1, 2, 4],
  },
  ne2k_pci: {
    make: (wiring) => new Ne2000(wiring),
    registers: [...Array(16).keys(), 0x10, 0x1f],
    sizes: [1, 1, 1, 2, 4],
  },
  pcnet: {
    make: (wiring) => new Pcnet(wiring),
    registers: [0x10, 0x12, 0x14, 0x16, 0x1c],
    sizes: [2, 2, 2, 4],
  },
} satisfies Readonly<Record<string, Target>>;

export type HostileTarget = keyof typeof TARGETS;
export const HOSTILE_TARGETS = Object.keys(TARGETS) as readonly HostileTarget[];

export function hostileDriver(name: HostileTarget, steps: number, seed: number): void {
  const { make, registers, sizes }: Target = TARGETS[name];
  const rig = nicRig(make);
  hostileNic(rig, { registers, handler: rig.bar(0), rings: RINGS, steps, sizes, seed });
}
