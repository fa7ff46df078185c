.macro OTHER
 .byte 0x67
.endm
/* With the other address size a string instruction then sees a valid address (16-bit code), or must cut the upper half off. */
.macro PREP
#if BITS == 16
 movzwl %si,%esi
 movzwl %di,%edi
 movzwl %bx,%ebx
 movzwl %cx,%ecx
#else
 or $0x5a0000,%esi
 or $0x5b0000,%edi
 or $0x5c0000,%ebx
#endif
.endm
#if BITS == 16
.equ OTHER_WIDE, 1
#else
.equ OTHER_WIDE, 0
#endif

/* Decimal adjustment: OF is undefined, and after AAA and AAS also SF, ZF, PF; after AAM and AAD CF, AF. */
.irp f, 2, 3, 0x12, 0x13
 ALL_AX daa, \f, 0xd5
 ALL_AX das, \f, 0xd5
 ALL_AX aaa, \f, 0x11
 ALL_AX aas, \f, 0x11
.endr
 ALL_AX aam, 2, 0xc4
 ALL_AX "aam $7", 2, 0xc4
 ALL_AX "aam $0xff", 2, 0xc4
 ALL_AX aad, 2, 0xc4
 ALL_AX "aad $0x13", 2, 0xc4
 CASE "aam $0"
 CASE ".byte 0xd6"
 CASE ".byte 0xd6", 3

/* Pushes and pops. */
 CASE "push %ax"
 CASE "pushl %eax"
 CASE "push %sp"
 CASE "pushl %esp"
 CASE "pushw $0x1234"
 CASE "pushl $0x12345678"
 CASE "pushw $-2"
 CASE "pushl $-2"
 CASE "pushw (%si)"
 CASE "pushl (%si)"
 CASE "pushl 4(%bp)"
 CASE "pushw 2(%bx,%di)"
 CASE "push %ds; push %es; push %fs; push %gs; push %ss; push %cs"
 CASE "pushw %ds; pushw %es; pushl %fs; pushl %ss; pushw %gs"
 CASE "pop %ax"
 CASE "popw %ax; popl %ebx"
 CASE "popw %sp"
 CASE "popl %ecx; popl %ecx"
 CASE "popw (%si)"
 CASE "popl (%si)"
 CASE "popl %ss:-8(%esp)"
 CASE "popw %ss:-8(%esp)"
 CASE "popw -4(%bp)"
 CASE "push %ds; pop %es"
 CASE "push %es; pop %ds"
 CASE "pushw %ds; popw %fs; pushl %es; popl %gs"
 CASE "pushw %ss; popw %ss; popw %dx"
 CASE "pushaw"
 CASE "pushal"
 CASE "popaw"
 CASE "popal"
 CASE "pushaw; xor %ax,%ax; xor %cx,%cx; xor %di,%di; popaw"
 CASE "pushal; xor %eax,%eax; xor %ecx,%ecx; xor %edi,%edi; xor %ebp,%ebp; popal"
 CASE "pushfw; popw %ax", 0xed7, 0xffffffff
 CASE "pushfl; popl %eax", 0xed7
 CASE "pushw $0x7ed5; popfw"
 CASE "pushl $0x40ed5; popfl"
 CASE "enterw $16,$0"
 CASE "enterl $16,$0"
 CASE "enterw $8,$1"
 CASE "enterl $8,$1"
 CASE "enterw $8,$3"
 CASE "enterl $8,$3"
 CASE "enterw $0x20,$31"
 CASE "enterw $16,$0; pushw %ax; leavew"
 CASE "enterl $16,$0; pushl %eax; leavel"
 CASE "mov $STACK-16,%ebp; leavew"
 CASE "mov $STACK-16,%ebp; leavel"

