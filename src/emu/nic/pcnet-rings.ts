/** Both rings of the PCnet family. Spec: Am79C970A data sheet, "Descriptor Rings" and "Polling". */
import { BottomHalf, hasRoom, type Portion } from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { frameChecksum } from '../net/ethernet-crc.ts';
import type { Packet } from '../net/net-client.ts';
import { hasOnes, lengthOf, type PcnetDescriptor, PcnetLayout } from './pcnet-descriptors.ts';
import * as r from './pcnet-registers.ts';

export const BUFFER_BYTES = 4096;
const CHECKSUM_BYTES = 4;
const LONGEST = BUFFER_BYTES - CHECKSUM_BYTES;
const SHORTEST_PACKET = 60;
const RING_MAX = 0x1_0000;
/** Spec: the longest ring of an initialization block. QEMU searches longer ones too, for each packet. */
const SEARCHED = 512;
/** What a received packet's result has besides its length. */
const RESULT_ZEROS = 0x0000_f000;
const RESULT_LENGTH = 0x0fff;

/** Numbers of CSRs that tell where the chip is in its rings. */
const NRDA = 26;
const CRDA = 28;
const CXDA = 34;
const NNRD = 36;
const CRBC = 40;
const CRST = 41;
const CXBC = 42;
const CXST = 43;
const NRBC = 44;
const NRST = 45;
const PXDA = 60;
const PXBC = 62;
const PXST = 63;
const RCVRC = 72;
const XMTRC = 74;
const RCVRL = 76;
const XMTRL = 78;
const MISSC = 112;

/** The packet that is being sent. */
export interface Sending {
  /** Bytes of it that there are; -1: none is begun. */
  size: number;
  /** Its first descriptor. */
  at: number;
  addsChecksum: boolean;
  /** Descriptors that are still looked at. */
  left: number;
}

export interface PcnetRingsHost {
  readonly dma: DmaPort;
  readonly csr: Uint16Array;
  readonly bcr: Uint16Array;
  readonly rings: { readonly receive: number; readonly transmit: number };
  readonly hasLink: boolean;
  send(packet: Packet): void;
  /** Something has happened that may interrupt. */
  changed(): void;
}

/** How a packet is addressed. */
export interface Match {
  readonly physical: boolean;
  readonly group: boolean;
  readonly broadcast: boolean;
}

export class PcnetRings {
  readonly bottomHalf: BottomHalf;
  readonly sending: Sending = { size: -1, at: 0, addsChecksum: false, left: 0 };
  readonly buffer = new Uint8Array(BUFFER_BYTES);
  readonly #host: PcnetRingsHost;
  /** A packet goes round: its checksum is added, or is there. */
  #loop: 'adds' | 'has' | undefined;
  #isSending = false;

  constructor(host: PcnetRingsHost, clock: Clock) {
    this.#host = host;
    this.bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
  }

  reset(): void {
    Object.assign(this.sending, { size: -1, at: 0, addsChecksum: false, left: 0 });
    this.buffer.fill(0);
    this.bottomHalf.reset();
  }

