/** What is said of a display to somebody who follows a lesson. */
import type { CommandLine } from './options.ts';

/** What a lesson's program said when it was told of no display, and what is here in its place; undefined: nothing. */
export function displayNote({ dialect, namesDisplay }: CommandLine): string | undefined {
  const { display } = dialect.start;
  if (display === undefined || namesDisplay) return undefined;
  return (
    `QEMU ${dialect.version} said here: ${display}\n` +
    "Hotslot has no VNC server: the guest's console is its first serial port"
  );
}
