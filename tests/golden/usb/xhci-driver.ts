/** A driver of an xHCI controller as lines of qtest. Spec: xHCI 1.1. */
import { hex, UsbDriver } from './usb-driver.ts';

const BAR = 0xe000_0000;
const OPERATIONAL = BAR + 0x40;
const PORTS = BAR + 0x440;
const INTERRUPTERS = BAR + 0x1020;
const DOORBELLS = BAR + 0x2000;

export const CONTEXTS = 0x10_0000;
const COMMANDS = 0x10_1000;
export const EVENTS = 0x10_2000;
const SEGMENTS = 0x10_3000;
const SLOT_CONTEXTS = 0x10_4000;
export const INPUT = 0x10_c000;
const RINGS = 0x20_0000;
const BUFFERS = 0x18_0000;
const EVENT_TRBS = 256;
const TRB_BYTES = 16;

export const NORMAL = 1;
export const SETUP = 2;
export const DATA = 3;
export const STATUS = 4;
export const LINK = 6;
export const EVENT_DATA = 7;
export const ENABLE_SLOT = 9;
export const DISABLE_SLOT = 10;
export const ADDRESS_DEVICE = 11;
export const CONFIGURE = 12;
export const EVALUATE = 13;
export const RESET_ENDPOINT = 14;
export const STOP_ENDPOINT = 15;
export const SET_DEQUEUE = 16;
export const RESET_DEVICE = 17;
export const BANDWIDTH = 21;
export const NOOP = 23;

export const IOC = 1 << 5;
export const IDT = 1 << 6;
export const CHAIN = 1 << 4;
export const ISP = 1 << 2;
export const DIR_IN = 1 << 16;

export interface Trb {
  readonly type: number;
  readonly low?: number;
  readonly high?: number;
  readonly status?: number;
  readonly flags?: number;
}

export class XhciDriver extends UsbDriver {
  #commandIndex = 0;
  #commandCycle = 1;
  #eventIndex = 0;
  /** Index and cycle of what comes next in each ring of transfers. */
  readonly #rings = new Map<number, { index: number; cycle: number }>();

  /** Registers decode, and the controller masters the bus. */
  open(): void {
    this.config(0x10, 'l', BAR);
    this.config(0x14, 'l', 0);
    this.config(0x04, 'w', 6);
  }

  read(offset: number, size: 'b' | 'w' | 'l' = 'l'): void {
    this.say(`read${size} ${hex(BAR + offset)}`);
  }

  write(offset: number, value: number, size: 'b' | 'w' | 'l' = 'l'): void {
    this.say(`write${size} ${hex(BAR + offset)} ${hex(value)}`);
  }

  /** Registers of operation. */
  readOperation(): void {
    for (const offset of [0, 4, 8, 0xc, 0x14, 0x18, 0x1c, 0x30, 0x34, 0x38]) this.read(0x40 + offset);
  }

  readPorts(count = 8): void {
    for (let port = 0; port < count; port++) this.say(`readl ${hex(PORTS + 16 * port)}`);
  }

  port(port: number, value?: number): void {
    const at = hex(PORTS + 16 * (port - 1));
    this.say(value === undefined ? `readl ${at}` : `writel ${at} ${hex(value)}`);
  }

  /** Rings are set up, and the controller runs. */
  start(): void {
    this.dword(OPERATIONAL + 0x38, 0x40);
    this.dword(OPERATIONAL + 0x30, CONTEXTS);
    this.dword(OPERATIONAL + 0x34, 0);
    this.dword(OPERATIONAL + 0x18, COMMANDS | 1);
    this.dword(OPERATIONAL + 0x1c, 0);
    this.interrupter(0);
    this.dword(OPERATIONAL, 5);
    this.read(0x44);
  }

  interrupter(index: number, events = EVENTS, trbs = EVENT_TRBS): void {
    const at = INTERRUPTERS + 0x20 * index;
    const segments = SEGMENTS + 0x40 * index;
    this.dword(segments, events);
    this.dword(segments + 4, 0);
    this.dword(segments + 8, trbs);
    this.dword(at + 8, 1);
    this.dword(at + 0x18, events);
    this.dword(at + 0x1c, 0);
    this.dword(at + 0x10, segments);
    this.dword(at + 0x14, 0);
    this.dword(at, 2);
  }

