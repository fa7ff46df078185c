/** The options of a drive that limit what it may move: `throttling.bps-total` and others. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import {
  LIMIT_NAMES,
  type LimitName,
  limitsError,
  limitsOf,
  type ThrottleLimits,
} from './throttle-limits.ts';

/** What the options call the limits. */
const NAMES: Readonly<Record<LimitName, string>> = {
  bps: 'throttling.bps-total',
  bps_rd: 'throttling.bps-read',
  bps_wr: 'throttling.bps-write',
  iops: 'throttling.iops-total',
  iops_rd: 'throttling.iops-read',
  iops_wr: 'throttling.iops-write',
};
const SIZE = 'throttling.iops-size';
const GROUP = 'throttling.group';

/** QEMU's older names of the same options; the lengths of bursts have none. */
export const THROTTLE_ALIASES: readonly (readonly [from: string, to: string])[] = [
  ...(['iops', 'iops_rd', 'iops_wr', 'bps', 'bps_rd', 'bps_wr'] as const).flatMap(
    (name): readonly (readonly [string, string])[] => [
      [name, NAMES[name]],
      [`${name}_max`, `${NAMES[name]}-max`],
    ],
  ),
  ['iops_size', SIZE],
  ['group', GROUP],
];

export const THROTTLE_OPTIONS: readonly string[] = [
  ...LIMIT_NAMES.flatMap((name) => ['', '-max', '-max-length'].map((part) => NAMES[name] + part)),
  SIZE,
  GROUP,
];

/** All of them, by every name. */
export const THROTTLE_KEYS: readonly string[] = [
  ...THROTTLE_OPTIONS,
  ...THROTTLE_ALIASES.map(([from]) => from),
];

/** What the options say, by their names. Throws QEMU's error for one that is no number. */
export function throttleNumbers(values: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const given = THROTTLE_OPTIONS.filter((name) => name !== GROUP && values.has(name));
  return new Map(
    inQdictOrder(given).map((name) => {
      const text = values.get(name) ?? '';
      if (!/^\s*[+-]?(\d+|0x[\da-f]+)$/i.test(text)) {
        throw new MonitorError(`Parameter '${name}' expects a number`);
      }
      return [name, Number(text)] as const;
    }),
  );
}

/** Throws QEMU's error. */
export function throttleLimits(numbers: ReadonlyMap<string, number>): ThrottleLimits {
  const read = (name: string, byDefault: number): number => numbers.get(name) ?? byDefault;
  const limits = limitsOf(
    (limit) => {
      const name = NAMES[limit];
      return { avg: read(name, 0), max: read(`${name}-max`, 0), length: read(`${name}-max-length`, 1) };
    },
    read(SIZE, 0),
  );
  const error = limitsError(limits);
  if (error !== undefined) throw error;
  return limits;
}

/** The group that the drive shares its limits with. */
export function throttleGroup(values: ReadonlyMap<string, string>): string | undefined {
  return values.get(GROUP);
}
