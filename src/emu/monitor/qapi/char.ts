/** Character devices. Spec: QEMU qapi/char.json. */
import { type Chardevs, failedToAdd } from '../../char/chardevs.ts';
import type { RingBuffer } from '../../char/ring-buffer.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { decodeCText } from '../../qapi/utf8.ts';
import type { Options } from '../../qdev/option-string.ts';
import { CHARDEV_BACKEND, optionsOfBackend } from './chardev-backend.ts';
import { command } from './context.ts';

const CHARDEV_INFO = struct({ label: STR, filename: STR, 'frontend-open': BOOL });
const DATA_FORMAT = enumeration('DataFormat', ['utf8', 'base64']);

export function queryChardev({ chardevs }: MachineApi): readonly Infer<typeof CHARDEV_INFO>[] {
  return chardevs
    .query()
    .map(({ label, filename, frontendOpen }) => ({ label, filename, 'frontend-open': frontendOpen }));
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PADDING = '=';

/**
 * QEMU: groups of four are read wherever they are, padding may stand anywhere and counts as zero; in the third and fourth place of a
 * group it leaves out a byte. What is no whole group at the end is passed over.
 */
function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/=\n\r]*$/.test(text)) throw new MonitorError('Base64 data contains invalid characters');
  const digits = text.replace(/[\n\r]/g, '');
  const bytes: number[] = [];
  for (let at = 0; at + 4 <= digits.length; at += 4) {
    const group = [...digits.slice(at, at + 4)];
    const value = group.reduce((sum, digit) => sum * 64 + Math.max(0, BASE64.indexOf(digit)), 0);
    bytes.push(value >> 16);
    if (group[2] !== PADDING) bytes.push((value >> 8) & 0xff);
    if (group[3] !== PADDING) bytes.push(value & 0xff);
  }
  return Uint8Array.from(bytes);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** Takes up to `size` bytes out of a ring buffer. Throws QEMU's errors. */
export function ringbufRead(chardevs: Chardevs, device: string, size: number): Uint8Array {
  const buffer = ringBuffer(chardevs, device);
  if (size <= 0) throw new MonitorError('size must be greater than zero');
  return buffer.read(size);
}

async function chardevAdd(chardevs: Chardevs, id: string, options: Options): Promise<string | undefined> {
  if (chardevs.ids().includes(id)) throw new MonitorError(`Chardev with id '${id}' already exists`);
  return await chardevs.open(options).catch((error: unknown) => {
    throw failedToAdd(id, error);
  });
}

/** QEMU: only what the schema's commands are about has the class of its own. */
function ringBuffer(chardevs: Chardevs, device: string): RingBuffer {
  try {
    return chardevs.ringBuffer(device);
  } catch (error) {
    throw error instanceof MonitorError ? new MonitorError(error.message) : error;
  }
}

export const CHAR_COMMANDS = [
  command('query-chardev', {
    returns: list(CHARDEV_INFO),
    allowPreconfig: true,
    run: ({ machine }) => queryChardev(machine),
  }),
  command('query-chardev-backends', {
    returns: list(struct({ name: STR })),
    run: ({ machine }) => machine.chardevs.kinds().map((name) => ({ name })),
  }),
  command('ringbuf-write', {
    args: struct({ device: STR, data: STR, format: optional(DATA_FORMAT) }),
    run({ machine }, { device, data, format }) {
      const bytes = format === 'base64' ? fromBase64(data) : new TextEncoder().encode(data);
      ringBuffer(machine.chardevs, device).write(bytes);
    },
  }),
  command('ringbuf-read', {
    args: struct({ device: STR, size: INT, format: optional(DATA_FORMAT) }),
    returns: STR,
    run({ machine }, { device, size, format }) {
      const bytes = ringbufRead(machine.chardevs, device, Number(size));
      // QEMU: a text ends at the first zero byte.
      return format === 'base64' ? toBase64(bytes) : decodeCText(bytes);
    },
  }),
  command('chardev-add', {
    args: struct({ id: STR, backend: CHARDEV_BACKEND }),
    returns: struct({ pty: optional(STR) }),
    async run({ machine }, { id, backend }) {
      return { pty: await chardevAdd(machine.chardevs, id, optionsOfBackend(id, backend)) };
    },
  }),
  command('chardev-change', {
    args: struct({ id: STR, backend: CHARDEV_BACKEND }),
    returns: struct({ pty: optional(STR) }),
    async run({ machine }, { id, backend }) {
      return { pty: await machine.chardevs.change(id, optionsOfBackend(id, backend)) };
    },
  }),
  command('chardev-remove', {
    args: struct({ id: STR }),
    run: ({ machine }, { id }) => machine.chardevs.remove(id),
  }),
  command('chardev-send-break', {
    args: struct({ id: STR }),
    run: ({ machine }, { id }) => machine.chardevs.sendBreak(id),
  }),
];
