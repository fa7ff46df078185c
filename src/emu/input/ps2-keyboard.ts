/** PS/2 keyboard. Spec: IBM PS/2 Hardware Interface Technical Reference. QEMU: hw/input/ps2.c of 7.2. */
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, integer, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { SET2_TO_SET1, scanCodeBytes } from './keymap.ts';
import type { Ps2QueueState } from './ps2-queue.ts';
import { PS2_QUEUE_STATE, Ps2Queue } from './ps2-queue.ts';

const SET_LEDS = 0xed;
const ECHO = 0xee;
const SCANCODE_SET = 0xf0;
const GET_ID = 0xf2;
const SET_RATE = 0xf3;
const ENABLE = 0xf4;
const RESET_DISABLE = 0xf5;
const RESET_ENABLE = 0xf6;
const SET_ALL_TYPEMATIC = 0xfa;
const SET_MAKE_BREAK = 0xfc;
const RESET = 0xff;

const ACK = 0xfa;
const RESEND = 0xfe;
const POWER_ON_OK = 0xaa;
const NO_COMMAND = -1;
/** The id is AB 83; its second byte and the numbers of the sets pass through the 8042's translation. */
const ID = [0xab, 0x83, 0x41] as const;
const SET_NAMES_TRANSLATED = [0, 0x43, 0x41, 0x3f];
const RELEASE = 0xf0;
const RELEASE_BIT = 0x80;

function powerOn() {
  return { scanEnabled: true, translate: false, set: 2, leds: 0, command: NO_COMMAND };
}

export type Ps2KeyboardState = ReturnType<typeof powerOn> & { readonly queue: Ps2QueueState };

export const PS2_KEYBOARD_STATE = record<Ps2KeyboardState>({
  scanEnabled: BOOLEAN,
  translate: BOOLEAN,
  set: integer(1, 3),
  leds: BYTE,
  command: integer(NO_COMMAND, 0xff),
  queue: PS2_QUEUE_STATE,
});

export class Ps2Keyboard implements Device<Ps2KeyboardState> {
  readonly vmstate = { name: 'ps2kbd', version: 3, fields: PS2_KEYBOARD_STATE };
  readonly #queue: Ps2Queue;
  readonly #trace: Trace;
  #s = powerOn();

  /** @param ready high while there is a byte to read */
  constructor(ready: IrqLine, trace: Trace) {
    this.#queue = new Ps2Queue(ready);
    this.#trace = trace;
  }

  /** Bit 0 scroll lock, 1 num lock, 2 caps lock, as the guest set them. */
  get leds(): number {
    return this.#s.leds;
  }

  /** A key goes down or up; `key` as in `sendkey`. False when the name is unknown. */
  key(key: string, down: boolean): boolean {
    const bytes = scanCodeBytes(key, down, this.#s.set);
    if (bytes !== undefined) this.#input(bytes);
    return bytes !== undefined;
  }

  /** Raw bytes of the scan code set in use. */
  scanCodes(bytes: readonly number[]): void {
    this.#input(bytes);
  }

  /** The 8042 translates to set 1 on the way to the CPU. */
  setTranslation(on: boolean): void {
    if (this.#trace.on) this.#trace.event('ps2_keyboard_set_translation', this, on ? 1 : 0);
    this.#s.translate = on;
  }

  /** Next byte for the controller. */
  read(): number {
    if (this.#trace.on) this.#trace.event('ps2_read_data', this);
    return this.#queue.read();
  }

  /** A byte from the controller: a command or its argument. */
  write(value: number): void {
    if (this.#trace.on) this.#trace.event('ps2_write_keyboard', this, value);
    const { command } = this.#s;
    this.#s.command = NO_COMMAND;
    if (command === NO_COMMAND) this.#command(value);
    else this.#argument(command, value);
  }

  reset(): void {
    if (this.#trace.on) this.#trace.event('ps2_kbd_reset', this);
    this.#s = powerOn();
    this.#queue.reset();
  }

  save(): Ps2KeyboardState {
    return { ...this.#s, queue: this.#queue.save() };
  }

  restore({ queue, ...state }: Ps2KeyboardState): void {
    this.#s = state;
    this.#queue.restore(queue);
  }

  #input(bytes: readonly number[]): void {
    if (this.#s.scanEnabled) this.#queue.put(this.#s.translate ? this.#translated(bytes) : bytes);
  }

  #translated(bytes: readonly number[]): number[] {
    const out: number[] = [];
    let release = 0;
    for (const byte of bytes) {
      if (byte === RELEASE) {
        release = RELEASE_BIT;
        continue;
      }
      out.push((SET2_TO_SET1[byte] ?? byte) | release);
      release = 0;
    }
    return out;
  }

  #command(value: number): void {
    switch (value) {
      case 0x00:
      case SET_ALL_TYPEMATIC:
        this.#queue.reply(ACK);
        break;
      case GET_ID:
        this.#queue.reply(ACK, ID[0], this.#s.translate ? ID[2] : ID[1]);
        break;
      case ECHO:
        this.#queue.reply(ECHO);
        break;
      case ENABLE:
        this.#s.scanEnabled = true;
        this.#queue.reply(ACK);
        break;
      case SCANCODE_SET:
      case SET_LEDS:
      case SET_RATE:
      case SET_MAKE_BREAK:
        this.#s.command = value;
        this.#queue.reply(ACK);
        break;
      case RESET_DISABLE:
      case RESET_ENABLE:
        this.#defaults(value === RESET_ENABLE);
        this.#queue.reply(ACK);
        break;
      case RESET:
        this.#defaults(true);
        this.#queue.reply(ACK, POWER_ON_OK);
        break;
      default:
        this.#queue.reply(RESEND);
    }
  }

  #argument(command: number, value: number): void {
    if (command === SET_LEDS) this.#setLeds(value);
    if (command !== SCANCODE_SET) {
      this.#queue.reply(ACK);
    } else if (value === 0) {
      const { set, translate } = this.#s;
      this.#queue.reply(ACK, translate ? (SET_NAMES_TRANSLATED[set] ?? set) : set);
    } else if (value <= 3) {
      this.#s.set = value;
      this.#queue.reply(ACK);
    } else {
      this.#queue.reply(RESEND);
    }
  }

  #defaults(scanEnabled: boolean): void {
    if (this.#trace.on) this.#trace.event('ps2_reset_keyboard', this);
    this.#s.scanEnabled = scanEnabled;
    this.#s.set = 2;
    this.#queue.clear();
    this.#setLeds(0);
  }

  #setLeds(leds: number): void {
    this.#s.leds = leds;
    if (this.#trace.on) this.#trace.event('ps2_set_ledstate', this, leds);
  }
}
