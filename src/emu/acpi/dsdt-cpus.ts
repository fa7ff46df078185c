/** CPU hotplug in AML: `\_SB.CPUS` and the methods that work the registers of cpu-hotplug.ts. */
import { assert } from '../core/assert.ts';
import type { AcpiCpu } from './acpi-config.ts';
import { type Aml, buffer, bytes, eisaId, littleEndian, type Operand, pkg, terms, text } from './aml.ts';
import { io, resourceTemplate } from './aml-resources.ts';
import {
  acquire,
  arg,
  BREAK,
  call,
  derefOf,
  device,
  equal,
  field,
  increment,
  index,
  less,
  local,
  loopWhile,
  method,
  mutex,
  name,
  notify,
  operationRegion,
  otherwise,
  processor,
  release,
  returns,
  serializedMethod,
  store,
  when,
} from './aml-terms.ts';
import { CPU_HOTPLUG_SIZE } from './cpu-hotplug.ts';

const REGISTERS = '\\_SB.PCI0.PRES';
const LOCK = `${REGISTERS}.CPLK`;
const SELECTOR = `${REGISTERS}.CSEL`;
const COMMAND = `${REGISTERS}.CCMD`;
const DATA = `${REGISTERS}.CDAT`;
const INSERTING = `${REGISTERS}.CINS`;
const REMOVING = `${REGISTERS}.CRMV`;

const NEXT_EVENT = 0;
const OST_EVENT = 1;
const OST_STATUS = 2;

/** Spec: ACPI 6.5 §5.6.6. */
const NOTIFY_DEVICE_CHECK = 1;
const NOTIFY_EJECT_REQUEST = 3;
const STA_PRESENT = 0x0f;

const LAPIC_ENABLED = 1;

/** A MADT entry of type 0, processor local APIC. Spec: §5.2.12.2. */
export function localApicEntry(cpu: number, apicId: number, enabled: boolean): Aml {
  // Not modelled: x2APIC entries, which ids above 254 need.
  assert(cpu <= 0xff && apicId < 0xff, `APIC id ${apicId} is out of range`);
  return terms(bytes(0, 8, cpu, apicId), littleEndian(enabled ? LAPIC_ENABLED : 0, 4));
}

function cpuName(cpu: number): string {
  return `C${cpu.toString(16).toUpperCase().padStart(3, '0')}`;
}

/** `\_SB.PCI0.PRES` with the registers, and `\_SB.CPUS` with one processor per possible CPU. */
export function cpuDevices(cpus: readonly AcpiCpu[], base: number): Aml {
  return terms(
    registers(base),
    device(
      '\\_SB.CPUS',
      name('_HID', text('ACPI0010')),
      name('_CID', eisaId('PNP0A05')),
      method('CTFY', 2, ...cpus.map((_, cpu) => when(equal(arg(0), cpu), notify(cpuName(cpu), arg(1))))),
      selecting(
        'CSTA',
        1,
        [store(0, local(0)), when(equal(`${REGISTERS}.CPEN`, 1), store(STA_PRESENT, local(0)))],
        local(0),
      ),
      selecting('CEJ0', 1, [store(1, `${REGISTERS}.CEJ0`)]),
      scan(cpus.length),
      selecting('COST', 4, [
        store(OST_EVENT, COMMAND),
        store(arg(1), DATA),
        store(OST_STATUS, COMMAND),
        store(arg(2), DATA),
      ]),
      ...cpus.map((cpu, number) => cpuDevice(number, cpu)),
    ),
  );
}

/** `_INI` writes 0 to CSEL, which switches the block from its legacy to its modern registers. */
function registers(base: number): Aml {
  return device(
    REGISTERS,
    name('_HID', eisaId('PNP0A06')),
    name('_UID', text('CPU Hotplug resources')),
    mutex('CPLK'),
    name('_CRS', resourceTemplate(io(base, CPU_HOTPLUG_SIZE))),
    operationRegion('PRST', 'SystemIO', base, CPU_HOTPLUG_SIZE),
    field('PRST', 'ByteAcc', 'WriteAsZeros', [
      [undefined, 32],
      ['CPEN', 1],
      ['CINS', 1],
      ['CRMV', 1],
      ['CEJ0', 1],
      ['CEJF', 1],
      [undefined, 3],
      ['CCMD', 8],
    ]),
    field('PRST', 'DWordAcc', 'Preserve', [
      ['CSEL', 32],
      [undefined, 32],
      ['CDAT', 32],
    ]),
    serializedMethod('_INI', 0, store(0, 'CSEL')),
  );
}

/** A method whose first argument is a CPU's number: does `body` with that CPU selected. */
function selecting(path: string, args: number, body: readonly Aml[], result?: Operand): Aml {
  return serializedMethod(
    path,
    args,
    acquire(LOCK),
    store(arg(0), SELECTOR),
    ...body,
    release(LOCK),
    ...(result === undefined ? [] : [returns(result)]),
  );
}

/**
 * `CSCN ()`: finds every CPU with an event. Removals are notified at once; insertions are collected first, because
 * answering one changes what the registers show next.
 */
function scan(count: number): Aml {
  const cpu = local(0);
  const found = local(1);
  const done = local(2);
  return serializedMethod(
    'CSCN',
    0,
    acquire(LOCK),
    name('CNEW', pkg([], count)),
    store(0, cpu),
    store(0, found),
    loopWhile(
      less(cpu, count),
      store(cpu, SELECTOR),
      store(NEXT_EVENT, COMMAND),
      when(less(DATA, cpu), BREAK),
      store(DATA, cpu),
      when(equal(INSERTING, 1), store(cpu, index('CNEW', found)), increment(found)),
      otherwise(
        when(equal(REMOVING, 1), call('CTFY', cpu, NOTIFY_EJECT_REQUEST), store(1, REMOVING)),
        otherwise(BREAK),
      ),
      increment(cpu),
    ),
    store(0, done),
    loopWhile(
      less(done, found),
      store(derefOf(index('CNEW', done)), cpu),
      call('CTFY', cpu, NOTIFY_DEVICE_CHECK),
      store(cpu, SELECTOR),
      store(1, INSERTING),
      increment(done),
    ),
    release(LOCK),
  );
}

/** QEMU: the CPU that started first has no `_EJ0`. */
function cpuDevice(cpu: number, { apicId, node }: AcpiCpu): Aml {
  return processor(
    cpuName(cpu),
    cpu,
    serializedMethod('_STA', 0, returns(call('CSTA', cpu))),
    name('_MAT', buffer(localApicEntry(cpu, apicId, true))),
    ...(cpu === 0 ? [] : [method('_EJ0', 1, call('CEJ0', cpu))]),
    serializedMethod('_OST', 3, call('COST', cpu, arg(0), arg(1), arg(2))),
    ...(node === undefined ? [] : [name('_PXM', node)]),
  );
}
