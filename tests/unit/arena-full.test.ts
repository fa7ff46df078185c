/** A machine whose guest has more RAM than the host gives. */
import { expect, it } from 'vitest';
import { Machine } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 2 ** 20;
const HOST_LIMIT = 64 * MIB;
/** mov edi, 200000h; again: mov [edi], edi; add edi, 100000h; jmp again */
const WRITE_ALL = tinyKernel([0xbf, 0, 0, 0x20, 0, 0x89, 0x3f, 0x81, 0xc7, 0, 0, 0x10, 0, 0xeb, 0xf6]);

it('says so at once, stops with one sentence when all is used, and is good after a reset', () => {
  const notices: string[] = [];
  let ns = 0;
  const machine = new Machine(
    { memoryBytes: 256 * MIB, kernel: WRITE_ALL },
    {
      monotonicNs: () => ns++,
      wallClockMs: () => 0,
      after() {},
      random() {},
      images: memoryImages(),
      notice: (text) => notices.push(text),
      makeBuffer: (bytes) => {
        if (bytes > HOST_LIMIT) throw new RangeError('Array buffer allocation failed');
        return new ArrayBuffer(bytes);
      },
    },
  );
  const { arena } = machine.memory;
  const can = arena.capacity / MIB;
  expect(can).toBeLessThan(64);
  expect(notices.splice(0)).toEqual([
    `The guest has 256 MiB of memory, but the host gives ${can} MiB: the machine stops when the guest has used more.`,
  ]);
  const fillUp = (): void => {
    machine.cont();
    for (let slice = 0; slice < 100 && machine.runState === 'running'; slice++) machine.run(1);
  };
  fillUp();
  const sentence = `The guest has used all of the ${can} MiB of memory that the host has for it, and cannot go on.`;
  expect([machine.runState, machine.internalError?.message]).toEqual(['internal-error', sentence]);
  expect(notices.splice(0)).toEqual([sentence]);
  expect(arena.used).toBe(arena.capacity);
  expect(machine.memory.readU32(2 * MIB)).toBe(2 * MIB);
  machine.reset();
  expect([machine.runState, arena.used]).toEqual(['prelaunch', 0]);
  fillUp();
  expect(notices).toEqual([sentence]);
});
