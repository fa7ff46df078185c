import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../../src/emu/bus/address-space.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { I8042 } from '../../src/emu/input/i8042.ts';
import { fuzz, ProbeLine } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';

function rig() {
  const kbdIrq = new ProbeLine();
  const mouseIrq = new ProbeLine();
  const a20 = new ProbeLine();
  let resets = 0;
  const wiring = { keyboardIrq: kbdIrq, mouseIrq, a20, reset: () => resets++ };
  const dev = new I8042(wiring, QUIET);
  const io = new AddressSpace('I/O');
  dev.attach(io);
  const status = () => io.read(0x64, 1);
  const data = () => io.read(0x60, 1);
  const all = () => {
    const bytes: number[] = [];
    while (status() & 1) bytes.push(data());
    return bytes;
  };
  const command = (value: number, ...bytes: number[]) => {
    io.write(0x64, 1, value);
    for (const byte of bytes) io.write(0x60, 1, byte);
    return all();
  };
  const keyboard = (value: number) => {
    io.write(0x60, 1, value);
    return all();
  };
  const mouse = (value: number) => command(0xd4, value);
  return {
    dev,
    io,
    kbdIrq,
    mouseIrq,
    a20,
    resets: () => resets,
    status,
    data,
    all,
    command,
    keyboard,
    mouse,
  };
}

deviceContract(
  'pckbd',
  () => Object.assign(rig().dev),
  (dev: I8042) => {
    const io = new AddressSpace('I/O');
    dev.attach(io);
    io.write(0x64, 1, 0xaa);
    io.read(0x60, 1);
    io.write(0x64, 1, 0x60);
    io.write(0x60, 1, 0x47);
    io.write(0x60, 1, 0xed);
    io.write(0x60, 1, 7);
    io.read(0x60, 1);
    io.write(0x64, 1, 0xd4);
    io.write(0x60, 1, 0xf4);
    io.read(0x60, 1);
    dev.mouse.move(5, 6, 1, 1);
    dev.keyboard.key('a', true);
    io.write(0x64, 1, 0xdd);
    io.write(0x64, 1, 0xd4);
  },
  (dev: I8042) => {
    const io = new AddressSpace('I/O');
    dev.attach(io);
    return Array.from({ length: 6 }, () => [io.read(0x64, 1), io.read(0x60, 1)]);
  },
);

