/**
 * `filter-dump`: packets of a back end, written to a file of the host's. Spec: QEMU qapi/qom.json, FilterDumpProperties; the file is
 * libpcap's, version 2.4, in little endian and with microseconds.
 */
import type { Clock } from '../core/clock.ts';
import { NO_FILES, OutputError, type OutputFile } from '../core/host.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { enumeration, type PropertyKind, type PropertySpec, STR, UINT32 } from '../qdev/properties.ts';
import type { GivenValue } from '../qdev/qom-value.ts';
import { CLOCK, FILES, type Services, WALL_CLOCK, WARNINGS } from '../qdev/services.ts';
import { type ObjectType, UserObject } from '../qdev/user-objects.ts';
import type { Values } from '../qdev/values.ts';
import type { NetClient, Packet } from './net-client.ts';
import { NETWORK } from './network.ts';
import type { FilterDirection, PacketFilter } from './packet-filter.ts';

const PCAP_MAGIC = 0xa1b2c3d4;
const PCAP_VERSION = [2, 4] as const;
const LINK_ETHERNET = 1;
const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const DEFAULT_MAX_BYTES = 65_536;
const NS_PER_US = 1000;
const US_PER_S = 1_000_000;
const MS_PER_S = 1000;
/** Words beside an id. */
const HEAD = 'head';
const TAIL = 'tail';
const ID_PREFIX = 'id=';
const WHERE = ['before', 'behind'] as const;

const DIRECTION = enumeration('NetFilterDirection', ['all', 'rx', 'tx']);

/** QEMU: a text, of which only one of two words is taken. */
const STATUS: PropertyKind = {
  ...STR,
  parse: (text) => checkedWord('status', text, ['on', 'off']),
  fromJson: (json, property, owner) =>
    checkedWord('status', String(STR.fromJson(json, property, owner)), ['on', 'off']),
};
const INSERT: PropertyKind = { ...enumeration('string', WHERE), typeName: 'str' };
const MAXLEN: PropertyKind = {
  ...UINT32,
  parse: (text, property, owner) => aboveZero(UINT32.parse(text, property, owner)),
  fromJson: (json, property, owner) => aboveZero(UINT32.fromJson(json, property, owner)),
};

function checkedWord(name: string, text: string, words: readonly [string, string]): string {
  if (words.includes(text)) return text;
  throw new MonitorError(`Invalid value for netfilter ${name}, should be '${words[0]}' or '${words[1]}'`);
}

function aboveZero<T>(value: T): T {
  if (value !== 0) return value;
  throw new MonitorError("Property 'filter-dump.maxlen' doesn't take value '0'");
}

/** What is missing is told in this order. */
const PROPERTIES: readonly PropertySpec[] = [
  { name: 'netdev', kind: STR, required: true },
  { name: 'queue', kind: DIRECTION, default: 'all' },
  { name: 'status', kind: STATUS, default: 'on' },
  { name: 'position', kind: STR, default: TAIL },
  { name: 'insert', kind: INSERT, default: 'behind' },
  { name: 'file', kind: STR, required: true },
  { name: 'maxlen', kind: MAXLEN, default: DEFAULT_MAX_BYTES },
];
/** QEMU: the order of its table of properties. */
const SHOWN = ['file', 'maxlen', 'position', 'status', 'insert', 'netdev', 'queue'] as const;

export const FILTER_DUMP: ObjectType = {
  name: 'filter-dump',
  parents: ['netfilter'],
  properties: PROPERTIES,
  onNetwork: true,
  create: makeFilter,
};

/** Throws `MonitorError` in QEMU's order: the back end, the place, the file. */
function makeFilter(values: Values, services: Services): FilterDump {
  const network = services.get(NETWORK);
  const backend = network.findBackend(values.text('netdev'));
  if (backend === undefined) throw new MonitorError("Parameter 'netdev' expects a network backend id");
  const at = placeOf(values, backend, (other) =>
    network.clients.some(({ filters }) =>
      filters.some((one) => one instanceof FilterDump && one.name === other),
    ),
  );
  const path = values.text('file');
  const create = services.get(FILES);
  const file = create(path);
  if (typeof file === 'string') {
    throw new MonitorError(
      `net dump: can't open ${path}: ${file}`,
      'GenericError',
      create === NO_FILES
        ? 'A page has no files of the host: packets can be dumped where Node runs the machine.'
        : undefined,
    );
  }
  const startSeconds = Math.floor(services.get(WALL_CLOCK)() / MS_PER_S);
  const pcap = new PcapFile(file, values.number('maxlen'), startSeconds, services.get(CLOCK));
  const filter = new FilterDump(backend, pcap, services.get(WARNINGS));
  backend.filters = [...backend.filters.slice(0, at), filter, ...backend.filters.slice(at)];
  return filter;
}

