/** Instructions whose opcode is one byte. Spec: Intel SDM vol. 2 appendix A. The text is explained in `table.ts`. */
import { OpcodeMap } from './table.ts';
import { X87_TEXT } from './x87-map.ts';

/** ALU operations with their first opcode; whether immediate numbers are shown without sign. */
const ARITHMETIC = [
  ['add', 0x00, false],
  ['or', 0x08, true],
  ['adc', 0x10, false],
  ['sbb', 0x18, false],
  ['and', 0x20, true],
  ['sub', 0x28, false],
  ['xor', 0x30, true],
  ['cmp', 0x38, false],
] as const;

function arithmeticRows(): string {
  const rows = ARITHMETIC.map(([name, first, isUnsigned], number) => {
    const at = (offset: number): string => (first + offset).toString(16).padStart(2, '0');
    const lock = name === 'cmp' ? '' : '!';
    // QEMU: LOCK is shown with operations that only read memory, too, but for SBB.
    const readLock = name === 'sbb' ? '' : lock;
    const [wide, byte] = isUnsigned ? ['Ix', 'Iu'] : ['Iz', 'Is'];
    return `
      ${at(0)} ${lock} ${name}b Gb,Eb
      ${at(1)} ${lock} ${name}% Gv,Ev
      ${at(2)} ${readLock} ${name}b Eb,Gb
      ${at(3)} ${readLock} ${name}% Ev,Gv
      ${at(4)} ${name}b Ib,%al
      ${at(5)} ${name}% ${wide},Av
      80 /${number} ${lock} ${name}b Ib,Eb
      81 /${number} ${lock} ${name}% ${wide},Ev
      82 /${number} m32 ${lock} ${name}b Ib,Eb
      83 /${number} ${lock} ${name}% ${byte},Ev`;
  });
  return rows.join('');
}

const SHIFTS = ['rol', 'ror', 'rcl', 'rcr', 'shl', 'shr', 'sal', 'sar'];

function shiftRows(): string {
  const rows = SHIFTS.map(
    (name, number) => `
      c0 /${number} ${name}b Ib,Eb
      c1 /${number} ${name}% Ib,Ev
      d0 /${number} ${name}b $1,Eb
      d1 /${number} ${name}% $1,${name === 'rol' ? 'M' : 'Ev'}
      d2 /${number} ${name}b %cl,Eb
      d3 /${number} ${name}% %cl,Ev`,
  );
  return rows.join('');
}

