/** Only this level catches 16- and 32-bit code that does something else than on QEMU: the instruction vectors are all 64-bit. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Engine } from '../../src/emu/cpu/engine.ts';
import { RIP_LO, SEG_BASE_LO, SEG_CS, SEG_SELECTOR } from '../../src/emu/cpu/state.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { RecordingHost } from '../support/vcpu-rig.ts';

const LOAD_ADDRESS = 0x7c00;
const ENTRY = 0x7c40;
const SERIAL = 0x3f8;
const SLICES_MAX = 1000;
const FOLDER = new URL('../oracle/legacy/', import.meta.url);

class SerialHost extends RecordingHost {
  text = '';
  override answer = 0xff;

  override ioWrite(port: number, _size: number, value: number): void {
    if (port === SERIAL) this.text += String.fromCharCode(value);
  }
}

function unpack(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(name, FOLDER)));
}

/** Runs the boot sector and what follows it, past the part that reads the disk. */
function run(image: Uint8Array): string[] {
  const memory = pcMemory(1 << 20);
  memory.write(LOAD_ADDRESS, image);
  const host = new SerialHost();
  const engine = new Engine({ memory, host, trace: QUIET });
  const { S } = engine.cpu;
  S[SEG_CS + SEG_SELECTOR] = 0;
  S[SEG_CS + SEG_BASE_LO] = 0;
  S[RIP_LO] = ENTRY;
  engine.cpu.updateMode();
  for (let slice = 0; slice < SLICES_MAX && engine.run(10_000) === 'budget'; slice++);
  return host.text.split('\n');
}

it.each(['real16', 'protected16', 'protected32', 'flat32'])('%s: as recorded from QEMU 7.2', (program) => {
  const expected = unpack(`${program}.txt.gz`).toString().split('\n');
  const got = run(unpack(`${program}.bin.gz`));
  const wrong = expected.flatMap((line, i) => (got[i] === line ? [] : [line, got[i] ?? '(nothing)']));
  expect(wrong).toEqual([]);
});
