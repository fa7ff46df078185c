/**
 * An EHCI controller: registers, ports and the clock of its frames. What it does with the lists of its driver is in `ehci-schedule.ts`.
 * Spec: Enhanced Host Controller Interface 1.0. QEMU: hw/usb/hcd-ehci.c of 7.2.
 */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize } from '../core/device.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { DWORD, list, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';
import { EhciPorts } from './ehci-ports.ts';
import { EhciSchedule } from './ehci-schedule.ts';
import { type EhciSnapshot, type EhciState, powerOn, QUIET_FRAMES, STATE_FIELDS } from './ehci-state.ts';
import type { UsbBus } from './usb-bus.ts';
import type { CompanionPort, UsbCompanion } from './usb-companion.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbPort, type UsbPortHost } from './usb-port.ts';
import { SPEED_FULL, SPEED_HIGH, SPEED_LOW } from './usb-speed.ts';

const BAR_BYTES = 0x1000;
const OPERATIONAL = 0x20;
const PORTSC = 0x64;
const PORTS = 6;

const CMD_RS = 1 << 0;
const CMD_HCRESET = 1 << 1;
const CMD_FLS = 3 << 2;
const CMD_PSE = 1 << 4;
const CMD_ASE = 1 << 5;
const CMD_IAAD = 1 << 6;
const CMD_ITC_SHIFT = 16;

const STS_FLR = 1 << 3;
const STS_PCD = 1 << 2;
const STS_HSE = 1 << 4;
const STS_IAA = 1 << 5;
const STS_INTERRUPTS = 0x3f;
const STS_HALT = 1 << 12;
const STS_REC = 1 << 13;
const STS_PSS = 1 << 14;
const STS_ASS = 1 << 15;
const STS_AT_ONCE = STS_PCD | STS_FLR | STS_HSE;

/** QEMU's names of registers, in its trace. */
const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  ...[[0x20, 'USBCMD'] as const, [0x24, 'USBSTS'] as const, [0x28, 'USBINTR'] as const],
  ...[[0x2c, 'FRINDEX'] as const, [0x34, 'P-LIST BASE'] as const, [0x38, 'A-LIST ADDR'] as const],
  [0x60, 'CONFIGFLAG'] as const,
]);

const FRINDEX_MASK = 0x3ff8;
const FRINDEX_WRAP = 0x4000;
/** The frame list begins again. */
const ROLLOVER = 0x2000;
const LIST_MASK = 0xffff_f000;
const VERSION_1_0 = 0x0100;
/** Extended capabilities at 0x68, and whole frames that are read ahead. */
const HCC_PARAMS = 0x6880;

const MICROFRAME_NS = 125_000;
const FRAME_NS = 8 * MICROFRAME_NS;
/** QEMU: after so many frames an interrupt is waited for. */
const FRAMES_AT_ONCE = 3;
/** Frames from one look to the next, then. */
const QUIET_STEP = 16;

const PCI_CLASS_EHCI = 0x0c0320;
const PCI_SBRN = 0x60;
const SBRN_AND_FLADJ = 0x2020;
const LEGACY = 0x68;
const LEGACY_CONTROL = 0xc000_0000;
const CONFIG_OWN = 0x40;
const CONFIG_END = 0x100;

export interface EhciWiring {
  readonly type: string;
  readonly deviceId: number;
  readonly revision: number;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Frames that may be late before they are left out. */
  readonly maxFrames: number;
}

