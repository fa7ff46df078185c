/** What a snapshot keeps of the parallel bus of the 53C895A. */
import { BYTE, DWORD, integer, kind, list, nullable, record } from '../core/state-fields.ts';
import { SAVED_REQUEST, type SavedRequest } from './bus-request-state.ts';

/** More than a driver has tags for: requests that have given up the bus. */
export const REQUESTS_MAX = 4096;
const MESSAGE_MAX = 8;

/** What follows when a message was taken. */
export type AfterMessage = 'command' | 'free' | 'data-out' | 'data-in';
/** Why the script does not go on: it waits for a target, or for data. */
export type Waiting = 'no' | 'reselect' | 'data';

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
  current: nullable(SAVED_REQUEST),
  queue: list(SAVED_REQUEST, { max: REQUESTS_MAX }),
});
