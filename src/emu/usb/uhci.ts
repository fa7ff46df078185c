/**
 * A UHCI controller: registers, ports and the clock of its frames. What a frame does is in `uhci-schedule.ts`.
 * Spec: Universal Host Controller Interface 1.1. QEMU: hw/usb/hcd-uhci.c of 7.2.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { IoHandler } from '../core/device.ts';
import { BYTE, DEADLINE_NS, DWORD, integer, list, mask, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice, type PciState } from '../pci/pci-device.ts';
import { DONE_PACKETS, type DonePacket, UhciSchedule } from './uhci-schedule.ts';
import type { UsbBus } from './usb-bus.ts';
import type { CompanionPort, UsbCompanion } from './usb-companion.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbPort, type UsbPortHost } from './usb-port.ts';
import { SPEED_FULL, SPEED_LOW } from './usb-speed.ts';

const USBCMD = 0x00;
const USBSTS = 0x02;
const USBINTR = 0x04;
const FRNUM = 0x06;
const FRBASEADD = 0x08;
const SOFMOD = 0x0c;
const PORTSC = 0x10;
const REGISTERS_SIZE = 0x20;
export const UHCI_PORTS = 2;

const CMD_RS = 0x0001;
const CMD_HCRESET = 0x0002;
const CMD_GRESET = 0x0004;
const CMD_EGSM = 0x0008;
const CMD_FGR = 0x0010;

const STS_USBINT = 0x01;
const STS_USBERR = 0x02;
const STS_RD = 0x04;
const STS_HSERR = 0x08;
const STS_HCPERR = 0x10;
const STS_HCHALTED = 0x20;

const INTR_TIMEOUT = 0x01;
const INTR_RESUME = 0x02;
const INTR_IOC = 0x04;
const INTR_SPD = 0x08;

/** Why the interrupt came, which USBSTS does not tell apart. */
const CAUSE_IOC = 1;
const CAUSE_SPD = 2;

const PORT_CCS = 0x0001;
const PORT_CSC = 0x0002;
const PORT_EN = 0x0004;
const PORT_ENC = 0x0008;
const PORT_RD = 0x0040;
/** It always reads as 1: there is a controller. */
const PORT_ALWAYS = 0x0080;
const PORT_LSDA = 0x0100;
const PORT_RESET = 0x0200;
const PORT_SUSPEND = 0x1000;
const PORT_READ_ONLY = 0x01bb;
const PORT_CLEARED_BY_ONE = PORT_CSC | PORT_ENC;
/** A port that there is not. */
const NO_PORT = 0xff7f;

const FRAMES_MASK = 0x7ff;
const FRAME_BASE_MASK = 0xffff_f000;
const SOF_DEFAULT = 64;
const FRAME_NS = 1_000_000;
/** QEMU: frames that are made up for at once. */
const FRAMES_AT_ONCE = 16;
/** After so many frames in which nothing moved the schedule is looked at less often. */
const QUIET_FRAMES = 64;
const QUIET_STEP = 16;

const PCI_CLASS_UHCI = 0x0c0300;
const PCI_SBRN = 0x60;
const SBRN_USB_1_0 = 0x10;
const LEGACY = 0x6a;
const CONFIG_OWN = 0x40;
const CONFIG_END = 0x100;

interface UhciState {
  cmd: number;
  status: number;
  causes: number;
  intr: number;
  frnum: number;
  base: number;
  sof: number;
  ports: number[];
  /** When the frame that is under way ends; null: the schedule stands still. */
  frameEndNs: number | null;
  /** Frames in a row in which nothing moved. */
  quiet: number;
}

export type UhciSnapshot = { readonly [K in keyof UhciState]: UhciState[K] } & {
  readonly pci: PciState;
  readonly donePackets: readonly DonePacket[];
};

function powerOn(): UhciState {
  return {
    ...{ cmd: 0, status: STS_HCHALTED, causes: 0, intr: 0, frnum: 0, base: 0, sof: SOF_DEFAULT },
    ports: new Array<number>(UHCI_PORTS).fill(PORT_ALWAYS),
    ...{ frameEndNs: null, quiet: 0 },
  };
}

export interface UhciWiring {
  readonly type: string;
  readonly deviceId: number;
  /** If absent 1, and 4: INTD#. */
  readonly revision?: number;
  readonly interruptPin?: number;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Bytes that a frame moves at most. */
  readonly bandwidth: number;
  /** Frames that may be late before they are left out. */
  readonly maxFrames: number;
}