describe('i8042', () => {
  it('answers controller commands as QEMU 7.2', () => {
    const { status, data, command } = rig();
    expect([status(), data()]).toEqual([0x18, 0]);
    expect(command(0x20)).toEqual([0x03]);
    expect(command(0xaa)).toEqual([0x55]);
    expect([status(), data()]).toEqual([0x1c, 0x55]);
    expect([command(0xab), command(0xa9), command(0xc0), command(0xd0)]).toEqual([[0], [0], [0x80], [0xcf]]);
    command(0xad);
    expect(command(0x20)).toEqual([0x13]);
    command(0xa7);
    expect(command(0x20)).toEqual([0x33]);
    command(0xae);
    command(0xa8);
    expect(command(0x20)).toEqual([0x03]);
    expect(command(0xd2, 0xa5)).toEqual([0xa5]);
    expect(command(0xe0)).toEqual([]);
  });
  it('marks bytes of the auxiliary device', () => {
    const { io, status, data, mouseIrq } = rig();
    io.write(0x64, 1, 0xd3);
    io.write(0x60, 1, 0x5a);
    expect([status(), mouseIrq.level, data(), status()]).toEqual([0x39, true, 0x5a, 0x18]);
    expect(mouseIrq.level).toBe(false);
  });
  it('gates A20 and pulses reset', () => {
    const { a20, resets, command } = rig();
    command(0xd1, 0xdd);
    expect(a20.level).toBe(false);
    command(0xdf);
    expect(a20.level).toBe(true);
    command(0xff);
    expect(resets()).toBe(0);
    command(0xfe);
    expect(resets()).toBe(1);
    command(0xd1, 0xde);
    expect(resets()).toBe(2);
  });
  it('keyboard commands as QEMU 7.2', () => {
    const { command, keyboard, dev } = rig();
    expect(keyboard(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect([keyboard(0xf0), keyboard(0)]).toEqual([[0xfa], [0xfa, 2]]);
    command(0x60, 0x47);
    expect(keyboard(0xf2)).toEqual([0xfa, 0xab, 0x41]);
    expect(keyboard(0xff)).toEqual([0xfa, 0xaa]);
    expect(keyboard(0xee)).toEqual([0xee]);
    expect([keyboard(0xed), keyboard(7), dev.keyboard.leds]).toEqual([[0xfa], [0xfa], 7]);
    expect([keyboard(0xf0), keyboard(0)]).toEqual([[0xfa], [0xfa, 0x41]]);
    expect([0xf4, 0xf5, 0xf6, 0xfa, 0x00].map(keyboard)).toEqual(Array(5).fill([0xfa]));
    expect([0x12, 0xfe, 0xf7, 0xfb, 0x33, 0x05].map(keyboard)).toEqual(Array(6).fill([0xfe]));
  });
  it('sends keys in the set in use, translated when asked', () => {
    const { all, command, keyboard, dev } = rig();
    const press = (key: string) => {
      expect(dev.keyboard.key(key, true)).toBe(true);
      dev.keyboard.key(key, false);
      return all();
    };
    expect(press('a')).toEqual([0x1c, 0xf0, 0x1c]);
    expect(press('up')).toEqual([0xe0, 0x75, 0xe0, 0xf0, 0x75]);
    command(0x60, 0x47);
    expect(press('a')).toEqual([0x1e, 0x9e]);
    expect(press('up')).toEqual([0xe0, 0x48, 0xe0, 0xc8]);
    expect(press('pause')).toEqual([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]);
    expect(press('print')).toEqual([0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa]);
    command(0x60, 0x07);
    keyboard(0xf0);
    keyboard(3);
    expect(press('ctrl')).toEqual([0x11, 0xf0, 0x11]);
    expect(dev.keyboard.key('no_such_key', true)).toBe(false);
    keyboard(0xf5);
    expect(press('b')).toEqual([]);
  });
  it('raises IRQ 1 for each byte, not while the interface is disabled', () => {
    const { all, command, dev, kbdIrq } = rig();
    command(0x60, 0x43);
    const before = kbdIrq.edges;
    dev.keyboard.key('up', true);
    expect([kbdIrq.level, all(), kbdIrq.edges - before, kbdIrq.level]).toEqual([
      true,
      [0xe0, 0x48],
      2,
      false,
    ]);
    command(0xad);
    dev.keyboard.key('a', true);
    expect([kbdIrq.level, all()]).toEqual([false, []]);
    expect(command(0xae)).toEqual([0x1e]);
  });
  it('puts the answer to a command before waiting keys', () => {
    const { io, all, command, dev } = rig();
    command(0x60, 0x43);
    command(0xad);
    dev.keyboard.key('a', true);
    io.write(0x60, 1, 0xf4);
    expect(all()).toEqual([0xfa, 0x1e]);
  });
  it('mouse commands as QEMU 7.2', () => {
    const { mouse } = rig();
    expect([mouse(0xf2), mouse(0xe9)]).toEqual([
      [0xfa, 0],
      [0xfa, 0, 0, 0],
    ]);
    expect(mouse(0xff)).toEqual([0xfa, 0xaa, 0]);
    expect(mouse(0xe9)).toEqual([0xfa, 0, 2, 100]);
    for (const rate of [200, 100, 80]) expect([mouse(0xf3), mouse(rate)]).toEqual([[0xfa], [0xfa]]);
    expect(mouse(0xf2)).toEqual([0xfa, 3]);
    for (const rate of [200, 200, 80]) mouse(0xf3) && mouse(rate);
    expect(mouse(0xf2)).toEqual([0xfa, 4]);
    expect(mouse(0xeb)).toEqual([0xfa, 8, 0, 0, 0]);
    expect([mouse(0xe8), mouse(3), mouse(0xe7), mouse(0xf4)]).toEqual(Array(4).fill([0xfa]));
    expect(mouse(0xe9)).toEqual([0xfa, 0x30, 3, 80]);
    expect([mouse(0xee), mouse(0x77), mouse(0xec)]).toEqual([[0xfa], [0x77], [0xfa]]);
    expect([mouse(0x01), mouse(0xec)]).toEqual([[], []]);
    expect([mouse(0xf6), mouse(0xf2)]).toEqual([[0xfa], [0xfa, 4]]);
  });
  it('reports movement in packets, split when it is large', () => {
    const { dev, all, mouse, mouseIrq } = rig();
    dev.mouse.move(1, 1, 0, 0);
    expect(all()).toEqual([]);
    mouse(0xf4);
    dev.mouse.move(200, -3, 0, 1);
    expect(mouseIrq.level).toBe(true);
    expect(all()).toEqual([0x29, 127, 0xfd, 0x09, 73, 0]);
    for (const rate of [200, 200, 80]) mouse(0xf3) && mouse(rate);
    dev.mouse.move(0, 0, -1, 0x18);
    expect(all()).toEqual([8, 0, 0, 0x3f]);
    mouse(0xf0);
    dev.mouse.move(4, 0, 0, 0);
    expect(all()).toEqual([]);
    expect(mouse(0xeb)).toEqual([0xfa, 8, 4, 0, 0]);
  });
  it('survives a hostile guest', () => {
    const { dev, io } = rig();
    const handler = {
      read: (at: number, size: 1 | 2 | 4) => io.read(at === 0 ? 0x60 : 0x64, size),
      write: (at: number, size: 1 | 2 | 4, value: number) => io.write(at === 0 ? 0x60 : 0x64, size, value),
    };
    fuzz(handler, 2, dev, (random) => {
      if (random(8) === 0) dev.mouse.move(random(600) - 300, random(600) - 300, random(40) - 20, random(32));
      if (random(8) === 0) dev.keyboard.key(['a', 'up', 'pause'][random(3)] ?? 'a', random(2) === 0);
    });
  });
});
