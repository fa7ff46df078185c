/** The text of an event: the conversions of C's printf that trace events use. */

const CONVERSION = /%(0?\d*)(d|u|x|X|s|p)|%%/g;
/** 32-bit values are unsigned here, and signed where the format says so. */
const SIGN_BIT = 2 ** 31;
const RANGE = 2 ** 32;

/** Gives objects the numbers by which text names them, in the order in which they are asked for. */
export class ObjectNumbers {
  readonly #numbers = new WeakMap<object, number>();
  #next = 1;

  of(object: object): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    this.#numbers.set(object, this.#next);
    return this.#next++;
  }
}

function decimal(value: number, isSigned: boolean): string {
  return String(isSigned && value >= SIGN_BIT && value < RANGE ? value - RANGE : value);
}

function padded(text: string, width: string): string {
  return text.padStart(Number(width), width.startsWith('0') ? '0' : ' ');
}

/**
 * Fills the conversions of `format` with `args`, in order: `%d`, `%u`, `%x`, `%X`, `%s`, and `%p` for an object.
 * @param args numbers are not negative, or 32-bit
 */
export function formatted(
  format: string,
  args: readonly (number | bigint | string | object)[],
  objects: ObjectNumbers,
): string {
  let next = 0;
  return format.replace(CONVERSION, (whole, width: string, kind: string) => {
    if (whole === '%%') return '%';
    const value = args[next++] ?? '';
    if (typeof value === 'object') return `0x${objects.of(value).toString(16)}`;
    if (kind === 's' || typeof value === 'string') return padded(String(value), width);
    if (kind === 'x' || kind === 'X') {
      const digits = (value < 0 ? Number(value) >>> 0 : value).toString(16);
      return padded(kind === 'x' ? digits : digits.toUpperCase(), width);
    }
    return padded(typeof value === 'bigint' ? String(value) : decimal(value, kind === 'd'), width);
  });
}