export class Uhci extends PciDevice<UhciSnapshot> implements UsbPortHost, UsbCompanion {
  static readonly registers = new RegisterTable<Uhci>(
    {
      name: 'uhci',
      title: 'UHCI: Universal Serial Bus 1.1',
      place: 'BAR 4, I/O ports',
      spec: 'Universal Host Controller Interface Design Guide 1.1',
    },
    [
      register(USBCMD, 2, 'USBCMD', 'run, reset, suspend', {
        read: (own) => own.#s.cmd,
        write: (own, value) => own.#command(value),
      }),
      register(USBSTS, 2, 'USBSTS', 'what has happened; writing 1 clears', {
        read: (own) => own.#caughtUp().status,
        write: (own, value) => own.#clearStatus(value),
      }),
      register(USBINTR, 2, 'USBINTR', 'what interrupts', {
        read: (own) => own.#s.intr,
        write(own, value) {
          own.#s.intr = value;
          own.#updateIrq();
        },
      }),
      register(FRNUM, 2, 'FRNUM', 'number of the frame; written while halted', {
        read: (own) => own.#caughtUp().frnum,
        write(own, value) {
          const s = own.#s;
          if ((s.status & STS_HCHALTED) !== 0) s.frnum = value & FRAMES_MASK;
        },
      }),
      register(FRBASEADD, 2, 'FRBASEADD', 'where the list of frames is, low half', {
        read: (own) => own.#s.base & 0xffff,
        write(own, value) {
          const s = own.#s;
          s.base = ((s.base & 0xffff_0000) | (value & FRAME_BASE_MASK & 0xffff)) >>> 0;
        },
      }),
      register(FRBASEADD + 2, 2, 'FRBASEADD+2', 'the same, high half', {
        read: (own) => own.#s.base >>> 16,
        write(own, value) {
          const s = own.#s;
          s.base = ((s.base & 0xffff) | (value << 16)) >>> 0;
        },
      }),
      register(SOFMOD, 2, 'SOFMOD', 'length of a frame, which does not change it here', {
        read: (own) => own.#s.sof,
        write(own, value) {
          const s = own.#s;
          s.sof = value & 0xff;
        },
      }),
      ...[0, 1].map((port) =>
        register<Uhci>(PORTSC + 2 * port, 2, `PORTSC${port + 1}`, 'what is in the port', {
          read: (own) => own.#s.ports[port] ?? NO_PORT,
          write: (own, value) => own.#writePort(port, value),
        }),
      ),
    ],
  );

  readonly vmstate = {
    name: 'uhci',
    version: 3,
    fields: record<UhciSnapshot>({
      pci: this.pciFields,
      ...{ cmd: WORD, status: WORD, causes: mask(3), intr: WORD, frnum: mask(FRAMES_MASK), base: DWORD },
      ...{ sof: BYTE, ports: list(WORD, UHCI_PORTS), frameEndNs: DEADLINE_NS },
      quiet: integer(0, QUIET_FRAMES),
      donePackets: DONE_PACKETS,
    }),
  };
  readonly #wiring: UhciWiring;
  readonly #timer: Timer;
  readonly #schedule: UhciSchedule;
  #ports: readonly CompanionPort[] = [];
  #s = powerOn();

  constructor(wiring: UhciWiring, id = '', multifunction = false) {
    const { type, deviceId, revision = 1, interruptPin = 4 } = wiring;
    super(
      {
        ...{ type, vendorId: PCI_VENDOR_ID_INTEL, deviceId, revision, classCode: PCI_CLASS_UHCI },
        ...{ interruptPin, multifunction },
      },
      id,
    );
    this.#wiring = wiring;
    this.config.set(PCI_SBRN, 1, SBRN_USB_1_0);
    this.config.set(LEGACY, 1, 1);
    // QEMU: all of the function's own configuration can be written.
    for (let offset = CONFIG_OWN; offset < CONFIG_END; offset += 4)
      this.config.setWritable(offset, 4, 0xffff_ffff);
    this.addBar({ index: 4, kind: 'io', sizeBytes: REGISTERS_SIZE, handler: this.#handler() });
    this.#timer = wiring.clock.timer(() => this.#runFrames(wiring.clock.nowNs()));
    this.#schedule = new UhciSchedule({
      dma: this.dma,
      trace: wiring.trace,
      bandwidth: wiring.bandwidth,
      find: (address) => this.#find(address),
      raise: (bits) => this.#raise(bits),
    });
  }

