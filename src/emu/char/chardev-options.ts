/** The options of `-chardev` and `chardev-add`: what there is for any kind. Which of them a kind needs is its own affair. */
import { MonitorError } from '../core/monitor-error.ts';
import { type Options, parseOptions } from '../qdev/option-string.ts';
import { parseBool, parseSize } from '../qdev/properties.ts';

const BOOLS = new Set(
  (
    'abstract append clipboard delay ipv4 ipv6 logappend mouse mux nodelay server signal telnet tight tn3270 ' +
    'wait websocket'
  ).split(' '),
);
const OTHERS = new Set(
  (
    'backend chardev cols debug fd height host localaddr localport logfile name path port reconnect rows size ' +
    'tls-authz tls-creds to width'
  ).split(' '),
);
const SIZE_HINT =
  'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.';

/**
 * Splits and checks the options. Throws `MonitorError`.
 * @param warn told QEMU's warning about an option without value
 */
export function parseChardevOptions(text: string, warn: (message: string) => void): Options {
  const options = parseOptions(text, 'backend', warn);
  for (const [name, value] of options.entries) {
    if (BOOLS.has(name)) {
      if (parseBool(value) === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
    } else if (!OTHERS.has(name)) {
      throw new MonitorError(`Invalid parameter '${name}'`);
    } else if (name === 'size' && parseSize(value) === undefined) {
      const message = "Parameter 'size' expects a non-negative number below 2^64";
      throw new MonitorError(message, 'GenericError', SIZE_HINT);
    }
  }
  return options;
}
