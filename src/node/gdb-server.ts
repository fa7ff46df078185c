/** `-gdb`, `-s` and the monitor's `gdbserver`: the gdb server on a channel of the host. */
import {
  type Dialect,
  GdbStub,
  type Machine,
  Monitor,
  MonitorError,
  type Options,
  parseShortForm,
} from '../emu/index.ts';
import type { Channel } from './chardev.ts';
import { InputGate } from './input-gate.ts';

/** Answers that a client has not read. */
const MAX_QUEUED_BYTES = 1 << 20;

export interface GdbServerHost {
  readonly machine: Machine;
  /** Of `monitor` commands. */
  readonly dialect: Dialect;
  /** Opens a character device as -serial names it. Rejects with MonitorError. */
  readonly open: (device: string) => Promise<Channel>;
  readonly stderr: (message: string) => void;
  /** The machine may run again, or stop. */
  readonly wake: () => void;
}

export class GdbServer {
  readonly #host: GdbServerHost;
  #device = '';
  #channel: Channel | undefined;
  #stub: GdbStub | undefined;

  constructor(host: GdbServerHost) {
    this.#host = host;
  }

  /** `none` ends it. Rejects with MonitorError. */
  async start(device: string): Promise<void> {
    if (this.#host.machine.inspect.cpus().length === 0) {
      throw new MonitorError('gdbstub: meaningless to attach gdb to a machine without any CPU.');
    }
    if (device === 'none') {
      this.close();
      return;
    }
    if (this.#channel !== undefined) throw new MonitorError(takenText(this.#device, device));
    const channel = await this.#host.open(device);
    this.#device = device;
    this.#channel = channel;
    this.#attach(channel);
  }

  /** The machine ends. */
  exited(): void {
    this.#stub?.exited();
    this.close();
  }

  close(): void {
    this.#stub?.dispose();
    this.#channel?.close();
    this.#stub = undefined;
    this.#channel = undefined;
  }

  #attach(channel: Channel): void {
    const { machine, dialect, stderr, wake } = this.#host;
    const monitor = new Monitor({ machine, stderr, dialect });
    const stub = new GdbStub((bytes) => channel.write(bytes), {
      machine,
      stderr,
      monitor: (line) => monitor.execute(line).finally(wake),
    });
    const gate = new InputGate(channel, () => stub.isBusy || channel.queuedBytes > MAX_QUEUED_BYTES);
    this.#stub = stub;
    channel.connect({
      input: (bytes) => {
        stub.input(bytes);
        gate.update();
        wake();
      },
      opened: () => stub.opened(),
      closed: () => stub.closed(),
      focus() {},
      sendBreak() {},
    });
  }
}

/** What a device as -serial names it is for gdb. QEMU: a socket never waits for its client. Throws MonitorError. */
export function gdbOptions(device: string): Options {
  const spec = device.startsWith('tcp:') ? `${device},wait=off,nodelay=on,server=on` : device;
  const options = parseShortForm(spec, 'gdb');
  if (options === undefined) throw new MonitorError(`'${device}' is not a valid char driver`);
  return options;
}

/** QEMU: all servers have the same id, which the one that is there has. */
function takenText(old: string, device: string): string {
  const isSocket = (name: string): boolean => /^(?:tcp|unix):/.test(name);
  if (isSocket(old) && isSocket(device)) return 'duplicate yank instance';
  return "attempt to add duplicate property 'gdb' to object (type 'container')";
}
