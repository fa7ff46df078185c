/** AML objects, statements and operators, named as in ASL. Spec: ACPI 6.5 §20.2.5. */
import {
  type Aml,
  bytes,
  lengthValue,
  littleEndian,
  namePath,
  type Operand,
  packaged,
  term,
  terms,
} from './aml.ts';

const EXT_OP = 0x5b;

/** Spec: §20.2.5.2 RegionSpace. */
export type RegionSpace = 'SystemMemory' | 'SystemIO' | 'PCI_Config';
const REGION_SPACES: Readonly<Record<RegionSpace, number>> = { SystemMemory: 0, SystemIO: 1, PCI_Config: 2 };

/** Spec: §20.2.5.2 FieldFlags: access type, lock rule, update rule. */
export type FieldAccess = 'ByteAcc' | 'DWordAcc';
const FIELD_ACCESS: Readonly<Record<FieldAccess, number>> = { ByteAcc: 1, DWordAcc: 3 };
const FIELD_LOCK = 0x10;
const FIELD_UPDATE_SHIFT = 5;
export type FieldUpdate = 'Preserve' | 'WriteAsZeros';
const FIELD_UPDATES: Readonly<Record<FieldUpdate, number>> = { Preserve: 0, WriteAsZeros: 2 };

const METHOD_SERIALIZED = 0x08;
const WAIT_FOREVER = 0xffff;

function extended(opcode: number): Aml {
  return bytes(EXT_OP, opcode);
}

/** `Scope (path) { … }` */
export function scope(path: string, ...body: readonly Aml[]): Aml {
  return packaged(bytes(0x10), namePath(path), ...body);
}

/** `Device (path) { … }` */
export function device(path: string, ...body: readonly Aml[]): Aml {
  return packaged(extended(0x82), namePath(path), ...body);
}

/** `Processor (path, id, 0, 0) { … }`: no P_BLK. */
export function processor(path: string, id: number, ...body: readonly Aml[]): Aml {
  return packaged(extended(0x83), namePath(path), bytes(id), littleEndian(0, 4), bytes(0), ...body);
}

/** `Name (path, value)` */
export function name(path: string, value: Operand): Aml {
  return terms(bytes(0x08), namePath(path), term(value));
}

/** `Method (path, args, NotSerialized) { … }` */
export function method(path: string, args: number, ...body: readonly Aml[]): Aml {
  return packaged(bytes(0x14), namePath(path), bytes(args), ...body);
}

/** `Method (path, args, Serialized) { … }`: needed where the body creates names. */
export function serializedMethod(path: string, args: number, ...body: readonly Aml[]): Aml {
  return packaged(bytes(0x14), namePath(path), bytes(args | METHOD_SERIALIZED), ...body);
}

/** `Mutex (path, 0)` */
export function mutex(path: string): Aml {
  return terms(extended(0x01), namePath(path), bytes(0));
}

/** `OperationRegion (path, space, offset, length)` */
export function operationRegion(path: string, space: RegionSpace, offset: number, length: number): Aml {
  return terms(extended(0x80), namePath(path), bytes(REGION_SPACES[space]), term(offset), term(length));
}

/** One row of a field list: a name with its width in bits, or (no name) bits to skip. */
export type FieldUnit = readonly [name: string | undefined, bits: number];

/** `Field (region, access, lock, update) { … }` */
export function field(
  region: string,
  access: FieldAccess,
  update: FieldUpdate,
  units: readonly FieldUnit[],
  lock: boolean = false,
): Aml {
  const flags =
    FIELD_ACCESS[access] | (lock ? FIELD_LOCK : 0) | (FIELD_UPDATES[update] << FIELD_UPDATE_SHIFT);
  const list = units.map(([unit, bits]) =>
    terms(unit === undefined ? bytes(0) : namePath(unit), lengthValue(bits)),
  );
  return packaged(extended(0x81), namePath(region), bytes(flags), ...list);
}

/** `CreateDWordField (source, byteOffset, path)` */
export function createDWordField(source: Operand, byteOffset: Operand, path: string): Aml {
  return terms(bytes(0x8a), term(source), term(byteOffset), namePath(path));
}

/** `Arg0` … `Arg6` */
export function arg(n: number): Aml {
  return bytes(0x68 + n);
}

/** `Local0` … `Local7` */
export function local(n: number): Aml {
  return bytes(0x60 + n);
}

/** `If (condition) { … }` */
export function when(condition: Operand, ...body: readonly Aml[]): Aml {
  return packaged(bytes(0xa0), term(condition), ...body);
}

/** `Else { … }`, right after a `when`. */
export function otherwise(...body: readonly Aml[]): Aml {
  return packaged(bytes(0xa1), ...body);
}

/** `While (condition) { … }` */
export function loopWhile(condition: Operand, ...body: readonly Aml[]): Aml {
  return packaged(bytes(0xa2), term(condition), ...body);
}

/** `Break` */
export const BREAK: Aml = bytes(0xa5);

/** `Return (value)` */
export function returns(value: Operand): Aml {
  return terms(bytes(0xa4), term(value));
}

/** `path (args)`: the number of arguments must be the method's, AML does not say it. */
export function call(path: string, ...args: readonly Operand[]): Aml {
  return terms(namePath(path), ...args.map(term));
}

/** `target = value` */
export function store(value: Operand, target: Operand): Aml {
  return terms(bytes(0x70), term(value), term(target));
}

/** `Notify (object, value)` */
export function notify(object: Operand, value: Operand): Aml {
  return terms(bytes(0x86), term(object), term(value));
}

/** `Acquire (mutex, 0xFFFF)` */
export function acquire(path: string): Aml {
  return terms(extended(0x23), namePath(path), littleEndian(WAIT_FOREVER, 2));
}

/** `Release (mutex)` */
export function release(path: string): Aml {
  return terms(extended(0x27), namePath(path));
}

const NO_TARGET = bytes(0);

/** An operator of two operands and a target; without a target its value is used where it stands. */
function binary(opcode: number): (a: Operand, b: Operand, target?: Operand) => Aml {
  return (a, b, target) =>
    terms(bytes(opcode), term(a), term(b), target === undefined ? NO_TARGET : term(target));
}

export const add = binary(0x72);
export const subtract = binary(0x74);
export const shiftLeft = binary(0x79);
export const shiftRight = binary(0x7a);
export const bitAnd = binary(0x7b);
export const bitOr = binary(0x7d);
/** `a [b]` */
export const index = binary(0x88);

function logical(...opcodes: readonly number[]): (a: Operand, b: Operand) => Aml {
  return (a, b) => terms(bytes(...opcodes), term(a), term(b));
}

export const both = logical(0x90);
export const either = logical(0x91);
export const equal = logical(0x93);
export const greater = logical(0x94);
export const less = logical(0x95);
export const notEqual = logical(0x92, 0x93);

function unary(opcode: number): (a: Operand) => Aml {
  return (a) => terms(bytes(opcode), term(a));
}

export const increment = unary(0x75);
export const derefOf = unary(0x83);
export const sizeOf = unary(0x87);
/** `!a` */
export const not = unary(0x92);

function conversion(opcode: number): (a: Operand) => Aml {
  return (a) => terms(bytes(opcode), term(a), NO_TARGET);
}

export const toBuffer = conversion(0x96);
export const toHexString = conversion(0x98);
export const toInteger = conversion(0x99);
