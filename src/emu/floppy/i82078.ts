/**
 * Intel 82078: the floppy disk controller, with two drives. Spec: Intel 82078 datasheet (290475-006).
 * QEMU: nothing takes time but READ ID; reading MSR ends a reset that DOR has begun; SRA has no port.
 */
import { type BytePorts, bytePorts } from '../bus/byte-wide.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { DmaChannel, IsaSlot } from '../chipset/isa-bus.ts';
import { BottomHalf } from '../core/bottom-half.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import type { Trace } from '../core/trace.ts';
import { commandOf, RESET_SENSES } from './fdc-commands.ts';
import * as r from './fdc-registers.ts';
import { atPowerOn, type FdcRegisters, I82078_STATE, type I82078State } from './fdc-state.ts';
import { FdcTransfer } from './fdc-transfer.ts';
import { FloppyDrive, type FloppyUnit } from './floppy-drive.ts';
import type { FloppyType } from './floppy-formats.ts';
import { FloppyTasks } from './floppy-tasks.ts';

export type { FdcDirection } from './fdc-state.ts';

/** QEMU: how long the heads look for a sector. */
const READ_ID_NS = 20_000_000;
const RESULT_BYTES = 7;
/** The first port is not the controller's, nor is the one before the last. */
const PORTS = [
  { first: r.SRB, count: 5 },
  { first: r.DIR, count: 1 },
] as const;

export interface I82078Wiring {
  readonly slot: Pick<IsaSlot, 'irq' | 'dma'>;
  readonly irq: number;
  readonly dma: number;
  readonly fallback: FloppyType;
  readonly clock: Clock;
  readonly trace: Trace;
}

export class I82078 implements Device<I82078State>, BytePorts {
  static readonly registers = new RegisterTable<I82078>(
    {
      name: 'fdc',
      title: 'Floppy disk controller (82078)',
      place: 'ports 0x3f1 to 0x3f5 and 0x3f7 of `isa-fdc`, from 0x3f0',
      spec: 'Intel 82078 datasheet (290475-006)',
    },
    [
      register(r.SRB, 1, 'SRB', 'status B: motors, selected drive; read only', { read: ({ s }) => s.srb }),
      register(r.DOR, 1, 'DOR', 'selected drive, reset, DMA, motors', {
        read: ({ s }) => s.dor | s.selected,
        write: (fdc, value) => fdc.#writeDor(value),
      }),
      register(r.TDR, 1, 'TDR', 'tape drive: the bit that selects the boot drive is kept', {
        read: ({ s }) => s.tdr,
        write: (fdc, value) => {
          if (!fdc.#isInReset) fdc.s.tdr = value & r.TDR_BOOT_SELECT;
        },
      }),
      register(r.MSR, 1, 'MSR, DSR', 'read: main status; written: data rate, power down, reset', {
        read: (fdc) => fdc.#readMsr(),
        write: (fdc, value) => fdc.#writeDsr(value),
      }),
      register(r.FIFO, 1, 'FIFO', 'commands, data, results', {
        read: (fdc) => fdc.#readFifo(),
        write: (fdc, value) => fdc.#writeFifo(value),
      }),
      register(r.DIR, 1, 'DIR, CCR', 'read: disk change line of the selected drive; written: data rate', {
        read: ({ drive }) => (drive.media.changed ? r.DIR_CHANGED : 0),
        write: (fdc, value) => {
          if (!fdc.#isInReset) fdc.s.dsr = (fdc.s.dsr & ~r.DSR_RATE) | (value & r.DSR_RATE);
        },
      }),
    ],
  );

  readonly vmstate = { name: 'fdc', version: 1, fields: I82078_STATE };
  readonly #trace: Trace;
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly channel: DmaChannel;
  readonly drives: readonly [FloppyDrive, FloppyDrive];

  readonly transfer: FdcTransfer;
  readonly #tasks: FloppyTasks;
  readonly #bottomHalf: BottomHalf;
  readonly #idTimer: Timer;

  s: FdcRegisters = atPowerOn();

  constructor({ slot, irq, dma, fallback, clock, trace }: I82078Wiring) {
    this.#trace = trace;
    this.#clock = clock;
    this.#irq = slot.irq(irq);
    this.drives = [new FloppyDrive(fallback), new FloppyDrive(fallback)];
    this.#tasks = new FloppyTasks({
      endedLater: (isGood) => {
        this.transfer.ended(isGood);
        this.#bottomHalf.kick();
      },
      waits: () => this.#bottomHalf.schedule(),
    });
    this.transfer = new FdcTransfer(this, this.#tasks);
    this.#bottomHalf = new BottomHalf(
      clock,
      (portion) => this.#tasks.serve(portion) || this.transfer.work(portion),
    );
    this.#idTimer = clock.timer(() => this.#idFound());
    this.channel = slot.dma(dma, (size) => this.transfer.granted(size));
  }

