/**
 * How an 82574L interrupts: causes, which of them may, on which message, and how long they wait.
 * Spec: 82574 datasheet §7.4 and §10.2.4. In what order it is done is QEMU's.
 */
import type { Clock, Timer } from '../core/clock.ts';
import { BOOLEAN, DEADLINE_NS, DWORD, list, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { Msi } from '../pci/msi.ts';
import type { Msix } from '../pci/msix.ts';
import { deadlineOf, isArmed, restoreTimer } from './deadline.ts';
import * as r from './e1000e-registers.ts';

export const VECTORS = 5;
/** Units of registers that say how long something waits. */
const DELAY_UNIT_NS = 1024;
const THROTTLE_UNIT_NS = 256;
/** QEMU: interrupts come no closer together, whatever the driver says. */
const THROTTLE_LEAST = 500;

const OTHER_CAUSES = r.ICR_LSC | r.ICR_RXO | r.ICR_MDAC | r.ICR_SRPD | r.ICR_ACK | r.ICR_MNG;
const DELAYED_RX = r.ICR_RXQ0 | r.ICR_RXQ1 | r.ICR_RXT0;
const DELAYED_TX = r.ICR_TXQ0 | r.ICR_TXQ1 | r.ICR_TXQE | r.ICR_TXDW;
/** Causes that have a message of their own, in the order of their fields in IVAR. */
const MESSAGES = [r.ICR_RXQ0, r.ICR_RXQ1, r.ICR_TXQ0, r.ICR_TXQ1, r.ICR_OTHER] as const;
const IVAR_FIELD_BITS = 4;

/** Delays by the register that says how long: of what was received, at the most; of acknowledgements; of what was sent, at the most. */
const DELAYS = [r.RDTR, r.RADV, r.RAID, r.TIDV, r.TADV] as const;
type DelayRegister = (typeof DELAYS)[number];

export type InterruptsState = {
  /** Causes that wait for a delay to end. */
  readonly delayed: number;
  /** Of a message, those that it has told of. */
  readonly told: number;
  /** As the driver wrote them: ITR, then EITR of each message. */
  readonly throttles: readonly number[];
  /** Messages that were held back: without MSI-X the first counts. */
  readonly postponed: readonly boolean[];
  readonly delaysNs: readonly (number | null)[];
  /** Until then interrupts wait: ITR's, then each message's. */
  readonly throttlesNs: readonly (number | null)[];
};

const exactly = (length: number) => ({ min: length, max: length });

export const INTERRUPTS_STATE = record<InterruptsState>({
  delayed: DWORD,
  told: DWORD,
  throttles: list(WORD, exactly(VECTORS + 1)),
  postponed: list(BOOLEAN, exactly(VECTORS)),
  delaysNs: list(DEADLINE_NS, exactly(DELAYS.length)),
  throttlesNs: list(DEADLINE_NS, exactly(VECTORS + 1)),
});

export interface InterruptsHost {
  readonly mac: r.MacRegisters;
  readonly trace: Trace;
  readonly msi: Msi;
  readonly msix: Msix;
  setIntx(level: boolean): void;
}

export class E1000eInterrupts {
  readonly #host: InterruptsHost;
  readonly #clock: Clock;
  readonly #delays: ReadonlyMap<DelayRegister, Timer>;
  readonly #throttles: readonly Timer[];
  #delayed = 0;
  #told = 0;
  #written: number[] = [];
  #postponed: boolean[] = [];

  constructor(host: InterruptsHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.#delays = new Map(DELAYS.map((register) => [register, clock.timer(() => this.set(0))]));
    this.#throttles = Array.from({ length: VECTORS + 1 }, (_, at) =>
      clock.timer(() => (at === 0 ? this.#mayInterrupt() : this.#maySend(at - 1))),
    );
  }

  reset(): void {
    this.cancel();
    this.#delayed = 0;
    this.#told = 0;
    this.#written = Array.from({ length: VECTORS + 1 }, () => 0);
    this.#postponed = Array.from({ length: VECTORS }, () => false);
    this.#host.mac[r.ITR >> 2] = THROTTLE_LEAST;
    this.#host.mac.fill(THROTTLE_LEAST, r.EITR >> 2, (r.EITR >> 2) + VECTORS);
  }

  cancel(): void {
    for (const timer of [...this.#delays.values(), ...this.#throttles]) timer.cancel();
  }

  save(): InterruptsState {
    return {
      ...{ delayed: this.#delayed, told: this.#told },
      throttles: [...this.#written],
      postponed: [...this.#postponed],
      delaysNs: [...this.#delays.values()].map(deadlineOf),
      throttlesNs: this.#throttles.map(deadlineOf),
    };
  }

  restore(state: InterruptsState): void {
    this.#delayed = state.delayed;
    this.#told = state.told;
    this.#written = [...state.throttles];
    this.#postponed = [...state.postponed];
    for (const [at, timer] of [...this.#delays.values()].entries()) restoreTimer(timer, state.delaysNs[at]);
    for (const [at, timer] of this.#throttles.entries()) restoreTimer(timer, state.throttlesNs[at]);
  }

  /** Causes are there, and with them all that wait. */
  set(causes: number): void {
    const { mac } = this.#host;
    const delayed = this.#host.msix.enabled ? 0 : this.#takeDelayed();
    mac[r.ICR >> 2] |= causes | delayed;
    this.#update();
  }

  /** Reading ICR clears it, unless messages tell of causes one by one. */
  readIcr(): number {
    const { mac } = this.#host;
    const causes = mac[r.ICR >> 2];
    if (mac[r.IMS >> 2] === 0 || !this.#host.msix.enabled) mac[r.ICR >> 2] = 0;
    if (this.#acknowledgesAll) {
      mac[r.ICR >> 2] = 0;
      mac[r.IMS >> 2] &= ~mac[r.IAM >> 2];
    }
    this.#update();
    return causes;
  }

  writeIcr(value: number): void {
    const { mac } = this.#host;
    if (this.#acknowledgesAll) mac[r.IMS >> 2] &= ~mac[r.IAM >> 2];
    // QEMU: what stands behind OTHER goes with it.
    mac[r.ICR >> 2] &= ~(value | ((value & r.ICR_OTHER) === 0 ? 0 : OTHER_CAUSES));
    this.#update();
  }

  allow(causes: number): void {
    const { mac, msix } = this.#host;
    const allowed = (causes & r.IMS_BITS) >>> 0;
    const control = mac[r.CTRL_EXT >> 2];
    mac[r.IMS >> 2] |= allowed;
    if ((control & r.CTRL_EXT_PBA_CLR) !== 0 && msix.enabled) {
      for (const [field, cause] of MESSAGES.entries()) {
        const entry = this.#entry(field);
        if ((allowed & cause) !== 0 && (entry & r.IVAR_VALID) !== 0) msix.clearPending(entry & r.IVAR_VECTOR);
      }
    }
    if (allowed === r.IMS_BITS && (control & r.CTRL_EXT_TIMERS_CLEAR) !== 0) this.#endAll();
    this.#update();
  }

  forbid(causes: number): void {
    this.#host.mac[r.IMS >> 2] &= ~causes;
    this.#update();
  }

  /** ITR, or EITR of a message. @param at 0: ITR; else the message and 1 */
  writeThrottle(at: number, value: number): void {
    this.#written[at] = value & 0xffff;
    const register = at === 0 ? r.ITR : r.EITR + 4 * (at - 1);
    this.#host.mac[register >> 2] = Math.max(this.#written[at], THROTTLE_LEAST);
  }

  readThrottle(at: number): number {
    return this.#written[at];
  }

  /** RDTR or TIDV. */
  writeDelay(register: typeof r.RDTR | typeof r.TIDV, value: number): void {
    this.#host.mac[register >> 2] = value & 0xffff;
    const timer = this.#delays.get(register);
    if ((value & r.DELAY_FLUSH) !== 0 && timer !== undefined && isArmed(timer)) this.set(0);
  }

  /** Packets were received: causes that may wait do. */
  received(causes: number): void {
    const { mac } = this.#host;
    const ack = (mac[r.RFCTL >> 2] & r.RFCTL_ACK_DIS) === 0 ? r.ICR_ACK : 0;
    const others = this.#delay(causes, DELAYED_RX | ack, r.RDTR);
    const waitsForAck = (this.#delayed & r.ICR_ACK) !== 0;
    if (others !== undefined || (waitsForAck && mac[r.RAID >> 2] === 0)) {
      this.set(others ?? 0);
      return;
    }
    this.#arm(r.RDTR);
    this.#armOnce(r.RADV);
    if (waitsForAck) this.#armOnce(r.RAID);
  }

  /** Descriptors were sent. @param mayWait the last that wanted to be told of asked for a delay */
  sent(causes: number, mayWait: boolean): void {
    const others = mayWait ? this.#delay(causes, DELAYED_TX, r.TIDV) : causes;
    if (others !== undefined) {
      this.set(others);
      return;
    }
    this.#arm(r.TIDV);
    this.#armOnce(r.TADV);
  }

  /** Sets aside what may wait; what is to be told now, or undefined: nothing. */
  #delay(causes: number, delayable: number, register: DelayRegister): number | undefined {
    const { mac, msix } = this.#host;
    if (msix.enabled) return causes;
    this.#delayed |= causes & delayable;
    const others = causes & ~delayable;
    return mac[register >> 2] === 0 || others !== 0 ? others : undefined;
  }

  #arm(register: DelayRegister): void {
    const delay = this.#host.mac[register >> 2] * DELAY_UNIT_NS;
    this.#delays.get(register)?.arm(this.#clock.nowNs() + delay);
  }

  #armOnce(register: DelayRegister): void {
    const timer = this.#delays.get(register);
    if (timer !== undefined && !isArmed(timer) && this.#host.mac[register >> 2] !== 0) this.#arm(register);
  }

  #takeDelayed(): number {
    const delayed = this.#delayed;
    this.#delayed = 0;
    for (const timer of this.#delays.values()) timer.cancel();
    return delayed;
  }

  /** The driver wants IAM to be taken from IMS when it looks at the causes. */
  get #acknowledgesAll(): boolean {
    const { mac } = this.#host;
    return (mac[r.ICR >> 2] & r.ICR_ASSERTED) !== 0 && (mac[r.CTRL_EXT >> 2] & r.CTRL_EXT_IAME) !== 0;
  }

  #update(): void {
    const { mac, msi, msix } = this.#host;
    if (msix.enabled && (mac[r.ICR >> 2] & OTHER_CAUSES) !== 0) mac[r.ICR >> 2] |= r.ICR_OTHER;
    const causes = (mac[r.ICR >> 2] & ~r.ICR_ASSERTED) >>> 0;
    mac[r.ICR >> 2] = causes === 0 ? 0 : causes | r.ICR_ASSERTED;
    mac[r.ICS >> 2] = mac[r.ICR >> 2];
    const pending = (causes & mac[r.IMS >> 2]) >>> 0;
    if (msix.enabled || msi.enabled) this.#sendMessages(pending);
    else if (pending === 0) this.#host.setIntx(false);
    else if (!this.#postpones()) {
      mac[r.IAC >> 2] = Math.min(mac[r.IAC >> 2] + 1, 0xffff_ffff);
      this.#host.setIntx(true);
    }
  }

  /** A message tells of a cause once. */
  #sendMessages(pending: number): void {
    const { msi, msix } = this.#host;
    this.#told &= pending;
    const news = pending & ~this.#told;
    if (news === 0) return;
    this.#told |= news;
    if (!msix.enabled) {
      if (!this.#postpones()) msi.notify(0);
      return;
    }
    for (const [field, cause] of MESSAGES.entries()) {
      if ((news & cause) === 0) continue;
      this.#message(cause, this.#entry(field));
    }
  }

  /** Which message tells of a cause. */
  #entry(field: number): number {
    return this.#host.mac[r.IVAR >> 2] >>> (IVAR_FIELD_BITS * field);
  }

  /** No delay and no throttle goes on. */
  #endAll(): void {
    this.#host.mac[r.ICR >> 2] |= this.#host.msix.enabled ? 0 : this.#takeDelayed();
    for (const [at, timer] of this.#throttles.entries()) {
      if (!isArmed(timer)) continue;
      timer.cancel();
      if (at === 0) this.#mayInterrupt();
      else this.#maySend(at - 1);
    }
  }

  #message(cause: number, entry: number): void {
    const { mac, msix, trace } = this.#host;
    const vector = entry & r.IVAR_VECTOR;
    if ((entry & r.IVAR_VALID) === 0 || vector >= VECTORS)
      trace.guestError('e1000e cause without a message', cause);
    else if (!this.#throttled(vector + 1, vector)) msix.notify(vector);
    if ((mac[r.CTRL_EXT >> 2] & r.CTRL_EXT_EIAME) !== 0) mac[r.IAM >> 2] &= ~cause;
    const cleared = mac[r.EIAC >> 2] & cause;
    mac[r.ICR >> 2] &= ~cleared;
    this.#told &= ~cleared;
    if ((mac[r.CTRL_EXT >> 2] & r.CTRL_EXT_IAME) === 0) mac[r.IMS >> 2] &= ~cleared;
  }

  #postpones(): boolean {
    return this.#throttled(0, 0);
  }

  /** It comes too soon after another. */
  #throttled(timerAt: number, postponedAt: number): boolean {
    const timer = this.#throttles[timerAt];
    if (isArmed(timer)) {
      this.#postponed[postponedAt] = true;
      return true;
    }
    const register = timerAt === 0 ? r.ITR : r.EITR + 4 * (timerAt - 1);
    timer.arm(this.#clock.nowNs() + this.#host.mac[register >> 2] * THROTTLE_UNIT_NS);
    return false;
  }

  #mayInterrupt(): void {
    if (!this.#postponed[0] || this.#host.msix.enabled) return;
    this.#postponed[0] = false;
    // The message that was held back told of nothing.
    if (this.#host.msi.enabled) this.#told = 0;
    this.set(0);
  }

  #maySend(vector: number): void {
    if (!this.#postponed[vector]) return;
    this.#postponed[vector] = false;
    this.#host.msix.notify(vector);
  }
}
