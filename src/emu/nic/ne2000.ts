/**
 * An NE2000 on PCI, Realtek's RTL8029: packets go through 32 KiB of memory of its own, which the driver reads and writes through one port.
 * Spec: National Semiconductor DP8390D; Realtek RTL8029AS. What of it is done, and in what order, is QEMU's.
 */
import { type RegisterAccess, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { BOOLEAN, BYTE, bytes, integer, record, WORD } from '../core/state-fields.ts';
import { addressHash } from '../net/ethernet-crc.ts';
import { isBroadcast, isMulticast, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import type { PciState } from '../pci/pci-device.ts';
import { NicCard, type NicWiring } from './nic-card.ts';

const PCI_VENDOR_ID_REALTEK = 0x10ec;
const PCI_DEVICE_ID_REALTEK_8029 = 0x8029;
const PORTS = 0x100;

const PROM_BYTES = 32;
const PACKET_MEMORY = 0x4000;
const MEMORY_END = 0xc000;
const PACKET_MEMORY_BYTES = MEMORY_END - PACKET_MEMORY;
const PAGE = 256;
const FILTER_BYTES = 8;
/** What ends the contents of the PROM, where the bus is 16 bits wide. */
const PROM_SIGNATURE = 0x57;

/** Registers: the page of CR in bits 4 and 5, the port below. */
const CR = 0x00;
const PSTART = 0x01;
const PSTOP = 0x02;
const BNRY = 0x03;
const TPSR = 0x04;
const TBCR0 = 0x05;
const TBCR1 = 0x06;
const ISR = 0x07;
const RSAR0 = 0x08;
const RSAR1 = 0x09;
const RBCR0 = 0x0a;
const RBCR1 = 0x0b;
const RCR = 0x0c;
const DCR = 0x0e;
const IMR = 0x0f;
const PAR0 = 0x11;
const CURR = 0x17;
const MAR0 = 0x18;
const PSTART_READ = 0x21;
const PSTOP_READ = 0x22;
const CONFIG0 = 0x33;
const CONFIG2 = 0x35;
const CONFIG3 = 0x36;
const DATA_PORT = 0x10;
const RESET_PORT = 0x1f;

const CR_STP = 0x01;
const CR_TXP = 0x04;
const CR_REMOTE = 0x18;
const CR_PAGE_SHIFT = 6;
const ISR_PRX = 0x01;
const ISR_PTX = 0x02;
const ISR_RDC = 0x40;
const ISR_RST = 0x80;
const ISR_INTERRUPTS = 0x7f;
const RCR_AB = 0x04;
const RCR_AM = 0x08;
const RCR_PRO = 0x10;
const DCR_WTS = 0x01;
const RSR_PRX = 0x01;
const RSR_PHY = 0x20;
const TSR_PTX = 0x01;
const HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
const SHORTEST_PACKET = 60;
/** QEMU: so much room there must be, whatever the packet. */
const ROOM = 1518;
const RSAR_MAX = 0xffff_ffff;

type Registers = {
  cr: number;
  start: number;
  stop: number;
  boundary: number;
  current: number;
  tsr: number;
  tpsr: number;
  transmitCount: number;
  remoteCount: number;
  remoteAddress: number;
  rsr: number;
  rcr: number;
  isr: number;
  dcr: number;
  imr: number;
};

export type Ne2000State = {
  readonly pci: PciState;
  readonly registers: Readonly<Registers>;
  readonly physical: Uint8Array;
  readonly filter: Uint8Array;
  readonly memory: Uint8Array;
  readonly linkUp: boolean;
};

const PAGE_NUMBER = integer(0, MEMORY_END / PAGE - 1);
const PLACE = integer(0, MEMORY_END);

const REGISTERS_STATE = record<Registers>({
  ...{ cr: BYTE, start: PLACE, stop: PLACE, boundary: PAGE_NUMBER, current: BYTE, tsr: BYTE, tpsr: BYTE },
  ...{ transmitCount: WORD, remoteCount: WORD, remoteAddress: integer(0, RSAR_MAX), rsr: BYTE, rcr: BYTE },
  ...{ isr: BYTE, dcr: BYTE, imr: BYTE },
});

function atPowerOn(): Registers {
  return {
    ...{ cr: 0, start: 0, stop: 0, boundary: 0, current: 0, tsr: 0, tpsr: 0, transmitCount: 0 },
    ...{ remoteCount: 0, remoteAddress: 0, rsr: 0, rcr: 0, isr: ISR_RST, dcr: 0, imr: 0 },
  };
}

const row = (offset: number, name: string, help: string, access: RegisterAccess<Ne2000>) =>
  register(offset, 1, name, help, access);
/** A page of the card's memory; QEMU: one that there is not is not taken. */
const page = (write: (s: Registers, at: number) => void, most: number) => (own: Ne2000, value: number) => {
  if (value * PAGE <= most) write(own.s, value);
};

export class Ne2000 extends NicCard<Ne2000State> {
  static readonly registers = new RegisterTable<Ne2000>(
    {
      name: 'ne2000',
      title: 'ne2k_pci: Ethernet, RTL8029',
      place: 'BAR 0, I/O ports; the offset has the page of CR in bits 4 and 5',
      spec: 'DP8390D datasheet, section 10; RTL8029AS datasheet, section 6',
    },
    [
      row(PSTART, 'PSTART', 'first page of the receive buffer', {
        write: page((s, at) => {
          s.start = at * PAGE;
        }, MEMORY_END),
      }),
      row(PSTOP, 'PSTOP', 'page behind the receive buffer', {
        write: page((s, at) => {
          s.stop = at * PAGE;
        }, MEMORY_END),
      }),
      row(BNRY, 'BNRY', 'how far the driver has read the receive buffer', {
        read: ({ s }) => s.boundary,
        write: page((s, at) => {
          s.boundary = at;
        }, MEMORY_END - PAGE),
      }),
      row(TPSR, 'TSR, TPSR', 'how the last packet was sent; first page of the next', {
        read: ({ s }) => s.tsr,
        write({ s }, value) {
          s.tpsr = value;
        },
      }),
      row(TBCR0, 'TBCR0', 'bytes to send, low', {
        write({ s }, value) {
          s.transmitCount = (s.transmitCount & 0xff00) | value;
        },
      }),
      row(TBCR1, 'TBCR1', 'bytes to send, high', {
        write({ s }, value) {
          s.transmitCount = (s.transmitCount & 0xff) | (value << 8);
        },
      }),
      row(ISR, 'ISR', 'causes of interrupts; writing 1 clears', {
        read: ({ s }) => s.isr,
        write(own, value) {
          own.s.isr &= ~(value & ISR_INTERRUPTS);
          own.updateInterrupt();
        },
      }),
      row(RSAR0, 'RSAR0', 'where the data port reads and writes, low', {
        read: ({ s }) => s.remoteAddress & 0xff,
        write({ s }, value) {
          s.remoteAddress = (s.remoteAddress & 0xff00) | value;
        },
      }),
      row(RSAR1, 'RSAR1', 'where the data port reads and writes, high', {
        read: ({ s }) => (s.remoteAddress >>> 8) & 0xff,
        write({ s }, value) {
          s.remoteAddress = (s.remoteAddress & 0xff) | (value << 8);
        },
      }),
      row(RBCR0, '8029ID0, RBCR0', 'which chip it is; bytes for the data port, low', {
        read: () => 0x50,
        write({ s }, value) {
          s.remoteCount = (s.remoteCount & 0xff00) | value;
        },
      }),
      row(RBCR1, '8029ID1, RBCR1', 'which chip it is; bytes for the data port, high', {
        read: () => 0x43,
        write({ s }, value) {
          s.remoteCount = (s.remoteCount & 0xff) | (value << 8);
        },
      }),
      row(RCR, 'RSR, RCR', 'how the last packet was received; which are', {
        read: ({ s }) => s.rsr,
        write({ s }, value) {
          s.rcr = value;
        },
      }),
      row(DCR, 'DCR', 'width of the data port', {
        write({ s }, value) {
          s.dcr = value;
        },
      }),
      row(IMR, 'IMR', 'which causes interrupt', {
        write(own, value) {
          own.s.imr = value;
          own.updateInterrupt();
        },
      }),
      ...Array.from({ length: MAC_BYTES }, (_, n) =>
        row(PAR0 + n, `PAR${n}`, 'byte of the Ethernet address', {
          read: ({ physical }) => physical[n],
          write({ physical }, value) {
            physical[n] = value;
          },
        }),
      ),
      row(CURR, 'CURR', 'page of the next packet that is received', {
        read: ({ s }) => s.current,
        write: page((s, at) => {
          s.current = at;
        }, MEMORY_END - PAGE),
      }),
      ...Array.from({ length: FILTER_BYTES }, (_, n) =>
        row(MAR0 + n, `MAR${n}`, 'byte of the filter for multicast packets', {
          read: ({ filter }) => filter[n],
          write({ filter }, value) {
            filter[n] = value;
          },
        }),
      ),
      row(PSTART_READ, 'PSTART, page 2', 'first page of the receive buffer', {
        read: ({ s }) => s.start >> 8,
      }),
      row(PSTOP_READ, 'PSTOP, page 2', 'page behind the receive buffer', { read: ({ s }) => s.stop >> 8 }),
      row(CONFIG0, 'CONFIG0', 'the medium: 10BASE-T', { read: () => 0 }),
      row(CONFIG2, 'CONFIG2', 'the medium: 10BASE-T, and a link', { read: () => 0x40 }),
      row(CONFIG3, 'CONFIG3', 'full duplex', { read: () => 0x40 }),
    ],
  );

  readonly vmstate = {
    name: 'ne2000',
    version: 1,
    fields: record<Ne2000State>({
      ...{ pci: this.pciFields, registers: REGISTERS_STATE, physical: bytes(MAC_BYTES) },
      ...{ filter: bytes(FILTER_BYTES), memory: bytes(MEMORY_END), linkUp: BOOLEAN },
    }),
  };
  readonly address: Uint8Array;
  readonly s: Registers = atPowerOn();
  readonly physical = new Uint8Array(MAC_BYTES);
  readonly filter = new Uint8Array(FILTER_BYTES);
  /** The PROM, nothing, and what packets go through. */
  readonly #memory = new Uint8Array(MEMORY_END);
  readonly #view = new DataView(this.#memory.buffer);

  constructor(wiring: NicWiring) {
    super(
      { type: 'ne2k_pci', vendorId: PCI_VENDOR_ID_REALTEK, deviceId: PCI_DEVICE_ID_REALTEK_8029 },
      wiring,
    );
    this.address = wiring.mac;
    this.addBar({ index: 0, kind: 'io', sizeBytes: PORTS, handler: this.#ports() });
    this.reset();
  }

  reset(): void {
    this.resetPci();
    Object.assign(this.s, atPowerOn());
    this.physical.fill(0);
    this.filter.fill(0);
    this.#memory.fill(0);
    this.#resetChip();
  }

  abandon(): void {}

  save(): Ne2000State {
    return {
      ...{ pci: this.savePci(), registers: { ...this.s }, physical: this.physical.slice() },
      ...{ filter: this.filter.slice(), memory: this.#memory.slice(), linkUp: !this.client.linkDown },
    };
  }

  restore({ pci, registers, physical, filter, memory, linkUp }: Ne2000State): void {
    this.restorePci(pci);
    Object.assign(this.s, registers);
    this.physical.set(physical);
    this.filter.set(filter);
    this.#memory.set(memory);
    this.client.linkDown = !linkUp;
  }

  /** QEMU: what finds no room is lost. */
  readonly canReceive = true;

  linkChanged(): void {}

  updateInterrupt(): void {
    this.setIntx((this.s.isr & this.s.imr & ISR_INTERRUPTS) !== 0);
  }

  receive(packet: Packet): boolean {
    const { s } = this;
    if ((s.cr & CR_STP) !== 0 || !this.#hasRoom || !this.#isWanted(packet)) return true;
    let frame = packet;
    if (packet.length < SHORTEST_PACKET) {
      frame = new Uint8Array(SHORTEST_PACKET);
      frame.set(packet);
    }
    let at = s.current * PAGE;
    if (at >= MEMORY_END) at = s.start;
    const total = frame.length + HEADER_BYTES;
    let next = at + ((total + CHECKSUM_BYTES + PAGE - 1) & -PAGE);
    if (next >= s.stop) next -= s.stop - s.start;
    s.rsr = RSR_PRX | (isMulticast(packet) ? RSR_PHY : 0);
    this.#memory.set([s.rsr, (next >> 8) & 0xff, total & 0xff, (total >> 8) & 0xff], at);
    this.#fill(at + HEADER_BYTES, frame);
    s.current = (next >> 8) & 0xff;
    this.#raise(ISR_PRX);
    return true;
  }

  #fill(from: number, frame: Packet): void {
    const { start, stop } = this.s;
    let at = from;
    for (let done = 0; done < frame.length && at <= stop; ) {
      const size = Math.min(frame.length - done, stop - at);
      this.#memory.set(frame.subarray(done, done + size), at);
      done += size;
      at += size;
      if (at === stop) at = start;
    }
  }

  get #hasRoom(): boolean {
    const { start, stop, current, boundary } = this.s;
    if (stop <= start) return false;
    const [at, end] = [current * PAGE, boundary * PAGE];
    const room = at < end ? end - at : stop - start - (at - end);
    return room >= ROOM;
  }

  #isWanted(packet: Packet): boolean {
    const { rcr } = this.s;
    if ((rcr & RCR_PRO) !== 0) return true;
    const to = packet.subarray(0, MAC_BYTES);
    if (isBroadcast(to)) return (rcr & RCR_AB) !== 0;
    if (isMulticast(to)) {
      const place = addressHash(to) >>> 26;
      return (rcr & RCR_AM) !== 0 && (this.filter[place >> 3] & (1 << (place & 7))) !== 0;
    }
    // QEMU: the address of the PROM counts, which has each byte twice, and not that of PAR.
    return to.every((byte, n) => byte === this.#memory[2 * n]);
  }

  #raise(causes: number): void {
    this.s.isr |= causes;
    this.updateInterrupt();
  }

  #resetChip(): void {
    this.s.isr = ISR_RST;
    const prom = new Uint8Array(PROM_BYTES / 2);
    prom.set(this.address);
    prom.fill(PROM_SIGNATURE, 14);
    for (const [n, byte] of prom.entries()) this.#memory.fill(byte, 2 * n, 2 * n + 2);
  }

  #writeCommand(value: number): void {
    const { s } = this;
    s.cr = value;
    if ((value & CR_STP) !== 0) return;
    s.isr &= ~ISR_RST;
    // Of nothing all is moved at once.
    if ((value & CR_REMOTE) !== 0 && s.remoteCount === 0) this.#raise(ISR_RDC);
    if ((value & CR_TXP) === 0) return;
    let at = s.tpsr * PAGE;
    if (at >= MEMORY_END) at -= PACKET_MEMORY_BYTES;
    if (at + s.transmitCount <= MEMORY_END) {
      this.client.send(this.#memory.slice(at, at + s.transmitCount));
    }
    s.tsr = TSR_PTX;
    s.cr &= ~CR_TXP;
    this.#raise(ISR_PTX);
  }

  #has(at: number, size: number): boolean {
    return at < PROM_BYTES || (at >= PACKET_MEMORY && at + size <= MEMORY_END);
  }

  /** The data port moved so many bytes. */
  #moved(size: number): void {
    const { s } = this;
    s.remoteAddress = (s.remoteAddress + size) >>> 0;
    if (s.remoteAddress === s.stop) s.remoteAddress = s.start;
    if (s.remoteCount > size) {
      s.remoteCount -= size;
      return;
    }
    s.remoteCount = 0;
    this.#raise(ISR_RDC);
  }

  /** Bytes that an access to the data port moves, whose size the driver has chosen before. */
  #width(size: AccessSize): AccessSize {
    if (size === 4) return 4;
    return (this.s.dcr & DCR_WTS) !== 0 ? 2 : 1;
  }

  #readData(size: AccessSize): number {
    const width = this.#width(size);
    const at = width === 1 ? this.s.remoteAddress : this.s.remoteAddress - (this.s.remoteAddress & 1);
    let value = 2 ** (8 * width) - 1;
    if (this.#has(at, width)) {
      if (width === 1) value = this.#memory[at];
      else value = width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
    }
    this.#moved(width);
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }

  #writeData(size: AccessSize, value: number): void {
    if (this.s.remoteCount === 0) return;
    const width = this.#width(size);
    const at = width === 1 ? this.s.remoteAddress : this.s.remoteAddress - (this.s.remoteAddress & 1);
    if (this.#has(at, width)) {
      for (let n = 0; n < width; n++) this.#memory[at + n] = value >>> (8 * n);
    }
    this.#moved(width);
  }

  #ports(): IoHandler {
    return {
      read: (port, size) => {
        const value = this.#readPort(port, size);
        if (this.trace.on) this.trace.event('ne2000_read', port, value);
        return value;
      },
      write: (port, size, value) => {
        if (this.trace.on) this.trace.event('ne2000_write', port, value);
        this.#writePort(port, size, value);
      },
    };
  }

  /** A register's place in the table. */
  #offsetOf(port: number): number {
    return port | ((this.s.cr >> CR_PAGE_SHIFT) << 4);
  }

  #readPort(port: number, size: AccessSize): number {
    if (port === DATA_PORT) return this.#readData(size);
    if (size === 1 && port < DATA_PORT) {
      const value =
        port === CR ? this.s.cr : (Ne2000.registers.read(this, this.trace, this.#offsetOf(port), 1) ?? 0);
      if (this.trace.on) this.trace.event('ne2000_ioport_read', port, value);
      return value;
    }
    if (size !== 1 || port !== RESET_PORT) return 2 ** (8 * size) - 1;
    this.#resetChip();
    return 0;
  }

  #writePort(port: number, size: AccessSize, value: number): void {
    if (port === DATA_PORT) this.#writeData(size, value);
    if (size !== 1 || port >= DATA_PORT) return;
    if (this.trace.on) this.trace.event('ne2000_ioport_write', port, value);
    if (port === CR) this.#writeCommand(value);
    else Ne2000.registers.write(this, this.trace, this.#offsetOf(port), 1, value);
  }
}
