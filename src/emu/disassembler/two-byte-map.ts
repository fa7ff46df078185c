/** Instructions whose opcode follows the byte 0F, without those that work on vectors. Spec: Intel SDM vol. 2 appendix A. */

export const TWO_BYTE_TEXT = `
  00 /0 sldtw M
  00 /0 w sldt M
  00 /0 sldt% Rv
  00 /1 strw M
  00 /1 str% Rv
  00 /2 lldtw Ew
  00 /3 ltrw Ew
  00 /4 verr Ew
  00 /5 verw Ew
  01 /0 sgdt& M
  01 /1 sidt& M
  01 /2 lgdt& M
  01 /3 lidt& M
  01 /4 smsww M
  01 /4 smsw% Rv
  01 /6 lmsww Ew
  01 /7 invlpg M
  01 =c1 vmcall
  01 =c2 vmlaunch
  01 =c3 vmresume
  01 =c4 vmxoff
  01 =c8 monitor
  01 =c9 mwait
  01 =ca clac
  01 =cb stac
  01 =cf encls
  01 =d0 xgetbv
  01 =d1 xsetbv
  01 =d4 vmfunc
  01 =d5 xend
  01 =d6 xtest
  01 =d7 enclu
  01 =d8 vmrun Am
  01 =d9 vmmcall
  01 =da vmload Am
  01 =db vmsave Am
  01 =dc stgi
  01 =dd clgi
  01 =de skinit %eax
  01 =df invlpga %ecx,Am
  01 =f8 swapgs
  01 =f9 rdtscp
  02 lar% Ev,Gv
  02 w larq Ed,Gv
  03 lsl% Ev,Gv
  05 syscall
  06 clts
  07 sysretl
  07 w sysretq
  08 invd
  09 wbinvd
  0b ud2
  0d /1 prefetchw M
  0e femms
  0f * Qq,Pq
  18 /0 prefetchnta M
  18 /1 prefetcht0 M
  18 /2 prefetcht1 M
  18 /3 prefetcht2 M
  18 /4 nopl Ev
  18 66 /4 nopw Ev
  18 /5 nopl Ev
  18 66 /5 nopw Ev
  18 /6 nopl Ev
  18 66 /6 nopw Ev
  18 /7 nopl Ev
  18 66 /7 nopw Ev
  19 nop$ M
  19 nop Gv,Rv
  1a nop$ M
  1b nop$ M
  1c nop$ M
  1d nop$ M
  1e nop$ M
  1e f3 =fa endbr64
  1e f3 =fb endbr32
  1f !32 nop$ M
  20 mov! Cm,Fm
  21 mov! Dm,Fm
  22 mov! Fm,Cm
  23 mov! Fm,Dm
  30 wrmsr
  31 rdtsc
  32 rdmsr
  33 rdpmc
  34 sysenter
  35 sysexit
  37 getsec
  40? cmov?% Ev,Gv
  77 emms
  78 vmread! Gm,Em
  79 vmwrite! Em,Gm
  80? j? Jz
  90? set? Eb
  a0 push^ %fs
  a1 pop^ %fs
  a2 cpuid
  a3 bt% Gv,Ev
  a4 shld% Ib,Gv,Ev
  a5 shld% %cl,Gv,Ev
  a6 =c0 montmul
  a6 =c8 xsha1
  a6 =d0 xsha256
  a7 =c0 xstorerng
  a7 =c8 xcryptecb
  a7 =d0 xcryptcbc
  a7 =d8 xcryptctr
  a7 =e0 xcryptcfb
  a7 =e8 xcryptofb
  a8 push^ %gs
  a9 pop^ %gs
  aa rsm
  ab ! bts% Gv,Ev
  ac shrd% Ib,Gv,Ev
  ad shrd% %cl,Gv,Ev
  ae /0 fxsave M
  ae /1 fxrstor M
  ae /2 ldmxcsr M
  ae /3 stmxcsr M
  ae /4 xsave M
  ae /5 xrstor M
  ae /6 xsaveopt M
  ae /7 clflush M
  ae /0 w fxsave64 M
  ae /1 w fxrstor64 M
  ae /4 w xsave64 M
  ae /5 w xrstor64 M
  ae /6 w xsaveopt64 M
  ae 66 /6 clwb M
  ae 66 /7 clflushopt M
  ae f3 /0 m64 rdfsbase' Ry
  ae f3 /1 m64 rdgsbase' Ry
  ae f3 /2 m64 wrfsbase' Ry
  ae f3 /3 m64 wrgsbase' Ry
  ae =e8 lfence
  ae =f0 mfence
  ae =f8 sfence
  ae 66 =f8 pcommit
  af imul% Ev,Gv
  b0 ! cmpxchgb Gb,Eb
  b1 ! cmpxchg% Gv,Ev
  b2 lss% M,Gv
  b3 ! btr% Gv,Ev
  b4 lfs% M,Gv
  b5 lgs% M,Gv
  b5 w lgs M,Gv
  b6 movzb% Eb,Gv
  b7 movzw' Ew,Gv
  b8 f3 popcnt% Ev,Gv
  b9 ud2b
  ba /4 bt% Ib,Ev
  ba /5 ! bts% Ib,Ev
  ba /6 ! btr% Ib,Ev
  ba /7 ! btc% Ib,Ev
  bb ! btc% Gv,Ev
  bc bsf% Ev,Gv
  bc f3 tzcnt% Ev,Gv
  bd bsr% Ev,Gv
  bd f3 lzcnt% Ev,Gv
  be movsb% Eb,Gv
  bf movsw' Ew,Gv
  c0 ! xaddb Gb,Eb
  c1 ! xadd% Gv,Ev
  c3 movnti' Gy,M
  c7 /1 ! cmpxchg8b M
  c7 /1 w ! cmpxchg16b M
  c7 /3 xrstors M
  c7 /4 xsavec M
  c7 /5 xsaves M
  c7 /3 w xrstors64 M
  c7 /4 w xsavec64 M
  c7 /5 w xsaves64 M
  c7 /6 vmptrld M
  c7 66 /6 vmclear M
  c7 f3 /6 vmxon M
  c7 /7 vmptrst M
  c7 /6 rdrand% Rv
  c7 /7 rdseed% Rv
  c8+ bswap' Zv
  ff alone ud0
`;
