/** Puts pieces of datagrams together. Spec: RFC 791 §3.2. */
import type { Clock } from '../../core/clock.ts';
import type { Datagram } from './ipv4.ts';

/** Datagrams of which pieces wait, oldest first; a guest may begin more and never end them. */
const WAITING_MAX = 16;
const DATAGRAM_BYTES = 65_535;
const PIECES_MAX = 128;
const LIFETIME_NS = 30e9;

interface Waiting {
  readonly sinceNs: number;
  readonly pieces: Datagram[];
}

export class Reassembly {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The whole datagram, where this was its last piece or it has only one. */
  add(piece: Datagram): Datagram | undefined {
    if (piece.offset === 0 && !piece.moreFragments) return piece;
    const { source, destination, protocol, ident } = piece;
    const key = `${source} ${destination} ${protocol} ${ident}`;
    const waiting = this.#open(key);
    waiting.pieces.push(piece);
    const whole = waiting.pieces.length > PIECES_MAX ? 'broken' : joined(waiting.pieces);
    if (whole === undefined) return undefined;
    this.#waiting.delete(key);
    return whole === 'broken' ? undefined : whole;
  }

  clear(): void {
    this.#waiting.clear();
  }

  #open(key: string): Waiting {
    const known = this.#waiting.get(key);
    const nowNs = this.#clock.nowNs();
    if (known !== undefined && nowNs - known.sinceNs < LIFETIME_NS) return known;
    this.#waiting.delete(key);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size < WAITING_MAX) break;
      this.#waiting.delete(oldest);
    }
    const made: Waiting = { sinceNs: nowNs, pieces: [] };
    this.#waiting.set(key, made);
    return made;
  }
}

/** Undefined: pieces are missing. Pieces that overlap are nothing that a driver sends. */
function joined(pieces: readonly Datagram[]): Datagram | 'broken' | undefined {
  const sorted = [...pieces].sort((one, other) => one.offset - other.offset);
  const last = sorted.at(-1);
  if (last === undefined || last.offset + last.payload.length > DATAGRAM_BYTES) return 'broken';
  let end = 0;
  for (const { offset, payload } of sorted) {
    if (offset < end) return 'broken';
    if (offset > end) return undefined;
    end += payload.length;
  }
  if (last.moreFragments) return undefined;
  const payload = new Uint8Array(end);
  for (const piece of sorted) payload.set(piece.payload, piece.offset);
  return { ...last, ...sorted[0], offset: 0, moreFragments: false, payload };
}
