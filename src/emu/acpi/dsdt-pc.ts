/** The `pc` machine's differentiated system description: its devices, and the methods by which hotplug happens. */
import { type AcpiConfig, dimmSlots, pciWindows } from './acpi-config.ts';
import { type Aml, eisaId, pkg, terms, text } from './aml.ts';
import {
  dwordMemory,
  io,
  memory32FixedReadOnly,
  qwordMemory,
  resourceTemplate,
  wordBusNumber,
  wordIo,
} from './aml-resources.ts';
import {
  add,
  arg,
  call,
  derefOf,
  device,
  either,
  equal,
  field,
  greater,
  increment,
  index,
  less,
  local,
  loopWhile,
  method,
  name,
  operationRegion,
  returns,
  scope,
  shiftRight,
  sizeOf,
  store,
  toBuffer,
  toHexString,
  when,
} from './aml-terms.ts';
import { CPU_HOTPLUG_BASE } from './cpu-hotplug.ts';
import { cpuDevices } from './dsdt-cpus.ts';
import { dimmDevices } from './dsdt-dimms.ts';
import { interruptLinks } from './dsdt-interrupts.ts';
import { pciHotplugMethods, pciSlots } from './dsdt-pci.ts';
import { GPE_BASE, GPE_SIZE } from './gpe.ts';
import { MEMORY_HOTPLUG_BASE } from './memory-hotplug.ts';
import { PCI_HOTPLUG_BASE, PCI_HOTPLUG_SIZE } from './pci-hotplug.ts';

const DEBUG_PORT = 0x402;
const FW_CFG_BASE = 0x510;
const FW_CFG_SIZE = 12;
export const HPET_BASE = 0xfed00000;
const HPET_SIZE = 0x400;
/** Spec: IA-PC HPET §2.3.4: a counter period is at most 100 ns. */
const HPET_MAX_PERIOD_FS = 100_000_000;

/** `_STA` of a device that is there, but not shown to the user. Spec: ACPI 6.5 §6.3.7. */
const STA_HIDDEN = 0x0b;
const STA_SHOWN = 0x0f;

/** The body of the DSDT, without its header. */
export function pcDsdt(config: AcpiConfig): Aml {
  return terms(
    debugPort(),
    scope(
      '\\_SB',
      device('PCI0', name('_HID', eisaId('PNP0A03')), name('_ADR', 0), name('_UID', config.rootUid)),
    ),
    pciHotplugMethods(PCI_HOTPLUG_BASE),
    interruptLinks(),
    ...(config.hpet ? [hpet()] : []),
    scope('\\_GPE', name('_HID', text('ACPI0006'))),
    cpuDevices(config.cpus, CPU_HOTPLUG_BASE),
    method('\\_GPE._E02', 0, call('\\_SB.CPUS.CSCN')),
    ...(dimmSlots(config) === 0
      ? []
      : [
          dimmDevices(dimmSlots(config), MEMORY_HOTPLUG_BASE),
          method('\\_GPE._E03', 0, call('\\_SB.MHPC.MSCN')),
        ]),
    rootBridgeResources(config),
    sleepStates(),
    scope('\\_SB.PCI0', hiddenPorts('FWCF', 'QEMU0002', undefined, FW_CFG_BASE, FW_CFG_SIZE)),
    pciSlots(config),
  );
}

/** `DBUG (value)`: writes a value in hexadecimal and a line end to QEMU's debug console. */
function debugPort(): Aml {
  const digits = local(0);
  const at = local(1);
  return scope(
    '\\',
    operationRegion('DBG', 'SystemIO', DEBUG_PORT, 1),
    field('DBG', 'ByteAcc', 'Preserve', [['DBGB', 8]]),
    method(
      'DBUG',
      1,
      store(toBuffer(toHexString(arg(0))), digits),
      store(0, at),
      loopWhile(less(add(at, 1), sizeOf(digits)), store(derefOf(index(digits, at)), 'DBGB'), increment(at)),
      store(0x0a, 'DBGB'),
    ),
  );
}

/** `_STA` answers 0 when the block is missing or tells nonsense: an all-zero or all-one vendor, a bad period. */
function hpet(): Aml {
  const vendor = local(0);
  const period = local(1);
  return scope(
    '\\_SB',
    device(
      'HPET',
      name('_HID', eisaId('PNP0103')),
      name('_UID', 0),
      operationRegion('HPTM', 'SystemMemory', HPET_BASE, HPET_SIZE),
      field(
        'HPTM',
        'DWordAcc',
        'Preserve',
        [
          ['VEND', 32],
          ['PRD', 32],
        ],
        true,
      ),
      method(
        '_STA',
        0,
        store(shiftRight('VEND', 16), vendor),
        store('PRD', period),
        when(either(equal(vendor, 0), equal(vendor, 0xffff)), returns(0)),
        when(either(equal(period, 0), greater(period, HPET_MAX_PERIOD_FS)), returns(0)),
        returns(STA_SHOWN),
      ),
      name('_CRS', resourceTemplate(memory32FixedReadOnly(HPET_BASE, HPET_SIZE))),
    ),
  );
}

/** What the host bridge passes on to PCI: all ports but its own, the VGA window, and the holes RAM leaves. */
function rootBridgeResources(config: AcpiConfig): Aml {
  const [low, high] = pciWindows(config);
  return scope(
    '\\_SB.PCI0',
    name(
      '_CRS',
      resourceTemplate(
        wordBusNumber({ min: 0, max: 0xff }),
        io(0xcf8, 8),
        wordIo({ min: 0, max: 0xcf7 }),
        wordIo({ min: 0xd00, max: 0xffff }),
        dwordMemory({ min: 0xa0000, max: 0xbffff }, true),
        dwordMemory(low, false),
        ...(config.hasPciHole64 ? [qwordMemory(high)] : []),
      ),
    ),
    hiddenPorts('GPE0', 'PNP0A06', 'GPE0 resources', GPE_BASE, GPE_SIZE),
    hiddenPorts('PHPR', 'PNP0A06', 'PCI Hotplug resources', PCI_HOTPLUG_BASE, PCI_HOTPLUG_SIZE),
  );
}

/** A device that only reserves ports. */
function hiddenPorts(path: string, hid: string, uid: string | undefined, base: number, size: number): Aml {
  return device(
    path,
    name('_HID', text(hid)),
    ...(uid === undefined ? [] : [name('_UID', text(uid))]),
    name('_STA', STA_HIDDEN),
    name('_CRS', resourceTemplate(io(base, size))),
  );
}

/** SLP_TYP values that the PIIX4 takes: 1 suspends to RAM, 2 to disk, 0 is soft off. */
function sleepStates(): Aml {
  return scope(
    '\\',
    name('_S3', pkg([1, 1, 0, 0])),
    name('_S4', pkg([2, 2, 0, 0])),
    name('_S5', pkg([0, 0, 0, 0])),
  );
}