  /** The ports behind `iobase`, each block from its first one. */
  attach({ io }: Pick<IsaSlot, 'io'>, iobase: number): void {
    for (const { first, count } of PORTS) {
      io.map(iobase + first, count, this.#portsFrom(first), { name: 'fdc' });
    }
  }

  #portsFrom(first: number): IoHandler {
    return bytePorts({
      readByte: (port) => this.readByte(first + port),
      writeByte: (port, value) => this.writeByte(first + port, value),
    });
  }

  /** @param offset from port 0x3f0 */
  readByte(offset: number): number {
    const value = I82078.registers.read(this, this.#trace, offset, 1) ?? 0xff;
    if (this.#trace.on) this.#trace.event('fdc_ioport_read', offset, value);
    return value;
  }

  writeByte(offset: number, value: number): void {
    if (this.#trace.on) this.#trace.event('fdc_ioport_write', offset, value);
    I82078.registers.write(this, this.#trace, offset, 1, value);
  }

  /** A drive comes to one of the two places, or leaves it. */
  plug(place: 0 | 1, unit: FloppyUnit | undefined): void {
    const drive = this.drives[place];
    if (drive.unit !== undefined) {
      const { gate } = drive.unit.drive;
      gate.onMediumChange = () => {};
      gate.onDrain = () => undefined;
      this.#tasks.forgetAll();
    }
    drive.attach(unit);
    if (unit === undefined) return;
    const { gate } = unit.drive;
    gate.onMediumChange = () => drive.mediumChanged();
    gate.onDrain = () => this.#tasks.drain(gate);
  }

  get drive(): FloppyDrive {
    return this.drives[this.s.selected === 0 ? 0 : 1];
  }

  /** The drive that a parameter of a command names. QEMU: drives 2 and 3 are 0 and 1. */
  select(unit: number): void {
    this.s.selected = unit & r.DOR_SELECT;
  }

  guestError(format: string, ...values: readonly number[]): void {
    this.#trace.guestError(format, ...values);
  }

  raiseIrq(): void {
    this.s.resetSenses = 0;
    if (this.s.interrupting) return;
    this.s.interrupting = true;
    this.#irq.set(true);
  }

  lowerIrq(): void {
    this.s.status0 = 0;
    if (!this.s.interrupting) return;
    this.s.interrupting = false;
    this.#irq.set(false);
  }

  awaitCommand(): void {
    const { s } = this;
    s.phase = 'command';
    s.direction = 'write';
    s.position = 0;
    s.length = 1;
    s.msr = (s.msr & ~(r.MSR_BUSY | r.MSR_DIO)) | r.MSR_RQM;
  }

  /** A result for the driver, which reads it from the FIFO. */
  answer(...result: readonly number[]): void {
    this.s.fifo.set(result);
    this.#giveResult(result.length);
  }

  #giveResult(length: number): void {
    const { s } = this;
    s.phase = 'result';
    s.direction = 'read';
    s.position = 0;
    s.length = length;
    s.msr |= r.MSR_BUSY | r.MSR_RQM | r.MSR_DIO;
  }

  /** A command that is about sectors has ended. */
  endTransfer(status0: number, status1: number, status2: number): void {
    const { s, drive } = this;
    const { track, head, sector } = drive.heads;
    s.status0 = (s.status0 & ~(r.ST0_SELECT | r.ST0_HEAD)) | s.selected | status0;
    if (head !== 0) s.status0 |= r.ST0_HEAD;
    s.fifo.set([s.status0, status1, status2, track, head, sector, r.SIZE_512]);
    if ((s.msr & r.MSR_NON_DMA) === 0) this.channel.release();
    s.msr &= ~r.MSR_NON_DMA;
    this.#giveResult(RESULT_BYTES);
    this.raiseIrq();
  }

  /** There is something to do to an image. */
  work(): void {
    this.#bottomHalf.kick();
  }

  readIdLater(): void {
    this.#idTimer.arm(this.#clock.nowNs() + READ_ID_NS);
  }

  #idFound(): void {
    const { drive } = this;
    drive.turn();
    if ((this.s.dsr & r.DSR_RATE) === drive.media.rate) this.endTransfer(0, 0, 0);
    else this.endTransfer(r.ST0_ABNORMAL, r.ST1_MISSING_MARK, 0);
  }

  get #isInReset(): boolean {
    return (this.s.dor & r.DOR_RESET) === 0;
  }

  #writeDor(value: number): void {
    const { s } = this;
    const on = (register: number, bit: number, isOn: boolean): number =>
      isOn ? register | bit : register & ~bit;
    s.srb = on(s.srb, r.SRB_MTR0, (value & r.DOR_MOTOR0) !== 0);
    s.srb = on(s.srb, r.SRB_MTR1, (value & r.DOR_MOTOR1) !== 0);
    s.srb = on(s.srb, r.SRB_DR0, (value & r.DOR_SELECT) !== 0);
    if (this.#isInReset && (value & r.DOR_RESET) !== 0) {
      this.#resetByDriver();
      s.dsr &= ~r.DSR_RESET;
    }
    s.selected = value & r.DOR_SELECT;
    s.dor = value;
  }

