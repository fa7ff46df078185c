/** What QEMU leaves out and processors do: segment limits and types checked on every access of 16- and 32-bit code. */
import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Engine } from '../../src/emu/cpu/engine.ts';
import * as state from '../../src/emu/cpu/state.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { RecordingHost } from '../support/vcpu-rig.ts';

const CODE = 0x1000;
const DATA = 0x20000;

const READ_WRITE = state.ATTR_P | state.ATTR_S | state.ATTR_WRITABLE | state.ATTR_ACCESSED;
const READ_ONLY = state.ATTR_P | state.ATTR_S | state.ATTR_ACCESSED;
const EXPAND_DOWN = READ_WRITE | state.ATTR_EXPAND_DOWN;
const CODE_READ = READ_ONLY | state.ATTR_CODE | state.ATTR_READABLE;
const CODE_ONLY = READ_ONLY | state.ATTR_CODE;
const BIG = state.ATTR_DB | state.ATTR_G;

interface Rig {
  readonly engine: Engine;
  readonly memory: GuestMemory;
  /** Runs `code`; the exception it ended in ("#13(0) +2": at offset 2), or "done" at the HLT after it. */
  run(code: string): string;
}

function createRig(): Rig {
  const memory = pcMemory(1 << 20);
  const engine = new Engine({ memory, host: new RecordingHost(), trace: QUIET });
  const { S } = engine.cpu;
  let fault = '';
  engine.onException = (vector, error) => {
    fault = `#${vector}(${error}) +${(S[state.RIP_LO] - CODE) & 0xffff}`;
    return true;
  };
  const run = (code: string): string => {
    fault = '';
    memory.write(CODE, Uint8Array.from([...Buffer.from(code.replaceAll(' ', ''), 'hex'), 0xf4]));
    S[state.RIP_LO] = CODE;
    S[state.HALTED] = 0;
    for (let n = 0; n < 100 && fault === '' && S[state.HALTED] === 0; n++) engine.run(1, true);
    return fault === '' ? 'done' : fault;
  };
  return { engine, memory, run };
}

function segment(rig: Rig, index: number, attr: number, limit: number, base = DATA): void {
  const { S } = rig.engine.cpu;
  S[index + state.SEG_ATTR] = attr;
  S[index + state.SEG_LIMIT] = limit;
  S[index + state.SEG_BASE_LO] = base;
}

function realMode(): Rig {
  const rig = createRig();
  const { S } = rig.engine.cpu;
  S[state.SEG_CS + state.SEG_SELECTOR] = 0;
  S[state.SEG_CS + state.SEG_BASE_LO] = 0;
  S[state.RSP] = 0x8000;
  rig.engine.cpu.updateMode();
  return rig;
}

/** 32-bit code, a flat stack; DS as given, ES flat. */
function protectedMode(dsAttr: number, dsLimit: number): Rig {
  const rig = createRig();
  const { S } = rig.engine.cpu;
  S[state.CR0] |= state.CR0_PE;
  segment(rig, state.SEG_CS, CODE_READ | BIG, -1, 0);
  segment(rig, state.SEG_SS, READ_WRITE | BIG, -1, 0);
  segment(rig, state.SEG_ES, READ_WRITE | BIG, -1, 0);
  segment(rig, state.SEG_DS, dsAttr, dsLimit);
  S[state.RSP] = 0x8000;
  rig.engine.cpu.updateMode();
  return rig;
}

describe('real mode', () => {
  it.each([
    ['word at 0FFFFh', 'bbffff 8b07', '#13(0) +3'],
    ['byte at 0FFFFh', 'bbffff 8a07', 'done'],
    ['doubleword at 0FFFEh', 'bbfeff 668b07', '#13(0) +3'],
    ['store of a word at 0FFFFh', 'bbffff 8907', '#13(0) +3'],
    ['through BP: the stack segment', 'bdffff 8b4600', '#12(0) +3'],
    ['32-bit offset past 64 KiB', '66b800000100 678a00', '#13(0) +6'],
    ['16-bit offsets wrap', 'bbffff be0200 8a00', 'done'],
    ['MOVSW from 0FFFFh', 'beffff bf0000 a5', '#13(0) +6'],
    ['STOSW to 0FFFFh', 'bfffff ab', '#13(0) +3'],
    ['PUSH with SP 1', 'bc0100 50', '#12(0) +3'],
    ['PUSH with SP 0 wraps', 'bc0000 50', 'done'],
    ['POP with SP 0FFFFh', 'bcffff 58', '#12(0) +3'],
    ['POPA over the end', 'bcf9ff 61', '#12(0) +3'],
    ['far pointer over the end', 'bbfdff c407', '#13(0) +3'],
    ['FSTENV over the end', 'bbf8ff d937', '#13(0) +3'],
    ['FLD m80 over the end', 'bbf8ff db2f', '#13(0) +3'],
    ['FILD m16 at the end', 'bbfeff df07', 'done'],
    ['far jump past the limit', '66ea 00000100 0000', '#13(0) +0'],
    ['near jump past the limit', '66e9 00000100', '#13(0) +0'],
    ['near call past the limit', '66e8 00000100', '#13(0) +0'],
    ['jump past the limit, not taken', '31c0 660f85 00000100', 'done'],
    ['return past the limit', '666800000100 66c3', '#13(0) +6'],
    ['16 bytes', '6666666666666666666666666666 89c0', '#13(0) +0'],
    ['15 bytes', '66666666666666666666666666 89c0', 'done'],
    ['LOCK with a register', 'f001c0', '#6(0) +0'],
    ['LOCK with CMP', 'f03907', '#6(0) +0'],
    ['LOCK with MOV', 'f08907', '#6(0) +0'],
    ['LOCK with ADD to memory', 'f00107', 'done'],
    ['MOV to CS', '8ec8', '#6(0) +0'],
    ['LES with a register', 'c4c0', '#6(0) +0'],
    ['LEA with a register', '8dc0', '#6(0) +0'],
    ['protected-mode instructions', '0f00c0', '#6(0) +0'],
  ])('%s', (_name, code, outcome) => {
    expect(realMode().run(code)).toBe(outcome);
  });

  it('keeps the registers of an instruction that faults', () => {
    const rig = realMode();
    const { S } = rig.engine.cpu;
    expect(rig.run('bbffff b80001 b90300 8707')).toBe('#13(0) +9');
    expect(S[state.RAX] & 0xffff).toBe(0x100);
    expect(rig.run('bcf8ff 60')).toBe('done');
    expect(rig.run('bc0500 60')).toBe('#12(0) +3');
    expect(S[state.RSP] & 0xffff).toBe(5);
  });

  it('stops a repeated move at the limit with the registers there', () => {
    const rig = realMode();
    const { S } = rig.engine.cpu;
    expect(rig.run('befaff bf0000 b90400 f3a5')).toBe('done');
    expect(S[state.RSI] & 0xffff).toBe(2);
    expect(rig.run('befbff bf0000 b90400 f3a5')).toBe('#13(0) +9');
    expect(S[state.RSI] & 0xffff).toBe(0xffff);
    expect(S[state.RCX] & 0xffff).toBe(2);
  });
});

