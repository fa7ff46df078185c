/**
 * `announce-self`: cards tell the switches of their network where they are, a few times. QEMU: each card sends a RARP of its own, and a driver
 * that can is asked to announce itself, too. Not modelled: QEMU counts the host's time, here it is the machine's.
 */
import type { Clock, Timer } from '../core/clock.ts';
import { MAC_BYTES } from './mac-address.ts';
import type { Nic } from './network.ts';

/** Spec: QEMU qapi/net.json, AnnounceParameters. Times are in milliseconds. */
export interface AnnounceParameters {
  /** From the first to the second, by how much each wait is longer than the one before, and the longest. */
  readonly initial: number;
  readonly step: number;
  readonly max: number;
  readonly rounds: number;
  /** Names of cards; absent: all. */
  readonly interfaces?: readonly string[] | undefined;
  /** Who announces with the same id again begins anew; absent: the same as an empty one. */
  readonly id?: string | undefined;
}

interface Announcement {
  readonly parameters: AnnounceParameters;
  readonly timer: Timer;
  roundsLeft: number;
}

const NS_PER_MS = 1e6;
/** A client of QMP may ask for ever more. */
const ANNOUNCEMENTS_MAX = 64;
const FRAME_BYTES = 60;
const ETHERTYPE_RARP = 0x8035;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERNET = 1;
/** Spec: RFC 903. */
const REVERSE_REQUEST = 3;

export class Announcements {
  readonly #clock: Clock;
  readonly #nics: () => readonly Nic[];
  /** Oldest first. */
  readonly #running = new Map<string, Announcement>();

  constructor(clock: Clock, nics: () => readonly Nic[]) {
    this.#clock = clock;
    this.#nics = nics;
  }

  start(parameters: AnnounceParameters): void {
    const id = parameters.id ?? '';
    this.#end(id);
    for (const oldest of this.#running.keys()) {
      if (this.#running.size < ANNOUNCEMENTS_MAX) break;
      this.#end(oldest);
    }
    if (parameters.rounds === 0) return;
    const timer = this.#clock.timer(() => this.#once(id));
    this.#running.set(id, { parameters, timer, roundsLeft: parameters.rounds });
    this.#once(id);
  }

  /** Ends all of them. */
  clear(): void {
    for (const id of [...this.#running.keys()]) this.#end(id);
  }

  #once(id: string): void {
    const announcement = this.#running.get(id);
    if (announcement === undefined) return;
    const { parameters, timer } = announcement;
    const { interfaces } = parameters;
    for (const nic of this.#nics()) {
      if (interfaces === undefined || interfaces.includes(nic.client.name)) announce(nic);
    }
    announcement.roundsLeft--;
    if (announcement.roundsLeft === 0) this.#end(id);
    else timer.arm(this.#clock.nowNs() + waitMs(announcement) * NS_PER_MS);
  }

  #end(id: string): void {
    this.#running.get(id)?.timer.cancel();
    this.#running.delete(id);
  }
}

function waitMs({ parameters: { initial, step, max, rounds }, roundsLeft }: Announcement): number {
  const wait = initial + (rounds - roundsLeft - 1) * step;
  return wait < 0 || wait > max ? Math.max(0, max) : wait;
}

function announce({ client, mac, announce: askDriver }: Nic): void {
  const address = mac?.();
  if (address !== undefined) client.send(rarp(address));
  askDriver?.();
}

/** A card that asks for the address of itself, which nobody answers: switches look at its sender only. */
function rarp(mac: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, MAC_BYTES);
  frame.set(mac, 6);
  view.setUint16(12, ETHERTYPE_RARP);
  view.setUint16(14, ETHERNET);
  view.setUint16(16, ETHERTYPE_IPV4);
  frame.set([MAC_BYTES, 4], 18);
  view.setUint16(20, REVERSE_REQUEST);
  frame.set(mac, 22);
  frame.set(mac, 32);
  return frame;
}