/* Near transfers. */
 CASE "callw 1f; 1: nop"
 CASE "calll 1f; 1: nop"
 CASE "callw 1f; jmp 2f; 1: retw; 2: inc %ax"
 CASE "calll 1f; jmp 2f; 1: retl; 2: inc %ax"
 CASE "pushw %ax; pushw %ax; callw 1f; jmp 2f; 1: retw $4; 2: inc %ax"
 CASE "pushl %eax; calll 1f; jmp 2f; 1: retl $4; 2: inc %ax"
 CASE "mov $1f,%eax; callw *%ax; jmp 2f; 1: retw; 2: inc %cx"
 CASE "mov $1f,%eax; calll *%eax; jmp 2f; 1: retl; 2: inc %cx"
 CASE "movw $1f,(%si); callw *(%si); jmp 2f; 1: retw; 2: inc %cx"
 CASE "movl $1f,(%si); calll *(%si); jmp 2f; 1: retl; 2: inc %cx"
 CASE "movw $1f,(%si); jmpw *(%si); inc %dx; 1: inc %cx"
 CASE "movl $1f,(%si); jmpl *(%si); inc %dx; 1: inc %cx"
 CASE "mov $1f,%eax; jmpw *%ax; inc %dx; 1: inc %cx"
 CASE "jmp 1f; .skip 200; 1: inc %cx"
.irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
 CASE "xor %bl,%bl; add $0x7f,%al; j\cc 1f; inc %dx; 1: inc %cx"
 CASE "cmp $0x3345,%ax; j\cc 1f; .skip 0x90,0x40; 1: inc %cx"
 CASE "cmp %ax,%ax; set\cc %dl; set\cc (%si)"
 CASE "cmp $0x4000,%ax; cmov\cc %cx,%dx; cmov\cc %esi,%edi; cmov\cc (%bx),%ax"
.endr
 CASE "1: inc %ax; loop 1b"
 CASE "1: inc %ax; loopw 1b"
 CASE "movl $3,%ecx; 1: inc %ax; loopl 1b"
 CASE "movw $0,%cx; movw $0x9,%ax; 1: inc %bx; dec %ax; loopne 1b"
 CASE "1: inc %ax; cmp $0x3347,%ax; loopne 1b"
 CASE "1: inc %ax; cmp $0x3345,%ax; loope 1b"
 CASE "1: inc %ax; cmp $0x3345,%ax; loopew 1b"
 CASE "movl $3,%ecx; 1: inc %ax; cmp $0x3347,%ax; loopnel 1b"
 CASE "jcxz 1f; inc %dx; 1: inc %ax"
 CASE "jecxz 1f; inc %dx; 1: inc %ax"
 CASE "xor %cx,%cx; jcxz 1f; inc %dx; 1: inc %ax"
 CASE "xor %cx,%cx; jecxz 1f; inc %dx; 1: inc %ax"
 CASE "xor %ecx,%ecx; jecxz 1f; inc %dx; 1: inc %ax"

/* Strings. */
.irp s, b, w, l
 CASE "movs\s"
 CASE "movs\s", 0x402
 CASE "mov $5,%ecx; rep; movs\s"
 CASE "mov $5,%ecx; rep; movs\s", 0x402
 CASE "PREP; OTHER; movs\s"
 CASE "PREP; mov $7,%cx; OTHER; rep; movs\s"
 CASE "PREP; mov $7,%cx; OTHER; rep; movs\s", 0x402
 CASE "PREP; xor %cx,%cx; OTHER; rep; movs\s"
 CASE "rep; movs\s %fs:(%si),%es:(%di)"
 CASE "mov $9,%ecx; rep; movs\s %ss:(%si),%es:(%di)"
 CASE "stos\s"
 CASE "mov $6,%ecx; rep; stos\s"
 CASE "mov $6,%ecx; rep; stos\s", 0x402
 CASE "PREP; mov $6,%cx; OTHER; rep; stos\s"
 CASE "PREP; mov $6,%cx; mov $0x24,%al; OTHER; repne; scas\s"
 CASE "lods\s"
 CASE "mov $6,%ecx; rep; lods\s", 0x402
 CASE "PREP; OTHER; .byte 0x65; lods\s"
 CASE "mov $6,%ecx; mov $0x63,%al; repne; scas\s"
 CASE "scas\s"
 CASE "mov $6,%ecx; mov $0x00,%eax; repe; scas\s", 0x402
 CASE "cmps\s"
 CASE "mov $6,%ecx; repe; cmps\s"
 CASE "mov $6,%ecx; repne; cmps\s", 0x402
 CASE "push %ds; pop %es; mov %esi,%edi; mov $6,%ecx; repe; cmps\s"
 CASE "xor %ecx,%ecx; rep; movs\s"
 CASE "xor %ecx,%ecx; repne; scas\s"
