/** The registers of a bridge's header, and the windows that they open. Spec: PCI-to-PCI Bridge Architecture 1.2 §3.2. */
import type { ConfigSpace } from './config-space.ts';

export const PCI_PRIMARY_BUS = 0x18;
export const PCI_SECONDARY_BUS = 0x19;
export const PCI_SUBORDINATE_BUS = 0x1a;
export const PCI_IO_BASE = 0x1c;
export const PCI_IO_LIMIT = 0x1d;
export const PCI_SEC_STATUS = 0x1e;
export const PCI_MEMORY_BASE = 0x20;
export const PCI_MEMORY_LIMIT = 0x22;
export const PCI_PREF_MEMORY_BASE = 0x24;
export const PCI_PREF_MEMORY_LIMIT = 0x26;
export const PCI_PREF_BASE_UPPER32 = 0x28;
export const PCI_PREF_LIMIT_UPPER32 = 0x2c;
export const PCI_BRIDGE_CONTROL = 0x3e;

export const PCI_BRIDGE_CTL_VGA = 0x08;
export const PCI_BRIDGE_CTL_BUS_RESET = 0x40;

export const PCI_PREF_RANGE_TYPE_64 = 0x01;
const IO_RANGE_MASK = 0xf0;
const MEMORY_RANGE_MASK = 0xfff0;
const LIMIT_32 = 2 ** 32;

/** Addresses that reach the bus behind a bridge, `limit` included. A limit below the base: none. */
export interface WindowRange {
  readonly base: number;
  readonly limit: number;
}

/** What a bridge passes on, whether it is switched on or not. */
export interface BridgeWindows {
  readonly io: WindowRange;
  readonly memory: WindowRange;
  readonly prefetchable: WindowRange;
}

/** Ports are 16-bit, prefetchable memory 64-bit, as QEMU's bridges have them. */
export function bridgeWindows(config: ConfigSpace): BridgeWindows {
  const port = (at: number): number => (config.read(at, 1) & IO_RANGE_MASK) * 0x100;
  const address = (at: number): number => (config.read(at, 2) & MEMORY_RANGE_MASK) * 0x1_0000;
  const high = (at: number): number => config.read(at, 4) * LIMIT_32;
  return {
    io: { base: port(PCI_IO_BASE), limit: port(PCI_IO_LIMIT) + 0xfff },
    memory: { base: address(PCI_MEMORY_BASE), limit: address(PCI_MEMORY_LIMIT) + 0xf_ffff },
    prefetchable: {
      base: high(PCI_PREF_BASE_UPPER32) + address(PCI_PREF_MEMORY_BASE),
      limit: high(PCI_PREF_LIMIT_UPPER32) + address(PCI_PREF_MEMORY_LIMIT) + 0xf_ffff,
    },
  };
}

/** Opens a window as firmware does; the base is a multiple of 4 KiB or 1 MiB. */
export function programWindow(
  config: ConfigSpace,
  kind: keyof BridgeWindows,
  { base, limit }: WindowRange,
): void {
  if (kind === 'io') {
    config.write(PCI_IO_BASE, 1, base >>> 8);
    config.write(PCI_IO_LIMIT, 1, limit >>> 8);
    return;
  }
  const [low, high] = [base, limit].map((address) => Math.floor((address % LIMIT_32) / 0x1_0000));
  const at = kind === 'memory' ? PCI_MEMORY_BASE : PCI_PREF_MEMORY_BASE;
  config.write(at, 2, low ?? 0);
  config.write(at + 2, 2, high ?? 0);
  if (kind === 'memory') return;
  config.write(PCI_PREF_BASE_UPPER32, 4, Math.floor(base / LIMIT_32));
  config.write(PCI_PREF_LIMIT_UPPER32, 4, Math.floor(limit / LIMIT_32));
}

/** Spec: §3.2.5.18: what VGA Enable passes on besides. */
export const VGA_PORTS: readonly WindowRange[] = [
  { base: 0x3b0, limit: 0x3bb },
  { base: 0x3c0, limit: 0x3df },
];
export const VGA_MEMORY: WindowRange = { base: 0xa_0000, limit: 0xb_ffff };

/** Bits of the header that a guest may write, and those that writing 1 clears. */
export function bridgeHeader(config: ConfigSpace): void {
  config.setWritable(PCI_PRIMARY_BUS, 4, 0xffff_ffff);
  config.setWritable(PCI_IO_BASE, 2, IO_RANGE_MASK | (IO_RANGE_MASK << 8));
  for (const at of [PCI_MEMORY_BASE, PCI_MEMORY_LIMIT, PCI_PREF_MEMORY_BASE, PCI_PREF_MEMORY_LIMIT])
    config.setWritable(at, 2, MEMORY_RANGE_MASK);
  for (const at of [PCI_PREF_BASE_UPPER32, PCI_PREF_LIMIT_UPPER32]) config.setWritable(at, 4, 0xffff_ffff);
  for (const at of [PCI_PREF_MEMORY_BASE, PCI_PREF_MEMORY_LIMIT]) config.set(at, 2, PCI_PREF_RANGE_TYPE_64);
  config.setWritable(PCI_BRIDGE_CONTROL, 2, 0x0bff);
  config.writeOneToClear[PCI_BRIDGE_CONTROL + 1] = 0x04;
}
