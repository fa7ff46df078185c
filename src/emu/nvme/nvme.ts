/** An NVMe controller on PCI. Spec: NVM Express Base 1.4; what of it is there, and in what order it is done, is QEMU's. */
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { bytes, DWORD, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { Msix, type MsixState } from '../pci/msix.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';
import { alignedPieces } from './nvme-access.ts';
import { type AdminHost, takeData } from './nvme-admin.ts';
import { NVME_COMMANDS_STATE, NvmeCommands, type NvmeCommandsState } from './nvme-commands.ts';
import { NVME_EVENTS_STATE, NvmeEvents, type NvmeEventsState } from './nvme-events.ts';
import { NVME_FEATURES_STATE, NvmeFeatures, type NvmeFeaturesState } from './nvme-features.ts';
import type { NvmeIdentity } from './nvme-identify.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import { addNvmeCapabilities, type FunctionReset } from './nvme-pci.ts';
import { NVME_QUEUES_STATE, NvmeQueues, type NvmeQueuesState } from './nvme-queues.ts';
import * as n from './nvme-spec.ts';

const REGISTER_BYTES = 0x40;
const MAX_REQUEST_BYTES = 0x7fff_fe00;
const PCI_CLASS_NVME = 0x010802;
const REVISION = 2;
const MSIX_AT = 0x40;
const PAGE = 0x1000;
/** Memory pages of the controller before it is enabled. */
const MIN_PAGE_SHIFT = 12;
/** MQES, contiguous queues, a timeout, command sets, the largest page. */
const CAP_LOW = 0x0f01_07ff;
const CAP_HIGH = 0x0040_1820;
const VERSION = 0x0001_0400;

export type NvmeState = {
  readonly pci: PciState;
  readonly msix: MsixState;
  readonly regs: Uint8Array;
  /** A bit for each vector whose queue has entries, while the pin is used. */
  readonly irqStatus: number;
  readonly queues: NvmeQueuesState;
  readonly events: NvmeEventsState;
  readonly features: NvmeFeaturesState;
  readonly commands: NvmeCommandsState;
};

/** What the user chose. */
export interface NvmeSettings {
  readonly identity: NvmeIdentity;
  readonly deviceId: number;
  /** Pairs of queues for data. */
  readonly pairs: number;
  readonly vectors: number;
  readonly maxQueuedEvents: number;
}

export interface NvmeWiring {
  readonly clock: Clock;
  readonly trace: Trace;
}

export class Nvme extends PciDevice<NvmeState> implements AdminHost {
  static readonly registers = new RegisterTable<Nvme>(
    {
      name: 'nvme',
      title: 'NVMe controller',
      place: 'BAR 0; doorbells from 1000 on, MSI-X behind them',
      spec: 'NVM Express Base 1.4 §3.1',
    },
    [
      register(n.CAP, 8, 'CAP', 'what the controller can do', { read: (d) => d.#dword(n.CAP) }),
      register(n.CAP + 4, 4, 'CAP_HI', 'the same, upper half', { read: (d) => d.#dword(n.CAP + 4) }),
      register(n.VS, 4, 'VS', 'version', { read: (d) => d.#dword(n.VS) }),
      register(n.INTMS, 4, 'INTMS', 'vectors that are masked; 1 masks', {
        read: (d) => d.#dword(n.INTMS),
        write: (d, value) => d.#writeMask(d.#dword(n.INTMS) | value),
      }),
      register(n.INTMC, 4, 'INTMC', 'the same; 1 lets through', {
        read: (d) => d.#dword(n.INTMC),
        write: (d, value) => d.#writeMask(d.#dword(n.INTMS) & ~value),
      }),
      register(n.CC, 4, 'CC', 'configuration: EN, MPS, sizes of entries, SHN', {
        read: (d) => d.#dword(n.CC),
        write: (d, value) => d.#writeConfiguration(value),
      }),
      register(n.CSTS, 4, 'CSTS', 'status: RDY, CFS, SHST', { read: (d) => d.#dword(n.CSTS) }),
      register(n.NSSR, 4, 'NSSR', 'reset of a subsystem, which is not there', {
        read: (d) => d.#dword(n.NSSR),
      }),
      register(n.AQA, 4, 'AQA', 'sizes of the admin queues', {
        read: (d) => d.#dword(n.AQA),
        write: (d, value) => d.#setDword(n.AQA, value),
      }),
      ...[n.ASQ, n.ASQ + 4, n.ACQ, n.ACQ + 4].map((offset) =>
        register<Nvme>(
          offset,
          offset % 8 === 0 ? 8 : 4,
          `A${offset < n.ACQ ? 'S' : 'C'}Q${offset % 8 === 0 ? '' : '_HI'}`,
          `address of the admin ${offset < n.ACQ ? 'submission' : 'completion'} queue${offset % 8 === 0 ? '' : ', upper half'}`,
          {
            read: (d) => d.#dword(offset),
            write: (d, value, size) => d.#setBytes(offset, value, size),
          },
        ),
      ),
    ],
  );
  readonly vmstate = {
    name: 'nvme',
    version: 1,
    fields: record<NvmeState>({
      pci: this.pciFields,
      msix: { misfit: (value) => this.#msix.fields.misfit(value) },
      regs: bytes(REGISTER_BYTES),
      irqStatus: DWORD,
      queues: NVME_QUEUES_STATE,
      events: NVME_EVENTS_STATE,
      features: NVME_FEATURES_STATE,
      commands: NVME_COMMANDS_STATE,
    }),
  };
  readonly facts: NvmeIdentity;
  readonly queues: NvmeQueues;
  readonly events: NvmeEvents;
  readonly features: NvmeFeatures;
  readonly commands: NvmeCommands;
  readonly #settings: NvmeSettings;
  readonly #trace: Trace;
  readonly #clock: Clock;
  readonly #msix: Msix;
  readonly #functionReset: FunctionReset;
  readonly #namespaces = new Map<number, NvmeNamespace>();
  readonly #s = { regs: new Uint8Array(REGISTER_BYTES), irqStatus: 0 };
  readonly #view = new DataView(this.#s.regs.buffer);

  constructor(settings: NvmeSettings, wiring: NvmeWiring, id = '', multifunction = false) {
    super(
      {
        type: 'nvme',
        vendorId: settings.identity.vendorId,
        deviceId: settings.deviceId,
        revision: REVISION,
        classCode: PCI_CLASS_NVME,
        interruptPin: 1,
        multifunction,
      },
      id,
    );
    this.facts = settings.identity;
    this.#settings = settings;
    this.#trace = wiring.trace;
    this.#clock = wiring.clock;
    this.queues = new NvmeQueues(settings.pairs, this.#queuesHost());
    this.events = new NvmeEvents(settings.identity.aerl, settings.maxQueuedEvents, (cid, result) =>
      this.commands.complete(0, cid, n.SUCCESS, result),
    );
    this.features = new NvmeFeatures(this.#featuresHost(), wiring.clock);
    this.commands = new NvmeCommands(this, wiring.clock, wiring.trace);
    this.#functionReset = addNvmeCapabilities(this.config);
    this.#msix = this.#addBar0();
    this.#powerOn();
  }

  get memory(): this['dma'] {
    return this.dma;
  }

  get namespaces(): Iterable<NvmeNamespace> {
    return this.#namespaces.values();
  }

  namespace(nsid: number): NvmeNamespace | undefined {
    return this.#namespaces.get(nsid);
  }

  /** Memory pages as the driver chose them. */
  get pageBytes(): number {
    return 2 ** (MIN_PAGE_SHIFT + Math.min(n.MAX_PAGE_SHIFT, (this.#dword(n.CC) >>> 7) & 0xf));
  }

  get maxTransfer(): number {
    const { mdts } = this.facts;
    return mdts === 0 ? Number.POSITIVE_INFINITY : this.pageBytes * 2 ** mdts;
  }

  get maxVerify(): number {
    return this.pageBytes * 2 ** this.facts.vsl;
  }

  /** QEMU: what one request to an image may have. */
  get maxRange(): number {
    const ranges = [...this.namespaces].map(({ blockShift }) =>
      Math.floor(MAX_REQUEST_BYTES / 2 ** blockShift),
    );
    return ranges.length === 0 ? 0 : Math.min(...ranges);
  }

  get commandSet(): number {
    return (this.#dword(n.CC) >>> 4) & 7;
  }

  get isTemperatureCritical(): boolean {
    return this.features.isTemperatureCritical;
  }

  /** QEMU: since the controller came. Here it is the machine's age. */
  get ageNs(): number {
    return this.#clock.nowNs();
  }

  /** QEMU: without MSI-X there is the first only. */
  get usableVectors(): number {
    return this.#msix.enabled ? this.#settings.vectors : 1;
  }

  get pairs(): number {
    return this.#settings.pairs;
  }

  get vectors(): number {
    return this.#settings.vectors;
  }

  wasRead(type: number): void {
    this.events.wasRead(type);
  }

  /** A namespace of the controller's, before the machine runs. */
  attachNamespace(namespace: NvmeNamespace): void {
    this.#namespaces.set(namespace.nsid, namespace);
    namespace.gate.onDrain = () => this.commands.drain(namespace.gate);
  }

  detachNamespace(namespace: NvmeNamespace): void {
    this.commands.forget(namespace);
    this.#namespaces.delete(namespace.nsid);
    namespace.gate.onDrain = () => undefined;
  }

  /** It has left: nothing goes on. */
  abandon(): void {
    this.commands.abandon();
  }

  reset(): void {
    this.resetPci();
    this.#msix.reset();
    this.#resetController();
    this.features.reset();
    this.#powerOn();
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.#msix.configChanged(offset, size);
    if (this.#functionReset(offset, size, value)) this.#resetFunction();
  }

  save(): NvmeState {
    return {
      pci: this.savePci(),
      msix: this.#msix.save(),
      regs: this.#s.regs.slice(),
      irqStatus: this.#s.irqStatus,
      queues: this.queues.save(),
      events: this.events.save(),
      features: this.features.save(),
      commands: this.commands.save(),
    };
  }

  /** Guest memory must be restored before: what the data of commands is, is read from it again. */
  restore(state: NvmeState): void {
    this.abandon();
    this.restorePci(state.pci);
    this.#msix.restore(state.msix);
    this.#s.regs.set(state.regs);
    this.#s.irqStatus = state.irqStatus;
    this.queues.restore(state.queues);
    this.events.restore(state.events);
    this.features.restore(state.features);
    this.commands.restore(state.commands);
  }

  /** QEMU: where the admin queues are is not forgotten. */
  #resetFunction(): void {
    const queues = this.#s.regs.slice(n.AQA);
    this.reset();
    this.#s.regs.set(queues, n.AQA);
  }

  endTasksOf(sqid: number): void {
    this.commands.endTasksOf(sqid);
  }

  beginFormat(namespace: NvmeNamespace, command: n.NvmeCommand): void {
    this.commands.beginFormat(namespace, command);
  }

  #addBar0(): Msix {
    const { pairs, vectors } = this.#settings;
    const aligned = (size: number): number => Math.ceil(size / PAGE) * PAGE;
    const tableOffset = aligned(n.DOORBELLS + 8 * (pairs + 1));
    const pbaOffset = aligned(tableOffset + 16 * vectors);
    const sizeBytes = 2 ** Math.ceil(Math.log2(pbaOffset + 8 * Math.ceil(vectors / 64)));
    const msix = new Msix(this, {
      ...{ bar: 0, sizeBytes, tableOffset, pbaOffset, capabilityOffset: MSIX_AT, vectors },
    });
    const handler: IoHandler = {
      unaligned: true,
      read: (offset, size) => (offset < tableOffset ? this.#read(offset, size) : msix.read(offset, size)),
      write: (offset, size, value) => {
        if (offset >= tableOffset) msix.write(offset, size, value);
        else
          for (const piece of alignedPieces(offset, size)) {
            this.#write(offset + piece.at, piece.size, (value >>> (8 * piece.at)) % 2 ** (8 * piece.size));
          }
      },
    };
    this.addBar({ index: 0, kind: 'mem64', sizeBytes, handler });
    return msix;
  }

  #read(offset: number, size: AccessSize): number {
    if (offset > n.DOORBELLS - size) return 0;
    const known = size === 4 ? Nvme.registers.read(this, this.#trace, offset, size) : undefined;
    if (known !== undefined) return known;
    if (size < 4 || (offset & 3) !== 0)
      this.#trace.guestError('nvme: a read of %d bytes at %x', size, offset);
    let value = 0;
    for (let at = size - 1; at >= 0; at--) value = value * 256 + (this.#s.regs[offset + at] ?? 0);
    return value;
  }

  #write(offset: number, size: AccessSize, value: number): void {
    if (offset >= n.DOORBELLS) this.queues.writeDoorbell(offset - n.DOORBELLS, value);
    else if (!Nvme.registers.write(this, this.#trace, offset, size, value)) {
      this.#trace.guestError('nvme: a write of %d bytes at %x', size, offset);
    }
  }

  #dword(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  #setDword(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  #setBytes(offset: number, value: number, size: AccessSize): void {
    // QEMU: no access has less than two bytes.
    for (let at = 0; at < Math.max(2, size); at++) this.#s.regs[offset + at] = value >>> (8 * at);
  }

  #powerOn(): void {
    this.#s.regs.fill(0);
    this.#setDword(n.CAP, CAP_LOW);
    this.#setDword(n.CAP + 4, CAP_HIGH);
    this.#setDword(n.VS, VERSION);
  }

  #writeMask(value: number): void {
    this.#setDword(n.INTMS, value);
    this.#setDword(n.INTMC, value);
    this.#followPin();
  }

  #writeConfiguration(value: number): void {
    const before = this.#dword(n.CC);
    let status = this.#dword(n.CSTS);
    this.#setDword(n.CC, value);
    if (shutdownOf(value) !== 0 && shutdownOf(before) === 0) {
      // What fails to be stored is told by the next command that stores.
      for (const { backend } of this.namespaces) void backend.flush().catch(() => {});
      status = (status & ~n.CSTS_SHST) | n.CSTS_SHST_COMPLETE;
    } else if (shutdownOf(value) === 0 && shutdownOf(before) !== 0) status &= ~n.CSTS_SHST;
    const [isOn, wasOn] = [(value & n.CC_EN) !== 0, (before & n.CC_EN) !== 0];
    if (isOn && !wasOn) status = this.#start() ? n.CSTS_READY : n.CSTS_FAILED;
    else if (!isOn && wasOn) {
      this.#resetController();
      status = 0;
    }
    this.#setDword(n.CSTS, status);
  }

  /** False: the driver chose what cannot be. */
  #start(): boolean {
    const cc = this.#dword(n.CC);
    const aqa = this.#dword(n.AQA);
    const address = (offset: number): number => this.#dword(offset) + this.#dword(offset + 4) * 2 ** 32;
    const [asq, acq] = [address(n.ASQ), address(n.ACQ)];
    const sets = [n.CSS_NVM, n.CSS_ALL, n.CSS_ADMIN_ONLY];
    const [asqLast, acqLast] = [aqa & 0xfff, (aqa >>> 16) & 0xfff];
    const isRight =
      !this.queues.has(0) &&
      asq !== 0 &&
      acq !== 0 &&
      asq % this.pageBytes === 0 &&
      acq % this.pageBytes === 0 &&
      sets.includes(this.commandSet) &&
      ((cc >>> 7) & 0xf) <= n.MAX_PAGE_SHIFT &&
      ((cc >>> 20) & 0xf) === n.CQE_SHIFT &&
      ((cc >>> 16) & 0xf) === n.SQE_SHIFT &&
      asqLast !== 0 &&
      acqLast !== 0;
    if (!isRight) {
      this.#trace.guestError('nvme: the controller cannot start with CC %x, AQA %x', cc, aqa);
      return false;
    }
    this.queues.startAdmin(asq, asqLast + 1, acq, acqLast + 1);
    this.features.forgetTimestamp();
    return true;
  }

  #resetController(): void {
    this.commands.reset();
    this.queues.reset();
    this.events.reset();
    // QEMU: the driver's configuration is forgotten too.
    for (const offset of [n.INTMS, n.INTMC, n.CC, n.CSTS]) this.#setDword(offset, 0);
    this.#s.irqStatus = 0;
    this.setIntx(false);
  }

  #followPin(): void {
    if (this.#msix.enabled) return;
    this.setIntx((this.#s.irqStatus & ~this.#dword(n.INTMS)) !== 0);
  }

  #queuesHost(): ConstructorParameters<typeof NvmeQueues>[1] {
    return {
      memory: this.dma,
      trace: this.#trace,
      raise: (vector) => {
        if (this.#msix.enabled) this.#msix.notify(vector);
        else {
          this.#s.irqStatus = (this.#s.irqStatus | (1 << (vector & 31))) >>> 0;
          this.#followPin();
        }
      },
      lower: (vector) => {
        if (this.#msix.enabled || this.queues.pending) return;
        this.#s.irqStatus = (this.#s.irqStatus & ~(1 << (vector & 31))) >>> 0;
        this.#followPin();
      },
      fatal: () => this.#setDword(n.CSTS, n.CSTS_FAILED),
      kick: () => this.commands.kick(),
      schedule: () => this.commands.schedule(),
      doorbellError: (isValue) => {
        this.#trace.guestError('nvme: a doorbell of no queue, or with no place in one');
        if (!this.events.hasRequests) return;
        const info = isValue ? n.ERROR_INVALID_DOORBELL_VALUE : n.ERROR_INVALID_DOORBELL;
        this.events.happened({ type: n.EVENT_ERROR, info, page: n.LOG_ERRORS });
      },
    };
  }

  #featuresHost(): ConstructorParameters<typeof NvmeFeatures>[0] {
    const take = (command: n.NvmeCommand, length: number): Uint8Array | number =>
      takeData(this, command, length);
    const controller = this;
    return {
      get namespaces() {
        return controller.namespaces;
      },
      namespace: (nsid) => this.namespace(nsid),
      pairs: this.#settings.pairs,
      get queuesCreated() {
        return controller.queues.created;
      },
      adminVector: 0,
      take,
      smartEvent: () => {
        if ((this.features.asyncEvents & n.SMART_EVENT_TEMPERATURE) === 0) return;
        this.events.happened({ type: n.EVENT_SMART, info: n.SMART_TEMPERATURE, page: n.LOG_SMART });
      },
    };
  }
}

/** CC.SHN. */
function shutdownOf(cc: number): number {
  return (cc >>> 14) & 3;
}
