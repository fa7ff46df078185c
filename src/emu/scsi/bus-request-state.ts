/** What a snapshot keeps of a command whose data goes in pieces. */
import { BOOLEAN, bytes, DWORD, integer, kind, record, type StateKind } from '../core/state-fields.ts';
import { BusRequest, type BusRequestOwner, PIECE_BYTES } from './bus-request.ts';
import type { ScsiDisk } from './scsi-disk.ts';

export const CDB_MAX = 16;

export type SavedRequest = {
  readonly tag: number;
  readonly lun: number;
  readonly cdb: Uint8Array;
  readonly pending: boolean;
  readonly piece: Uint8Array;
  readonly moved: number;
  readonly done: number;
};

const PIECE: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= PIECE_BYTES,
  `at most ${PIECE_BYTES} bytes`,
);

export const SAVED_REQUEST = record<SavedRequest>({
  tag: DWORD,
  lun: integer(0, 0xff),
  cdb: bytes(CDB_MAX),
  pending: BOOLEAN,
  piece: PIECE,
  moved: integer(0, PIECE_BYTES),
  done: integer(0, Number.MAX_SAFE_INTEGER),
});

export function saveRequest({ tag, lun, command, pending, piece, moved, done }: BusRequest): SavedRequest {
  return {
    ...{ tag, lun, cdb: (command?.cdb ?? new Uint8Array(CDB_MAX)).slice(0, CDB_MAX), pending: pending > 0 },
    ...{ piece: piece.slice(), moved, done },
  };
}

/** It waits for `goWithMachine` when all of its piece was moved. */
export function restoreRequest(owner: BusRequestOwner, unit: ScsiDisk, saved: SavedRequest): BusRequest {
  const request = new BusRequest(owner, unit, { ...saved, resumed: true });
  request.piece = saved.piece.slice();
  request.moved = Math.min(saved.moved, saved.piece.length);
  request.done = saved.done;
  request.pending = saved.pending ? saved.piece.length : 0;
  return request;
}