export const ONE_BYTE_MAP = new OpcodeMap(`
  ${arithmeticRows()}
  ${shiftRows()}
  d1 /0 rol= $1,Rv
  06 m32 push^ %es
  07 m32 pop^ %es
  0e m32 push^ %cs
  16 m32 push^ %ss
  17 m32 pop^ %ss
  1e m32 push^ %ds
  1f m32 pop^ %ds
  27 m32 daa
  2f m32 das
  37 m32 aaa
  3f m32 aas
  40+ m32 inc% Zv
  48+ m32 dec% Zv
  50+ push^ Zs
  58+ pop^ Zs
  60 m32 pusha%
  61 m32 popa%
  62 m32 bound M,Gv
  63 m32 arpl Gw,Ew
  63 m64 movslq Ed,Gq
  68 push^ Ip
  69 imul% Iz,Ev,Gv
  6a m32 push^ Is
  6a m64 pushq Is
  6b imul% Is,Ev,Gv
  6c insb %dx,Y
  6d ins$ %dx,Y
  6e outsb X,%dx
  6f outs$ X,%dx
  70? j? Jb
  84 testb Gb,Eb
  85 test% Gv,Ev
  86 ! xchgb Gb,Eb
  87 ! xchg% Gv,Ev
  88 movb Gb,Eb
  89 mov% Gv,Ev
  8a movb Eb,Gb
  8b mov% Ev,Gv
  8c mov" Sw,M
  8c mov% Sw,Rv
  8d m32 lea% M,Gv
  8d m64 st lea% M,Gv
  8e mov" M,Sw
  8e mov% Rv,Sw
  8f /0 pop^ Es
  90 nop
  90 b st nq xchg% Zv,Av
  90 f3 w xchgq Zv,%rax
  90 f3 pause
  91 m64 st xchg% Zv,Av
  91 m32 xchg% Zv,Av
  92 m64 st xchg% Zv,Av
  92 m32 xchg% Zv,Av
  93 m64 st xchg% Zv,Av
  93 m32 xchg% Zv,Av
  94 m64 st xchg% Zv,Av
  94 m32 xchg% Zv,Av
  95 m64 st xchg% Zv,Av
  95 m32 xchg% Zv,Av
  96 m64 st xchg% Zv,Av
  96 m32 xchg% Zv,Av
  97 m64 st xchg% Zv,Av
  97 m32 xchg% Zv,Av
  98 cwtl
  98 66 w0 cbtw
  98 w cltq
  99 cltd
  99 66 w0 cwtd
  99 w cqto
  9a m32 lcall% Ap
  9b wait
  9c pushf^
  9d popf^
  9e sahf
  9f lahf
  a0 nr mov#b O,%al
  a1 nr mov#% O,Av
  a2 nr mov#b %al,O
  a3 nr mov#% Av,O
  a4 movsb X,Y
  a5 movs% X,Y
  a6 cmpsb Y,X
  a7 cmps% Y,X
  a8 testb Ib,%al
  a9 test% Iz,Av
  aa stosb %al,Y
  ab stos% Av,Y
  ac lodsb X,%al
  ad lods% X,Av
  ae scasb Y,%al
  af scas% Y,Av
  b0+ movb Ib,Zb
  b8+ mov% Iz,Zv
  b8+ w movabs% Iq,Zv
  c2 ret^ Ik
  c3 ret^
  c4 m32 les% M,Gv
  c5 m32 lo lds% M,Gv
  c6 /0 movb Ib,Eb
  c6 =f8 xabort Is
  c7 /0 mov% Iz,Ev
  c7 =f8 xbegin Jz
  c8 enter It,Is
  c9 leave
  ca lret% Iw
  ca w lretq It
  cb lret%
  cc int3
  cd int Ib
  ce m32 into
  cf iret%
  d4 m32 aam Im
  d5 m32 aad Im
  d6 m32 salc
  d7 xlatb
  e0 loopne Jb
  e1 loope Jb
  e2 loop Jb
  e3 j@xz Jb
  e4 inb Ib,%al
  e5 in$ Ib,Az
  e6 outb %al,Ib
  e7 out$ Az,Ib
  e8 m32 call^ Jc
  e8 m64 st callq Jc
  e8 m64 66 w0 callw Jw
  e9 st jmp Jn
  ea m32 ljmp% Ap
  eb jmp Jb
  ec inb %dx,%al
  ed in$ %dx,Az
  ee outb %al,%dx
  ef out$ Az,%dx
  f1 int1
  f4 hlt
  f5 cmc
  f6 /0 testb Ib,Eb
  f6 /1 testb Ib,Eb
  f6 /2 ! notb Eb
  f6 /3 ! negb Eb
  f6 /4 mulb Eb
  f6 /5 imulb Eb
  f6 /6 divb Eb
  f6 /7 idivb Eb
  f7 /0 test% Iz,Ev
  f7 /1 test% Iz,Ev
  f7 /2 ! not% Ev
  f7 /3 ! neg% Ev
  f7 /4 mul% Ev
  f7 /5 imul% Ev
  f7 /6 div% Ev
  f7 /7 idiv% Ev
  f8 clc
  f9 stc
  fa cli
  fb sti
  fc cld
  fd std
  fe /0 ! incb Eb
  fe /1 ! decb Eb
  ff /0 ! inc% Ev
  ff /1 ! dec% Ev
  ff /2 call& *Ej
  ff /3 lcall% *M
  ff /4 jmp& *Ej
  ff /5 ljmp% *M
  ff /6 push^ Es
  ${X87_TEXT}
`);
