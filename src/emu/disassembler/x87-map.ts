/** x87 instructions, opcodes D8 to DF. Spec: Intel SDM vol. 2 appendix A. The text is explained in `table.ts`. */

const OPERATIONS = ['add', 'mul', 'com', 'comp', 'sub', 'subr', 'div', 'divr'];
/** Opcodes whose memory operand is a number for these operations, and what its type adds to the name. */
const FORMATS = [
  ['d8', 'f', 's'],
  ['da', 'fi', 'l'],
  ['dc', 'f', 'l'],
  ['de', 'fi', 's'],
] as const;

function memoryRows(): string {
  const rows = FORMATS.flatMap(([opcode, prefix, suffix]) =>
    OPERATIONS.map((name, group) => `${opcode} /${group} ${prefix}${name}${suffix} M`),
  );
  return rows.join('\n');
}

function registerRows(): string {
  const rows = OPERATIONS.map((name, group) => {
    const isComparison = group === 2 || group === 3;
    const both = isComparison ? 'Ti,%st(0)' : '%st(0),Ti';
    return `
      d8 /${group} f${name} Ti
      dc /${group} f${name} ${both}
      ${isComparison ? '' : `de /${group} f${name}p Ti`}`;
  });
  return rows.join('');
}

export const X87_TEXT = `
  ${memoryRows()}
  ${registerRows()}
  d9 /0 flds M
  d9 /2 fsts M
  d9 /3 fstps M
  d9 /4 fldenv M
  d9 /5 fldcw M
  d9 /6 fnstenv M
  d9 /7 fnstcw M
  d9 /0 fld Ti
  d9 /1 fxch Ti
  d9 =d0 fnop
  d9 /3 fstpnce %st(0),Ti
  d9 =e0 fchs
  d9 =e1 fabs
  d9 =e4 ftst
  d9 =e5 fxam
  d9 =e8 fld1
  d9 =e9 fldl2t
  d9 =ea fldl2e
  d9 =eb fldpi
  d9 =ec fldlg2
  d9 =ed fldln2
  d9 =ee fldz
  d9 =f0 f2xm1
  d9 =f1 fyl2x
  d9 =f2 fptan
  d9 =f3 fpatan
  d9 =f4 fxtract
  d9 =f5 fprem1
  d9 =f6 fdecstp
  d9 =f7 fincstp
  d9 =f8 fprem
  d9 =f9 fyl2xp1
  d9 =fa fsqrt
  d9 =fb fsincos
  d9 =fc frndint
  d9 =fd fscale
  d9 =fe fsin
  d9 =ff fcos
  da /0 fcmovb Ti,%st(0)
  da /1 fcmove Ti,%st(0)
  da /2 fcmovbe Ti,%st(0)
  da /3 fcmovu Ti,%st(0)
  da =e9 fucompp
  db /0 fildl M
  db /1 fisttpl M
  db /2 fistl M
  db /3 fistpl M
  db /5 fldt M
  db /7 fstpt M
  db /0 fcmovnb Ti,%st(0)
  db /1 fcmovne Ti,%st(0)
  db /2 fcmovnbe Ti,%st(0)
  db /3 fcmovnu Ti,%st(0)
  db =e0 feni8087_nop
  db =e1 fdisi8087_nop
  db =e2 fnclex
  db =e3 fninit
  db =e4 fsetpm
  db /5 fucomi Ti
  db /6 fcomi Ti
  dd /0 fldl M
  dd /1 fisttpll M
  dd /2 fstl M
  dd /3 fstpl M
  dd /4 frstor M
  dd /6 fnsave M
  dd /7 fnstsw M
  dd /0 ffree Ti
  dd /1 fxch Ti,%st(0)
  dd /2 fst Ti
  dd /3 fstp Ti
  dd /4 fucom Ti
  dd /5 fucomp Ti
  de /2 fcomp Ti,%st(0)
  de =d9 fcompp
  df /0 filds M
  df /1 fisttps M
  df /2 fists M
  df /3 fistps M
  df /4 fbld M
  df /5 fildll M
  df /6 fbstp M
  df /7 fistpll M
  df /0 ffreep Ti
  df /1 fxch Ti,%st(0)
  df /2 fstp %st(0),Ti
  df /3 fstp %st(0),Ti
  df =e0 fnstsw %ax
  df /5 fucomip Ti
  df /6 fcomip Ti
`;
