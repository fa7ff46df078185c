/** Words of which sessions with network cards are made: lines of the qtest protocol, as `scripts/qtest-lines.ts` plays them. */

export const DEVFN = 0x10;
export const PORTS = 0xc000;
export const MEMORY = 0xfe00_0000;
export const MAC = '52:54:00:12:34:56';
export const MAC_HEX = MAC.replaceAll(':', '');

const CONFIG = 0x8000_0000 + (DEVFN << 8);
const PCI_COMMAND = 4;
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

export const config = (offset: number): string[] => [`outl 0xcf8 ${hex(CONFIG + offset)}`, 'inl 0xcfc'];
export const configWrite = (offset: number, value: number): string[] => [
  `outl 0xcf8 ${hex(CONFIG + offset)}`,
  `outl 0xcfc ${hex(value)}`,
];
export const configSpace = (): string[] => Array.from({ length: 64 }, (_, n) => config(4 * n)).flat();
/** Whether the card drives its interrupt pin: bit 19. */
export const pin = (): string[] => config(PCI_COMMAND);

/** The card in its slot, with the size of all BARs asked for. @param places of the BARs, from the first */
export const plugged = (model: string, places: readonly number[]): string[] => [
  `hmp device_add ${model},netdev=far,id=nic0,mac=${MAC}`,
  'hmp info qtree',
  ...configSpace(),
  ...[0, 1, 2, 3, 4, 5].flatMap((n) => {
    const bar = 0x10 + 4 * n;
    return [...configWrite(bar, 0xffff_ffff), ...config(bar), ...configWrite(bar, places[n] ?? 0)];
  }),
  ...configWrite(0x30, 0xffff_ffff),
  ...config(0x30),
  ...configWrite(0x30, 0),
  ...configWrite(PCI_COMMAND, 7),
  'hmp info network',
  'hmp info pci',
];

export const wait = (ms: number): string => `clock_step ${ms * 1_000_000}`;
export const readMemory = (address: number, size: 'b' | 'w' | 'l' = 'l'): string =>
  `read${size} ${hex(address)}`;
export const writeMemory = (address: number, value: number, size: 'b' | 'w' | 'l' = 'l'): string =>
  `write${size} ${hex(address)} ${hex(value)}`;
export const readPort = (port: number, size: 'b' | 'w' | 'l' = 'l'): string => `in${size} ${hex(port)}`;
export const writePort = (port: number, value: number, size: 'b' | 'w' | 'l' = 'l'): string =>
  `out${size} ${hex(port)} ${hex(value)}`;
export const dump = (address: number, length: number): string => `read ${hex(address)} ${hex(length)}`;
export const put = (address: number, bytes: string): string =>
  `write ${hex(address)} ${hex(bytes.length / 2)} 0x${bytes}`;
/** Numbers in memory, in the order of a little-endian machine. */
export const dwords = (address: number, ...values: readonly number[]): string[] =>
  values.map((value, n) => writeMemory(address + 4 * n, value));

const OTHER = '525400000001';
/** A frame of so many bytes that nobody else needs. */
export function frame(to = MAC_HEX, length = 64, type = '88b5', from = OTHER): string {
  const head = `${to}${from}${type}`;
  const rest = Array.from({ length: length - head.length / 2 }, (_, n) =>
    (n & 0xff).toString(16).padStart(2, '0'),
  );
  return head + rest.join('');
}
export const send = (bytes: string): string => `send ${bytes}`;
