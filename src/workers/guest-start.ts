/** What a guest is started with, beside its files. */
import type { GuestManifest } from './guest-manifest.ts';
import type { GuestFiles } from './machine-types.ts';

/** A guest that asks for its terminal's size has a port to do so. */
export function consoleOf({
  append,
  terminalSize,
}: GuestManifest): Pick<GuestFiles, 'append' | 'serialPorts'> {
  if (terminalSize === undefined) return { append, serialPorts: [true] };
  return { append: `${append} ${terminalSize.append}`, serialPorts: [true, true] };
}

/** Entropy for the guest, in hexadecimal digits. */
export function seedLine(bytes: number): string {
  const seed = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(seed, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
