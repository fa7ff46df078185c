/** `-chardev pipe`: named pipes that the user has made, `path.in` for what goes to the machine and `path.out` for what comes from it. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { MonitorError } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import { hostErrorText } from './host-errors.ts';

/** Open for both directions, as a pipe that nobody else has open would keep the machine from starting. */
const BOTH_WAYS = 'r+';

/** Undefined: it cannot be opened. */
function open(path: string): number | undefined {
  try {
    return openSync(path, BOTH_WAYS);
  } catch {
    return undefined;
  }
}

/** QEMU: where one of the two is missing, `path` itself serves both directions. */
function openEnds(path: string): readonly [input: number, output: number] {
  const [input, output] = [open(`${path}.in`), open(`${path}.out`)];
  if (input !== undefined && output !== undefined) return [input, output];
  for (const fd of [input, output]) if (fd !== undefined) closeSync(fd);
  try {
    const fd = openSync(path, BOTH_WAYS);
    return [fd, fd];
  } catch (error) {
    throw new MonitorError(`Could not open '${path}': ${hostErrorText(error)}`);
  }
}

export class PipeChannel implements Channel {
  readonly filename = 'pipe';
  readonly #input: Socket;
  readonly #output: Socket;
  #user: ChannelUser | undefined;

  /** Throws MonitorError. */
  constructor(path: string) {
    const [input, output] = openEnds(path);
    if (![input, output].every((fd) => fstatSync(fd).isFIFO())) {
      for (const fd of new Set([input, output])) closeSync(fd);
      // Not modelled: QEMU takes any file. Node waits for pipes only.
      throw new MonitorError(`Could not open '${path}': it is no named pipe`);
    }
    const both = input === output;
    this.#input = new Socket({ fd: input, readable: true, writable: both });
    this.#output = both ? this.#input : new Socket({ fd: output, readable: false, writable: true });
    for (const socket of [this.#input, this.#output]) socket.on('error', () => {});
    this.#input.pause();
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    this.#input.on('data', (bytes: Uint8Array) => this.#user?.input(bytes));
    this.#input.resume();
    user.opened();
  }

  get queuedBytes(): number {
    return this.#output.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  hold(held: boolean): void {
    if (held) this.#input.pause();
    else this.#input.resume();
  }

  close(): void {
    this.#input.destroy();
    this.#output.destroy();
  }
}
