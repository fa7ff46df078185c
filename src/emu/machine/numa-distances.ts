/** How far NUMA nodes are from each other, in tenths of the way to a node's own memory. Spec: ACPI 6.5 §5.2.17. */
import { MonitorError } from '../core/monitor-error.ts';
import type { NumaDistOptions } from './numa-options.ts';

/** To a node's own memory; nothing is nearer. */
const LOCAL = 10;

export class NumaDistances {
  /** By `src,dst`. */
  readonly #given = new Map<string, number>();

  /** The user has given none: the guest is told of none. */
  get isEmpty(): boolean {
    return this.#given.size === 0;
  }

  /** The nodes are there. Throws QEMU's error. */
  set({ src, dst, val }: NumaDistOptions): void {
    if (val < LOCAL) {
      throw new MonitorError(`NUMA distance (${val}) is invalid, it shouldn't be less than ${LOCAL}.`);
    }
    if (src === dst && val !== LOCAL) {
      throw new MonitorError(`Local distance of node ${src} should be ${LOCAL}.`);
    }
    this.#given.set(`${src},${dst}`, val);
  }

  /** A row for each of `count` nodes; what was given for one direction goes for the other too. Throws QEMU's error. */
  complete(count: number): readonly (readonly number[])[] {
    const nodes = Array.from({ length: count }, (_, node) => node);
    const pairs = nodes.flatMap((src) => nodes.slice(src + 1).map((dst) => [src, dst] as const));
    const both = (src: number, dst: number) => [this.#of(src, dst), this.#of(dst, src)] as const;
    for (const [src, dst] of pairs) {
      if (both(src, dst).some((value) => value !== undefined)) continue;
      throw new MonitorError(
        `The distance between node ${src} and ${dst} is missing, at least one distance value between each nodes should be provided.`,
      );
    }
    const isWhole = ([src, dst]: readonly [number, number]): boolean =>
      both(src, dst).every((value) => value !== undefined);
    const isAsymmetric = pairs
      .filter(isWhole)
      .some(([src, dst]) => this.#of(src, dst) !== this.#of(dst, src));
    if (isAsymmetric && !pairs.every(isWhole)) {
      throw new MonitorError(
        'At least one asymmetrical pair of distances is given, please provide distances for both directions of all node pairs.',
      );
    }
    return nodes.map((src) => nodes.map((dst) => this.#of(src, dst) ?? this.#of(dst, src) ?? LOCAL));
  }

  #of(src: number, dst: number): number | undefined {
    return this.#given.get(`${src},${dst}`);
  }
}
