/** What drivers of USB controllers have in common: lines of qtest, which a real QEMU and this machine are given alike. */

const NS_PER_MS = 1_000_000;

export const hex = (value: number): string => `0x${value.toString(16)}`;
export const hexBytes = (bytes: readonly number[]): string =>
  `0x${bytes.map((byte) => (byte & 0xff).toString(16).padStart(2, '0')).join('')}`;

export class UsbDriver {
  readonly lines: string[] = [];
  readonly #devfn: number;

  /** @param devfn of the controller, which is there */
  constructor(devfn: number) {
    this.#devfn = devfn;
  }

  say(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  /** A command of the human monitor. */
  hmp(line: string): void {
    this.say(`hmp ${line}`);
  }

  config(offset: number, size: 'b' | 'w' | 'l', value?: number): void {
    this.say(`outl 0xcf8 ${hex((0x8000_0000 | (this.#devfn << 8) | (offset & 0xfc)) >>> 0)}`);
    const port = hex(0xcfc + (offset & 3));
    this.say(value === undefined ? `in${size} ${port}` : `out${size} ${port} ${hex(value)}`);
  }

  step(ms: number): void {
    this.say(`clock_step ${ms * NS_PER_MS}`);
  }

  dword(address: number, value: number): void {
    this.say(`writel ${hex(address)} ${hex(value >>> 0)}`);
  }

  bytes(address: number, data: readonly number[]): void {
    this.say(`write ${hex(address)} ${hex(data.length)} ${hexBytes(data)}`);
  }

  dump(address: number, length: number): void {
    this.say(`read ${hex(address)} ${hex(length)}`);
  }
}
