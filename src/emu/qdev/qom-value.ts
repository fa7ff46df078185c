/** Values of properties as monitors read and write them while the machine runs. */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { type JsonValue, signedInteger, unsignedInteger } from '../qapi/json-value.ts';
import { readNumberRanges } from './number-list.ts';
import { type PropertySpec, type PropertyValue, parseBool, parseSize } from './properties.ts';

/** A property of hardware that is asked for, or set, while the device is there. The table of its type says its kind. */
export interface LiveProperty {
  readonly name: string;
  read(): JsonValue;
  /** Absent: nobody can write it. Throws `MonitorError`. */
  write?(given: GivenValue): void;
}

/** What the user gives to a property by `qom-set`: text, or with `-j` JSON. */
export class GivenValue {
  /** Of the property, for errors. */
  readonly #name: string;
  readonly #value: JsonValue;
  readonly #json: boolean;

  constructor(name: string, value: JsonValue, json: boolean) {
    this.#name = name;
    this.#value = value;
    this.#json = json;
  }

  /** A whole number of 64 bits with a sign. Throws QEMU's error. */
  integer(): bigint {
    const name = this.#name;
    if (this.#json) {
      const integer = signedInteger(this.#value);
      if (integer !== undefined) return integer;
      throw new MonitorError(`Invalid parameter type for '${name}', expected: integer`);
    }
    const value = readCInteger(String(this.#value));
    if (value !== undefined && BigInt.asIntN(64, value) === value) return value;
    throw new MonitorError(`Parameter '${name}' expects int64`);
  }

  /** A whole number of 64 bits without one: a negative one wraps round. Throws QEMU's error. */
  unsigned(): bigint {
    const value = this.#json ? unsignedInteger(this.#value) : readCInteger(String(this.#value));
    if (value === undefined) throw new MonitorError(`Parameter '${this.#name}' expects uint64`);
    return BigInt.asUintN(64, value);
  }

  /** Throws QEMU's error. */
  boolean(): boolean {
    const name = this.#name;
    if (this.#json) {
      if (typeof this.#value === 'boolean') return this.#value;
      throw new MonitorError(`Invalid parameter type for '${name}', expected: boolean`);
    }
    const value = parseBool(String(this.#value));
    if (value === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
    return value;
  }

  /** As the property is read when it is given to a new object. Throws QEMU's error. */
  asNew(property: PropertySpec, owner: string): PropertyValue {
    const { kind } = property;
    if (this.#json) return kind.fromJson(this.#value, property, owner);
    return kind.parse(String(this.#value), property, owner);
  }

  /** Numbers of a list, `fromJson` reading one in JSON. Throws QEMU's error. */
  numbers(fromJson: (json: JsonValue, name: string) => readonly bigint[]): readonly bigint[] {
    if (this.#json) return fromJson(this.#value, this.#name);
    const numbers = readNumberRanges(String(this.#value));
    if (numbers !== undefined) return numbers;
    // QEMU: what is read has no name yet.
    throw new MonitorError("Parameter 'null' expects list of uint64 values or ranges");
  }

  /** Bytes. Throws QEMU's error. */
  size(): bigint {
    const name = this.#name;
    if (this.#json) {
      const integer = unsignedInteger(this.#value);
      if (integer !== undefined) return integer;
      throw new MonitorError(`Parameter '${name}' expects uint64`);
    }
    const text = String(this.#value);
    const bytes = parseSize(text);
    if (bytes !== undefined) return BigInt(bytes);
    // QEMU: part of a byte is no number at all.
    if (/^(\d+b?|\d+(\.\d+)?[kmgtpe])$/i.test(text)) {
      throw new MonitorError(`Value '${text}' is out of range for parameter '${name}'`);
    }
    throw new MonitorError(
      `Parameter '${name}' expects a non-negative number below 2^64`,
      'GenericError',
      'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.',
    );
  }
}
