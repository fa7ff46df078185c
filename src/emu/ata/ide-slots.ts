/** The places of an IDE bus, as the user fills them before the machine runs. QEMU: none comes or goes while it does. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice } from '../qdev/device-type.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import { ServiceName, type Services } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import { AtaHardware } from './ata-hardware.ts';
import type { AtaTasks } from './ata-tasks.ts';
import type { AtaUnit } from './ata-unit.ts';

export const IDE_BUS_TYPE = 'IDE';
/** QEMU: which place there is for a device that may have any. */
export const ANY_UNIT = 0xffff_ffff;
const UNITS = 2;

/** QEMU numbers the places of all IDE buses, of which a drive without a serial number gets its own. */
class PlaceNumbers {
  #count = 0;

  /** The first of as many places as a bus has in QEMU. */
  take(): number {
    const first = this.#count + 1;
    this.#count += UNITS;
    return first;
  }
}

const PLACE_NUMBERS = new ServiceName<PlaceNumbers>('ide-places', () => new PlaceNumbers());

export class IdeSlots implements HotplugHandler {
  readonly #units: readonly AtaUnit[];
  readonly #tasks: AtaTasks;
  readonly #taken: boolean[];
  readonly #firstNumber: number;

  /** @param units as many as devices the bus takes */
  constructor(units: readonly AtaUnit[], tasks: AtaTasks, services: Pick<Services, 'get'>) {
    this.#units = units;
    this.#tasks = tasks;
    this.#taken = units.map(() => false);
    this.#firstNumber = services.get(PLACE_NUMBERS).take();
  }

  /** @param name absent: QEMU's automatic name */
  bus(name?: string): NewBus {
    return {
      ...(name === undefined ? {} : { name }),
      ...{ type: IDE_BUS_TYPE, handler: this, coldPlugOnly: true },
    };
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const asked = Number(device.values.get('unit') ?? ANY_UNIT);
    // QEMU: only the first place is looked at, whichever of two a device may have.
    const unit = asked === ANY_UNIT ? Number(this.#taken[0]) : asked;
    if (unit >= this.#units.length) {
      return new MonitorError(`Can't create IDE unit ${unit}, bus supports only ${this.#units.length} units`);
    }
    if (this.#taken[unit] === true) return new MonitorError(`IDE unit ${unit} is in use`);
    device.place('unit', unit);
    if (device.values.get('serial') === undefined || device.values.get('serial') === '') {
      device.place('serial', `QM${String(this.#firstNumber + unit).padStart(5, '0')}`);
    }
    return undefined;
  }

  plug(device: Qdev): void {
    const unit = this.#unitOf(device);
    const { drive } = hardwareOf(device).device;
    unit.attach(hardwareOf(device).device);
    drive.gate.onDrain = () => this.#tasks.drain(drive.gate);
    this.#taken[this.#units.indexOf(unit)] = true;
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  /** With its controller. */
  unplug(device: Qdev): void {
    const unit = this.#unitOf(device);
    unit.attach(undefined);
    this.#taken[this.#units.indexOf(unit)] = false;
  }

  #unitOf(device: Qdev): AtaUnit {
    const unit = this.#units[Number(device.valueNamed('unit'))];
    assert(unit !== undefined, `${device.path} is on its bus`);
    return unit;
  }
}

function hardwareOf({ path, hardware }: Qdev): AtaHardware {
  assert(hardware instanceof AtaHardware, `${path} is an ATA device`);
  return hardware;
}
