/** The PHY inside the 8254x family, as MDIC reaches it. Spec: 8254x SDM §13.4.5 and chapter 11; IEEE 802.3 clause 22. */
import { type StateKind, typedArray } from '../core/state-fields.ts';
import * as r from './e1000-registers.ts';

export const PHY_REGISTERS = 32;
/** Registers from here on are another in each page. */
const PAGED = 16;
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

/** QEMU: what registers of the 8254x family's hold after a reset, but for the second word of the identity. */
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
const READABLE = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x0a, 0x10, 0x11, 0x14, 0x15];
const WRITABLE = [0x00, 0x04, 0x09, 0x10, 0x14];

/** Which registers a PHY has. Those of page n have numbers from 32 n on; the lower half of them is page 0's in every page. */
export interface PhyModel {
  readonly pages: number;
  readonly atReset: readonly (readonly [register: number, value: number])[];
  readonly readable: ReadonlySet<number>;
  readonly writable: ReadonlySet<number>;
  /** The register that chooses the page, and its bits; absent: there is one page. */
  readonly pageRegister?: { readonly number: number; readonly bits: number };
  /** Another register that makes it negotiate, and the bit, which is not kept. */
  readonly restart?: { readonly number: number; readonly bit: number };
}

/** @param id2 the second word of its identity */
export function e1000PhyModel(id2: number): PhyModel {
  return {
    pages: 1,
    atReset: [...AT_RESET, [PHY_ID2, id2]],
    readable: new Set(READABLE),
    writable: new Set(WRITABLE),
  };
}

export function phyState(pages: number): StateKind<Uint16Array> {
  return typedArray(Uint16Array, pages * PHY_REGISTERS);
}

export interface PhyHost {
  /** The user lets it negotiate. */
  readonly canNegotiate: boolean;
  /** A negotiation begins, for which the link is down. */
  negotiate(): void;
}

export class E1000Phy {
  readonly #host: PhyHost;
  readonly #model: PhyModel;
  readonly #registers: Uint16Array;

  constructor(host: PhyHost, model: PhyModel) {
    this.#host = host;
    this.#model = model;
    this.#registers = new Uint16Array(model.pages * PHY_REGISTERS);
    this.reset();
  }

  reset(): void {
    this.#registers.fill(0);
    for (const [register, value] of this.#model.atReset) this.#registers[register] = value;
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
    const register = this.#numbered((value >>> r.MDIC_REGISTER_SHIFT) & REGISTER_MASK);
    if (((value >>> r.MDIC_PHY_SHIFT) & REGISTER_MASK) !== ADDRESS) {
      // QEMU: of what was asked of another PHY nothing is kept.
      return (before | r.MDIC_ERROR | r.MDIC_READY) >>> 0;
    }
    let answer = value;
    if ((value & r.MDIC_OP_READ) !== 0) {
      if (!this.#model.readable.has(register)) answer |= r.MDIC_ERROR;
      else answer = (value & ~r.MDIC_DATA) | this.#registers[register];
    } else if ((value & r.MDIC_OP_WRITE) !== 0) {
      if (!this.#model.writable.has(register)) answer |= r.MDIC_ERROR;
      else this.#write(register, value & r.MDIC_DATA);
    }
    return (answer | r.MDIC_READY) >>> 0;
  }

  /** Where a register of the page is that is chosen now. */
  #numbered(register: number): number {
    const { pageRegister, pages } = this.#model;
    if (pageRegister === undefined || register < PAGED || register === pageRegister.number) return register;
    const page = this.#registers[pageRegister.number];
    // QEMU: a page that is none has no registers, and there is none with this number.
    return page < pages ? page * PHY_REGISTERS + register : Number.NaN;
  }

  #write(register: number, value: number): void {
    const { pageRegister, restart } = this.#model;
    if (register === restart?.number) {
      this.#registers[register] = value & ~restart.bit;
      if ((value & restart.bit) !== 0) this.#host.negotiate();
      return;
    }
    if (register !== PHY_CTRL) {
      this.#registers[register] = register === pageRegister?.number ? value & pageRegister.bits : value;
      return;
    }
    this.#registers[PHY_CTRL] = value & ~(MII_CR_RESERVED | MII_CR_RESET | MII_CR_RESTART_AUTO_NEG);
    if (this.negotiates && (value & MII_CR_RESTART_AUTO_NEG) !== 0) this.#host.negotiate();
  }
}
