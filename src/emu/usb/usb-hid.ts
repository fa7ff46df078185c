/** A mouse, tablet or keyboard as a human interface device. Spec: HID 1.11. QEMU: hw/usb/dev-hid.c of 7.2. */
import { assert } from '../core/assert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { BOOLEAN, BYTE, DEADLINE_NS, integer, record, type StateKind } from '../core/state-fields.ts';
import type { InputEvent, InputHandler, InputHandlers } from '../input/input-handlers.ts';
import { HID_KEYBOARD_STATE, HidKeyboard, type HidKeyboardState } from './hid-keyboard.ts';
import { HID_POINTER_STATE, HidPointer, type HidPointerState } from './hid-pointer.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceSettings, type UsbDeviceState } from './usb-device.ts';
import { PID_IN, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';

export type HidKind = 'mouse' | 'tablet' | 'keyboard';

const GET_DESCRIPTOR = 0x8106;
const GET_REPORT = 0xa101;
const GET_IDLE = 0xa102;
const GET_PROTOCOL = 0xa103;
const SET_REPORT = 0x2109;
const SET_IDLE = 0x210a;
const SET_PROTOCOL = 0x210b;
const DESCRIPTOR_REPORT = 0x22;

const IDLE_UNIT_NS = 4_000_000;
const REPORT_PROTOCOL = 1;
const REPORT_ENDPOINT = 1;

/** How QEMU lists each, and what it takes. */
const INPUTS: Readonly<Record<HidKind, Pick<InputHandler, 'name' | 'types'>>> = {
  mouse: { name: 'QEMU HID Mouse', types: ['btn', 'rel'] },
  tablet: { name: 'QEMU HID Tablet', types: ['btn', 'abs'] },
  keyboard: { name: 'QEMU HID Keyboard', types: ['key'] },
};

export type UsbHidState = {
  readonly usb: UsbDeviceState;
  /** 0: the boot protocol, whose reports are the same here. */
  readonly protocol: number;
  /** In units of 4 ms; 0: only what is new is reported. */
  readonly idle: number;
  /** The idle time is over: the last report is told again. */
  readonly idlePending: boolean;
  readonly idleDeadlineNs: number | null;
  readonly input: HidPointerState | HidKeyboardState;
};

const COMMON_FIELDS = {
  usb: USB_DEVICE_FIELDS,
  protocol: integer(0, REPORT_PROTOCOL),
  idle: BYTE,
  idlePending: BOOLEAN,
  idleDeadlineNs: DEADLINE_NS,
};
const POINTER_FIELDS: StateKind<UsbHidState> = record({ ...COMMON_FIELDS, input: HID_POINTER_STATE });
const KEYBOARD_FIELDS: StateKind<UsbHidState> = record({ ...COMMON_FIELDS, input: HID_KEYBOARD_STATE });

export interface UsbHidWiring {
  readonly clock: Clock;
  readonly handlers: InputHandlers;
  /** Spec: HID 1.11 §6.2.2. */
  readonly reportDescriptor: Uint8Array;
}

export class UsbHid extends UsbDevice<UsbHidState> implements InputHandler {
  readonly vmstate;
  readonly name: string;
  readonly types: InputHandler['types'];
  readonly #wiring: UsbHidWiring;
  readonly #idleTimer: Timer;
  readonly #pointer: HidPointer | undefined;
  readonly #keyboard: HidKeyboard | undefined;
  /** The guest reads it: since then it is asked before other mice. */
  #isActive = false;
  #protocol = REPORT_PROTOCOL;
  #idle = 0;
  #idlePending = false;

  constructor(kind: HidKind, settings: UsbDeviceSettings, wiring: UsbHidWiring) {
    super(settings);
    this.#wiring = wiring;
    const isKeyboard = kind === 'keyboard';
    this.vmstate = {
      name: isKeyboard ? 'usb-kbd' : 'usb-ptr',
      version: 1,
      fields: isKeyboard ? KEYBOARD_FIELDS : POINTER_FIELDS,
    };
    this.name = INPUTS[kind].name;
    this.types = INPUTS[kind].types;
    this.#pointer = isKeyboard ? undefined : new HidPointer(kind === 'tablet');
    this.#keyboard = isKeyboard ? new HidKeyboard() : undefined;
    this.#idleTimer = wiring.clock.timer(() => {
      this.#idlePending = true;
      this.wakeUp();
    });
  }

  /** The device takes the user's input. QEMU: a keyboard before all others at once, a mouse when the guest reads it. */
  connect(): void {
    this.#wiring.handlers.add(this);
    if (this.#keyboard !== undefined) this.#wiring.handlers.activate(this);
  }

  /** The device is gone. */
  disconnect(): void {
    this.#wiring.handlers.remove(this);
    this.#idleTimer.cancel();
  }

  event(event: InputEvent): void {
    this.#pointer?.event(event);
    if (event.type !== 'key' || this.#keyboard === undefined) return;
    const result = this.#keyboard.key(event.key, event.down);
    if (result === 'full' && this.settings.trace.on) this.settings.trace.event('hid_kbd_queue_full');
    if (result === 'queued') this.wakeUp();
  }

  sync(): void {
    if (this.#pointer?.sync() === true) this.wakeUp();
  }

  reset(): void {
    this.resetUsb();
    this.busWasReset();
    if (this.#keyboard !== undefined) this.#keyboard.leds = 0;
  }

  save(): UsbHidState {
    const { deadlineNs } = this.#idleTimer;
    return {
      usb: this.saveUsb(),
      protocol: this.#protocol,
      idle: this.#idle,
      idlePending: this.#idlePending,
      idleDeadlineNs: Number.isFinite(deadlineNs) ? deadlineNs : null,
      input: this.#source.save(),
    };
  }

  restore(state: UsbHidState): void {
    this.restoreUsb(state.usb);
    this.#protocol = state.protocol;
    this.#idle = state.idle;
    this.#idlePending = state.idlePending;
    this.#idleTimer.cancel();
    if (state.idleDeadlineNs !== null) this.#idleTimer.arm(state.idleDeadlineNs);
    if ('movements' in state.input) this.#pointer?.restore(state.input);
    else this.#keyboard?.restore(state.input);
  }

  protected busWasReset(): void {
    this.#pointer?.reset();
    this.#keyboard?.reset();
    this.#protocol = REPORT_PROTOCOL;
    this.#idle = 0;
    this.#idlePending = false;
    this.#idleTimer.cancel();
  }

  protected handleData(packet: UsbPacket): UsbStatus {
    if (packet.pid !== PID_IN || packet.endpoint !== REPORT_ENDPOINT) return 'stall';
    this.#activate();
    if (!this.#hasNews) return 'nak';
    this.#armIdle();
    packet.give(this.#report());
    return 'success';
  }

  protected classRequest(request: UsbRequest, data: Uint8Array): UsbAnswer {
    switch ((request.type << 8) | request.request) {
      case GET_DESCRIPTOR:
        return request.value >>> 8 === DESCRIPTOR_REPORT ? this.#wiring.reportDescriptor : 'stall';
      case GET_REPORT:
        this.#activate();
        return this.#report();
      case SET_REPORT:
        return this.#setReport(data);
      case GET_PROTOCOL:
        return this.types.includes('abs') ? 'stall' : Uint8Array.of(this.#protocol);
      case SET_PROTOCOL:
        return this.#setProtocol(request.value);
      case GET_IDLE:
        return Uint8Array.of(this.#idle);
      case SET_IDLE:
        this.#idle = request.value >>> 8;
        this.#armIdle();
        this.#activate();
        return NO_BYTES;
      default:
        return 'stall';
    }
  }

  get #source(): HidPointer | HidKeyboard {
    const source = this.#pointer ?? this.#keyboard;
    assert(source !== undefined, 'a device has keys or moves');
    return source;
  }

  get #hasNews(): boolean {
    return this.#idlePending || this.#source.hasNews;
  }

  #report(): Uint8Array {
    this.#idlePending = false;
    return this.#source.report();
  }

  #setReport(data: Uint8Array): UsbAnswer {
    if (this.#keyboard === undefined) return 'stall';
    if (data.length > 0) this.#keyboard.leds = data[0] ?? 0;
    return NO_BYTES;
  }

  #setProtocol(value: number): UsbAnswer {
    if (this.types.includes('abs')) return 'stall';
    this.#protocol = value & REPORT_PROTOCOL;
    return NO_BYTES;
  }

  #activate(): void {
    if (this.#pointer === undefined || this.#isActive) return;
    this.#isActive = true;
    this.#wiring.handlers.activate(this);
  }

  #armIdle(): void {
    if (this.#idle === 0) this.#idleTimer.cancel();
    else this.#idleTimer.arm(this.#wiring.clock.nowNs() + this.#idle * IDLE_UNIT_NS);
  }
}