export class Ehci extends PciDevice<EhciSnapshot> implements UsbPortHost {
  static readonly registers = new RegisterTable<Ehci>(
    {
      name: 'ehci',
      title: 'EHCI: Universal Serial Bus 2.0',
      place: 'BAR 0',
      spec: 'Enhanced Host Controller Interface Specification for Universal Serial Bus 1.0',
    },
    [
      register(0x00, 4, 'CAPLENGTH, HCIVERSION', 'where operation begins; the version', {
        read: () => OPERATIONAL | (VERSION_1_0 << 16),
      }),
      register(0x04, 4, 'HCSPARAMS', 'how many ports and companions there are', {
        read: (own) => own.#companions | PORTS,
      }),
      register(0x08, 4, 'HCCPARAMS', 'where extended capabilities are', { read: () => HCC_PARAMS }),
      register(0x20, 4, 'USBCMD', 'run, reset, which lists are served', {
        read: (own) => own.#s.cmd,
        write: (own, value) => own.#command(value),
      }),
      register(0x24, 4, 'USBSTS', 'what has happened; writing 1 clears', {
        read: (own) => own.#caughtUp().status,
        write(own, value) {
          own.#s.status &= ~(value & STS_INTERRUPTS);
          own.#updateIrq();
          own.#lookSoon();
        },
      }),
      register(0x28, 4, 'USBINTR', 'what interrupts', {
        read: (own) => own.#s.intr,
        write(own, value) {
          own.#s.intr = value & STS_INTERRUPTS;
          own.#updateIrq();
          own.#armTimer();
        },
      }),
      register(0x2c, 4, 'FRINDEX', 'number of the microframe', {
        read: (own) => own.#caughtUp().frindex,
        write(own, value) {
          own.#caughtUp().frindex = value & FRINDEX_MASK;
          own.#s.pendingFrom = own.#s.frindex;
        },
      }),
      register(0x30, 4, 'CTRLDSSEGMENT', 'upper half of addresses, which are of 32 bits here', {
        read: (own) => own.#s.segment,
        write(own, value) {
          own.#s.segment = value;
        },
      }),
      register(0x34, 4, 'PERIODICLISTBASE', 'where the list of frames is', {
        read: (own) => own.#s.periodicBase,
        write(own, value) {
          own.#s.periodicBase = value;
        },
      }),
      register(0x38, 4, 'ASYNCLISTADDR', 'a queue of the ring', {
        read: (own) => own.#s.asyncAddress,
        write(own, value) {
          own.#s.asyncAddress = value;
        },
      }),
      register(0x60, 4, 'CONFIGFLAG', 'ports belong to this controller, not to its companions', {
        read: (own) => own.#s.configured,
        write(own, value) {
          own.#s.configured = value & 1;
          if ((value & 1) !== 0) own.ports.takeAll();
        },
      }),
      ...Array.from({ length: PORTS }, (_, port) =>
        register<Ehci>(PORTSC + 4 * port, 4, `PORTSC${port + 1}`, 'what is in the port', {
          read: (own) => own.ports.read(port),
          write(own, value) {
            own.ports.write(port, value);
            own.#lookSoon();
          },
        }),
      ),
    ],
  );

  readonly vmstate = {
    name: 'ehci',
    version: 2,
    fields: record<EhciSnapshot>({ pci: this.pciFields, ports: list(DWORD, PORTS), ...STATE_FIELDS }),
  };
  readonly ports: EhciPorts;
  readonly #wiring: EhciWiring;
  readonly #timer: Timer;
  readonly #schedule: EhciSchedule;
  #busPorts: readonly UsbPort[] = [];
  /** Of HCSPARAMS: how many companions there are, and ports of each. */
  #companions = 0;
  #s = powerOn();

