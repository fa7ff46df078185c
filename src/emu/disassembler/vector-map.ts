/** MMX and SSE instructions whose opcode follows the byte 0F. Spec: Intel SDM vol. 2 appendix A. */

/** MMX instructions that SSE has under the same opcode with prefix 66. */
const BOTH: Readonly<Record<string, readonly string[]>> = {
  '60': ['punpcklbw', 'punpcklwd', 'punpckldq', 'packsswb', 'pcmpgtb', 'pcmpgtw', 'pcmpgtd', 'packuswb'],
  '68': ['punpckhbw', 'punpckhwd', 'punpckhdq', 'packssdw'],
  '74': ['pcmpeqb', 'pcmpeqw', 'pcmpeqd'],
  d1: ['psrlw', 'psrld', 'psrlq', 'paddq', 'pmullw'],
  d8: ['psubusb', 'psubusw', 'pminub', 'pand', 'paddusb', 'paddusw', 'pmaxub', 'pandn'],
  e0: ['pavgb', 'psraw', 'psrad', 'pavgw', 'pmulhuw', 'pmulhw'],
  e8: ['psubsb', 'psubsw', 'pminsw', 'por', 'paddsb', 'paddsw', 'pmaxsw', 'pxor'],
  f1: ['psllw', 'pslld', 'psllq', 'pmuludq', 'pmaddwd', 'psadbw'],
  f8: ['psubb', 'psubw', 'psubd', 'psubq', 'paddb', 'paddw', 'paddd'],
};
/** With no prefix and with 66: packed single and double numbers. */
const PACKED: Readonly<Record<string, string>> = {
  '14': 'unpckl',
  '15': 'unpckh',
  '54': 'and',
  '55': 'andn',
  '56': 'or',
  '57': 'xor',
};
/** With each prefix: packed and scalar, single and double numbers. */
const ARITHMETIC: Readonly<Record<string, string>> = {
  '51': 'sqrt',
  '58': 'add',
  '59': 'mul',
  '5c': 'sub',
  '5d': 'min',
  '5e': 'div',
  '5f': 'max',
};
const NUMBERS = [
  ['', 'ps'],
  ['66', 'pd'],
  ['f3', 'ss'],
  ['f2', 'sd'],
] as const;

function bothRows(): string {
  const rows = Object.entries(BOTH).flatMap(([first, names]) =>
    names.map((name, n) => {
      const opcode = (Number.parseInt(first, 16) + n).toString(16);
      return `
        ${opcode} ${name} Qq,Pq
        ${opcode} 66 ${name} Wx,Vx`;
    }),
  );
  return rows.join('');
}

function numberRows(
  names: Readonly<Record<string, string>>,
  kinds: typeof NUMBERS | readonly (typeof NUMBERS)[number][],
): string {
  const rows = Object.entries(names).flatMap(([opcode, name]) =>
    kinds.map(([prefix, suffix]) => `${opcode} ${prefix} ${name}${suffix} Wx,Vx`),
  );
  return rows.join('\n');
}

/** Shifts by an immediate number. */
function shiftRows(): string {
  const groups = { '71': 'w', '72': 'd', '73': 'q' };
  const rows = Object.entries(groups).flatMap(([opcode, size]) =>
    (
      [
        ['2', 'psrl'],
        ['4', 'psra'],
        ['6', 'psll'],
      ] as const
    )
      .filter(([group]) => size !== 'q' || group !== '4')
      .map(
        ([group, name]) => `
        ${opcode} /${group} ${name}${size} Ib,Nq
        ${opcode} 66 /${group} ${name}${size} Ib,Ux`,
      ),
  );
  return rows.join('');
}

/** QEMU: a comparison that has a name is shown by it. */
export const AVX_COMPARISONS =
  'eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true eq_os lt_oq le_oq unord_s neq_us nlt_uq nle_uq ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us'.split(
    ' ',
  );
export const SSE_COMPARISONS = AVX_COMPARISONS.slice(0, 8);
/** The others are always or never true. */
export const INTEGER_COMPARISONS = ['eq', 'lt', 'le', undefined, 'neq', 'nlt', 'nle'];
export const XOP_COMPARISONS = ['lt', 'le', 'gt', 'ge', 'eq', 'neq', 'false', 'true'];

/** 3DNow! instructions by their last byte. */
export const NAMES_3DNOW: Readonly<Record<number, string>> = {
  12: 'pi2fw',
  13: 'pi2fd',
  14: 'femms',
  28: 'pf2iw',
  29: 'pf2id',
  138: 'pfnacc',
  142: 'pfpnacc',
  144: 'pfcmpge',
  148: 'pfmin',
  150: 'pfrcp',
  151: 'pfrsqrt',
  154: 'pfsub',
  158: 'pfadd',
  160: 'pfcmpgt',
  164: 'pfmax',
  166: 'pfrcpit1',
  167: 'pfrsqit1',
  170: 'pfsubr',
  174: 'pfacc',
  176: 'pfcmpeq',
  180: 'pfmul',
  182: 'pfrcpit2',
  183: 'pmulhrw',
  187: 'pswapd',
  191: 'pavgusb',
};

