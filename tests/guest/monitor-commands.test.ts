/** Only this level shows that what a monitor sends reaches Linux's drivers, and that page tables are read as Linux makes them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { BOOT_SECONDS } from '../support/prompt.ts';

let guest: HeadlessGuest;
beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt({ images: memoryImages() });
}, BOOT_SECONDS * 1000);
afterAll(() => guest?.end());

it('keys, the mouse and NMIs arrive', async () => {
  const count = async (irq: string): Promise<number> =>
    Number(await guest.ask(`awk '/${irq}/ { print $2 }' /proc/interrupts | head -1`));
  const [keys, nmis] = [await count('1-edge'), await count('NMI:')];
  await guest.hmp('sendkey a');
  await guest.hmp('sendkey ctrl-b');
  expect(await guest.hmp('nmi')).toBe('');
  await guest.ask('sleep 1');
  // A key makes an interrupt when it goes down, and one when it is let go.
  expect((await count('1-edge')) - keys).toBe(6);
  expect((await count('NMI:')) - nmis).toBe(1);
  expect(await guest.ask('dmesg | grep -c "NMI received for unknown reason"')).toMatch(/^1\b/);
});

it('shows the processor as QEMU shows it with the same kernel', async () => {
  await guest.hmp('stop');
  const tlb = (await guest.hmp('info tlb')).trimEnd().split('\n');
  expect(tlb.length).toBeGreaterThan(10_000);
  expect(
    tlb.filter((line) => !/^[0-9a-f]{16}: [0-9a-f]{16} [X-][G-][P-][D-][A-][C-][T-][U-][W-]$/.test(line)),
  ).toEqual([]);
  const mem = (await guest.hmp('info mem')).trimEnd().split('\n');
  expect(mem.filter((line) => !/^[0-9a-f]{16}-[0-9a-f]{16} [0-9a-f]{16} [u-]r[w-]$/.test(line))).toEqual([]);
  // The kernel's code is where its first instruction was loaded, at 16 MiB, also when it is asked by its linear address.
  const code = await guest.hmp('x/4xg 0xffffffff81000000');
  expect(code.replaceAll('ffffffff8', '000000000')).toBe(await guest.hmp('xp/4xg 0x1000000'));
  expect(await guest.hmp('gva2gpa 0xffffffff81000000')).toBe('gpa: 0x1000000\n');
  expect(await guest.hmp('p $cs.limit')).toBe('0xffffffffffffffff\n');
  const lapic = await guest.hmp('info lapic');
  expect(lapic).toContain('LVT0\t 0x00010700 active-hi edge  masked                      ExtINT (vec 0)\n');
  expect(lapic).toContain('LVT1\t 0x00000400 active-hi edge                              NMI   \n');
  expect(lapic).toContain('SPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255\n');
  expect(lapic).toMatch(/\nAPR 0x00 TPR 0x10 DFR 0x0f LDR 0x01 PPR 0x10\n$/);
  const pic = await guest.hmp('info pic');
  expect(pic).toMatch(
    / {2}pin 4 {2}0x0100000000000\d{3} dest=1 vec=\d+ {2}active-hi edge {9}fixed {2}(logical|physical)\n/,
  );
  expect(pic).toMatch(
    / {2}pin 9 {2}0x01000000000\d{5} dest=1 vec=\d+ {2}active-hi level {8}fixed {2}(logical|physical)\n/,
  );
  expect(await guest.hmp('info irq')).toMatch(
    /^IRQ statistics for ioapic:\n 0: \d+\n 1: \d+\n[\s\S]*IRQ statistics for isa-i8259:\n 0: \d+\n/,
  );
});
