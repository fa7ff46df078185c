/**
 * AMD's PCnet-PCI II: registers by number through two ports, and what starts and stops it. Its rings are in `pcnet-rings.ts`.
 * Spec: Am79C970A data sheet. What of it is done, and in what order, is QEMU's.
 */
import { BOTTOM_HALF_STATE, type BottomHalfState } from '../core/bottom-half.ts';
import type { Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import {
  BOOLEAN,
  bytes,
  DEADLINE_NS,
  DWORD,
  integer,
  nullable,
  record,
  TIME_NS,
  typedArray,
} from '../core/state-fields.ts';
import type { Packet } from '../net/net-client.ts';
import { PCI_STATUS_DEVSEL_MEDIUM, PCI_STATUS_FAST_BACK } from '../pci/config-space.ts';
import type { PciState } from '../pci/pci-device.ts';
import { deadlineOf, restoreTimer } from './deadline.ts';
import { NicCard, type NicWiring } from './nic-card.ts';
import { matchOf, PROM_BYTES, promOf } from './pcnet-address.ts';
import { PCNET_REGISTERS, RAP_MASK, RDP } from './pcnet-register-table.ts';
import * as r from './pcnet-registers.ts';
import { BUFFER_BYTES, PcnetRings, type PcnetRingsHost, type Sending } from './pcnet-rings.ts';

const PCI_VENDOR_ID_AMD = 0x1022;
const PCI_DEVICE_ID_AMD_LANCE = 0x2000;
const REVISION = 0x10;
const PCI_MIN_GNT = 0x3e;
const PCI_MAX_LAT = 0x3f;
const PORTS = 0x20;

/** QEMU: ticks of its clock for each of ours, until the rings are looked at; and what one of CSR47 is. */
const TICKS_PER_NS = 33;
const POLL_TICKS = 0xffff;
const POLL_UNIT_NS = 30;
const POLL = 46;
const PINT = 47;
const LINK_LED = 0x40;

/** Bits that writing 1 clears. */
const CSR4_EVENTS = 0x026a;
const CSR5_EVENTS = 0x0a90;
const INIT_BLOCK_32 = 28;
const INIT_BLOCK_16 = 24;

export type PcnetState = {
  readonly pci: PciState;
  readonly prom: Uint8Array;
  readonly csr: Uint16Array;
  readonly bcr: Uint16Array;
  readonly rap: number;
  readonly receiveRing: number;
  readonly transmitRing: number;
  readonly buffer: Uint8Array;
  readonly sending: Readonly<Sending>;
  /** When the rings began to be looked at; null: they did not. */
  readonly polledFromNs: number | null;
  readonly pollNs: number | null;
  readonly bottomHalf: BottomHalfState;
  readonly linkUp: boolean;
};

export class Pcnet extends NicCard<PcnetState> implements PcnetRingsHost {
  readonly vmstate = {
    name: 'pcnet',
    version: 1,
    fields: record<PcnetState>({
      ...{ pci: this.pciFields, prom: bytes(PROM_BYTES), csr: typedArray(Uint16Array, r.CSRS) },
      ...{ bcr: typedArray(Uint16Array, r.BCRS), rap: integer(0, RAP_MASK) },
      ...{ receiveRing: DWORD, transmitRing: DWORD, buffer: bytes(BUFFER_BYTES) },
      sending: record<Sending>({
        ...{ size: integer(-1, BUFFER_BYTES), at: DWORD, addsChecksum: BOOLEAN, left: integer(0, 0x1_0000) },
      }),
      ...{ polledFromNs: nullable(TIME_NS), pollNs: DEADLINE_NS, bottomHalf: BOTTOM_HALF_STATE },
      linkUp: BOOLEAN,
    }),
  };
  readonly address: Uint8Array;
  readonly csr = new Uint16Array(r.CSRS);
  readonly bcr = new Uint16Array(r.BCRS);
  rap = 0;
  readonly #prom = new Uint8Array(PROM_BYTES);
  readonly #rings: PcnetRings;
  readonly #timer: Timer;
  #receiveRing = 0;
  #transmitRing = 0;
  #polledFromNs: number | null = null;
  /** The wire's level, for who watches it change. */
  #level = false;

  constructor(wiring: NicWiring) {
    super(
      {
        ...{
          type: 'pcnet',
          vendorId: PCI_VENDOR_ID_AMD,
          deviceId: PCI_DEVICE_ID_AMD_LANCE,
          revision: REVISION,
        },
        ...{ subsystemVendorId: 0, subsystemId: 0 },
        status: PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM,
      },
      wiring,
    );
    this.config.set(PCI_MIN_GNT, 1, 0x06);
    this.config.set(PCI_MAX_LAT, 1, 0xff);
    this.address = wiring.mac;
    this.#rings = new PcnetRings(this, this.clock);
    this.#timer = this.clock.timer(() => this.#poll());
    const handler = this.#ports();
    this.addBar({ index: 0, kind: 'io', sizeBytes: PORTS, handler });
    this.addBar({ index: 1, kind: 'mem32', sizeBytes: PORTS, handler });
    this.reset();
  }

  reset(): void {
    this.resetPci();
    this.#prom.set(promOf(this.address));
    this.csr.fill(0);
    this.bcr.fill(0);
    for (const [n, value] of r.BCR_AT_RESET) this.bcr[n] = value;
    this.#polledFromNs = null;
    this.#rings.reset();
    this.softReset();
    this.#updateInterrupt();
    this.#poll();
  }

  abandon(): void {
    this.#timer.cancel();
    this.#rings.bottomHalf.cancel();
  }

  save(): PcnetState {
    const { buffer, sending, bottomHalf } = this.#rings;
    return {
      ...{ pci: this.savePci(), prom: this.#prom.slice(), csr: this.csr.slice(), bcr: this.bcr.slice() },
      ...{ rap: this.rap, receiveRing: this.#receiveRing, transmitRing: this.#transmitRing },
      ...{ buffer: buffer.slice(), sending: { ...sending }, polledFromNs: this.#polledFromNs },
      ...{ pollNs: deadlineOf(this.#timer), bottomHalf: bottomHalf.save(), linkUp: !this.client.linkDown },
    };
  }

  restore(state: PcnetState): void {
    this.restorePci(state.pci);
    this.#level = state.pci.intx;
    this.#prom.set(state.prom);
    this.csr.set(state.csr);
    this.bcr.set(state.bcr);
    this.rap = state.rap;
    this.#receiveRing = state.receiveRing;
    this.#transmitRing = state.transmitRing;
    this.#rings.buffer.set(state.buffer);
    Object.assign(this.#rings.sending, state.sending);
    this.#polledFromNs = state.polledFromNs;
    restoreTimer(this.#timer, state.pollNs);
    this.#rings.bottomHalf.restore(state.bottomHalf);
    this.client.linkDown = !state.linkUp;
  }

  get rings(): { readonly receive: number; readonly transmit: number } {
    return { receive: this.#receiveRing, transmit: this.#transmitRing };
  }

  get hasLink(): boolean {
    return !this.client.linkDown;
  }

  get isDwordMode(): boolean {
    return (this.bcr[r.BCR_BSBC] & r.BSBC_DWIO) !== 0;
  }

  /** QEMU: what finds no room is lost. */
  readonly canReceive = true;

  linkChanged(): void {}

  send(packet: Packet): void {
    if (this.#rings.isLooping) this.receive(packet);
    else this.client.send(packet);
  }

  changed(): void {
    this.#updateInterrupt();
  }

  receive(packet: Packet): boolean {
    const { csr } = this;
    const isShut = (csr[15] & r.CSR15_DRX) !== 0 || this.#isStopped || packet.length === 0;
    const isLooped = (csr[15] & r.CSR15_LOOP) !== 0;
    if (isShut || (isLooped && !this.#rings.isLooping)) return true;
    const match = matchOf(this.csr, packet);
    const isWanted = (csr[15] & r.CSR15_PROM) !== 0 || match.physical || match.broadcast || match.group;
    if (isWanted) this.#rings.receive(packet, match);
    this.#rings.poll();
    this.#updateInterrupt();
    return true;
  }

  /** Spec: "Software Reset": what the driver reads from RESET. */
  softReset(): void {
    const { csr } = this;
    this.#receiveRing = 0;
    this.#transmitRing = 0;
    this.rap = 0;
    this.bcr[r.BCR_BSBC] &= ~r.BSBC_DWIO;
    for (const [n, value] of r.CSR_AT_RESET) csr[n] = value;
    for (let n = 0; n < 3; n++) csr[12 + n] = this.#prom[2 * n] | (this.#prom[2 * n + 1] << 8);
    csr[15] &= r.CSR15_KEPT;
    if (this.trace.on) this.trace.event('pcnet_s_reset', this);
  }

  readCsr(n: number): number {
    const { csr } = this;
    if (n === 0) {
      this.#updateInterrupt();
      return csr[0] | ((csr[0] & r.CSR0_ERRORS) !== 0 ? r.CSR0_ERR : 0);
    }
    if (n === 16 || n === 17) return csr[n - 15];
    if (n === 58) return this.readBcr(r.BCR_SWS);
    return n === 88 ? csr[89] * 0x1_0000 + csr[88] : csr[n];
  }

  writeCsr(n: number, value: number): void {
    const { csr } = this;
    if (n === 0) this.#control(value);
    else if (n === 16 || n === 17) this.writeCsr(n - 15, value);
    else if (n === 58) this.writeBcr(r.BCR_SWS, value);
    else if (n === 3) csr[3] = value;
    else if (n === 4) csr[4] = (value & ~CSR4_EVENTS) | (csr[4] & ~value & CSR4_EVENTS);
    else if (n === 5) csr[5] = (value & ~CSR5_EVENTS) | (csr[5] & ~value & CSR5_EVENTS);
    else if (r.CSR_WHEN_STOPPED.has(n) && this.#isStopped) csr[n] = value;
  }

  readBcr(n: number): number {
    if (n >= r.BCRS) return 0;
    if (n < r.BCR_LNKST || n > r.BCR_LED3) return this.bcr[n];
    const value = this.bcr[n] & ~0x8000;
    const isLit = (value & 0x017f & (this.hasLink ? LINK_LED : 0)) !== 0;
    return value | (isLit ? 0x8000 : 0);
  }

  writeBcr(n: number, value: number): void {
    if (!r.BCR_WRITABLE.has(n)) return;
    if (n !== r.BCR_SWS) {
      this.bcr[n] = value;
      return;
    }
    if (this.#isStopped) this.bcr[n] = r.styleOf(value);
  }

  /** It stands still, for good or for a while. */
  get #isStopped(): boolean {
    return (this.csr[0] & r.CSR0_STOP) !== 0 || (this.csr[5] & r.CSR5_SPND) !== 0;
  }

  /** Spec: CSR0. */
  #control(value: number): void {
    const { csr } = this;
    csr[0] &= ~(value & r.CSR0_EVENTS);
    csr[0] = (csr[0] & ~r.CSR0_IENA) | (value & (r.CSR0_IENA | r.CSR0_TDMD));
    const all = r.CSR0_INIT | r.CSR0_STRT | r.CSR0_STOP;
    const orders = (value & all) === all ? value & ~(r.CSR0_INIT | r.CSR0_STRT) : value;
    const isNew = (order: number): boolean => (orders & order) !== 0 && (csr[0] & order) === 0;
    if (isNew(r.CSR0_STOP)) this.#stop();
    if (isNew(r.CSR0_INIT)) this.#init();
    if (isNew(r.CSR0_STRT)) this.#start();
    if ((csr[0] & r.CSR0_TDMD) !== 0) this.#rings.transmit();
  }

  #stop(): void {
    this.csr[0] = (this.csr[0] & ~0xffeb) | 0x0014;
    this.csr[4] &= ~0x02c2;
    this.csr[5] &= ~0x0011;
    this.#poll();
  }

  #start(): void {
    const { csr } = this;
    csr[0] &= ~r.CSR0_STOP;
    if ((csr[15] & r.CSR15_DTX) === 0) csr[0] |= r.CSR0_TXON;
    if ((csr[15] & r.CSR15_DRX) === 0) csr[0] |= r.CSR0_RXON;
    csr[0] |= r.CSR0_STRT;
    this.#poll();
    this.packetsMayFit();
  }

  /** Spec: "Initialization Block". */
  #init(): void {
    const { csr } = this;
    const is32Bit = (this.bcr[r.BCR_SWS] & r.SWS_SSIZE32) !== 0;
    const raw = new Uint8Array(is32Bit ? INIT_BLOCK_32 : INIT_BLOCK_16);
    const view = new DataView(raw.buffer);
    const at = this.#physical(csr[1] + csr[2] * 0x1_0000);
    if (this.trace.on) this.trace.event('pcnet_init', this, at);
    this.dma.read(at, raw);
    const addresses = is32Bit ? 4 : 2;
    const filter = is32Bit ? 12 : 8;
    const rings = filter + 8;
    const [receive, transmit] = [view.getUint32(rings, true), view.getUint32(rings + 4, true)];
    const [receiveLog, transmitLog] = is32Bit
      ? [raw[2] >> 4, raw[3] >> 4]
      : [receive >>> 29, transmit >>> 29];
    if (this.trace.on) this.trace.event('pcnet_rlen_tlen', this, receiveLog, transmitLog);
    csr[76] = receiveLog < 9 ? 1 << receiveLog : 512;
    csr[78] = transmitLog < 9 ? 1 << transmitLog : 512;
    csr[6] = (transmitLog << 12) | (receiveLog << 8);
    csr[15] = view.getUint16(0, true);
    for (let n = 0; n < 4; n++) csr[8 + n] = view.getUint16(filter + 2 * n, true);
    for (let n = 0; n < 3; n++) csr[12 + n] = view.getUint16(addresses + 2 * n, true);
    this.#receiveRing = this.#physical(is32Bit ? receive : receive & 0xff_ffff);
    this.#transmitRing = this.#physical(is32Bit ? transmit : transmit & 0xff_ffff);
    if (this.trace.on) {
      const rings = [this.#receiveRing, csr[76], this.#transmitRing, csr[78]];
      this.trace.event('pcnet_ss32_rdra_tdra', this, Number(is32Bit), ...rings);
    }
    csr[72] = csr[76];
    csr[74] = csr[78];
    csr[0] = (csr[0] | r.CSR0_IDON | r.CSR0_INIT) & ~r.CSR0_STOP;
    this.packetsMayFit();
  }

  #physical(address: number): number {
    if ((this.bcr[r.BCR_SWS] & r.SWS_SSIZE32) !== 0) return address;
    return ((address & 0xff_ffff) | ((this.csr[2] & 0xff00) << 16)) >>> 0;
  }

  /** The chip's own clock: QEMU has it go on whenever it is looked at. */
  #poll(): void {
    const { csr } = this;
    this.#timer.cancel();
    if ((csr[0] & r.CSR0_TDMD) !== 0) this.#rings.transmit();
    this.#updateInterrupt();
    if (this.#isStopped || (csr[4] & r.CSR4_DPOLL) !== 0) return;
    const now = this.clock.nowNs();
    if (this.#polledFromNs === null) this.#polledFromNs = now;
    else {
      const ticks = (now - this.#polledFromNs) * TICKS_PER_NS + csr[POLL];
      if (ticks > POLL_TICKS) this.#rings.poll();
      csr[POLL] = ticks > POLL_TICKS ? csr[PINT] : ticks;
    }
    this.#timer.arm(now + (POLL_TICKS + 1 - csr[PINT]) * POLL_UNIT_NS);
  }

  /** Spec: CSR0, CSR3, CSR4 and CSR5: which events interrupt. */
  #updateInterrupt(): void {
    const { csr } = this;
    let level = false;
    csr[0] &= ~r.CSR0_INTR;
    const isEnabled = (csr[0] & r.CSR0_IENA) !== 0;
    const events =
      (csr[0] & ~csr[3] & r.CSR0_INTERRUPTS) |
      ((csr[4] >> 1) & ~csr[4] & 0x0115) |
      ((csr[5] >> 1) & csr[5] & 0x0048);
    if (events !== 0) {
      level = isEnabled;
      csr[0] |= r.CSR0_INTR;
    }
    if ((csr[4] & 0x0080) !== 0 && isEnabled) {
      if (this.trace.on) this.trace.event('pcnet_user_int', this);
      csr[4] = (csr[4] & ~0x0080) | 0x0040;
      csr[0] |= r.CSR0_INTR;
      level = true;
    }
    if (((csr[5] >> 1) & csr[5] & 0x0500) !== 0) {
      level = true;
      csr[0] |= r.CSR0_INTR;
    }
    if (this.trace.on && level !== this.#level) {
      this.trace.event('pcnet_isr_change', this, Number(level), Number(this.#level));
    }
    this.#level = level;
    this.setIntx(level);
  }

  #ports(): IoHandler {
    return {
      read: (offset, size) => {
        if (this.trace.on) this.trace.event('pcnet_ioport_read', this, offset, size);
        return offset < RDP ? this.#readProm(offset, size) : this.#readRegister(offset, size);
      },
      write: (offset, size, value) => {
        if (this.trace.on) this.trace.event('pcnet_ioport_write', this, offset, value, size);
        if (offset < RDP) this.#writeProm(offset, size, value);
        else this.#writeRegister(offset, size, value);
      },
    };
  }

  /** The PROM is read in the sizes of the mode. */
  #hasProm(size: AccessSize): boolean {
    return this.isDwordMode ? size === 4 : size !== 4;
  }

  #readProm(offset: number, size: AccessSize): number {
    if (!this.#hasProm(size)) return 2 ** (8 * size) - 1;
    let value = 0;
    for (let at = 0; at < size; at++) {
      const place = (offset + at) % PROM_BYTES;
      if (this.trace.on) this.trace.event('pcnet_aprom_readb', this, place, this.#prom[place]);
      value += this.#prom[place] * 2 ** (8 * at);
    }
    return value;
  }

  #writeProm(offset: number, size: AccessSize, value: number): void {
    if (!this.#hasProm(size)) return;
    for (let at = 0; at < size; at++) {
      const byte = (value >>> (8 * at)) & 0xff;
      const place = (offset + at) % PROM_BYTES;
      if (this.trace.on) this.trace.event('pcnet_aprom_writeb', this, place, byte);
      if ((this.bcr[r.BCR_MC] & r.MC_APROMWE) !== 0) this.#prom[place] = byte;
    }
  }

  #readRegister(offset: number, size: AccessSize): number {
    if (size === 1) return 0xff;
    this.#poll();
    const isOfMode = this.isDwordMode === (size === 4);
    const value = isOfMode ? PCNET_REGISTERS.read(this, this.trace, offset, size) : undefined;
    this.#updateInterrupt();
    return value ?? 2 ** (8 * size) - 1;
  }

  #writeRegister(offset: number, size: AccessSize, value: number): void {
    if (size === 1) return;
    this.#poll();
    if (this.isDwordMode === (size === 4)) PCNET_REGISTERS.write(this, this.trace, offset, size, value);
    // Spec: "I/O Register Access": a dword there chooses the mode.
    else if (size === 4 && offset === RDP) this.writeBcr(r.BCR_BSBC, this.readBcr(r.BCR_BSBC) | r.BSBC_DWIO);
    this.#updateInterrupt();
  }
}
