/** The machine's network: cards, back ends, hubs, by QEMU's names. */
import { MonitorError } from '../core/monitor-error.ts';
import { CLOCK, ENTROPY, ServiceName, type Services } from '../qdev/services.ts';
import { Announcements } from './announcements.ts';
import type { Backend } from './backend.ts';
import { Hub } from './hub.ts';
import { MacAddresses } from './mac-address.ts';
import { NetClient, type NetClientType, type NetEnd } from './net-client.ts';
import { absentTypeError, checkNetdevId, type NetdevOptions } from './netdev-options.ts';
import type { RxFilter } from './rx-filter.ts';
import { makeSocketWire } from './socket/make-socket-wire.ts';
import { makeUserNet } from './user/make-user-net.ts';
import { UserNet } from './user/user-net.ts';

/** More than a user types; a client of QMP could go on. */
const CLIENTS_MAX = 1024;
/** The hub that `-net` means. */
export const DEFAULT_HUB = 0;

/** How the user asked for a back end. */
export interface NetdevRequest {
  readonly options: NetdevOptions;
  /** With `-netdev` or `netdev_add`, not with `-nic` or `-net`. */
  readonly isNetdev: boolean;
}

/** What a card has at the other end of its wire that is no back end any more. */
export type GonePeer = {
  /** Of the card's device. */
  readonly path: string;
  readonly name: string;
  readonly type: NetClientType;
  readonly info: string;
};

/** It takes everything, and does nothing. */
const NOBODY: NetEnd = { canReceive: true, receive: () => true };

/** A card that is on the network. */
export interface Nic {
  readonly client: NetClient;
  /** Of its device. */
  readonly path: string;
  /** What it takes; absent: its type does not tell. */
  readonly rxFilter?: () => RxFilter;
  /** Its own address. */
  readonly mac?: () => Uint8Array;
  /** Asks its driver to tell the switches of its network where it is. */
  readonly announce?: () => void;
}

export class Network {
  readonly macs = new MacAddresses();
  readonly announcements: Announcements;
  readonly #services: Services;
  /** Oldest first. */
  #clients: readonly NetClient[] = [];
  readonly #nics = new Map<NetClient, Nic>();
  /** Those that have something of the host's, oldest first. */
  readonly #backends = new Map<NetClient, Backend>();
  /** Newest first. */
  #hubs: readonly Hub[] = [];
  /** How the user asked for each back end, oldest first. */
  readonly #asked = new Map<NetClient, NetdevOptions>();
  /** Ids that were given in text. */
  readonly #textIds = new Set<string>();
  #nextName = 0;

  constructor(services: Services) {
    this.#services = services;
    this.announcements = new Announcements(services.get(CLOCK), () => this.nics);
  }

  /** Oldest first. */
  get clients(): readonly NetClient[] {
    return this.#clients;
  }

  get hubs(): readonly Hub[] {
    return this.#hubs;
  }

