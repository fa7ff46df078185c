/** Wires and registers of the two 8259s, in any order: what `scripts/record-chipset.ts` plays to QEMU. */
import { seededRandom } from '../../support/seeded-random.ts';

/** A wire gets a level, or a port a value. After each, IRR and ISR of both chips are read. */
export type PicStep =
  | { readonly line: number; readonly level: boolean }
  | { readonly port: number; readonly value: number };

const PORTS = { master: 0x20, slave: 0xa0 } as const;
/** Vectors 8 and 0x70, the slave at line 2, no line masked or all. */
const initialisation = (mask: number): readonly PicStep[] => [
  ...[0x11, 0x08, 4, 1, mask].map((value, at) => ({ port: PORTS.master + Math.min(at, 1), value })),
  ...[0x11, 0x70, 2, 1, mask].map((value, at) => ({ port: PORTS.slave + Math.min(at, 1), value })),
];
/** OCW2 and OCW3: ends of interrupts, rotations, special mask, what a read gives, and a poll. */
const COMMANDS = [0x20, 0x20, 0x61, 0xa0, 0x80, 0x00, 0xc3, 0xe2, 0x68, 0x48, 0x0b, 0x0c];
const MASKS = [0, 0xff, 0xfb, 0x55];
const TRIGGERS = [0, 0x20, 0x48, 0xff];
/** Not line 0, which the timer moves, and not 2, where the slave is. */
const LINES = [1, 3, 5, 6, 7, 9, 11, 13, 14, 15];
const STEPS = 1500;

export function picSession(): readonly PicStep[] {
  const random = seededRandom(0x8259);
  const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const chip = (): number => one([PORTS.master, PORTS.slave]);
  const steps: PicStep[] = [{ port: 0x43, value: 0x10 }, ...initialisation(0)];
  while (steps.length < STEPS) {
    const kind = random(100);
    if (kind < 65) steps.push({ line: one(LINES), level: random(2) === 0 });
    else if (kind < 72) steps.push(...initialisation(one(MASKS)));
    else if (kind < 80) steps.push({ port: one([0x4d0, 0x4d1]), value: one(TRIGGERS) });
    else if (kind < 84) steps.push({ port: chip(), value: 0x11 });
    else if (kind < 94) steps.push({ port: chip(), value: one(COMMANDS) });
    else steps.push({ port: chip() + 1, value: one(MASKS) });
  }
  return steps;
}

/** What is read after each step: OCW3 says which register, and the port gives it. */
export const PIC_READS = [PORTS.master, PORTS.slave].flatMap((port) =>
  [0x0a, 0x0b].map((command) => ({ port, command })),
);
