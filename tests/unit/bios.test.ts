/** `-bios`: a firmware in ROM, at the end of the first 4 GiB and of the first MiB, in which the processor starts. */
import { describe, expect, it } from 'vitest';
import { Machine } from '../../src/emu/machine/machine.ts';
import { isBiosSize, pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { bytesAt } from '../support/memory.ts';

const KIB = 1024;
const FOUR_GIB = 2 ** 32;
const MARK = 0x200;

/**
 * Says O from ROM, copies its second part to 0x600 and goes on there: opens 0xf0000–0xfffff as RAM and writes K to 0xf0200, makes it
 * read-only, writes X there, and says what it finds; shows the ROM again, and says what is there then.
 */
const CODE = Buffer.from(
  'baf803b04fee8cc88ed831c08ec0be1e00bf0006b93a00f3a4ea00060000b330e81b00c60600024bb310e81100c606000258' +
    'e81b00b300e80400e81300f466b858000080baf80c66efbafd0c88d8eec3baf803a00002eec3',
  'hex',
);
/** jmp f000:0000 */
const RESET_VECTOR = [0xea, 0x00, 0x00, 0x00, 0xf0];

function firmware(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 4 * KIB) bytes.fill(at >> 12, at, at + 4 * KIB);
  const segment = size - 64 * KIB;
  bytes.set(CODE, segment);
  bytes[segment + MARK] = 'R'.charCodeAt(0);
  bytes.set(RESET_VECTOR, size - 16);
  return bytes;
}

function machineWith(bios: Uint8Array) {
  const machine = new Machine(
    { memoryBytes: 4 << 20, bios, icountShift: 3 },
    {
      monotonicNs: () => performance.now() * 1e6,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
    },
  );
  let said = '';
  machine.onSerial = (bytes) => {
    said += String.fromCharCode(...bytes);
  };
  const played = (): string => {
    said = '';
    machine.cont();
    for (let slice = 0; slice < 20; slice++) machine.run(1);
    return said;
  };
  return { machine, played };
}

describe('a firmware in ROM', () => {
  it('starts at the reset vector, and shadows itself as PAM says', async () => {
    const { machine, played } = machineWith(firmware(128 * KIB));
    expect(played()).toBe('OKR');
    // A reset leaves PAM as it is, here at ROM.
    machine.reset();
    expect(played()).toBe('OKR');
    await machine.close();
  });

  it.each([64, 128, 256, 1024])('of %i KiB is below 4 GiB, its end below 1 MiB too', async (kib) => {
    const bios = firmware(kib * KIB);
    const { machine } = machineWith(bios);
    const { memory } = machine;
    expect(Buffer.compare(bytesAt(memory, FOUR_GIB - bios.length, bios.length), bios)).toBe(0);
    const below = Math.min(bios.length, 128 * KIB);
    expect(Buffer.compare(bytesAt(memory, 0x100000 - below, below), bios.subarray(-below))).toBe(0);
    memory.fill(0x100000 - below, below, 0x55);
    memory.fill(FOUR_GIB - bios.length, bios.length, 0x55);
    expect(Buffer.compare(bytesAt(memory, 0x100000 - below, below), bios.subarray(-below))).toBe(0);
    expect(Buffer.compare(bytesAt(memory, FOUR_GIB - bios.length, bios.length), bios)).toBe(0);
    await machine.close();
  });

  it('that is smaller than 128 KiB leaves the RAM before it to be seen, as in QEMU', async () => {
    const { machine } = machineWith(firmware(64 * KIB));
    const view = machine.memory.view.map(
      ({ name, gpa, readOnly }) => `${gpa.toString(16)} ${name} ${readOnly}`,
    );
    expect(view).toEqual([
      '0 ram-640k false',
      'c0000 pc.rom true',
      'e0000 ram-below-4g false',
      'f0000 pc.bios true',
      '100000 ram-below-4g false',
      'ffff0000 pc.bios true',
    ]);
    await machine.close();
  });

  it('has whole units of 64 KiB, up to 8 MiB', () => {
    expect([0, 1000, 64 * KIB, 96 * KIB, 8192 * KIB, 8256 * KIB].map(isBiosSize)).toEqual([
      ...[false, false, true],
      ...[false, true, false],
    ]);
    expect(pcMemory(4 << 20).regions.some(({ name }) => name === 'pc.bios')).toBe(false);
  });
});
