/** The PHY inside the 8254x family, as MDIC reaches it. Spec: 8254x SDM §13.4.5 and chapter 11; IEEE 802.3 clause 22. */
import { typedArray } from '../core/state-fields.ts';
import * as r from './e1000-registers.ts';

export const PHY_REGISTERS = 32;
export const PHY_STATE = typedArray(Uint16Array, PHY_REGISTERS);
const ADDRESS = 1;
const REGISTER_MASK = PHY_REGISTERS - 1;

const PHY_CTRL = 0x00;
const PHY_STATUS = 0x01;
const PHY_ID2 = 0x03;
const PHY_LP_ABILITY = 0x05;

const MII_CR_LOOPBACK = 0x4000;
const MII_CR_RESET = 0x8000;
const MII_CR_AUTO_NEG_EN = 0x1000;
const MII_CR_RESTART_AUTO_NEG = 0x0200;
const MII_CR_RESERVED = 0x003f;
const MII_SR_LINK_STATUS = 0x0004;
const MII_SR_AUTONEG_COMPLETE = 0x0020;
const LP_ABILITY_ACK = 0x4000;

/** QEMU: what registers hold after a reset. */
const AT_RESET: readonly (readonly [register: number, value: number])[] = [
  ...([
    [0x00, 0x1140],
    [0x01, 0x794d],
    [0x02, 0x0141],
    [0x04, 0x0de1],
    [0x05, 0x01e0],
  ] as const),
  ...([
    [0x09, 0x0e00],
    [0x0a, 0x3c00],
    [0x10, 0x0360],
    [0x11, 0xac00],
    [0x14, 0x0d60],
  ] as const),
];
const READABLE = new Set([0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x0a, 0x10, 0x11, 0x14, 0x15]);
const WRITABLE = new Set([0x00, 0x04, 0x09, 0x10, 0x14]);

export interface PhyHost {
  /** The user lets it negotiate. */
  readonly canNegotiate: boolean;
  /** A negotiation begins, for which the link is down. */
  negotiate(): void;
}

export class E1000Phy {
  readonly #host: PhyHost;
  readonly #id2: number;
  readonly #registers = new Uint16Array(PHY_REGISTERS);

  constructor(host: PhyHost, id2: number) {
    this.#host = host;
    this.#id2 = id2;
    this.reset();
  }

  reset(): void {
    this.#registers.fill(0);
    for (const [register, value] of AT_RESET) this.#registers[register] = value;
    this.#registers[PHY_ID2] = this.#id2;
  }

  save(): Uint16Array {
    return this.#registers.slice();
  }

  restore(registers: Uint16Array): void {
    this.#registers.set(registers);
  }

  get isLoopback(): boolean {
    return (this.#registers[PHY_CTRL] & MII_CR_LOOPBACK) !== 0;
  }

  get negotiates(): boolean {
    return this.#host.canNegotiate && (this.#registers[PHY_CTRL] & MII_CR_AUTO_NEG_EN) !== 0;
  }

  get isNegotiated(): boolean {
    return (this.#registers[PHY_STATUS] & MII_SR_AUTONEG_COMPLETE) !== 0;
  }

  linkUp(): void {
    this.#registers[PHY_STATUS] |= MII_SR_LINK_STATUS;
  }

  linkDown(): void {
    this.#registers[PHY_STATUS] &= ~(MII_SR_LINK_STATUS | MII_SR_AUTONEG_COMPLETE);
    this.#registers[PHY_LP_ABILITY] &= ~LP_ABILITY_ACK;
  }

  negotiated(): void {
    this.linkUp();
    this.#registers[PHY_LP_ABILITY] |= LP_ABILITY_ACK;
    this.#registers[PHY_STATUS] |= MII_SR_AUTONEG_COMPLETE;
  }

  /** A write of MDIC; what it reads as then. @param before what it read as */
  access(value: number, before: number): number {
    const register = (value >>> r.MDIC_REGISTER_SHIFT) & REGISTER_MASK;
    if (((value >>> r.MDIC_PHY_SHIFT) & REGISTER_MASK) !== ADDRESS) {
      // QEMU: of what was asked of another PHY nothing is kept.
      return (before | r.MDIC_ERROR | r.MDIC_READY) >>> 0;
    }
    let answer = value;
    if ((value & r.MDIC_OP_READ) !== 0) {
      if (!READABLE.has(register)) answer |= r.MDIC_ERROR;
      else answer = (value & ~r.MDIC_DATA) | this.#registers[register];
    } else if ((value & r.MDIC_OP_WRITE) !== 0) {
      if (!WRITABLE.has(register)) answer |= r.MDIC_ERROR;
      else this.#write(register, value & r.MDIC_DATA);
    }
    return (answer | r.MDIC_READY) >>> 0;
  }

  #write(register: number, value: number): void {
    if (register !== PHY_CTRL) {
      this.#registers[register] = value;
      return;
    }
    this.#registers[PHY_CTRL] = value & ~(MII_CR_RESERVED | MII_CR_RESET | MII_CR_RESTART_AUTO_NEG);
    if (this.negotiates && (value & MII_CR_RESTART_AUTO_NEG) !== 0) this.#host.negotiate();
  }
}
