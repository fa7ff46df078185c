/**
 * A device on a USB: its address and the control transfers of endpoint 0. What the standard requests do is in `usb-standard.ts`, what goes over
 * other endpoints is the device's own. Spec: USB 2.0 §8.5.3, §9.
 */
import type { Device, VmState } from '../core/device.ts';
import type { Plain } from '../core/plain.ts';
import { BOOLEAN, BYTE, bytes, integer, list, oneOf, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { speedsOf, type UsbDescription } from './usb-descriptors.ts';
import { PID_IN, PID_SETUP, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import type { UsbPort } from './usb-port.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';
import { fastest, SPEED_FULL } from './usb-speed.ts';
import { standardRequest } from './usb-standard.ts';

const SETUP_BYTES = 8;
/** QEMU: a control transfer moves no more. */
export const CONTROL_BYTES_MAX = 4096;
const DIRECTION_IN = 0x80;

/** Where a control transfer is. `status`: its data have moved. */
type ControlStage = 'idle' | 'data' | 'status';

export type UsbDeviceState = {
  readonly address: number;
  readonly stage: ControlStage;
  readonly setup: Uint8Array;
  /** Bytes of the data stage, and how many have moved. */
  readonly length: number;
  readonly moved: number;
  readonly data: Uint8Array;
  /** 0: not configured. */
  readonly configuration: number;
  /** The alternate setting of each interface. */
  readonly alternates: readonly number[];
  readonly remoteWakeup: boolean;
};

export const USB_INTERFACES_MAX = 16;

export const USB_DEVICE_FIELDS = record<UsbDeviceState>({
  address: BYTE,
  stage: oneOf('idle', 'data', 'status'),
  setup: bytes(SETUP_BYTES),
  length: integer(0, CONTROL_BYTES_MAX),
  moved: integer(0, CONTROL_BYTES_MAX),
  data: bytes(CONTROL_BYTES_MAX),
  configuration: integer(0, 1),
  alternates: list(integer(0, 0), { max: USB_INTERFACES_MAX }),
  remoteWakeup: BOOLEAN,
});

function powerOn(): { -readonly [K in keyof UsbDeviceState]: UsbDeviceState[K] } {
  return {
    address: 0,
    stage: 'idle',
    setup: new Uint8Array(SETUP_BYTES),
    length: 0,
    moved: 0,
    data: new Uint8Array(CONTROL_BYTES_MAX),
    configuration: 0,
    alternates: [],
    remoteWakeup: false,
  };
}

export interface UsbDeviceSettings {
  readonly description: UsbDescription;
  readonly product: string;
  /** The user's; empty: the device's own. */
  readonly serial: string;
  /** Microsoft's descriptors are there, where the device has them. */
  readonly microsoft: boolean;
  readonly trace: Trace;
}

export abstract class UsbDevice<S extends Plain = Plain> implements Device<S> {
  abstract readonly vmstate: VmState<S>;
  readonly settings: UsbDeviceSettings;
  /** Where it is plugged in. A device that is not attached has its port all the same. */
  port: UsbPort | undefined;
  /** At which it runs: the highest that its port has, too. QEMU: before it is attached for the first time, full speed. */
  speed: number = SPEED_FULL;
  #s = powerOn();

  constructor(settings: UsbDeviceSettings) {
    this.settings = settings;
  }

  abstract reset(): void;
  abstract save(): S;
  abstract restore(state: S): void;
  /** A packet for another endpoint than 0. */
  protected abstract handleData(packet: UsbPacket): UsbStatus;
  /** A request that is not a standard one, or that the standard leaves to the device. */
  protected abstract classRequest(request: UsbRequest, data: Uint8Array): UsbAnswer;
  /** The bus was reset. */
  protected abstract busWasReset(): void;

  get speeds(): number {
    return speedsOf(this.settings.description);
  }

  get address(): number {
    return this.#s.address;
  }

  /** Controller and driver see it in its port. */
  get attached(): boolean {
    return this.port?.device === this;
  }

  /** Whether it is attached as soon as it has its port. */
  get attachesItself(): boolean {
    return true;
  }

  /** The ports that the device brings: a hub has some. */
  get ports(): readonly UsbPort[] {
    return [];
  }

  /** The device has its port: a hub makes its own now. */
  plugged(_port: UsbPort): void {}

  /** Nobody sees the device in its port any more: packets that it has kept are over. */
  detached(): void {}

  /** Called by the requests of the standard. */
  get state(): { -readonly [K in keyof UsbDeviceState]: UsbDeviceState[K] } {
    return this.#s;
  }

  /** The device at an address of its own or, if it is a hub, of what is behind it. */
  find(address: number): UsbDevice | undefined {
    return this.#s.address === address ? this : undefined;
  }

  /** The text by which a driver knows this device from others of its kind. */
  get serialText(): string {
    const { serial, description } = this.settings;
    if (serial !== '') return serial;
    const own = description.strings[description.serialString] ?? '';
    return this.port === undefined ? own : `${own}-${this.port.bus.path}-${this.port.path}`;
  }

  /** The controller or a hub resets the bus: the device has no address any more. */
  busReset(): void {
    this.#s.remoteWakeup = false;
    this.#s.address = 0;
    this.busWasReset();
  }

  /** A packet for the device. The status is also in it. */
  handle(packet: UsbPacket): UsbStatus {
    packet.status = packet.endpoint === 0 ? this.#control(packet) : this.handleData(packet);
    return packet.status;
  }

  /** The controller takes back a packet that the device has kept. */
  cancel(_packet: UsbPacket): void {}

  /** Something happened at the device that its driver may want to know: a controller that looks seldom looks now. */
  protected wakeUp(): void {
    this.port?.host.deviceWakesUp(this.port, this.#s.remoteWakeup);
  }

  /** A whole request, as controllers carry it out that take control transfers as one. */
  request(request: UsbRequest, data: Uint8Array): UsbAnswer {
    return standardRequest(this, request) ?? this.classRequest(request, data);
  }

  /** For `reset` of the whole machine. */
  protected resetUsb(): void {
    this.#s = powerOn();
  }

  protected saveUsb(): UsbDeviceState {
    const { setup, data, alternates } = this.#s;
    return { ...this.#s, setup: setup.slice(), data: data.slice(), alternates: [...alternates] };
  }

  protected restoreUsb(state: UsbDeviceState): void {
    const { setup, data, alternates } = state;
    this.#s = { ...state, setup: setup.slice(), data: data.slice(), alternates: [...alternates] };
  }

  /** A snapshot says whether the device is attached; its controller's own state says the rest of it. */
  protected restoreAttached(attached: boolean): void {
    const { port } = this;
    if (port === undefined || attached === this.attached) return;
    port.device = attached ? this : undefined;
    if (attached) this.speed = fastest(this.speeds & port.speeds);
  }

  #control(packet: UsbPacket): UsbStatus {
    if (packet.pid === PID_SETUP) return this.#setUp(packet);
    return packet.pid === PID_IN ? this.#giveData(packet) : this.#takeData(packet);
  }

  #setUp(packet: UsbPacket): UsbStatus {
    if (packet.data.length !== SETUP_BYTES) return 'stall';
    const s = this.#s;
    s.setup.set(packet.take(SETUP_BYTES));
    s.moved = 0;
    const request = this.#request();
    s.length = 0;
    s.stage = 'idle';
    if (request.length > CONTROL_BYTES_MAX) return 'stall';
    if ((request.type & DIRECTION_IN) === 0) {
      s.length = request.length;
      s.stage = request.length === 0 ? 'status' : 'data';
      return 'success';
    }
    const answer = this.request(request, NO_BYTES);
    if (answer === 'stall') return 'stall';
    s.length = Math.min(answer.length, request.length);
    s.data.set(answer.subarray(0, s.length));
    s.stage = 'data';
    return 'success';
  }

  #giveData(packet: UsbPacket): UsbStatus {
    const s = this.#s;
    const isIn = ((s.setup[0] ?? 0) & DIRECTION_IN) !== 0;
    if (s.stage === 'status' && !isIn) return this.#finish();
    if (s.stage !== 'data' || !isIn) return this.#lost();
    s.moved += packet.give(s.data.subarray(s.moved, s.length));
    if (s.moved >= s.length) s.stage = 'status';
    return 'success';
  }

  #takeData(packet: UsbPacket): UsbStatus {
    const s = this.#s;
    const isIn = ((s.setup[0] ?? 0) & DIRECTION_IN) !== 0;
    if (s.stage === 'status') {
      // QEMU: more data than were announced are ignored.
      if (isIn) s.stage = 'idle';
      packet.actual = packet.data.length;
      return 'success';
    }
    if (s.stage !== 'data' || isIn) return this.#lost();
    const bytes = packet.take(s.length - s.moved);
    s.data.set(bytes, s.moved);
    s.moved += bytes.length;
    if (s.moved >= s.length) s.stage = 'status';
    return 'success';
  }

  /** The request to a device is carried out at its end. */
  #finish(): UsbStatus {
    const s = this.#s;
    s.stage = 'idle';
    const answer = this.request(this.#request(), s.data.subarray(0, s.length));
    return answer === 'stall' ? 'stall' : 'success';
  }

  #lost(): UsbStatus {
    this.#s.stage = 'idle';
    return 'stall';
  }

  #request(): UsbRequest {
    const view = new DataView(this.#s.setup.buffer);
    return {
      type: view.getUint8(0),
      request: view.getUint8(1),
      value: view.getUint16(2, true),
      index: view.getUint16(4, true),
      length: view.getUint16(6, true),
    };
  }
}
