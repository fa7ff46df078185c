/**
 * The SCSI core of the Am53C974, an Emulex ESP: a FIFO, a command register that runs the bus's phases, a counter for its DMA engine.
 * Spec: AMD Am53C974 PCscsi Technical Manual, chapter 4. Which step of a command interrupts, and what of the chip there is, is QEMU's
 * (hw/scsi/esp.c of 7.2).
 */
import { restoreRequest, saveRequest } from './bus-request-state.ts';
import { EspPhases, type EspWiring, MAX_TARGET } from './esp-phases.ts';
import * as r from './esp-registers.ts';
import { ESP_FIFO_BYTES, type EspState } from './esp-state.ts';
import { STATUS_GOOD } from './scsi-action.ts';

/** A count of 0 means this many bytes. */
const COUNT_OF_ZERO = 0x1_0000;

export class Esp extends EspPhases {
  constructor(wiring: EspWiring) {
    super(wiring);
    this.#hardReset();
  }

  /** QEMU: what a reset of the chip leaves of a command goes on. */
  #hardReset(): void {
    const s = this.s;
    s.regs.fill(0);
    s.written.fill(0);
    s.countWritten = false;
    s.transferSize = 0;
    s.fifo = [];
    s.message = [];
    s.dma = false;
    s.takesMessage = false;
    s.deferred = 'nothing';
    s.mustMove = false;
    s.regs[r.CFG1] = 7;
  }

  reset(): void {
    this.dropRequest();
    this.#hardReset();
    Object.assign(this.s, { messageBytes: 0, lun: 0, status: STATUS_GOOD, dmaEnabled: false });
    Object.assign(this.s, { transferCommand: 0, dataInReady: false });
    this.bottomHalf.reset();
  }

  /** It has left. */
  abandon(): void {
    this.bottomHalf.cancel();
    this.dropRequest();
  }

  save(): EspState {
    const s = this.s;
    return {
      ...s,
      ...{ regs: s.regs.slice(), written: s.written.slice(), fifo: [...s.fifo], message: [...s.message] },
      request: this.request === undefined ? null : saveRequest(this.request),
      bottomHalf: this.bottomHalf.save(),
    };
  }

  /** The command goes on when the units are restored too. */
  restore({ request: saved, bottomHalf, regs, written, fifo, message, ...rest }: EspState): void {
    this.dropRequest();
    Object.assign(this.s, rest, { fifo: [...fifo], message: [...message] });
    this.s.regs.set(regs);
    this.s.written.set(written);
    this.bottomHalf.restore(bottomHalf);
    if (saved === null) return;
    void Promise.resolve().then(() => {
      const unit = this.scsi.find(0, saved.tag & MAX_TARGET, saved.lun);
      if (unit === undefined || this.request !== undefined) return;
      this.request = restoreRequest(this, unit, saved);
      if (this.request.ready === 0) this.request.goWithMachine();
    });
  }

  read(register: number): number {
    const { regs, fifo } = this.s;
    switch (register) {
      case r.FIFO:
        // QEMU: with a DMA engine no data is read here.
        regs[r.FIFO] = (regs[r.STAT] & r.STAT_NO_DATA) === 0 ? 0 : (fifo.shift() ?? 0);
        return regs[r.FIFO];
      case r.INTR: {
        const value = regs[r.INTR];
        regs[r.INTR] = 0;
        regs[r.STAT] &= ~(r.STAT_TC | r.STAT_INT);
        this.wiring.interrupt(false);
        return value;
      }
      case r.TCHI:
        return this.s.countWritten ? regs[r.TCHI] : this.wiring.chipId;
      case r.FLAGS:
        return fifo.length;
      default:
        return regs[register];
    }
  }

  write(register: number, value: number): void {
    const s = this.s;
    switch (register) {
      case r.TCLO:
      case r.TCMID:
      case r.TCHI:
        if (register === r.TCHI) s.countWritten = true;
        s.regs[r.STAT] &= ~r.STAT_TC;
        break;
      case r.FIFO:
        this.#writeFifo(value);
        break;
      case r.CMD:
        this.#command(value);
        break;
      case r.CFG1:
      case r.CFG2:
      case r.CFG3:
      case r.CFG4:
      case r.RESERVED:
        s.regs[register] = value;
        break;
      default:
        break;
    }
    s.written[register] = value;
  }

  /** What was written last. */
  writtenTo(register: number): number {
    return this.s.written[register];
  }

  #writeFifo(value: number): void {
    const s = this.s;
    if (!s.takesMessage) {
      if (s.fifo.length < ESP_FIFO_BYTES) s.fifo.push(value);
      return;
    }
    this.pushMessage([value]);
    if (s.regs[r.CMD] === r.CMD_TI) this.interrupt(r.INTR_BS);
  }

  #command(value: number): void {
    const s = this.s;
    s.regs[r.CMD] = value;
    s.dma = (value & r.CMD_DMA) !== 0;
    if (s.dma) {
      const { written } = s;
      const start = written[r.TCLO] | (written[r.TCMID] << 8) | (written[r.TCHI] << 16);
      this.count = start === 0 ? COUNT_OF_ZERO : start;
    }
    switch (value & ~r.CMD_DMA) {
      case r.CMD_FLUSH:
        s.fifo = [];
        return;
      case r.CMD_RESET:
        this.wiring.interrupt(false);
        this.#hardReset();
        return;
      case r.CMD_BUSRESET:
        for (const unit of this.scsi.units) unit.reset();
        if ((s.written[r.CFG1] & r.CFG1_RESREPT) === 0) this.interrupt(r.INTR_RST);
        return;
      case r.CMD_TI:
        this.perform('transfer');
        return;
      case r.CMD_ICCS:
        this.giveStatus();
        s.regs[r.INTR] |= r.INTR_FC;
        s.regs[r.STAT] |= r.PHASE_MESSAGE_IN;
        return;
      case r.CMD_MSGACC:
        s.regs[r.SEQ] = r.SEQ_NONE;
        s.regs[r.FLAGS] = 0;
        this.interrupt(r.INTR_DC);
        return;
      case r.CMD_PAD:
        s.regs[r.STAT] = r.STAT_TC;
        s.regs[r.INTR] |= r.INTR_FC;
        s.regs[r.SEQ] = r.SEQ_NONE;
        return;
      case r.CMD_SEL:
        this.perform('select');
        return;
      case r.CMD_SELATN:
        this.perform('select-atn');
        return;
      case r.CMD_SELATNS:
        this.perform('select-atn-stop');
        return;
      case r.CMD_ENSEL:
        s.regs[r.INTR] = 0;
        return;
      case r.CMD_DISSEL:
        s.regs[r.INTR] = 0;
        this.interrupt(0);
        return;
      default:
        // QEMU: all others, among them SET ATN and RESET ATN, change nothing.
        return;
    }
  }
}
