/** Boots of kernels that Debian's archive has, and what QEMU shows of the machine in them. */
import { expect, type TestContext } from 'vitest';
import { debianKernel, i386Initrd } from './debian-kernels.ts';
import { HeadlessGuest, memoryImages } from './headless-guest.ts';
import { awaitPrompt } from './prompt.ts';

/** What `get` gives; where Debian's archive cannot be reached the test is skipped, and says why. */
export function fetched<T>(context: TestContext, get: () => T): T {
  try {
    return get();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return context.skip(reason);
  }
}

/** QEMU: `lspci -nn` of `-machine pc -nodefaults` in the same guest. */
export const PCI_FUNCTIONS = [
  '00:00.0 Host bridge [0600]: Intel Corporation 440FX - 82441FX PMC [Natoma] [8086:1237] (rev 02)',
  '00:01.0 ISA bridge [0601]: Intel Corporation 82371SB PIIX3 ISA [Natoma/Triton II] [8086:7000]',
  '00:01.1 IDE interface [0101]: Intel Corporation 82371SB PIIX3 IDE [Natoma/Triton II] [8086:7010]',
  '00:01.3 Bridge [0680]: Intel Corporation 82371AB/EB/MB PIIX4 ACPI [8086:7113] (rev 03)',
];

/** A 32-bit kernel at its shell. */
export async function bootI386(context: TestContext, metapackage: string): Promise<HeadlessGuest> {
  const kernel = fetched(context, () => debianKernel(metapackage, 'i386'));
  const initrd = fetched(context, () => i386Initrd());
  const guest = new HeadlessGuest({ images: memoryImages(), config: { kernel, initrd } });
  guest.machine.cont();
  await awaitPrompt(guest);
  expect(await guest.ask('uname -m')).toBe('i686');
  expect((await guest.ask('lspci -nn')).split('\n')).toEqual(PCI_FUNCTIONS);
  return guest;
}
