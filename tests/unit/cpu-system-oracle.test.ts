/** Only this level catches a fault that we deliver differently from QEMU: real code, real frames. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import {
  CPUID_CLFLUSH,
  CPUID_CMOV,
  CPUID_CX8,
  CPUID_EXT_CX16,
  CPUID_EXT_SSE3,
  CPUID_EXT3_LAHF_LM,
  CPUID_FXSR,
  CPUID_SSE2,
  QEMU64_FEATURES,
  withoutFeatures,
} from '../../src/emu/cpu/cpu-features.ts';
import { Engine } from '../../src/emu/cpu/engine.ts';
import { type CpuIdentity, INTEL, QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';
import { RIP_LO, SEG_BASE_LO, SEG_CS, SEG_SELECTOR } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { ABLEST, cpuWith } from '../support/featured-cpu.ts';
import { RecordingHost } from '../support/vcpu-rig.ts';

const LOAD_ADDRESS = 0x7c00;
const ENTRY = 0x7c40;
const SERIAL = 0x3f8;

class SerialHost extends RecordingHost {
  text = '';
  override answer = 0xff;

  override ioWrite(port: number, _size: number, value: number): void {
    if (port === SERIAL) this.text += String.fromCharCode(value);
  }
}

/** As in record.sh. */
const LESS_FEATURES = withoutFeatures(QEMU64_FEATURES, [
  ...[CPUID_EXT_CX16, CPUID_CX8, CPUID_EXT_SSE3, CPUID_CMOV],
  ...[CPUID_CLFLUSH, CPUID_FXSR, CPUID_EXT3_LAHF_LM, CPUID_SSE2],
]);
const LESS = cpuWith(LESS_FEATURES);
const EXECUTED: CpuIdentity = { ...ABLEST, vendor: INTEL };

it.each([
  ['faults32', '', QEMU64],
  ['faults64', '', QEMU64],
  ['debug64', '', QEMU64],
  ['features64', '', QEMU64],
  ['features64', '-executed', EXECUTED],
  ['features64', '-less', LESS],
] as const)('%s%s: frames are those that QEMU 7.2 recorded', (program, variant, identity) => {
  const oracle = new URL('../oracle/system/', import.meta.url);
  const memory = pcMemory(16 << 20);
  memory.write(LOAD_ADDRESS, readFileSync(new URL(`${program}.bin`, oracle)));
  const host = new SerialHost();
  const engine = new Engine({ memory, host, trace: QUIET, identity });
  const { S } = engine.cpu;
  S[SEG_CS + SEG_SELECTOR] = 0;
  S[SEG_CS + SEG_BASE_LO] = 0;
  S[RIP_LO] = ENTRY;
  engine.cpu.updateMode();
  for (let slice = 0; slice < 300 && engine.run(10_000) === 'budget'; slice++);
  const lines = host.text.split('\n').map((line) => line.trimEnd());
  const expected = readFileSync(new URL(`${program}${variant}.txt`, oracle), 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.filter((line) => line !== '')).toEqual(expected);
});
