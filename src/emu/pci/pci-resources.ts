/**
 * What the firmware does to PCI before the guest starts: numbers buses, places BARs and windows, routes pins, switches decoding on.
 * QEMU: all of it as SeaBIOS does it on the pc machine. Not modelled: what does not fit below 4 GiB goes above it, and that SeaBIOS takes a
 * `bus-reserve` at its word which is less than there is, and then finds nothing behind the bridge.
 */
import type { BridgeReserve } from './bridge-reserve.ts';
import { PCI_BRIDGE_CONTROL, PCI_PRIMARY_BUS, programWindow } from './bridge-windows.ts';
import {
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_COMMAND_SERR,
  PCI_INTERRUPT_LINE,
} from './config-space.ts';
import type { Bar } from './pci-bar.ts';
import { i440fxPirq, type PciBus, swizzledPin } from './pci-bus.ts';
import type { PciDevice } from './pci-device.ts';

/** Where ports begin: for few of them, and when these are too many. */
const IO_BASE = 0xc000;
const IO_BASE_MANY = 0x1000;
const IO_FEW = 0x4000;
const MEMORY_END = 0xfec0_0000;
/** SeaBIOS gives memory by pages, so that a BAR shares its page with no other. */
const PAGE = 0x1000;
const BRIDGE_IO_MIN = 0x1000;
const BRIDGE_MEMORY_MIN = 0x20_0000;
const BRIDGE_CONTROL_SERR = 0x02;
const LAST_BUS = 0xff;
/** ISA interrupts that the firmware gives PIRQA#–PIRQD#. */
export const FIRMWARE_PIRQ_ROUTES = [10, 10, 11, 11] as const;

const KINDS = ['io', 'memory', 'prefetchable'] as const;
type Kind = (typeof KINDS)[number];

/** Addresses that somebody on a bus needs. */
interface Request {
  readonly size: number;
  readonly align: number;
  readonly place: (base: number) => void;
}

/** A bus with a number, and all that its bridges lead to. */
interface NumberedBus {
  readonly bus: PciBus;
  /** The bridge before it; undefined: it is the root. */
  readonly bridge: PciDevice | undefined;
  readonly behind: readonly NumberedBus[];
}

/** Sets up all functions present, as the firmware does at start. */
export function assignPciResources(root: PciBus): void {
  const all = numberBuses(root, undefined, { last: 0 });
  placeRoot(requestsOf(all));
  switchOn(root, (devfn, pin) => i440fxPirq(devfn, pin));
}

/** Numbers in the order of slots, each bus before those behind its bridges. */
function numberBuses(bus: PciBus, bridge: PciDevice | undefined, count: { last: number }): NumberedBus {
  const behind = bus.devices().flatMap((device) => {
    if (device.bridge === undefined) return [];
    const number = ++count.last;
    device.configWrite(PCI_PRIMARY_BUS, 1, bus.number);
    device.configWrite(PCI_PRIMARY_BUS + 1, 1, number);
    device.configWrite(PCI_PRIMARY_BUS + 2, 1, LAST_BUS);
    const numbered = numberBuses(device.bridge.secondary, device, count);
    const reserved = number + (device.bridge.reserve?.buses ?? 0);
    if (reserved <= LAST_BUS) count.last = Math.max(count.last, reserved);
    device.configWrite(PCI_PRIMARY_BUS + 2, 1, count.last);
    return [numbered];
  });
  return { bus, bridge, behind };
}

/** What a bus needs by kind, the most aligned first, and of those the largest. */
function requestsOf({ bus, behind }: NumberedBus): Readonly<Record<Kind, readonly Request[]>> {
  const bars = bus.devices().flatMap((device) => device.bars);
  // The bridge with the highest number comes first.
  const windows = [...behind].reverse().map((numbered) => ({ numbered, own: requestsOf(numbered) }));
  const of = (kind: Kind): readonly Request[] =>
    [
      ...bars.filter((bar) => kindOf(bar) === kind).map(barRequest),
      ...windows.map(({ numbered, own }) => windowRequest(numbered, kind, own[kind])),
    ].sort((a, b) => b.align - a.align || b.size - a.size);
  return { io: of('io'), memory: of('memory'), prefetchable: of('prefetchable') };
}

function kindOf({ kind, prefetchable }: Bar): Kind {
  if (kind === 'io') return 'io';
  return prefetchable ? 'prefetchable' : 'memory';
}

function barRequest(bar: Bar): Request {
  const size = bar.kind === 'io' ? bar.sizeBytes : Math.max(bar.sizeBytes, PAGE);
  return { size, align: size, place: (base) => bar.program(base) };
}

/** A window for what is behind a bridge; one that takes hotplug gets the least that there is when nothing is behind it. */
function windowRequest({ bridge }: NumberedBus, kind: Kind, own: readonly Request[]): Request {
  const align = kind === 'io' ? BRIDGE_IO_MIN : BRIDGE_MEMORY_MIN;
  const needed = sum(own);
  const reserved = reservedFor(bridge?.bridge?.reserve, kind);
  const least = needed === 0 && bridge?.bridge?.takesHotplug === true ? align : needed;
  const size = Math.ceil(Math.max(least, reserved) / align) * align;
  return {
    size,
    align,
    place(base) {
      if (bridge !== undefined) programWindow(bridge.config, kind, { base, limit: base + size - 1 });
      place(own, base);
    },
  };
}

function reservedFor(reserve: BridgeReserve | undefined, kind: Kind): number {
  if (reserve === undefined) return 0;
  const { io, memory, prefetchable32, prefetchable64 } = reserve;
  return Number({ io, memory, prefetchable: prefetchable64 ?? prefetchable32 }[kind] ?? 0);
}

function placeRoot({ io, memory, prefetchable }: Readonly<Record<Kind, readonly Request[]>>): void {
  place(io, sum(io) < IO_FEW ? IO_BASE : IO_BASE_MANY);
  const alignOf = (requests: readonly Request[]): number => requests[0]?.align ?? 1;
  // What is less aligned comes on top.
  const [top, next] =
    alignOf(memory) < alignOf(prefetchable) ? [memory, prefetchable] : [prefetchable, memory];
  const below = (requests: readonly Request[], end: number): number =>
    Math.floor((end - sum(requests)) / alignOf(requests)) * alignOf(requests);
  const topBase = below(top, MEMORY_END);
  place(top, topBase);
  place(next, below(next, topBase));
}

function sum(requests: readonly Request[]): number {
  return requests.reduce((total, { size }) => total + size, 0);
}

function place(requests: readonly Request[], base: number): void {
  let address = base;
  for (const request of requests) {
    request.place(address);
    address += request.size;
  }
}

/** @param pirqOf the board's wire to which a pin of a function on this bus leads */
function switchOn(bus: PciBus, pirqOf: (devfn: number, pin: number) => number): void {
  for (const device of bus.devices()) {
    const pin = device.identity.interruptPin ?? 0;
    if (pin !== 0) {
      device.configWrite(PCI_INTERRUPT_LINE, 1, FIRMWARE_PIRQ_ROUTES[pirqOf(device.devfn, pin)] ?? 0);
    }
    const command = device.command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_SERR;
    device.configWrite(PCI_COMMAND, 2, command);
    if (device.bridge === undefined) continue;
    device.configWrite(PCI_BRIDGE_CONTROL, 2, BRIDGE_CONTROL_SERR);
    switchOn(device.bridge.secondary, (devfn, at) => pirqOf(device.devfn, swizzledPin(devfn, at)));
  }
}