export const VECTOR_TEXT = `
  59 66 rp mulss Ux,Vx
  ${bothRows()}
  ${numberRows(PACKED, NUMBERS.slice(0, 2))}
  ${numberRows(ARITHMETIC, NUMBERS)}
  ${shiftRows()}
  10 movups Wx,Vx
  10 66 movupd Wx,Vx
  10 f3 movss Wx,Vx
  10 f2 movsd Wx,Vx
  11 movups Vx,Wx
  11 66 movupd Vx,Wx
  11 f3 movss Vx,Wx
  11 f2 movsd Vx,Wx
  12 movlps M,Vx
  12 movhlps Ux,Vx
  12 66 movlpd M,Vx
  12 f3 movsldup Wx,Vx
  12 f2 movddup Wx,Vx
  13 movlps Vx,M
  13 66 movlpd Vx,M
  16 movhps M,Vx
  16 movlhps Ux,Vx
  16 66 movhpd M,Vx
  16 f3 movshdup Wx,Vx
  17 movhps Vx,M
  17 66 movhpd Vx,M
  28 movaps Wx,Vx
  28 66 movapd Wx,Vx
  29 movaps Vx,Wx
  29 66 movapd Vx,Wx
  2a cvtpi2ps Qq,Vx
  2a 66 cvtpi2pd Qq,Vx
  2a f3 cvtsi2ss' Ey,Vx
  2a f2 cvtsi2sd' Ey,Vx
  2b movntps Vx,M
  2b 66 movntpd Vx,M
  2b f3 movntss Vx,M
  2b f2 movntsd Vx,M
  2c cvttps2pi Wx,Pq
  2c 66 cvttpd2pi Wx,Pq
  2c f3 cvttss2si Wx,Gy
  2c f2 cvttsd2si Wx,Gy
  2d cvtps2pi Wx,Pq
  2d 66 cvtpd2pi Wx,Pq
  2d f3 cvtss2si Wx,Gy
  2d f2 cvtsd2si Wx,Gy
  2d f2 w cvtsd2siq M,Gy
  2e ucomiss Wx,Vx
  2e 66 ucomisd Wx,Vx
  2f comiss Wx,Vx
  2f 66 comisd Wx,Vx
  50 movmskps Ux,Gd
  50 66 movmskpd Ux,Gd
  52 rsqrtps Wx,Vx
  52 f3 rsqrtss Wx,Vx
  53 rcpps Wx,Vx
  53 f3 rcpss Wx,Vx
  5a cvtps2pd Wx,Vx
  5a 66 cvtpd2ps Wx,Vx
  5a f3 cvtss2sd Wx,Vx
  5a f2 cvtsd2ss Wx,Vx
  5b cvtdq2ps Wx,Vx
  5b 66 cvtps2dq Wx,Vx
  5b f3 cvttps2dq Wx,Vx
  6c 66 punpcklqdq Wx,Vx
  6d 66 punpckhqdq Wx,Vx
  6e movd Ed,Pq
  6e w movd Eq,Pq
  6e 66 movd Ed,Vx
  6e 66 w movd Eq,Vx
  6f movq Qq,Pq
  6f 66 movdqa Wx,Vx
  6f f3 movdqu Wx,Vx
  70 pshufw Ib,Qq,Pq
  70 66 pshufd Ib,Wx,Vx
  70 f3 pshufhw Ib,Wx,Vx
  70 f2 pshuflw Ib,Wx,Vx
  73 66 /3 psrldq Ib,Ux
  73 66 /7 pslldq Ib,Ux
  78 66 extrq Ir,Ux
  78 f2 insertq Ir,Ux,Vx
  79 66 extrq Ux,Vx
  79 f2 insertq Ux,Vx
  7c 66 haddpd Wx,Vx
  7c f2 haddps Wx,Vx
  7d 66 hsubpd Wx,Vx
  7d f2 hsubps Wx,Vx
  7e movd Pq,Ed
  7e w movd Pq,Eq
  7e 66 movd Vx,Ed
  7e 66 w movd Vx,Eq
  7e f3 movq Wx,Vx
  7f movq Pq,Qq
  7f 66 movdqa Vx,Wx
  7f f3 movdqu Vx,Wx
  c2 cmp*ps Wx,Vx
  c2 66 cmp*pd Wx,Vx
  c2 f3 cmp*ss Wx,Vx
  c2 f2 cmp*sd Wx,Vx
  c4 pinsrw Ib,Ed,Pq
  c4 66 pinsrw Ib,Ed,Vx
  c5 pextrw Ib,Nq,Gd
  c5 66 pextrw Ib,Ux,Gd
  c6 shufps Ib,Wx,Vx
  c6 66 shufpd Ib,Wx,Vx
  d0 66 addsubpd Wx,Vx
  d0 f2 addsubps Wx,Vx
  d6 66 movq Vx,Wx
  d6 f3 movq2dq Nq,Vx
  d6 f2 movdq2q Ux,Pq
  d7 pmovmskb Nq,Gd
  d7 66 pmovmskb Ux,Gd
  e6 66 cvttpd2dq Wx,Vx
  e6 f3 cvtdq2pd Wx,Vx
  e6 f2 cvtpd2dq Wx,Vx
  e7 movntq Pq,M
  e7 66 movntdq Vx,M
  f0 f2 lddqu M,Vx
  f7 maskmovq Nq,Pq
  f7 66 maskmovdqu Ux,Vx
`;
