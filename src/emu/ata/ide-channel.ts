/** A channel of an IDE controller: the registers of two devices on one cable, and the bus master. Spec: ATA/ATAPI-6 §7. */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { BOOLEAN, BYTE, integer, list, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import type { AtaHost, AtaTask, DmaBuffers } from './ata-host.ts';
import * as r from './ata-registers.ts';
import { ATA_KEPT_STATE, ATA_UNIT_STATE, type AtaKeptState, type AtaUnitState } from './ata-state.ts';
import type { AtaTasks } from './ata-tasks.ts';
import { AtaUnit } from './ata-unit.ts';
import { BUS_MASTER_STATE, BusMaster, type BusMasterClient, type BusMasterState } from './bus-master.ts';

const DATA = 0;
const ERROR_FEATURES = 1;
const COUNT = 2;
const LOW = 3;
const MID = 4;
const HIGH = 5;
const DEVICE = 6;
const STATUS_COMMAND = 7;
export const COMMAND_BLOCK_BYTES = 8;
/** QEMU's names of what is read and written, in its trace. */
const ADDRESS_NAMES = ['Sector Count', 'Sector Number', 'Cylinder Low', 'Cylinder High', 'Device/Head'];
const READ_NAMES = ['Data', 'Error', ...ADDRESS_NAMES, 'Status'];
const WRITE_NAMES = ['Data', 'Features', ...ADDRESS_NAMES, 'Command'];

export type IdeChannelState = {
  /** Which of the devices is selected. */
  readonly selected: number;
  readonly control: number;
  readonly irq: boolean;
  readonly master: BusMasterState;
  readonly units: readonly AtaUnitState[];
};

export const IDE_CHANNEL_STATE = record<IdeChannelState>({
  selected: integer(0, 1),
  control: BYTE,
  irq: BOOLEAN,
  master: BUS_MASTER_STATE,
  units: list(ATA_UNIT_STATE, 2),
});
export const IDE_KEPT_STATE = list(ATA_KEPT_STATE, 2);

type TaskRegister = 'feature' | 'count' | 'low' | 'mid' | 'high';
const HOB = {
  feature: 'hobFeature',
  count: 'hobCount',
  low: 'hobLow',
  mid: 'hobMid',
  high: 'hobHigh',
} as const;

const taskRegister = (offset: number, name: string, help: string, field: TaskRegister) =>
  register<IdeChannel>(offset, 1, name, help, {
    read: (channel) => channel.readTaskFile(field),
    write: (channel, value) => channel.writeTaskFile(field, value),
  });

export class IdeChannel implements AtaHost, BusMasterClient {
  static readonly registers = new RegisterTable<IdeChannel>(
    {
      name: 'ide',
      title: 'ATA command block',
      place: 'ports 0x1f0 and 0x170',
      spec: 'ATA/ATAPI-6 §7',
    },
    [
      register(DATA, 2, 'DATA', 'data of PIO transfers, by two or four bytes', {
        read: (channel, size) => channel.readData(size),
        write: (channel, value, size) => channel.writeData(size, value),
      }),
      taskRegister(
        ERROR_FEATURES,
        'ERROR, FEATURES',
        'why a command failed; written: a variant of one',
        'feature',
      ),
      taskRegister(COUNT, 'SECTOR COUNT', 'sectors; of packet commands the reason of an interrupt', 'count'),
      taskRegister(LOW, 'LBA LOW', 'address of a sector', 'low'),
      taskRegister(MID, 'LBA MID', 'the same; of packet commands a count of bytes', 'mid'),
      taskRegister(HIGH, 'LBA HIGH', 'the same', 'high'),
      register(DEVICE, 1, 'DEVICE', 'which device, and the rest of the address', {
        read: (channel) => (channel.isEmpty ? 0 : channel.active.s.device),
        write: (channel, value) => channel.writeDevice(value),
      }),
      register(STATUS_COMMAND, 1, 'STATUS, COMMAND', 'reading withdraws the interrupt; writing begins', {
        read: (channel) => channel.readStatus(),
        write: (channel, value) => channel.writeCommand(value),
      }),
    ],
  );
  readonly memory: DmaPort;
  readonly movesPio = false;
  readonly queues = 0;
  readonly units: readonly [AtaUnit, AtaUnit];
  readonly master: BusMaster;
  readonly #tasks: AtaTasks;
  readonly #irq: IrqLine;
  readonly trace: Trace;
  #selected = 0;
  #control = 0;
  #level = false;

  constructor(parts: { memory: DmaPort; tasks: AtaTasks; irq: IrqLine; trace: Trace }) {
    this.memory = parts.memory;
    this.#tasks = parts.tasks;
    this.#irq = parts.irq;
    this.trace = parts.trace;
    this.units = [new AtaUnit(this), new AtaUnit(this)];
    this.master = new BusMaster(parts.memory, this, parts.trace);
  }

  /** The device that is selected, or its place. */
  get active(): AtaUnit {
    return this.units[this.#selected === 0 ? 0 : 1];
  }

  /** No device is on the cable. */
  get isEmpty(): boolean {
    return this.units.every(({ device }) => device === undefined);
  }

  /** QEMU: nothing answers for a missing device 1, but device 0 always does where there is any. */
  get #isAbsent(): boolean {
    return this.isEmpty || (this.#selected === 1 && this.active.device === undefined);
  }

  /** The command block at `base`. */
  handler(base: number): IoHandler {
    return {
      read: (offset, size) => {
        if (offset === DATA && size > 1) return this.#readData(base, size);
        if (size === 4) return OPEN_BUS[4];
        let value = 0;
        for (let n = size - 1; n >= 0; n--) value = value * 256 + this.#readByte(base, offset + n);
        return value;
      },
      write: (offset, size, value) => {
        if (offset === DATA && size > 1) this.#writeData(base, size, value);
        else if (size < 4) {
          for (let n = 0; n < size; n++) this.#writeByte(base, offset + n, (value >>> (8 * n)) & 0xff);
        }
      },
    };
  }

  /** QEMU: a byte of DATA takes a word from the device, for the sake of old boot loaders. */
  #readByte(base: number, offset: number): number {
    if (offset >= COMMAND_BLOCK_BYTES) return OPEN_BUS[1];
    const { trace } = this;
    const value =
      offset === DATA
        ? this.#readData(base, 2) & 0xff
        : (IdeChannel.registers.read(this, trace, offset, 1) ?? OPEN_BUS[1]);
    if (trace.on)
      trace.event('ide_ioport_read', base + offset, READ_NAMES[offset] ?? '', value, this, this.active);
    return value;
  }

  #writeByte(base: number, offset: number, value: number): void {
    const { trace } = this;
    if (offset >= COMMAND_BLOCK_BYTES) return;
    if (trace.on)
      trace.event('ide_ioport_write', base + offset, WRITE_NAMES[offset] ?? '', value, this, this.active);
    if (offset !== DATA) IdeChannel.registers.write(this, trace, offset, 1, value);
  }

  #readData(base: number, size: AccessSize): number {
    const { trace, active } = this;
    const value = IdeChannel.registers.read(this, trace, DATA, size) ?? 0;
    if (trace.on) trace.event(size === 4 ? 'ide_data_readl' : 'ide_data_readw', base, value, this, active);
    return value;
  }

  #writeData(base: number, size: AccessSize, value: number): void {
    const { trace } = this;
    const event = size === 4 ? 'ide_data_writel' : 'ide_data_writew';
    if (trace.on) trace.event(event, base, value, this, this.active);
    IdeChannel.registers.write(this, trace, DATA, size, value);
  }

  /** Alternate status and device control at `base`. */
  control(base: number): IoHandler {
    const { trace } = this;
    return {
      read: (_offset, size) => {
        if (size === 4) return OPEN_BUS[4];
        const value = this.readAlternate();
        if (trace.on) trace.event('ide_status_read', base, value, this, this.active);
        return value | (OPEN_BUS[size] & ~0xff);
      },
      write: (_offset, size, value) => {
        if (size === 4) return;
        if (trace.on) trace.event('ide_ctrl_write', base, value & 0xff, this);
        this.writeControl(value & 0xff);
      },
    };
  }

  /** Alternate status. */
  readAlternate(): number {
    return this.#isAbsent ? 0 : this.active.s.status;
  }

  /** Device control. QEMU: what SRST begins is over soon, and the bit reads as if it had never been set. */
  writeControl(value: number): void {
    const begins = (value & r.CONTROL_SRST) !== 0 && (this.#control & r.CONTROL_SRST) === 0;
    this.#control = value;
    if (!begins) return;
    for (const unit of this.units) unit.softReset();
    this.#control &= ~r.CONTROL_SRST;
  }

  readTaskFile(field: TaskRegister): number {
    const { s } = this.active;
    if (field === 'feature') {
      if (this.#isAbsent) return 0;
      return this.#showsHob ? s.hobFeature : s.error;
    }
    if (this.isEmpty) return 0;
    return (this.#showsHob ? s[HOB[field]] : s[field]) & 0xff;
  }

  /** Both devices hear what is written. */
  writeTaskFile(field: TaskRegister, value: number): void {
    if (this.#isBusy) return;
    this.#control &= ~r.CONTROL_HOB;
    for (const { s } of this.units) {
      s[HOB[field]] = s[field] & 0xff;
      s[field] = value;
    }
  }

  writeDevice(value: number): void {
    if (this.#isBusy) return;
    this.#control &= ~r.CONTROL_HOB;
    for (const { s } of this.units) s.device = value | r.DEVICE_ALWAYS;
    this.#selected = (value & r.DEVICE_DEV) === 0 ? 0 : 1;
  }

  readStatus(): number {
    const status = this.#isAbsent ? 0 : this.active.s.status;
    this.#setIrq(false);
    return status;
  }

  writeCommand(value: number): void {
    this.#control &= ~r.CONTROL_HOB;
    this.#setIrq(false);
    if (this.#selected === 1 && this.active.device === undefined) return;
    this.active.execute(value);
  }

  readData(size: AccessSize): number {
    return this.active.readData(size);
  }

  writeData(size: AccessSize, value: number): void {
    this.active.writeData(size, value);
  }

  get #showsHob(): boolean {
    return (this.#control & r.CONTROL_HOB) !== 0;
  }

  get #isBusy(): boolean {
    return (this.active.s.status & (r.BSY | r.DRQ)) !== 0;
  }

  interrupt(): void {
    if ((this.#control & r.CONTROL_NIEN) !== 0) return;
    this.master.interrupted();
    this.#setIrq(true);
  }

  movePio(): void {}

  deviceChanged(): void {}

  takePacket(): undefined {
    return undefined;
  }

  startDma(): void {
    this.master.rewind();
    if (this.master.isActive) this.started();
  }

  started(): void {
    for (const unit of this.units) unit.runDma();
  }

  stopped(): void {
    for (const unit of this.units) unit.stopDma();
  }

  commandBuffers(bytes: number): DmaBuffers {
    return this.master.all(bytes);
  }

  nextBuffers(bytes: number): readonly Segment[] {
    return this.master.take(bytes);
  }

  takesPart(room: number, bytes: number): boolean {
    return room === bytes;
  }

  moved(): void {}

  dmaEnded(staysActive: boolean): void {
    this.master.ended(staysActive);
  }

  commandDone(): void {}

  begin(task: AtaTask): void {
    this.#tasks.begin(task);
  }

  forget(unit: AtaUnit): void {
    this.#tasks.forgetUnit(unit);
  }

  reset(): void {
    this.#selected = 0;
    this.#control = 0;
    this.master.reset();
    for (const unit of this.units) {
      unit.cancel();
      unit.reset();
    }
    this.#setIrq(false);
  }

  save(): { readonly state: IdeChannelState; readonly kept: readonly AtaKeptState[] } {
    const units = this.units.map((unit) => unit.save());
    return {
      state: {
        ...{ selected: this.#selected, control: this.#control, irq: this.#level },
        master: this.master.save(),
        units: units.map(({ unit }) => unit),
      },
      kept: units.map(({ kept }) => kept),
    };
  }

  restore(state: IdeChannelState, kept: readonly AtaKeptState[]): void {
    this.#selected = state.selected;
    this.#control = state.control;
    this.master.restore(state.master);
    for (const [n, unit] of this.units.entries()) unit.restore(state.units[n], kept[n]);
    this.#setIrq(state.irq);
  }

  #setIrq(level: boolean): void {
    this.#level = level;
    this.#irq.set(level);
  }
}
