/** 82371SB (PIIX3) function 1: two IDE channels in compatibility mode, and their bus masters. Spec: Intel 290550 §2.3, ATA-4. */
import type { AddressSpace } from '../bus/address-space.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { BOOLEAN, BYTE, DWORD, list, mask, record } from '../core/state-fields.ts';
import { PCI_STATUS_DEVSEL_MEDIUM, PCI_STATUS_FAST_BACK } from '../pci/config-space.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';

export const PIIX3_IDE_DEVFN = 0x09;

const PCI_DEVICE_ID_INTEL_82371SB_1 = 0x7010;
/** Class IDE; programming interface: compatibility mode only, with bus masters. */
const PCI_CLASS_STORAGE_IDE = 0x010180;
const BMDMA_BAR = 4;
const BMDMA_SIZE = 16;
const BMDMA_CHANNEL_SIZE = 8;
/** IDETIM: one timing register per channel; bit 15 decodes the channel's ports. */
const IDETIM = 0x40;
const IDETIM_DECODE_ENABLE = 0x8000;

/** Command block: data, error/features, count, LBA ×3, device, status/command. */
const COMMAND_PORTS = 8;
const DEVICE = 6;
const DEVICE_DEV = 0x10;
const STATUS_COMMAND = 7;
const DEVICE_CONTROL_nIEN = 0x02;
const DEVICE_CONTROL_SRST = 0x04;

const BM_COMMAND = 0;
const BM_STATUS = 2;
const BM_ADDRESS = 4;
const BM_CMD_START = 0x01;
const BM_CMD_READ = 0x08;
const BM_STATUS_DMAING = 0x01;
const BM_STATUS_ERROR = 0x02;
const BM_STATUS_INT = 0x04;
/** Drive 0 and 1 capable of DMA: plain memory for software. */
const BM_STATUS_CAPABLE = 0x60;

const CHANNELS = [
  { command: 0x1f0, control: 0x3f6 },
  { command: 0x170, control: 0x376 },
] as const;

export type IdeChannelState = {
  readonly device: number;
  readonly control: number;
  readonly irq: boolean;
  readonly bmCommand: number;
  readonly bmStatus: number;
  readonly bmAddress: number;
};

const CHANNEL_STATE = record<IdeChannelState>({
  device: mask(DEVICE_DEV),
  control: BYTE,
  irq: BOOLEAN,
  bmCommand: mask(BM_CMD_START | BM_CMD_READ),
  bmStatus: mask(BM_STATUS_CAPABLE | BM_STATUS_DMAING | BM_STATUS_ERROR | BM_STATUS_INT),
  bmAddress: DWORD,
});

const POWER_ON = { device: 0, control: 0, irq: false, bmCommand: 0, bmStatus: 0, bmAddress: 0 };

/** One channel without drives: its task file reads 0, every command to drive 0 is aborted with an interrupt. */
class IdeChannel {
  readonly #irq: IrqLine;
  readonly #s = { ...POWER_ON };

  constructor(irq: IrqLine) {
    this.#irq = irq;
  }

  readCommandBlock(offset: number, size: AccessSize): number {
    // QEMU: with no drive on the channel all registers read 0; STATUS withdraws the interrupt all the same.
    if (offset + size > STATUS_COMMAND) this.#setIrq(false);
    return offset === 0 || size <= 2 ? 0 : OPEN_BUS[size];
  }

  writeCommandBlock(offset: number, value: number): void {
    if (offset === DEVICE) this.#s.device = value & DEVICE_DEV;
    else if (offset === STATUS_COMMAND) this.#command();
  }

  /** QEMU: SRST is over at once, and its diagnostic ends like a command; the selection stays. */
  writeControl(value: number): void {
    this.#s.control = value & 0xff & ~DEVICE_CONTROL_SRST;
    if ((value & DEVICE_CONTROL_SRST) !== 0) this.#complete();
  }

