/** A serial port as an FT232BM makes of a USB. Spec: FTDI has published none; what drivers rely on, and QEMU's hw/usb/dev-serial.c of 7.2, are followed. */
import type { CharBackend, CharEvent, CharFrontend } from '../char/char-backend.ts';
import { BOOLEAN, BYTE, bytes, integer, record } from '../core/state-fields.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceSettings, type UsbDeviceState } from './usb-device.ts';
import { PID_IN, PID_OUT, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';

const CLEAR_ENDPOINT_FEATURE = 0x0201;
const RESET = 0x4000;
const SET_MODEM_CONTROL = 0x4001;
const SET_FLOW_CONTROL = 0x4002;
const SET_BAUD = 0x4003;
const SET_DATA = 0x4004;
const SET_EVENT_CHARACTER = 0x4006;
const SET_ERROR_CHARACTER = 0x4007;
const SET_LATENCY = 0x4009;
const GET_MODEM_STATUS = 0xc005;
const GET_LATENCY = 0xc00a;

/** Values of RESET. */
const RESET_ALL = 0;
const RESET_RECEIVER = 1;

const FLOW_XON_XOFF = 4;

/** Parts of the value of SET_DATA. */
const PARITY = 0x0700;
const PARITY_EVEN = 0x0200;
const STOP_BITS = 0x1800;
const STOP_BITS_2 = 0x1000;

/** The two bytes before what a packet to the host carries. */
const MODEM_ALWAYS = 0x01;
const MODEM_CTS = 0x10;
const MODEM_DSR = 0x20;
const MODEM_RLSD = 0x80;
/** QEMU: of a back end that has no such lines. */
const MODEM_LINES = MODEM_CTS | MODEM_DSR | MODEM_RLSD | MODEM_ALWAYS;
const LINE_BREAK = 0x10;
const LINE_THRE = 0x20;
const LINE_TEMT = 0x40;
const HEADER_BYTES = 2;

const ENDPOINT_IN = 1;
const ENDPOINT_OUT = 2;
export const SERIAL_MAX_PACKET = 64;
const RECEIVE_BYTES = 512 - 2 * 8;
const CARRIAGE_RETURN = 0x0d;
/** More than a controller's transfer has: what the back end has no room for. */
const SEND_MAX = 65_536;

export type UsbSerialState = {
  readonly usb: UsbDeviceState;
  readonly attached: boolean;
  /** What has come and no packet has carried yet, from `receiveAt` on, round the end. */
  readonly received: Uint8Array;
  readonly receiveAt: number;
  readonly receivedBytes: number;
  readonly eventCharacter: number;
  readonly errorCharacter: number;
  readonly breakCame: boolean;
  readonly flowControl: number;
  readonly xon: number;
  readonly xoff: number;
  readonly latency: number;
  /** Bytes of the packet that waits which the back end has taken: the host sends that packet again. */
  readonly taken: number;
};

const FIELDS = record<UsbSerialState>({
  usb: USB_DEVICE_FIELDS,
  attached: BOOLEAN,
  received: bytes(RECEIVE_BYTES),
  receiveAt: integer(0, RECEIVE_BYTES - 1),
  receivedBytes: integer(0, RECEIVE_BYTES),
  eventCharacter: BYTE,
  errorCharacter: BYTE,
  breakCame: BOOLEAN,
  flowControl: BYTE,
  xon: BYTE,
  xoff: BYTE,
  latency: BYTE,
  taken: integer(0, SEND_MAX),
});

type Registers = Omit<UsbSerialState, 'usb' | 'attached'>;

function powerOn(): { -readonly [K in keyof Registers]: Registers[K] } {
  return {
    received: new Uint8Array(RECEIVE_BYTES),
    receiveAt: 0,
    receivedBytes: 0,
    eventCharacter: CARRIAGE_RETURN,
    errorCharacter: 0,
    breakCame: false,
    flowControl: 0,
    xon: 0,
    xoff: 0,
    latency: 0,
    taken: 0,
  };
}

export interface UsbSerialWiring {
  readonly backend: CharBackend;
  /** It is attached whether or not somebody is at the other end of the back end. */
  readonly alwaysPlugged: boolean;
}

export class UsbSerial extends UsbDevice<UsbSerialState> implements CharFrontend {
  readonly vmstate = { name: 'usb-serial', version: 1, fields: FIELDS };
  readonly #wiring: UsbSerialWiring;
  #s = powerOn();
  /** The packet of which the back end has not taken all. */
  #packet: UsbPacket | undefined;

  constructor(wiring: UsbSerialWiring, settings: UsbDeviceSettings) {
    super(settings);
    this.#wiring = wiring;
  }

  override get attachesItself(): boolean {
    return this.#wiring.alwaysPlugged || this.#wiring.backend.open;
  }

  override plugged(): void {
    this.#wiring.backend.acceptInput();
  }

  reset(): void {
    this.resetUsb();
    this.#endPacket('stall');
    this.#s = powerOn();
  }

  save(): UsbSerialState {
    const taken = this.#packet?.actual ?? this.#s.taken;
    const { received } = this.#s;
    return {
      usb: this.saveUsb(),
      attached: this.attached,
      ...this.#s,
      received: received.slice(),
      taken: Math.min(taken, SEND_MAX),
    };
  }

  restore({ usb, attached, ...state }: UsbSerialState): void {
    this.restoreUsb(usb);
    this.restoreAttached(attached);
    this.#packet = undefined;
    this.#s = { ...state, received: state.received.slice() };
  }

  override detached(): void {
    this.#endPacket('no-device');
  }

  override cancel(packet: UsbPacket): void {
    if (packet === this.#packet) this.#packet = undefined;
  }

  canReceive(): number {
    return this.attached ? RECEIVE_BYTES - this.#s.receivedBytes : 0;
  }

  receive(bytes: Uint8Array): void {
    const s = this.#s;
    for (const byte of bytes) {
      s.received[(s.receiveAt + s.receivedBytes) % RECEIVE_BYTES] = byte;
      s.receivedBytes++;
    }
    this.wakeUp();
  }

  event(event: CharEvent): void {
    const { port } = this;
    if (event === 'break') this.#s.breakCame = true;
    if (port === undefined || this.#wiring.alwaysPlugged) return;
    if (event === 'opened' && !this.attached) port.bus.attach(this);
    if (event === 'closed' && this.attached) port.bus.detach(this);
  }

  outputReady(): void {
    const packet = this.#packet;
    if (packet !== undefined && this.#send(packet)) this.#endPacket('success');
  }

  protected busWasReset(): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_serial_reset', ...this.#place);
    this.#endPacket('stall');
    this.#resetLine();
    this.#s.taken = 0;
  }

  override request(request: UsbRequest, data: Uint8Array): UsbAnswer {
    const { trace } = this.settings;
    const code = (request.type << 8) | request.request;
    if (trace.on) trace.event('usb_serial_handle_control', ...this.#place, code, request.value);
    return super.request(request, data);
  }

  protected classRequest(request: UsbRequest): UsbAnswer {
    const s = this.#s;
    const { value, index } = request;
    const code = (request.type << 8) | request.request;
    switch (code) {
      case CLEAR_ENDPOINT_FEATURE:
      // QEMU: lines that the driver sets go to back ends that have some; here none has.
      case SET_MODEM_CONTROL:
      // QEMU: a speed that the back end is told, and that changes nothing here.
      case SET_BAUD:
        return NO_BYTES;
      case RESET:
        if (value === RESET_ALL) this.#resetLine();
        else if (value === RESET_RECEIVER) this.#dropReceived();
        return NO_BYTES;
      case SET_FLOW_CONTROL:
        this.#setFlowControl(index >>> 8);
        if ((s.flowControl & FLOW_XON_XOFF) !== 0) this.#setXonXoff(value);
        return NO_BYTES;
      case SET_DATA:
        return this.#setData(value) ? NO_BYTES : this.#unsupported(code, value);
      case GET_MODEM_STATUS:
        return Uint8Array.of(MODEM_LINES, LINE_THRE | LINE_TEMT);
      case SET_EVENT_CHARACTER:
        s.eventCharacter = value & 0xff;
        return NO_BYTES;
      case SET_ERROR_CHARACTER:
        s.errorCharacter = value & 0xff;
        return NO_BYTES;
      case SET_LATENCY:
        s.latency = value & 0xff;
        return NO_BYTES;
      case GET_LATENCY:
        return Uint8Array.of(s.latency);
      default:
        return this.#unsupported(code, value);
    }
  }

  protected handleData(packet: UsbPacket): UsbStatus {
    if (packet.pid === PID_OUT && packet.endpoint === ENDPOINT_OUT) return this.#takeOut(packet);
    return packet.pid === PID_IN && packet.endpoint === ENDPOINT_IN ? this.#giveIn(packet) : 'stall';
  }

  #takeOut(packet: UsbPacket): UsbStatus {
    if (this.#packet !== undefined) return 'nak';
    packet.skip(this.#s.taken);
    this.#s.taken = 0;
    if (this.#send(packet)) return 'success';
    this.#packet = packet;
    return 'async';
  }

  /** True: the back end has taken all of the packet. */
  #send(packet: UsbPacket): boolean {
    while (packet.left > 0) {
      // What the back end has taken is its to keep.
      const rest = packet.data.slice(packet.actual, packet.actual + SEND_MAX);
      const taken = this.#wiring.backend.write(rest);
      packet.skip(taken);
      if (taken < rest.length) return false;
    }
    return true;
  }

  #giveIn(packet: UsbPacket): UsbStatus {
    const s = this.#s;
    if (packet.left <= HEADER_BYTES) return 'nak';
    if (s.breakCame) {
      s.breakCame = false;
      packet.give(Uint8Array.of(MODEM_LINES, LINE_BREAK));
      return 'success';
    }
    if (s.receivedBytes === 0) return 'nak';
    // Each part of the greatest size of a packet has a header of its own.
    while (s.receivedBytes > 0 && packet.left > HEADER_BYTES) {
      packet.give(Uint8Array.of(MODEM_LINES, 0));
      const length = Math.min(packet.left, SERIAL_MAX_PACKET - HEADER_BYTES, s.receivedBytes);
      const toEnd = Math.min(length, RECEIVE_BYTES - s.receiveAt);
      packet.give(s.received.subarray(s.receiveAt, s.receiveAt + toEnd));
      packet.give(s.received.subarray(0, length - toEnd));
      s.receiveAt = (s.receiveAt + length) % RECEIVE_BYTES;
      s.receivedBytes -= length;
    }
    this.#wiring.backend.acceptInput();
    return 'success';
  }

  #resetLine(): void {
    this.#s.eventCharacter = CARRIAGE_RETURN;
    this.#s.breakCame = false;
    this.#dropReceived();
    this.#setFlowControl(0);
  }

  #dropReceived(): void {
    this.#s.receiveAt = 0;
    this.#s.receivedBytes = 0;
    this.#wiring.backend.acceptInput();
  }

  #setFlowControl(value: number): void {
    this.#s.flowControl = value & 0xff;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_serial_set_flow_control', ...this.#place, this.#s.flowControl);
  }

  #setXonXoff(value: number): void {
    const s = this.#s;
    s.xon = value & 0xff;
    s.xoff = value >>> 8;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_serial_set_xonxoff', ...this.#place, s.xon, s.xoff);
  }

  /** QEMU: false for a parity or a number of stop bits that it cannot tell its back end. */
  #setData(value: number): boolean {
    const { trace } = this.settings;
    if ((value & PARITY) > PARITY_EVEN) {
      if (trace.on) trace.event('usb_serial_unsupported_parity', ...this.#place, value & PARITY);
      return false;
    }
    const stopBits = value & STOP_BITS;
    if (stopBits !== 0 && stopBits !== STOP_BITS_2) {
      if (trace.on) trace.event('usb_serial_unsupported_stopbits', ...this.#place, stopBits);
      return false;
    }
    return true;
  }

  #unsupported(code: number, value: number): 'stall' {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_serial_unsupported_control', ...this.#place, code, value);
    return 'stall';
  }

  #endPacket(status: UsbStatus): void {
    const packet = this.#packet;
    this.#packet = undefined;
    packet?.complete(status);
  }

  /** As trace events name the device. */
  get #place(): readonly [bus: number, address: number] {
    return [this.port?.bus.number ?? 0, this.address];
  }
}
