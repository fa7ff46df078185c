/** SSE2 integers: four words, whose bytes and halves are worked on together. Only what code uses much; the SSE table has the rest. */
import type { Emitter, Semantic } from './emitter.ts';

/** The top bits of bytes and of halves, and the other bits. */
const [TOP_8, REST_8] = ['-2139062144', '2139062143'];
const [TOP_16, REST_16] = ['-2147450880', '2147450879'];
const WORDS = [0, 1, 2, 3];

/** Text of one word of the result from the words a (destination) and b (source); may use j and c. */
type Lane = string;

function lanes(name: string, lane: Lane): Semantic {
  return {
    name: `sse_${name}`,
    emit: (e) =>
      WORDS.map((k) => `a=${e.vector(2, k)};b=${e.vector(3, k)};${e.vector(2, k)}=${lane};`).join(''),
  };
}

/** All bits of each byte or half whose top bit is set in `mask`. */
function spread8(mask: string): string {
  return `Math.imul((${mask}&${TOP_8})>>>7,255)`;
}

function spread16(mask: string): string {
  return `Math.imul((${mask}&${TOP_16})>>>15,65535)`;
}

/** Top bits of the bytes of j = a ^ b that are 0. */
function zero(rest: string): string {
  return `~((j&${rest})+${rest}|j)`;
}

function add(top: string, rest: string): Lane {
  return `(a&${rest})+(b&${rest})^(a^b)&${top}`;
}

function subtract(top: string, rest: string): Lane {
  return `(a|${top})-(b&${rest})^(a^~b)&${top}`;
}

/** Top bits of the unsigned bytes of x that are at least those of y. */
function atLeast(x: string, y: string): string {
  return `(${x}&~${y}|~(a^b)&(${x}|${TOP_8})-(${y}&${REST_8}))`;
}

const LANES: Readonly<Record<string, Lane>> = {
  pxor: 'a^b',
  pand: 'a&b',
  por: 'a|b',
  pandn: '~a&b',
  paddb: add(TOP_8, REST_8),
  paddw: add(TOP_16, REST_16),
  paddd: 'a+b|0',
  psubb: subtract(TOP_8, REST_8),
  psubw: subtract(TOP_16, REST_16),
  psubd: 'a-b|0',
  pcmpeqb: `(j=a^b,${spread8(zero(REST_8))})`,
  pcmpeqw: `(j=a^b,${spread16(zero(REST_16))})`,
  pcmpeqd: 'a===b?-1:0',
  pcmpgtb: `(a=a^${TOP_8},b=b^${TOP_8},${spread8(`~${atLeast('b', 'a')}`)})`,
  pcmpgtd: 'a>b?-1:0',
  pminub: `(c=${spread8(atLeast('a', 'b'))},b&c|a&~c)`,
  pmaxub: `(c=${spread8(atLeast('a', 'b'))},a&c|b&~c)`,
  psubusb: `(c=${spread8(atLeast('a', 'b'))},(${subtract(TOP_8, REST_8)})&c)`,
  pmullw: 'Math.imul(a,b)&65535|Math.imul(a>>>16,b>>>16)<<16',
  pminsd: 'a<b?a:b',
  pmaxsd: 'a>b?a:b',
  pminud: 'a>>>0<b>>>0?a:b',
  pmaxud: 'a>>>0>b>>>0?a:b',
  pmulld: 'Math.imul(a,b)',
  pmaddwd: 'Math.imul(a<<16>>16,b<<16>>16)+Math.imul(a>>16,b>>16)|0',
};

/** Names of the SSE table that do the same to bits as an integer instruction. */
const SAME_BITS: Readonly<Record<string, string>> = {
  xorps: 'pxor',
  xorpd: 'pxor',
  andps: 'pand',
  andpd: 'pand',
  orps: 'por',
  orpd: 'por',
  andnps: 'pandn',
  andnpd: 'pandn',
  unpcklpd: 'punpcklqdq',
  unpckhpd: 'punpckhqdq',
  unpcklps: 'punpckldq',
  unpckhps: 'punpckhdq',
};

