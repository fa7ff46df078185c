/** A SCSI bus: which logical unit has which address, and how units come and go. Spec: SAM-5 §4.7; the rules and texts are QEMU's. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import type { Qdev } from '../qdev/tree.ts';
import type { ScsiDisk } from './scsi-disk.ts';
import { REPORTED_LUNS_CHANGED, type Sense, takesPrecedence } from './scsi-sense.ts';

export const SCSI_BUS_TYPE = 'SCSI';
/** QEMU: the number of a target or a unit that may have any. */
export const ANY_NUMBER = 0xffff_ffff;

export interface ScsiAddress {
  readonly channel: number;
  readonly target: number;
  readonly lun: number;
}

/** The highest numbers that a controller has. */
export type ScsiLimits = ScsiAddress;

/** What a controller does when its bus changes. */
export interface ScsiController {
  /** A unit came; the driver may be told when it came while the machine runs. */
  unitPlugged(unit: ScsiDisk, hotplugged: boolean): void;
  /** The unit leaves: what it has under way ends now. */
  unitUnplugged(unit: ScsiDisk): void;
  /** What a unit is has changed, as its size. */
  unitChanged(unit: ScsiDisk, sense: Sense): void;
  /** The unit is reset: what it has under way ends. */
  unitReset(unit: ScsiDisk): void;
}

/** The hardware of a unit. */
export class ScsiUnitHardware implements Hardware {
  readonly unit: ScsiDisk;
  readonly sections: readonly ScsiDisk[];
  readonly release: () => void;

  constructor(unit: ScsiDisk, release: () => void) {
    this.unit = unit;
    this.sections = [unit];
    this.release = release;
  }

  buses(): readonly NewBus[] {
    return [];
  }
}

export class ScsiBus implements HotplugHandler {
  readonly limits: ScsiLimits;
  readonly hasTags: boolean;
  /** A condition that the next command to any unit is told. */
  attention: Sense | null = null;
  readonly #controller: ScsiController;
  #units: readonly ScsiDisk[] = [];

  /** @param hasTags the controller gives commands tags */
  constructor(limits: ScsiLimits, controller: ScsiController, hasTags = true) {
    this.limits = limits;
    this.hasTags = hasTags;
    this.#controller = controller;
  }

  /** Newest first. */
  get units(): readonly ScsiDisk[] {
    return this.#units;
  }

  get controller(): ScsiController {
    return this.#controller;
  }

  /** The unit at that address, or else any of the target, which answers for it. */
  find(channel: number, target: number, lun: number): ScsiDisk | undefined {
    const all = this.ofTarget(channel, target);
    return all.find(({ address }) => address.lun === lun) ?? all[0];
  }

  /** Newest first. */
  ofTarget(channel: number, target: number): readonly ScsiDisk[] {
    return this.#units.filter(({ address }) => address.channel === channel && address.target === target);
  }

  reset(): void {
    for (const unit of this.#units) unit.reset();
  }

  setAttention(sense: Sense): void {
    if (this.attention === null || takesPrecedence(sense, this.attention)) this.attention = sense;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const [channel, target, lun] = ['channel', 'scsi-id', 'lun'].map((name) =>
      Number(device.values.get(name)),
    );
    const asked = { channel: channel ?? 0, target: target ?? ANY_NUMBER, lun: lun ?? ANY_NUMBER };
    const chosen = this.#refusal(asked) ?? this.#choose(asked);
    if (chosen instanceof MonitorError) return chosen;
    device.place('scsi-id', chosen.target);
    device.place('lun', chosen.lun);
    return undefined;
  }

  plug(device: Qdev): void {
    const unit = unitOf(device);
    const [channel = 0, target = 0, lun = 0] = ['channel', 'scsi-id', 'lun'].map((name) =>
      Number(device.valueNamed(name)),
    );
    unit.connect(this, { channel, target, lun }, device.id);
    this.#units = [unit, ...this.#units];
    this.#controller.unitPlugged(unit, device.hotplugged);
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  unplug(device: Qdev): void {
    const unit = unitOf(device);
    this.#controller.unitUnplugged(unit);
    this.#units = this.#units.filter((one) => one !== unit);
  }

  /** Units came or went: the next command is told. */
  unitsChanged(): void {
    this.setAttention(REPORTED_LUNS_CHANGED);
  }

  #refusal({ channel, target, lun }: ScsiAddress): MonitorError | undefined {
    const { limits } = this;
    if (channel > limits.channel) return new MonitorError(`bad scsi channel id: ${channel}`);
    if (target !== ANY_NUMBER && target > limits.target)
      return new MonitorError(`bad scsi device id: ${target}`);
    if (lun !== ANY_NUMBER && lun > limits.lun) return new MonitorError(`bad scsi device lun: ${lun}`);
    const other = this.#at({ channel, target, lun });
    if (other === undefined) return undefined;
    return new MonitorError(`lun already used by '${other.id || '(null)'}'`);
  }

  /** QEMU: without a target the first that has the unit free; with one, its first free unit. */
  #choose({ channel, target, lun }: ScsiAddress): ScsiAddress | MonitorError {
    if (target === ANY_NUMBER) {
      const wanted = lun === ANY_NUMBER ? 0 : lun;
      for (let id = 0; id <= this.limits.target; id++) {
        const address = { channel, target: id, lun: wanted };
        if (this.#at(address) === undefined) return address;
      }
      return new MonitorError('no free target');
    }
    if (lun !== ANY_NUMBER) return { channel, target, lun };
    const taken = new Set(this.ofTarget(channel, target).map(({ address }) => address.lun));
    for (let free = 0; free <= this.limits.lun; free++) {
      if (!taken.has(free)) return { channel, target, lun: free };
    }
    return new MonitorError('no free lun');
  }

  #at({ channel, target, lun }: ScsiAddress): ScsiDisk | undefined {
    return this.ofTarget(channel, target).find(({ address }) => address.lun === lun);
  }
}

function unitOf({ path, hardware }: Qdev): ScsiDisk {
  assert(hardware instanceof ScsiUnitHardware, `${path} is a SCSI disk`);
  return hardware.unit;
}

/** The bus that the card of `request` brings. QEMU names it after the card. */
export function scsiBusOf(bus: ScsiBus, { id }: Pick<RealizeRequest, 'id'>): NewBus {
  return { ...(id === '' ? {} : { name: `${id}.0` }), type: SCSI_BUS_TYPE, handler: bus };
}
