/**
 * What a bridge asks firmware to leave free for devices that come later: a capability of QEMU's vendor.
 * Spec: QEMU docs/pcie_pci_bridge.txt, "Capability".
 */
import { MonitorError } from '../core/monitor-error.ts';
import { jsonInteger } from '../qapi/json-value.ts';
import { formatSize, number, type PropertyKind, type PropertySpec, SIZE } from '../qdev/properties.ts';
import type { Values } from '../qdev/values.ts';
import type { ConfigSpace } from './config-space.ts';

const PCI_CAP_ID_VENDOR = 0x09;
const LENGTH = 0x20;
const TYPE_RESOURCE_RESERVE = 1;
const NO_BUSES = 0xffff_ffff;
/** All ones: firmware chooses by itself. Sizes are decimal text, as they have more bits than exact numbers. */
const NO_SIZE = 2n ** 64n - 1n;
const LIMIT_32 = 2n ** 32n;

/** Sizes in bytes; undefined: firmware chooses. */
export interface BridgeReserve {
  readonly buses: number | undefined;
  readonly io: bigint | undefined;
  readonly memory: bigint | undefined;
  readonly prefetchable32: bigint | undefined;
  readonly prefetchable64: bigint | undefined;
}

const sizeText = (bytes: number): string => String(bytes >= Number(NO_SIZE) ? NO_SIZE : BigInt(bytes));
const SIZE_64: PropertyKind = {
  ...SIZE,
  parse: (text, property, owner) => sizeText(Number(SIZE.parse(text, property, owner))),
  fromJson: (json, property, owner) => sizeText(Number(SIZE.fromJson(json, property, owner))),
  format: (value) => formatSize(Number(value)).replace(/^\d+/, String(value)),
  toJson: (value) => jsonInteger(BigInt(value ?? 0)),
};
const size = (name: string): PropertySpec => ({ name, kind: SIZE_64, default: String(NO_SIZE) });

export const RESERVE_PROPERTIES: readonly PropertySpec[] = [
  number('bus-reserve', NO_BUSES),
  ...['io-reserve', 'mem-reserve', 'pref32-reserve', 'pref64-reserve'].map(size),
];

/** Undefined: the user asks for nothing. Throws QEMU's error. */
export function readReserve(values: Values): BridgeReserve | undefined {
  const buses = values.number('bus-reserve');
  const sizeOf = (name: string): bigint | undefined => {
    const bytes = BigInt(values.text(name) ?? NO_SIZE);
    return bytes === NO_SIZE ? undefined : bytes;
  };
  const reserve = {
    buses: buses === NO_BUSES ? undefined : buses,
    io: sizeOf('io-reserve'),
    memory: sizeOf('mem-reserve'),
    prefetchable32: sizeOf('pref32-reserve'),
    prefetchable64: sizeOf('pref64-reserve'),
  };
  if (Object.values(reserve).every((value) => value === undefined)) return undefined;
  const wrong = conflict(reserve);
  if (wrong !== undefined) throw new MonitorError(`PCI resource reserve cap: ${wrong}`);
  return reserve;
}

function conflict({ memory, prefetchable32, prefetchable64 }: BridgeReserve): string | undefined {
  if (prefetchable32 !== undefined && prefetchable64 !== undefined) return 'PREF32 and PREF64 conflict';
  if ((memory ?? 0n) >= LIMIT_32) return 'mem-reserve must be less than 4G';
  // QEMU: with two spaces.
  return (prefetchable32 ?? 0n) >= LIMIT_32 ? 'pref32-reserve  must be less than 4G' : undefined;
}

export function addReserve(config: ConfigSpace, offset: number, reserve: BridgeReserve): void {
  config.addCapability(PCI_CAP_ID_VENDOR, offset, LENGTH);
  config.set(offset + 2, 1, LENGTH);
  config.set(offset + 3, 1, TYPE_RESOURCE_RESERVE);
  const set = (at: number, value: bigint = NO_SIZE): void =>
    config.set(offset + at, 4, Number(BigInt.asUintN(32, value)));
  const set64 = (at: number, value: bigint = NO_SIZE): void => {
    set(at, value);
    set(at + 4, value >> 32n);
  };
  config.set(offset + 4, 4, reserve.buses ?? NO_BUSES);
  set64(8, reserve.io);
  set(16, reserve.memory);
  set(20, reserve.prefetchable32);
  set64(24, reserve.prefetchable64);
}