  /** The controller gets its bus, which has its ports. */
  connect(bus: UsbBus): void {
    const speeds = SPEED_LOW | SPEED_FULL;
    this.#ports = Array.from({ length: UHCI_PORTS }, (_, index) => {
      const port = new UsbPort({ host: this, bus, index, speeds });
      bus.addPort(port);
      return port;
    });
  }

  /** The controller is the companion of another one, which has the ports, in a bus. */
  connectCompanion(ports: readonly CompanionPort[]): void {
    this.#ports = ports;
  }

  /** The controller has left the machine. */
  disconnect(): void {
    this.#schedule.cancel();
    this.#timer.cancel();
  }

  deviceAttached({ index, device }: UsbPort): void {
    if (device !== undefined) this.companionAttached(index, device);
  }

  deviceDetached({ index }: UsbPort): void {
    this.#schedule.cancelDetached();
    this.#detached(index);
  }

  deviceWakesUp({ index }: UsbPort, resume: boolean): void {
    this.companionWakesUp(index, resume);
  }

  companionAttached(index: number, device: UsbDevice): void {
    const low = device.speed === SPEED_LOW ? PORT_LSDA : 0;
    const port = (this.#s.ports[index] ?? 0) & ~PORT_LSDA;
    this.#s.ports[index] = port | PORT_CCS | PORT_CSC | low;
    this.#resume();
  }

  companionDetached(index: number): void {
    this.#schedule.cancel();
    this.#detached(index);
  }

  #detached(index: number): void {
    let port = this.#s.ports[index] ?? 0;
    if ((port & PORT_CCS) !== 0) port = (port & ~PORT_CCS) | PORT_CSC;
    if ((port & PORT_EN) !== 0) port = (port & ~PORT_EN) | PORT_ENC;
    this.#s.ports[index] = port;
    this.#resume();
  }

  companionWakesUp(index: number, resume: boolean): void {
    this.#lookSoon();
    const port = this.#s.ports[index] ?? 0;
    if (!resume || (port & PORT_SUSPEND) === 0 || (port & PORT_RD) !== 0) return;
    this.#s.ports[index] = port | PORT_RD;
    this.#resume();
  }

  reset(): void {
    this.resetPci();
    this.config.set(PCI_SBRN, 1, SBRN_USB_1_0);
    this.#resetController();
    this.#s.frameEndNs = null;
    this.#timer.cancel();
  }

  save(): UhciSnapshot {
    const donePackets = this.#schedule.save();
    return { pci: this.savePci(), ...this.#s, ports: [...this.#s.ports], donePackets };
  }

  restore({ pci, donePackets, ...state }: UhciSnapshot): void {
    this.#schedule.restore(donePackets);
    this.#s = { ...state, ports: [...state.ports] };
    this.restorePci(pci);
    this.#armTimer();
    this.#updateIrq();
  }

  /** QEMU: registers are of two bytes; a byte is the low one of what begins there. */
  #handler(): IoHandler {
    return {
      widest: 2,
      read: (offset, size) => {
        if (size < 4) return this.#read(offset) & (size === 1 ? 0xff : 0xffff);
        return (this.#read(offset) | (this.#read(offset + 2) << 16)) >>> 0;
      },
      write: (offset, size, value) => {
        this.#write(offset, value & 0xffff);
        if (size === 4) this.#write(offset + 2, value >>> 16);
      },
    };
  }

  #read(offset: number): number {
    const { trace } = this.#wiring;
    const at = offset >= PORTSC ? offset & ~1 : offset;
    const value = Uhci.registers.read(this, trace, at, 2) ?? NO_PORT;
    if (trace.on) trace.event('usb_uhci_mmio_readw', offset, value);
    return value;
  }

  #write(offset: number, value: number): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_uhci_mmio_writew', offset, value);
    Uhci.registers.write(this, trace, offset >= PORTSC ? offset & ~1 : offset, 2, value);
  }

  #command(value: number): void {
    const s = this.#s;
    const { trace, clock } = this.#wiring;
    if ((value & CMD_RS) !== 0 && (s.cmd & CMD_RS) === 0) {
      if (trace.on) trace.event('usb_uhci_schedule_start');
      s.status &= ~STS_HCHALTED;
      s.frameEndNs = clock.nowNs() + FRAME_NS;
      s.quiet = 0;
      this.#armTimer();
    } else if ((value & CMD_RS) === 0) s.status |= STS_HCHALTED;
    if ((value & CMD_GRESET) !== 0) {
      for (const { device } of this.#ports) device?.busReset();
      this.#resetController();
      return;
    }
    if ((value & CMD_HCRESET) !== 0) {
      this.#resetController();
      return;
    }
    s.cmd = value;
    if ((value & CMD_EGSM) !== 0 && s.ports.some((port) => (port & PORT_RD) !== 0)) this.#resume();
    this.#lookSoon();
  }

  /** QEMU: the frame number stays as it is, also when the machine is reset. */
  #resetController(): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_uhci_reset');
    this.#schedule.cancel();
    this.#s = { ...powerOn(), frnum: this.#s.frnum, frameEndNs: this.#s.frameEndNs };
    for (const [index, { device }] of this.#ports.entries()) {
      if (device === undefined) continue;
      device.busReset();
      this.companionAttached(index, device);
    }
    this.#updateIrq();
  }

  #clearStatus(value: number): void {
    this.#s.status &= ~value;
    if ((value & STS_USBINT) !== 0) this.#s.causes = 0;
    this.#updateIrq();
  }

  #writePort(index: number, value: number): void {
    const { ports } = this.#s;
    const before = ports[index] ?? 0;
    const device = this.#ports[index]?.device;
    if (device !== undefined && (value & PORT_RESET) !== 0 && (before & PORT_RESET) === 0) device.busReset();
    // A port without a device cannot be enabled.
    const allowed = (before & PORT_CCS) === 0 ? value & ~PORT_EN : value;
    const port = (before & PORT_READ_ONLY) | (allowed & ~PORT_READ_ONLY & 0xffff);
    ports[index] = port & ~(value & PORT_CLEARED_BY_ONE);
    this.#lookSoon();
  }

  /** Something happened on a suspended bus. */
  #resume(): void {
    const s = this.#s;
    if ((s.cmd & CMD_EGSM) !== 0) {
      s.cmd |= CMD_FGR;
      s.status |= STS_RD;
      this.#updateIrq();
    }
    this.#lookSoon();
  }

  #updateIrq(): void {
    const { causes, intr, status } = this.#s;
    this.setIntx(
      ((causes & CAUSE_IOC) !== 0 && (intr & INTR_IOC) !== 0) ||
        ((causes & CAUSE_SPD) !== 0 && (intr & INTR_SPD) !== 0) ||
        ((status & STS_USBERR) !== 0 && (intr & INTR_TIMEOUT) !== 0) ||
        ((status & STS_RD) !== 0 && (intr & INTR_RESUME) !== 0) ||
        (status & (STS_HSERR | STS_HCPERR)) !== 0,
    );
  }

  /** A driver's error that no packet can have stops the controller. */
  #raise(bits: number): void {
    this.#s.status |= bits;
    if ((bits & STS_HCPERR) !== 0) this.#s.cmd &= ~CMD_RS;
    this.#updateIrq();
  }

  #find(address: number): UsbDevice | undefined {
    for (const [index, { device }] of this.#ports.entries()) {
      if (((this.#s.ports[index] ?? 0) & PORT_EN) === 0) continue;
      const found = device?.find(address);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Frames that are over, but that the clock was not yet asked for, are carried out before a driver sees their number. */
  #caughtUp(): UhciState {
    if (this.#s.quiet >= QUIET_FRAMES) this.#runFrames(this.#wiring.clock.nowNs());
    return this.#s;
  }

  /** The schedule is looked at every frame again. */
  #lookSoon(): void {
    if (this.#s.quiet < QUIET_FRAMES) {
      this.#s.quiet = 0;
      return;
    }
    this.#runFrames(this.#wiring.clock.nowNs());
    this.#s.quiet = 0;
    this.#armTimer();
  }

  #armTimer(): void {
    const { frameEndNs, quiet } = this.#s;
    this.#timer.cancel();
    if (frameEndNs === null) return;
    this.#timer.arm(quiet < QUIET_FRAMES ? frameEndNs : frameEndNs + (QUIET_STEP - 1) * FRAME_NS);
  }

  #runFrames(nowNs: number): void {
    const s = this.#s;
    const { maxFrames, trace } = this.#wiring;
    if (s.frameEndNs === null) return;
    if ((s.cmd & CMD_RS) === 0) {
      if (trace.on) trace.event('usb_uhci_schedule_stop');
      s.frameEndNs = null;
      s.status |= STS_HCHALTED;
      this.#schedule.cancel();
      this.#timer.cancel();
      return;
    }
    const late = Math.floor((nowNs - s.frameEndNs) / FRAME_NS) + 1;
    if (late > maxFrames) this.#skip(late - maxFrames);
    let causes = 0;
    const most = s.quiet < QUIET_FRAMES ? FRAMES_AT_ONCE : 2 * QUIET_STEP;
    for (let frame = Math.min(late, maxFrames, most); frame > 0; frame--) {
      if ((s.cmd & CMD_RS) !== 0) causes |= this.#frame();
    }
    if (causes !== 0) {
      s.causes |= causes;
      s.status |= STS_USBINT;
      this.#updateIrq();
    }
    this.#armTimer();
  }

  #skip(frames: number): void {
    const s = this.#s;
    s.frnum = (s.frnum + frames) & FRAMES_MASK;
    if (s.frameEndNs !== null) s.frameEndNs += frames * FRAME_NS;
  }

  /** What is told at its end. */
  #frame(): number {
    const s = this.#s;
    const { moved, causes } = this.#schedule.frame(s.base + ((s.frnum & 0x3ff) << 2), s.frnum);
    s.quiet = moved ? 0 : Math.min(QUIET_FRAMES, s.quiet + 1);
    this.#skip(1);
    return causes;
  }
}
