/** Which NUMA node a place for a processor is in. */
import { MonitorError } from '../core/monitor-error.ts';
import { type CpuPlace, placeOfCpu, type SmpConfig } from './cpu-topology.ts';
import type { NumaCpuOptions } from './numa-options.ts';

export class NumaCpus {
  readonly #smp: SmpConfig;
  /** By the number of the place. */
  readonly #nodes: (number | undefined)[];

  constructor(smp: SmpConfig) {
    this.#smp = smp;
    this.#nodes = Array.from({ length: smp.maxCpus });
  }

  /** Undefined: nobody has said it. */
  nodeOf(index: number): number | undefined {
    return this.#nodes[index];
  }

  /** The places that have these ids; one that is not given may be any. Throws QEMU's error. */
  placesWith(ids: NumaCpuOptions): readonly number[] {
    if (ids['cluster-id'] !== undefined) throw new MonitorError('cluster-id is not supported');
    if (ids['die-id'] !== undefined && this.#smp.dies === 1)
      throw new MonitorError('die-id is not supported');
    const isMeant = ({ socket, die, core, thread }: CpuPlace): boolean =>
      (
        [
          ['socket-id', socket],
          ['die-id', die],
          ['core-id', core],
          ['thread-id', thread],
        ] as const
      ).every(([name, value]) => ids[name] === undefined || BigInt(ids[name]) === BigInt(value));
    const places = this.#places().filter((index) => isMeant(placeOfCpu(this.#smp, index)));
    if (places.length === 0) throw new MonitorError('no match found');
    return places;
  }

  /** The places that have these numbers. Throws QEMU's error. */
  placesAt(indexes: readonly number[]): readonly number[] {
    const { maxCpus } = this.#smp;
    const beyond = indexes.find((index) => index >= maxCpus);
    if (beyond === undefined) return indexes;
    throw new MonitorError(`CPU index (${beyond}) should be smaller than maxcpus (${maxCpus})`);
  }

  /** Throws QEMU's error for a place that is in another node. */
  checkFree(places: readonly number[], node: number): void {
    for (const index of places) {
      const other = this.#nodes[index] ?? node;
      if (other !== node) throw new MonitorError(`CPU is already assigned to node-id: ${other}`);
    }
  }

  assign(places: readonly number[], node: number): void {
    for (const index of places) this.#nodes[index] = node;
  }

  /**
   * Every place that is in no node gets one: where the user has said nothing of any, sockets go round the nodes, otherwise it is node 0.
   * @returns the places that the user forgot, as QEMU names them
   */
  complete(nodes: number): readonly string[] {
    const lacking = this.#places().filter((index) => this.#nodes[index] === undefined);
    const isDefault = lacking.length === this.#nodes.length;
    for (const index of lacking) {
      this.#nodes[index] = isDefault ? placeOfCpu(this.#smp, index).socket % nodes : 0;
    }
    return isDefault ? [] : lacking.map((index) => this.#nameOf(index));
  }

  #places(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  #nameOf(index: number): string {
    const { socket, die, core, thread } = placeOfCpu(this.#smp, index);
    const dieId = this.#smp.dies > 1 ? `die-id: ${die}, ` : '';
    return `CPU ${index} [socket-id: ${socket}, ${dieId}core-id: ${core}, thread-id: ${thread}]`;
  }
}
