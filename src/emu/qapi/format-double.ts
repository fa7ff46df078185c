/** Numbers as C's `%.17g` writes them. */

const DIGITS = 17;
/** More than 17: enough to see whether a number lies exactly between two results. */
const EXACT_DIGITS = 60;
const TIE = /^50*$/;

/** @returns for example 100, 0.10000000000000001, 1e+17, -0, inf */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [digits, exponent] = significantDigits(Math.abs(value));
  const shown = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= DIGITS) {
    const rest = shown.slice(1);
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${shown[0]}${rest === '' ? '' : `.${rest}`}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${shown}`;
  const whole = shown.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = shown.slice(exponent + 1);
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
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