.endr
 CASE "mov $0x100,%ecx; push %ds; pop %es; mov %esi,%edi; inc %edi; mov $0x40,%ecx; rep; movsb"
 CASE "push %ds; pop %es; mov %esi,%edi; add $3,%edi; mov $0x20,%ecx; rep; movsw"
 CASE "push %ds; pop %es; mov %esi,%edi; sub $3,%edi; mov $0x20,%ecx; rep; movsl"
 CASE "xlat"
 CASE "mov $0x90,%al; xlat %gs:(%bx)"
 CASE "PREP; OTHER; xlat"

/* Addresses. */
.irp ea, "(%bx,%si)", "(%bx,%di)", "(%bp,%si)", "(%bp,%di)", "(%si)", "(%di)", "(%bx)", "2(%bx,%si)", "-2(%bp)", "0x20(%bp,%di)", "-0x120(%bx)", "0x1234(%bx,%si)", "%es:(%si)", "%cs:(%di)", "%ss:(%bx)", "%ds:(%bp)", "%fs:4(%bp)", "%gs:(%di)"
 CASE "lea \ea,%ax; lea \ea,%ecx"
 CASE "mov $0x40,%si; mov $0x30,%di; mov $OFF+0x20,%bx; mov $OFF+0x50,%bp; mov \ea,%ax; mov \ea,%cl; mov \ea,%edx"
.endr
.irp ea, "(%eax)", "(%esp)", "4(%esp,%eax,2)", "(%ebp)", "-4(%ebp,%eax)", "(%ebp,%eax,8)", "(,%eax,4)", "0x10(%eax,%eax,4)", "%fs:2(%eax,%ebx)", "%ss:(%eax)", "%ds:(%ebp)"
 CASE "mov $0x40,%eax; lea \ea,%cx; lea \ea,%edx; movl $OFF+0x20,%ebx; movl $OFF+0x40,%ebp; mov \ea,%ax"
 CASE "mov $0x40,%eax; movl $OFF+0x20,%ebx; movl $OFF+0x40,%ebp; mov \ea,%edx; mov \ea,%cl"
.endr
 CASE "mov OFF+0x33,%al; mov OFF+0x34,%bx; mov OFF+0x36,%ecx"
 CASE "movb %al,OFF+0x33; movw %ax,OFF+0x44; movl %eax,OFF+0x55"
 CASE "movb $0x5a,(%si); movw $0x5aa5,4(%si); movl $0x12345678,8(%si)"
 CASE "OTHER; .byte 0xa0; .if (OTHER_WIDE); .long OFF+0x33; .else; .word OFF+0x33; .endif"

/* Arithmetic on both operand sizes, memory and accumulator forms. */
.irp op, add, or, adc, sbb, and, sub, xor, cmp
 CASE "\op $0x1234,%ax; \op %al,%bh; \op %dx,%cx; \op (%si),%ax", 3, ~AF
 CASE "\op $0x12345678,%eax; \op %eax,%ebx; \op %edx,(%si); \op (%di),%edx", 3, ~AF
 CASE "\op %dx,(%si); \op $-3,%si; \op $0x55,%ah; \op\()b $0x80,(%bx)", 3, ~AF
 CASE "stc; \op $-3,%ebp; \op\()l $-3,(%bx); \op\()w $0x4321,2(%bx)", 2, ~AF
.endr
 CASE ".byte 0x82,0xc0,0x7f"
.irp reg, ax, cx, dx, bx, sp, bp, si, di
 CASE "incw %\reg; decl %e\reg; decw %\reg; incl %e\reg; mov $STACK,%esp", 3
