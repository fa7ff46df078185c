/** The order in which QEMU tells the members of an object. */
import { encodeText } from './utf8.ts';

const BUCKETS = 512;

/** Spec: the hash of GDBM, on 32 bits. The length is the seed; each byte is added at one of the shifts 0, 5, 10, 15, 20, 1, 6, …; then one step of a linear congruential generator. */
function bucketOf(key: string): number {
  const bytes = encodeText(key);
  let sum = Math.imul(0x238f_13af, bytes.length);
  for (let at = 0; at < bytes.length; at++) sum = (sum + ((bytes[at] ?? 0) << ((at * 5) % 24))) | 0;
  return (Math.imul(1_103_515_243, sum) + 12_345) & (BUCKETS - 1);
}

/**
 * QEMU: an object is a table of 512 lists, which are told one after the other. A new key enters its list at the front, so within a list
 * the newest comes first.
 * @param keys oldest first
 */
export function inQdictOrder(keys: readonly string[]): readonly string[] {
  if (keys.length < 2) return keys;
  return keys
    .map((key, age) => ({ key, age, bucket: bucketOf(key) }))
    .sort((a, b) => a.bucket - b.bucket || b.age - a.age)
    .map(({ key }) => key);
}
