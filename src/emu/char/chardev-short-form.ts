/** The short form of a character device, as -serial, -monitor and -qmp take it: `tcp:host:port,server=on`. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { Options, parseMoreOptions } from '../qdev/option-string.ts';
import { checkChardevOptions } from './chardev-options.ts';

type Entries = readonly (readonly [key: string, value: string])[];

/** A device that a monitor or serial port takes for itself has this before its short form. */
const MON = 'mon:';
/** Kinds that have no options in the short form. */
const BARE = ['null', 'pty', 'msmouse', 'wctablet', 'braille', 'testdev', 'stdio', 'vc'];

/** Is the port to share its device with a monitor? */
export function sharesWithMonitor(spec: string): boolean {
  return spec.startsWith(MON);
}

/**
 * The options of the long form; undefined where QEMU gives up without a word. Throws `MonitorError`.
 * @param id of the device that is to be made
 */
export function parseShortForm(spec: string, id: string): Options | undefined {
  const shared = sharesWithMonitor(spec);
  const text = shared ? spec.slice(MON.length) : spec;
  const entries = entriesOf(text);
  if (entries === undefined) return undefined;
  // QEMU: a terminal that the guest shares with the monitor gives all its keys to the guest.
  const signal: Entries = text === 'stdio' ? [['signal', 'off']] : [];
  const options = new Options(shared ? [['mux', 'on'], ...signal, ...entries] : entries, id);
  checkChardevOptions(options);
  return options;
}

function entriesOf(text: string): Entries | undefined {
  if (BARE.includes(text)) return [['backend', text]];
  if (text.startsWith('COM')) return pathOf('serial', text);
  if (text.startsWith('/dev/')) {
    return pathOf(/^\/dev\/(?:parport|ppi)/.test(text) ? 'parallel' : 'serial', text);
  }
  const [, kind, rest = ''] =
    /^(vc|file|pipe|unix|tcp|telnet|tn3270|websocket|udp):([\s\S]*)$/.exec(text) ?? [];
  switch (kind) {
    case 'vc':
      return screenOf(rest);
    case 'file':
    case 'pipe':
      return pathOf(kind, rest);
    case 'unix':
      return [['backend', 'socket'], ...parseMoreOptions(rest, 'path')];
    case 'tcp':
    case 'telnet':
    case 'tn3270':
    case 'websocket':
      return inetOf(kind, rest);
    case 'udp':
      return udpOf(rest);
    default:
      throw new MonitorError(`'${text}' is not a valid char driver`);
  }
}

const pathOf = (kind: string, path: string): Entries => [
  ['backend', kind],
  ['path', path],
];

/** A screen's size, in pixels or in characters. */
function screenOf(text: string): Entries | undefined {
  const [, width, characters, height] = /^(\d{1,7})(C?)x(\d{1,7})\2/.exec(text) ?? [];
  if (width === undefined || height === undefined) return undefined;
  const [across, down] = characters === '' ? ['width', 'height'] : ['cols', 'rows'];
  return [
    ['backend', 'vc'],
    [across ?? '', width],
    [down ?? '', height],
  ];
}

/** QEMU: the first colon ends the host, which is why a literal IPv6 address can only be written in the long form. */
function inetOf(kind: string, text: string): Entries | undefined {
  const [all, host = '', port] = /^([^:]{0,64}):([^,]{1,32})/.exec(text) ?? [];
  if (all === undefined || port === undefined) return undefined;
  const rest = text.slice(all.length);
  const more = rest.startsWith(',') ? parseMoreOptions(rest.slice(1), undefined) : [];
  const protocol: Entries = kind === 'tcp' ? [] : [[kind, 'on']];
  return [['backend', 'socket'], ['host', host], ['port', port], ...more, ...protocol];
}

function udpOf(text: string): Entries | undefined {
  const [, host = '', port] = /^([^:]{0,64}):([^@,]{1,32})/.exec(text) ?? [];
  return port === undefined
    ? undefined
    : [
        ['backend', 'udp'],
        ['host', host],
        ['port', port],
      ];
}
