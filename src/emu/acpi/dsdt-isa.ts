/** The ISA devices behind the PIIX3, and its PIRQ registers. */
import type { AcpiConfig, FloppyType } from './acpi-config.ts';
import { type Aml, buffer, eisaId, littleEndian, pkg, terms, text } from './aml.ts';
import { dma8, io, irqNoFlags, resourceTemplate } from './aml-resources.ts';
import {
  arg,
  device,
  field,
  local,
  method,
  name,
  operationRegion,
  returns,
  scope,
  store,
} from './aml-terms.ts';

const STA_SHOWN = 0x0f;
const PIRQ_ROUTE_BASE = 0x60;

const COM_PORTS: readonly (readonly [base: number, irq: number])[] = [
  [0x3f8, 4],
  [0x2f8, 3],
  [0x3e8, 4],
  [0x2e8, 3],
];

/** Drive type of CMOS, last cylinder, sectors and last head, as QEMU reports them. */
const FLOPPY_DRIVES: Readonly<Partial<Record<FloppyType, readonly number[]>>> = {
  '144': [4, 0x52, 0x18, 1],
  '288': [5, 0x4f, 0x30, 1],
  '120': [2, 0x52, 0x14, 1],
};
/** Spec: ACPI 6.5 §9.9.2: `_FDI` ends with the disk parameter table of INT 1Eh. */
const DISK_PARAMETERS = [0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08];
const FLOPPY_DRIVE_COUNT = 4;
/** Spec: §9.9.1: the last number of `_FDE` tells of a tape drive; 2 is never present. */
const FLOPPY_NO_TAPE = 2;

/** What the device of the PIIX3's function 0 contains. */
export function isaDevices(config: AcpiConfig): readonly Aml[] {
  return [
    operationRegion('P40C', 'PCI_Config', PIRQ_ROUTE_BASE, 4),
    scope(
      '\\_SB',
      field('PCI0.S08.P40C', 'ByteAcc', 'Preserve', [
        ['PRQ0', 8],
        ['PRQ1', 8],
        ['PRQ2', 8],
        ['PRQ3', 8],
      ]),
    ),
    ...(config.pvpanicPort === undefined ? [] : [guestPanic(config.pvpanicPort)]),
    isaDevice('KBD', 'PNP0303', [io(0x60, 1), io(0x64, 1), irqNoFlags(1)], STA_SHOWN),
    isaDevice('MOU', 'PNP0F13', [irqNoFlags(12)], STA_SHOWN),
    ...(config.floppies === undefined ? [] : [floppyController(config.floppies)]),
    ...(config.parallelPort
      ? [isaDevice('LPT1', 'PNP0400', [io(0x378, 8, 8), irqNoFlags(7)], STA_SHOWN, 1)]
      : []),
    ...config.serialPorts.map(serialPort),
    isaDevice('RTC', 'PNP0B00', [io(0x70, 8), irqNoFlags(8)]),
  ];
}

function isaDevice(path: string, hid: string, resources: readonly Aml[], sta?: number, uid?: number): Aml {
  return device(
    path,
    name('_HID', eisaId(hid)),
    ...(uid === undefined ? [] : [name('_UID', uid)]),
    ...(sta === undefined ? [] : [name('_STA', sta)]),
    name('_CRS', resourceTemplate(...resources)),
  );
}

/** `RDPT` and `WRPT` read and write the register. Spec: QEMU docs/specs/pvpanic, ACPI interface. */
function guestPanic(port: number): Aml {
  return device(
    'PEVT',
    name('_HID', text('QEMU0001')),
    name('_CRS', resourceTemplate(io(port, 1))),
    operationRegion('PEOR', 'SystemIO', port, 1),
    field('PEOR', 'ByteAcc', 'Preserve', [['PEPT', 8]]),
    name('_STA', STA_SHOWN),
    method('RDPT', 0, store('PEPT', local(0)), returns(local(0))),
    method('WRPT', 1, store(arg(0), 'PEPT')),
  );
}

function serialPort(port: number): Aml {
  const [base, irq] = COM_PORTS[port - 1];
  return isaDevice(`COM${port}`, 'PNP0501', [io(base, 8, 0), irqNoFlags(irq)], STA_SHOWN, port);
}

function floppyController(types: readonly (FloppyType | undefined)[]): Aml {
  const drives = types.flatMap((type, drive) => {
    const facts = type && FLOPPY_DRIVES[type];
    return facts === undefined ? [] : [{ drive, facts }];
  });
  const isThere = (drive: number): boolean => drives.some((one) => one.drive === drive);
  const present = Array.from({ length: FLOPPY_DRIVE_COUNT }, (_, drive) => (isThere(drive) ? 1 : 0));
  return device(
    'FDC0',
    name('_HID', eisaId('PNP0700')),
    name('_CRS', resourceTemplate(io(0x3f2, 4, 0), io(0x3f7, 1, 0), irqNoFlags(6), dma8(2))),
    ...drives.map(({ drive, facts }) =>
      device(
        drive === 0 ? 'FLPA' : 'FLPB',
        name('_ADR', drive),
        name('_FDI', pkg([drive, ...facts, ...DISK_PARAMETERS])),
      ),
    ),
    name('_FDE', buffer(terms(...[...present, FLOPPY_NO_TAPE].map((value) => littleEndian(value, 4))))),
  );
}
