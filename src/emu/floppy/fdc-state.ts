/** What the 82078 keeps of its own and of its drives. */
import { BOTTOM_HALF_STATE, type BottomHalfState } from '../core/bottom-half.ts';
import {
  BOOLEAN,
  BYTE,
  bytes,
  DEADLINE_NS,
  DWORD,
  integer,
  mask,
  nullable,
  oneOf,
  record,
  type StateKind,
  tuple,
} from '../core/state-fields.ts';
import { RESET_SENSES } from './fdc-commands.ts';
import * as r from './fdc-registers.ts';
import { HEADS_STATE, type HeadsState, MEDIA_STATE, type MediaState, SECTOR_BYTES } from './floppy-drive.ts';

export const DIRECTIONS = ['read', 'write', 'verify', 'scan equal', 'scan low', 'scan high'] as const;
export type FdcDirection = (typeof DIRECTIONS)[number];

/** The registers, and how far a command is. */
export interface FdcRegisters {
  srb: number;
  dor: number;
  tdr: number;
  dsr: number;
  msr: number;
  /** 0 or 1. */
  selected: number;
  /** The wire is high. */
  interrupting: boolean;
  phase: 'command' | 'execution' | 'result';
  fifo: Uint8Array;
  /** Bytes that are through, of `length`: of a command, its data, or its result. */
  position: number;
  length: number;
  direction: FdcDirection;
  multiTrack: boolean;
  endOfTrack: number;
  /** What is being done to the image, and where; null: beyond its end. */
  step: 'none' | 'read' | 'write';
  offset: number | null;
  /** Bytes that are moved in one go without the driver. */
  chunksFrom: number;
  chunksEnd: number;
  /** The DMA controller waits for word of them. */
  throughChannel: boolean;
  status0: number;
  /** Drives of which the driver has not asked since the reset. */
  resetSenses: number;
  timer0: number;
  timer1: number;
  config: number;
  precompensation: number;
  powerDown: number;
  lock: boolean;
}

export type I82078State = Readonly<FdcRegisters> & {
  readonly heads: readonly [HeadsState, HeadsState];
  readonly media: readonly [MediaState, MediaState];
  /** When the heads have found a sector that READ ID waits for; null: nothing waits. */
  readonly idDeadlineNs: number | null;
  readonly bottomHalf: BottomHalfState;
};

const STEPS: StateKind<FdcRegisters['step']> = oneOf('none', 'read', 'write');

export const I82078_STATE = record<I82078State>({
  srb: BYTE,
  dor: BYTE,
  tdr: mask(r.TDR_BOOT_SELECT),
  dsr: BYTE,
  msr: BYTE,
  selected: integer(0, 1),
  interrupting: BOOLEAN,
  phase: oneOf('command', 'execution', 'result'),
  fifo: bytes(SECTOR_BYTES),
  position: DWORD,
  length: DWORD,
  direction: oneOf(...DIRECTIONS),
  multiTrack: BOOLEAN,
  endOfTrack: BYTE,
  step: STEPS,
  offset: nullable(integer(0, 2 ** 40)),
  chunksFrom: DWORD,
  chunksEnd: DWORD,
  throughChannel: BOOLEAN,
  status0: BYTE,
  resetSenses: integer(0, RESET_SENSES),
  timer0: BYTE,
  timer1: BYTE,
  config: BYTE,
  precompensation: BYTE,
  powerDown: BYTE,
  lock: BOOLEAN,
  heads: tuple<readonly [HeadsState, HeadsState]>(HEADS_STATE, HEADS_STATE),
  media: tuple<readonly [MediaState, MediaState]>(MEDIA_STATE, MEDIA_STATE),
  idDeadlineNs: DEADLINE_NS,
  bottomHalf: BOTTOM_HALF_STATE,
});

export function atPowerOn(): FdcRegisters {
  return {
    ...{ srb: r.SRB_AT_RESET, dor: r.DOR_RESET | r.DOR_DMA, tdr: 0, dsr: 0, msr: r.MSR_RQM },
    ...{ selected: 0, interrupting: false, phase: 'command', fifo: new Uint8Array(SECTOR_BYTES) },
    ...{ position: 0, length: 1, direction: 'write', multiTrack: false, endOfTrack: 0 },
    ...{ step: 'none', offset: null, chunksFrom: 0, chunksEnd: 0, throughChannel: false },
    ...{ status0: 0, resetSenses: 0, timer0: 0, timer1: 0, config: r.CONFIG_AT_START },
    ...{ precompensation: 0, powerDown: 0, lock: false },
  };
}
