/** What an ATA device remembers: its registers, the transfer that is under way, and what outlives a reset. */
import {
  BOOLEAN,
  BYTE,
  bytes,
  integer,
  kind,
  list,
  nullable,
  oneOf,
  record,
  type StateKind,
} from '../core/state-fields.ts';

/** What is done when the data of a transfer has moved. */
export const AFTER = ['stop', 'sector read', 'sector write', 'packet', 'reply'] as const;
export type After = (typeof AFTER)[number];

/** What the disk is doing for a command that is not done. */
export const WORK = ['pio read', 'pio write', 'flush', 'dma', 'packet pio', 'packet dma'] as const;
export type Work = (typeof WORK)[number];

/** What a command moves by DMA. */
export const DMA_KINDS = ['read', 'write', 'trim', 'packet'] as const;
export type DmaKind = (typeof DMA_KINDS)[number];

/** The registers that the driver writes, each with what was written before. */
export type TaskFile = {
  readonly feature: number;
  /** What is left of it while a command counts sectors: up to 65,536. */
  readonly count: number;
  readonly low: number;
  readonly mid: number;
  readonly high: number;
  readonly hobFeature: number;
  readonly hobCount: number;
  readonly hobLow: number;
  readonly hobMid: number;
  readonly hobHigh: number;
};

export type PacketState = {
  /** Bytes of the answer that have not moved. */
  readonly left: number;
  /** The whole of an answer that is not of a disc. */
  readonly given: Uint8Array;
  /** Bytes of a disc that were asked for, or null for an answer of another kind. */
  readonly disc: { readonly block: number; readonly blockBytes: number; readonly at: number } | null;
  readonly byDma: boolean;
};

export type AtaUnitState = TaskFile & {
  readonly device: number;
  readonly status: number;
  readonly error: number;
  readonly lba48: boolean;
  /** Sectors of a block of READ and WRITE MULTIPLE; 0: those commands are refused. */
  readonly multiple: number;
  /** Most sectors that the command moves at a time. */
  readonly block: number;
  /** Data of a transfer, and how much of it has moved. */
  readonly buffer: Uint8Array;
  readonly at: number;
  readonly after: After;
  readonly dma: DmaKind | null;
  /** The command waits for the controller to begin. */
  readonly dmaWaits: boolean;
  /** Bytes that DMA has moved for the command. */
  readonly dmaDone: number;
  readonly work: Work | null;
  /** Bytes that the disk has done of it. */
  readonly workDone: number;
  readonly packet: PacketState;
  readonly senseKey: number;
  readonly asc: number;
  readonly trayOpen: boolean;
  readonly trayLocked: boolean;
  /** Steps in which a driver is told that the disc is another: 1 that there is none, 2 that there may be another. */
  readonly discChanged: number;
};

/** What a reset leaves as it is. */
export type AtaKeptState = {
  /** Sectors of 512 bytes. */
  readonly sectors: number;
  readonly writeCache: boolean;
  /** The geometry that the driver has chosen, and whether a reset takes it back. */
  readonly heads: number;
  readonly trackSectors: number;
  readonly reverts: boolean;
  /** What IDENTIFY says since it was asked first; null: it was not. */
  readonly identity: Uint8Array | null;
  readonly smart: boolean;
  readonly smartAutosave: boolean;
  /** The kinds of the self-tests that were run, in a ring, and which of them was the last. */
  readonly selfTests: readonly number[];
  readonly selfTest: number;
  readonly newMedium: boolean;
  readonly ejectRequested: boolean;
};

export const SELF_TESTS = 21;
/** In the place of a kind of self-test. */
export const NOT_RUN = 0xff;
/** A transfer of 256 sectors, and a reply that a driver may ask to be as long. */
const BUFFER_MAX = 0x2_0000;
const SECTORS_MAX = 2 ** 48;
const PACKET_MAX = 2 ** 43;

const BUFFER: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= BUFFER_MAX,
  `at most ${BUFFER_MAX} bytes`,
);

export const PACKET_STATE = record<PacketState>({
  left: integer(0, PACKET_MAX),
  given: BUFFER,
  disc: nullable(
    record({
      block: integer(0, 0xffff_ffff),
      blockBytes: oneOf(2048, 2352),
      at: integer(0, PACKET_MAX),
    }),
  ),
  byDma: BOOLEAN,
});

export const ATA_UNIT_STATE = record<AtaUnitState>({
  ...{ feature: BYTE, count: integer(0, 65_536), low: BYTE, mid: BYTE, high: BYTE },
  ...{ hobFeature: BYTE, hobCount: BYTE, hobLow: BYTE, hobMid: BYTE, hobHigh: BYTE },
  ...{ device: BYTE, status: BYTE, error: BYTE, lba48: BOOLEAN },
  multiple: integer(0, 16),
  block: integer(0, 16),
  buffer: BUFFER,
  at: integer(0, BUFFER_MAX),
  after: oneOf(...AFTER),
  dma: nullable(oneOf(...DMA_KINDS)),
  dmaWaits: BOOLEAN,
  dmaDone: integer(0, PACKET_MAX),
  work: nullable(oneOf(...WORK)),
  workDone: integer(0, PACKET_MAX),
  packet: PACKET_STATE,
  ...{ senseKey: BYTE, asc: BYTE, trayOpen: BOOLEAN, trayLocked: BOOLEAN, discChanged: integer(0, 2) },
});

export const ATA_KEPT_STATE = record<AtaKeptState>({
  sectors: integer(0, SECTORS_MAX),
  writeCache: BOOLEAN,
  heads: integer(0, 0xffff),
  trackSectors: integer(0, 0xffff),
  reverts: BOOLEAN,
  identity: nullable(bytes(512)),
  smart: BOOLEAN,
  smartAutosave: BOOLEAN,
  selfTests: list(BYTE, SELF_TESTS),
  selfTest: integer(0, SELF_TESTS),
  newMedium: BOOLEAN,
  ejectRequested: BOOLEAN,
});

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
