/** Port 0x80: power-on self test codes, and the delay of `outb` that Linux calls io_delay. */
import type { AddressSpace } from '../bus/address-space.ts';
import type { IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';

/** Takes writes in and reads ff, as QEMU's ioport80; `code` hears each byte. */
export function attachPostPort(io: AddressSpace, code: (value: number) => void = () => {}): void {
  const handler: IoHandler = {
    read: (_port, size) => OPEN_BUS[size],
    write: (_port, _size, value) => code(value),
  };
  io.map(0x80, 1, handler, { name: 'ioport80' });
}
