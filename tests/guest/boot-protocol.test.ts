/** Only this level catches what Debian's own bzImages need: their decompressors, 32-bit kernels, two-level paging. */
import { afterEach, describe, expect, it } from 'vitest';
import { CR4, CR4_PAE, EFER, EFER_LMA } from '../../src/emu/cpu/state.ts';
import { bootI386, fetched, PCI_FUNCTIONS } from '../support/debian-boots.ts';
import { debianKernel } from '../support/debian-kernels.ts';
import { guestFiles, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { awaitPrompt, BOOT_SECONDS } from '../support/prompt.ts';

const MINUTES = 60_000;
const XLOADFLAGS = 0x236;
const XLF_KERNEL_64 = 1;

const FIRMWARE_TABLES = [
  'SMBIOS 2.8 present.',
  'DMI: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014',
  'found SMP MP-table at [mem 0x000f5ba0-0x000f5baf]',
  'ACPI: RSDP 0x00000000000F59D0 000014 (v00 BOCHS )',
];

describe("Debian's bzImages", () => {
  let guest: HeadlessGuest | undefined;
  afterEach(async () => {
    await guest?.end();
    guest = undefined;
  });

  async function boot(kernel: Uint8Array, initrd: Uint8Array): Promise<HeadlessGuest> {
    guest = new HeadlessGuest({ images: memoryImages(), config: { kernel, initrd } });
    guest.machine.cont();
    await awaitPrompt(guest);
    return guest;
  }

  it(
    'amd64 by its 64-bit entry: through the decompressor to a prompt, on the machine that QEMU shows',
    async (context) => {
      const kernel = fetched(context, () => debianKernel('linux-image-amd64', 'amd64'));
      const running = await boot(kernel, guestFiles().initrd);
      expect(await running.ask('uname -m')).toBe('x86_64');
      expect((await running.ask('lspci -nn')).split('\n')).toEqual(PCI_FUNCTIONS);
      const messages = await running.ask('dmesg --color=never --notime');
      for (const line of FIRMWARE_TABLES) expect(messages).toContain(line);
    },
    10 * MINUTES,
  );

  it(
    'amd64 by its 32-bit entry: the decompressor switches to long mode by itself',
    async (context) => {
      const kernel = fetched(context, () => debianKernel('linux-image-amd64', 'amd64'));
      kernel[XLOADFLAGS] &= ~XLF_KERNEL_64;
      guest = new HeadlessGuest({ images: memoryImages(), config: { kernel, initrd: guestFiles().initrd } });
      const { cpu } = guest.machine.engine;
      expect(cpu.S[EFER] & EFER_LMA).toBe(0);
      guest.machine.cont();
      await guest.poll(
        () => (cpu.S[EFER] & EFER_LMA) !== 0,
        BOOT_SECONDS,
        () => 'long mode',
      );
    },
    10 * MINUTES,
  );

  it(
    'linux-image-686 to a prompt, with two-level paging',
    async (context) => {
      const running = await bootI386(context, 'linux-image-686');
      guest = running;
      expect(running.machine.engine.cpu.S[CR4] & CR4_PAE).toBe(0);
    },
    10 * MINUTES,
  );
});
