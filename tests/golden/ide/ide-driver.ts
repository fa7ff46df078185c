/** What a driver does with the PIIX3's IDE controller, as lines of qtest. */

export const SECTOR = 512;
const COMMAND_PORTS = [0x1f0, 0x170] as const;
const CONTROL_PORTS = [0x3f6, 0x376] as const;
const MASTER = 0xc000;
const DEVFN = 0x09;
/** Lists of buffers, and buffers. */
export const LIST = 0x10_0000;
export const DATA = 0x20_0000;
const NS_PER_MS = 1_000_000;
const LAST = 0x8000_0000;

/** Registers of a command; those that are left out are 0. */
export interface TaskFile {
  readonly feature?: number;
  readonly count?: number;
  readonly low?: number;
  readonly mid?: number;
  readonly high?: number;
  readonly device?: number;
  /** What is written before each of them. */
  readonly hob?: {
    readonly count?: number;
    readonly low?: number;
    readonly mid?: number;
    readonly high?: number;
  };
}

/** The registers that name a sector. */
export function lba(sector: number, count = 1, device = 0xe0): TaskFile {
  const above = Math.floor(sector / 2 ** 24);
  return {
    count: count & 0xff,
    low: sector & 0xff,
    mid: (sector >>> 8) & 0xff,
    high: (sector >>> 16) & 0xff,
    device: device | (above & 0x0f),
    hob: {
      count: count >> 8,
      low: above & 0xff,
      mid: (above >>> 8) & 0xff,
      high: (above >>> 16) & 0xff,
    },
  };
}

export class QtestLines {
  readonly lines: string[] = [];

  say(line: string): void {
    this.lines.push(line);
  }

  hmp(line: string): void {
    this.say(`hmp ${line}`);
  }

  /** Lets QEMU finish what it has begun. */
  wait(ms = 1): void {
    this.say(`clock_step ${ms * NS_PER_MS}`);
  }

  write(gpa: number, bytes: readonly number[] | Uint8Array): void {
    if (bytes.length === 0) return;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    this.say(`write ${gpa} ${bytes.length} 0x${hex}`);
  }

  fill(gpa: number, length: number, value: number): void {
    this.say(`memset ${gpa} ${length} ${value}`);
  }

  read(gpa: number, length: number): void {
    this.say(`read ${gpa} ${length}`);
  }

  config(devfn: number, offset: number, value: number): void {
    this.say(`outl 0xcf8 ${0x8000_0000 + (devfn << 8) + (offset & ~3)}`);
    this.say(`outl 0xcfc ${value}`);
  }

  readConfig(devfn: number): void {
    for (let offset = 0; offset < 256; offset += 4) {
      this.say(`outl 0xcf8 ${0x8000_0000 + (devfn << 8) + offset}`);
      this.say('inl 0xcfc');
    }
  }
}

const u32 = (value: number): readonly number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

export class IdeDriver extends QtestLines {
  #channel = 0;

  open(): void {
    this.config(DEVFN, 0x20, MASTER);
    this.config(DEVFN, 0x04, 5);
  }

  channel(channel: 0 | 1): void {
    this.#channel = channel;
  }

  get #ports(): number {
    return COMMAND_PORTS[this.#channel] ?? 0;
  }

  get #control(): number {
    return CONTROL_PORTS[this.#channel] ?? 0;
  }

  get #master(): number {
    return MASTER + 8 * this.#channel;
  }

  out(offset: number, value: number): void {
    this.say(`outb ${this.#ports + offset} ${value}`);
  }

  in(offset: number): void {
    this.say(`inb ${this.#ports + offset}`);
  }

  control(value: number): void {
    this.say(`outb ${this.#control} ${value}`);
  }

  softReset(): void {
    this.control(4);
    this.wait();
    this.control(0);
  }

  /** All registers, STATUS last. */
  registers(): void {
    this.say(`inb ${this.#control}`);
    for (let offset = 1; offset < 8; offset++) this.in(offset);
    this.say(`inb ${this.#master + 2}`);
    this.say(`outb ${this.#master + 2} 0x66`);
  }

  /** What was written before the last. */
  earlier(): void {
    this.control(0x80);
    for (let offset = 1; offset < 7; offset++) this.in(offset);
    this.control(0);
  }

  taskFile({ feature = 0, count = 0, low = 0, mid = 0, high = 0, device = 0xa0, hob = {} }: TaskFile): void {
    this.out(6, device);
    this.out(2, hob.count ?? 0);
    this.out(3, hob.low ?? 0);
    this.out(4, hob.mid ?? 0);
    this.out(5, hob.high ?? 0);
    this.out(1, feature);
    this.out(2, count);
    this.out(3, low);
    this.out(4, mid);
    this.out(5, high);
  }

  command(code: number, file: TaskFile = {}): void {
    this.taskFile(file);
    this.out(7, code);
    this.wait();
  }

  /** The same, and what has become of it. */
  try(code: number, file: TaskFile = {}): void {
    this.command(code, file);
    this.registers();
  }

  readData(bytes: number): void {
    this.say(`inw ${this.#ports} *${bytes / 2}`);
    this.wait();
  }

  writeData(bytes: readonly number[] | Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 2) {
      this.say(`outw ${this.#ports} ${(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)}`);
    }
    this.wait();
  }

  /** A list of buffers: addresses and lengths. */
  list(entries: readonly (readonly [gpa: number, length: number])[], last = true): void {
    const bytes = entries.flatMap(([gpa, length], n) => {
      const size = length & 0xffff;
      return [...u32(gpa), ...u32(last && n === entries.length - 1 ? size + LAST : size)];
    });
    this.write(LIST, bytes);
    this.say(`outl ${this.#master + 4} ${LIST}`);
  }

  startMaster(toMemory: boolean): void {
    this.say(`outb ${this.#master} ${toMemory ? 9 : 1}`);
    this.wait();
  }

  stopMaster(): void {
    this.say(`inb ${this.#master}`);
    this.say(`inb ${this.#master + 2}`);
    this.say(`outb ${this.#master} 0`);
    this.wait();
  }

  /** A packet command: its packet, padded with zeros. */
  packet(packet: readonly number[], limit: number, feature = 0, device = 0xa0): void {
    this.command(0xa0, { feature, mid: limit & 0xff, high: limit >> 8, device });
    this.writeData(Uint8Array.from({ length: 12 }, (_, n) => packet[n] ?? 0));
  }
}
