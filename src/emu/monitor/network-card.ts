/** A network card as -net and its kin ask for it, by QEMU's words, and how it becomes a device. */
import { MonitorError } from '../core/monitor-error.ts';
import { parseNicMac } from '../net/mac-address.ts';
import { Options } from '../qdev/option-string.ts';
import type { DeviceManager } from '../qdev/plug.ts';
import type { Qdev } from '../qdev/tree.ts';

export interface NetworkCard {
  /** QEMU's word for the type; undefined: the board's own choice. */
  readonly model: string | undefined;
  readonly mac: string | undefined;
  readonly addr?: string | undefined;
  readonly vectors?: string | undefined;
}

const MODEL_ALIASES: Readonly<Record<string, string>> = { virtio: 'virtio-net-pci' };

/** Reads a card's options but those that say what is at its other end. Throws `MonitorError`. */
export function readNetworkCard(options: Options): NetworkCard {
  const mac = options.get('macaddr');
  return {
    model: options.get('model'),
    mac: mac === undefined ? undefined : parseNicMac(mac),
    addr: options.get('addr'),
    vectors: options.get('vectors'),
  };
}

/** Throws `MonitorError` where the option is none of a card. */
export function checkCardOptions(options: Options, known: ReadonlySet<string>): void {
  const unknown = options.entries.find(([key]) => !known.has(key))?.[0];
  if (unknown !== undefined) throw new MonitorError(`Invalid parameter '${unknown}'`);
}

/** The type that a word means. Throws `MonitorError`. */
export function modelOf(devices: DeviceManager, word: string): string {
  const model = MODEL_ALIASES[word] ?? word;
  const type = devices.registry.find(model);
  if (type?.category !== 'Network' || type.busType !== 'PCI') {
    throw new MonitorError(`Unsupported NIC model: ${model}`);
  }
  return model;
}

/**
 * Plugs the card. Rejects with `MonitorError`.
 * @param model as `modelOf` gives it
 */
export function addNetworkCard(
  devices: DeviceManager,
  model: string,
  { mac, addr, vectors }: NetworkCard,
  netdev: string,
  warn?: (text: string) => void,
): Promise<Qdev> {
  const entries = [
    ['driver', model],
    ['netdev', netdev],
    ...(mac === undefined ? [] : [['mac', mac] as const]),
    ...(addr === undefined ? [] : [['addr', addr] as const]),
    ...(vectors === undefined ? [] : [['vectors', vectors] as const]),
  ] as const;
  return devices.add(new Options(entries), warn);
}
