/** A machine with a place for snapshots and a human monitor, whose clock counts instructions; each is closed after its test. */
import { readFileSync } from 'node:fs';
import { afterEach } from 'vitest';
import type { MachineEvent } from '../../src/emu/core/machine-events.ts';
import {
  ImageSnapshots,
  type ImageStore,
  Machine,
  type MachineConfig,
  Monitor,
} from '../../src/emu/index.ts';
import { memoryImages } from './headless-guest.ts';

const MIB = 1 << 20;
const BASE_MS = 1_700_000_000_000;
const ICOUNT = { icountShift: 3, rtcBaseMs: BASE_MS };
/** Reads and prints every chip: some hundred thousand instructions, most of them I/O. */
const kernel = new Uint8Array(readFileSync(new URL('../oracle/firmware/state.elf', import.meta.url)));

export interface SnapshotRig {
  readonly machine: Machine;
  readonly images: ImageStore;
  readonly events: MachineEvent['event'][];
  hmp(line: string): Promise<string>;
}

const rigs: SnapshotRig[] = [];

export function snapshotRig(
  config: Partial<MachineConfig> = {},
  images: ImageStore = memoryImages(),
): SnapshotRig {
  let now = 0;
  let wallClockMs = BASE_MS;
  const host = {
    monotonicNs: () => {
      now += 1000;
      return now;
    },
    wallClockMs: () => {
      wallClockMs += 1000;
      return wallClockMs;
    },
    after() {},
    random: (bytes: Uint8Array) => void bytes.fill(0),
    images,
    snapshots: new ImageSnapshots(images),
  };
  const machine = new Machine({ memoryBytes: 256 * MIB, kernel, ...ICOUNT, ...config }, host);
  const monitor = new Monitor({ machine });
  const events: MachineEvent['event'][] = [];
  machine.events.listen(({ event }) => events.push(event));
  const made = { machine, images, events, hmp: (line: string) => monitor.execute(line) };
  rigs.push(made);
  return made;
}

afterEach(async () => {
  for (const { machine } of rigs.splice(0)) await machine.close();
});