/** Shifts by the immediate in field 4, of each word. */
const SHIFTS: Readonly<Record<string, string>> = {
  psllw: 'n>15?0:a<<n&Math.imul(65535<<n&65535,65537)',
  psrlw: 'n>15?0:a>>>n&Math.imul(65535>>>n,65537)',
  pslld: 'n>31?0:a<<n',
  psrld: 'n>31?0:a>>>n',
  psrad: 'a>>(n>31?31:n)',
};

/** Shifts of al, ah by n into rl, rh. */
const WIDE_SHIFTS: Readonly<Record<string, string>> = {
  psllq: 'if(n<32){rh=ah<<n|al>>>1>>>31-n;rl=al<<n;}else{rh=n>63?0:al<<n-32;rl=0;}',
  psrlq: 'if(n<32){rl=al>>>n|ah<<1<<31-n;rh=ah>>>n;}else{rl=n>63?0:ah>>>n-32;rh=0;}',
};

function pairs(name: string, text: string): Semantic {
  return {
    name: `sse_${name}`,
    emit: (e) =>
      [0, 2]
        .map(
          (k) =>
            `al=${e.vector(2, k)};ah=${e.vector(2, k + 1)};bl=${e.vector(3, k)};bh=${e.vector(3, k + 1)};${text}` +
            `${e.vector(2, k)}=rl;${e.vector(2, k + 1)}=rh;`,
        )
        .join(''),
  };
}

/** Words of the result as a, b, r, v: texts of where they come from. */
function gather(name: string, from: (e: Emitter) => readonly string[]): Semantic {
  return {
    name: `sse_${name}`,
    emit: (e) => {
      const [w0, w1, w2, w3] = from(e);
      return (
        `a=${w0};b=${w1};r=${w2};v=${w3};` +
        `${e.vector(2, 0)}=a;${e.vector(2, 1)}=b;${e.vector(2, 2)}=r;${e.vector(2, 3)}=v;`
      );
    },
  };
}

/** Element of register `n` that two bits of the immediate choose. */
function chosen(e: Emitter, n: number, shift: number): string {
  return e.element(n, `${e.field(4)}>>>${shift}&3`);
}

/** A half of the low or high pair of words in register 3, chosen by two bits of the immediate. */
function chosenHalf(e: Emitter, pair: number, shift: number): string {
  return `(${e.element(3, `${pair}+(${e.field(4)}>>>${shift + 1}&1)`)}>>>(${e.field(4)}>>>${shift}&1)*16&65535)`;
}

function shuffledHalves(e: Emitter, pair: number): readonly [string, string] {
  const half = (shift: number): string => chosenHalf(e, pair, shift);
  return [`${half(0)}|${half(2)}<<16`, `${half(4)}|${half(6)}<<16`];
}

/** Bytes of two words in turn, from bit `shift` on. */
function bytesInTurn(x: string, y: string, shift: number): string {
  const [p, q] = shift === 0 ? [x, y] : [`(${x}>>>16)`, `(${y}>>>16)`];
  return `${p}&255|(${q}&255)<<8|(${p}&65280)<<8|(${q}&65280)<<16`;
}

