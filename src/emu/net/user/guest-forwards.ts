/** `guestfwd=`: a place in the guest's network at which a character device of the host's is. Texts are QEMU's. */

import type { CharBackend } from '../../char/char-backend.ts';
import { parseShortForm } from '../../char/chardev-short-form.ts';
import { CHARDEVS, type Chardevs } from '../../char/chardevs.ts';
import type { Clock } from '../../core/clock.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { CLOCK, type Services } from '../../qdev/services.ts';
import type { Endpoint, Ipv4, TcpEvents, TcpSocket } from '../net-host.ts';
import { parseIpv4 } from './ipv4.ts';
import type { UserConfig } from './user-config.ts';

/** Where it is when nobody says. */
const DEFAULT_END = 0x0204;
const PORT_MAX = 65_535;
const EXISTING = 'chardev:';
/** What the device may give at once while the guest takes it. */
const PORTION_BYTES = 4096;

/** Connects; undefined: that cannot be. */
export type Connect = (events: TcpEvents) => TcpSocket | undefined;

interface Rule {
  readonly at: Endpoint;
  /** The device, in the words of QEMU's short form. */
  readonly device: string;
}

/** Reads `[tcp]:server:port-dev`. Throws QEMU's error. */
export function parseGuestForward(
  rule: string,
  { network, mask }: Pick<UserConfig, 'network' | 'mask'>,
): Rule {
  const [, protocol, server = '', number = '', device = ''] =
    /^([^:]*):([^:]*):([^-]*)-([\s\S]*)$/.exec(rule) ?? [];
  const given = server === '' ? 0 : parseIpv4(server);
  const port = /^\s*\+?\d+$/.test(number) ? Number(number) : 0;
  if ((protocol !== '' && protocol !== 'tcp') || given === undefined || port < 1 || port > PORT_MAX) {
    throw new MonitorError(`Invalid guest forwarding rule '${rule}'`);
  }
  const address: Ipv4 = given === 0 ? (network | (DEFAULT_END & ~mask)) >>> 0 : given;
  return { at: { address, port }, device };
}

/** One place, and who is connected to it. */
class Place {
  readonly at: Endpoint;
  readonly #backend: CharBackend;
  readonly #clock: Clock;
  readonly #release: () => void;
  /** The newest first: it gets what the device gives. */
  #connections: readonly CharConnection[] = [];

  constructor(at: Endpoint, backend: CharBackend, clock: Clock, release: () => void) {
    this.at = at;
    this.#backend = backend;
    this.#clock = clock;
    this.#release = release;
    backend.connect({
      canReceive: () => (this.#connections[0]?.isResting === false ? PORTION_BYTES : 0),
      receive: (bytes) => this.#connections[0]?.events.data(bytes.slice()),
      event() {},
      outputReady: () => {
        for (const connection of this.#connections) connection.goOn();
      },
    });
  }

  connect(events: TcpEvents): TcpSocket {
    const connection = new CharConnection(events, this.#backend, this.#clock, () => {
      this.#connections = this.#connections.filter((one) => one !== connection);
    });
    this.#connections = [connection, ...this.#connections];
    return connection;
  }

  close(): void {
    this.#backend.connect(undefined);
    this.#release();
  }
}

class CharConnection implements TcpSocket {
  readonly events: TcpEvents;
  isResting = true;
  readonly #backend: CharBackend;
  readonly #clock: Clock;
  readonly #gone: () => void;
  /** What the device has not taken. */
  #unwritten: Uint8Array[] = [];
  queuedBytes = 0;
  #hasEnded = false;
  #isGone = false;

