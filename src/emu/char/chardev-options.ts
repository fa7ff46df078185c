/** The options of `-chardev` and `chardev-add`: what there is for any kind. Which of them a kind needs is its own affair. */
import { MonitorError } from '../core/monitor-error.ts';
import { type Options, parseOptions } from '../qdev/option-string.ts';
import { hexSizeWarning, parseBool, parseSize } from '../qdev/properties.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const BOOLS = words(
  'abstract append clipboard delay ipv4 ipv6 logappend mouse mux nodelay server signal telnet tight tn3270 wait websocket',
);
const NUMBERS = words('cols height reconnect rows to width');
const TEXTS = words(
  'backend chardev debug fd host localaddr localport logfile name path port size tls-authz tls-creds',
);
const SIZE_HINT =
  'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.';
/** What the C library's strtoull(3) takes whole, with a base that the prefix tells. */
const NUMBER = /^\s*([+-]?)(0x[0-9a-f]+|\d+)$/i;
const OCTAL = /^0[0-7]+$/;

/** The number of an option; undefined where it is none. QEMU: a negative one is taken modulo 2^64. */
export function parseChardevNumber(text: string): bigint | undefined {
  const [, sign, digits] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  if (/^0\d/.test(digits) && !OCTAL.test(digits)) return undefined;
  const value = BigInt(OCTAL.test(digits) ? `0o${digits.slice(1)}` : digits);
  return BigInt.asUintN(64, sign === '-' ? -value : value);
}

function checkOption(name: string, value: string): void {
  if (BOOLS.has(name)) {
    if (parseBool(value) === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
  } else if (NUMBERS.has(name)) {
    if (parseChardevNumber(value) === undefined) {
      throw new MonitorError(`Parameter '${name}' expects a number`);
    }
  } else if (!TEXTS.has(name)) {
    throw new MonitorError(`Invalid parameter '${name}'`);
  } else if (name === 'size' && parseSize(value) === undefined) {
    const message = "Parameter 'size' expects a non-negative number below 2^64";
    throw new MonitorError(message, 'GenericError', SIZE_HINT);
  }
}

/** Looks at the names and values of options, in their order. Throws `MonitorError`. */
export function checkChardevOptions({ entries }: Options, warn: (message: string) => void = () => {}): void {
  for (const [name, value] of entries) {
    const warning = name === 'size' ? hexSizeWarning(value) : undefined;
    if (warning !== undefined) warn(warning);
    checkOption(name, value);
  }
}

/**
 * Splits and checks the options of the long form. Throws `MonitorError`.
 * @param warn told QEMU's warnings about an option without value, and about sizes
 */
export function parseChardevOptions(text: string, warn: (message: string) => void): Options {
  const options = parseOptions(text, 'backend', warn);
  checkChardevOptions(options, warn);
  return options;
}
