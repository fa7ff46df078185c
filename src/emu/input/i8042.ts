/**
 * Keyboard controller with its keyboard and mouse. Spec: Intel 8042 as programmed in the IBM PS/2
 * (PS/2 Hardware Interface Technical Reference). QEMU: hw/input/pckbd.c of 7.2.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BYTE, mask, oneOf, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { Ps2KeyboardState } from './ps2-keyboard.ts';
import { PS2_KEYBOARD_STATE, Ps2Keyboard } from './ps2-keyboard.ts';
import type { Ps2MouseState } from './ps2-mouse.ts';
import { PS2_MOUSE_STATE, Ps2Mouse } from './ps2-mouse.ts';

const READ_MODE = 0x20;
const WRITE_MODE = 0x60;
const MOUSE_DISABLE = 0xa7;
const MOUSE_ENABLE = 0xa8;
const TEST_MOUSE = 0xa9;
const SELF_TEST = 0xaa;
const KBD_TEST = 0xab;
const KBD_DISABLE = 0xad;
const KBD_ENABLE = 0xae;
const READ_INPORT = 0xc0;
const READ_OUTPORT = 0xd0;
const WRITE_OUTPORT = 0xd1;
const WRITE_OBUF = 0xd2;
const WRITE_AUX_OBUF = 0xd3;
const WRITE_MOUSE = 0xd4;
const DISABLE_A20 = 0xdd;
const ENABLE_A20 = 0xdf;
/** 0xf0–0xff pulse the low four bits of the output port; bit 0 is the CPU's reset. */
const PULSE_BITS = 0xf0;
const NO_COMMAND = 0;

const STATUS_OBF = 0x01;
const STATUS_SELFTEST = 0x04;
const STATUS_CMD = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_MOUSE_OBF = 0x20;

const MODE_KBD_INT = 0x01;
const MODE_MOUSE_INT = 0x02;
const MODE_DISABLE_KBD = 0x10;
const MODE_DISABLE_MOUSE = 0x20;
const MODE_TRANSLATE = 0x40;

const OUT_RESET = 0x01;
const OUT_A20 = 0x02;
const OUT_OBF = 0x10;
const OUT_MOUSE_OBF = 0x20;
const OUT_ONES = 0xcc;

const SELF_TEST_OK = 0x55;
const INPORT_UNLOCKED = 0x80;

/** Who has a byte for the output buffer. */
const FROM_KBD = 0x01;
const FROM_MOUSE = 0x02;
const FROM_CONTROLLER = 0x04;
const FROM_CONTROLLER_AUX = 0x08;

function powerOn() {
  return {
    status: STATUS_CMD | STATUS_UNLOCKED,
    mode: MODE_KBD_INT | MODE_MOUSE_INT,
    outport: OUT_RESET | OUT_A20 | OUT_ONES,
    command: NO_COMMAND,
    pending: 0,
    source: 0,
    data: 0,
    controllerData: 0,
  };
}

export type I8042State = ReturnType<typeof powerOn> & {
  readonly keyboard: Ps2KeyboardState;
  readonly mouse: Ps2MouseState;
};

const I8042_STATE = record<I8042State>({
  status: BYTE,
  mode: BYTE,
  outport: BYTE,
  command: BYTE,
  pending: mask(FROM_KBD | FROM_MOUSE | FROM_CONTROLLER | FROM_CONTROLLER_AUX),
  source: oneOf(0, FROM_KBD, FROM_MOUSE, FROM_CONTROLLER, FROM_CONTROLLER_AUX),
  data: BYTE,
  controllerData: BYTE,
  keyboard: PS2_KEYBOARD_STATE,
  mouse: PS2_MOUSE_STATE,
});

/** Where the controller's wires lead. */
export interface I8042Wiring {
  /** IRQ 1. */
  readonly keyboardIrq: IrqLine;
  /** IRQ 12. */
  readonly mouseIrq: IrqLine;
  readonly a20: IrqLine;
  /** Asks for a reset of the machine. */
  readonly reset: () => void;
}

const COMMAND_OFFSET = 4;

