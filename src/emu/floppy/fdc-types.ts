/** isa-fdc and floppy: QEMU's properties, the bus between them, and the errors of their realize steps. */
import { type BlockLimits, blockLimits, driveProperties } from '../block/block-properties.ts';
import { DRIVES } from '../block/drives.ts';
import { ISA_SLOT, IsaHardware } from '../chipset/isa-bus.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import {
  enumeration,
  fixed,
  INT32,
  number,
  type PropertyKind,
  type PropertySpec,
} from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { ANY_UNIT, FLOPPY_BUS_TYPE, FloppySlots } from './floppy-bus.ts';
import { SECTOR_BYTES } from './floppy-drive.ts';
import { FLOPPY_TYPES, type FloppyType } from './floppy-formats.ts';
import { FloppyHardware } from './floppy-hardware.ts';
import { I82078 } from './i82078.ts';

const ISA_IRQS = 16;
const DMA_CHANNELS = 8;

const FDC_DRIVE_TYPE: PropertyKind = enumeration('FdcDriveType', FLOPPY_TYPES);
const typeProperty = (name: string, byDefault: FloppyType): PropertySpec => ({
  name,
  kind: FDC_DRIVE_TYPE,
  default: byDefault,
  help: 'FDC drive type, 144/288/120/none/auto',
});
const bootIndex = (name: string): PropertySpec => fixed({ name, kind: INT32 });

export const ISA_FDC: DeviceType = {
  name: 'isa-fdc',
  description: 'virtual floppy controller',
  category: 'Storage',
  busType: 'ISA',
  userCreatable: true,
  // QEMU: it is the ISA bus that takes nothing while the machine runs.
  hotpluggable: true,
  properties: [
    number('iobase', 0x3f0),
    number('irq', 6),
    number('dma', 2),
    // QEMU: it takes these two and does nothing with them.
    typeProperty('fdtypeA', 'auto'),
    typeProperty('fdtypeB', 'auto'),
    typeProperty('fallback', '288'),
  ],
  options: [bootIndex('bootindexA'), bootIndex('bootindexB')],
  realize: realizeFdc,
};

export const FLOPPY: DeviceType = {
  name: 'floppy',
  description: 'virtual floppy drive',
  category: 'Storage',
  busType: FLOPPY_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  properties: [
    number('unit', ANY_UNIT),
    ...driveProperties('floppy').filter(({ name }) => name !== 'rerror' && name !== 'werror'),
    typeProperty('drive-type', 'auto'),
  ],
  realize: realizeFloppy,
};

export const FLOPPY_DEVICE_TYPES: readonly DeviceType[] = [ISA_FDC, FLOPPY];

function realizeFdc({ values, services }: RealizeRequest): RealizedDevice {
  const fallback = values.text('fallback') as FloppyType;
  if (fallback === 'auto') throw new MonitorError("Cannot choose a fallback FDrive type of 'auto'");
  // QEMU: it stops with an assertion.
  for (const [name, count] of [
    ['irq', ISA_IRQS],
    ['dma', DMA_CHANNELS],
  ] as const) {
    if (values.number(name) >= count) throw new MonitorError(`isa-fdc: ${name} must be below ${count}`);
  }
  const slot = services.get(ISA_SLOT);
  const [clock, trace] = [services.get(CLOCK), services.get(TRACE)];
  const [irq, dma] = [values.number('irq'), values.number('dma')];
  const fdc = new I82078({ slot, irq, dma, fallback, clock, trace });
  const slots = new FloppySlots(fdc, fallback, services);
  return {
    hardware: new IsaHardware({
      sections: [fdc],
      plug: (isa) => fdc.attach(isa, values.number('iobase')),
      buses: [slots.bus()],
    }),
  };
}

function limitsOf(request: RealizeRequest): BlockLimits {
  const limits = blockLimits(request.values);
  if (limits instanceof MonitorError) throw limits;
  if (limits.logicalBlockSize !== SECTOR_BYTES || limits.physicalBlockSize !== SECTOR_BYTES) {
    throw new MonitorError('Physical and logical block size must be 512 for floppy');
  }
  return limits;
}

async function realizeFloppy(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services, id, path } = request;
  const drives = services.get(DRIVES);
  const limits = limitsOf(request);
  const name = values.text('drive');
  const owner = id === '' ? path : id;
  const errors = drives.find(name)?.gate.errors.policies;
  if (errors !== undefined) {
    const { read, write } = errors;
    if (write !== 'enospc' && write !== 'report') {
      throw new MonitorError("fdc doesn't support drive option werror");
    }
    if (read !== 'report') throw new MonitorError("fdc doesn't support drive option rerror");
  }
  const drive = name === '' ? drives.attachEmpty(owner) : await drives.attach(name, owner, true);
  return {
    hardware: new FloppyHardware({ type: values.text('drive-type') as FloppyType, drive }, () =>
      drives.deviceGone(drive),
    ),
    values: new Map([
      ['logical_block_size', limits.logicalBlockSize],
      ['physical_block_size', limits.physicalBlockSize],
    ]),
  };
}
