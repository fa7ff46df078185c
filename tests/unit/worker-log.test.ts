/** The page's machine and its log: lines are in the monitor's pane, and there are no files. */
import { expect, it } from 'vitest';
import { NO_SNAPSHOTS } from '../../src/emu/core/snapshot-store.ts';
import { readCommandLine } from '../../src/emu/index.ts';
import { NO_NET_HOST } from '../../src/emu/net/net-host.ts';
import { makeMachine } from '../../src/workers/make-machine.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';

const MIB = 2 ** 20;
/** cli; hlt; jmp to the hlt */
const ASLEEP = tinyKernel([0xfa, 0xf4, 0xeb, 0xfd]);

async function page(...args: readonly string[]) {
  const commandLine = readCommandLine(['-m', '4', ...args], () => {});
  if ('text' in commandLine) throw new Error('no machine');
  const output: string[] = [];
  const guest = { memoryBytes: 4 * MIB, kernel: ASLEEP, initrd: new Uint8Array(0), append: '' };
  const machine = await makeMachine(
    commandLine,
    { ...guest, serialPorts: [true] },
    {
      images: memoryImages(),
      network: NO_NET_HOST,
      snapshots: NO_SNAPSHOTS,
      onWake() {},
      isFull: () => false,
      onSerialOutput() {},
      onOutput: (from, text) => void (from === 'monitor' && output.push(text)),
      onQmpEvent() {},
      onEvent() {},
      onDrivesChange() {},
      onHardwareChange() {},
      onTerminalSizeAsked() {},
      onMemoryNotice() {},
      onPowerOff() {},
    },
  );
  return { machine, output };
}

it('shows events of the command line, and of the monitor, as they are', async () => {
  const { machine, output } = await page('-trace', 'port92_w*');
  output.length = 0;
  await machine.hmp('o /b 0x92 2');
  expect(output).toEqual(['port92_write port92: write 0x02\r\n']);
  await machine.hmp('trace-event * off');
  await machine.hmp('trace-event port92_read on');
  await machine.hmp('o /b 0x92 0');
  await machine.hmp('i /b 0x92');
  expect(output.slice(1)).toEqual(['port92_read port92: read 0x00\r\n']);
  await machine.close();
});

it.each([
  [['-trace', 'file=x'], 'hotslot-system-x86_64: Error opening logfile x: Operation not supported'],
  [['-trace', 'events=x'], 'hotslot-system-x86_64:x: Operation not supported'],
])('%j is refused', async (args, message) => {
  await expect(page(...args)).rejects.toThrow(message);
});