const SHUFFLES: readonly Semantic[] = [
  gather('pshufd', (e) => [0, 2, 4, 6].map((shift) => chosen(e, 3, shift))),
  gather('shufps', (e) => [chosen(e, 2, 0), chosen(e, 2, 2), chosen(e, 3, 4), chosen(e, 3, 6)]),
  gather('shufpd', (e) => [
    ...[0, 1].map((k) => e.element(2, `(${e.field(4)}&1)*2+${k}`)),
    ...[0, 1].map((k) => e.element(3, `(${e.field(4)}&2)+${k}`)),
  ]),
  gather('pshuflw', (e) => [...shuffledHalves(e, 0), e.vector(3, 2), e.vector(3, 3)]),
  gather('pshufhw', (e) => [e.vector(3, 0), e.vector(3, 1), ...shuffledHalves(e, 2)]),
  gather('punpckhqdq', (e) => [e.vector(2, 2), e.vector(2, 3), e.vector(3, 2), e.vector(3, 3)]),
  gather('punpckldq', (e) => [e.vector(2, 0), e.vector(3, 0), e.vector(2, 1), e.vector(3, 1)]),
  gather('punpckhdq', (e) => [e.vector(2, 2), e.vector(3, 2), e.vector(2, 3), e.vector(3, 3)]),
  gather('punpcklwd', (e) =>
    [0, 1].flatMap((k) => [
      `${e.vector(2, k)}&65535|${e.vector(3, k)}<<16`,
      `${e.vector(2, k)}>>>16|${e.vector(3, k)}&-65536`,
    ]),
  ),
  gather('punpckhwd', (e) =>
    [2, 3].flatMap((k) => [
      `${e.vector(2, k)}&65535|${e.vector(3, k)}<<16`,
      `${e.vector(2, k)}>>>16|${e.vector(3, k)}&-65536`,
    ]),
  ),
  gather('punpcklbw', (e) =>
    [0, 1].flatMap((k) => [0, 16].map((shift) => bytesInTurn(e.vector(2, k), e.vector(3, k), shift))),
  ),
  gather('punpckhbw', (e) =>
    [2, 3].flatMap((k) => [0, 16].map((shift) => bytesInTurn(e.vector(2, k), e.vector(3, k), shift))),
  ),
  {
    // The low double of the source becomes the high one of the destination.
    name: 'sse_punpcklqdq',
    emit: (e) =>
      `x=${e.double(3, 0)};if(x===x)${e.double(2, 1)}=x;` +
      `else copyBits(${e.field(2)}+2,${e.field(3)},2,NaN);`,
  },
];

/** Word `k` of the source with the destination above it, for PALIGNR. */
function wordOfBoth(e: Emitter, k: number): string {
  if (k < 4) return e.vector(3, k);
  return k < 8 ? e.vector(2, k - 4) : '0';
}

/** The same where only running code knows which word: it is number n + `k`. */
function laterWordOfBoth(e: Emitter, k: number): string {
  return `(n<${4 - k}?${e.element(3, `n+${k}`)}:n<${8 - k}?${e.element(2, `n-${4 - k}`)}:0)`;
}

/** PALIGNR: bytes from number field 4 on. */
const ALIGN: Semantic = {
  name: 'sse_palignr',
  emit: (e) => {
    const known = e.constant(4);
    const [to, from] = [WORDS.map((k) => e.vector(2, k)), ['a', 'b', 'r', 'v']];
    const put = to.map((word, k) => `${word}=${from[k]};`).join('');
    if (known === undefined) {
      const take = from.map(
        (name, k) => `c=${laterWordOfBoth(e, k)};q=${laterWordOfBoth(e, k + 1)};${name}=c>>>j|q<<1<<31-j;`,
      );
      return `n=${e.field(4)}>>>2;j=(${e.field(4)}&3)<<3;${take.join('')}${put}`;
    }
    const [first, shift] = [known >> 2, (known & 3) * 8];
    const take = from.map((name, k) => {
      const [low, high] = [wordOfBoth(e, first + k), wordOfBoth(e, first + k + 1)];
      return `${name}=${shift === 0 ? low : `${low}>>>${shift}|${high}<<${32 - shift}`};`;
    });
    return take.join('') + put;
  },
};

/** Bits 7, 15, 23 and 31 of a word, moved together. */
function signBits(word: string): string {
  return `(j=${word},j>>>7&1|j>>>14&2|j>>>21&4|j>>>28&8)`;
}

