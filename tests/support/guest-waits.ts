/** Waiting in the guest's shell. A program that sleeps would be started each time: two million instructions, many times in each file of tests. */

/** What a test types first: no echo, long lines, a quiet kernel, and a descriptor from which nothing ever comes. */
export const SHELL_SETUP =
  'stty -echo cols 200; echo 1 > /proc/sys/kernel/printk; mkfifo /tmp/pause; exec 9<> /tmp/pause; rm /tmp/pause';

/** Shell text that lets so much time pass. */
export function pause(seconds: number): string {
  return `read -r -t ${seconds} -u 9`;
}

/** Shell text that lets time pass until `condition` holds. */
export function waitFor(condition: string, seconds = 0.1): string {
  return `until ${condition}; do ${pause(seconds)}; done`;
}
