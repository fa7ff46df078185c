/** PAM of the i440FX: RAM, RAM that ignores writes, or ROM between 0xc0000 and 1 MiB. */
import { describe, expect, it } from 'vitest';
import { I440fx } from '../../src/emu/chipset/i440fx.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';

const RAM_BYTES = 2 << 20;
const PAM0 = 0x59;
const READ = 1;
const WRITE = 2;

/** All segments: register, shift, first and last address. Spec: Intel 440FX PCIset datasheet, table 3-2. */
const SEGMENTS: readonly (readonly [register: number, shift: number, start: number, end: number])[] = [
  [0x59, 4, 0xf0000, 0x100000],
  ...[0, 1, 2, 3, 4, 5].flatMap((pair) =>
    [0, 1].map((half) => {
      const start = 0xc0000 + (2 * pair + half) * 0x4000;
      return [0x5a + pair, 4 * half, start, start + 0x4000] as const;
    }),
  ),
];

function rig() {
  const memory = pcMemory(RAM_BYTES);
  const i440fx = new I440fx(RAM_BYTES, memory);
  const set = (register: number, shift: number, attributes: number): void => {
    const others = i440fx.configRead(register, 1) & ~(0xf << shift);
    i440fx.configWrite(register, 1, others | (attributes << shift));
  };
  const view = (): readonly string[] =>
    memory.view.map(
      ({ gpa, end, readOnly, name }) =>
        `${gpa.toString(16)}-${(end - 1).toString(16)} ${readOnly ? 'rom' : 'ram'} ${name}`,
    );
  return { memory, i440fx, set, view };
}

function holds(memory: ReturnType<typeof pcMemory>, start: number, end: number, value: number): boolean {
  const bytes = new Uint8Array(end - start).fill(~value);
  expect(memory.read(start, bytes)).toBe(true);
  return bytes.every((byte) => byte === value);
}

describe('PAM', () => {
  it.each(SEGMENTS)('register %i, shift %i: 0x%i to 0x%i', (register, shift, start, end) => {
    const { memory, set } = rig();
    const fill = (value: number): void => void memory.fill(start, end - start, value);
    fill(0x11);
    expect(holds(memory, start, end, 0)).toBe(true);
    set(register, shift, READ);
    fill(0x22);
    expect(holds(memory, start, end, 0)).toBe(true);
    set(register, shift, READ | WRITE);
    fill(0x42);
    expect(holds(memory, start, end, 0x42)).toBe(true);
    // QEMU: what may be written can be read.
    set(register, shift, WRITE);
    fill(0x82);
    expect(holds(memory, start, end, 0x82)).toBe(true);
    set(register, shift, READ);
    fill(0x33);
    expect(holds(memory, start, end, 0x82)).toBe(true);
    set(register, shift, 0);
    expect(holds(memory, start, end, 0)).toBe(true);
    set(register, shift, READ);
    expect(holds(memory, start, end, 0x82)).toBe(true);
  });

  it('shows what `info mtree -f` of QEMU shows with the same registers', () => {
    const { set, i440fx, view } = rig();
    const rest = '100000-1fffff ram ram-below-4g';
    expect(view()).toEqual([
      '0-9ffff ram ram-640k',
      'c0000-dffff rom pc.rom',
      'e0000-fffff rom pc.bios',
      rest,
    ]);
    i440fx.configWrite(PAM0, 1, 0x10);
    i440fx.configWrite(PAM0 + 1, 1, 0x21);
    i440fx.configWrite(PAM0 + 2, 1, 0x03);
    const some = [
      '0-9ffff ram ram-640k',
      'c0000-c3fff rom ram-below-4g',
      'c4000-cbfff ram ram-below-4g',
      'cc000-dffff rom pc.rom',
      'e0000-effff rom pc.bios',
      'f0000-fffff rom ram-below-4g',
      rest,
    ];
    expect(view()).toEqual(some);
    // A snapshot brings the view with the registers.
    const saved = i440fx.save();
    set(PAM0, 4, READ | WRITE);
    expect(view()).not.toEqual(some);
    i440fx.restore(saved);
    expect(view()).toEqual(some);
    // QEMU: a reset leaves them.
    i440fx.reset();
    expect(view()).toEqual(some);
    i440fx.configWrite(PAM0 - 1, 4, 0x33333300);
    i440fx.configWrite(PAM0 + 3, 4, 0x33333333);
    expect(view()).toEqual(['0-9ffff ram ram-640k', 'c0000-1fffff ram ram-below-4g']);
  });

  it('makes those forget their places who keep them, and only when something changes', () => {
    const { memory, set } = rig();
    let forgotten = 0;
    memory.listen({ chunkMapped() {}, unmapped: () => forgotten++ });
    set(PAM0, 4, READ);
    expect(forgotten).toBe(1);
    set(PAM0, 4, READ);
    set(PAM0, 0, READ);
    expect(forgotten).toBe(1);
    set(PAM0, 4, 0);
    expect(forgotten).toBe(2);
  });

  it('hides memory from nobody who has the region', () => {
    const { memory, set } = rig();
    set(PAM0, 4, WRITE);
    memory.writeU32(0xf1234, 0x12345678);
    set(PAM0, 4, 0);
    const region = memory.regions.find(({ gpa }) => gpa === 0xc0000);
    const bytes = new Uint8Array(4);
    if (region !== undefined) memory.peek(region, 0x31234, bytes);
    expect([...bytes]).toEqual([0x78, 0x56, 0x34, 0x12]);
  });
});
