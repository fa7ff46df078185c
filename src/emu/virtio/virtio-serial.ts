/**
 * Console device: up to 511 ports, each a pair of queues. Spec: virtio 1.2 §5.3. Below it are its types,
 * virtio-serial-pci and the virtio-serial-device inside; the ports and their bus are in `virtio-serial-port.ts`.
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
import { assert } from '../core/assert.ts';
import { PORTION, type Portion } from '../core/bottom-half.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { record } from '../core/state-fields.ts';
import { gather, scatter, segmentsLength } from '../memory/segments.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { number, on, type PropertySpec, readOnlyKind } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import type { VirtioState, VirtioWiring } from './virtio-device.ts';
import { VIRTIO_CONFIG_S_DRIVER_OK, VirtioDevice } from './virtio-device.ts';
import { realizeVirtioPci, throwIf, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';
import { portBus, VIRTCONSOLE, VIRTSERIALPORT, type VirtioSerialPort } from './virtio-serial-port.ts';
import type { Chain, Virtqueue } from './virtqueue.ts';

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
const VIRTIO_CONSOLE_PORT_ADD = 1;
const VIRTIO_CONSOLE_PORT_REMOVE = 2;
const VIRTIO_CONSOLE_PORT_READY = 3;
const VIRTIO_CONSOLE_CONSOLE_PORT = 4;
const VIRTIO_CONSOLE_PORT_OPEN = 6;
const VIRTIO_CONSOLE_PORT_NAME = 7;

/** QEMU: half of the queues that a virtio device may have, without the pair for control messages. */
const PORTS_SUPPORTED = 511;
/** QEMU looks for a free number in whole words of its map. */
const PORT_MAP_BITS = 32;

/** QEMU's properties of virtio-serial. */
export interface VirtioSerialProperties {
  readonly maxPorts: number;
  readonly emergencyWrite: boolean;
}

export const VIRTIO_SERIAL_DEFAULTS: VirtioSerialProperties = { maxPorts: 31, emergencyWrite: true };

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
export class VirtioSerial extends VirtioDevice {
  readonly deviceId = VIRTIO_ID_CONSOLE;
  readonly legacyOnlyFeatures = 0n;
  readonly fields = record<VirtioState>(this.commonFields);
  readonly configLength: number;
  readonly deviceFeatures: bigint;
  readonly maxPorts: number;
  readonly #ports = new Map<number, VirtioSerialPort>();
  /** That of the turn that is under way. */
  #portion: Portion | undefined;

