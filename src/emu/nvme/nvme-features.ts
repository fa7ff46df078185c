/** Get Features and Set Features. Spec: NVMe 1.4 §5.21; which features there are, and the order of the checks, is QEMU's. */
import type { Clock } from '../core/clock.ts';
import { bytes, DWORD, integer, record, TIME_NS, WORD } from '../core/state-fields.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import * as n from './nvme-spec.ts';

const ARBITRATION = 0x01;
const POWER_MANAGEMENT = 0x02;
const TEMPERATURE_THRESHOLD = 0x04;
const ERROR_RECOVERY = 0x05;
const VOLATILE_WRITE_CACHE = 0x06;
const NUMBER_OF_QUEUES = 0x07;
const INTERRUPT_COALESCING = 0x08;
const INTERRUPT_VECTOR = 0x09;
const WRITE_ATOMICITY = 0x0a;
const ASYNC_EVENTS = 0x0b;
const TIMESTAMP = 0x0e;
const HOST_BEHAVIOR = 0x16;
const COMMAND_SET_PROFILE = 0x19;

const CHANGEABLE = 4;
const OF_NAMESPACES = 2;
/** What can be done with each feature that there is. */
const CAPABILITIES: ReadonlyMap<number, number> = new Map([
  ...[ARBITRATION, POWER_MANAGEMENT, INTERRUPT_COALESCING, INTERRUPT_VECTOR, WRITE_ATOMICITY].map(
    (id) => [id, 0] as const,
  ),
  [TEMPERATURE_THRESHOLD, CHANGEABLE],
  [ERROR_RECOVERY, CHANGEABLE | OF_NAMESPACES],
  [VOLATILE_WRITE_CACHE, CHANGEABLE],
  [NUMBER_OF_QUEUES, CHANGEABLE],
  [ASYNC_EVENTS, CHANGEABLE],
  [TIMESTAMP, CHANGEABLE],
  [HOST_BEHAVIOR, CHANGEABLE],
  [COMMAND_SET_PROFILE, CHANGEABLE],
]);

const SELECT_CURRENT = 0;
const SELECT_CAPABILITIES = 3;
const SAVE = 0x8000_0000;
const ARBITRATION_UNLIMITED = 7;
const NO_COALESCING = 0x1_0000;
const TIMESTAMP_BYTES = 8;
const TIMESTAMP_WAS_SET = 0x02;
const HOST_BEHAVIOR_BYTES = 512;
const MS = 1e6;
/** In kelvins. */
export const TEMPERATURE = 0x143;
export const TEMPERATURE_WARNING = 0x157;

export type NvmeFeaturesState = {
  readonly highTemperature: number;
  readonly lowTemperature: number;
  readonly asyncEvents: number;
  readonly hostBehavior: Uint8Array;
  /** Milliseconds, as the driver set them. */
  readonly timestampMs: number;
  /** When it did. */
  readonly timestampAtNs: number;
};

export const NVME_FEATURES_STATE = record<NvmeFeaturesState>({
  highTemperature: WORD,
  lowTemperature: WORD,
  asyncEvents: DWORD,
  hostBehavior: bytes(HOST_BEHAVIOR_BYTES),
  timestampMs: integer(0, 2 ** 48 - 1),
  timestampAtNs: TIME_NS,
});

/** How a command of this kind ends, perhaps with data for the driver. */
export type FeatureAnswer =
  | { readonly status: number; readonly result?: number }
  | { readonly data: Uint8Array };

/** What the features are about. */
export interface FeaturesHost {
  readonly namespaces: Iterable<NvmeNamespace>;
  namespace(nsid: number): NvmeNamespace | undefined;
  readonly pairs: number;
  readonly queuesCreated: boolean;
  readonly adminVector: number;
  /** The driver's data, or the status. */
  take(command: n.NvmeCommand, length: number): Uint8Array | number;
  smartEvent(): void;
}

const POWER_ON = (): { -readonly [K in keyof NvmeFeaturesState]: NvmeFeaturesState[K] } => ({
  highTemperature: TEMPERATURE_WARNING,
  lowTemperature: 0,
  asyncEvents: 0,
  hostBehavior: new Uint8Array(HOST_BEHAVIOR_BYTES),
  timestampMs: 0,
  timestampAtNs: 0,
});

const refuse = (status: number): FeatureAnswer => ({ status: status | n.DNR });

export function isNamespaceId(nsid: number): boolean {
  return nsid === n.NSID_BROADCAST || (nsid > 0 && nsid <= n.MAX_NAMESPACES);
}

