/** The four registers of a slot of the standard hotplug controller. Spec: PCI Standard Hot-Plug Controller 1.0 §4.9.11. */
import { RegisterTable, register } from '../bus/register-table.ts';

const STATE_MASK = 0x03;
const STATE_POWER_ONLY = 1;
const STATE_ENABLED = 2;
const STATE_DISABLED = 3;
const POWER_LED_SHIFT = 2;
const ATTENTION_LED_SHIFT = 4;
const LED_MASK = 3;
const LED_ON = 1;
const LED_OFF = 3;
/** In the second byte. */
const MRL_OPEN = 0x01;
const PRESENCE_MASK = 0x0c;
const PRESENCE_EMPTY = 0x0c;

const EVENT_PRESENCE = 0x01;
const EVENT_BUTTON = 0x04;
const EVENT_MRL = 0x08;
const EVENTS_ALL = 0x1f;
const MASKS_ALL = 0x7f;

export class ShpcSlot {
  static readonly registers = new RegisterTable<ShpcSlot>(
    {
      name: 'shpc-slot',
      title: 'A slot of the standard hotplug controller',
      place: 'at 24 of the controller for slot 1, four bytes further for each slot up to 31',
      spec: 'PCI Standard Hot-Plug Controller 1.0 §4.9.11',
    },
    [
      register(
        0,
        1,
        'STATE',
        '0 to 1: 1 has power, 2 works, 3 is off; 2 to 3 power light, 4 to 5 attention light: 1 on, 2 blinks, 3 off',
        {
          read: (slot) => slot.#bytes[0] ?? 0,
        },
      ),
      register(1, 1, 'PRESENCE', '0 the latch is open; 2 to 3: 3 the slot is empty', {
        read: (slot) => slot.#bytes[1] ?? 0,
      }),
      register(2, 1, 'EVENT_LATCH', '0 presence, 2 button, 3 latch changed; writing 1 clears', {
        read: (slot) => slot.#bytes[2] ?? 0,
        write: (slot, value) => {
          slot.#bytes[2] &= ~(value & EVENTS_ALL);
        },
      }),
      register(3, 1, 'EVENT_MASK', 'which of these do not interrupt', {
        read: (slot) => slot.#bytes[3] ?? 0,
        write: (slot, value) => {
          slot.#bytes[3] = value & MASKS_ALL;
        },
      }),
    ],
  );

  readonly #bytes: Uint8Array;

  /** @param bytes the four of this slot among those of the controller */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  /** The state after a reset. */
  reset(occupied: boolean): void {
    const [state, led] = occupied ? [STATE_ENABLED, LED_ON] : [STATE_DISABLED, LED_OFF];
    this.#bytes[0] = state | (led << POWER_LED_SHIFT);
    this.#bytes[1] = occupied ? 0 : MRL_OPEN | PRESENCE_EMPTY;
    this.#bytes[2] = 0;
    this.#bytes[3] = MASKS_ALL;
  }

  /** Its power is off, and its light. */
  get isOff(): boolean {
    return this.#state === STATE_DISABLED && this.#led(POWER_LED_SHIFT) === LED_OFF;
  }

  /** Something has happened that is to interrupt. */
  get interrupts(): boolean {
    return ((this.#bytes[2] ?? 0) & ~(this.#bytes[3] ?? 0)) !== 0;
  }

  /** A device was put in and the button pressed. QEMU: where one is already, only the latter. */
  inserted(): void {
    if (((this.#bytes[1] ?? 0) & MRL_OPEN) !== 0) {
      this.#bytes[1] &= ~(MRL_OPEN | PRESENCE_MASK);
      this.#bytes[2] |= EVENT_MRL | EVENT_PRESENCE;
    }
    this.pressed();
  }

  pressed(): void {
    this.#bytes[2] |= EVENT_BUTTON;
  }

  emptied(): void {
    this.#bytes[1] |= MRL_OPEN | PRESENCE_EMPTY;
    this.#bytes[2] |= EVENT_MRL | EVENT_PRESENCE;
  }

  /**
   * Carries a command of the driver out. QEMU: one that takes a working slot back to power only is invalid, and one that would make a slot
   * with power work does nothing.
   */
  command(code: number): 'done' | 'invalid' | 'switched off' {
    const state = code & STATE_MASK;
    const before = this.#state;
    if (before === STATE_ENABLED && state === STATE_POWER_ONLY) return 'invalid';
    this.#setLed(POWER_LED_SHIFT, code);
    this.#setLed(ATTENTION_LED_SHIFT, code);
    if (state === 0 || (before === STATE_DISABLED) === (state === STATE_DISABLED)) return 'done';
    this.#bytes[0] = (this.#bytes[0] & ~STATE_MASK) | state;
    return this.isOff ? 'switched off' : 'done';
  }

  get works(): boolean {
    return this.#state === STATE_ENABLED;
  }

  /** A command to all slots: those with a device get power, or work; the light of empty ones goes off. */
  powerOn(enables: boolean): void {
    const isPresent = ((this.#bytes[1] ?? 0) & MRL_OPEN) === 0;
    const state = enables ? STATE_ENABLED : STATE_POWER_ONLY;
    this.command(isPresent ? state | (LED_ON << POWER_LED_SHIFT) : LED_OFF << POWER_LED_SHIFT);
  }

  get #state(): number {
    return (this.#bytes[0] ?? 0) & STATE_MASK;
  }

  #led(shift: number): number {
    return ((this.#bytes[0] ?? 0) >> shift) & LED_MASK;
  }

  /** A command leaves a light as it is with 0. */
  #setLed(shift: number, code: number): void {
    const led = (code >> shift) & LED_MASK;
    if (led !== 0) this.#bytes[0] = (this.#bytes[0] & ~(LED_MASK << shift)) | (led << shift);
  }
}