  constructor({ maxPorts, emergencyWrite }: VirtioSerialProperties, wiring: VirtioWiring) {
    const more = new Array<number>(2 * (maxPorts - 1)).fill(PORT_QUEUE_SIZE);
    super(wiring, [PORT_QUEUE_SIZE, PORT_QUEUE_SIZE, CONTROL_QUEUE_SIZE, CONTROL_QUEUE_SIZE, ...more]);
    this.maxPorts = maxPorts;
    this.configLength = emergencyWrite ? CONFIG_LENGTH : EMERG_WR;
    this.deviceFeatures =
      (maxPorts > 1 ? VIRTIO_CONSOLE_F_MULTIPORT : 0n) | (emergencyWrite ? VIRTIO_CONSOLE_F_EMERG_WRITE : 0n);
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
    this.#ports.delete(port.nr);
    this.kickOut(port.nr);
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

  /** Tells the driver that somebody is at the host's end of a port, or no longer. */
  sendOpen(port: number, open: boolean): void {
    this.sendControl(port, VIRTIO_CONSOLE_PORT_OPEN, open ? 1 : 0);
  }

  /** QEMU: a message for which the driver has no buffer is lost; what a short buffer cuts off still counts as written. */
  sendControl(port: number, event: number, value: number, text = ''): void {
    if (this.trace.on) this.trace.event('virtio_serial_send_control_event', port, event, value);
    const queue = this.queues[CONTROL_IN];
    // One that answers an honest driver must not be lost for want of room in the portion: what comes after it waits instead.
    const chain = queue.pop();
    if (this.#portion !== undefined) this.#portion.requests--;
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

  /** What a port may look at and move now: in a turn that a driver's notification began, what is left of it. */
  get portion(): Portion {
    return this.#portion ?? { ...PORTION };
  }

  kickOut(port: number): void {
    this.kick(queueOf(port) + 1);
  }

  /** Gives requests of a queue to `take` until it says false, there are none or the portion is used up, and interrupts. */
  serve(queue: Virtqueue, portion: Portion, take: (chain: Chain) => boolean): void {
    for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
      if (!take(chain)) break;
    }
    this.interruptQueue(queue);
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

  protected serveQueue(index: number, portion: Portion): void {
    if (index === CONTROL_IN) return;
    this.#portion = portion;
    const queue = this.queues[index];
    const port = this.#ports.get(index < CONTROL_IN ? 0 : Math.floor(index / 2) - 1);
    if (index === CONTROL_OUT) this.#control(queue, portion);
    else if (index % 2 === 0) this.#acceptInput(port, portion);
    else if (port?.hostConnected) port.flush(portion);
    else this.#discard(queue, portion);
    this.#portion = undefined;
  }

  /** Without MULTIPORT a driver cannot say that it has opened port 0: it has when it runs. */
  protected override statusChanged(): void {
    const port = this.#ports.get(0);
    if (this.driverOk && !this.multiport) port?.setGuestOpenAtStart();
    if (!this.driverOk) this.#guestReset();
    for (const each of this.#ports.values()) each.acceptInput();
  }

  abandon(): void {
    for (const port of this.#ports.values()) port.forgetPending();
  }

  override resetQueue(index: number): void {
    for (const port of this.#ports.values()) if (queueOf(port.nr) + 1 === index) port.forgetPending();
    super.resetQueue(index);
  }

  protected resetDevice(): void {
    this.#guestReset();
  }

  protected saveDevice(common: VirtioState): VirtioState {
    return common;
  }

  /** The ports are restored after it. */
  protected restoreDevice(): void {}

  #guestReset(): void {
    for (const port of this.#ports.values()) port.setGuestConnected(false);
  }

  #freePort(isConsole: boolean): number {
    if (isConsole && !this.#ports.has(0)) return 0;
    const bits = Math.ceil(this.maxPorts / PORT_MAP_BITS) * PORT_MAP_BITS;
    for (let id = 1; id < bits; id++) if (!this.#ports.has(id)) return id;
    throw new MonitorError('virtio-serial-bus: Maximum port limit for this device reached');
  }

  #acceptInput(port: VirtioSerialPort | undefined, portion: Portion): void {
    portion.requests--;
    port?.acceptInput();
  }

  /** Gives back requests that nobody reads. */
  #discard(queue: Virtqueue, portion: Portion): void {
    this.serve(queue, portion, ({ head }) => {
      queue.push(head, 0);
      return true;
    });
  }

  #control(queue: Virtqueue, portion: Portion): void {
    this.serve(queue, portion, ({ head, out }) => {
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
    if (port.hostConnected) this.sendOpen(port.nr, true);
  }
}

/** The number of a port's first queue. */
function queueOf(port: number): number {
  return port === 0 ? 0 : 2 * port + 2;
}

const PCI_DEVICE_ID_VIRTIO_CONSOLE = 0x1003;
const PCI_CLASS_COMMUNICATION_OTHER = 0x0780;
const DEFAULT_VECTORS = 2;

const OWN: readonly PropertySpec[] = [
  number('max_ports', VIRTIO_SERIAL_DEFAULTS.maxPorts),
  on('emergency-write'),
];

const VIRTIO_SERIAL_DEVICE: DeviceType = {
  name: 'virtio-serial-device',
  category: 'Input',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
};

const VIRTIO_SERIAL_PCI: DeviceType = {
  name: 'virtio-serial-pci',
  alias: 'virtio-serial',
  category: 'Input',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([IOEVENTFD, vectors(DEFAULT_VECTORS), number('class', 0)]),
  options: [
    ...OWN,
    ...VIRTIO_PROPERTIES,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-serial-device>') },
  ],
  realize: realizeVirtioSerialPci,
};

function realizeVirtioSerialPci(request: RealizeRequest): RealizedDevice {
  const { values, services } = request;
  const settings = virtioPciSettings(values, DEFAULT_VECTORS);
  const maxPorts = values.number('max_ports');
  throwIf(checkMaxPorts(maxPorts));
  const properties = { maxPorts, emergencyWrite: values.is('emergency-write') };
  // QEMU: unlike other types, this one shows the class that it has.
  const pciClass = values.number('class') || PCI_CLASS_COMMUNICATION_OTHER;
  const realized = realizeVirtioPci(request, {
    type: 'virtio-serial-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_CONSOLE,
    pciClass,
    settings,
    device: (memory) =>
      new VirtioSerial(properties, { memory, trace: services.get(TRACE), clock: services.get(CLOCK) }),
    inner: VIRTIO_SERIAL_DEVICE,
    buses(device) {
      assert(device instanceof VirtioSerial, 'the device inside is a virtio-serial-device');
      return [portBus(device, request)];
    },
  });
  return { ...realized, values: new Map([...(realized.values ?? []), ['class', pciClass]]) };
}

/** The controller and its ports. */
export const VIRTIO_SERIAL_TYPES: readonly DeviceType[] = [
  VIRTIO_SERIAL_DEVICE,
  VIRTIO_SERIAL_PCI,
  VIRTSERIALPORT,
  VIRTCONSOLE,
];