  get nics(): readonly Nic[] {
    return [...this.#nics.values()];
  }

  /** Those with their own network, oldest first. */
  get userNets(): readonly (readonly [client: NetClient, net: UserNet])[] {
    return [...this.#backends].flatMap(([client, net]) =>
      net instanceof UserNet ? [[client, net] as const] : [],
    );
  }

  /** How the user asked for back ends, oldest first. */
  get requests(): readonly NetdevRequest[] {
    return [...this.#asked].map(([{ spec }, options]) => ({ options, isNetdev: spec.isNetdev === true }));
  }

  /** Peers of cards that `netdev_del` took away. */
  get gonePeers(): readonly GonePeer[] {
    return this.nics.flatMap(({ client: { peer, isPeerGone }, path }) =>
      peer !== undefined && isPeerGone
        ? [{ path, name: peer.name, type: peer.spec.type, info: peer.spec.info() }]
        : [],
    );
  }

  /** Makes again what a snapshot has of `gonePeers`, for a card that has no other peer. */
  restoreGonePeer({ path, name, type, info }: GonePeer): void {
    const card = this.nics.find((nic) => nic.path === path)?.client;
    if (card === undefined || card.peer !== undefined) return;
    card.isPeerGone = true;
    card.connect(new NetClient({ name, type, info: () => info }, NOBODY));
  }

  /** Makes again what a snapshot has of `requests`. Rejects with `MonitorError`. */
  async restore({ options, isNetdev }: NetdevRequest): Promise<void> {
    this.#checkNew(options.id);
    await this.#make(options, isNetdev);
  }

  find(name: string): NetClient | undefined {
    return this.#clients.find((client) => client.name === name);
  }

  /** A back end; a card of that name is none. */
  findBackend(name: string): NetClient | undefined {
    return this.#clients.find((client) => client.name === name && client.spec.type !== 'nic');
  }

  /** The hub that a client is at, itself a port or with a port as its peer. */
  hubOf(client: NetClient): Hub | undefined {
    const isAt = (port: NetClient): boolean => port === client || port.peer === client;
    return this.#hubs.find(({ ports }) => ports.some(isAt));
  }

  /** While the command line is carried out: `fd=` is the number of a file that the program was started with, not a name. */
  takesNumbers = false;

  /** Makes a back end. Rejects with `MonitorError`, having changed nothing. */
  async addNetdev(options: NetdevOptions, isNetdev = true): Promise<NetClient> {
    checkNetdevId(options.id);
    this.#checkNew(options.id);
    return await this.#make(options, isNetdev);
  }

  /** The same for a back end that nobody named, as `-nic` makes it. */
  async addUnnamed(options: Omit<NetdevOptions, 'id'>): Promise<NetClient> {
    return await this.#make({ ...options, id: this.#makeName() } as NetdevOptions, false);
  }

  /** QEMU looks first whether these options were given before. Throws its error, which a monitor does not show as one. */
  checkText(id: string | undefined): void {
    if (id !== undefined && this.#textIds.has(id)) throw new MonitorError(`Duplicate ID '${id}' for netdev`);
  }

  /** The options of this back end came as text. */
  noteText(id: string): void {
    this.#textIds.add(id);
  }

  /** Takes a back end away. Throws `MonitorError`. */
  removeNetdev(id: string): void {
    const client = this.findBackend(id);
    if (client === undefined) throw new MonitorError(`Device '${id}' not found`, 'DeviceNotFound');
    if (client.spec.isNetdev !== true) throw new MonitorError(`Device '${id}' is not a netdev`);
    this.#textIds.delete(id);
    for (const filter of client.filters) filter.backendGone();
    this.#forget(client);
    const { peer } = client;
    if (peer !== undefined && this.#nics.has(peer)) {
      // QEMU: the card keeps what is no back end any more as its peer.
      peer.isPeerGone = true;
      peer.setLink(false);
    } else if (peer !== undefined) {
      peer.peer = undefined;
      peer.purge();
    }
  }

  /** A port of the hub that `-net` means. @param backend what is at its other end; absent: nothing yet */
  async addHubPort(backend?: NetClient): Promise<NetClient> {
    const id = `hub${DEFAULT_HUB}port${this.#hub(DEFAULT_HUB).ports.length}`;
    const peer = backend === undefined ? {} : { netdev: backend.name };
    return await this.#make({ type: 'hubport', id, hubid: DEFAULT_HUB, ...peer }, false);
  }

  /** Takes such a port away, for which there is no card. */
  dropHubPort(port: NetClient): void {
    this.#forget(port);
  }

  /** QEMU's name for a card that has no id. */
  nicName(id: string, model: string): string {
    if (id !== '') return id;
    return `${model}.${this.nics.filter(({ client }) => client.spec.model === model).length}`;
  }

  addNic(nic: Nic, peer: NetClient | undefined): void {
    this.#nics.set(nic.client, nic);
    this.#add(nic.client);
    if (peer !== undefined) nic.client.connect(peer);
  }

  /** The card has left the machine. */
  removeNic(client: NetClient): void {
    this.#nics.delete(client);
    this.#clients = this.#clients.filter((other) => other !== client);
    const { peer } = client;
    client.peer = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    peer.purge();
  }

  /** Plugs a cable or pulls it. QEMU: at both ends, where the other is a card. Throws `MonitorError`. */
  setLink(name: string, up: boolean): void {
    const client = this.find(name);
    if (client === undefined) throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
    client.setLink(up);
    const { peer } = client;
    if (peer !== undefined && this.#nics.has(peer)) peer.setLink(up);
  }

  /** What QEMU says of a network that leads nowhere, when the machine is complete. */
  warnings(): readonly string[] {
    const hubs = this.#hubs.flatMap(({ id, ports }) => {
      const peers = ports.flatMap(({ peer }) => (peer === undefined ? [] : [peer.spec.type]));
      const hasNic = peers.includes('nic');
      const hasHost = peers.some((type) => type === 'user' || type === 'socket');
      if (hasHost && !hasNic) return [`hub ${id} with no nics`];
      return hasNic && !hasHost ? [`hub ${id} is not connected to host network`] : [];
    });
    const alone = this.#clients.filter(({ peer, spec }) => peer === undefined && spec.type !== 'hubport');
    return [
      ...hubs,
      ...alone.map(({ name, spec }) => `${spec.type === 'nic' ? 'nic' : 'netdev'} ${name} has no peer`),
    ];
  }

  /** The machine went to another moment: connections to the host were not made by the guest that is there now. */
  dropConnections(): void {
    for (const client of this.#clients) client.purge();
    for (const backend of this.#backends.values()) backend.dropConnections();
  }

  /** The machine ends: the host's sockets are closed. */
  close(): void {
    this.announcements.clear();
    for (const backend of this.#backends.values()) backend.close();
  }

  async #make(options: NetdevOptions, isNetdev: boolean): Promise<NetClient> {
    const { id } = options;
    if (this.#clients.length >= CLIENTS_MAX)
      throw new MonitorError('The machine has no room for more network clients');
    if (options.type === 'hubport') {
      const peer = options.netdev === undefined ? undefined : this.#freeBackend(options.netdev);
      const port = this.#hub(options.hubid).addPort(id, isNetdev);
      this.#add(port);
      if (peer !== undefined) port.connect(peer);
      this.#asked.set(port, options);
      return port;
    }
    const backend = await this.#makeBackend(options, isNetdev);
    // Another monitor may have been faster while the host was asked.
    if (this.findBackend(id) !== undefined) {
      backend.close();
      throw new MonitorError(`Duplicate ID '${id}'`);
    }
    this.#backends.set(backend.client, backend);
    this.#asked.set(backend.client, options);
    this.#add(backend.client);
    return backend.client;
  }

  #makeBackend(options: NetdevOptions, isNetdev: boolean): Promise<Backend> {
    if (options.type === 'user') return makeUserNet(options, this.#services, isNetdev);
    if (options.type === 'socket')
      return makeSocketWire(options, this.#services, isNetdev, this.takesNumbers);
    throw absentTypeError(options.type);
  }

  /** QEMU dies of an assertion where the back end has a peer. */
  #freeBackend(id: string): NetClient {
    const client = this.findBackend(id);
    if (client === undefined) throw new MonitorError(`netdev '${id}' not found`);
    if (client.peer !== undefined) throw new MonitorError(`netdev '${id}' is in use`);
    return client;
  }

  #checkNew(id: string): void {
    if (this.findBackend(id) !== undefined) throw new MonitorError(`Duplicate ID '${id}'`);
  }

  #makeName(): string {
    const random = new Uint8Array(1);
    this.#services.get(ENTROPY).random(random);
    return `#net${this.#nextName++}${String(random[0] % 100).padStart(2, '0')}`;
  }

  #hub(id: number): Hub {
    const known = this.#hubs.find((hub) => hub.id === id);
    if (known !== undefined) return known;
    const hub = new Hub(id);
    this.#hubs = [hub, ...this.#hubs];
    return hub;
  }

  #add(client: NetClient): void {
    this.#clients = [...this.#clients, client];
  }

  #forget(client: NetClient): void {
    this.#clients = this.#clients.filter((other) => other !== client);
    this.#asked.delete(client);
    this.hubOf(client)?.removePort(client);
    this.#backends.get(client)?.close();
    this.#backends.delete(client);
  }
}

export const NETWORK = new ServiceName('network', (services) => new Network(services));
