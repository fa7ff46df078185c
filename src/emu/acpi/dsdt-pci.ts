/** PCI hotplug in AML: one device per slot, and the methods that work the registers of pci-hotplug.ts. */
import type { AcpiConfig, AcpiPciBus, AcpiPciDevice } from './acpi-config.ts';
import { type Aml, buffer, bytes, type Operand, pkg, terms, text, uuid } from './aml.ts';
import {
  acquire,
  arg,
  bitAnd,
  call,
  derefOf,
  device,
  either,
  equal,
  field,
  index,
  less,
  local,
  method,
  mutex,
  name,
  not,
  notEqual,
  notify,
  operationRegion,
  release,
  returns,
  scope,
  serializedMethod,
  shiftLeft,
  store,
  when,
} from './aml-terms.ts';
import { isaDevices } from './dsdt-isa.ts';

const LOCK = '\\_SB.PCI0.BLCK';
const SLOTS = 32;
const NOTIFY_DEVICE_CHECK = 1;
const NOTIFY_EJECT_REQUEST = 3;

/** Spec: PCI Firmware 3.3 §4.6: device labeling, function 7 names the slot. */
const DEVICE_LABELING = 'e5c937d0-3553-4d7a-9117-ea4d19c3434d';
const LABELING_REVISION = 2;
const LABELING_SUPPORTED = 0;
const LABELING_NAME = 7;
const NO_INDEX = 0xffffffff;

/** The registers, `PCEJ`, `AIDX`, `PDSM`. */
export function pciHotplugMethods(base: number): Aml {
  return scope(
    '\\_SB.PCI0',
    operationRegion('PCST', 'SystemIO', base, 8),
    field('PCST', 'DWordAcc', 'WriteAsZeros', [
      ['PCIU', 32],
      ['PCID', 32],
    ]),
    operationRegion('SEJ', 'SystemIO', base + 8, 4),
    field('SEJ', 'DWordAcc', 'WriteAsZeros', [['B0EJ', 32]]),
    operationRegion('BNMR', 'SystemIO', base + 0x10, 8),
    field('BNMR', 'DWordAcc', 'WriteAsZeros', [
      ['BNUM', 32],
      ['PIDX', 32],
    ]),
    mutex('BLCK'),
    onSlot('PCEJ', 'B0EJ', 0),
    onSlot('AIDX', 'PIDX', local(0), [store('PIDX', local(0))]),
    labelingMethod(),
  );
}

/** A method (bus, slot) that writes the slot's bit to a register while it holds the lock. */
function onSlot(path: string, register: string, result: Operand, answer: readonly Aml[] = []): Aml {
  return method(
    path,
    2,
    acquire('BLCK'),
    store(arg(0), 'BNUM'),
    store(shiftLeft(1, arg(1)), register),
    ...answer,
    release('BLCK'),
    returns(result),
  );
}

/**
 * `PDSM (uuid, revision, function, arguments, Package () {bus, slot})`: what `_DSM` of every slot answers.
 * QEMU: functions are offered only for a device that has an acpi-index.
 */
function labelingMethod(): Aml {
  const acpiIndex = local(0);
  const named = local(1);
  const askIndex = store(call('AIDX', derefOf(index(arg(4), 0)), derefOf(index(arg(4), 1))), acpiIndex);
  const hasNone = either(equal(acpiIndex, 0), equal(acpiIndex, NO_INDEX));
  return serializedMethod(
    'PDSM',
    5,
    when(
      equal(arg(2), LABELING_SUPPORTED),
      when(
        either(notEqual(arg(0), uuid(DEVICE_LABELING)), less(arg(1), LABELING_REVISION)),
        returns(buffer(bytes(0))),
      ),
      askIndex,
      when(hasNone, returns(buffer(bytes(0)))),
      returns(buffer(bytes((1 << LABELING_SUPPORTED) | (1 << LABELING_NAME)))),
    ),
    when(
      equal(arg(2), LABELING_NAME),
      askIndex,
      store(pkg([], 2), named),
      when(not(hasNone), store(acpiIndex, index(named, 0)), store(text(''), index(named, 1))),
      returns(named),
    ),
  );
}

