/** A cold boot for V8's own profiler. Bundled as it is shipped; prints JSON. */
import { bootOnly, readGuestImage } from '../guests.ts';
import { createMachine } from '../page/hotslot-machine.ts';
import { NodeLoop } from '../runners/node-loop.ts';

const image = readGuestImage();
const before = process.cpuUsage();
const start = performance.now();
const machine = await createMachine(image, bootOnly(image));
let output = '';
machine.onSerial = (bytes) => {
  output += Buffer.from(bytes).toString('latin1');
};
await new NodeLoop().run(machine, 300_000, () => output.includes('guest# '));
const { user, system } = process.cpuUsage(before);
const figures = {
  wallSeconds: (performance.now() - start) / 1000,
  cpuSeconds: (user + system) / 1e6,
  instructions: machine.retiredInstructions,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