.endr
 CASE "decw %ax; incb (%si); decl (%si); incw 4(%si)", 3
 CASE "mul %bx"
 CASE "mull (%si)"
 CASE "imul %dl", 2, ~(AF|PF|SF|ZF)
 CASE "imul %cx,%dx", 2, ~(AF|PF|SF|ZF)
 CASE "imul $-5,(%bx),%ax; imul $0x1234,%esi,%edi", 2, ~(AF|PF|SF|ZF)
 CASE "mov $3,%dx; div %cx", 2, ~0x8d5
 CASE "mov $3,%edx; divl %esi", 2, ~0x8d5
 CASE "xor %dx,%dx; idiv %si", 2, ~0x8d5
 CASE "mov $-3,%dx; mov $7,%cl; movw $-100,%ax; idiv %cl", 2, ~0x8d5
 CASE "div %cl", 2, ~0x8d5
 CASE "xor %cx,%cx; div %cx", 2, ~0x8d5
 CASE "divb (%si)", 2, ~0x8d5
 CASE "movl $0x80000000,%eax; mov $-1,%edx; mov $-1,%ebx; idiv %ebx", 2, ~0x8d5
 CASE "cbw; cwd"
 CASE "cwde; cdq"
 CASE "mov $0x80,%al; cbw; cwd; cwde; cdq"
.irp op, rol, ror, rcl, rcr, shl, shr, sar
 CASE "\op %ax; \op\()b (%si); \op $3,%edx; \op %cl,%bx", 3, ~(AF|OF)
 CASE "\op\()w $7,(%si); \op\()l %cl,(%bx); \op $31,%eax; \op $17,%dx", 3, ~(AF|OF)
 CASE "\op $32,%eax; \op $9,%bh; \op\()b $8,(%si)", 3, ~(AF|OF)
.endr
 CASE "shld $5,%dx,%ax; shld %cl,%edx,(%si); shrd $9,%eax,%edx; shrd %cl,%dx,%bx", 2, ~(AF|OF)
 CASE "neg %ax; notl (%si); negb (%bx); not %edx"
 CASE "bt %dx,%ax; bts %cx,(%si); btr $3,%ebx; btc $12,(%bx)", 2, ~0x8d4
 CASE "mov $-100,%dx; bts %dx,(%si); mov $-200,%edx; btcl %edx,(%bx)", 2, ~0x8d4
 CASE "mov $1000,%dx; btrw %dx,(%si)", 2, ~0x8d4
 CASE "bsf %dx,%ax; bsr (%si),%ebx", 2, ~0x8d5
 CASE "xor %edx,%edx; bsf %dx,%ax", 2, ~0x895
 CASE "movzbw (%si),%ax; movsbl (%bx),%edx; movzwl %cx,%ecx; movswl 6(%si),%edi; movsbw %dl,%bp"
 CASE "xchg %ax,%bx; xchg %dl,(%si); xchg %edi,(%bx); xchg %si,(%si); nop; xchg %eax,%ecx"
 CASE "xadd %ax,%bx; xadd %esi,(%si); xadd %dl,(%bx)"
 CASE "cmpxchg %bx,%dx; cmpxchg %cl,(%si); cmpxchg %edx,4(%si)"
 CASE "movl (%si),%eax; movl 4(%si),%edx; cmpxchg8b (%si)"
 CASE "cmpxchg8b (%si)"
 CASE "bswap %eax; bswap %edi"
 CASE "lahf; stc; cmc; sahf"
 CASE "mov $0xd5,%ah; sahf; lahf; clc"
 CASE "test %ax,%bx; test $0x80,%dl; testl $1,(%si); testw %cx,(%bx)", 2, ~AF
 CASE "cld; std; cmc"
 CASE "smsw %ax; smsw %ecx; and $0xffff,%ecx"
#if PROT
 CASE "sgdtl (%si); sidtw 8(%si)"
