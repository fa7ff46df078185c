/** The order in which QEMU finds members that nobody asked for: `Parameter 'x' is unexpected` names the first. */
import { NameTable } from '../core/name-table.ts';
import { inQdictOrder } from './qdict-order.ts';

/** Keys that all have one hash take steps by the square of their number. */
const MAX_KEYS = 1024;

/**
 * QEMU: members are put into another table when their object is entered, and what is left of it at the end is unexpected.
 * @param keys oldest first
 */
export function inVisitorOrder(keys: readonly string[]): readonly string[] {
  const inOrder = inQdictOrder(keys);
  if (keys.length > MAX_KEYS) return inOrder;
  const table = new NameTable<true>();
  for (const key of inOrder) table.add(key, true);
  return table.entries().map(([key]) => key);
}