  constructor(events: TcpEvents, backend: CharBackend, clock: Clock, gone: () => void) {
    this.events = events;
    this.#backend = backend;
    this.#clock = clock;
    this.#gone = gone;
    this.#later(() => {
      events.connected();
      this.resume();
    });
  }

  write(bytes: Uint8Array): void {
    this.#unwritten.push(bytes.slice());
    this.queuedBytes += bytes.length;
    this.goOn();
  }

  /** The device takes more. */
  goOn(): void {
    while (this.#unwritten.length > 0) {
      const [first = new Uint8Array(0)] = this.#unwritten;
      const count = this.#backend.write(first);
      this.queuedBytes -= count;
      if (count < first.length) {
        this.#unwritten[0] = first.subarray(count);
        return;
      }
      this.#unwritten.shift();
      this.events.drain();
    }
    if (this.#hasEnded) this.#later(() => this.events.closed());
  }

  end(): void {
    this.#hasEnded = true;
    this.#leave();
    this.goOn();
  }

  destroy(): void {
    this.#unwritten = [];
    this.#isGone = true;
    this.#leave();
  }

  pause(): void {
    this.isResting = true;
  }

  resume(): void {
    this.isResting = false;
    this.#backend.acceptInput();
  }

  #leave(): void {
    this.#gone();
    this.#backend.acceptInput();
  }

  /** Nothing is told in the call that caused it. */
  #later(tell: () => void): void {
    const timer = this.#clock.timer(() => {
      if (!this.#isGone) tell();
    });
    timer.arm(this.#clock.nowNs());
  }
}

export class GuestForwards {
  readonly #config: UserConfig;
  readonly #services: Services;
  #places: readonly Place[] = [];

  constructor(config: UserConfig, services: Services) {
    this.#config = config;
    this.#services = services;
  }

  /** The addresses that answer. */
  get addresses(): readonly Ipv4[] {
    return this.#places.map(({ at }) => at.address);
  }

  /** Rejects with `MonitorError`. */
  async add(rule: string): Promise<void> {
    const { at, device } = parseGuestForward(rule, this.#config);
    if (device.startsWith('cmd:')) {
      throw new MonitorError(`Hotslot's user network starts no commands: '${rule}'`);
    }
    const label = `guestfwd.tcp.${at.port}`;
    const chardevs = this.#services.get(CHARDEVS);
    const id = await openDevice(chardevs, device, label);
    if (!this.#isFree(at)) {
      chardevs.remove(id);
      throw new MonitorError(`Conflicting/invalid host:port in guest forwarding rule '${rule}'`);
    }
    const isTaken = chardevs.checkFree(id, 'guestfwd', 'chardev') !== undefined;
    const backend = isTaken ? undefined : chardevs.attach(id);
    if (backend === undefined) throw new MonitorError(`Device '${id}' is in use`);
    const place = new Place(at, backend, this.#services.get(CLOCK), () => {
      // QEMU: with the network goes the device, also one that was there before.
      chardevs.detach(id, backend);
      chardevs.remove(id);
    });
    this.#places = [...this.#places, place];
  }

  /** How to connect to what is there; undefined: nothing is. */
  find({ address, port }: Endpoint): Connect | undefined {
    const place = this.#places.find(({ at }) => at.address === address && at.port === port);
    return place && ((events) => place.connect(events));
  }

  close(): void {
    for (const place of this.#places) place.close();
    this.#places = [];
  }

  #isFree({ address, port }: Endpoint): boolean {
    const { network, mask, host, nameServer } = this.#config;
    const isInside = (address & mask) >>> 0 === network && address !== host && address !== nameServer;
    return isInside && !this.#places.some(({ at }) => at.address === address && at.port === port);
  }
}

/** The id of a device that is there, or that is made with the label as its id. Rejects with `MonitorError`. */
async function openDevice(chardevs: Chardevs, device: string, label: string): Promise<string> {
  const cannot = new MonitorError(`Could not open guest forwarding device '${label}'`);
  if (device.startsWith(EXISTING)) {
    const id = device.slice(EXISTING.length);
    if (!chardevs.ids().includes(id)) throw cannot;
    return id;
  }
  try {
    const options = parseShortForm(device, label);
    if (options === undefined) throw cannot;
    await chardevs.open(options);
    return label;
  } catch (error) {
    // QEMU says the reason on its standard error.
    throw error instanceof MonitorError ? cannot : error;
  }
}