/** The devices of every slot, and `\_GPE._E01`, which tells them what came and what shall go. */
export function pciSlots(config: AcpiConfig): Aml {
  return terms(
    scope('\\_SB.PCI0', ...busContents(config.pci, config)),
    scope('\\_GPE', method('_E01', 0, acquire(LOCK), call('\\_SB.PCI0.PCNT'), release(LOCK))),
  );
}

function slotName({ slot, func = 0 }: { readonly slot: number; readonly func?: number }): string {
  return `S${(slot * 8 + func).toString(16).toUpperCase().padStart(2, '0')}`;
}

function busContents(bus: AcpiPciBus, config: AcpiConfig): readonly Aml[] {
  const takesHotplug = bus.bsel !== undefined;
  const contents: Aml[] = takesHotplug ? [name('BSEL', bus.bsel)] : [];
  const notified: AcpiPciDevice[] = [];
  const bridges: AcpiPciDevice[] = [];
  for (const dev of describedDevices(bus)) {
    contents.push(slotDevice(dev, takesHotplug, config));
    if (dev.bridge !== undefined) bridges.push(dev);
    else if (takesHotplug && dev.hotpluggable) notified.push(dev);
  }
  if (bus.bsel !== undefined) contents.push(notifyMethod(notified));
  contents.push(scanMethod(bus.bsel, bridges));
  return contents;
}

/** Function 0 and bridges of each slot; an empty slot of a bus with hotplug waits for a device. */
function describedDevices(bus: AcpiPciBus): readonly AcpiPciDevice[] {
  const list: AcpiPciDevice[] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    const present = bus.devices.filter((dev) => dev.slot === slot);
    const described = present.filter((dev) => (dev.func ?? 0) === 0 || dev.bridge !== undefined);
    if (present.every((dev) => (dev.func ?? 0) !== 0) && bus.bsel !== undefined) {
      list.push({ slot, hotpluggable: true });
    }
    list.push(...described.toSorted((a, b) => (a.func ?? 0) - (b.func ?? 0)));
  }
  return list;
}

/**
 * QEMU: `_DSM` of a bridge finds the BSEL of the bus behind it, not of the bus where it sits, since both are
 * looked up in the bridge's own scope.
 */
function slotDevice(dev: AcpiPciDevice, onHotplugBus: boolean, config: AcpiConfig): Aml {
  const { slot, func = 0, bridge } = dev;
  const hotplug = onHotplugBus ? slotLabel(slot) : [];
  const eject =
    onHotplugBus && dev.hotpluggable && bridge === undefined
      ? [name('_SUN', slot), method('_EJ0', 1, call('PCEJ', 'BSEL', '_SUN'))]
      : [];
  return device(
    slotName(dev),
    name('_ADR', slot * 0x10000 + func),
    ...hotplug,
    ...(bridge === undefined ? [] : busContents(bridge, config)),
    ...(dev.kind === 'isa' ? isaDevices(config) : []),
    ...(dev.kind === 'vga' ? ['_S1D', '_S2D', '_S3D'].map((path) => method(path, 0, returns(0))) : []),
    ...eject,
  );
}

function slotLabel(slot: number): readonly Aml[] {
  return [
    name('ASUN', slot),
    serializedMethod(
      '_DSM',
      4,
      store(pkg(['BSEL', 'ASUN']), local(0)),
      returns(call('PDSM', arg(0), arg(1), arg(2), arg(3), local(0))),
    ),
  ];
}

/** `DVNT (slots, event)` */
function notifyMethod(slots: readonly AcpiPciDevice[]): Aml {
  return method(
    'DVNT',
    2,
    ...slots.map((dev) => when(bitAnd(arg(0), 2 ** dev.slot), notify(slotName(dev), arg(1)))),
  );
}

/** `PCNT ()`: this bus's changes, then those of the buses behind its bridges. */
function scanMethod(bsel: number | undefined, bridges: readonly AcpiPciDevice[]): Aml {
  const own =
    bsel === undefined
      ? []
      : [
          store(bsel, 'BNUM'),
          call('DVNT', 'PCIU', NOTIFY_DEVICE_CHECK),
          call('DVNT', 'PCID', NOTIFY_EJECT_REQUEST),
        ];
  return method('PCNT', 0, ...own, ...bridges.map((dev) => call(`^${slotName(dev)}.PCNT`)));
}
