/** Interrupt wires of a device that a client of qtest listens on, or drives. */
import { type GpioLines, Qdev } from '../qdev/tree.ts';
import type { QtestMachine } from './qtest-machine.ts';
import { QtestError } from './qtest-words.ts';

/** QEMU: the levels that it has told are those of 256 wires, whatever device they are of. */
const MAX_IRQ = 256;
/** QEMU's name of the wires of a device that have none, where one must be said. */
const UNNAMED_IN = 'unnamed-gpio-in';

/** Told a change of a wire's level. */
export type IrqReport = (index: number, level: boolean) => void;

export class IrqIntercept {
  readonly #machine: QtestMachine;
  readonly #report: IrqReport;
  readonly #levels = new Uint8Array(MAX_IRQ);
  #device: Qdev | undefined;

  constructor(machine: QtestMachine, report: IrqReport) {
    this.#machine = machine;
    this.#report = report;
  }

  /**
   * Reports from now on what happens on the wires of one device. QEMU: one client can listen on one device, in one direction; wires with a
   * name are left out. Throws QtestError.
   */
  begin(path: string | undefined, direction: GpioLines['direction']): void {
    const device = this.#find(path);
    if (this.#device !== undefined) {
      if (this.#device !== device) throw new QtestError('IRQ intercept already enabled');
      return;
    }
    for (const { wires, name, direction: found } of device.gpios) {
      if (found === direction && name === '') wires?.listen((index, level) => this.#changed(index, level));
    }
    this.#device = device;
  }

  /** Drives an input of a device. Throws QtestError. */
  set(path: string | undefined, name: string | undefined, index: number, level: boolean): void {
    const wanted = name === UNNAMED_IN ? '' : name;
    const wires = this.#find(path).gpios.find((one) => one.direction === 'in' && one.name === wanted)?.wires;
    if (wires === undefined || index >= wires.count)
      throw new QtestError(`No wire ${index} of '${name ?? ''}'`);
    wires.line(index).set(level);
  }

  #find(path = ''): Qdev {
    const found = this.#machine.qom.find(path);
    const [device] = found;
    if (found.length !== 1 || !(device instanceof Qdev)) throw new QtestError('Unknown device');
    return device;
  }

  #changed(index: number, level: boolean): void {
    const told = level ? 1 : 0;
    if (index >= MAX_IRQ || this.#levels[index] === told) return;
    this.#levels[index] = told;
    this.#report(index, level);
  }
}