  #trb(address: number, { type, low = 0, high = 0, status = 0, flags = 0 }: Trb, cycle: number): void {
    this.dword(address, low);
    this.dword(address + 4, high);
    this.dword(address + 8, status);
    this.dword(address + 12, (flags | (type << 10) | cycle) >>> 0);
  }

  /** Looks at the events that came, and one that did not; says that they were seen. */
  events(count: number): void {
    this.dump(EVENTS + TRB_BYTES * this.#eventIndex, TRB_BYTES * (count + 1));
    this.#eventIndex += count;
    const at = INTERRUPTERS;
    for (const offset of [0, 0x18]) this.say(`readl ${hex(at + offset)}`);
    this.read(0x44);
    this.dword(at + 0x18, EVENTS + TRB_BYTES * this.#eventIndex + 8);
    this.dword(at, 3);
    this.write(0x44, 8);
  }

  command(trb: Trb, events = 1): void {
    this.#trb(COMMANDS + TRB_BYTES * this.#commandIndex, trb, this.#commandCycle);
    this.#commandIndex++;
    if (this.#commandIndex === 32) {
      const link = { type: LINK, low: COMMANDS, flags: 2 };
      this.#trb(COMMANDS + TRB_BYTES * this.#commandIndex, link, this.#commandCycle);
      this.#commandIndex = 0;
      this.#commandCycle ^= 1;
    }
    this.dword(DOORBELLS, 0);
    this.events(events);
  }

  /** A command for a slot. */
  slot(type: number, slot: number, more: Partial<Trb> = {}, endpoint = 0): void {
    this.command({ ...more, type, flags: (more.flags ?? 0) | (endpoint << 16) | (slot << 24) });
  }

  /** The context of a slot, or of one of its endpoints, as the controller keeps it. */
  context(slot: number, endpoint = 0): void {
    this.dump(SLOT_CONTEXTS + 0x800 * slot + 0x20 * endpoint, 0x14);
  }

  inputFlags(drop: number, add: number): void {
    this.dword(INPUT, drop);
    this.dword(INPUT + 4, add);
  }

  inputSlot(words: readonly number[]): void {
    for (const [at, word] of words.entries()) this.dword(INPUT + 0x20 + 4 * at, word);
  }

  /** @param more bits of the first word */
  inputEndpoint(slot: number, endpoint: number, type: number, maxPacket: number, more = 0): void {
    const at = INPUT + 0x20 * (endpoint + 1);
    const ring = this.ringAt(slot, endpoint);
    this.#rings.set(ring, { index: 0, cycle: 1 });
    for (const [index, word] of [more, (maxPacket << 16) | (type << 3) | 6, ring | 1, 0, 0].entries()) {
      this.dword(at + 4 * index, word);
    }
  }

  ringAt(slot: number, endpoint: number, stream = 0): number {
    return RINGS + 0x10_0000 * (slot - 1) + 0x4000 * endpoint + 0x400 * stream;
  }

  bufferAt(slot: number, index = 0): number {
    return BUFFERS + 0x1_0000 * slot + 0x1000 * index;
  }

  /** A slot for what is in a port: it has an address and runs. */
  addressed(slot: number, port: number, speed: number, maxPacket: number, route = 0): void {
    this.command({ type: ENABLE_SLOT });
    this.inputFlags(0, 3);
    this.inputSlot([((1 << 27) | (speed << 20) | route) >>> 0, port << 16, 0, 0]);
    this.inputEndpoint(slot, 1, 4, maxPacket);
    this.dword(CONTEXTS + 8 * slot, SLOT_CONTEXTS + 0x800 * slot);
    this.dword(CONTEXTS + 8 * slot + 4, 0);
    this.slot(ADDRESS_DEVICE, slot, { low: INPUT });
    this.context(slot);
    this.context(slot, 1);
  }

  /** An endpoint is added, of a configured device. */
  configured(slot: number, endpoint: number, type: number, maxPacket: number, more = 0): void {
    this.inputFlags(0, 1 | (1 << endpoint));
    this.inputSlot([((endpoint << 27) | (3 << 20)) >>> 0, 0, 0, 0]);
    this.inputEndpoint(slot, endpoint, type, maxPacket, more);
    this.slot(CONFIGURE, slot, { low: INPUT });
    this.context(slot);
    this.context(slot, endpoint);
  }

  /** Puts TRBs into a ring. */
  queue(slot: number, endpoint: number, trbs: readonly Trb[], stream = 0): void {
    const at = this.ringAt(slot, endpoint, stream);
    const ring = this.#rings.get(at) ?? { index: 0, cycle: 1 };
    this.#rings.set(at, ring);
    for (const trb of trbs) {
      this.#trb(at + TRB_BYTES * ring.index, trb, ring.cycle);
      ring.index++;
      if (trb.type !== LINK) continue;
      ring.index = ((trb.low ?? 0) - at) / TRB_BYTES;
      if (((trb.flags ?? 0) & 2) !== 0) ring.cycle ^= 1;
    }
  }

  /** Where the next TRB of a ring goes, with its cycle bit. */
  place(slot: number, endpoint: number, stream = 0): number {
    const at = this.ringAt(slot, endpoint, stream);
    const { index, cycle } = this.#rings.get(at) ?? { index: 0, cycle: 1 };
    return (at + TRB_BYTES * index) | cycle;
  }

  doorbell(slot: number, endpoint: number, stream = 0): void {
    this.dword(DOORBELLS + 4 * slot, endpoint | (stream << 16));
  }

  /** A link to a place of the ring; back to its start, the cycle bit changes. */
  link(slot: number, endpoint: number, index: number): Trb {
    const low = this.ringAt(slot, endpoint) + TRB_BYTES * index;
    return { type: LINK, low, flags: index === 0 ? 2 : 0 };
  }

  /** A control transfer, and what became of it. */
  control(
    slot: number,
    request: readonly [type: number, request: number, value: number, index: number],
    data: number | readonly number[] = 0,
    events = 1,
  ): void {
    const [type, number, value, index] = request;
    const isIn = (type & 0x80) !== 0;
    const length = typeof data === 'number' ? data : data.length;
    const buffer = this.bufferAt(slot);
    const setup = {
      ...{ type: SETUP, low: (type | (number << 8) | (value << 16)) >>> 0, status: 8, flags: IDT },
      high: (index | (length << 16)) >>> 0,
    };
    const trbs: Trb[] = [setup];
    if (typeof data !== 'number') this.bytes(buffer, data);
    else if (length > 0) this.say(`memset ${hex(buffer)} ${hex(length)} 0xee`);
    if (length > 0) {
      trbs.push({ type: DATA, low: buffer, status: length, flags: isIn ? DIR_IN | ISP : 0 });
    }
    trbs.push({ type: STATUS, flags: IOC | (isIn ? 0 : DIR_IN) });
    this.queue(slot, 1, trbs);
    this.doorbell(slot, 1);
    this.events(events);
    if (isIn && length > 0) this.dump(buffer, length);
    this.context(slot, 1);
  }
}