  readBusMaster(offset: number, size: AccessSize): number {
    if (offset >= BM_ADDRESS)
      return ((this.#s.bmAddress >>> (8 * (offset - BM_ADDRESS))) & OPEN_BUS[size]) >>> 0;
    if (size !== 1) return OPEN_BUS[size];
    if (offset === BM_COMMAND) return this.#s.bmCommand;
    return offset === BM_STATUS ? this.#s.bmStatus : OPEN_BUS[1];
  }

  writeBusMaster(offset: number, size: AccessSize, value: number): void {
    if (offset >= BM_ADDRESS) this.#writeAddress(offset - BM_ADDRESS, size, value);
    else if (size !== 1) return;
    else if (offset === BM_COMMAND) this.#writeBmCommand(value);
    else if (offset === BM_STATUS) {
      const kept = this.#s.bmStatus & BM_STATUS_DMAING;
      const cleared = this.#s.bmStatus & ~value & (BM_STATUS_ERROR | BM_STATUS_INT);
      this.#s.bmStatus = (value & BM_STATUS_CAPABLE) | kept | cleared;
    }
  }

  reset(): void {
    Object.assign(this.#s, POWER_ON);
    this.#irq.set(false);
  }

  save(): IdeChannelState {
    return { ...this.#s };
  }

  restore(state: IdeChannelState): void {
    Object.assign(this.#s, state);
    this.#irq.set(state.irq);
  }

  #command(): void {
    if (this.#s.device !== 0) return;
    this.#setIrq(false);
    this.#complete();
  }

  #complete(): void {
    if ((this.#s.control & DEVICE_CONTROL_nIEN) !== 0) return;
    this.#s.bmStatus |= BM_STATUS_INT;
    this.#setIrq(true);
  }

  #setIrq(level: boolean): void {
    this.#s.irq = level;
    this.#irq.set(level);
  }

  /** Not modelled: transfers, as there is never a drive that has one ready. */
  #writeBmCommand(value: number): void {
    const start = (value & BM_CMD_START) !== 0;
    if (start !== ((this.#s.bmCommand & BM_CMD_START) !== 0)) {
      this.#s.bmStatus = start ? this.#s.bmStatus | BM_STATUS_DMAING : this.#s.bmStatus & ~BM_STATUS_DMAING;
    }
    this.#s.bmCommand = value & (BM_CMD_START | BM_CMD_READ);
  }

  #writeAddress(offset: number, size: AccessSize, value: number): void {
    const shift = 8 * offset;
    const mask = (OPEN_BUS[size] << shift) >>> 0;
    this.#s.bmAddress = (((this.#s.bmAddress & ~mask) | (value << shift)) & ~3) >>> 0;
  }
}

export type Piix3IdeState = { readonly pci: PciState; readonly channels: readonly IdeChannelState[] };

export class Piix3Ide extends PciDevice<Piix3IdeState> {
  readonly vmstate = {
    name: 'ide',
    version: 3,
    fields: record<Piix3IdeState>({ pci: this.pciFields, channels: list(CHANNEL_STATE, CHANNELS.length) }),
  };
  readonly #channels: readonly IdeChannel[];

  /** @param irqs the channels' interrupts: ISA IRQ 14 and 15 */
  constructor(ports: AddressSpace, irqs: readonly [IrqLine, IrqLine]) {
    super({
      type: 'piix3-ide',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82371SB_1,
      classCode: PCI_CLASS_STORAGE_IDE,
      status: PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM,
    });
    this.#channels = irqs.map((irq) => new IdeChannel(irq));
    for (const [i, channel] of this.#channels.entries()) {
      // QEMU: the legacy ports answer whatever COMMAND and IDETIM say.
      ports.map(CHANNELS[i].command, COMMAND_PORTS, commandBlock(channel), { name: 'ide' });
      const control: IoHandler = {
        read: () => 0,
        write: (_offset, _size, value) => channel.writeControl(value),
      };
      ports.map(CHANNELS[i].control, 1, control, { name: 'ide' });
    }
    this.addBar({ index: BMDMA_BAR, kind: 'io', sizeBytes: BMDMA_SIZE, handler: this.#busMasters() });
  }

  reset(): void {
    this.resetPci();
    for (const channel of this.#channels) channel.reset();
  }

  save(): Piix3IdeState {
    return { pci: this.savePci(), channels: this.#channels.map((channel) => channel.save()) };
  }

  restore({ pci, channels }: Piix3IdeState): void {
    this.restorePci(pci);
    for (const [i, channel] of this.#channels.entries()) channel.restore(channels[i]);
  }

  /** Leaves the registers as SeaBIOS does. */
  firmwareSetup(): void {
    this.configWrite(IDETIM, 2, IDETIM_DECODE_ENABLE);
    this.configWrite(IDETIM + 2, 2, IDETIM_DECODE_ENABLE);
  }

  #busMasters(): IoHandler {
    const channelAt = (offset: number) => this.#channels[offset < BMDMA_CHANNEL_SIZE ? 0 : 1];
    return {
      read: (offset, size) => channelAt(offset).readBusMaster(offset % BMDMA_CHANNEL_SIZE, size),
      write: (offset, size, value) =>
        channelAt(offset).writeBusMaster(offset % BMDMA_CHANNEL_SIZE, size, value),
    };
  }
}

/** The data port takes 2 and 4 bytes; the other registers are bytes, so that a word is two of them. */
function commandBlock(channel: IdeChannel): IoHandler {
  return {
    read: (offset, size) => channel.readCommandBlock(offset, size),
    write: (offset, size, value) => {
      if (offset === 0 || size === 4) return;
      for (let i = 0; i < size; i++) channel.writeCommandBlock(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };
}
