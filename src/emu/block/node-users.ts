/** Who may use a node beside whom. QEMU: permissions of the block layer, of which only writing sets users apart here. */
import { MonitorError } from '../core/monitor-error.ts';
import type { BlockNode, NodeUser } from './block-node.ts';

/** The node that has the image: the lowest one. */
export function bottomOf(node: BlockNode): BlockNode {
  let bottom = node;
  while (bottom.file !== undefined) bottom = bottom.file;
  return bottom;
}

/** A node as the user of the node below it. */
function asUser(node: BlockNode, users: readonly NodeUser[]): NodeUser | undefined {
  if (users.length === 0) return undefined;
  return {
    title: `node '${node.name}'`,
    role: node.childName,
    writes: users.some(({ writes }) => writes),
    age: node.age,
  };
}

function conflict(node: BlockNode, wanted: NodeUser, other: NodeUser): MonitorError {
  // QEMU: of two that both would write the newer one does not let the other.
  const isOthers = other.writes && (!wanted.writes || other.age < wanted.age);
  const [requires, denies] = isOthers ? [other, wanted] : [wanted, other];
  const by = ({ title, role }: NodeUser): string =>
    `by ${title} (uses node '${node.name}' as '${role}' child)`;
  return new MonitorError(
    `Permission conflict on node '${node.name}': permissions 'write' are both required ${by(requires)} ` +
      `and unshared ${by(denies)}.`,
  );
}

/** QEMU's error when `wanted` cannot use the node beside those that do, or undefined. `replaced` is one of them that it stands for. */
export function userConflict(
  node: BlockNode,
  wanted: NodeUser,
  replaced?: NodeUser,
): MonitorError | undefined {
  if (wanted.writes && node.disk.readOnly) return new MonitorError('Block node is read-only');
  const others = node.users.filter((user) => user !== replaced);
  const other = others.find((user) => user.writes || wanted.writes);
  if (other !== undefined) return conflict(node, wanted, other);
  if (node.file === undefined) return undefined;
  const below = asUser(node, [...others, wanted]);
  return below && userConflict(node.file, below, edgeOf(node));
}

/** The node's own entry among the users of the node below it. */
export function edgeOf(node: BlockNode): NodeUser | undefined {
  return node.file?.users.find(({ title }) => title === `node '${node.name}'`);
}

/** The user was checked. */
export function addUser(node: BlockNode, user: NodeUser): void {
  node.users.push(user);
  followBelow(node);
}

export function removeUser(node: BlockNode, user: NodeUser): void {
  const at = node.users.indexOf(user);
  if (at >= 0) node.users.splice(at, 1);
  followBelow(node);
}

function followBelow(node: BlockNode): void {
  const { file } = node;
  if (file === undefined) return;
  const [before, after] = [edgeOf(node), asUser(node, node.users)];
  if (before?.writes === after?.writes) return;
  if (before !== undefined) removeUser(file, before);
  if (after !== undefined) addUser(file, after);
}
