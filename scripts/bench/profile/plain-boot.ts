/** A cold boot for V8's own profiler. Bundled as it is shipped; prints JSON. */
import { readGuestImage } from '../guest-image.ts';
import { NodeGuest } from '../runners/node-guest.ts';

const { kernel, initrd, append, memoryBytes } = readGuestImage();
const before = process.cpuUsage();
const start = performance.now();
const guest = new NodeGuest({ kernel, initrd, append, memoryBytes });
await guest.runUntil(() => guest.output.includes('guest# '), 300_000);
const { user, system } = process.cpuUsage(before);
const figures = {
  wallSeconds: (performance.now() - start) / 1000,
  cpuSeconds: (user + system) / 1e6,
  instructions: guest.machine.retiredInstructions,
  rssMiB: process.memoryUsage().rss / 2 ** 20,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
