/** A hub: its ports are on the bus that it is on itself. Spec: USB 2.0 §11.23 and §11.24. QEMU: hw/usb/dev-hub.c of 7.2. */
import { list, mask, record } from '../core/state-fields.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceSettings, type UsbDeviceState } from './usb-device.ts';
import { PID_IN, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import { UsbPort, type UsbPortHost } from './usb-port.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';
import { SPEED_FULL, SPEED_LOW } from './usb-speed.ts';

const GET_HUB_DESCRIPTOR = 0xa006;
const GET_HUB_STATUS = 0xa000;
const GET_PORT_STATUS = 0xa300;
const CLEAR_HUB_FEATURE = 0x2001;
const SET_HUB_FEATURE = 0x2003;
const CLEAR_PORT_FEATURE = 0x2301;
const SET_PORT_FEATURE = 0x2303;
const CLEAR_ENDPOINT_FEATURE = 0x0201;

const PORT_CONNECTION = 0x0001;
const PORT_ENABLE = 0x0002;
const PORT_SUSPEND = 0x0004;
const PORT_RESET = 0x0010;
const PORT_POWER = 0x0100;
const PORT_LOW_SPEED = 0x0200;

const STATUS_BITS = PORT_CONNECTION | PORT_ENABLE | PORT_SUSPEND | PORT_POWER | PORT_LOW_SPEED;
const CHANGE_BITS = 0x1f;

/** Numbers of features; those of changes begin at 16. Spec: USB 2.0 table 11-17. */
const FEATURE_ENABLE = 1;
const FEATURE_SUSPEND = 2;
const FEATURE_RESET = 4;
const FEATURE_POWER = 8;
const FEATURE_CHANGES = 16;
const CHANGES = 5;

const DESCRIPTOR_HUB = 0x29;
/** No overcurrent protection; power of all ports together, or of each. */
const CHARACTERISTICS = 0x0a;
const POWER_OF_EACH = 0x01;
const STATUS_ENDPOINT = 1;
const STATUS_ENDPOINT_ADDRESS = 0x81;
export const HUB_PORTS_MAX = 8;

export type UsbHubState = {
  readonly usb: UsbDeviceState;
  readonly status: readonly number[];
  readonly change: readonly number[];
};

interface HubPort {
  readonly port: UsbPort;
  status: number;
  change: number;
}

export interface UsbHubProperties {
  readonly ports: number;
  /** The driver switches the power of each port. */
  readonly portPower: boolean;
}

export class UsbHub extends UsbDevice<UsbHubState> implements UsbPortHost {
  readonly vmstate;
  readonly #properties: UsbHubProperties;
  #ports: readonly HubPort[] = [];

  constructor(properties: UsbHubProperties, settings: UsbDeviceSettings) {
    super(settings);
    this.#properties = properties;
    const count = properties.ports;
    this.vmstate = {
      name: 'usb-hub',
      version: 1,
      fields: record<UsbHubState>({
        usb: USB_DEVICE_FIELDS,
        status: list(mask(STATUS_BITS), count),
        change: list(mask(CHANGE_BITS), count),
      }),
    };
  }

  override get ports(): readonly UsbPort[] {
    return this.#ports.map(({ port }) => port);
  }

  override plugged(upstream: UsbPort): void {
    const { bus } = upstream;
    const speeds = SPEED_LOW | SPEED_FULL;
    this.#ports = Array.from({ length: this.#properties.ports }, (_, index) => {
      const port = new UsbPort({ host: this, bus, index, speeds, upstream });
      bus.addPort(port);
      return { port, status: PORT_POWER, change: 0 };
    });
  }

  override find(address: number): UsbDevice | undefined {
    const own = super.find(address);
    if (own !== undefined) return own;
    for (const { port, status } of this.#ports) {
      const found = (status & PORT_ENABLE) === 0 ? undefined : port.device?.find(address);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  deviceAttached({ index, device }: UsbPort): void {
    const own = this.#ports[index];
    if (own === undefined) return;
    own.status = connected(own.status & ~PORT_LOW_SPEED, device);
    own.change |= PORT_CONNECTION;
    this.wakeUp();
  }

  deviceDetached({ index }: UsbPort): void {
    const own = this.#ports[index];
    if (own === undefined) return;
    own.change |= own.status & (PORT_CONNECTION | PORT_ENABLE);
    own.status &= ~(PORT_CONNECTION | PORT_ENABLE);
    this.wakeUp();
  }

  /** What is in a port of it, or behind. */
  deviceWakesUp({ index }: UsbPort, resume: boolean): void {
    const own = this.#ports[index];
    if (own === undefined) return;
    if (resume) this.#resumePort(own);
    this.wakeUp();
  }

  reset(): void {
    this.resetUsb();
    this.busWasReset();
  }

  save(): UsbHubState {
    return {
      usb: this.saveUsb(),
      status: this.#ports.map(({ status }) => status),
      change: this.#ports.map(({ change }) => change),
    };
  }

  restore(state: UsbHubState): void {
    this.restoreUsb(state.usb);
    for (const [index, own] of this.#ports.entries()) {
      own.status = state.status[index] ?? 0;
      own.change = state.change[index] ?? 0;
    }
  }

  protected busWasReset(): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_hub_reset', this.address);
    for (const own of this.#ports) {
      const { device } = own.port;
      own.status = connected(PORT_POWER, device);
      own.change = device === undefined ? 0 : PORT_CONNECTION;
    }
  }

  /** A bit for each port of which something has changed. */
  protected handleData(packet: UsbPacket): UsbStatus {
    if (packet.pid !== PID_IN || packet.endpoint !== STATUS_ENDPOINT) return 'stall';
    const bytes = Math.ceil((this.#ports.length + 1) / 8);
    // QEMU: a driver that asks for one byte gets one.
    if (bytes > packet.data.length && packet.data.length !== 1) return 'babble';
    let changed = 0;
    for (const [index, { change }] of this.#ports.entries()) if (change !== 0) changed |= 2 << index;
    if (changed === 0) return 'nak';
    packet.give(Uint8Array.of(changed, changed >> 8).subarray(0, bytes));
    return 'success';
  }

  override request(request: UsbRequest, data: Uint8Array): UsbAnswer {
    const { type, request: number, value, index, length } = request;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_hub_control', this.address, (type << 8) | number, value, index, length);
    return super.request(request, data);
  }

  protected classRequest(request: UsbRequest): UsbAnswer {
    const { value, index } = request;
    const code = (request.type << 8) | request.request;
    switch (code) {
      case CLEAR_ENDPOINT_FEATURE:
        return value === 0 && index !== STATUS_ENDPOINT_ADDRESS ? 'stall' : NO_BYTES;
      case GET_HUB_STATUS:
        return new Uint8Array(4);
      case GET_HUB_DESCRIPTOR:
        return this.#descriptor();
      case SET_HUB_FEATURE:
      case CLEAR_HUB_FEATURE:
        return value === 0 || value === 1 ? NO_BYTES : 'stall';
      case GET_PORT_STATUS:
        return this.#portStatus(index - 1);
      case SET_PORT_FEATURE:
        return this.#setFeature(index - 1, value);
      case CLEAR_PORT_FEATURE:
        return this.#clearFeature(index - 1, value);
      default:
        return 'stall';
    }
  }

  #descriptor(): Uint8Array {
    const { ports, portPower } = this.#properties;
    const removable = new Array<number>(Math.ceil((ports + 1) / 8)).fill(0);
    const powerMask = new Array<number>(Math.ceil(ports / 8)).fill(0xff);
    const characteristics = portPower ? (CHARACTERISTICS & ~3) | POWER_OF_EACH : CHARACTERISTICS;
    const rest = [DESCRIPTOR_HUB, ports, characteristics, 0, 1, 0, ...removable, ...powerMask];
    return Uint8Array.of(rest.length + 1, ...rest);
  }

  #portStatus(index: number): UsbAnswer {
    const own = this.#ports[index];
    if (own === undefined) return 'stall';
    const { status, change } = own;
    return Uint8Array.of(status, status >> 8, change, change >> 8);
  }

  #setFeature(index: number, feature: number): UsbAnswer {
    const own = this.#ports[index];
    if (own === undefined) return 'stall';
    if (feature === FEATURE_SUSPEND) own.status |= PORT_SUSPEND;
    else if (feature === FEATURE_RESET) this.#resetPort(own);
    else if (feature === FEATURE_POWER) this.#powerOn(own);
    else return 'stall';
    return NO_BYTES;
  }

  #resumePort(own: HubPort): void {
    own.change |= own.status & PORT_SUSPEND;
    own.status &= ~PORT_SUSPEND;
  }

  #resetPort(own: HubPort): void {
    const { device } = own.port;
    if (device === undefined) return;
    device.busReset();
    own.change |= PORT_RESET | (~own.status & PORT_ENABLE);
    own.status |= PORT_ENABLE;
    this.wakeUp();
  }

  #powerOn(own: HubPort): void {
    if (!this.#properties.portPower || (own.status & PORT_POWER) !== 0) return;
    own.status = connected(own.status | PORT_POWER, own.port.device);
    if (own.port.device !== undefined) own.change |= PORT_CONNECTION;
    this.wakeUp();
  }

  #clearFeature(index: number, feature: number): UsbAnswer {
    const own = this.#ports[index];
    if (own === undefined) return 'stall';
    if (feature === FEATURE_ENABLE) own.status &= ~PORT_ENABLE;
    else if (feature === FEATURE_SUSPEND) this.#resumePort(own);
    else if (feature === FEATURE_POWER) {
      if (this.#properties.portPower) own.status = 0;
    } else if (feature >= FEATURE_CHANGES && feature < FEATURE_CHANGES + CHANGES) {
      own.change &= ~(1 << (feature - FEATURE_CHANGES));
    } else return 'stall';
    return NO_BYTES;
  }
}

/** The status of a port with what is in it. */
function connected(status: number, device: UsbDevice | undefined): number {
  if (device === undefined) return status;
  return status | PORT_CONNECTION | (device.speed === SPEED_LOW ? PORT_LOW_SPEED : 0);
}
