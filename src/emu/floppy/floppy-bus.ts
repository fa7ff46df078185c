/** The two places for drives at a floppy controller, as the user fills them before the machine runs. */
import { DRIVES } from '../block/drives.ts';
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice } from '../qdev/device-type.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import type { Services } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import { SECTOR_BYTES } from './floppy-drive.ts';
import { chosenType, type FloppyType } from './floppy-formats.ts';
import { FloppyHardware } from './floppy-hardware.ts';
import type { I82078 } from './i82078.ts';

export const FLOPPY_BUS_TYPE = 'floppy-bus';
/** QEMU: which place there is for a drive that may have any. */
export const ANY_UNIT = 0xffff_ffff;
const UNITS = 2;

export class FloppySlots implements HotplugHandler {
  readonly #fdc: I82078;
  readonly #fallback: FloppyType;
  readonly #services: Pick<Services, 'get'>;

  constructor(fdc: I82078, fallback: FloppyType, services: Pick<Services, 'get'>) {
    this.#fdc = fdc;
    this.#fallback = fallback;
    this.#services = services;
  }

  bus(): NewBus {
    return { type: FLOPPY_BUS_TYPE, handler: this, coldPlugOnly: true };
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const asked = Number(device.values.get('unit') ?? ANY_UNIT);
    const free = this.#fdc.drives.findIndex(({ unit }) => unit === undefined);
    const unit = asked !== ANY_UNIT ? asked : free < 0 ? UNITS : free;
    if (unit >= UNITS) {
      return new MonitorError(`Can't create floppy unit ${unit}, bus supports only ${UNITS} units`);
    }
    if (this.#fdc.drives[unit === 0 ? 0 : 1].unit !== undefined) {
      return new MonitorError(`Floppy unit ${unit} is in use`);
    }
    device.place('unit', unit);
    const type = String(device.values.get('drive-type') ?? 'auto') as FloppyType;
    const sectors = this.#sectorsIn(String(device.values.get('drive') ?? ''));
    device.place('drive-type', chosenType(type, sectors, this.#fallback));
    return undefined;
  }

  /** Of the diskette in a drive, or of the node of that name; undefined: there is none. */
  #sectorsIn(name: string): number | undefined {
    const drives = this.#services.get(DRIVES);
    const bytes = drives.find(name)?.medium?.backend.sizeBytes ?? drives.nodes.find(name)?.disk.sizeBytes;
    return bytes === undefined ? undefined : Math.floor(bytes / SECTOR_BYTES);
  }

  plug(device: Qdev): void {
    this.#fdc.plug(placeOf(device), hardwareOf(device).unit);
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  /** With its controller. */
  unplug(device: Qdev): void {
    this.#fdc.plug(placeOf(device), undefined);
  }
}

function placeOf(device: Qdev): 0 | 1 {
  return Number(device.valueNamed('unit')) === 0 ? 0 : 1;
}

function hardwareOf({ path, hardware }: Qdev): FloppyHardware {
  assert(hardware instanceof FloppyHardware, `${path} is a floppy drive`);
  return hardware;
}
