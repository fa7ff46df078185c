/** What the page is told of the guest's memory. */
import { afterEach, expect, it, vi } from 'vitest';
import { NO_SNAPSHOTS } from '../../src/emu/core/snapshot-store.ts';
import { isOutOfMemory, readCommandLine } from '../../src/emu/index.ts';
import { NO_NET_HOST } from '../../src/emu/net/net-host.ts';
import { makeMachine } from '../../src/workers/make-machine.ts';
import { outOfMemory } from '../../src/workers/notices.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 2 ** 20;
const BROWSER_GIVES = 64 * MIB;
/** mov edi, 200000h; again: mov [edi], edi; add edi, 100000h; jmp again */
const WRITE_ALL = tinyKernel([0xbf, 0, 0, 0x20, 0, 0x89, 0x3f, 0x81, 0xc7, 0, 0, 0x10, 0, 0xeb, 0xf6]);

afterEach(() => vi.unstubAllGlobals());

it('is told that the browser gave less than the guest has, and no fault of ours when that is used up', async () => {
  const Real = ArrayBuffer;
  vi.stubGlobal(
    'ArrayBuffer',
    class extends Real {
      constructor(bytes: number) {
        if (bytes > BROWSER_GIVES) throw new RangeError('Array buffer allocation failed');
        super(bytes);
      }
    },
  );
  const notices: string[] = [];
  const commandLine = readCommandLine(['-m', '8192'], () => {});
  if ('text' in commandLine) throw new Error('no machine');
  const machine = await makeMachine(
    commandLine,
    {
      memoryBytes: 256 * MIB,
      kernel: WRITE_ALL,
      initrd: new Uint8Array(0),
      append: '',
      serialPorts: [true],
    },
    {
      images: memoryImages(),
      network: NO_NET_HOST,
      snapshots: NO_SNAPSHOTS,
      onWake() {},
      isFull: () => false,
      onSerialOutput() {},
      onOutput() {},
      onQmpEvent() {},
      onEvent() {},
      onDrivesChange() {},
      onHardwareChange() {},
      onTerminalSizeAsked() {},
      onMemoryNotice: (text) => notices.push(text),
      onPowerOff() {},
    },
  );
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(/^The guest has 8192 MiB of memory, but the host gives \d\d MiB: /);
  const held = machine.heldMemoryBytes;
  machine.start();
  for (let slice = 0; slice < 100 && machine.runState === 'running'; slice++) machine.run(1);
  const error = machine.internalError;
  if (error === undefined) throw new Error('it goes on');
  expect([machine.runState, isOutOfMemory(error), isOutOfMemory(new Error('x'))]).toEqual([
    'internal-error',
    true,
    false,
  ]);
  expect(notices).toHaveLength(1);
  // What the host gives is used up, but for a part of a chunk.
  expect(machine.heldMemoryBytes).toBeGreaterThan(held);
  expect(machine.heldMemoryBytes).toBeGreaterThan(BROWSER_GIVES / 2);
  machine.reset();
  expect(machine.heldMemoryBytes).toBe(0);
  expect(outOfMemory(error).text).toMatch(/^The guest has used all of the \d\d MiB of memory/);
  expect(outOfMemory(error).report).toBeUndefined();
});
