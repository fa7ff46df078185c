/**
 * Intel's 82574L: control, link, and how its parts hang together. Its registers are in `e1000e-register-table.ts`, its interrupts in
 * `e1000e-interrupts.ts`, its rings in `e1000e-receive.ts` and `e1000e-transmit.ts`.
 * Spec: Intel 82574 GbE Controller Family Datasheet (317694). What of it is done, and in what order, is QEMU's.
 *
 * Not modelled: times of packets, waking a machine, management; their registers hold what is written, as QEMU's do.
 */
import type { Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { BOOLEAN, bytes, DEADLINE_NS, DWORD, record, typedArray } from '../core/state-fields.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import { Msi } from '../pci/msi.ts';
import { Msix, type MsixState } from '../pci/msix.ts';
import { PCI_VENDOR_ID_INTEL, type PciState } from '../pci/pci-device.ts';
import { deadlineOf, restoreTimer } from './deadline.ts';
import { E1000Phy, type PhyHost, phyState } from './e1000-phy.ts';
import { addExpress, addPower, MSI_AT, MSIX_AT, resetPower } from './e1000e-config.ts';
import { E1000eInterrupts, INTERRUPTS_STATE, type InterruptsState, VECTORS } from './e1000e-interrupts.ts';
import { E1000eNvm, NVM_WORDS, nvmOf } from './e1000e-nvm.ts';
import { E1000E_PHY } from './e1000e-phy.ts';
import { E1000eReceive } from './e1000e-receive.ts';
import {
  E1000E_BLOCKS,
  E1000E_REGISTERS,
  E1000E_WRITE_ONLY,
  e1000eRegister,
} from './e1000e-register-table.ts';
import * as r from './e1000e-registers.ts';
import { E1000eQueue, QUEUE_STATE, type QueueState } from './e1000e-transmit.ts';
import { NicCard, type NicWiring } from './nic-card.ts';

const DEVICE_ID = 0x10d3;
const FLASH_BYTES = 0x2_0000;
const IO_BYTES = 32;
const MSIX_BAR = 3;
const MSIX_BYTES = 0x4000;
const PBA_AT = 0x2000;
const IO_DATA = 4;
const ETHERTYPE_VLAN = 0x8100;
const PCI_CACHE_LINE_SIZE = 0x0c;
const CACHE_LINE_SIZE = 0x10;
const NEGOTIATION_NS = 500_000_000;

/** QEMU: what registers hold after a reset, but for addresses. */
const AT_RESET: readonly (readonly [register: number, value: number])[] = [
  ...([
    [r.CTRL, 0x0014_0241],
    [r.STATUS, 0x0000_0202],
    [r.EECD, 0x0300],
    [r.EERD, 0x2],
    [r.TIPG, 0x0060_2008],
    [r.LEDCTL, 0x0006_8302],
  ] as const),
  ...([
    [0x00f00, 0x8],
    [0x00f10, 0x30d],
    [r.PBA, 0x0014_0014],
    [0x01008, 0x28],
    [0x01010, 0x8000_0000],
    [0x01028, 0x2],
    [r.EEWR, 0x2],
  ] as const),
  ...([
    [0x01030, 0xc000_0000],
    [0x01050, 0x1],
    [r.PSRCTL, 0x0004_0402],
    [0x02828, 0x0001_0000],
    [0x02928, 0x0001_0000],
  ] as const),
  ...([
    [r.TDFH, 0x600],
    [r.TDFT, 0x600],
    [r.TDFHS, 0x600],
    [r.TDFTS, 0x600],
    [r.TARC0, 0x403],
    [r.TARC1, 0x403],
  ] as const),
  ...([
    [r.RXCSUM, 0x300],
    [r.MANC, 0x1000_0000],
    [r.GCR, 0x0680_0200],
    [0x05b30, 0x2000_0004],
    [r.SWSM, 0x1],
    [0x0b634, 0x88f7],
    [0x0b638, 0x319],
  ] as const),
];

export interface E1000eOptions {
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  /** VET holds the usual type of a VLAN's frames after a reset. */
  readonly initVet: boolean;
}

export type E1000eState = {
  readonly pci: PciState;
  readonly msix: MsixState;
  readonly mac: Uint32Array;
  readonly phy: Uint16Array;
  readonly nvm: Uint16Array;
  readonly interrupts: InterruptsState;
  readonly queue0: QueueState;
  readonly queue1: QueueState;
  /** Its address, as monitors show it. */
  readonly address: Uint8Array;
  /** What the ports lead to. */
  readonly ioAddress: number;
  readonly linkUp: boolean;
  /** When the negotiation is over. */
  readonly negotiationNs: number | null;
};

export class E1000e extends NicCard<E1000eState> implements PhyHost {
  static readonly registers = E1000E_REGISTERS;

  readonly canNegotiate = true;
  readonly mac: r.MacRegisters = new Uint32Array(r.REGISTER_WORDS);
  readonly msi: Msi;
  readonly msix: Msix;
  readonly nvm: E1000eNvm;
  readonly interrupts: E1000eInterrupts;
  readonly vmstate;
  readonly #burnedMac: Uint8Array;
  readonly #initVet: boolean;
  readonly #phy: E1000Phy;
  readonly #receive: E1000eReceive;
  readonly #queues: readonly [E1000eQueue, E1000eQueue];
  readonly #negotiation: Timer;
  readonly #address = new Uint8Array(MAC_BYTES);
  #ioAddress = 0;

  constructor(options: E1000eOptions, wiring: NicWiring) {
    const { subsystemVendorId, subsystemId, initVet } = options;
    const identity = { vendorId: PCI_VENDOR_ID_INTEL, deviceId: DEVICE_ID, subsystemVendorId, subsystemId };
    super({ type: 'e1000e', ...identity }, wiring);
    this.#burnedMac = wiring.mac;
    this.#initVet = initVet;
    this.msix = new Msix(this, {
      ...{ bar: MSIX_BAR, sizeBytes: MSIX_BYTES, tableOffset: 0, pbaOffset: PBA_AT },
      ...{ capabilityOffset: MSIX_AT, vectors: VECTORS },
    });
    addExpress(this.config);
    this.msi = new Msi(this, { offset: MSI_AT, vectors: 1, is64Bit: true, isMaskable: false });
    addPower(this.config);
    this.nvm = new E1000eNvm(nvmOf(wiring.mac, DEVICE_ID), this.mac);
    this.interrupts = new E1000eInterrupts(this, this.clock);
    this.#phy = new E1000Phy(this, E1000E_PHY);
    this.#receive = new E1000eReceive(this);
    this.#queues = [new E1000eQueue(this, 0, this.clock), new E1000eQueue(this, 1, this.clock)];
    this.#negotiation = this.clock.timer(() => this.#negotiated());
    this.vmstate = {
      name: 'e1000e',
      version: 1,
      fields: record<E1000eState>({
        ...{ pci: this.pciFields, msix: this.msix.fields, mac: typedArray(Uint32Array, r.REGISTER_WORDS) },
        ...{ phy: phyState(E1000E_PHY.pages), nvm: typedArray(Uint16Array, NVM_WORDS) },
        ...{ interrupts: INTERRUPTS_STATE, queue0: QUEUE_STATE, queue1: QUEUE_STATE },
        ...{ address: bytes(MAC_BYTES), ioAddress: DWORD, linkUp: BOOLEAN, negotiationNs: DEADLINE_NS },
      }),
    };
    const memory = this.#memory();
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: r.REGISTER_SPACE_BYTES, handler: memory });
    // QEMU: there is no flash behind it.
    const flash: IoHandler = { read: () => 0, write() {} };
    this.addBar({ index: 1, kind: 'mem32', sizeBytes: FLASH_BYTES, handler: flash });
    this.addBar({ index: 2, kind: 'io', sizeBytes: IO_BYTES, handler: this.#ports(memory) });
    this.addBar({ index: MSIX_BAR, kind: 'mem32', sizeBytes: MSIX_BYTES, handler: this.msix });
    this.reset();
  }

  reset(): void {
    this.resetPci();
    // QEMU: after a reset of the machine it is 0.
    this.config.set(PCI_CACHE_LINE_SIZE, 1, CACHE_LINE_SIZE);
    this.msix.reset();
    this.msi.reset();
    resetPower(this.config);
    this.#negotiation.cancel();
    this.#ioAddress = 0;
    this.#phy.reset();
    for (const queue of this.#queues) queue.reset();
    this.mac.fill(0);
    for (const [register, value] of AT_RESET) this.mac[register >> 2] = value;
    if (this.#initVet) this.mac[r.VET >> 2] = ETHERTYPE_VLAN;
    this.interrupts.reset();
    this.#resetAddress();
    if (this.client.linkDown) this.#linkDown();
  }

  abandon(): void {
    this.#negotiation.cancel();
    this.interrupts.cancel();
    for (const queue of this.#queues) queue.cancel();
  }

  save(): E1000eState {
    const [queue0, queue1] = this.#queues;
    return {
      ...{ pci: this.savePci(), msix: this.msix.save(), mac: this.mac.slice(), phy: this.#phy.save() },
      ...{ nvm: this.nvm.words.slice(), interrupts: this.interrupts.save() },
      ...{ queue0: queue0.save(), queue1: queue1.save(), ioAddress: this.#ioAddress },
      address: this.#address.slice(),
      ...{ linkUp: !this.client.linkDown, negotiationNs: deadlineOf(this.#negotiation) },
    };
  }

  restore(state: E1000eState): void {
    const [queue0, queue1] = this.#queues;
    this.msix.restore(state.msix);
    this.restorePci(state.pci);
    this.mac.set(state.mac);
    this.#phy.restore(state.phy);
    this.nvm.words.set(state.nvm);
    this.interrupts.restore(state.interrupts);
    queue0.restore(state.queue0);
    queue1.restore(state.queue1);
    this.#ioAddress = state.ioAddress;
    this.#address.set(state.address);
    this.client.linkDown = !state.linkUp;
    restoreTimer(this.#negotiation, state.negotiationNs);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.msi.configChanged(offset, size);
    this.msix.configChanged(offset, size);
  }

  /** As the driver has set it. */
  get address(): Uint8Array {
    return this.#address;
  }

  get hasMessages(): boolean {
    return this.msix.enabled;
  }

  get canReceive(): boolean {
    return this.#isReceiving && this.busMaster && this.#receive.hasRoom;
  }

  receive(packet: Packet): boolean {
    // To a card that is switched off packets wait. QEMU loses those that its wire has given away already.
    return this.#isReceiving && this.#receive.take(packet);
  }

  received(causes: number): void {
    this.interrupts.received(causes);
  }

  send(packet: Packet): void {
    const isLoopback = this.#phy.isLoopback || (this.mac[r.RCTL >> 2] & r.RCTL_LBM_MAC) !== 0;
    if (!isLoopback) this.client.send(packet);
    else if (this.canReceive) this.receive(packet);
  }

  sentCauses(causes: number, mayWait: boolean): void {
    this.interrupts.sent(causes, mayWait);
  }

  transmit(queue: number): void {
    this.#queues[queue]?.kick();
  }

  linkChanged(): void {
    const before = this.mac[r.STATUS >> 2];
    if (this.client.linkDown) this.#linkDown();
    else if (this.#phy.negotiates && !this.#phy.isNegotiated) this.negotiate();
    else {
      this.mac[r.STATUS >> 2] |= r.STATUS_LU;
      this.#phy.linkUp();
      this.packetsMayFit();
    }
    if (this.mac[r.STATUS >> 2] !== before) this.interrupts.set(r.ICR_LSC);
  }

  negotiate(): void {
    if (this.trace.on) this.trace.event('e1000x_link_negotiation_start');
    this.#linkDown();
    this.#negotiation.arm(this.clock.nowNs() + NEGOTIATION_NS);
  }

  /** A counter's value, which begins anew. */
  take(register: number): number {
    const value = this.mac[register >> 2];
    this.mac[register >> 2] = 0;
    return value;
  }

  accessPhy(value: number): void {
    const answer = this.#phy.access(value, this.mac[r.MDIC >> 2]);
    this.mac[r.MDIC >> 2] = answer;
    if ((answer & r.MDIC_INT_EN) !== 0) this.interrupts.set(r.ICR_MDAC);
  }

  /** QEMU: a reset that is asked for here gives the card its address back, and does nothing else. */
  control(value: number): void {
    this.mac[r.CTRL >> 2] = value & ~r.CTRL_RST;
    if ((value & r.CTRL_RST) !== 0) this.#resetAddress();
    if ((value & r.CTRL_PHY_RST) !== 0) this.mac[r.STATUS >> 2] |= r.STATUS_PHYRA;
  }

  /** STATUS follows what the driver forces in CTRL. */
  get status(): number {
    const control = this.mac[r.CTRL >> 2];
    const isFullDuplex = (control & r.CTRL_FRCDPLX) === 0 || (control & r.CTRL_FD) !== 0;
    const isForced =
      (control & r.CTRL_FRCSPD) !== 0 || (this.mac[r.CTRL_EXT >> 2] & r.CTRL_EXT_SPD_BYPS) !== 0;
    const speed = isForced
      ? Math.min((control & r.CTRL_SPEED) >>> r.CTRL_SPEED_SHIFT, r.SPEED_1000)
      : r.SPEED_1000;
    const mastersBus = (control & r.CTRL_GIO_MASTER_DISABLE) === 0;
    return (
      (this.mac[r.STATUS >> 2] |
        (isFullDuplex ? r.STATUS_FD : 0) |
        (speed << r.STATUS_SPEED_SHIFT) |
        (mastersBus ? r.STATUS_GIO_MASTER : 0)) >>>
      0
    );
  }

  receiveControl(value: number): void {
    this.mac[r.RCTL >> 2] = value;
    if ((value & r.RCTL_EN) !== 0) this.packetsMayFit();
  }

  get #isReceiving(): boolean {
    return (this.mac[r.STATUS >> 2] & r.STATUS_LU) !== 0 && (this.mac[r.RCTL >> 2] & r.RCTL_EN) !== 0;
  }

  #resetAddress(): void {
    const view = new DataView(this.#burnedMac.buffer, this.#burnedMac.byteOffset);
    this.mac[r.RA >> 2] = view.getUint32(0, true);
    this.mac[(r.RA >> 2) + 1] = view.getUint16(4, true) | r.RAH_AV;
    this.#noteAddress();
  }

  /** QEMU: it is shown anew when its second half was written. */
  #noteAddress(): void {
    for (let n = 0; n < MAC_BYTES; n++) {
      this.#address[n] = this.mac[(r.RA >> 2) + (n >> 2)] >>> (8 * (n & 3));
    }
    if (this.trace.on) this.trace.event('e1000x_mac_indicate', ...this.#address);
  }

  #linkDown(): void {
    this.mac[r.STATUS >> 2] &= ~r.STATUS_LU;
    this.#phy.linkDown();
  }

  #negotiated(): void {
    if (this.client.linkDown) return;
    this.mac[r.STATUS >> 2] |= r.STATUS_LU;
    this.mac[r.CTRL >> 2] |= r.CTRL_TFCE | r.CTRL_RFCE;
    this.#phy.negotiated();
    if (this.trace.on) this.trace.event('e1000x_link_negotiation_done');
    this.packetsMayFit();
    this.interrupts.set(r.ICR_LSC);
  }

  /** QEMU: a register is read and written as a whole, whatever the size of the access. */
  #memory(): IoHandler {
    return {
      read: (offset, size) => this.#read(offset & ~3, size),
      write: (offset, _size, value) => this.#write(e1000eRegister(offset & ~3), value),
    };
  }

  #read(offset: number, size: AccessSize): number {
    const register = e1000eRegister(offset);
    const value = E1000E_WRITE_ONLY.has(offset) ? undefined : this.#value(register);
    if (value === undefined) {
      this.trace.guestError('e1000e register that cannot be read', offset);
      return 0;
    }
    return size === 4 ? value : value & (2 ** (8 * size) - 1);
  }

  #value(register: number): number | undefined {
    if (E1000E_BLOCKS[register >> 2] !== 0) return this.mac[register >> 2];
    return E1000E_REGISTERS.read(this, this.trace, register, 4);
  }

  #write(register: number, value: number): void {
    const bits = E1000E_BLOCKS[register >> 2];
    if (bits !== 0) this.mac[register >> 2] = value & bits;
    if (register === r.RA + 4) this.#noteAddress();
    if (bits !== 0) return;
    if (!E1000E_REGISTERS.write(this, this.trace, register, 4, value)) {
      this.trace.guestError('e1000e register that cannot be written', register);
    }
  }

  /** Spec: §10.2.1.2: one port says which register the other is. */
  #ports(memory: IoHandler): IoHandler {
    const target = (): number | undefined =>
      this.#ioAddress < r.REGISTER_SPACE_BYTES ? this.#ioAddress : undefined;
    return {
      read: (offset, size) => {
        if (offset === 0) return size === 4 ? this.#ioAddress : this.#ioAddress & (2 ** (8 * size) - 1);
        const register = offset === IO_DATA ? target() : undefined;
        return register === undefined ? 0 : memory.read(register, size);
      },
      write: (offset, size, value) => {
        if (offset === 0) this.#ioAddress = value;
        const register = offset === IO_DATA ? target() : undefined;
        if (register !== undefined) memory.write(register, size, value);
      },
    };
  }
}
