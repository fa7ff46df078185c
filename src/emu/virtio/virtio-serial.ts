/**
 * Console device: up to 511 ports, each a pair of queues. Spec: virtio 1.2 §5.3.
 *
 * | queue | entries | use |
 * |---|---|---|
 * | 0, 1 | 128 | port 0: to the guest, from the guest |
 * | 2, 3 | 32 | control messages: to the guest, from the guest |
 * | 2n + 2, 2n + 3 | 128 | port n: to the guest, from the guest |
 *
 * | configuration | |
 * |---|---|
 * | 0 cols u16, 2 rows u16 | 0: the size of a console is not offered |
 * | 4 max_nr_ports u32 | |
 * | 8 emerg_wr u32 | a byte for the first console; there with `emergency-write` |
 */
import type { Clock, Timer } from '../core/clock.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { integer, list, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, scatter, segmentsLength } from '../memory/segments.ts';
import type { VirtioState } from './virtio-device.ts';
import { VIRTIO_CONFIG_S_DRIVER_OK, VirtioDevice } from './virtio-device.ts';
import type { VirtioSerialPort } from './virtio-serial-port.ts';
import type { Chain, Virtqueue } from './virtqueue.ts';
import { VIRTQUEUE_MAX_SIZE } from './virtqueue.ts';

const VIRTIO_ID_CONSOLE = 3;
const VIRTIO_CONSOLE_F_MULTIPORT = 1n << 1n;
const VIRTIO_CONSOLE_F_EMERG_WRITE = 1n << 2n;

const PORT_QUEUE_SIZE = 128;
const CONTROL_QUEUE_SIZE = 32;
const CONTROL_IN = 2;
const CONTROL_OUT = 3;

const MAX_NR_PORTS = 4;
const EMERG_WR = 8;
const CONFIG_LENGTH = 12;

/** Spec: §5.3.6.2. A message is { id u32, event u16, value u16 }, in one case with a name behind it. */
const CONTROL_SIZE = 8;
const VIRTIO_CONSOLE_DEVICE_READY = 0;
export const VIRTIO_CONSOLE_PORT_ADD = 1;
export const VIRTIO_CONSOLE_PORT_REMOVE = 2;
const VIRTIO_CONSOLE_PORT_READY = 3;
export const VIRTIO_CONSOLE_CONSOLE_PORT = 4;
export const VIRTIO_CONSOLE_PORT_OPEN = 6;
export const VIRTIO_CONSOLE_PORT_NAME = 7;

/** QEMU: half of the queues that a virtio device may have, without the pair for control messages. */
const PORTS_SUPPORTED = 511;
/** QEMU looks for a free number in whole words of its map. */
const PORT_MAP_BITS = 32;
/** Requests of one queue that are served in a row; the clock goes on with the rest. No honest driver has more of them waiting. */
const REQUESTS_PER_TURN = VIRTQUEUE_MAX_SIZE;

/** QEMU's properties of virtio-serial. */
export interface VirtioSerialProperties {
  readonly maxPorts: number;
  readonly emergencyWrite: boolean;
}

export const VIRTIO_SERIAL_DEFAULTS: VirtioSerialProperties = { maxPorts: 31, emergencyWrite: true };

/** What the machine gives the device. */
export interface VirtioSerialWiring {
  readonly memory: DmaPort;
  readonly trace: Trace;
  readonly clock: Clock;
}

export type VirtioSerialState = VirtioState & {
  /** Queues with requests that wait for the next turn. */
  readonly waiting: readonly number[];
};

/** QEMU's error for a number of ports that no controller has, else undefined. */
export function checkMaxPorts(maxPorts: number): MonitorError | undefined {
  if (maxPorts === 0) return new MonitorError('Maximum number of serial ports not specified');
  if (maxPorts > PORTS_SUPPORTED) return new MonitorError(`maximum ports supported: ${PORTS_SUPPORTED}`);
  return undefined;
}

/** What is known of a port before it has its number. */
export interface PortRequest {
  readonly isConsole: boolean;
  /** Undefined: any. */
  readonly nr: number | undefined;
  readonly name: string;
  /** Another port of the machine has this name. */
  readonly nameTaken: boolean;
}

/** The controller. Ports are plugged into it and taken out while the guest runs; their state is theirs. */
export class VirtioSerial extends VirtioDevice<VirtioSerialState> {
  readonly deviceId = VIRTIO_ID_CONSOLE;
  readonly legacyOnlyFeatures = 0n;
  readonly fields = record<VirtioSerialState>({
    ...this.commonFields,
    waiting: list(integer(0, this.queues.length - 1), { max: this.queues.length }),
  });
  readonly configLength: number;
  readonly deviceFeatures: bigint;
  readonly maxPorts: number;
  readonly #ports = new Map<number, VirtioSerialPort>();
  readonly #clock: Clock;
  readonly #nextTurn: Timer;
  readonly #waiting = new Set<number>();

