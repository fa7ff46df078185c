/**
 * PS/2 mouse with the IntelliMouse (wheel) and Explorer (five buttons) extensions.
 * Spec: IBM PS/2 Hardware Interface Technical Reference; QEMU: hw/input/ps2.c of 7.2.
 */
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, INT32, integer, list, mask, oneOf, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { Ps2QueueState } from './ps2-queue.ts';
import { PS2_QUEUE_STATE, Ps2Queue } from './ps2-queue.ts';

const SET_SCALE_11 = 0xe6;
const SET_SCALE_21 = 0xe7;
const SET_RESOLUTION = 0xe8;
const GET_STATUS = 0xe9;
const SET_STREAM = 0xea;
const POLL = 0xeb;
const RESET_WRAP = 0xec;
const SET_WRAP = 0xee;
const SET_REMOTE = 0xf0;
const GET_TYPE = 0xf2;
const SET_SAMPLE_RATE = 0xf3;
const ENABLE = 0xf4;
const DISABLE = 0xf5;
const SET_DEFAULTS = 0xf6;
const RESET = 0xff;

const ACK = 0xfa;
const POWER_ON_OK = 0xaa;
const NO_COMMAND = -1;

const STATUS_SCALE_21 = 0x10;
const STATUS_ENABLED = 0x20;
const STATUS_REMOTE = 0x40;

const TYPE_PS2 = 0;
const TYPE_IMPS2 = 3;
const TYPE_IMEX = 4;

/** Counts that wait for the guest to ask for them. */
const MOVEMENT_MAX = 0x7fff_ffff;

const PACKET_ALWAYS_ONE = 0x08;
const PACKET_X_SIGN = 0x10;
const PACKET_Y_SIGN = 0x20;

/** Sample rates that switch the extensions on, one after the other. */
const KNOCKS: Readonly<Record<number, readonly number[]>> = {
  [TYPE_IMPS2]: [200, 100, 80],
  [TYPE_IMEX]: [200, 200, 80],
};

/** QEMU: resolution and sample rate are 0 until the first reset command. Buttons: 1 left, 2 right, 4 middle, 8 side, 16 extra. */
function powerOn() {
  return {
    status: 0,
    resolution: 0,
    sampleRate: 0,
    wrap: false,
    type: TYPE_PS2,
    knock: [] as readonly number[],
    dx: 0,
    dy: 0,
    dz: 0,
    buttons: 0,
    command: NO_COMMAND,
  };
}

export type Ps2MouseState = ReturnType<typeof powerOn> & { readonly queue: Ps2QueueState };

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

export const PS2_MOUSE_STATE = record<Ps2MouseState>({
  status: BYTE,
  resolution: BYTE,
  sampleRate: BYTE,
  wrap: BOOLEAN,
  type: oneOf(TYPE_PS2, TYPE_IMPS2, TYPE_IMEX),
  knock: list(BYTE, { max: 2 }),
  dx: INT32,
  dy: INT32,
  dz: INT32,
  buttons: mask(0x1f),
  command: integer(NO_COMMAND, 0xff),
  queue: PS2_QUEUE_STATE,
});

export class Ps2Mouse implements Device<Ps2MouseState> {
  readonly vmstate = { name: 'ps2mouse', version: 2, fields: PS2_MOUSE_STATE };
  readonly #queue: Ps2Queue;
  readonly #trace: Trace;
  #s = powerOn();

  /** @param ready high while there is a byte to read */
  constructor(ready: IrqLine, trace: Trace) {
    this.#queue = new Ps2Queue(ready);
    this.#trace = trace;
  }

