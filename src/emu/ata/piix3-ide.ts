/** 82371SB (PIIX3) function 1: two IDE channels in compatibility mode, and their bus masters. Spec: Intel 290550 §2.3, ATA/ATAPI-6. */
import type { AddressSpace } from '../bus/address-space.ts';
import type { Clock } from '../core/clock.ts';
import type { IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_STATUS_DEVSEL_MEDIUM, PCI_STATUS_FAST_BACK } from '../pci/config-space.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';
import type { Geometry } from './ata-device.ts';
import { AtaTasks } from './ata-tasks.ts';
import { BM_BYTES } from './bus-master.ts';
import { COMMAND_BLOCK_BYTES, IdeChannel } from './ide-channel.ts';
import { currentState, type Piix3IdeState, piix3IdeFields } from './piix3-ide-state.ts';

export const PIIX3_IDE_DEVFN = 0x09;

const PCI_DEVICE_ID_INTEL_82371SB_1 = 0x7010;
/** Class IDE; programming interface: compatibility mode only, with bus masters. */
const PCI_CLASS_STORAGE_IDE = 0x010180;
const BMDMA_BAR = 4;
/** IDETIM: one timing register per channel; bit 15 decodes the channel's ports. */
const IDETIM = 0x40;
const IDETIM_DECODE_ENABLE = 0x8000;

const CHANNELS = [
  { command: 0x1f0, control: 0x3f6 },
  { command: 0x170, control: 0x376 },
] as const;

/** As firmware is told of a disk. */
export type DiskShape = Geometry & { readonly translation: number };

export interface Piix3IdeWiring {
  readonly ports: AddressSpace;
  /** The channels' interrupts: ISA IRQ 14 and 15. */
  readonly irqs: readonly [IrqLine, IrqLine];
  readonly clock: Clock;
  readonly trace: Trace;
}

export class Piix3Ide extends PciDevice<Piix3IdeState> {
  readonly vmstate = { name: 'ide', version: 3, fields: piix3IdeFields(this.pciFields) };
  readonly tasks: AtaTasks;
  readonly channels: readonly [IdeChannel, IdeChannel];

  constructor({ ports, irqs, clock, trace }: Piix3IdeWiring) {
    super({
      type: 'piix3-ide',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82371SB_1,
      classCode: PCI_CLASS_STORAGE_IDE,
      status: PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM,
    });
    const tasks = new AtaTasks(clock);
    this.tasks = tasks;
    const channel = (n: 0 | 1): IdeChannel => {
      const made = new IdeChannel({ memory: this.dma, tasks, irq: irqs[n], trace });
      // QEMU: the legacy ports answer whatever COMMAND and IDETIM say.
      const { command, control } = CHANNELS[n];
      ports.map(command, COMMAND_BLOCK_BYTES, made.handler(command), { name: 'ide' });
      ports.map(control, 1, made.control(control), { name: 'ide' });
      return made;
    };
    this.channels = [channel(0), channel(1)];
    const masterAt = (offset: number) => this.channels[offset < BM_BYTES ? 0 : 1].master;
    const masters: IoHandler = {
      read: (offset, size) => masterAt(offset).read(offset % BM_BYTES, size),
      write: (offset, size, value) => masterAt(offset).write(offset % BM_BYTES, size, value),
    };
    this.addBar({ index: BMDMA_BAR, kind: 'io', sizeBytes: CHANNELS.length * BM_BYTES, handler: masters });
  }

  reset(): void {
    this.resetPci();
    this.tasks.reset();
    for (const channel of this.channels) channel.reset();
  }

  save(): Piix3IdeState {
    const saved = this.channels.map((channel) => channel.save());
    return {
      pci: this.savePci(),
      channels: saved.map(({ state }) => state),
      kept: saved.map(({ kept }) => kept),
      bottomHalf: this.tasks.save(),
    };
  }

  /** Guest memory must be restored before: what was under way goes on when the drives are restored too. */
  restore(state: Piix3IdeState): void {
    const { pci, channels, kept, bottomHalf } = currentState(state);
    this.restorePci(pci);
    this.tasks.restore(bottomHalf);
    for (const [n, channel] of this.channels.entries()) channel.restore(channels[n], kept[n]);
    const units = this.channels.flatMap((channel) => channel.units).filter(({ s }) => s.work !== null);
    if (units.length === 0) return;
    void Promise.resolve().then(() => {
      for (const unit of units) unit.resume();
    });
  }

  /** The geometry of the disks at its four places; undefined: there is none. */
  get disks(): readonly (DiskShape | undefined)[] {
    const units = this.channels.flatMap((channel) => channel.units);
    return units.map(({ device }) => {
      if (device?.properties.kind !== 'hd') return undefined;
      const { geometry, translation } = device.properties;
      return { ...geometry, translation };
    });
  }

  /** Leaves the registers as SeaBIOS does. */
  firmwareSetup(): void {
    this.configWrite(IDETIM, 2, IDETIM_DECODE_ENABLE);
    this.configWrite(IDETIM + 2, 2, IDETIM_DECODE_ENABLE);
  }
}
