/** The SATA controller of an ICH9 in AHCI mode, with six ports. Spec: Serial ATA AHCI 1.3.1, Intel 316972 §15. */
import { RegisterTable, register } from '../bus/register-table.ts';
import { BOTTOM_HALF_STATE, type BottomHalfState, type Portion } from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { DWORD, list, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { Msi } from '../pci/msi.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice, type PciState } from '../pci/pci-device.ts';
import { AHCI_KEPT_STATE, AHCI_PORT_STATE, type AhciHba, AhciPort, type AhciPortState } from './ahci-port.ts';
import * as h from './ahci-registers.ts';
import type { AtaKeptState } from './ata-state.ts';
import { AtaTasks } from './ata-tasks.ts';

export const AHCI_PORTS = 6;
const PCI_DEVICE_ID_ICH9_AHCI = 0x2922;
const REVISION = 2;
/** Class SATA, AHCI. */
const PCI_CLASS_AHCI = 0x010601;
const PCI_CAP_ID_SATA = 0x12;
const SATA_CAP_OFFSET = 0xa8;
const SATA_CAP_BYTES = 8;
const SATA_REVISION_1_0 = 0x10;
/** Where the pair of index and data is: in BAR 4, at dword 4. */
const SATA_CAP_PAIR = 0x48;
const MSI_OFFSET = 0x80;
/** Address map register: AHCI mode. */
const AMR = 0x90;
const AMR_AHCI = 0x40;

const IDP_BAR = 4;
const IDP_BYTES = 32;
const IDP_INDEX = 0x10;
const IDP_DATA = 0x14;
const ABAR = 5;
const ABAR_BYTES = 0x1000;

/** 64-bit addresses, queues, AHCI only, 1.5 Gb/s, 32 slots; ports less one. */
const CAP = (0xc014_1f00 + (AHCI_PORTS - 1)) >>> 0;
const VERSION_1_0 = 0x0001_0000;

export type Ich9AhciState = {
  readonly pci: PciState;
  readonly ghc: number;
  readonly is: number;
  readonly index: number;
  readonly ports: readonly AhciPortState[];
  /** What a reset leaves as it is, of each port's device. */
  readonly kept: readonly AtaKeptState[];
  readonly bottomHalf: BottomHalfState;
};

type Field = Exclude<
  { [K in keyof AhciPort['s']]: AhciPort['s'][K] extends number ? K : never }[keyof AhciPort['s']],
  undefined
>;

const plain = (offset: number, name: string, help: string, field: Field) =>
  register<AhciPort>(offset, 4, name, help, {
    read: ({ s }) => s[field],
    write: ({ s }, value) => {
      s[field] = value;
    },
  });

export class Ich9Ahci extends PciDevice<Ich9AhciState> implements AhciHba {
  static readonly registers = new RegisterTable<Ich9Ahci>(
    {
      name: 'ahci',
      title: 'AHCI generic host control',
      place: 'BAR 5 of ich9-ahci, or index and data in BAR 4',
      spec: 'Serial ATA AHCI 1.3.1 §3.1',
    },
    [
      register(0x00, 4, 'CAP', 'what the controller can do', { read: () => CAP }),
      register(0x04, 4, 'GHC', 'AHCI is on, interrupts are, reset', {
        read: (hba) => hba.#s.ghc,
        write: (hba, value) => hba.#writeGhc(value),
      }),
      register(0x08, 4, 'IS', 'ports that interrupt; cleared by ones', {
        read: (hba) => hba.#s.is,
        write: (hba, value) => hba.#writeIs(value),
      }),
      register(0x0c, 4, 'PI', 'ports that there are', { read: () => 2 ** AHCI_PORTS - 1 }),
      register(0x10, 4, 'VS', 'version of AHCI', { read: () => VERSION_1_0 }),
    ],
  );
  static readonly portRegisters = new RegisterTable<AhciPort>(
    {
      name: 'ahci',
      title: 'AHCI port',
      place: 'BAR 5 of ich9-ahci, at 0x100 and each 0x80 bytes from there',
      spec: 'Serial ATA AHCI 1.3.1 §3.3',
    },
    [
      plain(0x00, 'PxCLB', 'address of the list of commands', 'clb'),
      plain(0x04, 'PxCLBU', 'the same, upper half', 'clbu'),
      plain(0x08, 'PxFB', 'address where FIS are received', 'fb'),
      plain(0x0c, 'PxFBU', 'the same, upper half', 'fbu'),
      register(0x10, 4, 'PxIS', 'why the port interrupts; cleared by ones', {
        read: ({ s }) => s.is,
        write: (port, value) => port.writeIs(value),
      }),
      register(0x14, 4, 'PxIE', 'which of that the driver wants to hear of', {
        read: ({ s }) => s.ie,
        write: (port, value) => port.writeIe(value),
      }),
      register(0x18, 4, 'PxCMD', 'starts commands, and the receipt of FIS', {
        read: ({ s }) => s.cmd,
        write: (port, value) => port.writeCmd(value),
      }),
      register(0x20, 4, 'PxTFD', 'status and error of the device', { read: ({ s }) => s.tfd }),
      register(0x24, 4, 'PxSIG', 'what kind of device there is', { read: ({ s }) => s.sig }),
      register(0x28, 4, 'PxSSTS', 'whether a device is there', { read: (port) => port.status }),
      register(0x2c, 4, 'PxSCTL', 'resets the port', {
        read: ({ s }) => s.sctl,
        write: (port, value) => port.writeSctl(value),
      }),
      register(0x30, 4, 'PxSERR', 'errors; cleared by ones', {
        read: ({ s }) => s.serr,
        write: ({ s }, value) => {
          s.serr = (s.serr & ~value) >>> 0;
        },
      }),
      register(0x34, 4, 'PxSACT', 'tags of queued commands that are not done', {
        read: ({ s }) => s.sact,
        write: ({ s }, value) => {
          s.sact = (s.sact | value) >>> 0;
        },
      }),
      register(0x38, 4, 'PxCI', 'slots of commands that are issued and not done', {
        read: ({ s }) => s.ci,
        write: (port, value) => port.writeCi(value),
      }),
    ],
  );
  readonly vmstate = {
    name: 'ich9_ahci',
    version: 1,
    fields: record<Ich9AhciState>({
      ...{ pci: this.pciFields, ghc: DWORD, is: DWORD, index: DWORD },
      ports: list(AHCI_PORT_STATE, AHCI_PORTS),
      kept: list(AHCI_KEPT_STATE, AHCI_PORTS),
      bottomHalf: BOTTOM_HALF_STATE,
    }),
  };
  readonly tasks: AtaTasks;
  readonly ports: readonly AhciPort[];
  readonly trace: Trace;
  readonly #msi: Msi;
  readonly #s = { ghc: h.GHC_AE, is: 0, index: 0 };

  constructor(clock: Clock, trace: Trace, id = '', multifunction = false) {
    super(
      {
        ...{ type: 'ich9-ahci', vendorId: PCI_VENDOR_ID_INTEL, deviceId: PCI_DEVICE_ID_ICH9_AHCI },
        ...{ revision: REVISION, classCode: PCI_CLASS_AHCI, interruptPin: 1, multifunction },
      },
      id,
    );
    this.trace = trace;
    this.config.set(AMR, 1, AMR_AHCI);
    // Spec: Intel 316972 §15.1: MSI is the first capability that is found, so it is made last.
    this.config.addCapability(PCI_CAP_ID_SATA, SATA_CAP_OFFSET, SATA_CAP_BYTES);
    this.config.set(SATA_CAP_OFFSET + 2, 2, SATA_REVISION_1_0);
    this.config.set(SATA_CAP_OFFSET + 4, 4, SATA_CAP_PAIR);
    this.#msi = new Msi(this, { offset: MSI_OFFSET, vectors: 1, is64Bit: true, isMaskable: false });
    this.tasks = new AtaTasks(clock, (portion) => this.#look(portion));
    this.ports = Array.from({ length: AHCI_PORTS }, (_, number) => new AhciPort(this, number));
    this.addBar({ index: IDP_BAR, kind: 'io', sizeBytes: IDP_BYTES, handler: this.#pair() });
    const registers: IoHandler = {
      read: (offset, size) => this.readRegister(offset, size),
      write: (offset, size, value) => this.writeRegister(offset, size, value),
    };
    this.addBar({ index: ABAR, kind: 'mem32', sizeBytes: ABAR_BYTES, handler: registers });
  }

  get memory(): DmaPort {
    return this.dma;
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.#msi.configChanged(offset, size);
  }

  /** A part of a register is read as what it has at those bytes. */
  readRegister(offset: number, size: AccessSize): number {
    const at = offset & ~3;
    const [port, register] = this.#portAt(at);
    const value =
      port === undefined
        ? Ich9Ahci.registers.read(this, this.trace, at, 4)
        : Ich9Ahci.portRegisters.read(port, this.trace, register, 4);
    return (((value ?? 0) >>> (8 * (offset - at))) & OPEN_BUS[size]) >>> 0;
  }

  /** QEMU: a write of a part of a register is one of all of it. */
  writeRegister(offset: number, size: AccessSize, value: number): void {
    if ((offset & 3) !== 0) return;
    const [port, register] = this.#portAt(offset);
    if (port === undefined) Ich9Ahci.registers.write(this, this.trace, offset, size, value);
    else Ich9Ahci.portRegisters.write(port, this.trace, register, size, value);
  }

  #portAt(offset: number): readonly [port: AhciPort | undefined, register: number] {
    if (offset < h.PORT_BASE) return [undefined, offset];
    const at = offset - h.PORT_BASE;
    return [this.ports[Math.floor(at / h.PORT_BYTES)], at % h.PORT_BYTES];
  }

  #pair(): IoHandler {
    return {
      read: (offset, size) => {
        if (offset === IDP_INDEX) return (this.#s.index & OPEN_BUS[size]) >>> 0;
        return offset === IDP_DATA ? this.readRegister(this.#s.index, size) : 0;
      },
      write: (offset, size, value) => {
        if (offset === IDP_INDEX) this.#s.index = value & (ABAR_BYTES - 1) & ~3;
        else if (offset === IDP_DATA) this.writeRegister(this.#s.index, size, value);
      },
    };
  }

  #writeGhc(value: number): void {
    if ((value & h.GHC_HR) !== 0) {
      this.#resetHost();
      return;
    }
    this.#s.ghc = (h.GHC_AE | (value & h.GHC_IE)) >>> 0;
    this.updateIrq();
  }

  #writeIs(value: number): void {
    this.#s.is = (this.#s.is & ~value) >>> 0;
    this.updateIrq();
  }

  #resetHost(): void {
    this.#s.is = 0;
    this.#s.ghc = h.GHC_AE;
    for (const port of this.ports) port.resetHost();
  }

  /** QEMU: each look at it that finds an interrupt sends a message. */
  updateIrq(): void {
    let pending = 0;
    for (const [n, port] of this.ports.entries()) if (port.pending) pending |= 1 << n;
    this.#s.is = pending;
    const level = pending !== 0 && (this.#s.ghc & h.GHC_IE) !== 0;
    if (!this.#msi.enabled) this.setIntx(level);
    else if (level) this.#msi.notify(0);
  }

  scheduleCommands(): void {
    this.tasks.schedule();
  }

  #look(portion: Portion): boolean {
    let isLeft = false;
    for (const port of this.ports) isLeft = port.look(portion) || isLeft;
    return isLeft;
  }

  /** It has left: nothing of it goes on. */
  abandon(): void {
    this.tasks.cancel();
  }

  reset(): void {
    this.resetPci();
    this.#msi.reset();
    this.tasks.reset();
    this.#s.index = 0;
    for (const port of this.ports) port.reset();
    this.#s.is = 0;
    this.#s.ghc = h.GHC_AE;
  }

  save(): Ich9AhciState {
    const saved = this.ports.map((port) => port.save());
    return {
      ...{ pci: this.savePci(), ...this.#s },
      ports: saved.map(({ state }) => state),
      kept: saved.map(({ kept }) => kept),
      bottomHalf: this.tasks.save(),
    };
  }

  /** Guest memory must be restored before: what was under way is read from it when the drives are restored too. */
  restore({ pci, ghc, is, index, ports, kept, bottomHalf }: Ich9AhciState): void {
    this.tasks.restore(bottomHalf);
    for (const [n, port] of this.ports.entries()) port.restore(ports[n], kept[n]);
    Object.assign(this.#s, { ghc, is, index: index & (ABAR_BYTES - 1) & ~3 });
    this.restorePci(pci);
    if (!ports.some(({ ci, queued, unit }) => ci !== 0 || queued.length > 0 || unit.work !== null)) return;
    void Promise.resolve().then(() => {
      for (const port of this.ports) port.resume();
    });
  }
}