  #readMsr(): number {
    this.s.dsr &= ~r.DSR_POWER_DOWN;
    this.s.dor |= r.DOR_RESET;
    return this.s.msr;
  }

  #writeDsr(value: number): void {
    if (this.#isInReset) return;
    if ((value & r.DSR_RESET) !== 0) this.#resetByDriver();
    if ((value & r.DSR_POWER_DOWN) !== 0) this.#resetByDriver();
    this.s.dsr = value;
  }

  #readFifo(): number {
    const { s } = this;
    s.dsr &= ~r.DSR_POWER_DOWN;
    if ((s.msr & r.MSR_RQM) === 0 || (s.msr & r.MSR_DIO) === 0) {
      this.guestError('fdc: the FIFO has nothing to read');
      return 0;
    }
    if (s.phase === 'execution') return this.transfer.readByte();
    const value = s.fifo[s.position % s.fifo.length] ?? 0;
    s.position = (s.position + 1) >>> 0;
    if (s.position === s.length) {
      this.awaitCommand();
      this.lowerIrq();
    }
    return value;
  }

  #writeFifo(value: number): void {
    const { s } = this;
    if (this.#isInReset) return;
    if ((s.msr & r.MSR_RQM) === 0 || (s.msr & r.MSR_DIO) !== 0) {
      this.guestError('fdc: the FIFO takes nothing');
      return;
    }
    s.dsr &= ~r.DSR_POWER_DOWN;
    s.msr &= ~r.MSR_RQM;
    if (s.phase === 'execution') this.transfer.writeByte(value);
    else this.#takeParameter(value);
  }

  #takeParameter(value: number): void {
    const { s } = this;
    if (s.position === 0) {
      s.length = commandOf(value).parameters + 1;
      s.msr |= r.MSR_BUSY;
    }
    s.fifo[s.position % s.fifo.length] = value;
    s.position++;
    if (s.position < s.length) {
      s.msr |= r.MSR_RQM;
      return;
    }
    s.phase = 'execution';
    commandOf(s.fifo[0] ?? 0).run(this, s.fifo);
  }

  reset(): void {
    this.lowerIrq();
    this.#tasks.forgetAll();
    this.#bottomHalf.reset();
    this.#idTimer.cancel();
    const { tdr, dsr, fifo, endOfTrack, timer0, timer1, config, precompensation, powerDown, lock } = this.s;
    const kept = { tdr, dsr, fifo, endOfTrack, timer0, timer1, config, precompensation, powerDown, lock };
    this.s = { ...atPowerOn(), ...kept };
    for (const drive of this.drives) drive.recalibrate();
  }

  /** Each drive tells that it is ready. */
  #resetByDriver(): void {
    this.reset();
    this.s.status0 |= r.ST0_READY_CHANGED;
    this.raiseIrq();
    this.s.resetSenses = RESET_SENSES;
  }

  save(): I82078State {
    const [a, b] = this.drives;
    const { deadlineNs } = this.#idTimer;
    return structuredClone({
      ...this.s,
      heads: [a.heads, b.heads] as const,
      media: [a.media, b.media] as const,
      idDeadlineNs: deadlineNs === Number.POSITIVE_INFINITY ? null : deadlineNs,
      bottomHalf: this.#bottomHalf.save(),
    });
  }

  restore(state: I82078State): void {
    const { heads, media, idDeadlineNs, bottomHalf, ...own } = structuredClone(state);
    this.#tasks.forgetAll();
    this.s = own;
    for (const [n, drive] of this.drives.entries()) {
      drive.heads = { ...heads[n === 0 ? 0 : 1] };
      drive.media = { ...media[n === 0 ? 0 : 1] };
    }
    this.#irq.set(own.interrupting);
    if (idDeadlineNs === null) this.#idTimer.cancel();
    else this.#idTimer.arm(idDeadlineNs);
    this.#bottomHalf.restore(bottomHalf);
    // What was under way to an image is done again.
    if (own.step !== 'none') this.#bottomHalf.schedule();
  }

  /** The controller leaves the machine. */
  release(): void {
    this.#tasks.forgetAll();
    this.#bottomHalf.cancel();
    this.#idTimer.cancel();
  }
}
