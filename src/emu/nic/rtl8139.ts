/**
 * Realtek's RTL8139C+: a receive buffer and four transmitters, as its predecessors have them, or rings of descriptors (`rtl8139-plus.ts`).
 * Spec: RTL8139C+ datasheet 1.6. What of it is done, and in what order, is QEMU's.
 */
import { BottomHalf, hasRoom, type Portion } from '../core/bottom-half.ts';
import { MAX_TIME_NS, type Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { frameChecksum } from '../net/ethernet-crc.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import { EEPROM_WORDS, Eeprom93c46, type EepromKind } from '../pci/eeprom-93c46.ts';
import { deadlineOf, restoreTimer } from './deadline.ts';
import { NicCard, type NicWiring } from './nic-card.ts';
import { kindOf, roomOf, storeInBuffer } from './rtl8139-buffer.ts';
import { type PlusHost, Rtl8139Plus } from './rtl8139-plus.ts';
import { RTL8139_BY_SIZE } from './rtl8139-register-table.ts';
import * as r from './rtl8139-registers.ts';
import {
  AT_RESET,
  BUFFER_UNIT,
  emptyFields,
  FILTER_BYTES,
  PHY_AT_RESET,
  POLLED,
  type Rtl8139State,
  rtl8139Fields,
} from './rtl8139-state.ts';
import { emptyTally, type TallyName, tallied, tallyBytes } from './rtl8139-tally.ts';

const PCI_VENDOR_ID_REALTEK = 0x10ec;
const PCI_DEVICE_ID_REALTEK_8139 = 0x8139;
const REVISION = 0x20;
const PCI_CAPABILITY_LIST = 0x34;
/** QEMU: it points to where there is none, and STATUS does not say that there are any. */
const NO_CAPABILITY = 0xdc;

/** QEMU: what writes it is taken, and does nothing. */
const EEPROM: EepromKind = { zeroFirst: false, writes: false, floatsHigh: false, chains: true };
const EEPROM_SIGNATURE = 0x8129;
const LIMIT_32 = 2 ** 32;
const SHORTEST_PACKET = 60;
const LONGEST_PACKET = 1514;
/** QEMU: the counter goes on every 30 ns. */
const TICK_NS = 30;
const TICKS_NS = TICK_NS * LIMIT_32;

const EEPROM_MODE = 0xc0;
const EEPROM_MODE_RESET = 0x40;
const EEPROM_MODE_WIRES = 0x80;
const EEPROM_UNLOCKED = 0xc0;
const EEPROM_KEPT = 0x31;
const EECS = 0x08;
const EESK = 0x04;
const EEDI = 0x02;
const EEDO = 0x01;

const CR_KEPT = 0xe3;
const TCR_KEPT = 0xfcf0_f80f;
const BMCR_KEPT = 0xfdff;
const BMCR_RESET = 0x8000;
const BMSR_LINK = 0x04;
const ISR_KEPT = 0x1e00;
const TSD_RESERVED = 0xff00_c000;
const TSD_KEPT = 0x00c0_0000;
const TSD_DUMP = 0x08;
const TALLY_ALIGN = 63;
const POLL_NORMAL = 0x40;

export class Rtl8139 extends NicCard<Rtl8139State> implements PlusHost {
  readonly vmstate = { name: 'rtl8139', version: 2, fields: rtl8139Fields(this.pciFields) };
  readonly regs = emptyFields();
  readonly address = new Uint8Array(MAC_BYTES);
  readonly filter = new Uint8Array(FILTER_BYTES);
  /** Of the transmitters: their TSD and TSAD. */
  readonly status = new Uint32Array(r.TRANSMITTERS);
  readonly start = new Uint32Array(r.TRANSMITTERS);
  readonly #burnedMac: Uint8Array;
  readonly #eeprom: Eeprom93c46;
  readonly #plus: Rtl8139Plus;
  readonly #bottomHalf: BottomHalf;
  readonly #timer: Timer;
  #tally = emptyTally();
  #bufferSize = BUFFER_UNIT;
  #transmitter = 0;
  #countedFromNs = 0;
  #polled = 0;

  constructor(wiring: NicWiring) {
    super(
      {
        type: 'rtl8139',
        vendorId: PCI_VENDOR_ID_REALTEK,
        deviceId: PCI_DEVICE_ID_REALTEK_8139,
        revision: REVISION,
      },
      wiring,
    );
    this.config.set(PCI_CAPABILITY_LIST, 1, NO_CAPABILITY);
    this.#burnedMac = wiring.mac;
    const words = new Uint16Array(EEPROM_WORDS);
    words.set([EEPROM_SIGNATURE, PCI_VENDOR_ID_REALTEK, PCI_DEVICE_ID_REALTEK_8139]);
    for (let n = 0; n < 3; n++) words[7 + n] = wiring.mac[2 * n] | (wiring.mac[2 * n + 1] << 8);
    this.#eeprom = new Eeprom93c46(words, EEPROM);
    this.#plus = new Rtl8139Plus(this);
    this.#bottomHalf = new BottomHalf(this.clock, (portion) => this.#serve(portion));
    this.#timer = this.clock.timer(() => this.#timedOut());
    const handler = this.#registers();
    this.addBar({ index: 0, kind: 'io', sizeBytes: r.REGISTER_BYTES, handler });
    this.addBar({ index: 1, kind: 'mem32', sizeBytes: r.REGISTER_BYTES, handler });
    this.reset();
  }

  reset(): void {
    this.resetPci();
    this.#eeprom.reset();
    this.filter.fill(0);
    this.start.fill(0);
    Object.assign(this.regs, emptyFields());
    this.#resetChip();
  }

  abandon(): void {
    this.#bottomHalf.cancel();
    this.#timer.cancel();
  }

  save(): Rtl8139State {
    return {
      ...{ pci: this.savePci(), regs: { ...this.regs }, address: this.address.slice() },
      ...{ filter: this.filter.slice(), status: this.status.slice(), start: this.start.slice() },
      ...{ bufferSize: this.#bufferSize, transmitter: this.#transmitter, eeprom: this.#eeprom.save() },
      ...{ tally: { ...this.#tally }, plus: this.#plus.save(), countedFromNs: this.#countedFromNs },
      ...{ timerNs: deadlineOf(this.#timer), polled: this.#polled, bottomHalf: this.#bottomHalf.save() },
      linkUp: !this.client.linkDown,
    };
  }

  restore(state: Rtl8139State): void {
    this.restorePci(state.pci);
    Object.assign(this.regs, state.regs);
    this.address.set(state.address);
    this.filter.set(state.filter);
    this.status.set(state.status);
    this.start.set(state.start);
    this.#bufferSize = state.bufferSize;
    // Both are places in the buffer.
    this.regs.CAPR %= state.bufferSize;
    this.regs.CBR %= state.bufferSize;
    this.#transmitter = state.transmitter;
    this.#eeprom.restore(state.eeprom);
    this.#tally = { ...state.tally };
    this.#plus.restore(state.plus);
    this.#countedFromNs = state.countedFromNs;
    restoreTimer(this.#timer, state.timerNs);
    this.#polled = state.polled;
    this.#bottomHalf.restore(state.bottomHalf);
    this.client.linkDown = !state.linkUp;
  }

  get cpcr(): number {
    return this.regs.CPCR;
  }

  get receiveRing(): number {
    return this.regs.RDSARH * LIMIT_32 + this.regs.RDSARL;
  }

  get transmitRing(): number {
    return this.start[1] * LIMIT_32 + this.start[0];
  }

  get isUnlocked(): boolean {
    return (this.regs.eepromControl & EEPROM_MODE) === EEPROM_UNLOCKED;
  }

  /** QEMU: a card that is switched off takes packets, which are lost. */
  get canReceive(): boolean {
    if (this.regs.clockOn === 0 || !this.#receives || this.#usesReceiveRing) return true;
    const room = roomOf(this.regs, this.#bufferSize);
    return room === 0 || room >= LONGEST_PACKET || (this.regs.IMR & r.INT_RXOVW) !== 0;
  }

  receive(packet: Packet): boolean {
    return this.#receive(packet, true);
  }

  linkChanged(): void {
    if (this.client.linkDown) this.regs.BMSR &= ~BMSR_LINK;
    else this.regs.BMSR |= BMSR_LINK;
    this.#raise(r.INT_PUN);
  }

  /** Packets that the chip sends, or that come back to it. */
  transfer(packet: Packet): void {
    if (packet.length === 0) return;
    if ((this.regs.TCR & r.TCR_LOOPBACK) === r.TCR_LOOPBACK) this.#receive(packet, true);
    else this.client.send(packet);
  }

  get chipCommand(): number {
    return this.regs.CR | (this.regs.CAPR === this.regs.CBR ? r.CR_BUFE : 0);
  }

  writeCommand(value: number): void {
    if ((value & r.CR_RST) !== 0) this.#resetChip();
    if ((value & r.CR_RE) !== 0) this.#plus.receiverEnabled();
    if ((value & r.CR_TE) !== 0) this.#plus.transmitterEnabled();
    this.regs.CR = ((value & ~CR_KEPT) | (this.regs.CR & CR_KEPT)) & ~r.CR_RST;
  }

  writeReadPointer(value: number): void {
    this.regs.CAPR = (value + 0x10) & (this.#bufferSize - 1);
    this.packetsMayFit();
  }

  resetReceiveBuffer(): void {
    this.#bufferSize = BUFFER_UNIT << ((this.regs.RCR >>> r.RCR_RBLEN_SHIFT) & 3);
    this.regs.CAPR = 0;
    this.regs.CBR = 0;
  }

  clearCauses(value: number): void {
    this.regs.ISR = (this.regs.ISR & ~value & ~ISR_KEPT) | (this.regs.ISR & ISR_KEPT);
    this.updateInterrupt();
  }

  updateInterrupt(): void {
    this.setIntx((this.regs.ISR & this.regs.IMR & 0xffff) !== 0);
  }

  writeTransmitConfig(value: number): void {
    if (!this.#transmits) return;
    this.regs.TCR = ((value & ~TCR_KEPT) | (this.regs.TCR & TCR_KEPT)) >>> 0;
  }

  get count(): number {
    // A snapshot may have a moment that is yet to come.
    return Math.floor(Math.max(0, this.clock.nowNs() - this.#countedFromNs) / TICK_NS) % LIMIT_32;
  }

  restartCount(): void {
    this.#countedFromNs = this.clock.nowNs();
    this.#armTimer();
  }

  writeTimerInt(value: number): void {
    this.regs.TimerInt = value;
    this.#armTimer();
  }

  get eepromControl(): number {
    return (this.regs.eepromControl & ~EEDO) | (this.#eeprom.output ? EEDO : 0);
  }

  writeEepromControl(value: number): void {
    let control = (value & ~EEPROM_KEPT) | (this.regs.eepromControl & EEPROM_KEPT);
    if ((control & EEPROM_MODE) === EEPROM_MODE_WIRES) {
      this.#eeprom.drive((control & EECS) !== 0, (control & EESK) !== 0, (control & EEDI) !== 0);
    } else if ((control & EEPROM_MODE) === EEPROM_MODE_RESET) {
      control = 0;
      this.#resetChip();
    }
    this.regs.eepromControl = control;
  }

  writeClock(value: number): void {
    if (value === 'R'.charCodeAt(0)) this.regs.clockOn = 1;
    else if (value === 'H'.charCodeAt(0)) this.regs.clockOn = 0;
  }

  /** Spec: §5.13: a bit of each transmitter, for each of its flags. */
  get summary(): number {
    const flags = [r.TSD_OWN, r.TSD_TABT, r.TSD_TUN, r.TSD_TOK];
    let summary = 0;
    for (const [group, flag] of flags.entries()) {
      for (let n = 0; n < r.TRANSMITTERS; n++) {
        if ((this.status[n] & flag) !== 0) summary |= 1 << (r.TRANSMITTERS * group + n);
      }
    }
    return summary;
  }

  writePhyControl(value: number): void {
    if ((value & BMCR_RESET) !== 0) this.#resetPhy();
    this.regs.BMCR = (value & ~BMCR_KEPT) | (this.regs.BMCR & BMCR_KEPT);
  }

  writeStatus(n: number, value: number): void {
    if ((this.regs.CPCR & r.CPCR_TXENB) !== 0) {
      this.status[n] = value;
      if (n === 0 && (value & TSD_DUMP) !== 0) this.#dumpTally();
      return;
    }
    this.status[n] = (value & ~TSD_RESERVED & ~TSD_KEPT) | (this.status[n] & TSD_KEPT);
    this.#transmit();
  }

  poll(value: number): void {
    if ((value & POLL_NORMAL) === 0) return;
    this.#polled = POLLED;
    this.#bottomHalf.kick();
  }

  get #receives(): boolean {
    return (this.regs.CR & r.CR_RE) !== 0;
  }

  get #transmits(): boolean {
    return (this.regs.CR & r.CR_TE) !== 0;
  }

  get #usesReceiveRing(): boolean {
    return (this.regs.CPCR & r.CPCR_RXENB) !== 0 && this.receiveRing !== 0;
  }

  #raise(causes: number): void {
    this.regs.ISR |= causes;
    this.updateInterrupt();
  }

  #count(name: TallyName): void {
    tallied(this.#tally, name);
  }

  #resetChip(): void {
    this.address.set(this.#burnedMac);
    const kept: Partial<r.Fields> = { eepromControl: this.regs.eepromControl };
    for (const name of ['RCR', 'MPC', 'MULINT', 'MTPS', 'CONFIG4', 'BMCR'] as const)
      kept[name] = this.regs[name];
    Object.assign(this.regs, emptyFields(), kept, AT_RESET);
    this.updateInterrupt();
    this.status.fill(r.TSD_OWN);
    this.#transmitter = 0;
    this.#plus.reset();
    this.#bufferSize = BUFFER_UNIT;
    this.#resetPhy();
    this.#countedFromNs = this.clock.nowNs();
    this.#timer.cancel();
    this.#tally = emptyTally();
    this.#polled = 0;
    this.#bottomHalf.reset();
  }

  #resetPhy(): void {
    Object.assign(this.regs, PHY_AT_RESET);
    if (!this.client.linkDown) this.regs.BMSR |= BMSR_LINK;
  }

  #armTimer(): void {
    const now = this.clock.nowNs();
    while (this.#countedFromNs + TICKS_NS <= now) this.#countedFromNs += TICKS_NS;
    if (this.regs.TimerInt === 0) {
      this.#timer.cancel();
      return;
    }
    const due = this.#countedFromNs + this.regs.TimerInt * TICK_NS;
    this.#timer.arm(Math.min(due <= now ? due + TICKS_NS : due, MAX_TIME_NS));
  }

  #timedOut(): void {
    this.#armTimer();
    this.#raise(r.INT_TIMEOUT);
  }

  #transmit(): void {
    const n = this.#transmitter;
    if (!this.#transmits || (this.status[n] & r.TSD_OWN) !== 0) return;
    const packet = new Uint8Array(this.status[n] & r.TSD_SIZE);
    this.dma.read(this.start[n], packet);
    this.status[n] |= r.TSD_OWN | r.TSD_TOK;
    this.transfer(packet);
    this.#transmitter = (n + 1) % r.TRANSMITTERS;
    this.#raise(r.INT_TOK);
  }

  #serve(portion: Portion): boolean {
    let sent = false;
    while (this.#polled > 0 && hasRoom(portion)) {
      if (!this.#transmits || (this.regs.CPCR & r.CPCR_TXENB) === 0) this.#polled = 0;
      const done = this.#polled === 0 ? undefined : this.#plus.transmitOne(portion);
      if (done === true) this.#count('txOk');
      sent ||= done !== undefined;
      this.#polled = done === undefined ? 0 : this.#polled - 1;
    }
    if (sent) this.#raise(r.INT_TOK);
    return this.#polled > 0;
  }

  #dumpTally(): void {
    const low = this.status[0] - (this.status[0] & TALLY_ALIGN);
    this.dma.write(this.status[1] * LIMIT_32 + low, tallyBytes(this.#tally));
    this.status[0] &= ~TSD_DUMP;
  }

  #receive(packet: Packet, interrupts: boolean): boolean {
    if (this.regs.clockOn === 0 || !this.#receives) return true;
    const kind = kindOf(this, packet);
    if (kind === undefined) {
      this.#count('rxErrors');
      return true;
    }
    if (kind === r.RX_BROADCAST) this.#count('rxBroadcast');
    else if (kind === r.RX_MULTICAST) this.#count('rxMulticast');
    else if (kind === r.RX_PHYSICAL) this.#count('rxPhysical');
    let frame = packet;
    if (packet.length < SHORTEST_PACKET) {
      frame = new Uint8Array(SHORTEST_PACKET);
      frame.set(packet);
    }
    if ((this.regs.CPCR & r.CPCR_RXENB) === 0) {
      if (!this.#storeInBuffer(frame, kind)) return false;
    } else if (!this.#storeInRing(frame, kind, packet)) return true;
    this.regs.ISR |= r.INT_ROK;
    if (interrupts) this.updateInterrupt();
    return true;
  }

  #storeInRing(frame: Packet, kind: number, original: Packet): boolean {
    if (this.receiveRing === 0) return false;
    if (this.#plus.store(frame, kind, frameChecksum(original))) {
      this.#count('rxOk');
      return true;
    }
    this.regs.MPC = (this.regs.MPC + 1) >>> 0;
    this.#count('rxErrors');
    this.#count('missed');
    this.#raise(r.INT_RXOVW);
    return false;
  }

  #storeInBuffer(frame: Packet, kind: number): boolean {
    if (storeInBuffer(this, this.#bufferSize, frame, kind)) return true;
    this.regs.MPC = (this.regs.MPC + 1) >>> 0;
    this.#raise(r.INT_RXOVW);
    return false;
  }

  #registers(): IoHandler {
    return {
      read: (offset, size) => this.#read(offset, size),
      write: (offset, size, value) => this.#write(offset, size, value),
    };
  }

  #read(offset: number, size: AccessSize): number {
    const value = RTL8139_BY_SIZE[size].read(this, this.trace, offset, size);
    if (value !== undefined) return value;
    if (size === 1) return 0;
    let all = 0;
    for (let at = size - 1; at >= 0; at--) all = all * 256 + this.#read(offset + at, 1);
    return all;
  }

  #write(offset: number, size: AccessSize, value: number): void {
    if (RTL8139_BY_SIZE[size].write(this, this.trace, offset, size, value) || size === 1) return;
    for (let at = 0; at < size; at++) this.#write(offset + at, 1, (value >>> (8 * at)) & 0xff);
  }
}
