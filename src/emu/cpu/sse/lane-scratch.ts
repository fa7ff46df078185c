/**
 * Copies of an instruction's operands, A (the destination) and B, and its result R, as lanes of each kind. For what moves between
 * lanes: both operands may be one register.
 */
import type { Cpu } from '../cpu.ts';

export const A = new Int32Array(4);
export const A_I8 = new Int8Array(A.buffer);
export const A_U8 = new Uint8Array(A.buffer);
export const A_I16 = new Int16Array(A.buffer);
export const A_U16 = new Uint16Array(A.buffer);
export const B = new Int32Array(4);
export const B_I8 = new Int8Array(B.buffer);
export const B_U8 = new Uint8Array(B.buffer);
export const B_I16 = new Int16Array(B.buffer);
export const B_U16 = new Uint16Array(B.buffer);
export const R = new Int32Array(4);
export const R_I8 = new Int8Array(R.buffer);
export const R_U8 = new Uint8Array(R.buffer);
export const R_I16 = new Int16Array(R.buffer);
export const R_U16 = new Uint16Array(R.buffer);

/** A and B = the `n` words at `d` and at `s`. */
export function take({ S }: Cpu, d: number, s: number, n: number): void {
  for (let i = 0; i < n; i++) {
    A[i] = S[d + i];
    B[i] = S[s + i];
  }
}

/** The `n` words at `d` = R. */
export function give({ S }: Cpu, d: number, n: number): void {
  for (let i = 0; i < n; i++) S[d + i] = R[i];
}
