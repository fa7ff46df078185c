/** Numbers as C's `%.17g` writes them. */

const DIGITS = 17;
/** More than 17: enough to see whether a number lies exactly between two results. */
const EXACT_DIGITS = 60;
const TIE = /^50*$/;

/** @returns for example 100, 0.10000000000000001, 1e+17, -0, inf */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return sign + (Number.isFinite(value) ? formatFinite(Math.abs(value)) : 'inf');
}

function formatFinite(value: number): string {
  const [digits, exponent] = significantDigits(value);
  const shown = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= DIGITS) {
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${withPoint(shown, 1)}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${shown}`;
  return withPoint(shown, exponent + 1);
}

/** @param whole how many digits are before the point */
function withPoint(digits: string, whole: number): string {
  const fraction = digits.slice(whole);
  return digits.slice(0, whole).padEnd(whole, '0') + (fraction === '' ? '' : `.${fraction}`);
}

/** 17 decimal digits, and the power of ten of the first. */
function significantDigits(value: number): readonly [digits: string, exponent: number] {
  const exact = value.toExponential(EXACT_DIGITS);
  // A number in the middle goes to the even digit, as in C; JavaScript takes the larger one.
  const digits = exact.replace('.', '').slice(0, DIGITS);
  const isEven = Number(digits.at(-1)) % 2 === 0;
  const inMiddle = TIE.test(exact.slice(DIGITS + 1, exact.indexOf('e')));
  const rounded = inMiddle && isEven ? exact : value.toExponential(DIGITS - 1);
  const [mantissa = '', power] = rounded.split('e');
  return [mantissa.replace('.', '').slice(0, DIGITS), Number(power)];
}
