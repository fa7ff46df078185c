/** What a driver does with an AHCI controller, as lines of qtest. */
import { QtestLines } from './ide-driver.ts';

const ABAR = 0xe000_0000;
export const AHCI_DEVFN = 0x20;
const PAIR = 0xc100;
const PORT = 0x100;
const PORT_BYTES = 0x80;
/** Of each port: the list of commands, what it receives, command tables. */
const LISTS = 0x10_0000;
const RECEIVED = 0x11_0000;
const TABLES = 0x12_0000;
const TABLE_STEP = 0x1000;
export const BUFFERS = 0x20_0000;

const u16 = (value: number): readonly number[] => [value & 0xff, (value >> 8) & 0xff];
const u32 = (value: number): readonly number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

export interface AhciCommand {
  readonly slot?: number;
  readonly feature?: number;
  readonly sector?: number;
  readonly count?: number;
  readonly device?: number;
  /** Buffers: addresses and lengths. */
  readonly buffers?: readonly (readonly [gpa: number, length: number])[];
  readonly write?: boolean;
  readonly packet?: readonly number[];
  /** In the place of a command. */
  readonly fis?: readonly number[];
}

export class AhciDriver extends QtestLines {
  #port = 0;

  open(): void {
    this.config(AHCI_DEVFN, 0x20, PAIR);
    this.config(AHCI_DEVFN, 0x24, ABAR);
    this.config(AHCI_DEVFN, 0x04, 7);
  }

  port(port: number): void {
    this.#port = port;
  }

  get #base(): number {
    return ABAR + PORT + PORT_BYTES * this.#port;
  }

  hba(offset: number, value?: number): void {
    if (value === undefined) this.say(`readl ${ABAR + offset}`);
    else this.say(`writel ${ABAR + offset} ${value}`);
  }

  reg(offset: number, value?: number): void {
    if (value === undefined) this.say(`readl ${this.#base + offset}`);
    else this.say(`writel ${this.#base + offset} ${value}`);
  }

  /** All registers of the controller and of the port. */
  registers(): void {
    for (let offset = 0; offset < 0x2c; offset += 4) this.hba(offset);
    for (let offset = 0; offset < 0x80; offset += 4) this.reg(offset);
  }

  /** What changes. */
  look(): void {
    this.hba(8);
    for (const offset of [0x10, 0x18, 0x20, 0x24, 0x28, 0x30, 0x34, 0x38]) this.reg(offset);
    this.read(RECEIVED + 0x100 * this.#port, 0x60);
  }

  /** Forgets errors and interrupts. */
  clear(): void {
    this.reg(0x10, 0xffff_ffff);
    this.reg(0x30, 0xffff_ffff);
    this.hba(8, 0xffff_ffff);
  }

  start(): void {
    this.reg(0x00, LISTS + 0x400 * this.#port);
    this.reg(0x04, 0);
    this.reg(0x08, RECEIVED + 0x100 * this.#port);
    this.reg(0x0c, 0);
    this.reg(0x14, 0xffff_ffff);
    this.reg(0x18, 0x16);
    this.reg(0x18, 0x17);
  }

  reset(): void {
    this.hba(4, 0x8000_0003);
    this.hba(4);
    this.hba(4, 0x8000_0002);
  }

  /** Puts a command into a slot, and does not issue it. */
  prepare(code: number, command: AhciCommand): void {
    const {
      slot = 0,
      feature = 0,
      sector = 0,
      count = 0,
      device = 0x40,
      buffers = [],
      write = false,
      packet,
    } = command;
    const table = TABLES + 0x2_0000 * this.#port + TABLE_STEP * slot;
    const low = sector % 2 ** 24;
    const high = Math.floor(sector / 2 ** 24);
    const fis = command.fis ?? [
      ...[0x27, 0x80, code, feature & 0xff],
      ...[low & 0xff, (low >> 8) & 0xff, low >> 16, device],
      ...[high & 0xff, (high >> 8) & 0xff, high >> 16, feature >> 8],
      ...[count & 0xff, count >> 8, 0, 0, 0, 0, 0, 0],
    ];
    this.fill(table, 0x80, 0);
    this.write(table, fis);
    if (packet !== undefined) this.write(table + 0x40, packet);
    if (buffers.length > 0) {
      this.write(
        table + 0x80,
        buffers.flatMap(([gpa, length]) => [...u32(gpa), ...u32(0), ...u32(0), ...u32(length - 1)]),
      );
    }
    const flags = 5 | (packet === undefined ? 0 : 0x20) | (write ? 0x40 : 0);
    this.write(LISTS + 0x400 * this.#port + 0x20 * slot, [
      ...[...u16(flags), ...u16(buffers.length), ...u32(0xffff)],
      ...[...u32(table), ...u32(0)],
    ]);
  }

  issue(...slots: readonly number[]): void {
    this.reg(
      0x38,
      slots.reduce((all, slot) => (all | (1 << slot)) >>> 0, 0),
    );
    this.wait();
  }

  /** A command by itself, and what has become of it. */
  command(code: number, command: AhciCommand = {}): void {
    this.prepare(code, command);
    this.issue(command.slot ?? 0);
    this.look();
    this.read(LISTS + 0x400 * this.#port + 0x20 * (command.slot ?? 0), 8);
    this.clear();
  }

  queued(code: number, { slot = 0, count = 1, ...command }: AhciCommand): void {
    this.prepare(code, { ...command, slot, feature: count, count: slot << 3 });
  }

  pair(index: number, value?: number): void {
    this.say(`outl ${PAIR + 0x10} ${index}`);
    this.say(`inl ${PAIR + 0x10}`);
    if (value === undefined) this.say(`inl ${PAIR + 0x14}`);
    else this.say(`outl ${PAIR + 0x14} ${value}`);
  }
}
