/** -msg timestamp=on: the time before each message of the program. */
const US_PER_MS = 1000;
const US_DIGITS = 6;

/** The host's time as QEMU writes it: UTC, with microseconds. */
function now(): string {
  const ms = performance.timeOrigin + performance.now();
  const us = Math.floor((ms % US_PER_MS) * US_PER_MS);
  return new Date(ms).toISOString().replace(/\d+Z$/, `${String(us).padStart(US_DIGITS, '0')}Z`);
}

/** `print` with the time before each message. */
export function stamped(print: (text: string) => void): (text: string) => void {
  return (text) => print(`${now()} ${text}`);
}