export class NvmeFeatures {
  readonly #host: FeaturesHost;
  readonly #clock: Clock;
  #s = POWER_ON();

  constructor(host: FeaturesHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  get asyncEvents(): number {
    return this.#s.asyncEvents;
  }

  /** It is too hot, or too cold. */
  get isTemperatureCritical(): boolean {
    return TEMPERATURE >= this.#s.highTemperature || TEMPERATURE <= this.#s.lowTemperature;
  }

  /** The controller was enabled: the time is not known. */
  forgetTimestamp(): void {
    this.#setTimestamp(0);
  }

  get(command: n.NvmeCommand): FeatureAnswer {
    const id = command.cdw(10) & 0xff;
    const select = (command.cdw(10) >>> 8) & 7;
    const { nsid } = command;
    const capabilities = CAPABILITIES.get(id);
    if (capabilities === undefined) return refuse(n.INVALID_FIELD);
    if ((capabilities & OF_NAMESPACES) !== 0) {
      if (!isNamespaceId(nsid) || nsid === n.NSID_BROADCAST) return refuse(n.INVALID_NAMESPACE);
      if (this.#host.namespace(nsid) === undefined) return refuse(n.INVALID_FIELD);
    }
    if (select === SELECT_CAPABILITIES) return { status: n.SUCCESS, result: capabilities };
    const current = select === SELECT_CURRENT ? this.#current(id, command) : undefined;
    return current ?? this.#byDefault(id, command);
  }

  set(command: n.NvmeCommand): FeatureAnswer {
    const id = command.cdw(10) & 0xff;
    const { nsid } = command;
    const capabilities = CAPABILITIES.get(id);
    if ((command.cdw(10) & SAVE) !== 0) return refuse(n.FEATURE_NOT_SAVEABLE);
    if (capabilities === undefined) return refuse(n.INVALID_FIELD);
    if ((capabilities & OF_NAMESPACES) !== 0) {
      if (nsid !== n.NSID_BROADCAST) {
        if (!isNamespaceId(nsid)) return refuse(n.INVALID_NAMESPACE);
        if (this.#host.namespace(nsid) === undefined) return refuse(n.INVALID_FIELD);
      }
    } else if (nsid !== 0 && nsid !== n.NSID_BROADCAST) {
      return refuse(isNamespaceId(nsid) ? n.FEATURE_NOT_NAMESPACE_SPECIFIC : n.INVALID_NAMESPACE);
    }
    if ((capabilities & CHANGEABLE) === 0) return refuse(n.FEATURE_NOT_CHANGEABLE);
    return this.#change(id, command);
  }

  reset(): void {
    this.#s = POWER_ON();
  }

  save(): NvmeFeaturesState {
    return { ...this.#s, hostBehavior: this.#s.hostBehavior.slice() };
  }

  restore(state: NvmeFeaturesState): void {
    this.#s = { ...state, hostBehavior: state.hostBehavior.slice() };
  }

  /** Undefined: it has its default. */
  #current(id: number, command: n.NvmeCommand): FeatureAnswer | undefined {
    const value = command.cdw(11);
    const { namespaces } = this.#host;
    switch (id) {
      case TEMPERATURE_THRESHOLD:
        return this.#threshold(value);
      case ERROR_RECOVERY:
        return { status: n.SUCCESS, result: this.#host.namespace(command.nsid)?.errorRecovery ?? 0 };
      case VOLATILE_WRITE_CACHE:
        return { status: n.SUCCESS, result: [...namespaces].some(({ writeCache }) => writeCache) ? 1 : 0 };
      case ASYNC_EVENTS:
        return { status: n.SUCCESS, result: this.#s.asyncEvents };
      case TIMESTAMP:
        return { data: this.#timestamp() };
      case HOST_BEHAVIOR:
        return { data: this.#s.hostBehavior };
      default:
        return undefined;
    }
  }

  /** Only one thermometer is there: bits 16 to 19. Bits 20 and 21 are which threshold. */
  #threshold(value: number): FeatureAnswer {
    if (((value >>> 16) & 0xf) !== 0) return { status: n.SUCCESS, result: 0 };
    const which = (value >>> 20) & 3;
    if (which > 1) return refuse(n.INVALID_FIELD);
    return { status: n.SUCCESS, result: which === 0 ? this.#s.highTemperature : this.#s.lowTemperature };
  }

  #byDefault(id: number, command: n.NvmeCommand): FeatureAnswer {
    const value = command.cdw(11);
    const { pairs, adminVector } = this.#host;
    if (id === NUMBER_OF_QUEUES) return this.#queues();
    if (id === TEMPERATURE_THRESHOLD) {
      const isHigh = ((value >>> 16) & 0xf) === 0 && ((value >>> 20) & 3) === 0;
      return { status: n.SUCCESS, result: isHigh ? TEMPERATURE_WARNING : 0 };
    }
    if (id === INTERRUPT_VECTOR) {
      const vector = value & 0xffff;
      if (vector >= pairs + 1) return refuse(n.INVALID_FIELD);
      return { status: n.SUCCESS, result: vector | (vector === adminVector ? NO_COALESCING : 0) };
    }
    return { status: n.SUCCESS, result: id === ARBITRATION ? ARBITRATION_UNLIMITED : 0 };
  }

  #queues(): FeatureAnswer {
    const last = this.#host.pairs - 1;
    return { status: n.SUCCESS, result: last | (last << 16) };
  }

  #change(id: number, command: n.NvmeCommand): FeatureAnswer {
    const value = command.cdw(11);
    switch (id) {
      case TEMPERATURE_THRESHOLD:
        return this.#changeThreshold(value);
      case ERROR_RECOVERY:
        for (const namespace of this.#host.namespaces) {
          const isMeant = command.nsid === n.NSID_BROADCAST || command.nsid === namespace.nsid;
          if (isMeant) namespace.errorRecovery = value;
        }
        break;
      case VOLATILE_WRITE_CACHE:
        for (const namespace of this.#host.namespaces) {
          // What is in the cache is stored; the command does not wait for it, and what fails is told by the next command that stores.
          if ((value & 1) === 0 && namespace.writeCache) void namespace.backend.flush().catch(() => {});
          namespace.writeCache = (value & 1) !== 0;
        }
        break;
      case NUMBER_OF_QUEUES:
        if (this.#host.queuesCreated) return refuse(n.COMMAND_SEQUENCE_ERROR);
        if ((value & 0xffff) === 0xffff || value >>> 16 === 0xffff) return refuse(n.INVALID_FIELD);
        return this.#queues();
      case ASYNC_EVENTS:
        this.#s.asyncEvents = value;
        break;
      case TIMESTAMP:
      case HOST_BEHAVIOR:
        return this.#changeData(id, command);
      case COMMAND_SET_PROFILE:
        if ((value & 0x1ff) !== 0) return refuse(n.COMMAND_SET_COMBINATION_REJECTED);
        break;
    }
    return { status: n.SUCCESS };
  }

  #changeThreshold(value: number): FeatureAnswer {
    if (((value >>> 16) & 0xf) !== 0) return { status: n.SUCCESS };
    const which = (value >>> 20) & 3;
    if (which > 1) return refuse(n.INVALID_FIELD);
    if (which === 0) this.#s.highTemperature = value & 0xffff;
    else this.#s.lowTemperature = value & 0xffff;
    if (this.isTemperatureCritical) this.#host.smartEvent();
    return { status: n.SUCCESS };
  }

  #changeData(id: number, command: n.NvmeCommand): FeatureAnswer {
    const data = this.#host.take(command, id === TIMESTAMP ? TIMESTAMP_BYTES : HOST_BEHAVIOR_BYTES);
    if (typeof data === 'number') return { status: data };
    if (id === HOST_BEHAVIOR) this.#s.hostBehavior = data;
    else {
      const view = new DataView(data.buffer);
      this.#setTimestamp(view.getUint32(0, true) + view.getUint16(4, true) * 2 ** 32);
    }
    return { status: n.SUCCESS };
  }

  #setTimestamp(ms: number): void {
    this.#s.timestampMs = ms;
    this.#s.timestampAtNs = this.#clock.nowNs();
  }

  /** 48 bits of milliseconds, then where they are from. */
  #timestamp(): Uint8Array {
    const { timestampMs, timestampAtNs } = this.#s;
    const passed = Math.floor(this.#clock.nowNs() / MS) - Math.floor(timestampAtNs / MS);
    const now = (timestampMs + Math.max(0, passed)) % 2 ** 48;
    const data = new Uint8Array(TIMESTAMP_BYTES);
    const view = new DataView(data.buffer);
    view.setUint32(0, now % 2 ** 32, true);
    view.setUint16(4, Math.floor(now / 2 ** 32), true);
    view.setUint8(6, timestampMs === 0 ? 0 : TIMESTAMP_WAS_SET);
    return data;
  }
}