#endif
 CASE "fninit; fnstcw (%si); fildl (%bx); fistps 4(%si); fnstsw %ax"
 CASE "fninit; flds (%bx); fstpl (%si); fildll (%bx); fistpll 8(%si); fldt (%bx); fstpt 16(%si)"
 CASE "fninit; fld1; fnstenv (%si); fwait", 2
 CASE "pushw $0x1234; popw %es:(%di)"
 CASE "mov %ds,%ax; mov %es,%edx; mov %ss,(%si); movw %fs,2(%si)"
 CASE "mov %ds,%ax; mov %ax,%es; mov %eax,%fs"
 CASE ".byte 0x8e,0xc8"
 CASE ".byte 0x8c,0xf0"
 CASE "ud2"
 CASE ".byte 0xf0,0x90"
 CASE ".byte 0x0f,0xff,0xc0"
 CASE "int3"
 CASE "int $0x1f"
 CASE "int $5"
 CASE "into"
 CASE "add $0x5000,%ax; into"
 CASE ".byte 0xf1"
 CASE "movw $0,(%si); movw $0x4000,2(%si); bound %ax,(%si)"
 CASE "movw $0,(%si); movw $0x3343,2(%si); bound %ax,(%si)"
 CASE "movl $-1,(%si); movl $0x11223344,4(%si); bound %eax,(%si)"
 CASE "movl $0x11223345,(%si); movl $0x71223344,4(%si); bound %eax,(%si)"
 CASE "movl $0x7fffffff,(%si); movl $-1,4(%si); bound %eax,(%si)"
 CASE "cpuid; xor %ebx,%ebx; xor %ecx,%ecx; xor %edx,%edx; xor %eax,%eax"

/* Far transfers and pointers. */
 CASE "movw $0x1234,(%si); movw $SEL_ES,2(%si); lds (%si),%ax"
 CASE "movl $0x12345678,(%si); movw $SEL_FS,4(%si); les (%si),%eax"
 CASE "movw $0x1234,(%si); movw $SEL_ES,2(%si); lfs (%si),%di"
 CASE "movl $0x1234,(%si); movw $SEL_ES,4(%si); lgs (%si),%esi"
 CASE "movl $STACK-32,(%si); movw $SEL_SS,4(%si); lssl (%si),%esp; push %ax"
 CASE "movw $STACK-64,(%si); movw $SEL_SS,2(%si); lssw (%si),%sp; push %ax"
 CASE "lcallw $SEL_CS,$1f; jmp 2f; 1: lretw; 2: inc %cx"
 CASE "lcalll $SEL_CS,$1f; jmp 2f; 1: lretl; 2: inc %cx"
 CASE "pushw %ax; lcallw $SEL_CS,$1f; jmp 2f; 1: lretw $2; 2: inc %cx"
 CASE "pushl %eax; lcalll $SEL_CS,$1f; jmp 2f; 1: lretl $4; 2: inc %cx"
 CASE "lcallw $SEL_CS,$1f; 1: inc %dx"
 CASE "lcalll $SEL_CS,$1f; 1: inc %dx"
 CASE "ljmpw $SEL_CS,$1f; inc %dx; 1: inc %cx"
 CASE "ljmpl $SEL_CS,$1f; inc %dx; 1: inc %cx"
 CASE "movw $1f,(%si); movw $SEL_CS,2(%si); lcallw *(%si); jmp 2f; 1: lretw; 2: inc %cx"
 CASE "movl $1f,(%si); movw $SEL_CS,4(%si); lcalll *(%si); jmp 2f; 1: lretl; 2: inc %cx"
 CASE "movw $1f,(%si); movw $SEL_CS,2(%si); ljmpw *(%si); inc %dx; 1: inc %cx"
 CASE "movl $1f,(%si); movw $SEL_CS,4(%si); ljmpl *(%si); inc %dx; 1: inc %cx"
 CASE "pushfw; pushw %cs; pushw $1f; iretw; inc %dx; 1: inc %cx", 0xcd7
 CASE "pushfl; pushl %cs; pushl $1f; iretl; inc %dx; 1: inc %cx", 0xcd7
 CASE "pushw $0x7ed5; pushw %cs; pushw $1f; iretw; inc %dx; 1: inc %cx"

