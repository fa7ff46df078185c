/** Which device gets an access, and which accesses reach none. QEMU: the answers of its chips to a guest, read by a boot sector. */
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { byteWide } from '../../src/emu/bus/byte-wide.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';

const SIZES: readonly AccessSize[] = [1, 2, 4];

/** Ports 0x20 and 0x21 of a byte-wide chip that says which of its registers was read. */
function rig(options: { unaligned?: boolean; maxSize?: AccessSize } = {}) {
  const space = new AddressSpace('I/O');
  const written: string[] = [];
  const chip = byteWide(
    {
      readByte: (at) => 0xb0 + at,
      writeByte: (at, value) => written.push(`${at}=${value.toString(16)}`),
    },
    options,
  );
  space.map(0x20, 2, options.maxSize === undefined ? chip : { ...chip, maxSize: options.maxSize });
  return { space, written };
}

describe('an access of the guest', () => {
  it('goes to the device that has its first byte, whole', () => {
    const { space, written } = rig();
    expect(SIZES.map((size) => space.read(0x20, size))).toEqual([0xb0, 0xb1b0, 0xb3b2b1b0]);
    space.write(0x20, 4, 0x44332211);
    expect(written).toEqual(['0=11', '1=22', '2=33', '3=44']);
  });

  it('that is not at a multiple of its size reaches nothing', () => {
    const { space, written } = rig();
    expect(SIZES.map((size) => space.read(0x21, size))).toEqual([0xb1, 0, 0]);
    space.write(0x21, 2, 0x2211);
    expect(written).toEqual([]);
  });

  it('that is not at a multiple of its size reaches a device that takes it', () => {
    const { space } = rig({ unaligned: true });
    expect(SIZES.map((size) => space.read(0x21, size))).toEqual([0xb1, 0xb2b1, 0xb4b3b2b1]);
  });

  it('that is larger than the device takes reaches nothing', () => {
    const { space, written } = rig({ maxSize: 2 });
    expect(SIZES.map((size) => space.read(0x20, size))).toEqual([0xb0, 0xb1b0, 0]);
    space.write(0x20, 4, 0x44332211);
    expect(written).toEqual([]);
  });

  it('to nothing reads ones, and zeros when it is not at a multiple of its size', () => {
    const { space } = rig();
    expect([0x30, 0x31, 0x32].map((port) => SIZES.map((size) => space.read(port, size)))).toEqual([
      [0xff, 0xffff, 0xffffffff],
      [0xff, 0, 0],
      [0xff, 0xffff, 0],
    ]);
  });
});

describe('an access of a monitor', () => {
  it('is made in pieces that are at multiples of their sizes', () => {
    const { space, written } = rig();
    expect(SIZES.map((size) => space.readAnywhere(0x21, size))).toEqual([0xb1, 0xffb1, 0xffffffb1]);
    expect(space.readAnywhere(0x1f, 4)).toBe(0xffb1b0ff);
    space.writeAnywhere(0x1f, 4, 0x44332211);
    expect(written).toEqual(['0=22', '1=33']);
  });

  it('is made in pieces that the device takes', () => {
    const { space } = rig({ maxSize: 1 });
    expect(space.readAnywhere(0x20, 4)).toBe(0xffffb1b0);
  });
});

describe('regions at one address', () => {
  const constant = (value: number) => ({ read: () => value, write() {} });

  it('of one priority: the one that was enabled last answers, as two BARs do on QEMU', () => {
    const space = new AddressSpace('memory');
    const first = space.map(0x100, 0x10, constant(1));
    space.map(0x100, 0x10, constant(2));
    expect(space.read(0x104, 1)).toBe(2);
    first.enable(false);
    first.enable(true);
    expect(space.read(0x104, 1)).toBe(1);
  });

  it('of different priority: the higher one answers, and the lower one beside it', () => {
    const space = new AddressSpace('memory');
    space.map(0x100, 0x100, constant(1), { priority: -1 });
    space.map(0x140, 0x10, constant(2));
    expect([0x13f, 0x140, 0x14f, 0x150].map((at) => space.read(at, 1))).toEqual([1, 2, 2, 1]);
  });

  it('behind windows: what is cut off is not there, and what moves is seen at its new place', () => {
    const [outer, inner, far] = ['outer', 'inner', 'far'].map((name) => new AddressSpace(name));
    if (outer === undefined || inner === undefined || far === undefined) throw new Error('no space');
    const region = far.map(0x100, 0x100, constant(1));
    inner.window(0x180, 0x100, far);
    const window = outer.window(0x100, 0x100, inner);
    const seen = (): number[] => [0x17f, 0x180, 0x1ff, 0x200].map((at) => outer.read(at, 1));
    expect(seen()).toEqual([0xff, 1, 1, 0xff]);
    region.move(0x1f0);
    expect(seen()).toEqual([0xff, 0xff, 1, 0xff]);
    window.remove();
    expect(seen()).toEqual([0xff, 0xff, 0xff, 0xff]);
    expect(inner.read(0x200, 1)).toBe(1);
  });
});
