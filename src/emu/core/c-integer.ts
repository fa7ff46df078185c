const INTEGER = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/;
const OCTAL = /^0[0-7]+$/;
const LIKE_OCTAL = /^0\d/;

/** The first number that C's strtoull has no room for. */
export const UINT64_END = 2n ** 64n;

/** A whole number as C's strtol reads it with base 0, of any size; undefined: it is none. A leading 0 means octal. */
export function readCInteger(text: string): bigint | undefined {
  const [, sign = '', digits] = INTEGER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const isOctal = OCTAL.test(digits);
  if (LIKE_OCTAL.test(digits) && !isOctal) return undefined;
  const magnitude = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  return sign === '-' ? -magnitude : magnitude;
}
