/** Commands whose answer is the text of the human monitor. Spec: QEMU qapi/machine.json, HumanReadableText. */
import { MonitorError } from '../../core/monitor-error.ts';
import { STR, struct } from '../../qapi/schema.ts';
import { Monitor } from '../monitor.ts';
import { command } from '../qapi/context.ts';

const HUMAN_READABLE_TEXT = struct({ 'human-readable-text': STR });
const TOPICS = ['irq', 'jit', 'numa', 'opcount', 'profile', 'ramblock', 'rdma', 'roms', 'usb'];
const ERROR = /^Error: (.*)\n$/;

/** In QEMU the human monitor asks these; here they ask it, so that no data is made of text. */
export const TEXT_COMMANDS = TOPICS.map((topic) =>
  command(`x-query-${topic}`, {
    returns: HUMAN_READABLE_TEXT,
    features: ['unstable'],
    async run({ machine, warn }) {
      const text = await new Monitor({ machine, stderr: warn }).execute(`info ${topic}`);
      const error = ERROR.exec(text)?.[1];
      if (error !== undefined) throw new MonitorError(error);
      return { 'human-readable-text': text };
    },
  }),
);
