/** What a snapshot keeps of the parallel bus of the 53C895A. */
import {
  BOOLEAN,
  BYTE,
  bytes,
  DWORD,
  integer,
  kind,
  list,
  nullable,
  record,
  type StateKind,
} from '../core/state-fields.ts';
import { PIECE_BYTES } from './lsi-request.ts';

export const CDB_MAX = 16;
/** More than a driver has tags for: requests that have given up the bus. */
export const REQUESTS_MAX = 4096;
const MESSAGE_MAX = 8;

/** What follows when a message was taken. */
export type AfterMessage = 'command' | 'free' | 'data-out' | 'data-in';
/** Why the script does not go on: it waits for a target, or for data. */
export type Waiting = 'no' | 'reselect' | 'data';

export type SavedRequest = {
  readonly tag: number;
  readonly lun: number;
  readonly cdb: Uint8Array;
  readonly pending: boolean;
  readonly piece: Uint8Array;
  readonly moved: number;
  readonly done: number;
};

export type LsiBusState = {
  readonly waiting: Waiting;
  readonly selectTag: number;
  readonly lun: number;
  readonly message: readonly number[];
  readonly afterMessage: AfterMessage;
  readonly status: number;
  readonly current: SavedRequest | null;
  /** Those that have given up the bus. */
  readonly queue: readonly SavedRequest[];
};

const PIECE: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= PIECE_BYTES,
  `at most ${PIECE_BYTES} bytes`,
);
const REQUEST = record<SavedRequest>({
  tag: DWORD,
  lun: integer(0, 7),
  cdb: bytes(CDB_MAX),
  pending: BOOLEAN,
  piece: PIECE,
  moved: integer(0, PIECE_BYTES),
  done: integer(0, Number.MAX_SAFE_INTEGER),
});

export const LSI_BUS_STATE = record<LsiBusState>({
  waiting: kind((value) => value === 'no' || value === 'reselect' || value === 'data', 'a reason to wait'),
  selectTag: DWORD,
  lun: integer(0, 7),
  message: list(BYTE, { max: MESSAGE_MAX }),
  afterMessage: kind(
    (value) => ['command', 'free', 'data-out', 'data-in'].includes(String(value)),
    'what follows a message',
  ),
  status: BYTE,
  current: nullable(REQUEST),
  queue: list(REQUEST, { max: REQUESTS_MAX }),
});
