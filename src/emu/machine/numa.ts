/**
 * The NUMA nodes of a machine: what the user says of them, one after the other, and what follows when all is said. QEMU's checks and defaults.
 * Until then anything may still be missing, as nodes between others may, and memory.
 */
import type { AcpiHmat } from '../acpi/acpi-config.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { MEMORY_BACKEND, MemoryBackend } from '../memory/memory-backend.ts';
import { FOUR_GIB, pcRamLayout } from '../memory/pc-ram.ts';
import { writeJson } from '../qapi/json-writer.ts';
import type { ObjectTree } from '../qdev/objects.ts';
import { BOARD_MEMORY } from './boards/pc-device-memory.ts';
import { ONE_PROCESSOR, type SmpConfig } from './cpu-topology.ts';
import type { MachineConfig } from './machine-config.ts';
import type { MachineVersion } from './machine-versions.ts';
import { NumaCpus } from './numa-cpus.ts';
import { NumaDistances } from './numa-distances.ts';
import { NumaHmat } from './numa-hmat.ts';
import type {
  HmatCacheOptions,
  HmatLbOptions,
  NumaCpuOptions,
  NumaDistOptions,
  NumaNodeOptions,
  NumaOptions,
} from './numa-options.ts';

/** QEMU: MAX_NODES. */
const MAX_NODES = 128;
const NO_HMAT =
  'ACPI Heterogeneous Memory Attribute Table (HMAT) is disabled, enable it with -machine hmat=on before using any of hmat specific options';

/** The machine that is divided into nodes. */
export interface NumaMachine {
  readonly version: MachineVersion;
  readonly smp: SmpConfig;
  readonly ramBytes: number;
  /** QEMU: -m slots=,maxmem=. */
  readonly dimms: { readonly slots: number; readonly maxBytes: number } | undefined;
  /** QEMU: -machine hmat=on. */
  readonly hmat: boolean;
  /** QEMU: with accelerator qtest it warns of less. */
  readonly isTest: boolean;
  readonly objects: ObjectTree;
}

export interface NumaNode {
  /** Of the RAM that the machine has from the start. */
  readonly ramBytes: number;
  /** What that RAM is; undefined: nothing that has a name. */
  readonly memdev: MemoryBackend | undefined;
  /** The user said how much it is, in one way or the other. */
  readonly source: 'mem' | 'memdev' | undefined;
  /** The node whose processors are nearest; undefined: nobody said it. */
  readonly initiator: number | undefined;
}

export class Numa {
  readonly #machine: NumaMachine;
  readonly #nodes = new Map<number, NumaNode>();
  readonly #cpus: NumaCpus;
  readonly #distances = new NumaDistances();
  readonly #hmat = new NumaHmat();
  /** By what they are about: what is said again is kept once. */
  readonly #said = new Map<string, NumaOptions>();
  #distanceRows: readonly (readonly number[])[] | undefined;
  #isComplete = false;

  constructor(machine: NumaMachine) {
    this.#machine = machine;
    this.#cpus = new NumaCpus(machine.smp);
  }