export class I8042 implements Device<I8042State> {
  static readonly registers = new RegisterTable<I8042>(
    {
      name: 'i8042',
      title: 'Keyboard controller',
      place: 'ports 0x60 and 0x64',
      spec: 'IBM PS/2 Hardware Interface Technical Reference, Keyboard and Auxiliary Device Controller',
    },
    [
      register(0, 1, 'Output Buffer', 'what keyboard, mouse or controller say', {
        read: (controller) => controller.#readData(),
      }),
      register(0, 1, 'Input Buffer', 'a byte for the keyboard, or the argument of a command', {
        write: (controller, value) => controller.#writeData(value),
      }),
      register(COMMAND_OFFSET, 1, 'Status', '0 output buffer full, 5 of the mouse', {
        read: (controller) => controller.#readStatus(),
      }),
      register(COMMAND_OFFSET, 1, 'Command', 'a command for the controller', {
        write: (controller, value) => controller.#command(value),
      }),
    ],
  );

  readonly vmstate = { name: 'pckbd', version: 3, fields: I8042_STATE };
  readonly keyboard: Ps2Keyboard;
  readonly mouse: Ps2Mouse;

  // Fixed wiring.
  readonly #wiring: I8042Wiring;
  readonly #trace: Trace;

  // Volatile state.
  #s = powerOn();