  constructor(wiring: EhciWiring, id = '', multifunction = false) {
    const { type, deviceId, revision } = wiring;
    super(
      {
        ...{ type, vendorId: PCI_VENDOR_ID_INTEL, deviceId, revision, classCode: PCI_CLASS_EHCI },
        ...{ interruptPin: 4, multifunction },
      },
      id,
    );
    this.#wiring = wiring;
    this.config.set(PCI_SBRN, 2, SBRN_AND_FLADJ);
    this.config.set(LEGACY, 4, 1);
    this.config.set(LEGACY + 4, 4, LEGACY_CONTROL);
    // QEMU: all of the function's own configuration can be written.
    for (let offset = CONFIG_OWN; offset < CONFIG_END; offset += 4)
      this.config.setWritable(offset, 4, 0xffff_ffff);
    const handler = {
      read: (offset: number, size: AccessSize) => this.#read(offset, size),
      write: (offset: number, size: AccessSize, value: number) => this.#write(offset, size, value),
    };
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: BAR_BYTES, handler });
    this.#timer = wiring.clock.timer(() => this.#work());
    this.ports = new EhciPorts({
      count: PORTS,
      ports: () => this.#busPorts,
      changed: () => this.#raise(STS_PCD),
      gone: (device) => this.#schedule.cancelOf(device),
    });
    this.#schedule = new EhciSchedule({
      dma: this.dma,
      trace: wiring.trace,
      find: (address) => this.ports.find(address),
      raise: (bits) => this.#raise(bits),
      completed: () => this.#lookSoon(),
    });
  }

  connect(bus: UsbBus): void {
    bus.companions = (companion, first, count) => this.#addCompanion(companion, first, count);
    this.#busPorts = Array.from({ length: PORTS }, (_, index) => {
      const port = new UsbPort({ host: this, bus, index, speeds: SPEED_HIGH });
      bus.addPort(port);
      return port;
    });
  }

  disconnect(): void {
    this.#schedule.cancel();
    this.#timer.cancel();
  }

  deviceAttached(port: UsbPort): void {
    this.ports.attached(port);
  }

  deviceDetached(port: UsbPort, device: UsbDevice): void {
    this.ports.detached(port, device);
  }

  deviceWakesUp(port: UsbPort, resume: boolean): void {
    if (this.ports.wakesUp(port, resume)) this.#lookSoon();
  }

  reset(): void {
    this.resetPci();
    this.#resetController();
  }

  save(): EhciSnapshot {
    return { pci: this.savePci(), ports: this.ports.save(), ...this.#s };
  }

  restore({ pci, ports, ...state }: EhciSnapshot): void {
    this.#schedule.cancel();
    this.#s = { ...state };
    this.ports.restore(ports);
    this.restorePci(pci);
    this.#armTimer();
    this.#updateIrq();
  }

  #read(offset: number, size: AccessSize): number {
    const { trace } = this.#wiring;
    // QEMU: narrow accesses reach the capabilities only.
    if (size !== 4 && offset >= OPERATIONAL) return 0;
    const value = (Ehci.registers.read(this, trace, offset & ~3, 4) ?? 0) >>> 0;
    if (trace.on && offset >= PORTSC) {
      trace.event('usb_ehci_portsc_read', offset - OPERATIONAL, (offset - PORTSC) >>> 2, value);
    } else if (trace.on && offset >= OPERATIONAL) {
      trace.event('usb_ehci_opreg_read', offset, NAMES.get(offset) ?? '???', value);
    }
    return size === 4 ? value : (value >>> (8 * (offset & 3))) & (size === 1 ? 0xff : 0xffff);
  }

  #write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    const { trace } = this.#wiring;
    if (trace.on && offset >= PORTSC) {
      trace.event('usb_ehci_portsc_write', offset - OPERATIONAL, (offset - PORTSC) >>> 2, value);
    } else if (trace.on) trace.event('usb_ehci_opreg_write', offset, NAMES.get(offset) ?? '???', value);
    Ehci.registers.write(this, trace, offset, 4, value);
  }

  #command(value: number): void {
    const s = this.#s;
    if ((value & CMD_HCRESET) !== 0) {
      this.#resetController();
      return;
    }
    // QEMU: the list of frames has one size.
    const before = s.cmd;
    s.cmd = (value & ~CMD_FLS) >>> 0;
    const runs = CMD_RS | CMD_PSE | CMD_ASE;
    if (((before ^ s.cmd) & runs) !== 0) {
      this.#updateHalt();
      if ((s.cmd & CMD_RS) !== 0) s.doneNs ??= this.#wiring.clock.nowNs();
    }
    this.#lookSoon();
  }

  #resetController(): void {
    const { trace } = this.#wiring;
    if (trace.on) trace.event('usb_ehci_reset');
    this.#schedule.cancel();
    this.#timer.cancel();
    this.#s = powerOn();
    this.ports.reset();
    this.#updateIrq();
  }

  #updateHalt(): void {
    const s = this.#s;
    if ((s.cmd & CMD_RS) !== 0) s.status &= ~STS_HALT;
    else if ((s.status & (STS_ASS | STS_PSS)) === 0) s.status |= STS_HALT;
  }

  #isEnabled(list: number): boolean {
    const wanted = CMD_RS | list;
    return (this.#s.cmd & wanted) === wanted;
  }

  #raise(bits: number): void {
    const s = this.#s;
    if ((bits & STS_AT_ONCE) === 0) {
      s.pending |= bits;
      return;
    }
    s.status |= bits;
    this.#updateIrq();
  }

  /** What has waited for the threshold is told. */
  #commit(): void {
    const s = this.#s;
    if (s.pending === 0 || s.pendingFrom > s.frindex) return;
    s.status |= s.pending;
    s.pending = 0;
    s.pendingFrom = s.frindex + ((s.cmd >>> CMD_ITC_SHIFT) & 0xff);
    this.#updateIrq();
  }

  #updateIrq(): void {
    this.setIntx((this.#s.status & this.#s.intr & STS_INTERRUPTS) !== 0);
  }

  /** Frames that are over, but that the clock was not yet asked for, are carried out before a driver sees what they have done. */
  #caughtUp(): EhciState {
    if (this.#s.quiet >= QUIET_FRAMES) this.#work();
    return this.#s;
  }

  /** The lists are looked at now, and every frame again. */
  #lookSoon(): void {
    this.#s.quiet = 0;
    if (this.#s.doneNs !== null || (this.#s.status & (STS_ASS | STS_PSS)) !== 0) {
      this.#timer.arm(this.#wiring.clock.nowNs());
    }
  }

  #armTimer(): void {
    const { doneNs, quiet, cmd, status, intr, pending } = this.#s;
    this.#timer.cancel();
    if (doneNs === null) return;
    const serves = (cmd & (CMD_PSE | CMD_ASE)) !== 0 || (status & (STS_ASS | STS_PSS)) !== 0;
    if (!serves && pending === 0 && (intr & STS_FLR) === 0) return;
    const frames = quiet < QUIET_FRAMES || pending !== 0 ? 1 : QUIET_STEP;
    this.#timer.arm(doneNs - (doneNs % FRAME_NS) + frames * FRAME_NS);
  }

  /** Does what is due of the lists. */
  #work(): void {
    const s = this.#s;
    const nowNs = this.#wiring.clock.nowNs();
    const lateNs = nowNs - (s.doneNs ?? nowNs);
    let microframes = Math.floor(lateNs / MICROFRAME_NS);
    if (s.doneNs !== null) s.doneNs += microframes * MICROFRAME_NS;
    const most = 8 * this.#wiring.maxFrames;
    if (microframes > most) {
      this.#count(microframes - most);
      microframes = most;
    }
    let frames = 0;
    let moved = false;
    while (microframes > 0) {
      const step = Math.min(microframes, 8 - (s.frindex & 7));
      this.#count(step);
      microframes -= step;
      if ((s.frindex & 7) !== 0) continue;
      if (this.#periodicFrame()) moved = true;
      frames++;
      // What interrupts is not to be late: the rest is done when the driver has seen it.
      if (frames < FRAMES_AT_ONCE || s.pending === 0 || microframes === 0) continue;
      this.#commit();
      if ((s.status & s.intr & STS_INTERRUPTS) === 0 || s.doneNs === null) continue;
      s.doneNs -= microframes * MICROFRAME_NS;
      break;
    }
    if (this.#asynchronous()) moved = true;
    this.#commit();
    s.quiet = moved || this.#schedule.isWaiting ? 0 : Math.min(QUIET_FRAMES, s.quiet + Math.max(frames, 1));
    if ((s.cmd & CMD_RS) === 0 && (s.status & (STS_ASS | STS_PSS)) === 0) s.doneNs = null;
    this.#armTimer();
  }

  #count(microframes: number): void {
    const s = this.#s;
    if ((s.cmd & CMD_RS) === 0) return;
    const next = s.frindex + microframes;
    if (Math.floor(next / ROLLOVER) !== Math.floor(s.frindex / ROLLOVER)) this.#raise(STS_FLR);
    s.pendingFrom = Math.max(0, s.pendingFrom - (next >= FRINDEX_WRAP ? FRINDEX_WRAP : 0));
    s.frindex = next % FRINDEX_WRAP;
  }

  /** The list of the frame that begins. True: something has moved. */
  #periodicFrame(): boolean {
    const s = this.#s;
    if (!this.#isEnabled(CMD_PSE)) {
      if ((s.status & STS_PSS) === 0) return false;
      s.status &= ~STS_PSS;
      this.#updateHalt();
      return true;
    }
    s.status |= STS_PSS;
    const entry = ((s.periodicBase & LIST_MASK) >>> 0) + ((s.frindex & 0x1ff8) >>> 1);
    return this.#schedule.frame(entry);
  }

  /** The ring of queues. True: something has moved. */
  #asynchronous(): boolean {
    const s = this.#s;
    if (!this.#isEnabled(CMD_ASE)) {
      if ((s.status & STS_ASS) === 0) return false;
      s.status &= ~STS_ASS;
      this.#updateHalt();
      return true;
    }
    s.status |= STS_ASS;
    // A driver that was told of its doorbell is waited for.
    if ((s.status & STS_IAA) !== 0 || s.asyncAddress === 0) return false;
    const moved = this.#schedule.ring(s.asyncAddress);
    s.status &= ~STS_REC;
    if ((s.cmd & CMD_IAAD) === 0) return moved;
    this.#schedule.forgetUnseen();
    s.cmd = (s.cmd & ~CMD_IAAD) >>> 0;
    this.#raise(STS_IAA);
    return true;
  }

  /** QEMU: ports are told as they are counted from 0. */
  #addCompanion(
    companion: UsbCompanion,
    first: number,
    count: number,
  ): readonly CompanionPort[] | MonitorError {
    if (first + count > PORTS) return new MonitorError(`firstport must be between 0 and ${PORTS - count}`);
    for (let port = first; port < first + count; port++) {
      if (!this.ports.hasCompanion(port)) continue;
      const asked = `firstport ${first} asks for ports ${first}-${first + count - 1}`;
      return new MonitorError(`${asked}, but port ${port} has a companion assigned already`);
    }
    for (const port of this.#busPorts.slice(first, first + count)) port.speeds |= SPEED_LOW | SPEED_FULL;
    const companions = (this.#companions >>> 12) + 1;
    this.#companions = (companions << 12) | (count << 8);
    return this.ports.addCompanion(companion, first, count);
  }
}