describe('protected mode', () => {
  it.each([
    ['last byte', READ_WRITE, 0x3ff, 'a0ff030000', 'done'],
    ['past the limit', READ_WRITE, 0x3ff, 'a000040000', '#13(0) +0'],
    ['word over the limit', READ_WRITE, 0x3ff, '66a1ff030000', '#13(0) +0'],
    ['store past the limit', READ_WRITE, 0x3ff, 'a2 00040000', '#13(0) +0'],
    ['read-only, read', READ_ONLY, 0x3ff, 'a000000000', 'done'],
    ['read-only, written', READ_ONLY, 0x3ff, 'a200000000', '#13(0) +0'],
    ['read-only, changed', READ_ONLY, 0x3ff, 'fe0500000000', '#13(0) +0'],
    ['read-only, FST', READ_ONLY, 0x3ff, 'd91500000000', '#13(0) +0'],
    ['read-only, FLD', READ_ONLY, 0x3ff, 'd90500000000', 'done'],
    ['read-only, FNSTCW', READ_ONLY, 0x3ff, 'd93d00000000', '#13(0) +0'],
    ['read-only, MOVAPS store', READ_ONLY, 0x3ff, '0f290500000000', '#6(0) +0'],
    ['code, read', CODE_READ, 0x3ff, 'a000000000', 'done'],
    ['code, written', CODE_READ, 0x3ff, 'a200000000', '#13(0) +0'],
    ['execute-only code, read', CODE_ONLY, 0x3ff, 'a000000000', '#13(0) +0'],
    ['execute-only code, LODS', CODE_ONLY, 0x3ff, '31f6 ac', '#13(0) +2'],
    ['expand-down, below', EXPAND_DOWN, 0x3ff, 'a0ff030000', '#13(0) +0'],
    ['expand-down, above', EXPAND_DOWN, 0x3ff, 'a000040000', 'done'],
    ['expand-down, past 64 KiB', EXPAND_DOWN, 0x3ff, 'a000000100', '#13(0) +0'],
    ['expand-down, big', EXPAND_DOWN | state.ATTR_DB, 0x3ff, 'a000000100', 'done'],
    ['null', 0, 0, 'a000000000', '#13(0) +0'],
    ['null, LODS', 0, 0, '31f6 ac', '#13(0) +2'],
    ['null, other segment', 0, 0, '26a000000000', 'done'],
    ['BOUND over the limit', READ_WRITE, 0x3ff, '6205f9030000', '#13(0) +0'],
    ['CMPXCHG8B over the limit', READ_WRITE, 0x3ff, '0fc70df9030000', '#13(0) +0'],
    ['FNSAVE over the limit', READ_WRITE, 0x3ff, 'dd3595030000', '#13(0) +0'],
    ['FNSAVE to the limit', READ_WRITE, 0x3ff, 'dd3594030000', 'done'],
    ['FXSAVE over the limit', READ_WRITE, 0x3ff, '0fae0510020000', '#13(0) +0'],
    ['FXSAVE to the limit', READ_WRITE, 0x3ff, '0fae0500020000', 'done'],
  ] as const)('%s', (_name, attr, limit, code, outcome) => {
    expect(protectedMode(attr, limit).run(code)).toBe(outcome);
  });

  it('writes at the base of a segment', () => {
    const rig = protectedMode(READ_WRITE, 0x3ff);
    expect(rig.run('c70510000000 78563412')).toBe('done');
    expect(rig.memory.readU32(DATA + 0x10)).toBe(0x12345678);
  });
});
