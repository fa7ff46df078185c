/**
 * Intel's 82540EM and its kin: interrupts and the link. Its registers are in `e1000-register-table.ts`, what it does with descriptors in
 * `e1000-rings.ts`.
 * Spec: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453). What of it is done, and in what order, is QEMU's.
 */
import type { Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { BOOLEAN, DEADLINE_NS, record, typedArray } from '../core/state-fields.ts';
import type { Packet } from '../net/net-client.ts';
import { PCI_VENDOR_ID_INTEL, type PciState } from '../pci/pci-device.ts';
import { deadlineOf, isArmed, restoreTimer } from './deadline.ts';
import { eepromOf, MICROWIRE_STATE, Microwire, type MicrowireState } from './e1000-eeprom.ts';
import { E1000Phy, e1000PhyModel, type PhyHost, phyState } from './e1000-phy.ts';
import { E1000_BLOCKS, E1000_EXTRA_REGISTERS, E1000_REGISTERS } from './e1000-register-table.ts';
import * as r from './e1000-registers.ts';
import { E1000Rings, RINGS_STATE, type RingsHost, type RingsState } from './e1000-rings.ts';
import { NicCard, type NicWiring } from './nic-card.ts';

const IO_BYTES = 64;
const REVISION = 3;
const PCI_CACHE_LINE_SIZE = 0x0c;
const CACHE_LINE_SIZE = 0x10;
const ETHERTYPE_VLAN = 0x8100;

/** QEMU: how long a negotiation takes, and for how long packets wait after RCTL was written. */
const NEGOTIATION_NS = 500_000_000;
const SETTLE_NS = 1_000_000_000;
/** Spec: §13.4.18: ITR counts in 256 ns; no more than 7813 interrupts a second. */
const ITR_UNIT_NS = 256;
const ITR_LEAST = 500;
/** QEMU: of ITR's units in one of the registers that delay one kind of interrupt. */
const DELAY_UNITS = 4;

/** QEMU: what registers hold after a reset. */
const AT_RESET: readonly (readonly [register: number, value: number])[] = [
  [r.PBA, 0x0010_0030],
  [r.LEDCTL, 0x602],
  [r.CTRL, 0x0014_0240],
  [r.STATUS, 0x8008_0783],
  [r.MANC, 0x0022_2300],
];

/** QEMU: all words but the address, the device's number and the checksum. */
const EEPROM_TEMPLATE: readonly number[] = [
  ...[0x0000, 0x0000, 0x0000, 0x0000, 0xffff, 0x0000, 0x0000, 0x0000],
  ...[0x3000, 0x1000, 0x6403, 0x0000, 0x8086, 0x0000, 0x8086, 0x3040],
  ...[0x0008, 0x2000, 0x7e14, 0x0048, 0x1000, 0x00d8, 0x0000, 0x2700],
  ...[0x6cc9, 0x3150, 0x0722, 0x040b, 0x0984, 0x0000, 0xc000, 0x0706],
  ...[0x1008, 0x0000, 0x0f04, 0x7fff, 0x4d01, 0xffff, 0xffff, 0xffff],
  ...[0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff],
  ...[0x0100, 0x4000, 0x121c, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff],
  ...[0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0x0000],
];

/** What tells one card of the family from the other. */
export interface E1000Model {
  readonly type: string;
  readonly deviceId: number;
  readonly phyId2: number;
}

/** QEMU's properties of the card. */
export interface E1000Options {
  readonly autonegotiation: boolean;
  readonly mitigation: boolean;
  readonly extraRegisters: boolean;
  /** VET holds the usual type of a VLAN's frames after a reset. */
  readonly initVet: boolean;
}

export type E1000State = {
  readonly pci: PciState;
  readonly mac: Uint32Array;
  readonly phy: Uint16Array;
  readonly microwire: MicrowireState;
  readonly rings: RingsState;
  readonly linkUp: boolean;
  /** When the negotiation is over. */
  readonly negotiationNs: number | null;
  /** Until then packets wait. */
  readonly settleNs: number | null;
  /** Until then the next interrupt waits. */
  readonly mitigationNs: number | null;
  readonly interrupts: boolean;
  /** A descriptor asked for its interrupt to be delayed. */
  readonly delaysSent: boolean;
};

export class E1000 extends NicCard<E1000State> implements RingsHost, PhyHost {
  static readonly registers = E1000_REGISTERS;

  readonly vmstate = {
    name: 'e1000',
    version: 1,
    fields: record<E1000State>({
      ...{ pci: this.pciFields, mac: typedArray(Uint32Array, r.REGISTER_WORDS), phy: phyState(1) },
      ...{ microwire: MICROWIRE_STATE, rings: RINGS_STATE, linkUp: BOOLEAN },
      ...{ negotiationNs: DEADLINE_NS, settleNs: DEADLINE_NS, mitigationNs: DEADLINE_NS },
      ...{ interrupts: BOOLEAN, delaysSent: BOOLEAN },
    }),
  };
  readonly eeprom: Uint16Array;
  readonly microwire: Microwire;
  readonly #options: E1000Options;
  readonly #burnedMac: Uint8Array;
  readonly #phy: E1000Phy;
  readonly #rings: E1000Rings;
  readonly #negotiation: Timer;
  readonly #settle: Timer;
  readonly #mitigation: Timer;

  readonly mac: r.MacRegisters = new Uint32Array(r.REGISTER_WORDS);
  /** The wire's level, which mitigation may hold back. */
  #interrupts = false;
  #delaysSent = false;

  constructor(model: E1000Model, options: E1000Options, wiring: NicWiring) {
    const { type, deviceId, phyId2 } = model;
    super({ type, vendorId: PCI_VENDOR_ID_INTEL, deviceId, revision: REVISION }, wiring);
    this.#options = options;
    this.#burnedMac = wiring.mac;
    this.eeprom = eepromOf(wiring.mac, deviceId, EEPROM_TEMPLATE);
    this.microwire = new Microwire(this.eeprom);
    this.#phy = new E1000Phy(this, e1000PhyModel(phyId2));
    this.#rings = new E1000Rings(this, this.clock);
    this.#negotiation = this.clock.timer(() => this.#negotiated());
    this.#settle = this.clock.timer(() => this.packetsMayFit());
    this.#mitigation = this.clock.timer(() => this.setCauses(this.mac[r.ICR >> 2]));
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: r.REGISTER_SPACE_BYTES, handler: this.#memory() });
    // QEMU: what is written there reaches nothing.
    const ports: IoHandler = { read: () => 0, write() {} };
    this.addBar({ index: 1, kind: 'io', sizeBytes: IO_BYTES, handler: ports });
    this.reset();
  }

  reset(): void {
    this.resetPci();
    this.config.set(PCI_CACHE_LINE_SIZE, 1, CACHE_LINE_SIZE);
    for (const timer of [this.#negotiation, this.#settle, this.#mitigation]) timer.cancel();
    this.#interrupts = false;
    this.#delaysSent = false;
    this.#phy.reset();
    this.microwire.reset();
    this.#rings.reset();
    this.mac.fill(0);
    for (const [register, value] of AT_RESET) this.mac[register >> 2] = value;
    if (this.#options.initVet) this.mac[r.VET >> 2] = ETHERTYPE_VLAN;
    const view = new DataView(this.#burnedMac.buffer, this.#burnedMac.byteOffset);
    this.mac[r.RA >> 2] = view.getUint32(0, true);
    this.mac[(r.RA >> 2) + 1] = view.getUint16(4, true) | r.RAH_AV;
    if (this.client.linkDown) this.#linkDown();
    this.#indicateAddress();
  }

  abandon(): void {
    for (const timer of [this.#negotiation, this.#settle, this.#mitigation]) timer.cancel();
    this.#rings.cancel();
  }

  save(): E1000State {
    return {
      ...{ pci: this.savePci(), mac: this.mac.slice(), phy: this.#phy.save() },
      ...{ microwire: this.microwire.save(), rings: this.#rings.save(), linkUp: !this.client.linkDown },
      negotiationNs: deadlineOf(this.#negotiation),
      settleNs: deadlineOf(this.#settle),
      mitigationNs: deadlineOf(this.#mitigation),
      ...{ interrupts: this.#interrupts, delaysSent: this.#delaysSent },
    };
  }

  restore(state: E1000State): void {
    this.restorePci(state.pci);
    this.mac.set(state.mac);
    this.#phy.restore(state.phy);
    this.microwire.restore(state.microwire);
    this.#rings.restore(state.rings);
    this.client.linkDown = !state.linkUp;
    restoreTimer(this.#negotiation, state.negotiationNs);
    restoreTimer(this.#settle, state.settleNs);
    restoreTimer(this.#mitigation, state.mitigationNs);
    this.#interrupts = state.interrupts;
    this.#delaysSent = state.delaysSent;
  }

  /** As the driver has set it. */
  get address(): Uint8Array {
    const address = new Uint8Array(6);
    for (let n = 0; n < 6; n++) address[n] = this.mac[(r.RA >> 2) + (n >> 2)] >>> (8 * (n & 3));
    return address;
  }

  get isLoopback(): boolean {
    return this.#phy.isLoopback;
  }

  get canNegotiate(): boolean {
    return this.#options.autonegotiation;
  }

  get canReceive(): boolean {
    return this.#isReceiving && this.busMaster && this.#rings.hasBuffers(1) && !isArmed(this.#settle);
  }

  receive(packet: Packet): boolean {
    if (isArmed(this.#settle)) return false;
    // QEMU: to a card that is switched off packets are lost.
    if (this.#isReceiving) this.#rings.store(packet);
    return true;
  }

  send(packet: Packet): void {
    this.client.send(packet);
  }

  delaySent(): void {
    this.#delaysSent = true;
  }

  transmit(): void {
    this.#rings.transmit();
  }

  linkChanged(): void {
    const before = this.mac[r.STATUS >> 2];
    if (this.client.linkDown) this.#linkDown();
    else if (this.#phy.negotiates && !this.#phy.isNegotiated) this.negotiate();
    else {
      this.mac[r.STATUS >> 2] |= r.STATUS_LU;
      this.#phy.linkUp();
      this.packetsMayFit();
    }
    if (this.mac[r.STATUS >> 2] !== before) this.raise(r.ICR_LSC);
  }

  negotiate(): void {
    if (this.trace.on) this.trace.event('e1000x_link_negotiation_start');
    this.#linkDown();
    this.#negotiation.arm(this.clock.nowNs() + NEGOTIATION_NS);
  }

  /** A counter's value, which begins anew. */
  take(register: number): number {
    const value = this.mac[register >> 2];
    this.mac[register >> 2] = 0;
    return value;
  }

  accessPhy(value: number): void {
    const answer = this.#phy.access(value, this.mac[r.MDIC >> 2]);
    this.mac[r.MDIC >> 2] = answer;
    if ((answer & r.MDIC_INT_EN) !== 0) this.raise(r.ICR_MDAC);
  }

  receiveControl(value: number): void {
    this.mac[r.RCTL >> 2] = value;
    this.#settle.arm(this.clock.nowNs() + SETTLE_NS);
  }

  readIcr(): number {
    const causes = this.mac[r.ICR >> 2];
    this.setCauses(0);
    return causes;
  }

  raise(causes: number): void {
    this.setCauses((this.mac[r.ICR >> 2] | causes) >>> 0);
  }

  /** Spec: §3.5.8 and §13.4.17 to §13.4.21. */
  setCauses(causes: number): void {
    this.mac[r.ICR >> 2] = causes;
    // QEMU: reading ICS tells the causes as well, and clears none.
    this.mac[r.ICS >> 2] = causes;
    const pending = causes & this.mac[r.IMS >> 2];
    if (pending !== 0 && !this.#interrupts) {
      if (isArmed(this.#mitigation)) return;
      if (this.#options.mitigation) this.#mitigate(pending);
    }
    this.#interrupts = pending !== 0;
    this.setIntx(this.#interrupts);
  }

  /** The next interrupt comes no sooner than the driver wants. */
  #mitigate(pending: number): void {
    const delays: number[] = [this.mac[r.ITR >> 2]];
    if (this.#delaysSent && (pending & (r.ICR_TXQE | r.ICR_TXDW)) !== 0) {
      delays.push(this.mac[r.TADV >> 2] * DELAY_UNITS);
    }
    if (this.mac[r.RDTR >> 2] !== 0 && (pending & r.ICR_RXT0) !== 0) {
      delays.push(this.mac[r.RADV >> 2] * DELAY_UNITS);
    }
    this.#delaysSent = false;
    const wanted = Math.min(...delays.filter((delay) => delay !== 0));
    const units = Number.isFinite(wanted) ? Math.max(wanted, ITR_LEAST) : ITR_LEAST;
    this.#mitigation.arm(this.clock.nowNs() + units * ITR_UNIT_NS);
  }

  get #isReceiving(): boolean {
    return (this.mac[r.STATUS >> 2] & r.STATUS_LU) !== 0 && (this.mac[r.RCTL >> 2] & r.RCTL_EN) !== 0;
  }

  #linkDown(): void {
    this.mac[r.STATUS >> 2] &= ~r.STATUS_LU;
    this.#phy.linkDown();
  }

  #negotiated(): void {
    if (this.client.linkDown) return;
    this.mac[r.STATUS >> 2] |= r.STATUS_LU;
    this.#phy.negotiated();
    if (this.trace.on) this.trace.event('e1000x_link_negotiation_done');
    this.packetsMayFit();
    this.raise(r.ICR_LSC);
  }

  #indicateAddress(): void {
    if (this.trace.on) this.trace.event('e1000x_mac_indicate', ...this.address);
  }

  /** QEMU: a register is read and written as a whole, whatever the size of the access. */
  #memory(): IoHandler {
    return {
      read: (offset, size) => this.#read(offset & ~3, size),
      write: (offset, _size, value) => this.#write(offset & ~3, value),
    };
  }

  #read(offset: number, size: AccessSize): number {
    if (!this.#has(offset)) return 0;
    const isOfBlock = E1000_BLOCKS[offset >> 2] !== 0;
    const value = isOfBlock ? this.mac[offset >> 2] : E1000_REGISTERS.read(this, this.trace, offset, 4);
    if (value === undefined) {
      this.trace.guestError('e1000 register that cannot be read', offset);
      return 0;
    }
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }

  #write(offset: number, value: number): void {
    if (!this.#has(offset)) return;
    const bits = E1000_BLOCKS[offset >> 2];
    if (bits !== 0) this.mac[offset >> 2] = value & bits;
    else if (!E1000_REGISTERS.write(this, this.trace, offset, 4, value)) {
      this.trace.guestError('e1000 register that cannot be written', offset);
    }
  }

  #has(offset: number): boolean {
    return this.#options.extraRegisters || !E1000_EXTRA_REGISTERS.has(offset);
  }
}