  constructor(wiring: I8042Wiring, trace: Trace) {
    this.#wiring = wiring;
    this.#trace = trace;
    this.keyboard = new Ps2Keyboard({ set: (level) => this.#setPending(FROM_KBD, level) }, trace);
    this.mouse = new Ps2Mouse({ set: (level) => this.#setPending(FROM_MOUSE, level) }, trace);
  }

  attach(io: AddressSpace): void {
    io.map(0x60, 1, this.#ports(0), { name: 'i8042-data' });
    io.map(0x60 + COMMAND_OFFSET, 1, this.#ports(COMMAND_OFFSET), { name: 'i8042-cmd' });
  }

  reset(): void {
    this.keyboard.reset();
    this.mouse.reset();
    this.#s = powerOn();
    this.#updateLines();
    this.#wiring.a20.set(true);
  }

  save(): I8042State {
    return structuredClone({ ...this.#s, keyboard: this.keyboard.save(), mouse: this.mouse.save() });
  }

  restore(state: I8042State): void {
    const { keyboard, mouse, ...own } = structuredClone(state);
    this.#s = own;
    this.keyboard.restore(keyboard);
    this.mouse.restore(mouse);
    this.#updateLines();
    this.#wiring.a20.set((own.outport & OUT_A20) !== 0);
  }

  /** One port of the two, `offset` behind the first. */
  #ports(offset: number): IoHandler {
    return byteWide({
      readByte: () => I8042.registers.read(this, this.#trace, offset, 1) ?? 0,
      writeByte: (_, value) => {
        I8042.registers.write(this, this.#trace, offset, 1, value);
      },
    });
  }

  #setPending(source: number, level: boolean): void {
    if (level) this.#s.pending |= source;
    else this.#s.pending &= ~source;
    this.#fill();
  }

  /** Sources that may speak: a disabled interface holds its device back. */
  #speakers(): number {
    const { pending, mode } = this.#s;
    const held = (mode & MODE_DISABLE_KBD ? FROM_KBD : 0) | (mode & MODE_DISABLE_MOUSE ? FROM_MOUSE : 0);
    return pending & ~held;
  }

  /** Puts the next byte into the output buffer if that is empty; the controller's own bytes go first. */
  #fill(): void {
    const s = this.#s;
    const speakers = this.#speakers();
    if (s.status & STATUS_OBF || speakers === 0) return;
    const order = [FROM_CONTROLLER, FROM_CONTROLLER_AUX, FROM_KBD, FROM_MOUSE];
    s.source = order.find((source) => speakers & source) ?? 0;
    s.status |= STATUS_OBF;
    s.outport |= OUT_OBF;
    if (s.source === FROM_MOUSE || s.source === FROM_CONTROLLER_AUX) {
      s.status |= STATUS_MOUSE_OBF;
      s.outport |= OUT_MOUSE_OBF;
    }
    this.#updateLines();
  }

  #updateLines(): void {
    const { status, mode } = this.#s;
    const full = (status & STATUS_OBF) !== 0;
    const mouse = (status & STATUS_MOUSE_OBF) !== 0;
    const keyboardOn = (mode & MODE_KBD_INT) !== 0 && !(mode & MODE_DISABLE_KBD);
    this.#wiring.keyboardIrq.set(full && !mouse && keyboardOn);
    this.#wiring.mouseIrq.set(full && mouse && (mode & MODE_MOUSE_INT) !== 0);
  }

  #readData(): number {
    const s = this.#s;
    if (!(s.status & STATUS_OBF)) return s.data;
    s.status &= ~(STATUS_OBF | STATUS_MOUSE_OBF);
    s.outport &= ~(OUT_OBF | OUT_MOUSE_OBF);
    this.#updateLines();
    if (s.source === FROM_KBD) s.data = this.keyboard.read();
    else if (s.source === FROM_MOUSE) s.data = this.mouse.read();
    else {
      s.data = s.controllerData;
      s.pending &= ~(FROM_CONTROLLER | FROM_CONTROLLER_AUX);
    }
    this.#fill();
    if (this.#trace.on) this.#trace.event('pckbd_kbd_read_data', s.data);
    return s.data;
  }

  #readStatus(): number {
    if (this.#trace.on) this.#trace.event('pckbd_kbd_read_status', this.#s.status);
    return this.#s.status;
  }

  #reply(value: number, source = FROM_CONTROLLER): void {
    this.#s.controllerData = value;
    this.#s.pending = (this.#s.pending & ~(FROM_CONTROLLER | FROM_CONTROLLER_AUX)) | source;
    this.#fill();
  }

  #command(value: number): void {
    const s = this.#s;
    if (this.#trace.on) this.#trace.event('pckbd_kbd_write_command', value);
    if ((value & PULSE_BITS) === PULSE_BITS) {
      if (!(value & OUT_RESET)) this.#wiring.reset();
      return;
    }
    switch (value) {
      case READ_MODE:
        this.#reply(s.mode);
        break;
      case WRITE_MODE:
      case WRITE_OBUF:
      case WRITE_AUX_OBUF:
      case WRITE_MOUSE:
      case WRITE_OUTPORT:
        s.command = value;
        break;
      case MOUSE_DISABLE:
        s.mode |= MODE_DISABLE_MOUSE;
        break;
      case MOUSE_ENABLE:
        s.mode &= ~MODE_DISABLE_MOUSE;
        this.#fill();
        break;
      case KBD_DISABLE:
        s.mode |= MODE_DISABLE_KBD;
        break;
      case KBD_ENABLE:
        s.mode &= ~MODE_DISABLE_KBD;
        this.#fill();
        break;
      case SELF_TEST:
        s.status |= STATUS_SELFTEST;
        this.#reply(SELF_TEST_OK);
        break;
      case TEST_MOUSE:
      case KBD_TEST:
        this.#reply(0);
        break;
      case READ_INPORT:
        this.#reply(INPORT_UNLOCKED);
        break;
      case READ_OUTPORT:
        this.#reply(s.outport);
        break;
      case ENABLE_A20:
      case DISABLE_A20:
        s.outport = value === ENABLE_A20 ? s.outport | OUT_A20 : s.outport & ~OUT_A20;
        this.#wiring.a20.set(value === ENABLE_A20);
        break;
      default:
        this.#trace.guestError('unsupported keyboard cmd=0x%02x', value);
    }
  }

  #writeData(value: number): void {
    const s = this.#s;
    const { command } = s;
    s.command = NO_COMMAND;
    if (this.#trace.on) this.#trace.event('pckbd_kbd_write_data', value);
    switch (command) {
      case WRITE_MODE:
        s.mode = value;
        this.keyboard.setTranslation((value & MODE_TRANSLATE) !== 0);
        this.#updateLines();
        this.#fill();
        break;
      case WRITE_OBUF:
        this.#reply(value);
        break;
      case WRITE_AUX_OBUF:
        this.#reply(value, FROM_CONTROLLER_AUX);
        break;
      case WRITE_OUTPORT:
        if (this.#trace.on) this.#trace.event('pckbd_outport_write', value);
        s.outport = value;
        this.#wiring.a20.set((value & OUT_A20) !== 0);
        if (!(value & OUT_RESET)) this.#wiring.reset();
        break;
      case WRITE_MOUSE:
        // Sending a byte to a device enables its interface again.
        this.mouse.write(value);
        s.mode &= ~MODE_DISABLE_MOUSE;
        this.#fill();
        break;
      default:
        this.keyboard.write(value);
        s.mode &= ~MODE_DISABLE_KBD;
        this.#fill();
    }
  }
}
