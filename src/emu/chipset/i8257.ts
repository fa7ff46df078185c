/**
 * Pair of 8237A DMA controllers and their page registers. Spec: Intel 8237A datasheet (231466-005); Intel 82371AB
 * datasheet §4.2.2. QEMU: the mask is read at offset 9 and has eight bits, at reset set; whether a controller is disabled, how a channel's
 * requests come (demand, single, block, cascade) and in which direction its mode says that they go makes no difference.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { bytePorts, byteWide } from '../bus/byte-wide.ts';
import type { Device } from '../core/device.ts';
import { BOOLEAN, BYTE, integer, list, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { DmaChannel, DmaServer } from './isa-bus.ts';

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
const MODE_TRANSFER = 0x0c;
/** No bytes are moved, whatever the device has. */
const TRANSFER_VERIFY = 0x00;
const CHANNELS = 4;
/** The second controller moves words: this is a shift of its addresses and counts. */
const MAX_COUNT = 0x10000 << 1;

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
  // In bytes, and all of them have moved at the terminal count.
  count: integer(0, MAX_COUNT),
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
  readonly #memory: DmaPort;
  readonly #trace: Trace;
  /** Devices by channel. */
  readonly #servers = new Map<number, DmaServer>();
  #controllers: Controller[] = [controllerAtReset(), controllerAtReset()];
  /** A channel is being served: what its device does meanwhile has the controllers look again. */
  #isServing = false;
  #looksAgain = false;

  constructor(memory: DmaPort, trace: Trace) {
    this.#memory = memory;
    this.#trace = trace;
  }

  /** One of the channels 0 to 7, for the device that has it. @param server asked to move what it has when the channel is granted */
  channel(number: number, server: DmaServer): DmaChannel {
    this.#servers.set(number, server);
    const request = 1 << (REQUEST_SHIFT + (number & 3));
    const controller = (): Controller => this.#controller(number >> 2);
    return {
      hold: () => {
        controller().status |= request;
        this.#serve();
      },
      release: () => {
        controller().status &= ~request;
      },
      read: (position, target) => this.#move(number, position, target, false),
      write: (position, source) => this.#move(number, position, source, true),
      moved: (bytes) => this.#moved(number, bytes),
    };
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
      const pages = bytePorts({
        readByte: (port) => this.#pageChannel(base + port)?.page ?? 0xff,
        writeByte: (port, value) => {
          const channel = this.#pageChannel(base + port);
          if (channel !== undefined) channel.page = value;
        },
      });
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

  /** Channels that are asked for and not masked. */
  #serve(): void {
    this.#looksAgain = true;
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#looksAgain) {
      this.#looksAgain = false;
      for (let number = 0; number < 2 * CHANNELS; number++) this.#serveChannel(number);
    }
    this.#isServing = false;
  }

  #serveChannel(number: number): void {
    const { mask, status } = this.#controller(number >> 2);
    const bit = 1 << (number & 3);
    if ((mask & bit) !== 0 || (status & (bit << REQUEST_SHIFT)) === 0) return;
    const server = this.#servers.get(number);
    const { count } = this.#channel(number >> 2, number & 3);
    if (server !== undefined) {
      const bytes = server(this.#sizeOf(number));
      if (bytes !== undefined) this.#moved(number, bytes);
      return;
    }
    if (this.#trace.on) this.#trace.event('i8257_unregistered_dma', number, count, this.#sizeOf(number));
    this.#moved(number, count);
  }

  /** Bytes that the driver wants to have moved. */
  #sizeOf(number: number): number {
    return (this.#channel(number >> 2, number & 3).baseCount + 1) << (number >> 2);
  }

  #moved(number: number, bytes: number): void {
    const channel = this.#channel(number >> 2, number & 3);
    channel.count = Math.min(bytes, MAX_COUNT);
    if (bytes === this.#sizeOf(number)) this.#controller(number >> 2).status |= 1 << (number & 3);
  }

  #move(number: number, position: number, bytes: Uint8Array, toMemory: boolean): void {
    const { mode, page, address } = this.#channel(number >> 2, number & 3);
    if ((mode & MODE_TRANSFER) === TRANSFER_VERIFY) return;
    const first = page * 0x10000 + (address << (number >> 2));
    const isDown = (mode & MODE_DECREMENT) !== 0;
    const gpa = isDown ? Math.max(0, first - position - bytes.length) : first + position;
    if (toMemory) this.#memory.write(gpa, bytes);
    else this.#memory.read(gpa, bytes);
    // QEMU: downwards, what is read of memory becomes its later half twice, at first turned round; what is written stays as it is.
    if (isDown && !toMemory) for (let at = 0; at < bytes.length; at++) bytes[at] = bytes.at(-1 - at) ?? 0;
  }

  #readChannel(index: number, register: number): number {
    const channel = this.#channel(index, register >> 1);
    const direction = channel.mode & MODE_DECREMENT ? -1 : 1;
    const bytes =
      register & 1
        ? (channel.baseCount << index) - channel.count
        : (channel.address << index) + channel.count * direction;
    const value = bytes >> index;
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
        if (value & COMMAND_UNSUPPORTED)
          this.#trace.unimplemented('i8257_write_cont: cmd 0x%02x not supported', value);
        else controller.command = value;
        break;
      case REQUEST:
        if (value & SET_BIT) controller.status |= bit << REQUEST_SHIFT;
        else controller.status &= ~(bit << REQUEST_SHIFT);
        controller.status &= ~bit;
        this.#serve();
        break;
      case SINGLE_MASK:
        controller.mask = value & SET_BIT ? controller.mask | bit : controller.mask & ~bit;
        this.#serve();
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
        this.#serve();
        break;
      case WRITE_MASK:
        controller.mask = value;
        this.#serve();
        break;
      default:
        break;
    }
  }
}
