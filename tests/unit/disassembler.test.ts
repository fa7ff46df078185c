/** Instructions as the monitor shows them, compared with what QEMU's shows (scripts/record-disassembly.ts). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as state from '../../src/emu/cpu/state.ts';
import { type CodeSize, disassemble } from '../../src/emu/disassembler/disassemble.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const GOLDEN = 'tests/golden/disassembly';
const BASE = 0x200000n;
const CASE_BYTES = 16;
/** In the attributes of CS. */
const CODE_32 = 1 << 22;

function linesOf(code: CodeSize): readonly string[] {
  return readFileSync(`${GOLDEN}/${code}.txt`, 'utf8').trimEnd().split('\n');
}

/** What is shown of the case in a line, in the line's form. */
function shown(line: string, n: number, code: CodeSize): string {
  const [hex = ''] = line.split(' ', 1);
  const bytes = new Uint8Array(CASE_BYTES);
  bytes.set(Buffer.from(hex, 'hex'));
  const { length, mnemonic, operands } = disassemble(bytes, BASE + BigInt(CASE_BYTES * n), code);
  const isUnknown = mnemonic === '.byte';
  const used = Buffer.from(bytes.subarray(0, isUnknown ? CASE_BYTES : length)).toString('hex');
  return `${used} ${`${mnemonic.padEnd(8)} ${operands}`.trimEnd()}`;
}

describe.each([16, 32, 64] as const)('%d-bit code', (code) => {
  it('is shown as QEMU shows it', () => {
    expect(linesOf(code).length).toBeGreaterThan(3000);
    const different = linesOf(code).filter((line, n) => shown(line, n, code) !== line);
    expect(different).toEqual([]);
  });
});

describe('the lines of the monitor', () => {
  const [memory = '', ...dialogue] = readFileSync(`${GOLDEN}/layout.txt`, 'utf8').split(/\n?^>>> HMP: /m);
  const [, address = '', hex = ''] = /^# memory (\w+) (\w+)/.exec(memory) ?? [];
  const steps = dialogue.map((step) => [
    step.slice(0, step.indexOf('\n')),
    step.slice(step.indexOf('\n') + 1),
  ]);

  it('are those of QEMU', async () => {
    const rig = await monitorRig();
    rig.memory.write(Number.parseInt(address, 16), Buffer.from(hex, 'hex'));
    expect(steps.length).toBeGreaterThan(20);
    for (const [line = '', answer = ''] of steps) {
      expect(`${line}\n${(await rig.execute(line)).trimEnd()}`).toBe(`${line}\n${answer.trimEnd()}`);
    }
  });

  it.each([
    ['16-bit code', 0, 0, 'movw     8(%di), %ax'],
    ['32-bit code', CODE_32, 0, 'movl     8(%ebp), %eax'],
    ['64-bit code', 0, state.MODE_CODE64, 'movl     8(%rbp), %eax'],
  ])('follow the processor in %s', async (_name, attributes, mode, text) => {
    const rig = await monitorRig();
    rig.vcpuState[state.SEG_CS + state.SEG_ATTR] = attributes;
    rig.vcpuState[state.MODE] = mode;
    rig.memory.write(0x1000, Uint8Array.of(0x8b, 0x45, 0x08));
    expect(await rig.execute('xp/i 0x1000')).toContain(text);
  });

  it('are not without end', async () => {
    const rig = await monitorRig();
    const lines = (await rig.execute('xp/2000000000i 0x1000')).split('\n');
    expect(lines).toHaveLength(16384 + 2);
    expect(lines.at(-2)).toBe('No more than 16384 instructions are shown at once');
  });
});
