/** A port of a virtio console device, its types virtserialport and virtconsole, and the bus it is on. Spec: virtio 1.2 §5.3.6. */
import type { CharBackend, CharEvent, CharFrontend } from '../char/char-backend.ts';
import { CHARDEV, CHARDEVS } from '../char/chardevs.ts';
import { assert } from '../core/assert.ts';
import { PORTION, type Portion } from '../core/bottom-half.ts';
import type { Device } from '../core/device.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { BOOLEAN, integer, nullable, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { gather, scatter, segmentsLength, sliceSegments } from '../memory/segments.ts';
import type { DeviceType, NewDevice, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import { number, STR } from '../qdev/properties.ts';
import { EVENTS, ServiceName, TRACE } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import type { VirtioSerial } from './virtio-serial.ts';
import { type Chain, VIRTQUEUE_MAX_SIZE } from './virtqueue.ts';

/** QEMU's name of the bus of all ports of a controller. */
const PORT_BUS_TYPE = 'virtio-serial-bus';
/** QEMU: the number of a port that may have any. */
const ANY_PORT = 0xffff_ffff;

/** The names of all ports of the machine, which are unique. */
const PORT_NAMES = new ServiceName('serial-port-names', () => new Set<string>());

/** QEMU: the back end may send so much at a time. */
const INPUT_BYTES = 4096;
/** What `canReceive` has looked at, and counted, must then be taken, or bytes would be lost. */
const INPUT_PORTION: Readonly<Portion> = {
  requests: VIRTQUEUE_MAX_SIZE,
  descriptors: PORTION.descriptors + VIRTQUEUE_MAX_SIZE,
  bytes: INPUT_BYTES,
};
/** A back end takes bytes one by one: each costs it as much as so many that are copied. */
const BYTE_COST = 8;
/** Most that is copied for the back end at a time. */
const PIECE_BYTES = 65_536;

export interface VirtioSerialPortProperties {
  readonly isConsole: boolean;
  /** As `VirtioSerial.choosePort` gave it. */
  readonly nr: number;
  /** Empty for none. */
  readonly name: string;
}

export interface VirtioSerialPortWiring {
  /** Undefined: what the guest sends is dropped. */
  readonly backend: CharBackend | undefined;
  readonly trace: Trace;
  /** The guest has opened or closed the port (QMP VSERPORT_CHANGE). */
  readonly onGuestOpen: (open: boolean) => void;
}

export type VirtioSerialPortState = {
  readonly guestConnected: boolean;
  readonly hostConnected: boolean;
  /** The back end has no room: `pending` waits for it. */
  readonly throttled: boolean;
  /** The request of which the back end has not taken all, and what it took. */
  readonly pending: { readonly head: number; readonly takenBytes: number } | null;
};

const VIRTIO_SERIAL_PORT_STATE = record<VirtioSerialPortState>({
  guestConnected: BOOLEAN,
  hostConnected: BOOLEAN,
  throttled: BOOLEAN,
  pending: nullable(
    record({ head: integer(0, VIRTQUEUE_MAX_SIZE - 1), takenBytes: integer(0, Number.MAX_SAFE_INTEGER) }),
  ),
});

export class VirtioSerialPort implements Device<VirtioSerialPortState>, CharFrontend {
  readonly vmstate = { name: 'virtio-console-port', version: 1, fields: VIRTIO_SERIAL_PORT_STATE };
  readonly isConsole: boolean;
  readonly nr: number;
  readonly name: string;

  // Fixed wiring.
  readonly #backend: CharBackend | undefined;
  readonly #trace: Trace;
  readonly #onGuestOpen: (open: boolean) => void;

  /** Where it is plugged in. */
  #bus: VirtioSerial | undefined;

  // Volatile state; a pending request is kept as it was read.
  readonly #s = {
    guestConnected: false,
    hostConnected: false,
    throttled: false,
    pending: null as { chain: Chain; takenBytes: number } | null,
  };

  constructor({ isConsole, nr, name }: VirtioSerialPortProperties, wiring: VirtioSerialPortWiring) {
    this.isConsole = isConsole;
    this.nr = nr;
    this.name = name;
    this.#backend = wiring.backend;
    this.#trace = wiring.trace;
    this.#onGuestOpen = wiring.onGuestOpen;
  }

  get hostConnected(): boolean {
    return this.#s.hostConnected;
  }

  get throttled(): boolean {
    return this.#s.throttled;
  }

  get guestConnected(): boolean {
    return this.#s.guestConnected;
  }

  /** The port is in its controller. QEMU: a console is open to the guest whether or not somebody listens. */
  connect(controller: VirtioSerial): void {
    this.#bus = controller;
    if (this.#backend === undefined) return;
    this.#backend.connect(this);
    if (this.isConsole || this.#backend.open) this.#hostOpen();
  }

  /** The port leaves its controller. */
  disconnect(): void {
    this.#returnPending();
    this.#s.hostConnected = false;
    this.#backend?.connect(undefined);
  }

  event(event: CharEvent): void {
    if (this.isConsole) return;
    if (event === 'opened') this.#hostOpen();
    else if (event === 'closed') this.#hostClose();
  }

  /** QEMU asks for buffers before it asks the host for bytes; a driver with MULTIPORT must have opened the port. */
  canReceive(): number {
    const { guestConnected, hostConnected } = this.#s;
    if (!guestConnected || !hostConnected || !this.#controller.driverOk) return 0;
    return this.#controller.inQueue(this.nr).writableBytes(INPUT_BYTES, this.#controller.portion);
  }

  receive(bytes: Uint8Array): void {
    const queue = this.#controller.inQueue(this.nr);
    let offset = 0;
    this.#controller.serve(queue, { ...INPUT_PORTION }, ({ head, in: input }) => {
      const length = Math.min(segmentsLength(input), bytes.length - offset);
      scatter(this.#controller.memory, input, bytes.subarray(offset, offset + length));
      queue.push(head, length);
      offset += length;
      return offset < bytes.length;
    });
  }

  acceptInput(): void {
    this.#backend?.acceptInput();
  }

  outputReady(): void {
    if (!this.#s.throttled || !this.#controller.active) return;
    this.#throttle(false);
    this.#controller.kickOut(this.nr);
  }

  /** Gives the back end what the guest has sent, until it has no more room or the portion is used up. */
  flush(portion: Portion): void {
    const { pending, throttled } = this.#s;
    if (throttled) return;
    const queue = this.#controller.outQueue(this.nr);
    this.#s.pending = null;
    if (pending === null || this.#send(pending.chain, pending.takenBytes, portion)) {
      this.#controller.serve(queue, portion, (chain) => this.#send(chain, 0, portion));
    }
  }

  /** Writes one byte at once, whatever waits. */
  emergencyWrite(byte: number): void {
    this.#backend?.write(Uint8Array.of(byte));
  }

  /** The driver of a port 0 without control messages runs. */
  setGuestOpenAtStart(): void {
    this.#s.guestConnected = true;
  }

  /** The driver says so, or was reset. QEMU reports each message, a reset only when it changes something. */
  setGuestConnected(open: boolean, said = false): void {
    if (!said && this.#s.guestConnected === open) return;
    this.#s.guestConnected = open;
    this.#onGuestOpen(open);
    if (open) this.acceptInput();
  }

  /** The queue was reset: its requests are nobody's any more. */
  forgetPending(): void {
    this.#s.pending = null;
    this.#s.throttled = false;
  }

  /** Done by the controller's reset. QEMU: the host's end stays as it is. */
  reset(): void {
    this.forgetPending();
    this.setGuestConnected(false);
  }

  save(): VirtioSerialPortState {
    const { guestConnected, hostConnected, throttled, pending } = this.#s;
    const kept = pending && { head: pending.chain.head, takenBytes: pending.takenBytes };
    return { guestConnected, hostConnected, throttled, pending: kept };
  }

  /** Guest memory and the controller must be restored before. */
  restore({ guestConnected, hostConnected, throttled, pending }: VirtioSerialPortState): void {
    const now = this.#s.hostConnected;
    this.#s.guestConnected = guestConnected;
    const chain = pending === null ? undefined : this.#controller.outQueue(this.nr).chainAt(pending.head);
    this.#s.pending = pending && chain ? { chain, takenBytes: pending.takenBytes } : null;
    this.#s.throttled = throttled && this.#s.pending !== null;
    // QEMU: the host is told of the guest's end anew.
    this.#onGuestOpen(guestConnected);
    // QEMU: the guest is told of what has changed at the host's end since the snapshot.
    if (now && !hostConnected) this.#controller.sendOpen(this.nr, true);
    if (!now && hostConnected) this.#hostGone();
    this.acceptInput();
    this.outputReady();
  }

  get #controller(): VirtioSerial {
    assert(this.#bus !== undefined, 'the port is plugged in');
    return this.#bus;
  }

  #hostOpen(): void {
    if (this.#s.hostConnected) return;
    this.#s.hostConnected = true;
    this.#controller.sendOpen(this.nr, true);
    this.acceptInput();
  }

  #hostClose(): void {
    if (!this.#s.hostConnected) return;
    this.#s.hostConnected = false;
    this.#hostGone();
  }

  /** What the back end did not read is dropped. */
  #hostGone(): void {
    this.#returnPending();
    this.#controller.kickOut(this.nr);
    this.#controller.sendOpen(this.nr, false);
  }

  /** QEMU forgets the request; its driver would wait for it for ever, so here it is given back. */
  #returnPending(): void {
    const { pending } = this.#s;
    if (pending === null) return;
    this.forgetPending();
    const queue = this.#controller.outQueue(this.nr);
    queue.push(pending.chain.head, 0);
    this.#controller.interrupt(queue);
  }

  /** True when the request is done; otherwise it is kept, for the back end's room or for the next portion. */
  #send(chain: Chain, takenBytes: number, portion: Portion): boolean {
    const total = segmentsLength(chain.out);
    const queue = this.#controller.outQueue(this.nr);
    for (let at = takenBytes; at < total; ) {
      if (portion.bytes <= 0) {
        this.#s.pending = { chain, takenBytes: at };
        return false;
      }
      const piece = new Uint8Array(Math.min(PIECE_BYTES, total - at));
      gather(this.#controller.memory, sliceSegments(chain.out, at, piece.length), piece);
      const taken = this.#backend === undefined ? piece.length : this.#backend.write(piece);
      portion.bytes -= BYTE_COST * (this.isConsole ? piece.length : taken);
      // QEMU: a console does not wait: what its back end has no room for is lost.
      if (taken < piece.length && !this.isConsole) {
        this.#s.pending = { chain, takenBytes: at + taken };
        this.#throttle(true);
        return false;
      }
      at += piece.length;
    }
    queue.push(chain.head, 0);
    return true;
  }

  #throttle(on: boolean): void {
    this.#s.throttled = on;
    if (this.#trace.on) this.#trace.event('virtio_serial_throttle_port', this.nr, on ? 1 : 0);
  }
}

class PortHardware implements Hardware {
  readonly port: VirtioSerialPort;
  readonly sections: readonly VirtioSerialPort[];
  readonly release: () => void;

  constructor(port: VirtioSerialPort, release: () => void) {
    this.port = port;
    this.sections = [port];
    this.release = release;
  }

  buses(): readonly NewBus[] {
    return [];
  }
}

/** The port that a device on the bus is. */
function portOf({ path, hardware }: Qdev): VirtioSerialPort {
  assert(hardware instanceof PortHardware, `${path} is a port of a virtio console device`);
  return hardware.port;
}

/** What `info qtree` shows of a port's place. */
function portLine({ nr, guestConnected, hostConnected, throttled }: VirtioSerialPort): string {
  const word = (value: boolean): string => (value ? 'on' : 'off');
  return `port ${nr}, guest ${word(guestConnected)}, host ${word(hostConnected)}, throttle ${word(throttled)}`;
}

function portType(name: string, isConsole: boolean): DeviceType {
  return {
    name,
    category: 'Input',
    busType: PORT_BUS_TYPE,
    userCreatable: true,
    hotpluggable: true,
    properties: [
      { name: 'chardev', kind: CHARDEV, help: 'character back end made by chardev-add' },
      number('nr', ANY_PORT),
      { name: 'name', kind: STR },
    ],
    realize({ id, values, services }) {
      const chardevs = services.get(CHARDEVS);
      const chardev = values.text('chardev');
      const backend = chardevs.attach(chardev);
      // QEMU: a console is open to its back end from the start, a port when the guest has opened it.
      if (isConsole) chardevs.setFrontendOpen(chardev, true);
      const port = new VirtioSerialPort(
        { isConsole, nr: values.number('nr'), name: values.text('name') },
        {
          backend,
          trace: services.get(TRACE),
          onGuestOpen(open) {
            if (!isConsole) chardevs.setFrontendOpen(chardev, open);
            if (id !== '') services.get(EVENTS).emit({ event: 'VSERPORT_CHANGE', data: { open, id } });
          },
        },
      );
      return { hardware: new PortHardware(port, () => chardevs.detach(chardev, backend)) };
    },
  };
}

export const VIRTSERIALPORT = portType('virtserialport', false);
export const VIRTCONSOLE = portType('virtconsole', true);

/** The bus of one controller. */
class PortBus implements HotplugHandler {
  readonly #controller: VirtioSerial;
  readonly #names: Set<string>;

  constructor(controller: VirtioSerial, names: Set<string>) {
    this.#controller = controller;
    this.#names = names;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const nr = Number(device.values.get('nr'));
    const name = String(device.values.get('name') ?? '');
    try {
      const chosen = this.#controller.choosePort({
        isConsole: device.type.name === VIRTCONSOLE.name,
        nr: nr === ANY_PORT ? undefined : nr,
        name,
        nameTaken: this.#names.has(name),
      });
      device.place('nr', chosen);
    } catch (error) {
      if (error instanceof MonitorError) return error;
      throw error;
    }
    return undefined;
  }

  plug(device: Qdev): void {
    const port = portOf(device);
    if (port.name !== '') this.#names.add(port.name);
    this.#controller.plug(port);
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  unplug(device: Qdev): void {
    const port = portOf(device);
    this.#controller.unplug(port);
    this.#names.delete(port.name);
  }
}

/** The bus that the card of `request` brings. QEMU names it after the card, not after the device inside. */
export function portBus(controller: VirtioSerial, { id, services }: RealizeRequest): NewBus {
  return {
    ...(id === '' ? {} : { name: `${id}.0` }),
    type: PORT_BUS_TYPE,
    handler: new PortBus(controller, services.get(PORT_NAMES)),
    print: (device) => [portLine(portOf(device))],
  };
}
