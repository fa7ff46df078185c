/** What a snapshot keeps of the core of an Am53C974. */
import { BOTTOM_HALF_STATE, type BottomHalfState } from '../core/bottom-half.ts';
import { BOOLEAN, BYTE, bytes, integer, kind, list, nullable, record } from '../core/state-fields.ts';
import { SAVED_REQUEST, type SavedRequest } from './bus-request-state.ts';
import { ESP_REGISTERS } from './esp-registers.ts';

export const ESP_FIFO_BYTES = 16;
/** QEMU: so much of a message and a command block is kept. */
export const ESP_MESSAGE_BYTES = 32;

/** What waits for DMA to be enabled. */
export type EspWork = 'nothing' | 'select' | 'select-atn' | 'select-atn-stop' | 'transfer';
const WORKS: readonly EspWork[] = ['nothing', 'select', 'select-atn', 'select-atn-stop', 'transfer'];

export type EspState = {
  readonly regs: Uint8Array;
  readonly written: Uint8Array;
  readonly fifo: readonly number[];
  readonly message: readonly number[];
  readonly messageBytes: number;
  readonly takesMessage: boolean;
  readonly target: number;
  readonly lun: number;
  readonly status: number;
  readonly countWritten: boolean;
  readonly dma: boolean;
  readonly dmaEnabled: boolean;
  readonly deferred: EspWork;
  readonly transferSize: number;
  readonly transferCommand: number;
  readonly dataInReady: boolean;
  readonly mustMove: boolean;
  readonly request: SavedRequest | null;
  readonly bottomHalf: BottomHalfState;
};

export const ESP_STATE = record<EspState>({
  regs: bytes(ESP_REGISTERS),
  written: bytes(ESP_REGISTERS),
  fifo: list(BYTE, { max: ESP_FIFO_BYTES }),
  message: list(BYTE, { max: ESP_MESSAGE_BYTES }),
  messageBytes: integer(0, ESP_MESSAGE_BYTES),
  takesMessage: BOOLEAN,
  target: integer(-1, 7),
  lun: integer(0, 7),
  status: BYTE,
  countWritten: BOOLEAN,
  dma: BOOLEAN,
  dmaEnabled: BOOLEAN,
  deferred: kind((value) => WORKS.includes(value as EspWork), 'what waits for DMA'),
  transferSize: integer(-(2 ** 42), 2 ** 42),
  transferCommand: BYTE,
  dataInReady: BOOLEAN,
  mustMove: BOOLEAN,
  request: nullable(SAVED_REQUEST),
  bottomHalf: BOTTOM_HALF_STATE,
});
