/** Memory hotplug in AML: `\_SB.MHPC` and the methods that work the registers of memory-hotplug.ts. */
import { type Aml, eisaId, type Operand, terms, text } from './aml.ts';
import { io, qwordMemory, resourceTemplate } from './aml-resources.ts';
import {
  acquire,
  add,
  arg,
  call,
  createDWordField,
  device,
  equal,
  field,
  increment,
  less,
  local,
  loopWhile,
  method,
  mutex,
  name,
  notify,
  operationRegion,
  otherwise,
  release,
  returns,
  serializedMethod,
  store,
  subtract,
  toInteger,
  when,
} from './aml-terms.ts';
import { MEMORY_HOTPLUG_SIZE } from './memory-hotplug.ts';

const REGISTERS = '\\_SB.PCI0.MHPD';
const NOTIFY_DEVICE_CHECK = 1;
const NOTIFY_EJECT_REQUEST = 3;
const STA_PRESENT = 0x0f;
const STA_HIDDEN = 0x0b;

/** Where a QWordMemory descriptor holds _MIN, _MAX and _LEN. Spec: ACPI 6.5 §6.4.3.5.1. */
const QWORD_MIN = 14;
const QWORD_MAX = 22;
const QWORD_LEN = 38;

function hex(slot: number): string {
  return slot.toString(16).toUpperCase().padStart(2, '0');
}

/** `\_SB.PCI0.MHPD` with the registers, and `\_SB.MHPC` with one memory device per slot. */
export function dimmDevices(slots: number, base: number): Aml {
  return terms(
    device(
      REGISTERS,
      name('_HID', text('PNP0A06')),
      name('_UID', text('Memory hotplug resources')),
      name('_CRS', resourceTemplate(io(base, MEMORY_HOTPLUG_SIZE, 0))),
      operationRegion('HPMR', 'SystemIO', base, MEMORY_HOTPLUG_SIZE),
    ),
    device(
      '\\_SB.MHPC',
      name('_HID', text('PNP0A06')),
      name('_UID', text('DIMM devices')),
      name('MDNR', slots),
      ...registerFields(),
      method('_STA', 0, returns(STA_HIDDEN)),
      mutex('MLCK'),
      scan(),
      selecting(
        'MRST',
        1,
        [store(0, local(0)), when(equal('MES', 1), store(STA_PRESENT, local(0)))],
        local(0),
      ),
      resources(),
      selecting('MPXM', 1, [store('MPX', local(0))], local(0)),
      selecting('MOST', 4, [store(arg(1), 'MOEV'), store(arg(2), 'MOSC')]),
      selecting('MEJ0', 2, [store(1, 'MEJ')]),
      ...Array.from({ length: slots }, (_, slot) => dimmDevice(slot)),
      method(
        'MTFY',
        2,
        ...Array.from({ length: slots }, (_, slot) =>
          when(equal(arg(0), slot), notify(`MP${hex(slot)}`, arg(1))),
        ),
      ),
    ),
  );
}

function registerFields(): readonly Aml[] {
  const region = `${REGISTERS}.HPMR`;
  return [
    field(region, 'DWordAcc', 'Preserve', [
      ['MRBL', 32],
      ['MRBH', 32],
      ['MRLL', 32],
      ['MRLH', 32],
      ['MPX', 32],
    ]),
    field(region, 'ByteAcc', 'WriteAsZeros', [
      [undefined, 160],
      ['MES', 1],
      ['MINS', 1],
      ['MRMV', 1],
      ['MEJ', 1],
    ]),
    field(region, 'DWordAcc', 'Preserve', [
      ['MSEL', 32],
      ['MOEV', 32],
      ['MOSC', 32],
    ]),
  ];
}

/** A method whose first argument is a slot's `_UID`: does `body` with that slot selected. */
function selecting(path: string, args: number, body: readonly Aml[], result?: Operand): Aml {
  return serializedMethod(
    path,
    args,
    acquire('MLCK'),
    store(toInteger(arg(0)), 'MSEL'),
    ...body,
    release('MLCK'),
    ...(result === undefined ? [] : [returns(result)]),
  );
}

/** `MSCN ()`: looks at every slot, notifies its event and answers it. */
function scan(): Aml {
  const slot = local(0);
  return method(
    'MSCN',
    0,
    store(0, slot),
    acquire('MLCK'),
    loopWhile(
      less(slot, 'MDNR'),
      store(slot, 'MSEL'),
      when(equal('MINS', 1), call('MTFY', slot, NOTIFY_DEVICE_CHECK), store(1, 'MINS')),
      otherwise(when(equal('MRMV', 1), call('MTFY', slot, NOTIFY_EJECT_REQUEST), store(1, 'MRMV'))),
      increment(slot),
    ),
    release('MLCK'),
    returns(1),
  );
}

/**
 * `MCRS (uid)`: the DIMM's range. In a DSDT of revision 1 integers have 32 bits, so that the last address
 * (first + length − 1) is worked out in two halves, with the carry of the sum and the borrow of the 1.
 */
function resources(): Aml {
  return serializedMethod(
    'MCRS',
    1,
    acquire('MLCK'),
    store(toInteger(arg(0)), 'MSEL'),
    name('MR64', resourceTemplate(qwordMemory({ min: 0, max: 0xffffffff }))),
    createDWordField('MR64', QWORD_MIN, 'MINL'),
    createDWordField('MR64', QWORD_MIN + 4, 'MINH'),
    createDWordField('MR64', QWORD_LEN, 'LENL'),
    createDWordField('MR64', QWORD_LEN + 4, 'LENH'),
    createDWordField('MR64', QWORD_MAX, 'MAXL'),
    createDWordField('MR64', QWORD_MAX + 4, 'MAXH'),
    store('MRBH', 'MINH'),
    store('MRBL', 'MINL'),
    store('MRLH', 'LENH'),
    store('MRLL', 'LENL'),
    add('MINL', 'LENL', 'MAXL'),
    add('MINH', 'LENH', 'MAXH'),
    when(less('MAXL', 'MINL'), add('MAXH', 1, 'MAXH')),
    when(equal('MAXL', 0), subtract('MAXH', 1, 'MAXH')),
    subtract('MAXL', 1, 'MAXL'),
    release('MLCK'),
    returns('MR64'),
  );
}

function dimmDevice(slot: number): Aml {
  return device(
    `MP${hex(slot)}`,
    name('_UID', text(`0x${hex(slot)}`)),
    name('_HID', eisaId('PNP0C80')),
    method('_CRS', 0, returns(call('MCRS', '_UID'))),
    method('_STA', 0, returns(call('MRST', '_UID'))),
    method('_PXM', 0, returns(call('MPXM', '_UID'))),
    method('_OST', 3, call('MOST', '_UID', arg(0), arg(1), arg(2))),
    method('_EJ0', 1, call('MEJ0', '_UID', arg(0))),
  );
}