#if PROT
 CASE "mov $0x13,%ax; mov $0x51,%dx; arpl %dx,%ax; setz %cl", 2
 CASE "mov $3,%dx; arpl %dx,(%si)"
.irp s, 0, 8, 0x10, 0x38, 0x48, 0x58, 0x60, 0x68, 0x70, 0x78, 0x80, 0x400
 CASE "mov $\s,%dx; lar %dx,%ax; lsl %dx,%cx; mov $0,%bx; setz %bl; lar %edx,%esi; lsl %edx,%edi", 2
 CASE "mov $\s,%dx; verr %dx; setz %al; verw %dx; setz %ah", 2
 CASE "mov $\s,%dx; mov %dx,%es"
 CASE "mov $\s,%dx; mov %dx,%ss; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "pushw $\s; popw %fs"
 CASE ".if \s - 0x70; ljmpl $\s,$1f; 1: inc %cx; ljmpl $SEL_CS,$2f; .endif; 2:"
.endr
 CASE "mov $0x48,%dx; mov %dx,%ss; mov $0xabcd7000,%esp; push %ax; pushl %edx; pop %cx; movzwl %sp,%esp; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "mov $0x48,%dx; mov %dx,%ss; mov $0xabcd7000,%esp; call 1f; 1: pushaw; popaw; enterw $8,$0; leave; mov %esp,%eax; movzwl %sp,%esp; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "mov $0x48,%dx; mov %dx,%ss; mov $0xabcd7000,%esp; enterl $8,$2; mov %esp,%eax; mov %ebp,%ecx; leavel; mov %esp,%ebx; movzwl %sp,%esp; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "mov $0x50,%dx; mov %dx,%ss; mov $STACK,%esp; movzwl %bp,%ebp; push %ax; pushl %edx; pop %cx; call 1f; 1: pushal; enterw $4,$1; leave; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "mov $0x50,%dx; mov %dx,%ss; mov $STACK,%esp; pushw $9; pushw $8; popw 2(%esp); popl %ecx; mov $SEL_SS,%dx; mov %dx,%ss"
 CASE "lcalll $0x80,$0; inc %cx"
 CASE "lcallw $0x80,$0; inc %cx"
 CASE "lcall $0x58,$0"
 CASE "lcall $0,$0"
 CASE "lcall $0x10,$0"
 CASE "movzwl %si,%esi; movzwl %di,%edi; ljmpl $SEL_OTHER,$other1; back1: inc %cx"
 CASE "lcalll $SEL_OTHER,$other2; inc %cx"
 CASE "movzwl %si,%esi; movzwl %di,%edi; lcallw $SEL_OTHER,$other3; inc %cx"
#else
 CASE "arpl %dx,%ax"
 CASE "lar %dx,%ax"
 CASE "verr %dx"
 CASE "sldt %ax"
 CASE "ljmpw $0x10,$1f-0x100; inc %dx; 1: inc %cx"
 CASE "lcallw $0x10,$1f-0x100; jmp 2f; 1: lretw; 2: inc %cx; movw %cs,%ax"
 CASE "movw $0x1234,%ax; movw %ax,%es; movw %es:(%di),%dx; movw %ax,%fs; movw %fs,%cx"
 CASE "mov $0xffff,%bx; mov (%bx),%al; mov $0xfffe,%bx; mov (%bx),%ax"
 CASE "mov $2,%sp; push %ax; push %bx; mov %sp,%cx; mov $STACK,%sp"
#endif

#if PROT
 jmp 1f
target:
 inc %dx
#if BITS == 16
 lretw
.code32
#else
 lretl
.code16
#endif
other1:
 pushw %ax
 pushl %ebx
 mov $0x1111,%dx
 mov (%si),%bx
 mov (%esi),%ecx
 stosw
 jcxz 2f
 loop 2f
2: ljmpl $SEL_CS,$back1
other2:
 call 3f
3: pop %ax
 enter $4,$0
 leave
 lretl
other3:
 pushaw
 popaw
 pushal
 popal
 movsw
 lretw
MODE
1:
#endif