  /** The user did something with the mouse, which QEMU reports also when it comes to nothing: counts to the right, up, and of the wheel towards the user; buttons as they are now. */
  move(dx: number, dy: number, dz: number, buttons: number): void {
    const s = this.#s;
    if (!(s.status & STATUS_ENABLED)) return;
    s.dx = clamp(s.dx + Math.trunc(dx), -MOVEMENT_MAX, MOVEMENT_MAX);
    s.dy = clamp(s.dy + Math.trunc(dy), -MOVEMENT_MAX, MOVEMENT_MAX);
    s.dz = clamp(s.dz + Math.trunc(dz), -MOVEMENT_MAX, MOVEMENT_MAX);
    s.buttons = buttons & 0x1f;
    if (s.status & STATUS_REMOTE) return;
    while (this.#sendPacket() && this.#moved());
  }

  /** Next byte for the controller. */
  read(): number {
    if (this.#trace.on) this.#trace.event('ps2_read_data', this);
    return this.#queue.read();
  }

  /** A byte from the controller: a command or its argument. */
  write(value: number): void {
    if (this.#trace.on) this.#trace.event('ps2_write_mouse', this, value);
    const s = this.#s;
    const { command } = s;
    s.command = NO_COMMAND;
    if (command === SET_SAMPLE_RATE) {
      s.sampleRate = value;
      this.#listen(value);
      this.#reply(ACK);
    } else if (command === SET_RESOLUTION) {
      s.resolution = value;
      this.#reply(ACK);
    } else if (s.wrap && value === RESET_WRAP) {
      s.wrap = false;
      this.#reply(ACK);
    } else if (s.wrap && value !== RESET) {
      this.#reply(value);
    } else {
      this.#command(value);
    }
  }

  reset(): void {
    if (this.#trace.on) this.#trace.event('ps2_mouse_reset', this);
    this.#s = powerOn();
    this.#queue.reset();
  }

  save(): Ps2MouseState {
    return { ...this.#s, queue: this.#queue.save() };
  }

  restore({ queue, ...state }: Ps2MouseState): void {
    this.#s = state;
    this.#queue.restore(queue);
  }

  #command(value: number): void {
    const s = this.#s;
    switch (value) {
      case SET_SCALE_11:
        this.#setStatus(STATUS_SCALE_21, false);
        break;
      case SET_SCALE_21:
        this.#setStatus(STATUS_SCALE_21, true);
        break;
      case SET_STREAM:
        this.#setStatus(STATUS_REMOTE, false);
        break;
      case SET_REMOTE:
        this.#setStatus(STATUS_REMOTE, true);
        break;
      case ENABLE:
        this.#setStatus(STATUS_ENABLED, true);
        break;
      case DISABLE:
        this.#setStatus(STATUS_ENABLED, false);
        break;
      case SET_WRAP:
        s.wrap = true;
        this.#reply(ACK);
        break;
      case SET_RESOLUTION:
      case SET_SAMPLE_RATE:
        s.command = value;
        this.#reply(ACK);
        break;
      case GET_TYPE:
        this.#reply(ACK, s.type);
        break;
      case GET_STATUS:
        this.#reply(ACK, s.status, s.resolution, s.sampleRate);
        break;
      case POLL:
        this.#reply(ACK);
        this.#sendPacket();
        break;
      case SET_DEFAULTS:
        this.#defaults();
        this.#reply(ACK);
        break;
      case RESET:
        this.#defaults();
        // QEMU: wrap mode lives through it.
        s.type = TYPE_PS2;
        this.#queue.clear();
        this.#reply(ACK, POWER_ON_OK, s.type);
        break;
      default:
        // QEMU: a command it does not know gets no answer, nor does RESET_WRAP outside wrap mode.
        break;
    }
  }

  /** QEMU: answers queue up behind movement and older answers. */
  #reply(...bytes: readonly number[]): void {
    this.#queue.put(bytes);
  }

  #sendPacket(): boolean {
    const packet = this.#packet();
    const sent = this.#queue.put(packet);
    if (sent) this.#consumed(packet);
    return sent;
  }

  #setStatus(bit: number, on: boolean): void {
    this.#s.status = on ? this.#s.status | bit : this.#s.status & ~bit;
    this.#reply(ACK);
  }

  #defaults(): void {
    this.#s.status = 0;
    this.#s.resolution = 2;
    this.#s.sampleRate = 100;
  }

  /** Microsoft's knocks: 200, 100, 80 for the wheel; 200, 200, 80 for five buttons. */
  #listen(rate: number): void {
    const s = this.#s;
    const heard = [...s.knock, rate];
    s.knock = [];
    for (const [type, knock] of Object.entries(KNOCKS)) {
      if (!heard.every((value, at) => value === knock[at])) continue;
      if (heard.length === knock.length) {
        s.type = Number(type);
        return;
      }
      s.knock = heard;
    }
  }

  #moved(): boolean {
    return this.#s.dx !== 0 || this.#s.dy !== 0 || this.#s.dz !== 0;
  }

  #packet(): readonly number[] {
    const { type, dx, dy, dz, buttons } = this.#s;
    const x = clamp(dx, -127, 127);
    const y = clamp(dy, -127, 127);
    const signs = (x < 0 ? PACKET_X_SIGN : 0) | (y < 0 ? PACKET_Y_SIGN : 0);
    const packet = [PACKET_ALWAYS_ONE | signs | (buttons & 7), x & 0xff, y & 0xff];
    if (type === TYPE_IMPS2) packet.push(clamp(dz, -127, 127) & 0xff);
    if (type === TYPE_IMEX) packet.push((clamp(dz, -7, 7) & 0x0f) | ((buttons & 0x18) << 1));
    return packet;
  }

  /** Takes what `packet` reported off the movement; a mouse without wheel forgets the wheel. */
  #consumed(packet: readonly number[]): void {
    const s = this.#s;
    const signed = (byte: number | undefined): number => ((byte ?? 0) << 24) >> 24;
    s.dx -= signed(packet[1]);
    s.dy -= signed(packet[2]);
    if (s.type === TYPE_PS2) s.dz = 0;
    else s.dz -= s.type === TYPE_IMPS2 ? signed(packet[3]) : ((packet[3] ?? 0) << 28) >> 28;
  }
}
