/** The SCRIPTS processor of the 53C895A: one instruction at a time. Spec: LSI53C895A Technical Manual 2.2, chapter 5. */
import * as r from './lsi-registers.ts';

/** What the processor works on. */
export interface ScriptsHost {
  readonly regs: Uint8Array;
  carry: boolean;
  /** A select that nobody has answered is to be told yet. */
  readonly selectionTimedOut: boolean;
  readRegister(offset: number): number;
  writeRegister(offset: number, value: number): void;
  u32(offset: number): number;
  setU32(offset: number, value: number): void;
  readDword(address: number): number;
  readBytes(address: number, target: Uint8Array): void;
  writeBytes(address: number, source: Uint8Array): void;
  copy(to: number, from: number, length: number): void;
  dmaInterrupt(stat: number): void;
  /** An interrupt that does not stop the script. */
  interruptOnTheFly(): void;
  stop(): void;
  phaseMismatch(isOut: boolean, phase: number): void;
  /** Moves data, or a message, in the phase that the bus is in; DBC, DNAD say what. */
  transfer(phase: number): void;
  select(id: number, withAttention: boolean): void;
  disconnect(): void;
  waitReselect(): void;
  setLines(attention: boolean, on: boolean): void;
}

const OPCODE_SHIFT = 27;
const RELATIVE = 1 << 23;

const sext24 = (value: number): number => (value << 8) >> 8;
const plus = (base: number, offset: number): number => (base + offset) >>> 0;

/** Fetches and does the instruction at DSP. */
export function scriptStep(host: ScriptsHost): void {
  const at = host.u32(r.DSP);
  const word = host.readDword(at);
  if (word === 0) {
    // QEMU: an empty word is passed by alone.
    host.setU32(r.DSP, plus(at, 4));
    return;
  }
  const address = host.readDword(plus(at, 4));
  host.setU32(r.DSPS, address);
  host.regs[r.DCMD] = word >>> 24;
  host.setU32(r.DSP, plus(at, 8));
  const kind = word >>> 30;
  if (kind === 0) blockMove(host, word, address, at);
  else if (kind === 2) transferControl(host, word, address);
  else if (kind === 3) memoryMove(host, word, address);
  else if (((word >>> OPCODE_SHIFT) & 7) < 5) io(host, word, address);
  else arithmetic(host, word);
}

/** Spec: §5.4. */
function blockMove(host: ScriptsHost, word: number, given: number, at: number): void {
  if (host.selectionTimedOut) {
    host.stop();
    return;
  }
  let count = word & 0xff_ffff;
  let address = given;
  let high = 0;
  if ((word & 0x2000_0000) !== 0) address = host.readDword(address);
  else if ((word & 0x1000_0000) !== 0) {
    const entry = plus(host.u32(r.DSA), sext24(address & 0xff_ffff));
    host.setU32(r.IA, plus(at, 4));
    const first = host.readDword(entry);
    count = first & 0xff_ffff;
    address = host.readDword(plus(entry, 4));
    high = highPart(host, first);
  }
  const phase = (word >>> 24) & 7;
  host.setU32(r.DBC, (host.u32(r.DBC) & 0xff00_0000) + count);
  host.setU32(r.RBC, count);
  if ((host.regs[r.SSTAT1] & r.SSTAT1_PHASE) !== phase) {
    host.phaseMismatch(phase === r.PHASE_DATA_OUT, host.regs[r.SSTAT1] & r.SSTAT1_PHASE);
    return;
  }
  host.setU32(r.DNAD, address);
  host.setU32(r.DNAD64, high);
  host.transfer(phase);
  const left = host.u32(r.DBC) & 0xff_ffff;
  host.regs[r.DFIFO] = left & 0xff;
  host.regs[r.CTEST5] = (host.regs[r.CTEST5] & 0xfc) | ((left >>> 8) & 3);
  host.setU32(r.SBC, left);
  host.setU32(r.RBC, host.u32(r.RBC) - left);
  host.setU32(r.UA, plus(address, left));
}

/** Bits 32 and up of an address in a table. Spec: §4.2, CCNTL1. */
function highPart(host: ScriptsHost, first: number): number {
  const mode = host.regs[r.CCNTL1] & r.CCNTL1_40BIT;
  if (mode === r.CCNTL1_40BIT) return first >>> 24;
  if (mode !== r.CCNTL1_EN64TIBMV) return 0;
  const selector = (first >>> 24) & 0x1f;
  if (selector < 0x10) return host.u32(0x60 + 4 * selector);
  const others = [r.MMRS, r.MMWS, 0xa8, 0xac, r.SBMS, r.DMBS];
  return host.u32(others[selector - 0x10] ?? r.DMBS);
}