  /** Looks at both rings, as the chip does from time to time. */
  poll(): void {
    const { csr } = this.#host;
    if ((csr[0] & r.CSR0_RXON) !== 0) this.#pollReceive();
    const polls = (csr[0] & r.CSR0_TXON) !== 0 && (csr[4] & r.CSR4_DPOLL) === 0;
    if ((csr[0] & r.CSR0_TDMD) !== 0 || (polls && this.#pollTransmit())) this.transmit();
  }

  transmit(): void {
    const { csr } = this.#host;
    const { sending } = this;
    // Packets that are sent now may order more to be sent.
    if (this.#isSending || sending.left > 0) return;
    if ((csr[0] & r.CSR0_TXON) === 0) {
      csr[0] &= ~r.CSR0_TDMD;
      return;
    }
    sending.size = -1;
    sending.left = csr[XMTRL] === 0 ? RING_MAX : csr[XMTRL];
    this.bottomHalf.kick();
  }

  /** Puts a packet into the guest's buffers, or counts it as missed. */
  receive(packet: Packet, match: Match): void {
    const { csr } = this.#host;
    const loop = this.#loop;
    let size = packet.length;
    const frame = new Uint8Array(Math.max(Math.min(size, LONGEST), SHORTEST_PACKET) + CHECKSUM_BYTES);
    frame.set(packet.subarray(0, LONGEST));
    size = frame.length - CHECKSUM_BYTES;
    let hasError = false;
    if (loop === undefined) {
      size += CHECKSUM_BYTES;
    } else {
      const sum = loopChecksum(frame.subarray(0, size));
      const behind = new DataView(this.buffer.buffer);
      if (loop === 'adds' || (csr[15] & r.CSR15_DXMTFCS) === 0 || size < SHORTEST_PACKET + CHECKSUM_BYTES) {
        behind.setUint32(size, sum);
        new DataView(frame.buffer).setUint32(size, sum);
        size += CHECKSUM_BYTES;
      } else {
        // QEMU: the checksum is looked for behind the packet, where another may have left it.
        hasError = behind.getUint32(size) !== sum;
      }
    }
    this.#pollReceive();
    if ((csr[CRST] & r.MD_OWN) === 0 && this.#host.rings.receive !== 0) this.#findFree();
    if ((csr[CRST] & r.MD_OWN) === 0) {
      csr[0] |= r.CSR0_MISS;
      csr[MISSC]++;
      return;
    }
    this.#store(frame.subarray(0, size), match, hasError);
  }

  get isLooping(): boolean {
    return this.#loop !== undefined;
  }

  get #layout(): PcnetLayout {
    return new PcnetLayout(this.#host.bcr[r.BCR_SWS]);
  }

  /** Spec: CSR2: an address of 24 bits is completed by its upper byte. */
  #physical(address: number): number {
    if (this.#layout.is32Bit) return address;
    return ((address & 0xff_ffff) | ((this.#host.csr[2] & 0xff00) << 16)) >>> 0;
  }

  #pair(register: number): number {
    const { csr } = this.#host;
    return csr[register] + csr[register + 1] * 0x1_0000;
  }

  #setPair(register: number, value: number): void {
    this.#host.csr[register] = value & 0xffff;
    this.#host.csr[register + 1] = value >>> 16;
  }

  /** The receive descriptor at that distance from the ring's end. */
  #receiveEntry(fromEnd: number): number {
    const length = this.#host.csr[RCVRL];
    let count = fromEnd;
    // QEMU hangs where the ring has no length.
    if (count < 1 && length > 0) count += length * Math.ceil((1 - count) / length);
    return (this.#host.rings.receive + (length - count) * this.#layout.bytes) >>> 0;
  }

  #pollReceive(): void {
    const { csr, dma, rings } = this.#host;
    this.#setPair(CRDA, 0);
    if (rings.receive !== 0) {
      const entries = [0, -1, -2].map((more) => this.#receiveEntry(csr[RCVRC] + more));
      const isBad = entries.some((at) => {
        const descriptor = this.#layout.load(dma, this.#physical(at), true);
        return !hasOnes(descriptor) || (descriptor.result & RESULT_ZEROS) !== 0;
      });
      const [current, next, afterNext] = isBad ? [0, 0, 0] : entries;
      if (!isBad) {
        this.#setPair(CRDA, current);
        this.#setPair(NRDA, next);
        this.#setPair(NNRD, afterNext);
      }
    }
    this.#tell(this.#pair(CRDA), CRBC, CRST);
    this.#tell(this.#pair(NRDA), NRBC, NRST);
  }

  /** Shows a descriptor's length and status in two registers. */
  #tell(at: number, length: number, status: number): void {
    const { csr, dma } = this.#host;
    const descriptor = at === 0 ? undefined : this.#layout.load(dma, this.#physical(at), true);
    csr[length] = (descriptor?.length ?? 0) & 0xfff;
    csr[status] = descriptor?.status ?? 0;
  }

  /** True: the driver wants it to be sent. */
  #pollTransmit(): boolean {
    const { csr, dma, rings } = this.#host;
    this.#setPair(CXDA, 0);
    if (rings.transmit !== 0) {
      const at = (rings.transmit + (csr[XMTRL] - csr[XMTRC]) * this.#layout.bytes) >>> 0;
      if (hasOnes(this.#layout.load(dma, this.#physical(at), false))) {
        this.#setPair(PXDA, this.#pair(CXDA));
        csr[PXBC] = csr[CXBC];
        csr[PXST] = csr[CXST];
        this.#setPair(CXDA, at);
      }
    }
    this.#tell(this.#pair(CXDA), CXBC, CXST);
    return (csr[CXST] & r.MD_OWN) !== 0;
  }

  #serve(portion: Portion): boolean {
    this.#isSending = true;
    while (this.sending.left > 0 && hasRoom(portion)) {
      portion.descriptors--;
      if (this.#pollTransmit()) this.#sendDescriptor(portion);
      else this.#ranDry();
    }
    this.#isSending = false;
    this.#host.changed();
    return this.sending.left > 0;
  }

  /** The driver has no more; of a packet that is not complete that is an error. */
  #ranDry(): void {
    const { csr, dma } = this.#host;
    const { sending } = this;
    if (sending.size < 0) {
      sending.left = 0;
      return;
    }
    const first = this.#layout.load(dma, sending.at, false);
    first.result = (first.result | r.TMD2_BUFF | r.TMD2_UFLO) >>> 0;
    first.status = (first.status | r.MD_ERR) & ~r.MD_OWN;
    this.#layout.store(dma, sending.at, first, false);
    csr[0] |= r.CSR0_TINT;
    if ((csr[3] & r.CSR3_DXSUFLO) === 0) {
      csr[0] &= ~r.CSR0_TXON;
      sending.left = 0;
    } else sending.left--;
  }

  #sendDescriptor(portion: Portion): void {
    const { csr, dma } = this.#host;
    const { sending } = this;
    const at = this.#physical(this.#pair(CXDA));
    const descriptor = this.#layout.load(dma, at, false);
    this.#collect(descriptor, at, portion);
    descriptor.status &= ~r.MD_OWN;
    this.#layout.store(dma, at, descriptor, false);
    const isQuiet = (csr[5] & r.CSR5_TOKINTD) !== 0;
    const wantsLast = (csr[5] & r.CSR5_LTINTEN) !== 0 && (descriptor.status & r.TMD_LTINT) !== 0;
    if (!isQuiet || wantsLast) csr[0] |= r.CSR0_TINT;
    csr[XMTRC] = csr[XMTRC] <= 1 ? csr[XMTRL] : csr[XMTRC] - 1;
    sending.left--;
  }

  /** Adds what a descriptor has to the packet, and sends it when it is complete. */
  #collect(descriptor: PcnetDescriptor, at: number, portion: Portion): void {
    const { csr, bcr, dma } = this.#host;
    const { sending } = this;
    if ((descriptor.status & r.MD_STP) !== 0) {
      sending.size = 0;
      sending.at = at;
      if ((bcr[r.BCR_SWS] & 0xff) !== 1) sending.addsChecksum = (descriptor.status & r.TMD_ADD_FCS) !== 0;
    }
    const isInside =
      (csr[15] & r.CSR15_LOOP) !== 0 &&
      ((csr[15] & r.CSR15_INTL) !== 0 || (bcr[r.BCR_MC] & r.MC_TMAULOOP) !== 0);
    if (!this.#host.hasLink && !isInside) {
      descriptor.result = (descriptor.result | r.TMD2_LCAR) >>> 0;
      descriptor.status |= r.MD_ERR;
      csr[0] |= r.CSR0_ERR | r.CSR0_CERR;
      sending.size = -1;
      return;
    }
    if (sending.size < 0) return;
    const length = lengthOf(descriptor);
    // QEMU: a packet that is too long for the buffer is left out.
    if (sending.size + length > LONGEST) {
      sending.size = -1;
      return;
    }
    dma.read(this.#physical(descriptor.buffer), this.buffer.subarray(sending.size, sending.size + length));
    sending.size += length;
    portion.bytes -= length;
    if ((descriptor.status & r.MD_ENP) === 0) return;
    portion.requests--;
    this.#send(descriptor);
    csr[0] &= ~r.CSR0_TDMD;
    // QEMU: not the event, but what keeps it from interrupting.
    csr[4] |= r.CSR4_TXSTRTM;
    sending.size = -1;
  }

  #send(descriptor: PcnetDescriptor): void {
    const { csr, bcr } = this.#host;
    const { sending } = this;
    const packet = this.buffer.slice(0, sending.size);
    if ((csr[15] & r.CSR15_LOOP) === 0) {
      this.#host.send(packet);
      return;
    }
    // In that style the bit says that the checksum is there.
    const adds =
      (bcr[r.BCR_SWS] & 0xff) === 1 ? (descriptor.status & r.TMD_ADD_FCS) === 0 : sending.addsChecksum;
    this.#loop = adds ? 'adds' : 'has';
    this.#host.send(packet);
    this.#loop = undefined;
  }

  /** The driver owns the current receive descriptor: the next one that it does not is taken. */
  #findFree(): void {
    const { csr, dma, rings } = this.#host;
    const { bytes } = this.#layout;
    let count = csr[RCVRC] - 1;
    for (let n = 1; n < Math.min(csr[RCVRL], SEARCHED); n++, count--) {
      if (count <= 1) count = csr[RCVRL];
      const at = (rings.receive + (csr[RCVRL] - count) * bytes) >>> 0;
      const { status } = this.#layout.load(dma, this.#physical(at), true);
      if ((status & r.MD_OWN) === 0) continue;
      csr[RCVRC] = count;
      this.#pollReceive();
      return;
    }
  }

  #store(frame: Uint8Array, match: Match, hasError: boolean): void {
    const { csr, dma } = this.#host;
    let at = this.#physical(this.#pair(CRDA));
    let left = frame;
    let used = 0;
    const fill = (descriptor: PcnetDescriptor): void => {
      const part = left.subarray(0, lengthOf(descriptor));
      dma.write(this.#physical(descriptor.buffer), part);
      left = left.subarray(part.length);
      descriptor.status &= ~r.MD_OWN;
      this.#layout.store(dma, at, descriptor, true);
      used++;
    };
    const first = this.#layout.load(dma, at, true);
    first.status |= r.MD_STP;
    fill(first);
    for (const register of [NRDA, NNRD]) {
      if (left.length === 0 || this.#pair(register) === 0) break;
      const next = this.#physical(this.#pair(register));
      const descriptor = this.#layout.load(dma, next, true);
      if ((descriptor.status & r.MD_OWN) === 0) break;
      at = next;
      fill(descriptor);
    }
    const last = this.#layout.load(dma, at, true);
    this.#finish(last, left.length === 0, frame.length, match, hasError);
    this.#layout.store(dma, at, last, true);
    csr[0] |= r.CSR0_RINT;
    for (; used > 0; used--) csr[RCVRC] = csr[RCVRC] <= 1 ? csr[RCVRL] : csr[RCVRC] - 1;
    this.#pollReceive();
  }

  #finish(last: PcnetDescriptor, isWhole: boolean, length: number, match: Match, hasError: boolean): void {
    if (!isWhole) {
      last.status |= r.RMD_OFLO | r.RMD_BUFF | r.MD_ERR;
      return;
    }
    last.result = ((last.result & ~RESULT_LENGTH) | (length & RESULT_LENGTH)) >>> 0;
    const flags =
      (match.physical ? r.RMD_PAM : 0) | (match.group ? r.RMD_LAFM : 0) | (match.broadcast ? r.RMD_BAM : 0);
    last.status = (last.status & ~(r.RMD_PAM | r.RMD_LAFM | r.RMD_BAM)) | flags | r.MD_ENP;
    if (hasError) last.status |= r.RMD_CRC | r.MD_ERR;
  }
}

/** QEMU: of a packet that goes round the checksum is not inverted, and has its most significant byte first. */
function loopChecksum(bytes: Uint8Array): number {
  return ~frameChecksum(bytes) >>> 0;
}
