/**
 * `host-nodes`: from which NUMA nodes of the host memory is to come. Not modelled: where it comes from. The host is taken to have one node, 0,
 * as most have.
 */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { type PropertyKind, type PropertySpec, type PropertyValue, STR } from './properties.ts';

/** QEMU knows of no more. */
const MAX_NODES = 128;

const expectsArray = (name: string): MonitorError =>
  new MonitorError(`Invalid parameter type for '${name}', expected: array`);

/** QEMU: numbers of a list have no name. Throws its error. */
export function nodeNumber(value: bigint): number {
  if (value < 0n || value > 0xffffn) throw new MonitorError("Parameter 'null' expects uint16_t");
  return Number(value);
}

/** What a list has as the value of a property: text. */
const listText = (nodes: readonly bigint[]): string => nodes.map(nodeNumber).join();

function fromParts(parts: JsonValue, { name }: PropertySpec): PropertyValue {
  if (!Array.isArray(parts)) throw expectsArray(name);
  const numbers = parts.map((part: JsonValue, at) => {
    if (typeof part !== 'string') throw new MonitorError(`Parameters '${name}.${at}.*' are unexpected`);
    const value = readCInteger(part);
    if (value === undefined) throw new MonitorError(`Parameter '${name}.${at}' expects integer`);
    return value;
  });
  return listText(numbers);
}

/** The nodes of a list in JSON. Throws QEMU's error. */
export function nodesFromJson(json: JsonValue, name: string): readonly bigint[] {
  if (!Array.isArray(json)) throw expectsArray(name);
  return json.map((value: JsonValue, at) => {
    if (typeof value === 'bigint') return value;
    if (typeof value !== 'number') throw new MonitorError(`Parameter '${name}[${at}]' expects uint64`);
    return BigInt(value);
  });
}

/** Values are texts, `0,3`, in the order given. */
export const HOST_NODES: PropertyKind = {
  ...STR,
  typeName: 'int',
  parse(_text, { name }) {
    throw expectsArray(name);
  },
  fromParts,
  fromJson: (json, { name }) => listText(nodesFromJson(json, name)),
  toJson: (value) => nodesOf(value),
};

const inOrder = (nodes: Iterable<number>): readonly number[] => [...new Set(nodes)].sort((a, b) => a - b);

/** The nodes of a property's value, each once and in ascending order. Throws QEMU's error. */
export function nodesOf(value: PropertyValue): number[] {
  const text = String(value ?? '');
  const nodes = text === '' ? [] : text.split(',').map(Number);
  checkNodes(nodes);
  return [...inOrder(nodes)];
}

/** Throws QEMU's error for the first node that no host can have. */
function checkNodes(nodes: readonly number[]): void {
  const wrong = nodes.find((node) => node >= MAX_NODES);
  if (wrong !== undefined) throw new MonitorError(`Invalid host-nodes value: ${wrong}`);
}

/** Nodes set after the memory was made. QEMU: those that were there stay. Throws its error. */
export function withNodes(before: readonly number[], given: readonly bigint[]): readonly number[] {
  const nodes = given.map(nodeNumber);
  checkNodes(nodes);
  return inOrder([...before, ...nodes]);
}

/** QEMU's errors for nodes that do not go with the policy, or of which the host has none. */
export function checkPolicy(policy: string, nodes: readonly number[]): void {
  const isDefault = policy === 'default';
  if (nodes.length === 0 && !isDefault) {
    throw new MonitorError(`host-nodes must be set for policy ${policy}`);
  }
  if (nodes.length > 0 && isDefault) {
    throw new MonitorError(
      'host-nodes must be empty for policy default, or you should explicitly specify a policy other than default',
    );
  }
  if (nodes.length > 0 && !nodes.includes(0)) {
    throw new MonitorError('cannot bind memory to host NUMA nodes: Invalid argument');
  }
}
