/** QEMU's hub: what comes in at one port goes out at all others. */
import { NetClient, type NetEnd, type Packet } from './net-client.ts';

/** One port; what is at its other end is its client's peer. */
class HubPort implements NetEnd {
  readonly client: NetClient;
  readonly #hub: Hub;

  constructor(name: string, hub: Hub, isNetdev: boolean) {
    this.#hub = hub;
    this.client = new NetClient({ name, type: 'hubport', isNetdev, info: () => `hub ${hub.id}` }, this);
  }

  /** QEMU: it is enough that one of the others takes packets. */
  get canReceive(): boolean {
    return this.#hub.others(this.client).some((other) => other.isPeerReady);
  }

  receive(packet: Packet): boolean {
    this.#hub.forward(packet, this.client);
    return true;
  }

  resume(): void {
    for (const other of this.#hub.others(this.client)) other.flush();
  }
}

export class Hub {
  readonly id: number;
  /** Newest first. */
  #ports: readonly NetClient[] = [];
  /** What it passes on now: hubs whose ports are joined in a ring would do so for ever. */
  readonly #passing = new Set<Packet>();

  constructor(id: number) {
    this.id = id;
  }

  get ports(): readonly NetClient[] {
    return this.#ports;
  }

  /** @param isNetdev it may be taken away with `netdev_del` */
  addPort(name: string, isNetdev: boolean): NetClient {
    const { client } = new HubPort(name, this, isNetdev);
    this.#ports = [client, ...this.#ports];
    return client;
  }

  removePort(client: NetClient): void {
    this.#ports = this.#ports.filter((port) => port !== client);
  }

  others(client: NetClient): readonly NetClient[] {
    return this.#ports.filter((port) => port !== client);
  }

  forward(packet: Packet, from: NetClient): void {
    if (this.#passing.has(packet)) {
      from.dropped++;
      return;
    }
    this.#passing.add(packet);
    for (const port of this.others(from)) port.send(packet);
    this.#passing.delete(packet);
  }
}
