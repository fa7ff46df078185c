/** Number expressions of the monitor: `1+2*3`, `0x10 & ~1`, `(1 - 2) / 'a'`, `$eip + 4`. Results are 64-bit. */
import { ArgumentError } from './argument-error.ts';
import { isSpace, shownByte } from './line-reader.ts';

/** The value of a register that an expression names without its dollar sign; undefined for an unknown one. */
export type RegisterReader = (name: string) => bigint | undefined;

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

class Parser {
  readonly #text: string;
  readonly #registers: RegisterReader;
  at = 0;

  constructor(text: string, registers: RegisterReader) {
    this.#text = text;
    this.#registers = registers;
  }

  sum(): bigint {
    let value = this.#logic();
    for (;;) {
      const operator = this.#operator('+-');
      if (operator === undefined) return value;
      const right = this.#logic();
      value = BigInt.asIntN(64, operator === '+' ? value + right : value - right);
    }
  }

  #logic(): bigint {
    let value = this.#product();
    for (;;) {
      const operator = this.#operator('&|^');
      if (operator === undefined) return value;
      const right = this.#product();
      if (operator === '&') value &= right;
      else if (operator === '|') value |= right;
      else value ^= right;
    }
  }

  #product(): bigint {
    let value = this.#unary();
    for (;;) {
      const operator = this.#operator('*/%');
      if (operator === undefined) return value;
      const right = this.#unary();
      if (operator === '*') {
        value = BigInt.asIntN(64, value * right);
        continue;
      }
      if (right === 0n) throw new ArgumentError('division by zero');
      value = operator === '/' ? value / right : value % right;
    }
  }

  #unary(): bigint {
    this.#skip();
    const character = this.#text[this.at];
    switch (character) {
      case undefined:
        throw new ArgumentError('unexpected end of expression');
      case '+':
        this.at++;
        return this.#unary();
      case '-':
        this.at++;
        return BigInt.asIntN(64, -this.#unary());
      case '~':
        this.at++;
        return ~this.#unary();
      case '(':
        return this.#parenthesis();
      case "'":
        return this.#character();
      case '$':
        return this.#register();
      default:
        return this.#number();
    }
  }

  #parenthesis(): bigint {
    this.at++;
    const value = this.sum();
    this.#skip();
    if (this.#text[this.at] !== ')') throw new ArgumentError("')' expected");
    this.at++;
    return value;
  }

  #character(): bigint {
    const character = this.#text[this.at + 1];
    if (character === undefined) throw new ArgumentError('character constant expected');
    // QEMU: a character is one byte.
    if (character > '\u007f' || this.#text[this.at + 2] !== "'")
      throw new ArgumentError("missing terminating ' character");
    this.at += 3;
    return BigInt(character.charCodeAt(0));
  }

  #register(): bigint {
    const name = /^\$([\w.]*)/.exec(this.#text.slice(this.at))?.[1] ?? '';
    this.at += name.length + 1;
    const value = this.#registers(name);
    if (value === undefined) throw new ArgumentError('unknown register');
    return BigInt.asIntN(64, value);
  }

  #number(): bigint {
    const digits = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(this.#text.slice(this.at))?.[0];
    if (digits === undefined)
      throw new ArgumentError(`invalid char '${shownByte(this.#text, this.at)}' in expression`);
    this.at += digits.length;
    const octal = /^0[0-7]+$/.test(digits);
    const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
    if (value > MAX_UINT64) throw new ArgumentError('number too large');
    return BigInt.asIntN(64, value);
  }

  #operator(among: string): string | undefined {
    this.#skip();
    const character = this.#text[this.at];
    if (character === undefined || !among.includes(character)) return undefined;
    this.at++;
    return character;
  }

  #skip(): void {
    while (isSpace(this.#text[this.at])) this.at++;
  }
}

/** The expression at the start of `text` and how long it is. Throws `ArgumentError`. */
export function evaluateExpression(
  text: string,
  registers: RegisterReader,
): { readonly value: bigint; readonly length: number } {
  const parser = new Parser(text, registers);
  const value = parser.sum();
  return { value, length: parser.at };
}
