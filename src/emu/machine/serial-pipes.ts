/** The other ends of the board's serial ports. */
import { CharPipe } from '../char/char-backend.ts';
import type { Chardevs } from '../char/chardevs.ts';

/**
 * One for each of COM1 to COM4 that the board has.
 * @param there which it has
 * @param named where they are listed; undefined: the host lists them
 */
export function serialPipes(
  there: readonly boolean[],
  named: Chardevs | undefined,
  send: (bytes: Uint8Array, port: number) => void,
): readonly (CharPipe | undefined)[] {
  return there.map((isThere, index) => {
    if (!isThere) return undefined;
    const pipe = new CharPipe((bytes) => send(bytes, index));
    // QEMU: a terminal that is part of the display is `vc`. What is at its other end is the host's: no device can have it.
    named?.provide(`serial${index}`, {
      driver: 'vc',
      backend: null,
      filename: () => 'vc',
      sendBreak: () => pipe.sendEvent('break'),
    });
    return pipe;
  });
}
