/** Names that the decoder shares with the table. */
export { ALU_OPS } from './alu.ts';
export { SHIFT_OPS } from './shift.ts';
