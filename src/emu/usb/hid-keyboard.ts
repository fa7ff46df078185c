/** What a keyboard has to report: codes of keys in a queue, of which each report takes one, and the keys that are down. QEMU: hw/input/hid.c of 7.2. */
import { BYTE, bytes, integer, list, mask, record } from '../core/state-fields.ts';
import { codesOfKey, USAGE_CTRL, USAGE_OF_CODE, USAGE_PAUSE } from './hid-usages.ts';

const QUEUE_LENGTH = 16;
const QUEUE_MASK = QUEUE_LENGTH - 1;
const KEYS_MAX = 16;
const REPORT_KEYS = 6;
const REPORT_BYTES = 8;
/** Spec: HID Usage Tables 1.12, §10: more keys are down than a report has room for. */
const ROLLOVER = 1;

/** Beside the modifiers: the byte before was a prefix, or the first after 0xe1. */
const AFTER_E0 = 1 << 8;
const AFTER_E1 = 1 << 9;
const RELEASE = 0x80;

export type HidKeyboardState = {
  /** A ring of bytes of scan code set 1. */
  readonly codes: Uint8Array;
  readonly head: number;
  readonly count: number;
  /** Usages of the keys that are down, in the order in which they went down. */
  readonly down: readonly number[];
  readonly modifiers: number;
  readonly leds: number;
};

export const HID_KEYBOARD_STATE = record<HidKeyboardState>({
  codes: bytes(QUEUE_LENGTH),
  head: integer(0, QUEUE_MASK),
  count: integer(0, QUEUE_LENGTH),
  down: list(BYTE, { max: KEYS_MAX }),
  modifiers: mask(0x3ff),
  leds: BYTE,
});

export class HidKeyboard {
  readonly #codes = new Uint8Array(QUEUE_LENGTH);
  #head = 0;
  #count = 0;
  #down: number[] = [];
  #modifiers = 0;
  #leds = 0;

  get hasNews(): boolean {
    return this.#count > 0;
  }

  /** Bit 0 num lock, 1 caps lock, 2 scroll lock, as the guest set them. */
  get leds(): number {
    return this.#leds;
  }

  set leds(leds: number) {
    this.#leds = leds;
  }

  /** A key goes down or up. `full`: there is no room, and it is lost. */
  key(key: string, down: boolean): 'queued' | 'full' | 'unknown' {
    const codes = codesOfKey(key, down);
    if (codes.length === 0) return 'unknown';
    if (this.#count + codes.length > QUEUE_LENGTH) return 'full';
    for (const code of codes) this.#codes[(this.#head + this.#count++) & QUEUE_MASK] = code;
    return 'queued';
  }

  /** The next report. */
  report(): Uint8Array {
    this.#next();
    const report = new Uint8Array(REPORT_BYTES);
    report[0] = this.#modifiers & 0xff;
    if (this.#down.length > REPORT_KEYS) report.fill(ROLLOVER, 2);
    else report.set(this.#down, 2);
    return report;
  }

  reset(): void {
    this.#codes.fill(0);
    this.#head = 0;
    this.#count = 0;
    this.#down = [];
    this.#modifiers = 0;
  }

  save(): HidKeyboardState {
    return {
      codes: this.#codes.slice(),
      head: this.#head,
      count: this.#count,
      down: [...this.#down],
      modifiers: this.#modifiers,
      leds: this.#leds,
    };
  }

  restore({ codes, head, count, down, modifiers, leds }: HidKeyboardState): void {
    this.#codes.set(codes);
    this.#head = head;
    this.#count = count;
    this.#down = [...down];
    this.#modifiers = modifiers;
    this.#leds = leds;
  }

  /** Takes one code from the queue. */
  #next(): void {
    if (this.#count === 0) return;
    const code = this.#codes[this.#head] ?? 0;
    this.#head = (this.#head + 1) & QUEUE_MASK;
    this.#count--;
    if (code === 0xe0) this.#modifiers |= AFTER_E0;
    else if (code === 0xe1) this.#modifiers |= AFTER_E0 | AFTER_E1;
    else this.#code(code);
  }

  /** After 0xe1 there are two more, of which the first says nothing. */
  #code(code: number): void {
    const prefix = this.#modifiers & (AFTER_E0 | AFTER_E1);
    if (prefix === (AFTER_E0 | AFTER_E1)) {
      this.#modifiers &= ~AFTER_E0;
      return;
    }
    this.#modifiers &= ~(AFTER_E0 | AFTER_E1);
    const isDown = (code & RELEASE) === 0;
    if (prefix === AFTER_E1) this.#press(USAGE_PAUSE, isDown);
    else this.#press(USAGE_OF_CODE[(code & 0x7f) | (prefix === AFTER_E0 ? 0x80 : 0)] ?? 0, isDown);
  }

  #press(usage: number, isDown: boolean): void {
    if (usage === 0) return;
    if (usage >= USAGE_CTRL) {
      const bit = 1 << (usage - USAGE_CTRL);
      this.#modifiers = isDown ? this.#modifiers | bit : this.#modifiers & ~bit;
      return;
    }
    const at = this.#down.lastIndexOf(usage);
    if (isDown && at < 0 && this.#down.length < KEYS_MAX) this.#down.push(usage);
    // QEMU: the last key takes the place of one that goes up.
    if (isDown || at < 0) return;
    const last = this.#down.pop();
    if (last !== undefined && at < this.#down.length) this.#down[at] = last;
  }
}
