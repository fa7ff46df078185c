/** Only a whole Linux shows whether three-level paging without long mode works. */
import { expect, it } from 'vitest';
import { CR4, CR4_PAE } from '../../src/emu/cpu/state.ts';
import { bootI386 } from '../support/debian-boots.ts';

it('linux-image-686-pae to a prompt, with three-level paging', { timeout: 600_000 }, async (context) => {
  const guest = await bootI386(context, 'linux-image-686-pae');
  expect(guest.machine.engine.cpu.S[CR4] & CR4_PAE).toBe(CR4_PAE);
  await guest.end();
});
