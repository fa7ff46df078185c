/**
 * Pair of 8237A DMA controllers and their page registers. Spec: Intel 8237A datasheet (231466-005); Intel 82371AB
 * datasheet §4.2.2. QEMU: hw/dma/i8257.c of 7.2: the mask is read at offset 9 and has eight bits, at reset set.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import type { Device, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { BOOLEAN, BYTE, list, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';

/** Offsets from the first control register. */
const COMMAND = 0;
const REQUEST = 1;
const SINGLE_MASK = 2;
const MODE = 3;
const CLEAR_FLIP_FLOP = 4;
const MASTER_CLEAR = 5;
const CLEAR_MASK = 6;
const WRITE_MASK = 7;
const READ_STATUS = 0;
const READ_MASK = 1;

/** Command bits that QEMU does not support. */
const COMMAND_UNSUPPORTED = 0xfb;
const SET_BIT = 0x04;
const REQUEST_SHIFT = 4;
const MODE_DECREMENT = 0x20;

/** Page registers of channels 0 to 3, by port less 0x80, and 8 more of the second controller. */
const PAGE_PORTS: Readonly<Record<number, number>> = { 7: 0, 3: 1, 1: 2, 2: 3 };
const PAGE_RANGES = [
  [0x81, 3],
  [0x87, 1],
  [0x89, 3],
  [0x8f, 1],
] as const;

function channelAtReset() {
  return { baseAddress: 0, baseCount: 0, address: 0, count: 0, mode: 0, page: 0 };
}

function controllerAtReset() {
  return {
    status: 0,
    command: 0,
    mask: 0xff,
    highByte: false,
    channels: [0, 1, 2, 3].map(channelAtReset),
  };
}

type Controller = ReturnType<typeof controllerAtReset>;

/** Channels 0–3, then 4–7. */
export type I8257State = { readonly controllers: readonly Controller[] };

const CHANNEL_STATE = record<ReturnType<typeof channelAtReset>>({
  baseAddress: WORD,
  baseCount: WORD,
  address: WORD,
  count: WORD,
  mode: BYTE,
  page: BYTE,
});

const CONTROLLER_STATE = record<Controller>({
  status: BYTE,
  command: BYTE,
  mask: BYTE,
  highByte: BOOLEAN,
  channels: list(CHANNEL_STATE, 4),
});

const I8257_STATE = record<I8257State>({ controllers: list(CONTROLLER_STATE, 2) });

export class I8257 implements Device<I8257State> {
  readonly vmstate = { name: 'dma', version: 1, fields: I8257_STATE };
  readonly #trace: Trace;
  #controllers: Controller[] = [controllerAtReset(), controllerAtReset()];

  // Not modelled: transfers; no device of ours asks for one (DREQ).
  constructor(trace: Trace) {
    this.#trace = trace;
  }

  attach(io: AddressSpace): void {
    for (const [index, base] of [0x00, 0xc0].entries()) {
      // The second controller's registers are two ports apart.
      const channels = byteWide({
        readByte: (port) => this.#readChannel(index, port >> index),
        writeByte: (port, value) => this.#writeChannel(index, port >> index, value),
      });
      const control = byteWide({
        readByte: (port) => this.#readControl(index, port >> index),
        writeByte: (port, value) => this.#writeControl(index, port >> index, value),
      });
      io.map(base, 8 << index, channels, { name: 'dma-chan' });
      io.map(base + (8 << index), 8 << index, control, { name: 'dma-cont' });
    }
    for (const [base, size] of PAGE_RANGES) {
      const wide = byteWide({
        readByte: (port) => this.#pageChannel(base + port)?.page ?? 0xff,
        writeByte: (port, value) => {
          const channel = this.#pageChannel(base + port);
          if (channel !== undefined) channel.page = value;
        },
      });
      // QEMU: its page registers are in a list of ports that are 8 or 16 bits wide.
      const pages: IoHandler = {
        unaligned: true,
        read: (port, bytes) => (bytes === 4 ? OPEN_BUS[bytes] : wide.read(port, bytes)),
        write: (port, bytes, value) => bytes !== 4 && wide.write(port, bytes, value),
      };
      io.map(base, size, pages, { name: 'dma-page' });
    }
  }

  reset(): void {
    this.#controllers = [controllerAtReset(), controllerAtReset()];
  }

  save(): I8257State {
    return structuredClone({ controllers: this.#controllers });
  }

  restore(state: I8257State): void {
    this.#controllers = structuredClone(state).controllers.slice();
  }

  #controller(index: number): Controller {
    return this.#controllers[index] as Controller;
  }

  #channel(index: number, channel: number): Controller['channels'][number] {
    return this.#controller(index).channels[channel] as Controller['channels'][number];
  }

  #pageChannel(port: number): Controller['channels'][number] | undefined {
    const channel = PAGE_PORTS[port & 7];
    return channel === undefined ? undefined : this.#channel(port & 8 ? 1 : 0, channel);
  }

  /** Address and count registers take and give the low byte, then the high byte. */
  #flip(index: number): boolean {
    const controller = this.#controller(index);
    const high = controller.highByte;
    controller.highByte = !high;
    return high;
  }

  #readChannel(index: number, register: number): number {
    const channel = this.#channel(index, register >> 1);
    const direction = channel.mode & MODE_DECREMENT ? -1 : 1;
    const value =
      register & 1 ? channel.baseCount - channel.count : channel.address + channel.count * direction;
    return this.#flip(index) ? (value >>> 8) & 0xff : value & 0xff;
  }

  #writeChannel(index: number, register: number, value: number): void {
    const channel = this.#channel(index, register >> 1);
    const field = register & 1 ? 'baseCount' : 'baseAddress';
    const high = this.#flip(index);
    channel[field] = high ? (channel[field] & 0x00ff) | (value << 8) : (channel[field] & 0xff00) | value;
    if (high) {
      channel.address = channel.baseAddress;
      channel.count = 0;
    }
  }

  #readControl(index: number, register: number): number {
    const controller = this.#controller(index);
    if (register === READ_MASK) return controller.mask;
    if (register !== READ_STATUS) return 0;
    const { status } = controller;
    // Spec: 8237A: reading the status clears the terminal counts.
    controller.status &= 0xf0;
    return status;
  }

  #writeControl(index: number, register: number, value: number): void {
    const controller = this.#controller(index);
    const bit = 1 << (value & 3);
    switch (register) {
      case COMMAND:
        if (value & COMMAND_UNSUPPORTED) this.#trace.unimplemented('i8257: command 0x%x', value);
        else controller.command = value;
        break;
      case REQUEST:
        if (value & SET_BIT) controller.status |= bit << REQUEST_SHIFT;
        else controller.status &= ~(bit << REQUEST_SHIFT);
        controller.status &= ~bit;
        break;
      case SINGLE_MASK:
        controller.mask = value & SET_BIT ? controller.mask | bit : controller.mask & ~bit;
        break;
      case MODE:
        this.#channel(index, value & 3).mode = value;
        break;
      case CLEAR_FLIP_FLOP:
        controller.highByte = false;
        break;
      case MASTER_CLEAR:
        Object.assign(controller, { highByte: false, mask: 0xff, status: 0, command: 0 });
        break;
      case CLEAR_MASK:
        controller.mask = 0;
        break;
      case WRITE_MASK:
        controller.mask = value;
        break;
      default:
        break;
    }
  }
}
