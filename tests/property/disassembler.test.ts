/** Any bytes are shown as something, and what the processor decodes has the length that it has there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXECUTED_FEATURES } from '../../src/emu/cpu/cpu-features.ts';
import { decode } from '../../src/emu/cpu/decode/decode.ts';
import { DECODED, Instruction, RECORD } from '../../src/emu/cpu/decode/instruction.ts';
import { helperNumber } from '../../src/emu/cpu/helpers/helpers.ts';
import * as state from '../../src/emu/cpu/state.ts';
import { type CodeSize, disassemble } from '../../src/emu/disassembler/disassemble.ts';
import { instructionsText } from '../../src/emu/monitor/hmp/instruction-dump.ts';

const RUNS = 20_000;
const WINDOW = 16;
const MODES: Readonly<Record<CodeSize, number>> = {
  16: state.MODE_REAL,
  32: state.MODE_CODE32 | state.MODE_STACK32 | state.MODE_FLAT | state.MODE_SSE,
  64: state.MODE_CODE64 | state.MODE_FLAT | state.MODE_SSE,
};
const UNDEFINED = helperNumber('ud');

/**
 * QEMU: 64-bit code with prefix 66. Its library then takes distances of 16 bits, as AMD's processors do; QEMU's processor and ours take 32, as Intel's do. And
 * it takes the operands of PUSH and RET by a REP or a REX.W that do not matter there.
 */
const OTHER_LENGTH = /^(?:bnd )?(?:j\w+|callw|retw|pushq)$/;

const C = new Int32Array(4096);
const cpu = new Instruction(C, EXECUTED_FEATURES);

/** The length that the processor gives an instruction; undefined when it is none. */
function cpuLength(bytes: Uint8Array, code: CodeSize): number | undefined {
  cpu.at = 0;
  cpu.begin(bytes, 0, bytes.length, 0, 0, MODES[code]);
  if (decode(cpu) !== DECODED) return undefined;
  const isUndefined = cpu.ends && cpu.at > 0 && C[cpu.at - RECORD + 1] === UNDEFINED;
  return isUndefined ? undefined : cpu.position;
}

const codeSize = fc.constantFrom<CodeSize>(16, 32, 64);
const prefix = fc.constantFrom(0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x48, 0x41);
const opcodeStart = fc.constantFrom(
  [],
  [0x0f],
  [0x0f, 0x38],
  [0x0f, 0x3a],
  [0xc5],
  [0xc4, 0xe2],
  [0xc4, 0xe3],
);
const anyBytes = fc.uint8Array({ minLength: WINDOW, maxLength: WINDOW });

/** Bytes of which more are instructions than of those by chance. */
const likely = fc
  .tuple(fc.array(prefix, { maxLength: 3 }), opcodeStart, anyBytes)
  .map(([prefixes, opcode, rest]) => Uint8Array.from([...prefixes, ...opcode, ...rest].slice(0, WINDOW)));
const window = fc.oneof(anyBytes, likely);

describe('any bytes', () => {
  it('are an instruction of 1 to 15 of them, or a byte', () => {
    fc.assert(
      fc.property(
        fc.oneof(window, fc.uint8Array({ minLength: 1, maxLength: WINDOW })),
        fc.bigInt(0n, (1n << 64n) - 1n),
        codeSize,
        (bytes, address, code) => {
          const { length, mnemonic, operands } = disassemble(bytes, address, code);
          expect(length).toBeGreaterThanOrEqual(1);
          expect(length).toBeLessThanOrEqual(Math.min(15, bytes.length));
          expect(`${mnemonic} ${operands}`).toMatch(/^\.?[a-z][\w ]* [-$%*():\w, ]*$/);
          expect(operands).not.toMatch(/undefined|NaN/);
        },
      ),
      { seed: 1, numRuns: RUNS },
    );
  });

  it('are as long as the processor takes them', () => {
    let compared = 0;
    fc.assert(
      fc.property(window, codeSize, (bytes, code) => {
        const length = cpuLength(bytes, code);
        const shown = disassemble(bytes, 0n, code);
        if (length === undefined || shown.mnemonic === '.byte') return;
        const isListed =
          code === 64 && bytes.subarray(0, length).includes(0x66) && OTHER_LENGTH.test(shown.mnemonic);
        if (!isListed) expect(shown.length, `${shown.mnemonic} ${shown.operands}`).toBe(length);
        compared++;
      }),
      { seed: 2, numRuns: RUNS },
    );
    expect(compared).toBeGreaterThan(RUNS / 3);
  });

  it('give as many lines as were asked for, and an end where no memory is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.integer({ min: -5, max: 2000 }),
        fc.bigInt(0n, (1n << 64n) - 1n),
        codeSize,
        (memory, count, start, code) => {
          const text = instructionsText(count, start, code, (address, target) => {
            const at = BigInt.asUintN(64, address - start);
            if (at + BigInt(target.length) > BigInt(memory.length)) return false;
            target.set(memory.subarray(Number(at), Number(at) + target.length));
            return true;
          });
          const lines = text.split('\n').slice(0, -1);
          const instructions = lines.filter((line) => / {2}\S/.test(line.slice(30)));
          const isEnd = lines.at(-1)?.endsWith(': unable to read memory');
          expect(isEnd ? Math.max(1, count) : instructions.length).toBe(Math.max(1, count));
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });
});
