/** Only this level catches a reset or power-off that a real kernel asks for and does not get. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { awaitPrompt, BOOT_SECONDS } from '../support/prompt.ts';

const MINUTES = 60_000;
const GIB = 2 ** 30;

describe('Linux resets the machine', () => {
  it.each(['kbd', 'triple', 'pci', 'acpi'])(
    'by %s, and a fresh kernel starts',
    async (type) => {
      const guest = await HeadlessGuest.atPrompt({ images: memoryImages() });
      expect(await guest.ask(`echo ${type} > /sys/kernel/reboot/type; cat /sys/kernel/reboot/type`)).toBe(
        type,
      );
      await guest.run('touch /root/before');
      guest.takeEvents();
      guest.forget();
      guest.type('reboot -f\n');
      const { data } = await guest.event('RESET');
      expect(data).toEqual({ guest: true, reason: 'guest-reset' });
      await guest.until('Linux version', BOOT_SECONDS);
      expect(guest.machine.runState).toBe('running');
      // What follows the first instruction is the same for all four.
      if (type === 'acpi') {
        await awaitPrompt(guest);
        expect(await guest.ask('ls /root; cut -d. -f1 /proc/uptime')).toMatch(/^\d{1,2}$/);
      }
      await guest.end();
    },
    10 * MINUTES,
  );
});

describe('Linux with 8 GiB', () => {
  let guest: HeadlessGuest;

  beforeAll(async () => {
    const config = { memoryBytes: 8 * GIB, dimms: { slots: 4, maxBytes: 16 * GIB } };
    guest = new HeadlessGuest({ images: memoryImages(), config });
    guest.machine.cont();
    await awaitPrompt(guest);
  }, 10 * MINUTES);
  afterAll(() => guest.end());

  it(
    'has them; the host holds what was touched; and it has places for four DIMMs',
    async () => {
      const [total = '', places] = (
        await guest.ask(
          'grep -o "[0-9]*" /proc/meminfo | head -n 1; ls /sys/bus/acpi/devices | grep -c PNP0C80',
        )
      ).split('\n');
      expect(Number(total) * 1024).toBeGreaterThan(7.5e9);
      expect(places).toBe('4');
      // Linux describes each page, 128 MiB in all; a guest of 256 MiB has used some 150 MiB here.
      expect(guest.machine.memory.arena.used).toBeLessThan(GIB / 2);
    },
    MINUTES,
  );

  it(
    'ends in run state shutdown when the monitor presses the power button',
    async () => {
      // Guest: the button's driver comes a while after the prompt, and then who listens to it.
      await guest.run(
        'until ls -l /proc/$(pidof acpid)/fd 2> /dev/null | grep -q /dev/input/event; do sleep 0.1; done',
      );
      guest.takeEvents();
      guest.forget();
      expect(await guest.hmp('system_powerdown')).toBe('');
      const { data } = await guest.event('SHUTDOWN');
      expect(data).toEqual({ guest: true, reason: 'guest-shutdown' });
      expect(guest.machine.runState).toBe('shutdown');
      expect(guest.log).toContain('reboot: Power down');
    },
    5 * MINUTES,
  );
});
