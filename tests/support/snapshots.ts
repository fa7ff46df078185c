/** Snapshots in tests: a machine through bytes and back, and what of two machines must be equal. */

import * as S from '../../src/emu/cpu/state.ts';
import {
  type Machine,
  type MachineConfig,
  type MachineHost,
  machineForSnapshot,
  ramImage,
  restoreMachine,
  SnapshotReader,
  saveMachine,
  writeSnapshot,
} from '../../src/emu/index.ts';
import { ramDigest } from './memory.ts';

/** Words of a vCPU that say how it is executed, not what it is. */
const ENGINE_WORDS = new Set([
  ...[S.NEXT_LO, S.NEXT_HI, S.EA_LO, S.EA_HI, S.BUDGET, S.LD_HI, S.CODE_GENERATION, S.CODE_GENERATION_GLOBAL],
  ...[S.PAGE_LO, S.PAGE_HI, S.BUDGET_HELD, S.EXIT_RECORD, S.JUMP_TAG, S.JUMP_TAG_GLOBAL],
  ...[S.BLOCK_INDEX, S.REGION_STALE, S.TEMP0, S.TEMP0 + 1, S.TEMP1, S.TEMP1 + 1],
  ...Array.from({ length: 16 }, (_, at) => S.XMM_TEMP + at),
]);

const NS_PER_INSTRUCTION = 8;

/** Lets a machine with `icountShift: 3` run until its clock has moved by that many instructions. */
export async function advance(machine: Machine, instructions: number, sliceMs = 50): Promise<void> {
  const timer = machine.clock.timer(() => machine.stop());
  timer.arm(machine.clock.nowNs() + instructions * NS_PER_INSTRUCTION);
  machine.cont();
  while (machine.runState === 'running') {
    machine.run(sliceMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (machine.internalError !== undefined) throw machine.internalError;
}

/** Everything a guest could tell two machines apart by. */
export async function everything(machine: Machine): Promise<Readonly<Record<string, unknown>>> {
  const { state } = await saveMachine(machine);
  const plain = structuredClone(state) as Record<string, unknown> & {
    sections: { path: string; name: string; state: Record<string, unknown> }[];
    run: Record<string, unknown>;
  };
  const sections = plain.sections.map((section) =>
    section.name === 'cpu' ? { ...section, state: cpuWords(section.state) } : section,
  );
  const { wallClockMs: _, ...run } = plain.run;
  return { ...plain, run, sections, ram: ramDigest(machine.memory) };
}

function cpuWords({ words }: Record<string, unknown>): readonly number[] {
  if (!(words instanceof Int32Array)) throw new Error('a processor has no words');
  return [...words].map((word, at) => (ENGINE_WORDS.has(at) ? 0 : word));
}

/** The bytes of a snapshot, as they are before compression. */
export async function snapshotBytes(machine: Machine): Promise<Buffer> {
  return Buffer.concat([...writeSnapshot(await saveMachine(machine))]);
}

/** A machine made of bytes that arrive in pieces. */
export async function machineOf(
  bytes: Uint8Array,
  host: MachineHost,
  options: Partial<Pick<MachineConfig, 'icountShift' | 'rtcBaseMs'>> & { readonly pieceBytes?: number } = {},
): Promise<Machine> {
  const { pieceBytes = 1 << 16, icountShift, rtcBaseMs } = options;
  const made: Machine[] = [];
  const reader = new SnapshotReader((head) => {
    const machine = machineForSnapshot(head, host, { icountShift, rtcBaseMs });
    compareWires(machine);
    made.push(machine);
    return ramImage(machine);
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  const state = reader.finish();
  const [machine] = made;
  if (machine === undefined) throw new Error('no head');
  await restoreMachine(machine, state);
  return machine;
}

/**
 * Before the interrupt controllers are restored, the devices must drive all wires that the controllers remember as high. A reset of the
 * machine, and the 8259's initialisation, make them forget wires that stay high.
 */
function compareWires({ board: { pic, ioApic } }: Machine): void {
  for (const controller of [pic, ioApic]) {
    const restore = controller.restore.bind(controller) as (state: { readonly lines: number }) => void;
    controller.restore = (state: { readonly lines: number }): void => {
      const driven = controller.save().lines;
      if ((state.lines & ~driven) !== 0) {
        throw new Error(`${controller.vmstate.name}: ${driven} is driven, not ${state.lines}`);
      }
      restore(state);
    };
  }
}