const GENERAL: readonly Semantic[] = [
  {
    name: 'sse_pmovmskb',
    emit: (e) => {
      const bits = WORDS.map((k) => `${signBits(e.vector(3, k))}<<${4 * k}`);
      return `r=${bits.join('|')};${e.lo(2)}=r;${e.hi(2)}=0;`;
    },
  },
  {
    name: 'sse_movmskpd',
    emit: (e) => `${e.lo(2)}=${e.vector(3, 1)}>>>31|${e.vector(3, 3)}>>>30&2;${e.hi(2)}=0;`,
  },
  ...[false, true].flatMap((wide): Semantic[] => [
    {
      name: `sse_movd_from${wide ? 64 : 32}`,
      emit: (e) =>
        `${e.vector(2, 0)}=${e.lo(3)};${e.vector(2, 1)}=${wide ? e.hi(3) : '0'};${e.vector(2, 2)}=0;${e.vector(2, 3)}=0;`,
    },
    {
      name: `sse_movd_to${wide ? 64 : 32}`,
      emit: (e) => `${e.lo(2)}=${e.vector(3, 0)};${e.hi(2)}=${wide ? e.vector(3, 1) : '0'};`,
    },
    {
      // Field 2 is the lane's word.
      name: `sse_insert${wide ? 64 : 32}`,
      emit: (e) => `${e.vector(2, 0)}=${e.lo(3)};${wide ? `${e.vector(2, 1)}=${e.hi(3)};` : ''}`,
    },
  ]),
];

export const SIMD_INTEGER_SEMANTICS: readonly Semantic[] = [
  ...Object.entries(LANES).map(([name, lane]) => lanes(name, lane)),
  ...Object.entries(SHIFTS).map(
    ([name, lane]): Semantic => ({
      name: `sse_${name}_imm`,
      emit: (e) =>
        `n=${e.field(4)}&255;${WORDS.map((k) => `a=${e.vector(2, k)};${e.vector(2, k)}=${lane};`).join('')}`,
    }),
  ),
  ...Object.entries(WIDE_SHIFTS).map(
    ([name, text]): Semantic => ({
      name: `sse_${name}_imm`,
      emit: (e) =>
        `n=${e.field(4)}&255;` +
        [0, 2]
          .map(
            (k) =>
              `al=${e.vector(2, k)};ah=${e.vector(2, k + 1)};${text}${e.vector(2, k)}=rl;${e.vector(2, k + 1)}=rh;`,
          )
          .join(''),
    }),
  ),
  pairs('paddq', 'rl=al+bl|0;rh=ah+bh+(rl>>>0<bl>>>0|0)|0;'),
  pairs('psubq', 'rl=al-bl|0;rh=ah-bh-(al>>>0<bl>>>0|0)|0;'),
  pairs('pmuludq', 'rl=Math.imul(al,bl);rh=mulhu(al,bl);'),
  pairs('pcmpeqq', 'rl=(al^bl|ah^bh)===0?-1:0;rh=rl;'),
  ALIGN,
  ...SHUFFLES,
  ...GENERAL,
];

/** Pairs: name in the SSE table, for XMM operands, and record kind. Shifts with a count in a register are not among them. */
export const INTEGER_KINDS: readonly (readonly [name: string, kind: string])[] = [
  ...[...Object.keys(LANES), 'paddq', 'psubq', 'pmuludq', 'pcmpeqq', 'palignr', 'pmovmskb', 'movmskpd'].map(
    (name) => [name, `sse_${name}`] as const,
  ),
  ...SHUFFLES.map(({ name }) => [name.slice('sse_'.length), name] as const),
  ...Object.entries(SAME_BITS).map(([name, same]) => [name, `sse_${same}`] as const),
];

/** Names of the SSE table whose immediate form has a kind of its own, `sse_…_imm`. */
export const SHIFT_NAMES: readonly string[] = [...Object.keys(SHIFTS), ...Object.keys(WIDE_SHIFTS)];