/** @param exists whether any back end has a filter of that name */
function placeOf(values: Values, { filters }: NetClient, exists: (id: string) => boolean): number {
  const position = values.text('position');
  if (position === HEAD) return 0;
  if (position === TAIL) return filters.length;
  if (!position.startsWith(ID_PREFIX)) {
    throw new MonitorError("Parameter 'position' expects 'head', 'tail' or 'id=<id>'");
  }
  const id = position.slice(ID_PREFIX.length);
  const at = filters.findIndex((one) => one instanceof FilterDump && one.name === id);
  if (at >= 0) return values.text('insert') === 'before' ? at : at + 1;
  throw new MonitorError(
    exists(id) ? `filter '${id}' belongs to a different netdev` : `filter '${id}' not found`,
  );
}

/** Packets one after the other, each with its time and its length before it. */
class PcapFile {
  readonly #file: OutputFile;
  readonly #maxBytes: number;
  readonly #startSeconds: number;
  readonly #clock: Clock;

  /** @param startSeconds QEMU: the time of day when the file was made, to which the machine's own time is added */
  constructor(file: OutputFile, maxBytes: number, startSeconds: number, clock: Clock) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#startSeconds = startSeconds;
    this.#clock = clock;
    const header = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
    header.setUint32(0, PCAP_MAGIC, true);
    header.setUint16(4, PCAP_VERSION[0], true);
    header.setUint16(6, PCAP_VERSION[1], true);
    header.setUint32(16, maxBytes, true);
    header.setUint32(20, LINK_ETHERNET, true);
    try {
      file.write(new Uint8Array(header.buffer));
    } catch (error) {
      file.close();
      if (!(error instanceof OutputError)) throw error;
      throw new MonitorError(`net dump write error: ${error.message}`);
    }
  }

  /** Throws `OutputError`. */
  write(packet: Packet): void {
    const kept = Math.min(packet.length, this.#maxBytes);
    const record = new Uint8Array(PACKET_HEADER_BYTES + kept);
    const view = new DataView(record.buffer);
    const us = Math.floor(this.#clock.nowNs() / NS_PER_US);
    view.setUint32(0, this.#startSeconds + Math.floor(us / US_PER_S), true);
    view.setUint32(4, us % US_PER_S, true);
    view.setUint32(8, kept, true);
    view.setUint32(12, packet.length, true);
    record.set(packet.subarray(0, kept), PACKET_HEADER_BYTES);
    this.#file.write(record);
  }

  close(): void {
    this.#file.close();
  }
}

export class FilterDump extends UserObject implements PacketFilter {
  readonly #backend: NetClient;
  readonly #warn: (text: string) => void;
  #pcap: PcapFile | undefined;

  constructor(backend: NetClient, pcap: PcapFile, warn: (text: string) => void) {
    super(FILTER_DUMP);
    this.#backend = backend;
    this.#pcap = pcap;
    this.#warn = warn;
  }

  get info(): string {
    const values = SHOWN.map((name) => `,${name}=${String(this.values?.get(name))}`);
    return `  - ${this.name}: type=${this.type.name}${values.join('')}`;
  }

  see(packet: Packet, direction: FilterDirection): void {
    if (this.#pcap === undefined || this.values?.get('status') !== 'on') return;
    const queue = this.values.get('queue');
    if (queue !== 'all' && queue !== direction) return;
    try {
      this.#pcap.write(packet);
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#warn('network dump write error - stopping dump');
      this.#close();
    }
  }

  backendGone(): void {
    this.leave();
  }

  override release(): void {
    this.#backend.filters = this.#backend.filters.filter((other) => other !== this);
    this.#close();
  }

  /** QEMU: all are taken, and only `status` and `queue` change what becomes of packets. */
  protected override change(property: PropertySpec, given: GivenValue, type: string): void {
    const { name } = property;
    // QEMU: a word that is none is told in two ways, by what the option is read with and by the object.
    const value =
      name === 'insert'
        ? checkedWord(name, String(given.asNew({ name, kind: STR }, type)), WHERE)
        : given.asNew(property, type);
    this.values = new Map([...(this.values ?? []), [name, value]]);
  }

  #close(): void {
    this.#pcap?.close();
    this.#pcap = undefined;
  }
}