  constructor({ maxPorts, emergencyWrite }: VirtioSerialProperties, wiring: VirtioSerialWiring) {
    const more = new Array<number>(2 * (maxPorts - 1)).fill(PORT_QUEUE_SIZE);
    super(wiring.memory, wiring.trace, [
      PORT_QUEUE_SIZE,
      PORT_QUEUE_SIZE,
      CONTROL_QUEUE_SIZE,
      CONTROL_QUEUE_SIZE,
      ...more,
    ]);
    this.maxPorts = maxPorts;
    this.configLength = emergencyWrite ? CONFIG_LENGTH : EMERG_WR;
    this.deviceFeatures =
      (maxPorts > 1 ? VIRTIO_CONSOLE_F_MULTIPORT : 0n) | (emergencyWrite ? VIRTIO_CONSOLE_F_EMERG_WRITE : 0n);
    this.#clock = wiring.clock;
    this.#nextTurn = wiring.clock.timer(() => this.#serveWaiting());
  }

  get multiport(): boolean {
    return this.has(VIRTIO_CONSOLE_F_MULTIPORT);
  }

  /** In the order in which they were plugged. */
  get ports(): readonly VirtioSerialPort[] {
    return [...this.#ports.values()];
  }

  /** The number for a port, or a `MonitorError` in QEMU's words. */
  choosePort({ isConsole, nr, name, nameTaken }: PortRequest): number {
    if (nr !== undefined && this.#ports.has(nr)) {
      throw new MonitorError(`virtio-serial-bus: A port already exists at id ${nr}`);
    }
    if (nameTaken) throw new MonitorError(`virtio-serial-bus: A port already exists by name ${name}`);
    const id = nr ?? this.#freePort(isConsole);
    if (id >= this.maxPorts) {
      const allowed = this.maxPorts - 1;
      throw new MonitorError(`virtio-serial-bus: Out-of-range port id specified, max. allowed: ${allowed}`);
    }
    if (id === 0 && !isConsole) {
      throw new MonitorError(
        'Port number 0 on virtio-serial devices reserved for virtconsole devices for backward compatibility.',
      );
    }
    return id;
  }

  /** Plugs a port in under the number that `choosePort` gave; the driver is told. */
  plug(port: VirtioSerialPort): void {
    this.#ports.set(port.nr, port);
    port.connect(this);
    this.sendControl(port.nr, VIRTIO_CONSOLE_PORT_ADD, 1);
    this.notifyConfig();
  }

  /** Takes a port out; the driver is told, and what it had sent is dropped. */
  unplug(port: VirtioSerialPort): void {
    port.disconnect();
    this.discard(this.outQueue(port.nr));
    this.#ports.delete(port.nr);
    this.sendControl(port.nr, VIRTIO_CONSOLE_PORT_REMOVE, 1);
  }

  inQueue(port: number): Virtqueue {
    return this.queues[queueOf(port)];
  }

  outQueue(port: number): Virtqueue {
    return this.queues[queueOf(port) + 1];
  }

  get driverOk(): boolean {
    return (this.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
  }

  /** QEMU: a message for which the driver has no buffer is lost; what a short buffer cuts off still counts as written. */
  sendControl(port: number, event: number, value: number, text = ''): void {
    if (this.trace.on) this.trace.event('virtio_serial_send_control_event', port, event, value);
    const queue = this.queues[CONTROL_IN];
    const chain = queue.pop();
    if (chain === undefined) return;
    const name = new TextEncoder().encode(text);
    // QEMU: a name ends with a zero byte.
    const bytes = new Uint8Array(CONTROL_SIZE + (text === '' ? 0 : name.length + 1));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, port, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    bytes.set(name, CONTROL_SIZE);
    scatter(this.memory, chain.in, bytes);
    queue.push(chain.head, bytes.length);
    this.interruptQueue(queue);
  }

  /** Tells the driver of what was given back to `queue`. */
  interrupt(queue: Virtqueue): void {
    this.interruptQueue(queue);
  }

  /** Gives back all requests of a queue that nobody reads. */
  discard(queue: Virtqueue): void {
    this.serve(queue, ({ head }) => {
      queue.push(head, 0);
      return true;
    });
  }

  /**
   * Gives requests of a queue to `take` until it says false or there are none, and interrupts. A driver that refills the queue
   * for ever gets only a turn: the clock serves it again.
   */
  serve(queue: Virtqueue, take: (chain: Chain) => boolean): void {
    let left = REQUESTS_PER_TURN;
    for (; left > 0; left--) {
      const chain = queue.pop();
      if (chain === undefined || !take(chain)) break;
    }
    this.interruptQueue(queue);
    if (left === 0 && !queue.empty) this.serveLater(queue);
  }

  /** Serves the queue again when the clock is looked at next. */
  serveLater(queue: Virtqueue): void {
    this.#wait(this.queues.indexOf(queue));
  }

  readConfig(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_LENGTH);
    new DataView(bytes.buffer).setUint32(MAX_NR_PORTS, this.maxPorts, true);
    return bytes.subarray(0, this.configLength);
  }

  /** QEMU: the register reads 0 again at once; a byte with value 0 is sent only when a higher one of the register is written. */
  protected configWritten(offset: number, size: number, value: number): void {
    const bytes = new Uint8Array(CONFIG_LENGTH);
    for (let i = 0; i < size; i++) bytes[offset + i] = value >>> (8 * i);
    if (new DataView(bytes.buffer).getUint32(EMERG_WR) === 0) return;
    this.ports.find((port) => port.isConsole && port.hostConnected)?.emergencyWrite(bytes[EMERG_WR]);
  }

  protected handleQueue(index: number): void {
    if (index === CONTROL_IN) return;
    if (index === CONTROL_OUT) this.#control(this.queues[CONTROL_OUT]);
    else this.#portQueue(index);
  }

  /** Without MULTIPORT a driver cannot say that it has opened port 0: it has when it runs. */
  protected override statusChanged(): void {
    const port = this.#ports.get(0);
    if (this.driverOk && !this.multiport) port?.setGuestOpenAtStart();
    if (!this.driverOk) this.#guestReset();
    for (const each of this.#ports.values()) each.acceptInput();
  }

  abandon(): void {
    this.#waiting.clear();
    this.#nextTurn.cancel();
    for (const port of this.#ports.values()) port.forgetPending();
  }

  override resetQueue(index: number): void {
    this.#waiting.delete(index);
    for (const port of this.#ports.values()) if (queueOf(port.nr) + 1 === index) port.forgetPending();
    super.resetQueue(index);
  }

  protected resetDevice(): void {
    this.#guestReset();
  }

  protected saveDevice(common: VirtioState): VirtioSerialState {
    return { ...common, waiting: [...this.#waiting] };
  }

  /** The ports are restored after it. */
  protected restoreDevice({ waiting }: VirtioSerialState): void {
    for (const index of waiting) this.#wait(index);
  }

  #guestReset(): void {
    for (const port of this.#ports.values()) port.setGuestConnected(false);
  }

  #freePort(isConsole: boolean): number {
    if (isConsole && !this.#ports.has(0)) return 0;
    const bits = Math.ceil(this.maxPorts / PORT_MAP_BITS) * PORT_MAP_BITS;
    for (let id = 1; id < bits; id++) if (!this.#ports.has(id)) return id;
    throw new MonitorError('virtio-serial-bus: Maximum port limit for this device reached');
  }

  #portQueue(index: number): void {
    const port = this.#ports.get(index < CONTROL_IN ? 0 : Math.floor(index / 2) - 1);
    if (index % 2 === 0) port?.acceptInput();
    else if (port?.hostConnected) port.flush();
    else this.discard(this.queues[index]);
  }

  #control(queue: Virtqueue): void {
    this.serve(queue, ({ head, out }) => {
      if (segmentsLength(out) >= CONTROL_SIZE) {
        const message = new Uint8Array(CONTROL_SIZE);
        gather(this.memory, out, message);
        this.#message(new DataView(message.buffer));
      }
      queue.push(head, 0);
      return true;
    });
  }

  #message(view: DataView): void {
    const id = view.getUint32(0, true);
    const event = view.getUint16(4, true);
    const value = view.getUint16(6, true);
    if (this.trace.on) this.trace.event('virtio_serial_handle_control_message', event, value);
    if (event === VIRTIO_CONSOLE_DEVICE_READY) {
      if (value === 0) this.trace.guestError('virtio-serial-bus: Guest failure in adding device');
      else for (const nr of this.#ports.keys()) this.sendControl(nr, VIRTIO_CONSOLE_PORT_ADD, 1);
      return;
    }
    const port = this.#ports.get(id);
    if (port === undefined) {
      this.trace.guestError('virtio-serial-bus: Unexpected port id');
      return;
    }
    if (this.trace.on) this.trace.event('virtio_serial_handle_control_message_port', id);
    if (event === VIRTIO_CONSOLE_PORT_READY) this.#portReady(port, value);
    else if (event === VIRTIO_CONSOLE_PORT_OPEN) port.setGuestConnected(value !== 0, true);
  }

  /** The driver has set the port up, and is told what it is. */
  #portReady(port: VirtioSerialPort, value: number): void {
    if (value === 0) {
      this.trace.guestError('virtio-serial-bus: Guest failure in adding port');
      return;
    }
    if (port.isConsole) this.sendControl(port.nr, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
    if (port.name !== '') this.sendControl(port.nr, VIRTIO_CONSOLE_PORT_NAME, 1, port.name);
    if (port.hostConnected) this.sendControl(port.nr, VIRTIO_CONSOLE_PORT_OPEN, 1);
  }

  #wait(index: number): void {
    this.#waiting.add(index);
    this.#nextTurn.arm(this.#clock.nowNs());
  }

  #serveWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const index of waiting) if (this.active) this.handleQueue(index);
  }
}

/** The number of a port's first queue. */
function queueOf(port: number): number {
  return port === 0 ? 0 : 2 * port + 2;
}