/** Spec: §5.5. */
function io(host: ScriptsHost, word: number, given: number): void {
  const id =
    ((word & (1 << 25)) !== 0 ? host.readDword(plus(host.u32(r.DSA), sext24(word & 0xff_ffff))) : word) >>>
    16;
  const address = (word & (1 << 26)) !== 0 ? plus(host.u32(r.DSP), sext24(given & 0xff_ffff)) : given;
  host.setU32(r.DNAD, address);
  const opcode = (word >>> OPCODE_SHIFT) & 7;
  // QEMU: not bit 24, as the manual has it.
  if (opcode === 0) host.select(id & 0xf, (word & (1 << 3)) !== 0);
  else if (opcode === 1) host.regs[r.SCNTL1] &= ~r.SCNTL1_CON;
  else if (opcode === 2) host.waitReselect();
  else setOrClear(host, word, opcode === 3);
}

function setOrClear(host: ScriptsHost, word: number, on: boolean): void {
  host.setLines((word & (1 << 3)) !== 0, on);
  if ((word & (1 << 10)) !== 0) host.carry = on;
}

/** Spec: §5.6. */
function arithmetic(host: ScriptsHost, word: number): void {
  const register = ((word >>> 16) & 0x7f) | (word & 0x80);
  const data = (word >>> 8) & 0xff;
  const opcode = (word >>> OPCODE_SHIFT) & 7;
  const operator = (word >>> 24) & 7;
  let first = 0;
  let second = data;
  if (opcode === 5) first = host.regs[r.SFBR];
  else {
    if (operator !== 0) first = host.readRegister(register);
    if (opcode === 7 && (word & (1 << 23)) !== 0) second = host.regs[r.SFBR];
  }
  const result = operate(host, operator, first, second);
  if (opcode === 6) host.regs[r.SFBR] = result;
  else host.writeRegister(register, result);
}

function operate(host: ScriptsHost, operator: number, first: number, second: number): number {
  const carry = host.carry ? 1 : 0;
  switch (operator) {
    case 0:
      return second;
    case 1:
      host.carry = (first & 0x80) !== 0;
      return ((first << 1) | carry) & 0xff;
    case 2:
      return first | second;
    case 3:
      return first ^ second;
    case 4:
      return first & second;
    case 5:
      host.carry = (first & 1) !== 0;
      return (first >> 1) | (carry << 7);
    default: {
      const sum = first + second + (operator === 7 ? carry : 0);
      host.carry = sum > 0xff;
      return sum & 0xff;
    }
  }
}

/** Spec: §5.7. */
function transferControl(host: ScriptsHost, word: number, given: number): void {
  if ((word & 0x002e_0000) === 0) return;
  if (host.selectionTimedOut) {
    host.stop();
    return;
  }
  const jump = (word & (1 << 19)) !== 0;
  if (!holds(host, word, jump)) return;
  const next = host.u32(r.DSP);
  const address = (word & RELATIVE) !== 0 ? plus(next, sext24(given & 0xff_ffff)) : given;
  switch ((word >>> OPCODE_SHIFT) & 7) {
    case 1:
      host.setU32(r.TEMP, next);
      host.setU32(r.DSP, address);
      return;
    case 2:
      host.setU32(r.DSP, host.u32(r.TEMP));
      return;
    case 3:
      if ((word & (1 << 20)) !== 0) host.interruptOnTheFly();
      else host.dmaInterrupt(r.DSTAT_SIR);
      return;
    case 0:
      host.setU32(r.DSP, address);
      return;
    default:
      host.dmaInterrupt(r.DSTAT_IID);
  }
}

/** All that is asked for is so, or, for a jump that is taken when it is not, is not. */
function holds(host: ScriptsHost, word: number, wanted: boolean): boolean {
  let is = wanted;
  if ((word & (1 << 21)) !== 0) is = host.carry;
  if (is === wanted && (word & (1 << 17)) !== 0) {
    is = (host.regs[r.SSTAT1] & r.SSTAT1_PHASE) === ((word >>> 24) & 7);
  }
  if (is === wanted && (word & (1 << 18)) !== 0) {
    const mask = (~word >>> 8) & 0xff;
    is = (host.regs[r.SFBR] & mask) === (word & mask);
  }
  return is === wanted;
}

/** Spec: §5.8 and §5.9. */
function memoryMove(host: ScriptsHost, word: number, given: number): void {
  if ((word & (1 << 29)) === 0) {
    const at = host.u32(r.DSP);
    host.setU32(r.DSP, plus(at, 4));
    host.copy(host.readDword(at), given, word & 0xff_ffff);
    return;
  }
  const address = (word & (1 << 28)) !== 0 ? plus(host.u32(r.DSA), sext24(given & 0xff_ffff)) : given;
  const register = (word >>> 16) & 0xff;
  const bytes = new Uint8Array(word & 7);
  if ((word & (1 << 24)) !== 0) {
    host.readBytes(address, bytes);
    for (const [n, byte] of bytes.entries()) host.writeRegister(register + n, byte);
  } else {
    for (const n of bytes.keys()) bytes[n] = host.readRegister(register + n);
    host.writeBytes(address, bytes);
  }
}
