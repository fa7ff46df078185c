/** Datagrams between the tabs of a site: to a port of the host that they are together, or to a group. */
import type { Endpoint, NetFailure, UdpReceiver, UdpSocket } from '../../emu/index.ts';
import { WebLocks } from '../storage/web-locks.ts';
import { freePort, IN_USE, LOOPBACK, type Locks } from './tab-tcp.ts';

const CHANNEL = 'hotslot-udp';

interface Message {
  /** Address 0: the host itself. */
  readonly to: Endpoint;
  readonly from: number;
  readonly bytes: Uint8Array;
}

export class TabUdp {
  readonly #locks: WebLocks;
  readonly #wake: () => void;

  constructor(locks: Locks, wake: () => void) {
    this.#locks = new WebLocks(locks);
    this.#wake = wake;
  }

  /** At a port that nobody has. */
  open(receive: UdpReceiver): UdpSocket {
    const port = freePort();
    return new TabUdpSocket({ address: 0, port }, port, receive, this.#wake);
  }

  async bind({ port }: Endpoint, receive: UdpReceiver): Promise<UdpSocket | NetFailure> {
    const release = await this.#locks.acquire(`net/udp/${port}`, 'write');
    if (release === undefined) return IN_USE;
    const at = { address: 0, port };
    return new TabUdpSocket(at, port, receive, this.#wake, () => void release());
  }

  /** The sender itself does not hear what it sends. */
  join(group: Endpoint, receive: UdpReceiver): UdpSocket {
    return new TabUdpSocket(group, group.port, receive, this.#wake);
  }
}

class TabUdpSocket implements UdpSocket {
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #port: number;
  readonly #release: () => void;

  constructor(at: Endpoint, port: number, receive: UdpReceiver, wake: () => void, release = () => {}) {
    this.#port = port;
    this.#release = release;
    this.#channel.onmessage = ({ data: { to, from, bytes } }: MessageEvent<Message>) => {
      if (to.port !== at.port || to.address !== at.address) return;
      receive(bytes, { address: LOOPBACK, port: from });
      wake();
    };
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    const isGroup = to.address >>> 28 === 0xe;
    const target = { address: isGroup ? to.address : 0, port: to.port };
    this.#channel.postMessage({ to: target, from: this.#port, bytes } satisfies Message);
  }

  close(): void {
    this.#channel.close();
    this.#release();
  }
}