  /** Nothing more can be said. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** What the user said, in an order in which it can be said again. */
  get said(): readonly NumaOptions[] {
    return [...this.#said.values()];
  }

  /** In the order of their numbers. */
  get nodes(): readonly NumaNode[] {
    return [...this.#nodes].sort(([a], [b]) => a - b).map(([, node]) => node);
  }

  /** What of the user's is the RAM at a guest-physical address; undefined: it is the board's own. */
  memdevAt(gpa: number): MemoryBackend | undefined {
    const { below4g } = pcRamLayout(this.#machine.ramBytes);
    const offset = gpa < FOUR_GIB ? gpa : gpa - FOUR_GIB + below4g;
    let end = 0;
    return this.nodes.find(({ ramBytes }) => {
      end += ramBytes;
      return offset < end;
    })?.memdev;
  }

  /** The node of a place for a processor; undefined: it has none. */
  nodeOfCpu(index: number): number | undefined {
    return this.#cpus.nodeOf(index);
  }

  /** From each node to each; undefined: the user said none. */
  get distances(): readonly (readonly number[])[] | undefined {
    return this.#distanceRows;
  }

  /** What the table of latencies and bandwidths tells; undefined: there is none. */
  get hmat(): AcpiHmat | undefined {
    const { nodes } = this;
    if (!this.#machine.hmat || nodes.length === 0) return undefined;
    const initiators = nodes.flatMap((_, node) => (this.#hasCpu(node) ? [node] : []));
    return {
      initiatorOf: nodes.map(({ initiator }, node) => (this.#hasCpu(node) ? node : initiator)),
      initiators,
      tables: this.#hmat.tables(initiators, nodes.length),
      caches: this.#hmat.caches(),
    };
  }

  /** QEMU: -numa, set-numa-node. Throws QEMU's error, and has changed nothing then. @param warn told QEMU's warnings */
  set(options: NumaOptions, warn: (text: string) => void): void {
    if (this.#machine.version.isEmpty) throw new MonitorError('NUMA is not supported by this machine-type');
    switch (options.type) {
      case 'node':
        this.#addNode(options, warn);
        break;
      case 'dist':
        this.#addDistance(options);
        break;
      case 'cpu':
        this.#addCpu(options);
        break;
      case 'hmat-lb':
        this.#addValue(options);
        break;
      case 'hmat-cache':
        this.#addCache(options);
    }
    const { type } = options;
    this.#said.set(type === 'dist' ? `${options.src} ${options.dst}` : writeJson(options), options);
  }

  /** Nothing more comes. Throws QEMU's error where something is missing. @param warn told QEMU's warnings */
  complete(warn: (text: string) => void): void {
    if (this.#isComplete) return;
    this.#settle(warn);
    // QEMU: until now the user could delete it. The board has the memory all the same.
    for (const { memdev } of this.nodes) if (memdev !== undefined) memdev.isMapped = true;
    this.#isComplete = true;
  }

  #settle(warn: (text: string) => void): void {
    if (this.#nodes.size === 0 && this.#needsNode()) {
      const { ramBytes } = this.#machine;
      this.#nodes.set(0, { ramBytes, memdev: undefined, source: undefined, initiator: undefined });
    }
    if (this.#nodes.size === 0) return;
    this.#checkNodes();
    if (!this.#distances.isEmpty) this.#distanceRows = this.#distances.complete(this.#nodes.size);
    const forgotten = this.#cpus.complete(this.#nodes.size);
    if (this.#machine.hmat) this.#checkInitiators();
    if (forgotten.length === 0 || this.#machine.isTest) return;
    warn(`CPU(s) not present in any NUMA nodes: ${forgotten.join(', ')}`);
    warn(
      'All CPU(s) up to maxcpus should be described in NUMA config, ability to start up with partial NUMA mappings is obsoleted and will be removed in future',
    );
  }

  #addNode(options: NumaNodeOptions, warn: (text: string) => void): void {
    const { nodeid = this.#nodes.size, cpus = [], initiator } = options;
    if (nodeid >= MAX_NODES) throw new MonitorError(`Max number of NUMA nodes reached: ${nodeid}`);
    if (this.#nodes.has(nodeid)) throw new MonitorError(`Duplicate NUMA nodeid: ${nodeid}`);
    if (initiator !== undefined && !this.#machine.hmat) throw new MonitorError(NO_HMAT);
    // QEMU says so and goes on, without the node.
    if (initiator !== undefined && initiator >= MAX_NODES) {
      throw new MonitorError(
        `The initiator id ${initiator} expects an integer between 0 and ${MAX_NODES - 1}`,
      );
    }
    const places = this.#cpus.placesAt(cpus);
    this.#checkPlaces(places, nodeid, initiator);
    const memory = this.#memoryOf(options);
    if (memory.source === 'mem' && !this.#machine.isTest) {
      warn('Parameter -numa node,mem is deprecated, use -numa node,memdev instead');
    }
    this.#nodes.set(nodeid, { ...memory, initiator });
    this.#cpus.assign(places, nodeid);
  }

  #memoryOf({ mem, memdev }: NumaNodeOptions): Omit<NumaNode, 'initiator'> {
    const isUsed = (source: NumaNode['source']): boolean => this.nodes.some((node) => node.source === source);
    if (
      (mem !== undefined && (memdev !== undefined || isUsed('memdev'))) ||
      (memdev !== undefined && isUsed('mem'))
    ) {
      throw new MonitorError(
        'numa configuration should use either mem= or memdev=,mixing both is not allowed',
      );
    }
    // QEMU: until 5.0 a node had memory without a back end.
    if (mem !== undefined && this.#machine.version.node.withoutSlots) {
      throw new MonitorError(
        'Parameter -numa node,mem is not supported by this machine type',
        'GenericError',
        'Use -numa node,memdev instead',
      );
    }
    if (mem !== undefined) return { ramBytes: Number(mem), memdev: undefined, source: 'mem' };
    if (memdev === undefined) return { ramBytes: 0, memdev: undefined, source: undefined };
    const backend = this.#machine.objects.resolve(memdev, MEMORY_BACKEND, 'memdev');
    // QEMU makes the board's own memory later.
    if (!(backend instanceof MemoryBackend) || backend.name === BOARD_MEMORY) {
      throw new MonitorError(`memdev=${memdev} is ambiguous`);
    }
    return { ramBytes: backend.sizeBytes, memdev: backend, source: 'memdev' };
  }

  #addDistance(options: NumaDistOptions): void {
    for (const name of ['src', 'dst'] as const) {
      if (options[name] < MAX_NODES) continue;
      throw new MonitorError(`Parameter '${name}' expects an integer between 0 and ${MAX_NODES - 1}`);
    }
    if (!this.#nodes.has(options.src) || !this.#nodes.has(options.dst)) {
      throw new MonitorError(
        "Source/Destination NUMA node is missing. Please use '-numa node' option to declare it first.",
      );
    }
    this.#distances.set(options);
  }

  #addCpu(options: NumaCpuOptions): void {
    const node = options['node-id'];
    if (node === undefined) throw new MonitorError('Missing mandatory node-id property');
    const known = this.#nodes.get(Number(node));
    if (known === undefined) {
      throw new MonitorError(
        `Invalid node-id=${node}, NUMA node must be defined with -numa node,nodeid=ID before it's used with -numa cpu,node-id=ID`,
      );
    }
    const places = this.#cpus.placesWith(options);
    this.#checkPlaces(places, Number(node), known.initiator);
    this.#cpus.assign(places, Number(node));
  }

  /** Throws QEMU's error for processors that are elsewhere, or in a node that others are nearer to. */
  #checkPlaces(places: readonly number[], node: number, initiator: number | undefined): void {
    this.#cpus.checkFree(places, node);
    if (places.length === 0 || !this.#machine.hmat || initiator === undefined || initiator === node) return;
    throw new MonitorError(`The initiator of CPU NUMA node ${node} should be itself (got ${initiator})`);
  }

  #addValue(options: HmatLbOptions): void {
    if (!this.#machine.hmat) throw new MonitorError(NO_HMAT);
    const { initiator, target } = options;
    const { size } = this.#nodes;
    // QEMU: the first number that is too large gets another text.
    if (initiator > size) {
      throw new MonitorError(`Invalid initiator=${initiator}, it should be less than ${size}`);
    }
    if (target > size) throw new MonitorError(`Invalid target=${target}, it should be less than ${size}`);
    if (!this.#hasCpu(initiator)) {
      throw new MonitorError(`Invalid initiator=${initiator}, it isn't an initiator proximity domain`);
    }
    if (!this.#nodes.has(target)) {
      throw new MonitorError(`The target=${target} should point to an existing node`);
    }
    this.#hmat.addValue(options);
  }

  #addCache(options: HmatCacheOptions): void {
    if (!this.#machine.hmat) throw new MonitorError(NO_HMAT);
    const { size } = this.#nodes;
    const node = options['node-id'];
    if (node >= size) throw new MonitorError(`Invalid node-id=${node}, it should be less than ${size}`);
    this.#hmat.addCache(options);
  }

  #hasCpu(node: number): boolean {
    return Array.from({ length: this.#machine.smp.maxCpus }, (_, index) => index).some(
      (index) => this.#cpus.nodeOf(index) === node,
    );
  }

  /** QEMU: room for more memory brings a node, in old machines only where there are slots, or never. */
  #needsNode(): boolean {
    const { version, dimms, ramBytes } = this.#machine;
    if (version.isEmpty || dimms === undefined || dimms.maxBytes <= ramBytes) return false;
    return dimms.slots > 0 ? version.node.withSlots : version.node.withoutSlots;
  }

  #checkNodes(): void {
    const last = Math.max(...this.#nodes.keys());
    for (let node = last; node >= 0; node--) {
      if (!this.#nodes.has(node)) throw new MonitorError(`numa: Node ID missing: ${node}`);
    }
    const { ramBytes } = this.#machine;
    const total = this.nodes.reduce((sum, node) => sum + node.ramBytes, 0);
    if (total !== ramBytes) {
      const [own, wanted] = [total, ramBytes].map((bytes) => `0x${bytes.toString(16)}`);
      throw new MonitorError(`total memory for NUMA nodes (${own}) should equal RAM size (${wanted})`);
    }
    const memdevs = this.nodes.flatMap(({ memdev }) => memdev ?? []);
    const twice = memdevs.find((memdev, at) => memdevs.indexOf(memdev) < at);
    if (twice === undefined) return;
    throw new MonitorError(`memory backend ${twice.name} can't be used multiple times.`);
  }

  #checkInitiators(): void {
    for (const [node, { initiator }] of this.nodes.entries()) {
      if (initiator === undefined) continue;
      if (!this.#nodes.has(initiator)) {
        throw new MonitorError(
          `NUMA node ${initiator} is missing, use '-numa node' option to declare it first`,
        );
      }
      if (!this.#hasCpu(initiator)) throw new MonitorError(`The initiator of NUMA node ${node} is invalid`);
    }
  }
}

/** Of a machine that is being made. */
export function machineNuma(
  version: MachineVersion,
  { smp = ONE_PROCESSOR, memoryBytes, dimms, hmat = false, accel }: MachineConfig,
  objects: ObjectTree,
): Numa {
  return new Numa({ version, smp, ramBytes: memoryBytes, dimms, hmat, isTest: accel === 'qtest', objects });
}
